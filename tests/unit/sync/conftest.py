"""An in-memory broker, a peer that does what a test says, and threads that wait on the calls under test."""

from __future__ import annotations

import queue
import socket
import threading
from concurrent.futures import Future
from typing import Any, Callable, Dict, Iterator, List

import pytest

from syncproton.broker import Broker
from syncproton.engine import Condition, Delivery
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Container
from syncproton.sync import Connection, connect

TIMEOUT = 20.0  # seconds; far more than anything here takes


class Peer(MessagingHandler):
    """Listens; tells what it sees by queues; does what it is told, on its own thread.

    ``on_attach``, ``on_transfer`` and ``on_credit`` may be replaced; they run on the peer's thread.
    """

    def __init__(self) -> None:
        super().__init__(prefetch=0, auto_accept=False)
        self.container = Container(self)
        self.connections: "queue.Queue[Any]" = queue.Queue()
        self.links: "queue.Queue[Any]" = queue.Queue()
        self.transfers: "queue.Queue[Any]" = queue.Queue()
        self.credits: "queue.Queue[Any]" = queue.Queue()
        self.outcomes: "queue.Queue[Any]" = queue.Queue()
        self.credit = 10
        self.answers_open = True
        self.answers_close = True
        self.on_attach: Callable[[Any], None] = self.accept_link
        self.on_transfer: Callable[[Any], None] = self.accept_transfer
        self.on_credit: Callable[[Any], None] = lambda link: None

    # --- on the test's thread

    def start(self) -> None:
        self.container.start_background()
        acceptor = self.container.submit(self.container.listen, "127.0.0.1:0").result(TIMEOUT)
        self.url = f"amqp://127.0.0.1:{acceptor.port}"

    def do(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function on the peer's thread."""
        return self.container.submit(function, *args).result(TIMEOUT)

    def close_with(self, endpoint: Any, condition: Any = None) -> None:
        """Close an endpoint, with an error condition if given."""
        def close() -> None:
            if condition is not None:
                endpoint.condition = Condition(condition, "by the peer")
            endpoint.close()

        self.do(close)

    def hold_links(self) -> None:
        """From now on answer connections and sessions, and leave links to the test."""
        self.handlers = []
        self.__dict__.update(
            on_connection_remote_close=lambda event: event.connection.close(),
            on_session_remote_open=lambda event: event.session.open(),
            on_link_remote_open=lambda event: self.links.put(event.link),
        )

    def detach(self, link: Any) -> None:
        self.do(link.detach)

    def cut(self, connection: Any) -> None:
        """Close the socket without a word of AMQP."""
        def cut() -> None:
            transport = connection.transport
            transport.close_head()
            transport.close_tail()

        self.do(cut)

    def give(self, link: Any, *messages: Any, settled: bool = False) -> List[Any]:
        """Send messages on a link, whose receiver has given credit."""
        def give() -> List[Any]:
            deliveries = []
            for message in messages:
                if isinstance(message, bytes):
                    delivery = link.delivery(link.delivery_tag())
                    link.stream(message)
                    link.advance()
                else:
                    delivery = Message(body=message).send(link)
                if settled:
                    delivery.settle()
                deliveries.append(delivery)
            return deliveries

        result: List[Any] = self.do(give)
        return result

    # --- on the peer's thread

    def accept_link(self, link: Any) -> None:
        link.source.address = "dynamic-1" if link.remote_source.dynamic else link.remote_source.address
        link.target.address = link.remote_target.address
        link.open()
        if link.is_receiver:
            link.flow(self.credit)

    def accept_transfer(self, delivery: Any) -> None:
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()

    def on_connection_remote_open(self, event: Any) -> None:
        self.connections.put(event.connection)
        if self.answers_open:
            event.connection.open()

    def on_connection_closing(self, event: Any) -> None:
        pass

    def on_link_opening(self, event: Any) -> None:
        self.on_attach(event.link)
        self.links.put(event.link)

    def on_link_opened(self, event: Any) -> None:
        pass

    def on_link_flow(self, event: Any) -> None:
        link = event.link
        if link.is_sender:
            self.on_credit(link)
            if link.credit:
                self.credits.put(link.credit)

    def on_message(self, event: Any) -> None:
        self.on_transfer(event.delivery)
        self.transfers.put(event.message)

    def on_delivery(self, event: Any) -> None:
        delivery = event.delivery
        if delivery.link.is_sender and delivery.updated:
            self.outcomes.put((delivery.remote_state, delivery.settled, delivery.remote))
            delivery.settle()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    peer.start()
    yield peer
    peer.container.close(0)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture
def background() -> Iterator[Callable[..., "Future[Any]"]]:
    """Runs a call on a thread of its own; its future has what came of it."""
    threads: Dict[threading.Thread, None] = {}

    def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        future: "Future[Any]" = Future()

        def work() -> None:
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        thread = threading.Thread(target=work, daemon=True)
        threads[thread] = None
        thread.start()
        return future

    yield run
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive(), "a call hangs"


@pytest.fixture
def listener_url() -> Iterator[str]:
    """Where connections are taken in, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"amqp://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def refused_url() -> Iterator[str]:
    """Where connections are refused: the port is bound, and nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"amqp://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def connected() -> Iterator[Callable[..., Connection]]:
    """Makes connections that are closed after the test."""
    connections: List[Connection] = []

    def make(peer: Any, **options: Any) -> Connection:
        connections.append(connect(peer.url, timeout=TIMEOUT, **options))
        return connections[-1]

    yield make
    for each in connections:
        each.close()
