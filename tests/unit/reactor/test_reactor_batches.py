"""Many events at a time: what they led to is written before all of them are dispatched."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import Any, Callable, List

import pytest

from syncproton import Message, symbol
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, EventInjector

MESSAGES = 500
LIMIT = 10.0


class Source(MessagingHandler):
    """Sends all of its messages at once, and takes down what becomes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.order: List[str] = []
        self.told = threading.Event()
        self.left = threading.Event()

    def on_sendable(self, event: Any) -> None:
        while self.sent < MESSAGES:
            event.sender.send(Message(id=self.sent))
            self.sent += 1

    def on_accepted(self, event: Any) -> None:
        self.order.append("outcome")
        self.told.set()

    on_released = on_accepted

    def on_link_closing(self, event: Any) -> None:
        self.order.append("detach")

    def on_connection_closing(self, event: Any) -> None:
        self.left.set()


class Sink(MessagingHandler):
    """In its last message but a hundred it waits for the source to hear of the first."""

    def __init__(self, source: Source) -> None:
        super().__init__(prefetch=MESSAGES)
        self.source = source
        self.in_time = False
        self.received = 0
        self.done = threading.Event()

    def on_message(self, event: Any) -> None:
        self.received += 1
        if self.received == MESSAGES - 100:
            self.in_time = self.source.told.wait(LIMIT)
        if self.received == MESSAGES:
            self.done.set()


def test_the_peer_hears_of_the_first_messages_before_the_last_are_handled(
    background: Callable[..., Container],
) -> None:
    source = Source()
    acceptor = background(source).acceptor("127.0.0.1", 0)
    sink = Sink(source)
    container = background(sink)
    container.create_receiver(container.connect(f"127.0.0.1:{acceptor.port}"), "q")
    assert sink.done.wait(LIMIT)
    assert sink.in_time


class Counter:
    """Counts events that are about no connection."""

    def __init__(self, wanted: int) -> None:
        self.left = wanted
        self.done = threading.Event()

    def on_counted(self, event: Any) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


def test_events_of_no_connection_come_by_the_thousand_too(background: Callable[..., Container]) -> None:
    counter = Counter(3000)
    container = background(counter)
    injector = EventInjector()
    container.selectable(injector)

    def trigger() -> None:
        for _ in range(3000):
            injector.trigger(ApplicationEvent("counted"))

    container.submit(trigger).result(LIMIT)
    assert counter.done.wait(LIMIT)


class Leaver(MessagingHandler):
    """In its fiftieth message it closes the link, the session or the connection."""

    def __init__(self, what: str) -> None:
        super().__init__(prefetch=MESSAGES)
        self.what = what
        self.received = 0

    def on_message(self, event: Any) -> None:
        self.received += 1
        if self.received == 50:
            getattr(event, self.what).close()

    def on_session_closed(self, event: Any) -> None:
        event.connection.close()

    on_link_closed = on_session_closed


@pytest.mark.parametrize("what", ["receiver", "session", "connection"])
def test_what_is_closed_amid_many_messages_is_left_after_the_last_of_them(
    background: Callable[..., Container], what: str,
) -> None:
    source = Source()
    acceptor = background(source).acceptor("127.0.0.1", 0)
    sink = Leaver(what)
    container = background(sink)
    container.create_receiver(container.connect(f"127.0.0.1:{acceptor.port}"), "q")
    assert source.left.wait(LIMIT)
    assert source.order == ["outcome"] * MESSAGES + ["detach"] * (what == "receiver")
    assert sink.received == (50 if what == "receiver" else MESSAGES)


class Namer(MessagingHandler):
    """Opens many links in each of its first messages, and says something of each when it hears that it was opened."""

    def __init__(self) -> None:
        super().__init__(prefetch=MESSAGES)
        self.opened = 0

    def on_message(self, event: Any) -> None:
        if self.opened < MESSAGES:
            self.opened += 1
            event.container.create_sender(event.connection, "q", name=str(self.opened))

    def on_link_local_open(self, event: Any) -> None:
        event.link.properties = {symbol("number"): event.link.name}


class Reader(Source):
    """Takes down what the peer says of its links, but for the first."""

    def __init__(self) -> None:
        super().__init__()
        self.read: List[Any] = []
        self.done = threading.Event()

    def on_link_opening(self, event: Any) -> None:
        if event.link.is_receiver:
            self.read.append(event.link.remote_properties)
            if len(self.read) == MESSAGES:
                self.done.set()


def test_links_opened_amid_many_messages_are_told_of_here_before_the_peer_hears(
    background: Callable[..., Container],
) -> None:
    peer = Reader()
    acceptor = background(peer).acceptor("127.0.0.1", 0)
    container = background(Namer())
    container.create_receiver(container.connect(f"127.0.0.1:{acceptor.port}"), "q")
    assert peer.done.wait(LIMIT)
    assert None not in peer.read


class Watcher:
    """Counts how often a descriptor was found ready."""

    def __init__(self) -> None:
        self.count = 0

    def on_ready(self, mask: int) -> None:
        self.count += 1


def test_nothing_is_read_while_very_many_events_wait() -> None:
    """Or a peer that makes events faster than they are handled would fill the memory."""
    container = Container(io_thread=False)
    container.start()
    watcher = Watcher()
    near, far = socket.socketpair()
    with near, far:
        far.send(b"x")
        container.loop.watch(near.fileno(), selectors.EVENT_READ, watcher)
        for _ in range(25000):
            container.push_event(ApplicationEvent("counted"))
        looks = []
        while not container.quiesced:
            container.process()
            looks.append(watcher.count)
        container.stop()
        while container.process():
            pass
    assert looks == [0, 1, 1]
