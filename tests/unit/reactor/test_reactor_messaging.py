"""Messages between two containers by callbacks."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

from syncproton.engine import Delivery
from syncproton.handlers import MessagingHandler, Reject, Release
from syncproton.message import Message
from syncproton.reactor import AtMostOnce, Container

Run = Callable[[Container], None]


class Sink(MessagingHandler):
    """Listens, and takes what it is sent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bodies: List[Any] = []

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)


class Source(MessagingHandler):
    """Sends some messages and closes when all are settled."""

    def __init__(self, url: str, bodies: List[Any], options: Any = None) -> None:
        super().__init__()
        self.url = url
        self.left = list(bodies)
        self.options = options
        self.outcomes: Dict[str, int] = {}
        self.unsettled = len(bodies)

    def on_start(self, event: Any) -> None:
        self.sender = event.container.create_sender(self.url, options=self.options)

    def on_sendable(self, event: Any) -> None:
        while self.left and event.sender.credit:
            event.sender.send(Message(body=self.left.pop(0)))

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def on_accepted(self, event: Any) -> None:
        self.count("accepted")

    def on_rejected(self, event: Any) -> None:
        self.count("rejected")

    def on_released(self, event: Any) -> None:
        self.count("modified" if event.delivery.remote_state == Delivery.MODIFIED else "released")

    def on_settled(self, event: Any) -> None:
        self.unsettled -= 1
        if not self.unsettled:
            event.connection.close()


def serve(background: Callable[..., Container], handler: Any) -> str:
    acceptor = background(handler).listen("127.0.0.1:0")
    return f"amqp://127.0.0.1:{acceptor.port}/somewhere"


def test_at_least_once(run: Run, background: Callable[..., Container]) -> None:
    sink = Sink()
    source = Source(serve(background, sink), list(range(1000)))
    run(Container(source))
    assert source.outcomes == {"accepted": 1000}
    assert sink.bodies == list(range(1000))


def test_at_most_once(run: Run, background: Callable[..., Container]) -> None:
    class Counting(Sink):
        def on_message(self, event: Any) -> None:
            super().on_message(event)
            assert event.delivery.settled
            if len(self.bodies) == 500:
                event.connection.close()

    sink = Counting()
    source = Source(serve(background, sink), list(range(500)), AtMostOnce())
    run(Container(source))
    assert source.outcomes == {}
    assert sink.bodies == list(range(500))


def test_outcomes(run: Run, background: Callable[..., Container]) -> None:
    class Picky(Sink):
        def on_message(self, event: Any) -> None:
            error = {"reject": Reject, "release": Release}.get(event.message.body)
            if error is not None:
                raise error()

    source = Source(serve(background, Picky()), ["reject", "fine", "release"])
    run(Container(source))
    assert source.outcomes == {"rejected": 1, "accepted": 1, "modified": 1}


def test_answering_by_hand(run: Run, background: Callable[..., Container]) -> None:
    class Manual(Sink):
        def on_message(self, event: Any) -> None:
            body = event.message.body
            if body == "release":
                self.release(event.delivery, delivered=False)
            else:
                getattr(self, body)(event.delivery)

    source = Source(serve(background, Manual(auto_accept=False)), ["accept", "reject", "release"])
    run(Container(source))
    assert source.outcomes == {"accepted": 1, "rejected": 1, "released": 1}


