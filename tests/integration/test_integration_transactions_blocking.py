"""Transactions by blocking calls, on the brokers that have them and on one that has none."""

from __future__ import annotations

import uuid
from typing import List

import pytest

import syncproton
from broker_under_test import BrokerUnderTest
from syncproton import Delivery, Timeout, TransactionError
from syncproton.sync import Connection, SendException

LIMIT = 30.0
# Quick to say "nothing there".
A_MOMENT = 0.3


@pytest.fixture
def name() -> str:
    return f"blocking-transaction-{uuid.uuid4().hex[:12]}"


def left_in(broker: BrokerUnderTest, address: str, count: int) -> List[object]:
    """What another client finds there: it waits for so many, and then a moment longer."""
    bodies: List[object] = []
    with syncproton.connect(broker.url, timeout=LIMIT) as connection:
        receiver = connection.create_receiver(address)
        try:
            while True:
                message = receiver.receive(A_MOMENT if len(bodies) >= count else LIMIT)
                bodies.append(message.body)
                message.accept()
        except Timeout:
            return bodies


def move(connection: Connection, source: str, target: str, commit: bool, settle_before_discharge: bool) -> None:
    receiver, sender = connection.create_receiver(source), connection.create_sender(target)
    transaction = connection.declare_transaction(settle_before_discharge=settle_before_discharge)
    for _ in range(2):
        message = receiver.receive()
        transaction.accept(message)
        assert transaction.send(sender, message.body).remote_state == 0x34
    if commit:
        transaction.commit()
    else:
        transaction.abort()


@pytest.mark.parametrize("settle_before_discharge", [False, True])
@pytest.mark.parametrize("commit", [True, False])
def test_moving_from_one_queue_to_another(
    capable: BrokerUnderTest, name: str, commit: bool, settle_before_discharge: bool
) -> None:
    syncproton.send(f"{capable.url}/{name}", "a")
    syncproton.send(f"{capable.url}/{name}", "b")
    with syncproton.connect(capable.url, timeout=LIMIT) as connection:
        move(connection, name, f"{name}-to", commit, settle_before_discharge)
    assert left_in(capable, name, 0 if commit else 2) == ([] if commit else ["a", "b"])
    assert left_in(capable, f"{name}-to", 2 if commit else 0) == (["a", "b"] if commit else [])


def test_left_open(capable: BrokerUnderTest, name: str) -> None:
    with syncproton.connect(capable.url, timeout=LIMIT) as connection:
        connection.declare_transaction().send(connection.create_sender(name), "never")
    assert left_in(capable, name, 0) == []


def test_commit_that_fails(capable: BrokerUnderTest, name: str) -> None:
    with syncproton.connect(capable.url, timeout=LIMIT) as connection:
        relay = connection.create_sender()
        transaction = connection.declare_transaction()
        transaction.send(relay, syncproton.Message(address=name, body=1))
        with pytest.raises(SendException) as sent:
            transaction.send(relay, syncproton.Message(address=capable.unroutable[0], body=2))
        assert sent.value.state == Delivery.REJECTED
        with pytest.raises(TransactionError, match="does not exist|no 'to' address") as caught:
            transaction.commit()
        assert caught.value.condition == capable.unroutable[1] and not caught.value.in_doubt
        again = connection.declare_transaction()
        again.send(relay, syncproton.Message(address=name, body="again"))
        again.commit()
    assert left_in(capable, name, 1) == ["again"]


def test_refused_where_the_broker_has_none(rabbitmq: BrokerUnderTest, name: str) -> None:
    with syncproton.connect(rabbitmq.url, timeout=LIMIT) as connection:
        with pytest.raises(TransactionError, match="Transactions not supported") as caught:
            connection.declare_transaction()
        assert caught.value.condition == "amqp:not-implemented"
        connection.create_sender(rabbitmq.address(name)).send("outright")
    assert left_in(rabbitmq, rabbitmq.address(name), 1) == ["outright"]
