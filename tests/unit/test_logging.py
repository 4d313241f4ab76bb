"""What is logged when: connections that come and go, refusals, attempts; no secrets, and nothing on its own accord."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List

import pytest

import syncproton
from syncproton import Message
from syncproton.broker import Broker, Limits
from syncproton.engine import Condition
from syncproton.reactor import Selector
from syncproton.reactor.io import shown

ROOT = Path(__file__).resolve().parents[2]

PASSWORD = "s3cr3t"

#: Talks to a broker at DEBUG with everything on, and prints all that is said of it on standard error.
PROGRAM = """
import logging, sys, syncproton
if sys.argv[2:]:
    logging.basicConfig(level=int(sys.argv[2]))
with syncproton.connect(sys.argv[1], allowed_mechs="PLAIN") as connection:
    connection.create_sender("q").send(syncproton.Message(body="hello"))
"""

#: A handler that raises ends a container in the background.
ODD_HANDLER = """
import syncproton.reactor, syncproton.handlers
class Odd(syncproton.handlers.MessagingHandler):
    def on_start(self, event):
        raise ValueError("odd")
container = syncproton.reactor.Container(Odd())
container.start_background()
print(container.wait_ended(20))
"""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=1)) as it:
        yield it


@pytest.fixture
def refused_url() -> Iterator[str]:
    """Where nobody listens, with a password."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"amqp://joe:{PASSWORD}@127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "syncproton")
    return caplog


def lines(log: pytest.LogCaptureFixture, name: str) -> List[str]:
    """What was logged under a name, with its level."""
    return [f"{each.levelname} {each.getMessage()}" for each in log.records if each.name == f"syncproton.{name}"]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PN_")}
    surroundings.update(environment, PYTHONPATH=str(ROOT))
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=50, env=surroundings)


def test_a_connection_is_logged_from_its_beginning_to_its_end(log: pytest.LogCaptureFixture) -> None:
    with Broker("amqp://127.0.0.1:0") as broker:
        where = broker.url[len("amqp://"):]
        syncproton.connect(broker.url.replace("//", f"//joe:{PASSWORD}@")).close()
    listening, connected, closed = lines(log, "reactor")
    assert listening == f"INFO listening at {where}"
    assert connected.startswith(f"INFO connected to {where}, container '")
    assert closed == f"INFO the connection with {where} is closed"
    came, went = lines(log, "broker")
    assert came.startswith("INFO container '") and came.endswith("' has connected")
    assert went.startswith("INFO container '") and went.endswith("' has gone")
    assert PASSWORD not in log.text


def test_attempts_are_logged_with_the_reason_and_the_delay(log: pytest.LogCaptureFixture, refused_url: str) -> None:
    with pytest.raises(syncproton.ConnectionException):
        syncproton.connect(refused_url, urls=None)
    with pytest.raises(syncproton.ConnectionException):
        syncproton.connect(urls=[refused_url, refused_url])
    where = refused_url.split("@")[1]
    [once, first, second] = lines(log, "reactor")
    refused = f"INFO could not connect to {where}: cannot connect to {where}: Connection refused"
    assert once == second == refused
    assert first == f"{refused}; trying {where} at once"
    assert PASSWORD not in log.text


def test_a_lost_connection_is_logged_and_what_is_done_about_it(log: pytest.LogCaptureFixture) -> None:
    broker = Broker("amqp://127.0.0.1:0")
    with broker:
        where = broker.url[len("amqp://"):]
        connection = syncproton.connect(broker.url, reconnect=[0.01] * 1000)
        broker.close()
        broker.start()
        connection.create_sender("q").send(Message(body="again"))
        connection.close()
    told = lines(log, "reactor")
    lost = f"INFO disconnected from {where}: amqp:connection:forced: the broker has been stopped"
    assert f"{lost}; trying {where} in 0.01 seconds" in told
    assert len([line for line in told if line.startswith(f"INFO connected to {where}")]) == 2


