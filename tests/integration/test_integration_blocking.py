"""Blocking send and receive through each broker."""

from __future__ import annotations

import time
from typing import Iterator

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Delivery, Message, Timeout
from syncproton.reactor import AtMostOnce
from syncproton.utils import BlockingConnection


@pytest.fixture
def connection(broker: BrokerUnderTest) -> Iterator[BlockingConnection]:
    opened = BlockingConnection(broker.url, timeout=30)
    yield opened
    opened.close()


def test_a_message_comes_back(broker: BrokerUnderTest, connection: BlockingConnection, address: str) -> None:
    sender = connection.create_sender(address)
    receiver = connection.create_receiver(address)
    for number in range(100):
        delivery = sender.send(Message(body=f"message {number}"))
        assert delivery.remote_state == Delivery.ACCEPTED
    for number in range(100):
        assert receiver.receive(timeout=30).body == f"message {number}"
        if not broker.settles_first:
            receiver.accept()


def test_accepted_messages_are_gone(broker: BrokerUnderTest, connection: BlockingConnection, address: str) -> None:
    connection.create_sender(address).send(Message(body="only once"))
    receiver = connection.create_receiver(address)
    assert receiver.receive(timeout=30).body == "only once"
    if not broker.settles_first:
        receiver.accept()
    with pytest.raises(Timeout):
        receiver.receive(timeout=0.5)


def test_a_closed_receiver_and_sender_are_answered(connection: BlockingConnection, address: str) -> None:
    # RabbitMQ 3.10 answers a closing detach with one that does not close.
    sender = connection.create_sender(address)
    sender.send(Message(body="x"))
    receiver = connection.create_receiver(address)
    receiver.receive(timeout=30)
    sender.close()
    receiver.close()


def test_receiving_from_an_empty_queue_ends_at_its_deadline(connection: BlockingConnection, address: str) -> None:
    receiver = connection.create_receiver(address)
    began = time.monotonic()
    with pytest.raises(Timeout):
        receiver.receive(timeout=0.5)
    assert 0.4 <= time.monotonic() - began < 5


def test_presettled_messages_come_back(broker: BrokerUnderTest, connection: BlockingConnection, address: str) -> None:
    receiver = connection.create_receiver(address, options=AtMostOnce())
    sender = connection.create_sender(address, options=AtMostOnce())
    for number in range(10):
        sender.send(Message(body=number))
    assert [receiver.receive(timeout=30).body for _ in range(10)] == list(range(10))


def test_two_connections_share_a_queue(broker: BrokerUnderTest, connection: BlockingConnection, address: str) -> None:
    other = BlockingConnection(broker.url, timeout=30)
    try:
        receiver = other.create_receiver(address)
        connection.create_sender(address).send(Message(body="from the other side"))
        assert receiver.receive(timeout=30).body == "from the other side"
    finally:
        other.close()


def test_a_closed_connection_can_be_opened_again(broker: BrokerUnderTest, address: str) -> None:
    for body in ("first", "second"):
        connection = BlockingConnection(broker.url, timeout=30)
        receiver = connection.create_receiver(address)
        connection.create_sender(address).send(Message(body=body))
        assert receiver.receive(timeout=30).body == body
        if not broker.settles_first:
            receiver.accept()
        connection.close()
