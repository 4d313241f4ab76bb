"""Transactions by blocking calls, against the scripted coordinator."""

from __future__ import annotations

import threading

import pytest
from scripted_coordinator import DETACH, DROP, SILENCE

from syncproton import LinkException, Message, ProtonException, Timeout
from syncproton.engine import Delivery
from syncproton.errors import TransactionError, WrongThread
from syncproton.reactor import AtMostOnce
from syncproton.sync import SendException
from syncproton.wire.performatives import Transfer
from syncproton.wire.states import ACCEPTED, Declared, Error, Rejected

TIMEOUT = 10
ACCEPT, RELEASE = 0x24, 0x26
NO = Rejected(Error("amqp:transaction:rollback", "no"))
YES = Declared(b"1")


def test_send_and_commit(coordinator, connected):
    peer = coordinator()
    connection = connected(peer)
    sender = connection.create_sender("queue")
    transaction = connection.declare_transaction()
    assert transaction.id == b"txn-1" and transaction.connection is connection and not transaction.over
    delivery = transaction.send(sender, Message(body="message"))
    transaction.send(sender, "body")
    assert delivery.settled and delivery.remote.data[0] == b"txn-1"
    transaction.commit()
    assert transaction.over
    assert peer.story() == [
        ("declare",), ("send", "message", b"txn-1", False), ("send", "body", b"txn-1", False),
        ("discharge", b"txn-1", False),
    ]


def test_abort(coordinator, connected):
    peer = coordinator()
    transaction = connected(peer).declare_transaction()
    transaction.abort()
    assert transaction.over
    assert peer.story() == [("declare",), ("discharge", b"txn-1", True)]


@pytest.mark.parametrize("end, code", [("commit", ACCEPT), ("abort", RELEASE)])
def test_accept(coordinator, connected, end, code):
    peer = coordinator(messages=2, settle=False)
    connection = connected(peer)
    receiver = connection.create_receiver("queue")
    first, second = receiver.receive(), receiver.receive()
    transaction = connection.declare_transaction()
    transaction.accept(first)
    assert first.settled and first.delivery.transaction is not None
    getattr(transaction, end)()
    second.accept()
    connection.close()
    assert peer.story() == [
        ("declare",),
        ("outcome", 0, b"txn-1", ACCEPT, False),
        ("discharge", b"txn-1", end == "abort"),
        ("outcome", 0, None, code, True),
        ("outcome", 1, None, ACCEPT, True),
    ]


def test_settle_before_discharge(coordinator, connected):
    peer = coordinator(messages=1)
    connection = connected(peer)
    receiver = connection.create_receiver("queue")
    transaction = connection.declare_transaction(settle_before_discharge=True)
    transaction.accept(receiver.receive())
    transaction.commit()
    assert peer.story()[1] == ("outcome", 0, b"txn-1", ACCEPT, True)


def test_many_threads(coordinator, connected):
    peer = coordinator()
    connection = connected(peer)
    sender = connection.create_sender("queue")
    failures = []

    def work(number):
        try:
            for _ in range(5):
                transaction = connection.declare_transaction()
                transaction.send(sender, number)
                (transaction.commit if number % 2 else transaction.abort)()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert not failures
    story = peer.story()
    bodies = {each[2]: each[1] for each in story if each[0] == "send"}
    discharges = [each for each in story if each[0] == "discharge"]
    assert len(bodies) == len(discharges) == 30
    assert all(failed == (bodies[txn_id] % 2 == 0) for _, txn_id, failed in discharges)


def test_a_link_that_sends_settled(coordinator, connected):
    peer = coordinator()
    connection = connected(peer)
    sender = connection.create_sender("queue", options=AtMostOnce())
    transaction = connection.declare_transaction()
    transaction.send(sender, 1)
    transaction.commit()
    assert peer.story()[1:] == [("send", 1, b"txn-1", True), ("discharge", b"txn-1", False)]


# --- what fails


def test_declare_refused(coordinator, connected):
    connection = connected(coordinator(NO))
    with pytest.raises(TransactionError, match="could not be declared.*no") as caught:
        connection.declare_transaction()
    assert caught.value.condition == "amqp:transaction:rollback"
    assert caught.value.description == "no" and not caught.value.in_doubt
    connection.declare_transaction().commit()


def test_link_refused(coordinator, connected):
    connection = connected(coordinator(refuse=True))
    sender = connection.create_sender("queue")
    for _ in range(2):
        with pytest.raises(TransactionError, match="no transactions here") as caught:
            connection.declare_transaction()
        assert caught.value.condition == "amqp:not-implemented"
    sender.send("the connection goes on")


def test_declare_unanswered(coordinator, connected):
    peer = coordinator(SILENCE)
    connection = connected(peer)
    with pytest.raises(Timeout, match="Declaring a transaction"):
        connection.declare_transaction(timeout=0.05)
    connection.declare_transaction().commit()


def test_commit_refused(coordinator, connected):
    transaction = connected(coordinator(YES, NO)).declare_transaction()
    with pytest.raises(TransactionError, match="rolled back.*no") as caught:
        transaction.commit()
    assert caught.value.condition == "amqp:transaction:rollback" and not caught.value.in_doubt


@pytest.mark.parametrize("how", [DETACH, DROP])
@pytest.mark.parametrize("reconnect", [False, [0.01] * 5])
def test_commit_in_doubt(coordinator, connected, how, reconnect):
    connection = connected(coordinator(YES, how), reconnect=reconnect)
    transaction = connection.declare_transaction()
    with pytest.raises(TransactionError, match="in doubt") as caught:
        transaction.commit()
    assert caught.value.in_doubt