def test_the_server_logs_why_a_connection_ended(log: pytest.LogCaptureFixture, broker: Broker) -> None:
    port = int(broker.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(20)
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while sock.recv(1000):
            pass
        mine = "%s:%d" % sock.getsockname()
    syncproton.connect(broker.url).close()  # By now it has put the other one away.
    [ended] = [line for line in lines(log, "reactor") if "has ended" in line]
    assert ended.startswith(f"INFO the connection from {mine} has ended: amqp:connection:framing-error: ")


def test_refusals_are_logged_on_both_sides(log: pytest.LogCaptureFixture, broker: Broker) -> None:
    with syncproton.connect(broker.url) as connection:
        with pytest.raises(syncproton.LinkException):
            connection.create_receiver("q", options=Selector("5 +"))
        sender = connection.create_sender("q")
        sender.send(Message(body="fits"))
        log.set_level(logging.DEBUG, "syncproton.broker")
        with pytest.raises(syncproton.ProtonException, match="is full"):
            sender.send(Message(body="does not"))
    told = lines(log, "broker")
    assert any(
        line.startswith("INFO link '") and "is refused: " in line and "a value is needed here" in line for line in told
    )
    assert "DEBUG a message is rejected: the queue 'q' is full" in told
    [detached] = lines(log, "sync")
    assert detached.startswith(f"INFO {broker.url}: receiver ") and "a value is needed here" in detached


@pytest.mark.parametrize("condition, text", [
    (None, "no reason was given"),
    (Condition("amqp:not-found"), "amqp:not-found"),
    (Condition("proton:io", "reset"), "reset"),
    (Condition("a:b", "two\nlines \x1b[31m\u202e, é"), r"a:b: two\nlines \x1b[31m\u202e, é"),
])
def test_a_reason_is_on_one_line_whatever_a_peer_writes(condition: Any, text: str) -> None:
    assert shown(condition) == text


def test_everything_on_shows_frames_and_no_password(broker: Broker) -> None:
    url = broker.url.replace("//", f"//joe:{PASSWORD}@")
    result = run("-c", PROGRAM, url, "1", PN_LOG="all", PN_TRACE_FRM="1")
    # This broker lets everybody in, but takes no passwords: the client says so.
    assert "the server offers ANONYMOUS, we allow PLAIN" in result.stderr
    assert "FRAME:0 <- @sasl-mechanisms(64)" in result.stderr
    assert PASSWORD not in result.stderr + result.stdout
    result = run("-c", PROGRAM.replace(', allowed_mechs="PLAIN"', ""), url, str(logging.DEBUG))
    assert result.returncode == 0
    assert "DEBUG:syncproton.frames:[0x" in result.stderr and "-> @transfer(20) [" in result.stderr
    assert PASSWORD not in result.stderr


def test_nothing_is_printed_unasked(broker: Broker, refused_url: str) -> None:
    result = run("-c", PROGRAM.replace(', allowed_mechs="PLAIN"', ""), broker.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert [type(handler) for handler in logging.getLogger("syncproton").handlers][:1] == [logging.NullHandler]
    quiet = (
        "import sys; from syncproton.handlers import MessagingHandler; from syncproton.reactor import Container\n"
        "class H(MessagingHandler):\n"
        "    def on_start(self, event): event.container.connect(sys.argv[1], reconnect=False)\n"
        "Container(H()).run()"
    )
    assert run("-c", quiet, refused_url).stderr == ""


def test_a_container_that_dies_in_the_background_is_not_passed_over_in_silence() -> None:
    result = run("-c", ODD_HANDLER)
    assert result.stdout == "True\n" and result.stderr.count("ValueError: odd") == 1
    logged = run("-c", "import logging; logging.basicConfig()\n" + ODD_HANDLER)
    assert logged.stderr.count("ValueError: odd") == 1 and "ERROR:syncproton.reactor:" in logged.stderr
