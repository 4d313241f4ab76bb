"""Running containers in tests without ever hanging."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, Iterator, List, Type

import pytest
from scripted_coordinator import ScriptedCoordinator
from transaction_client import Client

from syncproton.engine import Condition
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

LIMIT = 10.0


@pytest.fixture
def run() -> Callable[[Container], None]:
    """Run a container to its end; fail if that takes too long."""

    def run_it(container: Container, limit: float = LIMIT) -> None:
        late: List[bool] = []
        guard = threading.Timer(limit, lambda: (late.append(True), container.stop()))
        guard.start()
        try:
            container.run()
        finally:
            guard.cancel()
        assert not late, f"the container was still running after {limit} seconds"

    return run_it


@pytest.fixture
def background() -> Iterator[Callable[..., Container]]:
    """Make containers that run in the background and are closed after the test."""
    containers: List[Container] = []

    def make(*handlers: Any, **kwargs: Any) -> Container:
        container = Container(*handlers, **kwargs)
        containers.append(container)
        container.start_background()
        return container

    yield make
    for container in containers:
        container.close()


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port of this machine that refuses connections: bound, and nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A bare listening socket."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(5)
        sock.settimeout(LIMIT)
        yield sock


@pytest.fixture
def speak(listener: socket.socket) -> Iterator[Callable[[bytes], int]]:
    """Have one peer that comes in told some bytes, then the end of the stream.  Returns the port."""
    threads: List[threading.Thread] = []

    def start(words: bytes) -> int:
        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(8)
                peer.sendall(words)
                peer.shutdown(socket.SHUT_WR)
                # To leave with something unread would be a reset.
                while peer.recv(4096):
                    pass

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    for thread in threads:
        thread.join()


class Trace(MessagingHandler):
    """Writes down the callbacks it gets, with the conditions of errors."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trace: List[str] = []
        self.conditions: List[Condition] = []

    def on_unhandled(self, method: str, *args: Any) -> None:
        if method.split("_")[1] not in ("reactor", "selectable", "transport", "delivery") and "local" not in method:
            if "remote" not in method and "_init" not in method and "bound" not in method and "flow" not in method:
                self.trace.append(method)

    def on_transport_error(self, event: Any) -> None:
        self.trace.append("on_transport_error")
        self.conditions.append(event.transport.condition)

    def on_connection_error(self, event: Any) -> None:
        self.trace.append("on_connection_error")
        self.conditions.append(event.connection.remote_condition)

    def on_session_error(self, event: Any) -> None:
        self.trace.append("on_session_error")
        self.conditions.append(event.session.remote_condition)
        event.connection.close()

    def on_link_error(self, event: Any) -> None:
        self.trace.append("on_link_error")
        self.conditions.append(event.link.remote_condition)
        event.connection.close()

    def on_connection_closed(self, event: Any) -> None:
        self.trace.append("on_connection_closed")

    def on_disconnected(self, event: Any) -> None:
        self.trace.append("on_disconnected")


@pytest.fixture
def trace_handler() -> type:
    """The class :class:`Trace`."""
    return Trace


@pytest.fixture
def client(background: Callable[..., Container]) -> Callable[..., Client]:
    """Makes clients of such peers, each with a container of its own in the background."""

    def make(peer: ScriptedCoordinator, kind: Type[Client] = Client, **options: Any) -> Client:
        return kind(background(), peer, **options)

    return make
