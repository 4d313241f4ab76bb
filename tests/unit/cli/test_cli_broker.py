"""``python -m syncproton broker``."""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any, Callable

import pytest

from syncproton.broker import Broker

Launch = Callable[..., Any]


@pytest.fixture
def listening(launch: Launch) -> Any:
    program = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0")
    program.url = program.line().split()[-1]
    return program


def test_it_says_where_it_listens(launch: Launch) -> None:
    program = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0")
    start, _, url = program.line().rpartition(" ")
    assert start == "listening on" and url.startswith("amqp://127.0.0.1:")


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process at once there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(listening: Any, number: signal.Signals) -> None:
    listening.process.send_signal(number)
    assert listening.finish() == []
    assert "for demos and tests" in listening.errors


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process at once there")
def test_a_signal_ends_it_with_a_connection_open(listening: Any) -> None:
    host, _, port = listening.url[len("amqp://"):].rpartition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(b"AMQP\0\1\0\0")
        assert connection.recv(8) == b"AMQP\0\1\0\0"
        listening.process.send_signal(signal.SIGTERM)
        assert listening.finish() == []


@pytest.mark.parametrize("url", ["http://127.0.0.1", "amqp://127.0.0.1:port", "amqp://127.0.0.1:99999"])
def test_a_bad_url(launch: Launch, url: str) -> None:
    program = launch("-m", "syncproton", "broker", "--listen", url)
    assert program.finish(status=2) == []
    assert "--listen" in program.errors and "Traceback" not in program.errors


def test_a_port_in_use(launch: Launch) -> None:
    with Broker("amqp://127.0.0.1:0") as broker:
        program = launch("-m", "syncproton", "broker", "--listen", broker.url)
        assert program.finish(status=1) == []
        assert "in use" in program.errors and "Traceback" not in program.errors


def test_messages_go_through_it(listening: Any, launch: Launch) -> None:
    url = listening.url + "/q"
    for body in ("first", "zweite Nachricht: äöü"):
        assert launch("-m", "syncproton", "send", url, body).finish() == []
    assert launch("-m", "syncproton", "receive", url).finish() == ["first"]
    assert launch("-m", "syncproton", "receive", url).finish() == ["zweite Nachricht: äöü"]


def test_the_depth_of_a_queue_can_be_limited(launch: Launch) -> None:
    broker = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0", "--queue-depth", "1")
    url = broker.line().split()[-1] + "/q"
    assert launch("-m", "syncproton", "send", url, "fits").finish() == []
    program = launch("-m", "syncproton", "send", url, "does not")
    program.finish(status=1)
    assert "Traceback" not in program.errors and "is full" in program.errors
