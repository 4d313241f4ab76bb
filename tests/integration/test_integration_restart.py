"""A broker is stopped and started while a callback sender and a callback receiver run: both carry on."""

from __future__ import annotations

import threading
import uuid
from typing import Any, Callable, Dict, Set, Tuple

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Message, Terminus
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, LinkOption

BEFORE = 100
AFTER = 200


class DurableQueue(LinkOption):
    """Asks the broker for a queue that outlives it."""

    def apply(self, link: Any) -> None:
        terminus = link.target if link.is_sender else link.source
        terminus.durability = Terminus.DELIVERIES


class Sender(MessagingHandler):
    """Sends numbers, one at a time, until it is told to finish; what was in doubt when the broker went is sent again.

    :ivar unconfirmed: the number of each delivery that the broker has not answered.
    """

    def __init__(self, url: str, address: str) -> None:
        super().__init__(auto_settle=True)
        self.url = url
        self.address = address
        self.next = 0
        self.finish = threading.Event()
        self.accepted: Set[int] = set()
        self.unconfirmed: Dict[Any, int] = {}
        self.again: Set[int] = set()
        self.opened = 0
        self.lost = 0

    def on_start(self, event: Any) -> None:
        self.make_sender(event.container, event.container.connect(self.url))

    def make_sender(self, container: Container, connection: Any) -> None:
        container.create_sender(connection, self.address, options=DurableQueue())

    def on_session_error(self, event: Any) -> None:
        # RabbitMQ 3.10 ends every session before it stops.  The connection will come back, and its new links with it.
        self.forget()
        self.make_sender(event.container, event.connection)

    def on_connection_opened(self, event: Any) -> None:
        self.opened += 1

    def on_sendable(self, event: Any) -> None:
        self.send_one(event)

    def send_one(self, event: Any) -> None:
        sender = event.sender
        if self.unconfirmed or not sender.credit:
            return
        if self.again:
            number = self.again.pop()
        elif not self.finish.is_set():
            number = self.next
            self.next += 1
        else:
            event.connection.close()
            return
        delivery = sender.send(Message(body=number, durable=True))
        self.unconfirmed[delivery.tag] = number

    def on_accepted(self, event: Any) -> None:
        # A message that had not left when the connection was lost goes out again by itself, beside the copy sent here.
        number = self.unconfirmed.pop(event.delivery.tag, None)
        if number is not None:
            self.accepted.add(number)
        self.send_one(event)

    def on_released(self, event: Any) -> None:
        number = self.unconfirmed.pop(event.delivery.tag, None)
        if number is not None:
            self.again.add(number)
        self.send_one(event)

    def on_disconnected(self, event: Any) -> None:
        self.lost += 1
        self.forget()

    def forget(self) -> None:
        self.again.update(self.unconfirmed.values())
        self.unconfirmed.clear()


class Receiver(MessagingHandler):
    """Receives numbers until it has all it wants."""

    def __init__(self, url: str, address: str) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.received: Set[int] = set()
        self.changed = threading.Condition()
        self.opened = 0
        self.lost = 0

    def on_start(self, event: Any) -> None:
        self.make_receiver(event.container, event.container.connect(self.url))

    def make_receiver(self, container: Container, connection: Any) -> None:
        container.create_receiver(connection, self.address, options=DurableQueue())

    def on_session_error(self, event: Any) -> None:
        self.make_receiver(event.container, event.connection)

    def on_connection_opened(self, event: Any) -> None:
        self.opened += 1

    def on_disconnected(self, event: Any) -> None:
        self.lost += 1

    def on_message(self, event: Any) -> None:
        with self.changed:
            self.received.add(event.message.body)
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[Set[int]], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: condition(self.received), 60)


def run(handler: MessagingHandler) -> Tuple[Container, threading.Thread]:
    container = Container(handler)
    thread = threading.Thread(target=container.run, daemon=True)
    thread.start()
    return container, thread


def carry_on(broker: BrokerUnderTest, end: Callable[[], None]) -> None:
    """Run a sender and a receiver over an end and a new start of the broker."""
    address = broker.address(f"restart-{uuid.uuid4().hex[:12]}")
    sender, receiver = Sender(broker.url, address), Receiver(broker.url, address)
    receiving, receiver_thread = run(receiver)
    _, sender_thread = run(sender)
    assert receiver.wait_for(lambda received: len(received) >= BEFORE)

    end()
    broker.start()

    first_after = sender.next
    assert receiver.wait_for(lambda received: len([n for n in received if n >= first_after]) >= AFTER)
    sender.finish.set()
    sender_thread.join(30)
    assert not sender_thread.is_alive()
    if broker.keeps_messages:
        assert receiver.wait_for(sender.accepted.issubset), f"lost: {sorted(sender.accepted - receiver.received)[:10]}"
        assert sender.accepted == set(range(sender.next))
    receiving.stop()
    receiver_thread.join(30)
    assert not receiver_thread.is_alive()
    assert (sender.opened, receiver.opened) == (2, 2)
    assert sender.lost and receiver.lost


@pytest.mark.parametrize("name", ["artemis", "cbroker", "rabbitmq"])
def test_both_carry_on_after_the_broker_was_stopped(request: pytest.FixtureRequest, name: str) -> None:
    broker: BrokerUnderTest = request.getfixturevalue(name)
    carry_on(broker, broker.stop)


def test_both_carry_on_after_the_broker_failed(broker: BrokerUnderTest) -> None:
    carry_on(broker, broker.fail)