def test_request_and_response(run: Run, background: Callable[..., Container]) -> None:
    class Server(MessagingHandler):
        def on_link_opening(self, event: Any) -> None:
            if event.link.is_sender:
                event.link.source.address = "made-up"
                self.replies = event.link
            else:
                event.link.target.address = event.link.remote_target.address

        def on_message(self, event: Any) -> None:
            assert event.message.reply_to == "made-up"
            self.replies.send(Message(body=event.message.body.upper(), correlation_id=event.message.id))

    answers: List[Any] = []

    class Client(MessagingHandler):
        def __init__(self, url: str) -> None:
            super().__init__()
            self.url = url

        def on_start(self, event: Any) -> None:
            self.sender = event.container.create_sender(self.url)
            self.receiver = event.container.create_receiver(self.sender.connection, None, dynamic=True)

        def on_link_opened(self, event: Any) -> None:
            if event.receiver is self.receiver:
                reply_to = self.receiver.remote_source.address
                self.sender.send(Message(body="hello", id=7, reply_to=reply_to))

        def on_message(self, event: Any) -> None:
            answers.append((event.message.body, event.message.correlation_id))
            event.connection.close()

    run(Container(Client(serve(background, Server()))))
    assert answers == [("HELLO", 7)]


def test_big_message(run: Run, background: Callable[..., Container]) -> None:
    sink = Sink()
    body = bytes(range(256)) * 20000
    source = Source(serve(background, sink), [body])
    run(Container(source))
    assert sink.bodies == [body]


def test_many_connections(run: Run, background: Callable[..., Container]) -> None:
    sink = Sink()
    url = serve(background, sink)

    class Crowd(MessagingHandler):
        def on_start(self, event: Any) -> None:
            for _ in range(50):
                event.container.create_sender(url)

        def on_sendable(self, event: Any) -> None:
            if not hasattr(event.sender, "used"):
                event.sender.used = True
                event.sender.send(Message(body="x"))

        def on_settled(self, event: Any) -> None:
            event.connection.close()

    run(Container(Crowd()))
    assert sink.bodies == ["x"] * 50


def test_handlers_of_connections_and_links_come_first(run: Run, background: Callable[..., Container]) -> None:
    url = serve(background, Sink())
    heard: List[str] = []

    class Named(MessagingHandler):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_connection_opened(self, event: Any) -> None:
            heard.append(f"{self.name} connection")

        def on_link_opened(self, event: Any) -> None:
            heard.append(f"{self.name} link")
            event.connection.close()

    class Program(Named):
        def on_start(self, event: Any) -> None:
            connection = event.container.connect(url, handler=Named("connection"))
            event.container.create_sender(connection, "x", handler=Named("link"))

    run(Container(Program("container")))
    assert heard == ["connection connection", "link link"]


def test_global_handler_gets_everything_last(run: Run, background: Callable[..., Container]) -> None:
    url = serve(background, Sink())
    heard: List[str] = []

    class Everything:
        def on_link_remote_open(self, event: Any) -> None:
            heard.append("global")

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.create_sender(url)

        def on_link_opened(self, event: Any) -> None:
            heard.append("program")
            event.connection.close()

    run(Container(Program(), global_handler=Everything()))
    assert heard == ["program", "global"]


def test_global_handler_can_be_replaced_in_a_subclass() -> None:
    class Own(Container):
        @property
        def global_handler(self) -> Any:
            return super().global_handler

        @global_handler.setter
        def global_handler(self, handler: Any) -> None:
            Container.global_handler.fset(self, handler)  # type: ignore[attr-defined]

    container = Own()
    handler = object()
    container.global_handler = handler
    assert container.global_handler.handlers == [handler]
    container.global_handler.add(MessagingHandler())
    assert len(container.global_handler.handlers) == 2


@pytest.mark.parametrize("io_thread", [True, False])
def test_both_ends_in_one_container(run: Run, io_thread: bool) -> None:
    class Both(Sink):
        def on_start(self, event: Any) -> None:
            self.acceptor = event.container.listen("127.0.0.1:0")
            self.sender = event.container.create_sender(f"127.0.0.1:{self.acceptor.port}/x")

        def on_sendable(self, event: Any) -> None:
            if event.sender is self.sender and not self.sender.unsettled:
                self.sender.send(Message(body="round"))

        def on_settled(self, event: Any) -> None:
            if event.link is self.sender:
                self.acceptor.close()
                self.sender.connection.close()

    program = Both()
    run(Container(program, io_thread=io_thread))
    assert program.bodies == ["round"]
