"""Many events at a time: what they led to is written before all of them are dispatched."""

from __future__ import annotations

import threading
from typing import Any, Callable

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, EventInjector

MESSAGES = 500
LIMIT = 10.0


class Source(MessagingHandler):
    """Sends all of its messages at once, and takes down when it is told of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def on_sendable(self, event: Any) -> None:
        for number in range(MESSAGES if not event.link.unsettled else 0):
            event.sender.send(Message(id=number))

    def on_settled(self, event: Any) -> None:
        self.told.set()


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
