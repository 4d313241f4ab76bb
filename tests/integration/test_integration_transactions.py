"""Local transactions on the brokers that have them, seen from a second client; and on one that has none."""

from __future__ import annotations

import threading
import uuid
from queue import Queue
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Delivery, Message, Timeout
from syncproton.handlers import TransactionalClientHandler
from syncproton.reactor import AtMostOnce, Container, Transaction
from syncproton.utils import BlockingConnection

LIMIT = 30.0
# Quick to say "nothing there".
A_MOMENT = 0.3


class Program(TransactionalClientHandler):
    """A client whose transactions a test takes step by step, from its own thread."""

    def __init__(self, container: Container, url: str, **options: Any) -> None:
        super().__init__()
        self.container = container
        self.told: "Queue[Any]" = Queue()
        self.connection = self.do(container.connect, url, handler=self, **options)

    def do(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function on the I/O thread."""
        return self.container.submit(function, *args, **kwargs).result(LIMIT)

    def wait(self, name: str) -> Any:
        """The event of the next callback with this name; those before it are forgotten."""
        while True:
            told, event = self.told.get(timeout=LIMIT)
            if told == name:
                return event

    def declare(self, **options: Any) -> Transaction:
        transaction: Transaction = self.do(
            self.container.declare_transaction, self.connection, handler=self, **options)
        assert self.wait("declared").transaction is transaction
        assert isinstance(transaction.id, bytes)
        return transaction

    def sender(self, address: Optional[str], **options: Any) -> Any:
        return self.do(self.container.create_sender, self.connection, address, **options)

    def receive(self, address: str, count: int) -> List[Delivery]:
        receiver = self.do(self.container.create_receiver, self.connection, address)
        deliveries = []
        while len(deliveries) < count:
            event = self.wait("message")
            if event.link is receiver:
                deliveries.append(event.delivery)
        return deliveries

    def send(self, transaction: Transaction, sender: Any, *bodies: Any) -> None:
        def send() -> None:
            for body in bodies:
                transaction.send(sender, Message(body=body, durable=True))

        self.do(send)

    def accept(self, transaction: Transaction, *deliveries: Delivery) -> None:
        def accept() -> None:
            for delivery in deliveries:
                self.accept_one(delivery, transaction)

        self.do(accept)

    def accept_one(self, delivery: Delivery, transaction: Transaction) -> None:
        TransactionalClientHandler.accept(self, delivery, transaction)

    def commit(self, transaction: Transaction) -> None:
        self.do(transaction.commit)
        assert self.wait("committed").transaction is transaction

    def abort(self, transaction: Transaction) -> None:
        self.do(transaction.abort)
        assert self.wait("aborted").transaction is transaction

    def close(self) -> None:
        self.do(self.connection.close)
        self.wait("connection closed")

    def on_transaction_declared(self, event: Any) -> None:
        self.told.put(("declared", event))

    def on_transaction_committed(self, event: Any) -> None:
        self.told.put(("committed", event))

    def on_transaction_aborted(self, event: Any) -> None:
        self.told.put(("aborted", event))

    def on_transaction_declare_failed(self, event: Any) -> None:
        self.told.put(("declare failed", event))

    def on_transaction_commit_failed(self, event: Any) -> None:
        self.told.put(("commit failed", event))

    def on_message(self, event: Any) -> None:
        self.told.put(("message", event))

    def on_settled(self, event: Any) -> None:
        self.told.put(("settled", event))

    def on_connection_opened(self, event: Any) -> None:
        self.told.put(("connection opened", event))

    def on_connection_closed(self, event: Any) -> None:
        self.told.put(("connection closed", event))

    def on_session_error(self, event: Any) -> None:
        self.told.put(("session error", event))

    def on_disconnected(self, event: Any) -> None:
        self.told.put(("disconnected", event))

    def on_transport_error(self, event: Any) -> None:
        pass


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Makes clients on one container in the background."""
    container = Container()
    container.start_background()
    yield lambda url, **options: Program(container, url, **options)
    container.close()


@pytest.fixture
def address(capable: BrokerUnderTest) -> str:
    return capable.address(f"transaction-{uuid.uuid4().hex[:12]}")


def put(broker: BrokerUnderTest, address: str, *bodies: Any) -> None:
    """Have messages there, from another client."""
    connection = BlockingConnection(broker.url, timeout=LIMIT)
    sender = connection.create_sender(address)
    for body in bodies:
        sender.send(Message(body=body, durable=True))
    connection.close()


def left_in(broker: BrokerUnderTest, address: str, count: int = 0) -> List[Any]:
    """What another client finds there: it waits for so many, and then a moment longer."""
    bodies: List[Any] = []
    connection = BlockingConnection(broker.url, timeout=LIMIT)
    try:
        receiver = connection.create_receiver(address)
        while True:
            bodies.append(receiver.receive(timeout=A_MOMENT if len(bodies) >= count else LIMIT).body)
            receiver.accept()
    except Timeout:
        return bodies
    finally:
        connection.close()


@pytest.mark.parametrize("commit", [True, False])
def test_sends(capable: BrokerUnderTest, program: Any, address: str, commit: bool) -> None:
    client = program(capable.url)
    transaction = client.declare()
    client.send(transaction, client.sender(address), 1, 2, 3)
    for _ in range(3):
        event = client.wait("settled")
        assert event.transaction is transaction and event.delivery.remote.data[0] == transaction.id
    assert left_in(capable, address) == [], "seen before the commit"
    (client.commit if commit else client.abort)(transaction)
    assert left_in(capable, address, 3 if commit else 0) == ([1, 2, 3] if commit else [])


@pytest.mark.parametrize("settle_before_discharge", [False, True])
@pytest.mark.parametrize("commit", [True, False])
def test_accepts(
    capable: BrokerUnderTest, program: Any, address: str, commit: bool, settle_before_discharge: bool
) -> None:
    put(capable, address, 1, 2, 3)
    client = program(capable.url)
    deliveries = client.receive(address, 3)
    transaction = client.declare(settle_before_discharge=settle_before_discharge)
    client.accept(transaction, *deliveries)
    (client.commit if commit else client.abort)(transaction)
    if commit:
        assert deliveries[0].link.unsettled == 0
    client.close()
    assert left_in(capable, address, 0 if commit else 3) == ([] if commit else [1, 2, 3])


@pytest.mark.parametrize("commit", [True, False])
def test_moving_from_one_queue_to_another(
    capable: BrokerUnderTest, program: Any, address: str, commit: bool
) -> None:
    put(capable, address, "a", "b")
    client = program(capable.url)
    deliveries = client.receive(address, 2)
    transaction = client.declare()
    client.accept(transaction, *deliveries)
    client.send(transaction, client.sender(f"{address}-to"), "A", "B")
    (client.commit if commit else client.abort)(transaction)
    client.close()
    assert left_in(capable, address, 0 if commit else 2) == ([] if commit else ["a", "b"])
    assert left_in(capable, f"{address}-to", 2 if commit else 0) == (["A", "B"] if commit else [])


def test_one_after_another(capable: BrokerUnderTest, program: Any, address: str) -> None:
    client = program(capable.url)
    sender = client.sender(address)
    ids = set()
    for number in range(6):
        transaction = client.declare()
        ids.add(transaction.id)
        client.send(transaction, sender, number)
        (client.commit if number % 2 else client.abort)(transaction)
    assert len(ids) == 6
    assert left_in(capable, address, 3) == [1, 3, 5]


def test_side_by_side(capable: BrokerUnderTest, program: Any, address: str) -> None:
    put(capable, address, "kept", "taken")
    client = program(capable.url)
    kept, taken = client.receive(address, 2)
    sender = client.sender(f"{address}-to")
    first, second = client.declare(), client.declare()
    client.send(first, sender, 1)
    client.send(second, sender, 2)
    client.accept(first, taken)
    client.accept(second, kept)
    client.send(first, sender, 3)
    client.abort(second)
    client.commit(first)
    client.close()
    assert left_in(capable, f"{address}-to", 2) == [1, 3]
    assert left_in(capable, address, 1) == ["kept"]


def test_many_and_large(capable: BrokerUnderTest, program: Any, address: str) -> None:
    client = program(capable.url)
    sender = client.sender(address)
    transaction = client.declare()
    # More than the credit there is at once: the commit waits until all have gone out.
    client.send(transaction, sender, *range(1500), b"x" * 500_000)
    client.commit(transaction)
    assert left_in(capable, address, 1501) == [*range(1500), b"x" * 500_000]


def test_sends_on_a_link_that_sends_settled(capable: BrokerUnderTest, program: Any, address: str) -> None:
    client = program(capable.url)
    sender = client.sender(address, options=AtMostOnce())
    for end in (client.abort, client.commit):
        transaction = client.declare()
        client.send(transaction, sender, end.__name__)
        end(transaction)
    assert left_in(capable, address, 1) == ["commit"]


def test_commit_that_fails(capable: BrokerUnderTest, program: Any, address: str) -> None:
    """One of the messages has nowhere to go, so none goes anywhere."""
    put(capable, address, "stays")
    client = program(capable.url)
    [delivery] = client.receive(address, 1)
    relay = client.sender(None)
    # Settled before: else Artemis may find, when its message is given back, that it does not know of it yet or any
    # more, and close the connection.  So it does with proton.
    transaction = client.declare(settle_before_discharge=True)
    client.accept(transaction, delivery)
    client.do(transaction.send, relay, Message(address=f"{address}-to", body=1))
    client.do(transaction.send, relay, Message(address=capable.unroutable[0], body=2))
    client.do(transaction.commit)
    event = client.wait("commit failed")
    assert event.transaction is transaction and not transaction.in_doubt
    assert event.delivery is transaction._discharge
    assert event.delivery.remote.condition.name == transaction.condition.name == capable.unroutable[1]
    # The connection is as good as before.
    again = client.declare()
    client.send(again, client.sender(f"{address}-to"), "again")
    client.commit(again)
    client.close()
    assert left_in(capable, f"{address}-to", 1) == ["again"]
    assert left_in(capable, address, 1) == ["stays"]


def test_commit_of_what_the_broker_does_not_know(capable: BrokerUnderTest, program: Any) -> None:
    client = program(capable.url)
    transaction = client.declare()
    transaction.id = b"no such transaction"
    client.do(transaction.commit)
    assert client.wait("commit failed").transaction.condition.name == capable.unknown_transaction
    client.commit(client.declare())


def test_connection_lost_with_a_transaction_open(capable: BrokerUnderTest, program: Any, address: str) -> None:
    put(capable, address, "stays")
    client = program(capable.url, reconnect=[0.05] * 20)
    [delivery] = client.receive(address, 1)
    sender = client.sender(f"{address}-to")
    transaction = client.declare()
    client.accept(transaction, delivery)
    client.send(transaction, sender, "lost")
    client.wait("settled")

    def cut() -> None:
        for channel in list(client.container._channels.values()):
            channel.fail("cut off by the test")

    client.do(cut)
    client.wait("disconnected")
    assert client.wait("aborted").transaction is transaction
    client.wait("connection opened")
    # What was accepted comes again; a new transaction does what the old one did not.
    returned = client.wait("message").delivery
    again = client.declare()
    client.accept(again, returned)
    client.send(again, sender, "kept")
    client.commit(again)
    client.close()
    assert left_in(capable, f"{address}-to", 1) == ["kept"]
    assert left_in(capable, address) == []


def test_broker_killed_with_a_transaction_open(capable: BrokerUnderTest, program: Any, address: str) -> None:
    client = program(capable.url, reconnect=[0.2] * 500)
    sender = client.sender(address)
    first, second = client.declare(), client.declare()
    client.send(first, sender, "committed")
    client.commit(first)
    client.send(second, sender, "open")
    client.wait("settled")
    capable.fail()
    try:
        assert client.wait("aborted").transaction is second
    finally:
        capable.start()
    client.wait("connection opened")
    third = client.declare()
    client.send(third, sender, "after")
    client.commit(third)
    kept = ["committed"] if capable.keeps_messages else []
    assert left_in(capable, address, len(kept) + 1) == [*kept, "after"]


def test_many_connections_at_once(capable: BrokerUnderTest, program: Any, address: str) -> None:
    clients: Dict[int, Program] = {number: program(capable.url) for number in range(4)}
    failures: List[BaseException] = []

    def work(number: int, client: Program) -> None:
        try:
            sender = client.sender(address)
            for turn in range(10):
                transaction = client.declare()
                client.send(transaction, sender, [number, turn])
                (client.commit if (number + turn) % 2 else client.abort)(transaction)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in clients.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT * 2)
    assert not failures
    expected = [[number, turn] for number in range(4) for turn in range(10) if (number + turn) % 2]
    assert sorted(left_in(capable, address, len(expected))) == expected


def test_refused_where_the_broker_has_none(rabbitmq: BrokerUnderTest, program: Any) -> None:
    client = program(rabbitmq.url)
    transaction = client.do(client.container.declare_transaction, client.connection, handler=client)
    assert client.wait("session error").session.remote_condition.name == transaction.condition.name
    assert client.wait("declare failed").transaction is transaction
    assert transaction.over and not transaction.in_doubt
    assert transaction.condition.name == "amqp:not-implemented"
    assert transaction.condition.description == "Transactions not supported"
    # It says so also where handlers look for the reason of a rejected declare.
    assert transaction._declare.remote.condition is transaction.condition
    # The connection is still there, for all else.
    name = rabbitmq.address(f"transaction-none-{uuid.uuid4().hex[:8]}")
    sender = client.sender(name)
    client.do(sender.send, Message(body="outright"))
    client.wait("settled")
    assert left_in(rabbitmq, name, 1) == ["outright"]
