"""Local transactions on a broker that has them: seen from a second client."""

from __future__ import annotations

import uuid
from typing import Any, List

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Message, Timeout
from syncproton.handlers import TransactionalClientHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection

# Quick to say "nothing there".
A_MOMENT = 0.5


class InTransaction(TransactionalClientHandler):
    """Does its work in one transaction and ends that one way or the other."""

    def __init__(self, url: str, address: str, commit: bool) -> None:
        super().__init__()
        self.url, self.address, self.commit = url, address, commit
        self.told: List[str] = []

    def on_start(self, event: Any) -> None:
        self.connection = event.container.connect(self.url, reconnect=False)
        event.container.declare_transaction(self.connection, self)

    def on_transaction_declared(self, event: Any) -> None:
        self.transaction = event.transaction
        self.work(event.container)

    def work(self, container: Container) -> None:
        """Overridden: ends in :meth:`discharge`."""

    def discharge(self) -> None:
        if self.commit:
            self.transaction.commit()
        else:
            self.transaction.abort()

    def over(self, what: str) -> None:
        self.told.append(what)
        self.connection.close()

    def on_transaction_committed(self, event: Any) -> None:
        self.over("committed")

    def on_transaction_aborted(self, event: Any) -> None:
        self.over("aborted")

    def on_transaction_declare_failed(self, event: Any) -> None:
        self.over("declare failed")

    def on_transaction_commit_failed(self, event: Any) -> None:
        self.over("commit failed")


class Sending(InTransaction):
    sent = settled = 0

    def work(self, container: Container) -> None:
        self.sender = container.create_sender(self.connection, self.address)

    def on_sendable(self, event: Any) -> None:
        while self.sent < 3 and event.sender.credit:
            self.sent += 1
            self.transaction.send(event.sender, Message(body=self.sent))

    def on_settled(self, event: Any) -> None:
        self.settled += 1
        if self.settled == 3:
            self.discharge()


class Accepting(InTransaction):
    received = 0

    def work(self, container: Container) -> None:
        container.create_receiver(self.connection, self.address)

    def on_message(self, event: Any) -> None:
        if self.received == 3:
            # What an abort gave back may come again before the link is gone.
            self.release(event.delivery, delivered=False)
            return
        self.accept(event.delivery, self.transaction)
        self.received += 1
        if self.received == 3:
            self.discharge()


@pytest.fixture
def address(artemis: BrokerUnderTest) -> str:
    return artemis.address(f"transaction-{uuid.uuid4().hex[:12]}")


def left_in(broker: BrokerUnderTest, address: str) -> List[Any]:
    """What another client finds there."""
    bodies: List[Any] = []
    connection = BlockingConnection(broker.url, timeout=30)
    try:
        receiver = connection.create_receiver(address)
        while True:
            bodies.append(receiver.receive(timeout=A_MOMENT if bodies else 2 * A_MOMENT).body)
            receiver.accept()
    except Timeout:
        return bodies
    finally:
        connection.close()


@pytest.mark.parametrize("commit, told, found", [(True, "committed", [1, 2, 3]), (False, "aborted", [])])
def test_sends(artemis: BrokerUnderTest, address: str, commit: bool, told: str, found: List[int]) -> None:
    program = Sending(artemis.url, address, commit)
    Container(program).run()
    assert program.told == [told]
    assert left_in(artemis, address) == found


@pytest.mark.parametrize("commit, told, found", [(True, "committed", []), (False, "aborted", [1, 2, 3])])
def test_accepts(artemis: BrokerUnderTest, address: str, commit: bool, told: str, found: List[int]) -> None:
    Container(Sending(artemis.url, address, True)).run()
    program = Accepting(artemis.url, address, commit)
    Container(program).run()
    assert program.told == [told]
    assert left_in(artemis, address) == found


def test_refused_where_the_broker_has_none(rabbitmq: BrokerUnderTest) -> None:
    program = InTransaction(rabbitmq.url, rabbitmq.address("transaction-none"), True)
    Container(program).run()
    assert program.told == ["declare failed"]
