"""Transactions: what is sent and retired under one takes effect when it is committed, or not at all."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from transactional import Control, post, retire

from syncproton.broker import Broker
from syncproton.codec import symbol
from syncproton.engine import Delivery, DispositionType
from syncproton.message import Message

Connect = Callable[..., Any]


def described(client: Any, count: int) -> Any:
    return [(message.body, message.delivery_count) for message in client.messages(count)]


@pytest.fixture
def control(client: Any) -> Control:
    return Control(client)


def lend(client: Any, *bodies: Any, credit: int = 10) -> Any:
    """Have messages sent to a queue, and received."""
    client.send(client.sender("q", "lender"), *bodies)
    client.receiver("q", credit=credit)
    return client.take(len(bodies))


# --- posting


@pytest.mark.parametrize("settled", [False, True])
def test_what_is_sent_is_there_after_the_commit(client: Any, control: Control, broker: Broker, settled: bool) -> None:
    client.receiver("q", credit=10)
    transaction = control.declare()
    post(client, client.sender("q"), transaction, 1, 2, settled=settled)
    client.sync()
    assert not client.received and broker.depths() == {"q": 0}
    control.commit(transaction)
    assert client.bodies(2) == [1, 2]


def test_the_sender_is_told_what_will_have_become_of_a_message(client: Any, control: Control) -> None:
    transaction = control.declare()
    [delivery] = post(client, client.sender("q"), transaction, 1)
    assert delivery.remote_state == DispositionType.TRANSACTIONAL_STATE
    id, outcome = delivery.remote.data
    assert id == transaction and outcome.descriptor == Delivery.ACCEPTED


def test_what_is_sent_is_forgotten_after_a_rollback(client: Any, control: Control, broker: Broker) -> None:
    sender = client.sender("q")
    transaction = control.declare()
    post(client, sender, transaction, 1, 2)
    control.roll_back(transaction)
    sender.close()
    client.sync()
    assert broker.depths() == {}


def test_a_message_in_many_frames(client: Any, control: Control, connect: Connect) -> None:
    transaction = control.declare()
    post(client, client.sender("q"), transaction, b"x" * 200_000)
    control.commit(transaction)
    other = connect()
    other.receiver("q", credit=1)
    assert other.bodies(1) == [b"x" * 200_000]


def test_several_transactions_at_once_on_several_sessions(client: Any, control: Control, broker: Broker) -> None:
    first, second = control.declare(), Control(client, "another").declare()
    post(client, client.sender("a", "a"), first, 1, 2)
    client.session = client.connection.session()
    client.session.open()
    sender = client.sender("b", "b")
    post(client, sender, second, 3)
    post(client, sender, first, 4)
    assert broker.depths() == {"a": 0, "b": 0}
    control.commit(first)
    assert broker.depths() == {"a": 2, "b": 1}
    control.roll_back(second)
    assert broker.depths() == {"a": 2, "b": 1}


def test_the_queue_outlives_the_sender(client: Any, control: Control, broker: Broker) -> None:
    sender = client.sender("q")
    transaction = control.declare()
    post(client, sender, transaction, 1)
    sender.close()
    client.sync()
    control.commit(transaction)
    assert broker.depths() == {"q": 1}


def test_by_way_of_a_sender_without_a_target(client: Any, control: Control, broker: Broker) -> None:
    transaction = control.declare()
    post(client, client.sender(None), transaction, Message(address="a"), Message(address="b"))
    assert broker.depths() == {"a": 0, "b": 0}
    control.commit(transaction)
    assert broker.depths() == {"a": 1, "b": 1}


# --- retirement


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("state", [Delivery.ACCEPTED, Delivery.REJECTED])
def test_a_message_is_consumed_by_the_commit(
    client: Any, control: Control, broker: Broker, state: int, settled: bool
) -> None:
    [received] = lend(client, "x")
    transaction = control.declare()
    retire(client, [received], transaction, state, settled)
    assert broker.depths() == {"q": 1}
    control.commit(transaction)
    assert broker.depths() == {"q": 0} and received[0].settled is not settled


@pytest.mark.parametrize("settled", [False, True])
def test_a_message_comes_again_if_the_commit_releases_it(client: Any, control: Control, settled: bool) -> None:
    received = lend(client, "x")
    transaction = control.declare()
    retire(client, received, transaction, Delivery.RELEASED, settled)
    assert not client.received
    control.commit(transaction)
    assert described(client, 1) == [("x", 0)]


def test_a_message_is_modified_by_the_commit(client: Any, control: Control, connect: Connect) -> None:
    received = lend(client, "x")
    transaction = control.declare()
    retire(client, received, transaction, Delivery.MODIFIED, fields=[True, True, {symbol("x-opt-a"): 1}])
    control.commit(transaction)
    other = connect()
    other.receiver("q", credit=1)
    [message] = other.messages(1)
    assert (message.body, message.delivery_count, message.annotations) == ("x", 1, {"x-opt-a": 1})
    assert not client.received, "it said that the message is undeliverable here"


def test_an_outcome_can_be_changed_before_the_commit(client: Any, control: Control, broker: Broker) -> None:
    received = lend(client, "x")
    transaction = control.declare()
    retire(client, received, transaction, Delivery.RELEASED, settled=False)
    retire(client, received, transaction, Delivery.ACCEPTED)
    control.commit(transaction)
    assert broker.depths() == {"q": 0}


def test_a_transaction_without_an_outcome_changes_nothing(client: Any, control: Control, broker: Broker) -> None:
    received = lend(client, "x")
    transaction = control.declare()
    received[0][0].local.data = [transaction]
    received[0][0].update(DispositionType.TRANSACTIONAL_STATE)
    control.commit(transaction)
    assert not received[0][0].settled
    client.settle(received, Delivery.ACCEPTED)
    assert broker.depths() == {"q": 0}


def test_an_outcome_given_outright_is_not_undone(client: Any, control: Control, broker: Broker) -> None:
    received = lend(client, "x")
    transaction = control.declare()
    retire(client, received, transaction, settled=False)
    client.settle(received, Delivery.ACCEPTED)
    assert broker.depths() == {"q": 0}
    control.roll_back(transaction)
    assert broker.depths() == {"q": 0}


def test_what_was_settled_goes_back_at_a_rollback_and_counts_as_delivered(client: Any, control: Control) -> None:
    received = lend(client, "a", "r", "l")
    transaction = control.declare()
    retire(client, received[:1], transaction, Delivery.ACCEPTED)
    retire(client, received[1:2], transaction, Delivery.REJECTED)
    retire(client, received[2:], transaction, Delivery.RELEASED)
    control.roll_back(transaction)
    assert described(client, 3) == [("a", 1), ("r", 1), ("l", 0)]


def test_what_was_not_settled_stays_with_its_receiver_at_a_rollback(client: Any, control: Control) -> None:
    received = lend(client, "x", "y", "z")
    transaction = control.declare()
    retire(client, received, transaction, settled=False)
    control.roll_back(transaction)
    client.sync()
    assert not client.received and not received[0][0].settled
    # It may say again what becomes of it, also under another transaction.
    client.settle(received[:1], Delivery.RELEASED)
    assert described(client, 1) == [("x", 1)]
    again = control.declare()
    retire(client, received[1:2], again)
    control.commit(again)
    # Or nothing but that it is settled.
    received[2][0].settle()
    assert described(client, 1) == [("z", 1)]


def test_a_receiver_may_go_before_the_commit(client: Any, control: Control, broker: Broker) -> None:
    received = lend(client, "x", "y")
    transaction = control.declare()
    retire(client, received[:1], transaction, settled=False)
    link = received[0][0].link
    link.close()
    client.sync()
    control.commit(transaction)
    assert broker.depths() == {"q": 1}


def test_a_receiver_may_go_before_the_rollback(client: Any, control: Control, connect: Connect) -> None:
    received = lend(client, "x")
    transaction = control.declare()
    retire(client, received, transaction, settled=False)
    received[0][0].link.close()
    control.roll_back(transaction)
    other = connect()
    other.receiver("q", credit=1)
    assert described(other, 1) == [("x", 1)]


def test_looking_at_a_queue_takes_nothing_from_it(client: Any, control: Control, broker: Broker) -> None:
    client.send(client.sender("q"), "x")
    link = client.session.receiver("browser")
    link.source.address = "q"
    link.source.distribution_mode = link.source.DIST_MODE_COPY
    client.attach(link)
    link.flow(1)
    transaction = control.declare()
    [received] = client.take(1)
    retire(client, [received], transaction, settled=False)
    assert received[0].settled
    control.commit(transaction)
    assert broker.depths() == {"q": 1}


# --- both


def test_moving_messages(client: Any, control: Control, broker: Broker) -> None:
    received = lend(client, "a", "b")
    sender = client.sender("to")
    for end, depths in ((control.roll_back, {"q": 2, "to": 0}), (control.commit, {"q": 0, "to": 2})):
        transaction = control.declare()
        retire(client, received, transaction)
        post(client, sender, transaction, "A", "B")
        end(transaction)
        assert broker.depths() == depths
        if depths["q"]:
            received = client.take(2)


@pytest.mark.parametrize("how", ["close", "detach"])
def test_a_transaction_goes_with_the_link_it_was_declared_on(
    client: Any, control: Control, broker: Broker, how: str
) -> None:
    received = lend(client, "x")
    others = Control(client, "another")
    transaction, other = control.declare(), others.declare()
    retire(client, received, transaction)
    post(client, client.sender("to"), transaction, "lost")
    post(client, client.sender("to", "second"), other, "kept")
    getattr(control.link, how)()
    assert client.bodies(1) == ["x"]
    others.commit(other)
    assert others.discharge(transaction).remote.condition.name == "amqp:transaction:unknown-id"
    assert broker.depths() == {"q": 1, "to": 1}


def test_a_transaction_goes_with_its_session(client: Any, broker: Broker) -> None:
    main, client.session = client.session, client.connection.session()
    client.session.open()
    control = Control(client)
    session, client.session = client.session, main
    received = lend(client, "x")
    transaction = control.declare()
    retire(client, received, transaction)
    session.close()
    assert client.bodies(1) == ["x"]
    client.sync()


@pytest.mark.parametrize("orderly", [True, False])
def test_a_transaction_goes_with_its_connection(connect: Connect, broker: Broker, orderly: bool) -> None:
    client, other = connect(), connect()
    other_receiver = other.receiver("q")
    received = lend(client, "x", "y")
    control = Control(client)
    transaction = control.declare()
    retire(client, received[:1], transaction)
    post(client, client.sender("to"), transaction, "lost")
    if orderly:
        client.close()
    else:
        client.vanish()
    other_receiver.flow(2)
    # Of the second nothing was said; lost with its connection it counts as delivered too.
    assert described(other, 2) == [("x", 1), ("y", 0 if orderly else 1)]
    assert broker.depths() == {"q": 2}
