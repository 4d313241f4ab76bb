"""What the tests of transactions do over and over."""

from __future__ import annotations

from typing import Any, List, Optional

from syncproton.codec import Described, symbol, ulong
from syncproton.engine import Delivery, DispositionType, Endpoint, Terminus
from syncproton.message import Message

__all__ = ["Control", "CLOSED", "post", "retire"]

CLOSED = Endpoint.REMOTE_CLOSED


class Control:
    """A link to the coordinator."""

    def __init__(self, client: Any, name: str = "control") -> None:
        self.client = client
        self.link = client.session.sender(name)
        self.link.target.type = Terminus.COORDINATOR
        client.attach(self.link)

    def ask(self, body: Any, settled: bool = False) -> Any:
        """Send a request, and wait for what comes of it."""
        client, link = self.client, self.link
        client.wait(lambda: link.credit > 0)
        client.tags += 1
        delivery = link.delivery(str(client.tags))
        link.stream(body if isinstance(body, bytes) else Message(body=body).encode())
        link.advance()
        if settled:
            delivery.settle()
            client.sync()
        client.wait(lambda: delivery.settled or settled or link.state & CLOSED)
        return delivery

    def declare(self) -> bytes:
        delivery = self.ask(Described(symbol("amqp:declare:list"), [None]))
        assert delivery.remote_state == DispositionType.DECLARED and delivery.settled, delivery.remote.condition
        id = delivery.remote.data[0]
        assert isinstance(id, bytes)
        return id

    def discharge(self, id: Any, fail: bool = False) -> Any:
        return self.ask(Described(ulong(0x32), [id, fail]))

    def commit(self, id: bytes) -> None:
        delivery = self.discharge(id)
        assert delivery.remote_state == Delivery.ACCEPTED, delivery.remote.condition

    def roll_back(self, id: bytes) -> None:
        assert self.discharge(id, fail=True).remote_state == Delivery.ACCEPTED


def post(client: Any, link: Any, id: Any, *bodies: Any, settled: bool = False) -> List[Any]:
    """Send messages under a transaction, and wait for what the broker says of them."""
    deliveries = []
    for body in bodies:
        client.wait(lambda: link.credit > 0)
        client.tags += 1
        delivery = link.delivery(str(client.tags))
        link.stream((body if isinstance(body, Message) else Message(body=body)).encode())
        delivery.local.data = [id]
        delivery.update(DispositionType.TRANSACTIONAL_STATE)
        link.advance()
        if settled:
            delivery.settle()
        deliveries.append(delivery)
    if settled:
        client.sync()
    client.wait(lambda: settled or all(delivery.settled for delivery in deliveries))
    return deliveries


def retire(client: Any, received: Any, id: Any, state: int = Delivery.ACCEPTED, settled: bool = True,
           fields: Optional[List[Any]] = None) -> None:
    """Give messages an outcome under a transaction, and wait until the broker has heard it."""
    for delivery, _ in received:
        delivery.local.data = [id, Described(ulong(int(state)), fields or [])]
        delivery.update(DispositionType.TRANSACTIONAL_STATE)
        if settled:
            delivery.settle()
    client.sync()
