"""Every example runs, and does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from syncproton.broker import Broker

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Launch = Callable[..., Any]


@pytest.fixture
def example(launch: Launch) -> Launch:
    return lambda name, *arguments: launch(str(EXAMPLES / f"{name}.py"), *arguments)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.mark.parametrize("name", ["helloworld", "helloworld_blocking"])
def test_hello_world(broker: Broker, example: Launch, name: str) -> None:
    assert example(name, broker.url).finish() == ["Hello World!"]
    assert not any(broker.depths().values())


def test_simple_send_and_recv(broker: Broker, example: Launch) -> None:
    url = broker.url + "/examples"
    assert example("simple_send", url, "--messages", "20").finish() == ["20 messages were accepted"]
    assert example("simple_recv", url, "--messages", "20").finish() == [
        str({"sequence": number}) for number in range(1, 21)]


def test_direct_recv(example: Launch) -> None:
    receiver = example("direct_recv", "amqp://127.0.0.1:0", "--messages", "20")
    port = receiver.line().split()[-1]
    sender = example("simple_send", f"amqp://127.0.0.1:{port}/examples", "--messages", "20")
    assert sender.finish() == ["20 messages were accepted"]
    assert len(receiver.finish()) == 20


def test_direct_send(example: Launch) -> None:
    sender = example("direct_send", "amqp://127.0.0.1:0", "--messages", "20")
    port = sender.line().split()[-1]
    receiver = example("simple_recv", f"amqp://127.0.0.1:{port}/examples", "--messages", "20")
    assert len(receiver.finish()) == 20
    assert sender.finish() == ["20 messages were accepted"]


def test_server_and_client(broker: Broker, example: Launch) -> None:
    server = example("server", broker.url)
    assert server.line() == "waiting for requests"
    assert example("client", broker.url, "examples", "one", "two").finish() == ["one => ONE", "two => TWO"]
    assert [server.line(), server.line()] == ["request: one", "request: two"]


def test_no_example_is_left_out() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.stem}"' in text, f"{path.name} is not run by any test"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_says_how_to_run_it(path: Path, launch: Launch) -> None:
    assert f"python {path.name}" in path.read_text(encoding="utf-8").split('"""')[1]
    assert launch(str(path), "--help").finish()[0].startswith("usage:")
