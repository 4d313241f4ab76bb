"""The coordinator: what it says it can do, and how it answers what can't be."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from transactional import CLOSED, Control, post, retire

from syncproton.broker import Broker, Limits
from syncproton.codec import UNDESCRIBED, Array, Data, Described, symbol, ulong
from syncproton.engine import Delivery, DispositionType, Terminus
from syncproton.message import Message

Connect = Callable[..., Any]

ROLLBACK = "amqp:transaction:rollback"
UNKNOWN = "amqp:transaction:unknown-id"
FULL = "amqp:resource-limit-exceeded"


@pytest.fixture
def limits() -> Limits:
    return Limits(transactions=3, queue_depth=3, memory=100_000)


@pytest.fixture
def control(client: Any) -> Control:
    return Control(client)


def reason(delivery: Any) -> str:
    assert delivery.remote_state == Delivery.REJECTED and delivery.settled
    return str(delivery.remote.condition.name)


def test_it_says_what_it_can_do(client: Any) -> None:
    link = client.session.sender("control")
    link.target.type = Terminus.COORDINATOR
    asked = [symbol("amqp:local-transactions"), symbol("amqp:distributed-transactions")]
    link.target.capabilities.put_object(Array(UNDESCRIBED, Data.SYMBOL, *asked))
    client.attach(link)
    assert link.remote_target.type == Terminus.COORDINATOR
    capabilities = link.remote_target.capabilities
    capabilities.rewind()
    capabilities.next()
    assert set(capabilities.get_object().elements) == {
        "amqp:local-transactions", "amqp:multi-txns-per-ssn", "amqp:multi-ssns-per-txn"}


def test_ids_are_all_different(connect: Connect) -> None:
    first, second = Control(connect()), Control(connect())
    ids = [control.declare() for control in (first, first, second, second)]
    assert len(set(ids)) == 4 and all(0 < len(id) <= 32 for id in ids)


def test_a_transaction_ends_once(control: Control) -> None:
    for end in (control.commit, control.roll_back):
        transaction = control.declare()
        end(transaction)
        assert reason(control.discharge(transaction)) == UNKNOWN
        assert reason(control.discharge(transaction, fail=True)) == UNKNOWN


@pytest.mark.parametrize("id", [b"nobody's", "text", 5, {}, b"x" * 1000])
def test_a_discharge_of_what_there_is_not(control: Control, id: Any) -> None:
    assert reason(control.discharge(id)) == UNKNOWN
    control.commit(control.declare())


@pytest.mark.parametrize("body, condition", [
    (Described(ulong(0x31), ["global"]), "amqp:not-implemented"),
    (Described(ulong(0x31), [None, None]), "amqp:invalid-field"),
    (Described(ulong(0x32), []), "amqp:invalid-field"),
    (Described(ulong(0x32), [b"id", "yes"]), "amqp:invalid-field"),
    (Described(symbol("amqp:declare:list"), "no list"), "amqp:decode-error"),
    (Described(symbol("amqp:else:list"), []), "amqp:not-implemented"),
    ("begin", "amqp:decode-error"),
    (b"", "amqp:decode-error"),
    (b"\xff\xff", "amqp:decode-error"),
])
def test_a_request_that_makes_no_sense(control: Control, body: Any, condition: str) -> None:
    assert reason(control.ask(body)) == condition
    control.commit(control.declare())


def test_a_declare_that_is_settled_closes_the_link(client: Any, control: Control) -> None:
    control.ask(Described(ulong(0x31), []), settled=True)
    assert control.link.state & CLOSED and control.link.remote_condition.name == "amqp:not-allowed"
    Control(client, "again").declare()


def test_a_discharge_that_is_settled_is_done(client: Any, control: Control, broker: Broker) -> None:
    transaction = control.declare()
    post(client, client.sender("q"), transaction, 1)
    control.ask(Described(ulong(0x32), [transaction]), settled=True)
    assert broker.depths() == {"q": 1}
    assert not control.link.state & CLOSED


def test_a_peer_that_knows_no_rejection_has_its_link_closed(client: Any) -> None:
    control = Control.__new__(Control)
    control.client, control.link = client, client.session.sender("control")
    control.link.target.type = Terminus.COORDINATOR
    control.link.source.address = "here"
    control.link.source.outcomes.put_object(Array(UNDESCRIBED, Data.SYMBOL, symbol("amqp:accepted:list")))
    client.attach(control.link)
    control.commit(control.declare())
    control.discharge(b"nobody's")
    assert control.link.remote_condition.name == UNKNOWN


def test_a_request_that_is_too_big(client: Any, control: Control) -> None:
    control.ask(b"x" * 5000)
    assert control.link.remote_condition.name == "amqp:link:message-size-exceeded"
    Control(client, "again").declare()


def test_requests_without_end(client: Any, control: Control) -> None:
    for _ in range(2500):
        link = control.link
        client.wait(lambda: link.credit > 0)
        client.tags += 1
        link.delivery(str(client.tags))
        link.stream(Message(body=Described(ulong(0x32), [b"nobody's"])).encode())
        link.advance()
    control.declare()


# --- ids that are not to be used


def test_transactions_of_another_connection_are_unknown(connect: Connect, broker: Broker) -> None:
    client, other = connect(), connect()
    control = Control(client)
    transaction = control.declare()
    assert reason(post(other, other.sender("q"), transaction, 1)[0]) == UNKNOWN
    assert reason(Control(other).discharge(transaction)) == UNKNOWN
    control.commit(transaction)
    assert broker.depths() == {"q": 0}


def test_a_settled_message_under_an_unknown_transaction_is_dropped(client: Any, broker: Broker) -> None:
    post(client, client.sender("q"), b"nobody's", 1, settled=True)
    assert broker.depths() == {"q": 0}


@pytest.mark.parametrize("data", [[b"nobody's"], [5], []])
def test_retiring_under_an_unknown_transaction_closes_the_link(client: Any, data: Any) -> None:
    client.send(client.sender("q"), "x")
    link = client.receiver("q", credit=1)
    [(delivery, _)] = client.take(1)
    if data:
        delivery.local.data = [*data, Described(ulong(0x24), [])]
        delivery.update(DispositionType.TRANSACTIONAL_STATE)
        client.wait(lambda: link.state & CLOSED)
        assert link.remote_condition.name == UNKNOWN
    client.receiver("q", credit=1, name="again")
    if data:
        assert client.bodies(1) == ["x"]


@pytest.mark.parametrize("outcome", [Described(ulong(0x33), [b"1"]), Described(symbol("else"), [])])
def test_an_outcome_that_there_is_not_closes_the_link(client: Any, control: Control, outcome: Any) -> None:
    client.send(client.sender("q"), "x")
    link = client.receiver("q", credit=1)
    [(delivery, _)] = client.take(1)
    delivery.local.data = [control.declare(), outcome]
    delivery.update(DispositionType.TRANSACTIONAL_STATE)
    client.wait(lambda: link.state & CLOSED)
    assert link.remote_condition.name == "amqp:invalid-field"


def test_an_outcome_under_two_transactions_closes_the_link(client: Any, control: Control, broker: Broker) -> None:
    client.send(client.sender("q"), "x")
    link = client.receiver("q", credit=1)
    received = client.take(1)
    first, second = control.declare(), control.declare()
    retire(client, received, first, settled=False)
    retire(client, received, second, settled=False)
    assert link.remote_condition.name == ROLLBACK
    # The first holds.
    control.roll_back(second)
    control.commit(first)
    assert broker.depths() == {"q": 0}


# --- commits that can't be done


def test_a_commit_to_a_full_queue_does_nothing(client: Any, control: Control, broker: Broker) -> None:
    client.send(client.sender("q"), 1)
    client.send(client.sender("from", "lender"), "x")
    client.receiver("from", credit=2)
    received = client.take(1)
    transaction = control.declare()
    post(client, client.sender("other", "another"), transaction, "fits")
    post(client, client.sender("q", "again"), transaction, 2, 3)
    retire(client, received, transaction)
    client.send(client.sender("q", "outright"), 4)
    assert reason(control.discharge(transaction)) == ROLLBACK
    assert client.bodies(1) == ["x"], "it comes again"
    assert broker.depths() == {"q": 2, "from": 1, "other": 0}
    assert reason(control.discharge(transaction)) == UNKNOWN


def test_what_a_commit_consumes_makes_room_for_what_it_sends(client: Any, control: Control, broker: Broker) -> None:
    client.send(client.sender("q"), *(b"x" * 30_000 for _ in range(3)))
    client.receiver("q", credit=3)
    received = client.take(3)
    transaction = control.declare()
    retire(client, received[:2], transaction)
    post(client, client.sender("q", "again"), transaction, "a", "b")
    control.commit(transaction)
    assert broker.depths() == {"q": 3}


def test_messages_held_need_no_more_memory_when_committed(client: Any, control: Control, broker: Broker) -> None:
    transaction = control.declare()
    post(client, client.sender("q"), transaction, b"x" * 60_000)
    control.commit(transaction)
    assert broker.depths() == {"q": 1}


def test_messages_held_count_against_the_memory(client: Any, control: Control, broker: Broker) -> None:
    sender = client.sender("q")
    transaction = control.declare()
    first, second, third = post(client, sender, transaction, b"x" * 60_000, b"x" * 60_000, "small")
    assert first.remote_state == DispositionType.TRANSACTIONAL_STATE
    assert reason(second) == FULL
    assert reason(third) == ROLLBACK
    # What was held is let go already.
    assert client.send(client.sender("q", "again"), b"x" * 60_000)[0].remote_state == Delivery.ACCEPTED
    discharge = control.discharge(transaction)
    assert reason(discharge) == ROLLBACK and "memory is full" in discharge.remote.condition.description
    assert broker.depths() == {"q": 1}


@pytest.mark.parametrize("settled", [False, True])
def test_a_message_that_goes_nowhere_spoils_the_transaction(
    client: Any, control: Control, broker: Broker, settled: bool
) -> None:
    transaction = control.declare()
    relay = client.sender(None)
    post(client, relay, transaction, Message(address="q", body=1))
    [lost] = post(client, relay, transaction, Message(body=2), settled=settled)
    if not settled:
        assert reason(lost) == "amqp:invalid-field"
    assert reason(control.discharge(transaction)) == ROLLBACK
    assert broker.depths() == {}
    assert reason(control.discharge(transaction)) == UNKNOWN


def test_a_spoilt_transaction_can_be_rolled_back(client: Any, control: Control) -> None:
    transaction = control.declare()
    post(client, client.sender(None), transaction, Message(body=2))
    control.roll_back(transaction)


def test_there_are_only_so_many_messages_in_a_transaction(client: Any, control: Control) -> None:
    transaction = control.declare()
    outcomes = post(client, client.sender("q"), transaction, 1, 2, 3, 4)
    assert reason(outcomes[3]) == FULL
    assert reason(control.discharge(transaction)) == ROLLBACK


def test_the_queue_may_be_gone_at_the_commit(connect: Connect) -> None:
    owner, client = connect(), connect()
    link = owner.session.receiver("dynamic")
    link.source.dynamic = True
    owner.attach(link)
    control = Control(client)
    sender = client.sender(link.remote_source.address)
    transaction = control.declare()
    post(client, sender, transaction, 1)
    owner.close()
    client.wait(lambda: sender.state & CLOSED)
    assert reason(control.discharge(transaction)) == ROLLBACK


def test_there_are_only_so_many_transactions(client: Any, control: Control, connect: Connect) -> None:
    open_ = [control.declare() for _ in range(3)]
    assert reason(control.ask(Described(ulong(0x31), []))) == FULL
    Control(connect()).declare()
    control.roll_back(open_[1])
    control.declare()
