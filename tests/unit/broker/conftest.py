"""A broker, and clients that do exactly what a test says: the engine over a blocking socket, on the test's thread."""

from __future__ import annotations

import socket
from typing import Any, Callable, Iterator, List, Tuple, Union

import pytest

from syncproton.broker import Broker, Limits
from syncproton.engine import Collector, Connection, Endpoint, Event, Transport
from syncproton.message import Message
from syncproton.url import Url

TIMEOUT = 20.0  # seconds; far more than anything here takes

Received = Tuple[Any, bytes]


class Client:
    """One connection.  ``received`` holds the deliveries that have come, with their bytes.

    :param url: where to connect; with a user in it the client logs in.
    :param container_id: what it calls itself.
    """

    def __init__(self, url: str, container_id: str = "client") -> None:
        address = Url(url)
        self.socket = socket.create_connection((address.host, int(address.port or 0)), TIMEOUT)
        self.events: List[Any] = []
        self.received: List[Received] = []
        self.tags = 0
        self.collector = Collector()
        self.connection = Connection()
        self.connection.collect(self.collector)
        self.transport = Transport()
        if address.username:
            self.connection.user, self.connection.password = address.username, address.password
            self.transport.sasl().allow_insecure_mechs = True
        self.transport.bind(self.connection)
        self.connection.container = container_id
        self.connection.open()
        self.session = self.connection.session()
        self.session.open()

    def wait(self, until: Callable[[], Any]) -> None:
        """Exchange bytes with the broker until something is so."""
        self._flush()
        while not until():
            data = self.socket.recv(max(1, min(self.transport.capacity(), 1 << 16)))
            if data:
                self.transport.push(data)
            else:
                self.transport.close_tail()
            self._events()
            self._flush()
            assert data or until(), "the broker has closed the connection"

    def _flush(self) -> None:
        self._events()
        while self.transport.pending() > 0:
            data = self.transport.peek(self.transport.pending())
            self.socket.sendall(data)
            self.transport.pop(len(data))
        self._events()

    def _events(self) -> None:
        while True:
            event = self.collector.peek()
            if event is None:
                return
            self.events.append(event.type)
            if event.type == Event.DELIVERY:
                delivery = event.delivery
                if delivery.readable and not delivery.partial:
                    payload = delivery.link.recv(delivery.pending) or b""
                    delivery.link.advance()
                    self.received.append((delivery, payload))
            self.collector.pop()

    def sync(self) -> None:
        """A round trip: what was written before has been worked on, and what came of it has come."""
        session = self.connection.session()
        session.open()
        self.wait(lambda: session.state & Endpoint.REMOTE_ACTIVE)
        session.close()
        self.wait(lambda: session.state & Endpoint.REMOTE_CLOSED)

    def attach(self, link: Any) -> Any:
        link.open()
        self.wait(lambda: not link.state & Endpoint.REMOTE_UNINIT)
        return link

    def sender(self, address: Union[str, None], name: str = "sender") -> Any:
        link = self.session.sender(name)
        link.target.address = address
        return self.attach(link)

    def receiver(self, address: Union[str, None], credit: int = 0, name: str = "receiver",
                 presettled: bool = False) -> Any:
        link = self.session.receiver(name)
        link.source.address = address
        if presettled:
            link.snd_settle_mode = link.SND_SETTLED
        self.attach(link)
        if credit:
            link.flow(credit)
        return link

    def send(self, link: Any, *bodies: Any, settled: bool = False) -> List[Any]:
        """Send messages (or bytes as they are) and wait for their outcomes."""
        deliveries = []
        for body in bodies:
            self.wait(lambda: link.credit > 0)
            self.tags += 1
            delivery = link.delivery(str(self.tags))
            payload = body if isinstance(body, bytes) else body.encode() if isinstance(body, Message) \
                else Message(body=body).encode()
            link.stream(payload)
            link.advance()
            if settled:
                delivery.settle()
            else:
                deliveries.append(delivery)
        self.wait(lambda: all(delivery.settled for delivery in deliveries))
        return deliveries

    def take(self, count: int) -> List[Received]:
        """The next messages to come."""
        self.wait(lambda: len(self.received) >= count)
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def messages(self, count: int) -> List[Message]:
        messages = []
        for _, payload in self.take(count):
            message = Message()
            message.decode(payload)
            messages.append(message)
        return messages

    def bodies(self, count: int) -> List[Any]:
        return [message.body for message in self.messages(count)]

    def settle(self, received: List[Received], state: int) -> None:
        """Say what becomes of messages, and wait until the broker has heard it."""
        for delivery, _ in received:
            delivery.update(state)
            delivery.settle()
        self.sync()

    def close(self) -> None:
        """End as one should."""
        self.connection.close()
        self.wait(lambda: self.connection.state & Endpoint.REMOTE_CLOSED)
        self.vanish()

    def vanish(self) -> None:
        """Drop the socket without a word."""
        self.socket.close()


@pytest.fixture
def limits() -> Limits:
    """For a module to override."""
    return Limits()


@pytest.fixture
def broker(limits: Limits) -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0", limits=limits) as running:
        yield running


@pytest.fixture
def connect(broker: Broker) -> Iterator[Callable[..., Client]]:
    clients: List[Client] = []

    def connect(container_id: str = "client", url: str = "") -> Client:
        clients.append(Client(url or broker.url, container_id))
        return clients[-1]

    yield connect
    for client in clients:
        client.vanish()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect()