@pytest.mark.parametrize("how", [DETACH, DROP])
@pytest.mark.parametrize("reconnect", [False, [0.01] * 5])
def test_abort_that_nobody_answers_is_one(coordinator, connected, how, reconnect):
    connection = connected(coordinator(YES, how), reconnect=reconnect)
    transaction = connection.declare_transaction()
    transaction.abort()
    with pytest.raises(ProtonException):
        transaction.commit()


@pytest.fixture
def impatient(monkeypatch):
    """A connection that is closed waits less long for the outcome of what was asked before."""
    monkeypatch.setattr("syncproton.reactor.coordinator.PATIENCE", 0.1)


def test_commit_unanswered(coordinator, impatient, connected):
    transaction = connected(coordinator(YES, SILENCE)).declare_transaction()
    with pytest.raises(Timeout, match="in doubt"):
        transaction.commit(timeout=0.05)


def test_connection_closed_while_it_commits(coordinator, impatient, connected):
    peer = coordinator(YES, SILENCE)
    connection = connected(peer)
    transaction = connection.declare_transaction()

    def close():
        peer.wait_for(Transfer, 2)
        connection.close()

    thread = threading.Thread(target=close)
    thread.start()
    with pytest.raises(TransactionError, match="in doubt") as caught:
        transaction.commit()
    thread.join()
    assert caught.value.in_doubt and isinstance(caught.value.__cause__, ProtonException)


def test_lost_while_open(coordinator, connected):
    peer = coordinator()
    connection = connected(peer, reconnect=[0.01] * 20)
    transaction = connection.declare_transaction()
    peer.drop()
    # A call that goes over the wire is answered after the loss has been seen.
    sender = connection.create_sender("queue")
    connection.declare_transaction().commit()
    for call in (transaction.commit, transaction.abort, lambda: transaction.send(sender, 1)):
        with pytest.raises(TransactionError, match="over"):
            call()


def test_lost_while_a_send_waits_for_credit(coordinator, connected):
    peer = coordinator(YES, DETACH, credit=0)
    connection = connected(peer)
    sender = connection.create_sender("queue")
    transaction = connection.declare_transaction()
    failures = []

    def send():
        try:
            transaction.send(sender, "never")
        except TransactionError as error:
            failures.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while not connection._driver.container.submit(lambda: transaction._driver._sends).result(TIMEOUT):
        pass
    with pytest.raises(TransactionError):
        connection.declare_transaction()
    thread.join(TIMEOUT)
    [error] = failures
    assert error.condition == "amqp:transaction:rollback"
    # It does not go out later, outside of the transaction.
    peer.grant()
    sender.send("after")
    assert [each for each in peer.story() if each[0] == "send"] == [("send", "after", None, False)]


@pytest.mark.parametrize("settled", [True, False])
def test_message_that_the_peer_will_not_have(coordinator, connected, settled):
    peer = coordinator(outcome=NO, settle=settled)
    connection = connected(peer)
    sender = connection.create_sender("queue")
    transaction = connection.declare_transaction()
    with pytest.raises(SendException) as caught:
        transaction.send(sender, 1)
    assert caught.value.state == Delivery.REJECTED
    transaction.abort()


def test_send_times_out(coordinator, connected):
    peer = coordinator(credit=0)
    connection = connected(peer)
    sender = connection.create_sender("queue")
    transaction = connection.declare_transaction()
    with pytest.raises(Timeout, match="it was not sent"):
        transaction.send(sender, 1, timeout=0.05)
    transaction.commit()
    assert peer.story() == [("declare",), ("discharge", b"txn-1", False)]


def test_misuse(coordinator, connected):
    connection = connected(coordinator(messages=2))
    other = connected(coordinator(messages=1))
    sender, receiver = connection.create_sender("queue"), connection.create_receiver("queue")
    message, second = receiver.receive(), receiver.receive()
    transaction = connection.declare_transaction()
    for not_a_sender in (None, "queue", receiver):
        with pytest.raises(TypeError, match="Sender"):
            transaction.send(not_a_sender, 1)
    for not_received in (None, Message(), "text"):
        with pytest.raises(TypeError, match="received"):
            transaction.accept(not_received)
    with pytest.raises(TransactionError, match="another connection"):
        transaction.send(other.create_sender("queue"), 1)
    with pytest.raises(TransactionError, match="another connection"):
        transaction.accept(other.create_receiver("queue").receive())
    with pytest.raises(ProtonException):
        transaction.send(sender, object())
    transaction.accept(message)
    with pytest.raises(TransactionError, match="settled already"):
        transaction.accept(message)
    transaction.commit()
    for call in (transaction.commit, transaction.abort, lambda: transaction.accept(second),
                 lambda: transaction.send(sender, 1)):
        with pytest.raises(TransactionError, match="is over"):
            call()
    receiver.close()
    with pytest.raises(LinkException):
        connection.declare_transaction().accept(second)
    connection.close()
    with pytest.raises(ProtonException, match="closed"):
        connection.declare_transaction()


def test_on_the_io_thread(coordinator, connected):
    connection = connected(coordinator())
    sender = connection.create_sender("queue")
    transaction = connection.declare_transaction()
    for call in (connection.declare_transaction, transaction.commit, transaction.abort,
                 lambda: transaction.send(sender, 1)):
        with pytest.raises(WrongThread):
            connection.container.submit(call).result(TIMEOUT)
    transaction.commit()


def test_answers_that_are_not_settled(coordinator, connected):
    transaction = connected(coordinator((False, Declared(b"x")), (False, ACCEPTED))).declare_transaction()
    transaction.commit()
    assert repr(transaction).startswith("<Transaction b'x' on amqp://") and repr(transaction).endswith(", over>")
