"""Peers that cannot be reached, or are not what they should be: proton's events, and never a dead thread."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, List

import pytest

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

Run = Callable[[Container], None]
Speak = Callable[[bytes], int]

FAILED = ["on_disconnected", "on_transport_error", "on_disconnected"]
#: Where the stream ended before the error was found.
BROKEN = ["on_transport_error", "on_disconnected", "on_disconnected"]


def connecting(trace_handler: Any, *args: Any, **kwargs: Any) -> Any:
    class Program(trace_handler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(*args, **{"reconnect": False, **kwargs})

    return Program()


def test_refused(run: Run, trace_handler: Any, refused_port: int) -> None:
    program = connecting(trace_handler, f"amqp://127.0.0.1:{refused_port}")
    run(Container(program))
    assert program.trace == FAILED
    condition = program.conditions[0]
    assert condition.name == "proton:io"
    assert f"127.0.0.1:{refused_port}" in condition.description and "refused" in condition.description


def test_refused_at_every_address_of_a_name(
    run: Run, trace_handler: Any, refused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", refused_port)) for n in (1, 2)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    program = connecting(trace_handler, f"amqp://many.test:{refused_port}")
    run(Container(program))
    description = program.conditions[0].description
    assert "many.test" in description and "127.0.0.1: " in description and "127.0.0.2: " in description


def test_second_address_answers(
    run: Run, trace_handler: Any, refused_port: int, speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = ("127.0.0.1", speak(b""))

    def look_up(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (("127.0.0.1", refused_port), good)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    program = connecting(trace_handler, "amqp://many.test")
    run(Container(program))
    assert "aborted" in program.conditions[0].description


def test_unresolvable(run: Run, trace_handler: Any) -> None:
    program = connecting(trace_handler, "amqp://no-such-host.invalid")
    run(Container(program))
    assert program.trace == FAILED
    assert program.conditions[0].name == "proton:io"
    assert "no-such-host.invalid" in program.conditions[0].description


def test_name_no_name_server_could_know(run: Run, trace_handler: Any) -> None:
    program = connecting(trace_handler, "amqp://" + "x" * 70 + ".invalid")
    run(Container(program))
    assert program.conditions[0].name == "proton:io"


def test_look_up_is_not_on_the_io_thread(run: Run, trace_handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def look_up(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        assert release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    class Program(trace_handler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.connect("amqp://slow.test", reconnect=False)
            event.container.schedule(0, self)

        def on_timer_task(self, event: Any) -> None:
            release.set()

    program = Program()
    run(Container(program))
    assert program.trace == FAILED


@pytest.mark.parametrize(
    "words, expected",
    [
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP"),
        (b"AMQP\x00\x00\x09\x01", "0-9-1"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS"),
    ],
)
def test_other_protocols(run: Run, trace_handler: Any, speak: Speak, words: bytes, expected: str) -> None:
    program = connecting(trace_handler, f"amqp://127.0.0.1:{speak(words)}")
    run(Container(program))
    assert program.trace == BROKEN
    assert program.conditions[0].name == "amqp:connection:framing-error"
    assert expected in program.conditions[0].description


@pytest.mark.parametrize("words", [b"", b"AMQP", b"AMQP\x03\x01\x00\x00", b"AMQP\x03\x01\x00\x00\x00\x00\x00"])
def test_peer_leaves_during_the_handshake(run: Run, trace_handler: Any, speak: Speak, words: bytes) -> None:
    program = connecting(trace_handler, f"amqp://127.0.0.1:{speak(words)}")
    run(Container(program))
    assert sorted(program.trace) == sorted(FAILED)
    assert "aborted" in program.conditions[0].description


def test_reset(run: Run, trace_handler: Any, listener: socket.socket) -> None:
    def serve() -> None:
        peer, _ = listener.accept()
        peer.recv(8)
        # To linger for no time sends a reset instead of an end of stream.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    program = connecting(trace_handler, "amqp://127.0.0.1:%d" % listener.getsockname()[1])
    run(Container(program))
    thread.join()
    assert program.conditions[0].name == "proton:io"
    assert str(listener.getsockname()[1]) in program.conditions[0].description


def test_silent_peer_is_dropped_by_the_heartbeat(run: Run, trace_handler: Any, listener: socket.socket) -> None:
    program = connecting(trace_handler, "amqp://127.0.0.1:%d" % listener.getsockname()[1], heartbeat=0.2)
    run(Container(program))
    assert program.trace == BROKEN
    assert program.conditions[0].name == "amqp:resource-limit-exceeded"


def test_silent_peer_without_a_heartbeat(
    run: Run, trace_handler: Any, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncproton.reactor.io.OPEN_TIMEOUT", 0.1)
    program = connecting(trace_handler, "amqp://127.0.0.1:%d" % listener.getsockname()[1])
    run(Container(program))
    assert program.conditions[0].name == "proton:io"
    assert "did not open" in program.conditions[0].description


def test_address_that_does_not_answer(
    run: Run, trace_handler: Any, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncproton.reactor.dialer.CONNECT_TIMEOUT", 0.1)
    # A connection attempt that never completes, as to a host that drops all packets.
    monkeypatch.setattr("syncproton.reactor.loop.Loop.watch", lambda self, fd, mask, watcher: None)
    program = connecting(trace_handler, "amqp://127.0.0.1:%d" % listener.getsockname()[1])
    run(Container(program))
    assert "no answer" in program.conditions[0].description


def test_closing_while_still_connecting_ends_the_container(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def look_up(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect("amqp://slow.test")
            event.container.schedule(0.01, self)

        def on_timer_task(self, event: Any) -> None:
            self.connection.close()

        def on_transport_error(self, event: Any) -> None:
            pass

    run(Container(Program()))
    release.set()


def test_closing_while_waiting_to_reconnect_ends_the_container(run: Run, refused_port: int) -> None:
    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(f"amqp://127.0.0.1:{refused_port}", reconnect=[0, 1000])

        def on_transport_error(self, event: Any) -> None:
            event.container.schedule(0.01, self)

        def on_timer_task(self, event: Any) -> None:
            self.connection.close()

    run(Container(Program()))


def test_one_failure_does_not_disturb_the_others(run: Run, refused_port: int) -> None:
    opened: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.acceptor = event.container.listen("127.0.0.1:0")
            event.container.connect(f"amqp://127.0.0.1:{refused_port}", reconnect=False)

        def on_transport_error(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{self.acceptor.port}")

        def on_connection_opened(self, event: Any) -> None:
            if event.connection is self.connection:
                opened.append(event)
                self.connection.close()
                self.acceptor.close()

    run(Container(Program()))
    assert len(opened) == 1


def test_a_connection_that_cannot_be_encoded_costs_only_itself(
    run: Run, trace_handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Program(trace_handler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            self.acceptor = event.container.listen("127.0.0.1:0")
            url = f"127.0.0.1:{self.acceptor.port}"
            self.bad = event.container.connect(url, reconnect=False)
            self.bad.properties = {"key": object()}

        def on_transport_error(self, event: Any) -> None:
            super().on_transport_error(event)
            if event.connection is self.bad:
                self.acceptor.close()

    program = Program()
    run(Container(program))
    assert "amqp:internal-error" in [condition.name for condition in program.conditions]
    assert "given up" in caplog.text
