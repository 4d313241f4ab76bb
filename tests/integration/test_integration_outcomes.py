"""What a receiver says of a message, and what then becomes of it."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import Any, Iterator, List

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Delivery, Message, Timeout
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection

# Quick to say "nothing there": the message is in the queue, or gone, before the receiver asks.
A_MOMENT = 0.5


class FailOnce(MessagingHandler):
    """Says of the first message it receives that delivery failed, and accepts the second."""

    def __init__(self, url: str, address: str) -> None:
        super().__init__(auto_accept=False)
        self.url = url
        self.address = address
        self.counts: List[int] = []

    def on_start(self, event: Any) -> None:
        event.container.create_receiver(event.container.connect(self.url), self.address)

    def on_message(self, event: Any) -> None:
        self.counts.append(event.message.delivery_count)
        if len(self.counts) == 1:
            event.delivery.local.failed = True
            event.delivery.update(Delivery.MODIFIED)
            event.delivery.settle()
        else:
            self.accept(event.delivery)
            event.connection.close()


@pytest.fixture(params=["artemis", "rabbitmq"])
def asking_broker(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """The brokers that wait for a receiver's outcome. The Proton C broker settles first, see below."""
    running: BrokerUnderTest = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def queue(asking_broker: BrokerUnderTest) -> str:
    return asking_broker.address(f"outcome-{uuid.uuid4().hex[:12]}")


@contextmanager
def connected(broker: BrokerUnderTest) -> Iterator[BlockingConnection]:
    connection = BlockingConnection(broker.url, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def send(broker: BrokerUnderTest, address: str, body: str) -> None:
    with connected(broker) as connection:
        connection.create_sender(address).send(Message(body=body))


def assert_empty(broker: BrokerUnderTest, address: str) -> None:
    with connected(broker) as connection:
        receiver = connection.create_receiver(address)
        with pytest.raises(Timeout):
            receiver.receive(timeout=A_MOMENT)


def test_a_released_message_comes_again(asking_broker: BrokerUnderTest, queue: str) -> None:
    send(asking_broker, queue, "again")
    with connected(asking_broker) as connection:
        receiver = connection.create_receiver(queue)
        assert receiver.receive(timeout=30).body == "again"
        receiver.release(delivered=False)
        assert receiver.receive(timeout=30).body == "again"
        receiver.accept()
    assert_empty(asking_broker, queue)


def test_a_message_modified_as_failed_comes_again_with_its_count(artemis: BrokerUnderTest) -> None:
    # RabbitMQ 3.10 does not act on "modified".
    send(artemis, "modified", "again")
    handler = FailOnce(artemis.url, "modified")
    Container(handler).run()
    assert handler.counts == [0, 1]


def test_an_unsettled_message_comes_again_after_the_connection_ends(asking_broker: BrokerUnderTest,
                                                                    queue: str) -> None:
    send(asking_broker, queue, "unsettled")
    for _ in range(2):
        with connected(asking_broker) as connection:
            assert connection.create_receiver(queue).receive(timeout=30).body == "unsettled"


def test_a_rejected_message_does_not_come_again(asking_broker: BrokerUnderTest, queue: str) -> None:
    send(asking_broker, queue, "rejected")
    with connected(asking_broker) as connection:
        receiver = connection.create_receiver(queue)
        assert receiver.receive(timeout=30).body == "rejected"
        receiver.reject()
    assert_empty(asking_broker, queue)
    if asking_broker.dead_letter_address is not None:
        with connected(asking_broker) as connection:
            dead = connection.create_receiver(asking_broker.dead_letter_address)
            assert dead.receive(timeout=30).body == "rejected"
            dead.accept()


def test_a_message_settled_by_the_broker_first_is_gone(cbroker: BrokerUnderTest) -> None:
    send(cbroker, "settled-first", "gone")
    with connected(cbroker) as connection:
        assert connection.create_receiver("settled-first").receive(timeout=30).body == "gone"
    assert_empty(cbroker, "settled-first")
