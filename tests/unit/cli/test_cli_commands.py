"""``python -m syncproton`` and its small commands."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from syncproton import __version__
from syncproton.broker import Broker
from syncproton.cli import main

Launch = Callable[..., Any]


def test_the_demo_sends_and_receives_both_ways(launch: Launch) -> None:
    printed = launch("-m", "syncproton", "demo").finish()
    assert "for demos and tests" in printed[0]
    assert printed[1:] == [
        "sent:     Hello by callbacks!",
        "received: Hello by callbacks!",
        "sent:     Hello by blocking calls!",
        "received: Hello by blocking calls!",
    ]


def test_the_version(launch: Launch) -> None:
    assert launch("-m", "syncproton", "--version").finish() == [f"syncproton {__version__}"]


@pytest.mark.parametrize("arguments", [
    [],
    ["nonsense"],
    ["demo", "--nonsense"],
    ["send"],
    ["send", "amqp://127.0.0.1", "body"],
    ["send", "http://127.0.0.1/q", "body"],
    ["receive", "amqp://127.0.0.1/q", "--timeout", "soon"],
    ["receive", "amqp://127.0.0.1/q", "--timeout", "-1"],
    ["receive", "amqp://127.0.0.1/q", "--timeout", "nan"],
    ["broker", "--queue-depth", "0"],
    ["broker", "--memory", "much"],
])
def test_arguments_that_make_no_sense(arguments: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["broker", "demo", "send", "receive"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert command in capsys.readouterr().out


def test_send_and_receive(capsys: pytest.CaptureFixture[str]) -> None:
    with Broker("amqp://127.0.0.1:0") as broker:
        assert main(["send", f"{broker.url}/q", "hello"]) == 0
        assert main(["receive", f"{broker.url}/q"]) == 0
        assert capsys.readouterr().out == "hello\n"
        assert broker.depths() == {}


def test_nothing_to_receive(capsys: pytest.CaptureFixture[str]) -> None:
    with Broker("amqp://127.0.0.1:0") as broker:
        assert main(["receive", f"{broker.url}/q", "--timeout", "0.1"]) == 1
    assert capsys.readouterr().err.startswith("syncproton receive: ")


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with Broker("amqp://127.0.0.1:0") as broker:
        url = broker.url
    assert main(["send", f"{url}/q", "hello", "--timeout", "1"]) == 1
    assert capsys.readouterr().err.startswith("syncproton send: ")
