"""Connections that are over leave nothing behind in a container that goes on."""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any, Callable, Dict, List, Tuple

import pytest

from syncproton.engine import Connection, Transport
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Container

COUNT = 20
PYPY = sys.implementation.name == "pypy"


class Server(MessagingHandler):
    """Lets senders in, and talks back on a link of its own."""

    def on_link_opening(self, event: Any) -> None:
        event.link.target.copy(event.link.remote_target)
        if event.link.is_receiver:
            event.container.create_sender(event.connection, "back")


class Client(MessagingHandler):
    def __init__(self) -> None:
        super().__init__()
        self.done = 0
        self.finished = threading.Event()

    def on_sendable(self, event: Any) -> None:
        if not event.sender.unsettled:
            event.sender.send(Message(body="x"))

    def on_settled(self, event: Any) -> None:
        event.connection.close()

    def on_transport_closed(self, event: Any) -> None:
        self.done += 1
        if self.done == COUNT:
            self.finished.set()

    def on_transport_error(self, event: Any) -> None:
        pass


def left() -> Tuple[int, int]:
    """How many connections and transports there are."""
    for _ in range(8 if PYPY else 1):  # PyPy finds more each time
        gc.collect()
    kinds = [type(each) for each in gc.get_objects()]
    return kinds.count(Connection), kinds.count(Transport)


def renew(emptied: Dict[Any, Any]) -> None:
    """Have a dictionary let go of what was taken out of it: PyPy's may keep some until others take its place."""
    assert not emptied
    emptied[object()] = None
    emptied.clear()


@pytest.mark.parametrize("good", [True, False])
def test_nothing_is_left(background: Callable[..., Container], refused_port: int, good: bool) -> None:
    client = Client()
    server = background(Server())
    container = background(client)
    port = server.listen("127.0.0.1:0").port if good else refused_port
    before = left()
    for _ in range(COUNT):
        container.submit(
            lambda: container.create_sender(container.connect(f"127.0.0.1:{port}", reconnect=False), "x")
        ).result(10)
    assert client.finished.wait(20)
    containers: List[Any] = [container, server]
    for each in containers:
        # Those that end together are tidied up a turn later.
        each.submit(lambda: None).result(10)
        for _ in range(200):
            if not each.submit(lambda: each._channels or each._active).result(10):
                break
        assert not each._connectors and not each._policies and not each._coordinators
        if PYPY:
            for emptied in (each._connectors, each._policies, each._coordinators._known):
                each.submit(renew, emptied).result(10)
    assert all(now - earlier <= 2 for now, earlier in zip(left(), before))
