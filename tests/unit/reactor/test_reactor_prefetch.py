"""A handler's prefetch: the window of credit is kept whole, however small it is."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest

from syncproton import Message
from syncproton.handlers import MessagingHandler, Reject
from syncproton.reactor import Container

Run = Callable[[Container], None]
COUNT = 25


class Source(MessagingHandler):
    """Sends its messages as credit comes, and closes once all are settled and the window is whole again."""

    def __init__(self, window: int, at_once: int = COUNT) -> None:
        super().__init__()
        self.acceptor: Any = None
        self.window = window
        self.at_once = at_once
        self.sent = self.settled = 0
        self.credits: List[int] = []

    def on_link_opening(self, event: Any) -> None:
        self.acceptor.close()

    def on_sendable(self, event: Any) -> None:
        self.credits.append(event.sender.credit)
        for _ in range(min(event.sender.credit, self.at_once, COUNT - self.sent)):
            event.sender.send(Message(id=self.sent))
            self.sent += 1
        self.finish(event)

    def on_settled(self, event: Any) -> None:
        self.settled += 1
        self.finish(event)

    def finish(self, event: Any) -> None:
        if self.settled == COUNT and event.sender.credit == self.window:
            event.connection.close()


class Sink(MessagingHandler):
    def __init__(self, source: Source, **options: Any) -> None:
        super().__init__(prefetch=source.window, **options)
        self.source = source
        self.received: List[int] = []
        self.credits: List[int] = []
        self.kept: List[Any] = []

    def on_message(self, event: Any) -> None:
        self.received.append(event.message.id)
        self.credits.append(event.receiver.credit)


def exchange(run: Run, source: Source, sink: Sink) -> Any:
    """Run a container that holds both ends until they have closed; return the receiver."""
    container = Container()
    source.acceptor = container.acceptor("127.0.0.1", 0, source)
    connection = container.connect(f"127.0.0.1:{source.acceptor.port}", handler=sink)
    receiver = container.create_receiver(connection, "q")
    run(container)
    return receiver


@pytest.mark.parametrize("window", [1, 2, 10])
def test_every_message_comes_and_the_window_is_whole_afterwards(run: Run, window: int) -> None:
    source = Source(window)
    sink = Sink(source)
    exchange(run, source, sink)
    assert sink.received == list(range(COUNT))
    assert max(source.credits) == window and source.credits[-1] == window


@pytest.mark.parametrize("window", [1, 2, 10])
def test_credit_comes_back_before_the_next_message_is_there(run: Run, window: int) -> None:
    source = Source(window, at_once=1)
    sink = Sink(source)
    exchange(run, source, sink)
    assert sink.received == list(range(COUNT))
    # The callback sees the credit as in proton: without its own message, and not yet given again.
    assert sink.credits == [window - 1] * COUNT


def test_a_rejected_message_gives_its_credit_back_too(run: Run) -> None:
    class Refusing(Sink):
        def on_message(self, event: Any) -> None:
            super().on_message(event)
            raise Reject("no")

    source = Source(1)
    sink = Refusing(source)
    exchange(run, source, sink)
    assert sink.received == list(range(COUNT))


def test_a_message_not_answered_yet_leaves_its_place_to_the_next(run: Run) -> None:
    class Hoarding(Sink):
        def on_message(self, event: Any) -> None:
            super().on_message(event)
            self.kept.append(event.delivery)
            if len(self.kept) == COUNT:
                for delivery in self.kept:
                    self.accept(delivery)

    source = Source(1)
    sink = Hoarding(source, auto_accept=False)
    exchange(run, source, sink)
    assert sink.received == list(range(COUNT))


def test_a_receiver_closed_by_its_callback_gets_no_more_credit(run: Run) -> None:
    class Closing(Sink):
        def on_message(self, event: Any) -> None:
            super().on_message(event)
            event.receiver.close()
            event.connection.close()

    source = Source(2)
    sink = Closing(source)
    receiver = exchange(run, source, sink)
    assert sink.received == [0] and receiver.credit < 2


def test_a_receiver_that_its_callback_drains_is_left_alone(run: Run) -> None:
    class Draining(Sink):
        def on_message(self, event: Any) -> None:
            super().on_message(event)
            if len(self.received) == 3:
                event.receiver.drain(0)

        def on_link_flow(self, event: Any) -> None:
            if event.receiver is not None and not event.receiver.credit:
                event.connection.close()

    class Five(Source):
        def on_link_flow(self, event: Any) -> None:
            if event.sender is not None and self.sent == 5:
                event.sender.drained()

        def on_sendable(self, event: Any) -> None:
            while event.sender.credit and self.sent < 5:
                event.sender.send(Message(id=self.sent))
                self.sent += 1

    source = Five(10)
    sink = Draining(source)
    receiver = exchange(run, source, sink)
    assert sink.received == list(range(5)) and receiver.credit == 0
