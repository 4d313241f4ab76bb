"""Local transactions that fail: refused, rejected, lost; and what must not be half of one."""

from __future__ import annotations

import logging
from typing import Any, Callable, List

import pytest
from scripted_coordinator import DETACH, DROP, END, SILENCE, ScriptedCoordinator
from transaction_client import Client, Told

from syncproton.engine import Delivery, Event
from syncproton.errors import ProtonException, TransactionError
from syncproton.handlers import TransactionHandler
from syncproton.message import Message
from syncproton.reactor import Container, Transaction
from syncproton.wire.performatives import Attach, Transfer
from syncproton.wire.states import ACCEPTED, RELEASED, Declared, Error, Received, Rejected

MakePeer = Callable[..., ScriptedCoordinator]
MakeClient = Callable[..., Client]

NO = Rejected(Error("amqp:transaction:rollback", "no"))
YES = Declared(b"1")


def begin(program: Client) -> Transaction:
    transaction: Transaction = program.do(program.container.declare_transaction, program.connection, program)
    return transaction


def why(transaction: Transaction) -> Any:
    return transaction.condition.name if transaction.condition is not None else None


# --- what the coordinator answers


def test_declare_rejected(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator(NO))
    transaction = begin(program)
    told = program.wait("on_transaction_declare_failed")
    assert told.transaction is transaction and told.delivery is transaction._declare
    assert told.delivery.remote_state == Delivery.REJECTED
    assert told.condition == why(transaction) == "amqp:transaction:rollback"
    with pytest.raises(TransactionError, match="is over"):
        program.do(transaction.commit)
    # The link is still good.
    program.declare()


@pytest.mark.parametrize(
    "answer", [ACCEPTED, RELEASED, (True, None), Declared(""), Declared(7)],  # type: ignore[arg-type]
    ids=["accepted", "released", "settled", "id that is text", "id that is a number"],
)
def test_declare_answered_otherwise(
    coordinator: MakePeer, client: MakeClient, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    program = client(coordinator(answer))
    transaction = begin(program)
    program.wait("on_transaction_declare_failed")
    assert transaction.id is None and transaction.over
    assert "unexpected answer to the declare" in caplog.text


def test_commit_rejected(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(YES, NO, messages=1)
    program = client(peer)
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.do(transaction.accept, delivery)
    program.do(transaction.commit)
    told = program.wait("on_transaction_commit_failed")
    assert told.transaction is transaction and told.delivery is transaction._discharge
    assert told.condition == why(transaction) == "amqp:transaction:rollback"
    assert not transaction.in_doubt
    program.close()
    # What was accepted under it is given back.
    assert peer.story()[-1] == ("outcome", 0, None, RELEASED.DESCRIPTOR, True)


@pytest.mark.parametrize("answer", [RELEASED, (True, None), YES], ids=["released", "settled", "declared"])
def test_commit_answered_otherwise_is_none(
    coordinator: MakePeer, client: MakeClient, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    program = client(coordinator(YES, answer))
    transaction = program.declare()
    program.do(transaction.commit)
    program.wait("on_transaction_commit_failed")
    assert "unexpected answer to the discharge" in caplog.text


def test_abort_rejected_is_one_nevertheless(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator(YES, NO))
    transaction = program.declare()
    program.do(transaction.abort)
    assert program.wait("on_transaction_aborted").condition == "amqp:transaction:rollback"


def test_answers_that_are_not_settled(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator((False, Declared(b"later")), (False, ACCEPTED))
    program = client(peer)
    transaction = program.declare()
    assert transaction.id == b"later"
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    assert program.do(lambda: transaction.txn_ctrl.unsettled) == 0


def test_received_is_no_answer_yet(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator((False, Received(0, 0))))
    transaction = begin(program)
    program.declare()
    assert "on_transaction_declare_failed" not in program.hears() and not transaction.over


# --- the link, the session, the connection goes


def test_link_refused(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator(refuse=True))
    transaction = begin(program)
    told = program.wait("on_transaction_declare_failed")
    assert told.transaction is transaction and told.connection is program.connection
    # Where handlers look for the reason of a rejected declare, there it is.
    assert told.condition == why(transaction) == "amqp:not-implemented"
    # And the link's own callback is called, as in proton.
    assert program.wait("on_link_error").link.remote_condition.name == "amqp:not-implemented"
    # Again, over a new link.
    begin(program)
    program.wait("on_transaction_declare_failed")
    assert len(program.peer.said(Attach)) == 2


def test_link_refused_leaves_the_connection_to_a_handler_that_says_nothing_of_links(
    coordinator: MakePeer, client: MakeClient
) -> None:
    class Plain(TransactionHandler):
        def __init__(self) -> None:
            self.failed: List[Any] = []

        def on_transaction_declare_failed(self, event: Any) -> None:
            self.failed.append(event.transaction._declare.remote.condition.name)

    program = client(coordinator(refuse=True))
    plain = Plain()
    program.do(program.container.declare_transaction, program.connection, plain)
    program.create_sender()
    assert plain.failed == ["amqp:not-implemented"]
    program.do(program.sender.send, Message(body=1))
    program.wait("on_settled")


@pytest.mark.parametrize("how", [DETACH, END, DROP])
@pytest.mark.parametrize("when", ["declare", "commit", "abort"])
def test_gone_instead_of_an_answer(coordinator: MakePeer, client: MakeClient, how: str, when: str) -> None:
    program = client(coordinator(*([how] if when == "declare" else [YES, how])))
    if when == "declare":
        transaction = begin(program)
        told = program.wait("on_transaction_declare_failed")
    else:
        transaction = program.declare()
        program.do(getattr(transaction, when))
        told = program.wait("on_transaction_commit_failed" if when == "commit" else "on_transaction_aborted")
    assert told.transaction is transaction and transaction.over
    reason = "amqp:connection:framing-error" if how == DROP else "amqp:transaction:rollback"
    assert told.condition == why(transaction) == reason
    # Of a commit nobody can tell whether it happened.
    assert transaction.in_doubt is (when == "commit")
    assert program.hears() == []


@pytest.mark.parametrize("how", [DETACH, END, DROP])
def test_gone_while_open(coordinator: MakePeer, client: MakeClient, how: str) -> None:
    """One transaction is the end of the other: its answer is that the link goes."""
    peer = coordinator(YES, how, messages=1)
    program = client(peer)
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.do(transaction.accept, delivery)
    other = begin(program)
    told: List[Told] = [program.wait("on_transaction_aborted"), program.wait("on_transaction_declare_failed")]
    assert [each.transaction for each in told] == [transaction, other]
    assert not transaction.in_doubt
    for call in (transaction.commit, transaction.abort, lambda: transaction.accept(delivery)):
        with pytest.raises(TransactionError, match="is over"):
            program.do(call)
    if how == DETACH:
        program.close()
        assert peer.story()[-1] == ("outcome", 0, None, RELEASED.DESCRIPTOR, True)


def test_connection_lost_and_made_again(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=1)
    program = client(peer, reconnect=[0.01] * 5)
    program.create_sender()
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.send(transaction, "lost")
    program.wait("on_settled")
    program.do(transaction.accept, delivery)
    peer.drop()
    program.wait("on_disconnected")
    told = program.wait("on_transaction_aborted")
    assert told.transaction is transaction and told.connection is program.connection
    program.wait("on_connection_opened")
    # Nothing of the old transaction goes to the peer, and a new one can be had, over the link that came back.
    again = program.declare()
    program.send(again, "new")
    program.do(again.commit)
    program.wait("on_transaction_committed")
    assert len(peer.heard) == 2
    assert peer.story() == [("declare",), ("send", "new", b"txn-2", False), ("discharge", b"txn-2", False)]


def test_declared_again_at_once_after_a_loss(coordinator: MakePeer, client: MakeClient) -> None:
    class Again(Client):
        def on_transaction_aborted(self, event: Any) -> None:
            super().on_transaction_aborted(event)
            self.container.declare_transaction(self.connection, self)

    peer = coordinator()
    program = client(peer, kind=Again, reconnect=[0.01] * 5)
    program.declare()
    peer.drop()
    program.wait("on_transaction_aborted")
    program.wait("on_transaction_declared")
    assert peer.story() == [("declare",)]


def test_commit_in_flight_is_not_sent_again(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(YES, DROP)
    program = client(peer, reconnect=[0.01] * 5)
    transaction = program.declare()
    program.do(transaction.commit)
    program.wait("on_transaction_commit_failed")
    assert transaction.in_doubt
    program.wait("on_connection_opened")
    program.declare()
    assert peer.story() == [("declare",)]


def test_declare_waits_for_the_connection(
    coordinator: MakePeer, background: Callable[..., Container], refused_port: int
) -> None:
    """The first address refuses: that is not yet the end."""

    class Failover(Client):
        def __init__(self, container: Container, peer: ScriptedCoordinator) -> None:
            super().__init__(container, peer)
            self.close()
            urls = [f"amqp://127.0.0.1:{refused_port}", peer.url]

            def begin() -> None:
                self.connection = container.connect(urls=urls, handler=self)
                container.declare_transaction(self.connection, self)

            self.do(begin)

    program = Failover(background(), coordinator())
    program.wait("on_transaction_declared")
    assert "on_transaction_declare_failed" not in program.hears()


def test_declare_on_a_connection_that_never_comes(
    background: Callable[..., Container], coordinator: MakePeer, refused_port: int
) -> None:
    program = Client(background(), coordinator())

    def connect() -> Transaction:
        program.connection = program.container.connect(f"127.0.0.1:{refused_port}", handler=program, reconnect=False)
        transaction: Transaction = program.container.declare_transaction(program.connection, program)
        return transaction

    transaction = program.do(connect)
    assert program.wait("on_transaction_declare_failed").transaction is transaction
    assert why(transaction) == "proton:io"
    with pytest.raises(ProtonException, match="the connection has ended"):
        begin(program)


def test_closing_with_a_transaction_open_is_no_news(coordinator: MakePeer, client: MakeClient) -> None:
    """A handler that begins a new transaction when the last is over must not do so on a connection it has closed."""
    for what in ("connection", "session", "link"):
        program = client(coordinator(YES, SILENCE))
        transaction = program.declare()
        pending = begin(program)
        endpoint = {"connection": program.connection, "session": transaction.txn_ctrl.session,
                    "link": transaction.txn_ctrl}[what]
        program.do(endpoint.close)
        if what == "connection":
            program.wait("on_connection_closed")
        assert program.hears() == []
        for each in (transaction, pending):
            with pytest.raises(TransactionError, match="over"):
                program.do(each.commit)


def test_answers_that_come_after_the_application_has_closed(coordinator: MakePeer, client: MakeClient) -> None:
    """Of a declare there is nothing to be told: the transaction cannot be used.  Of a commit there is."""
    peer = coordinator()
    program = client(peer)
    committing = program.declare()

    def leave() -> Transaction:
        committing.commit()
        declaring: Transaction = program.container.declare_transaction(program.connection, program)
        program.connection.close()
        return declaring

    declaring = program.do(leave)
    program.wait("on_transaction_committed")
    program.wait("on_connection_closed")
    assert program.hears() == [] and declaring.over
    assert peer.story() == [("declare",), ("discharge", b"txn-1", False), ("declare",)]


def test_callback_that_is_missing(
    coordinator: MakePeer, client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Optimist:
        transaction = None

        def on_transaction_declared(self, event: Any) -> None:
            event.transaction.commit()

    with caplog.at_level(logging.WARNING, "syncproton.reactor"):
        for answer in (ACCEPTED, NO):
            peer = coordinator(YES, answer)
            program = client(peer)
            program.do(program.container.declare_transaction, program.connection, Optimist())
            peer.wait_for(Transfer, 2)
            program.declare()
    [record] = [each for each in caplog.records if "on_transaction_commit_failed" in each.getMessage()]
    assert "amqp:transaction:rollback" in record.getMessage()


# --- nothing by halves


def test_commit_waits_for_what_has_no_credit(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(credit=0)
    program = client(peer)
    program.create_sender(wait="on_link_opened")
    transaction = program.declare()
    program.send(transaction, "one", "two")
    program.do(transaction.commit)
    with pytest.raises(TransactionError, match="is being ended"):
        program.do(transaction.commit)
    with pytest.raises(TransactionError, match="is being ended"):
        program.send(transaction, "three")
    # Others are not kept waiting.
    other = program.declare()
    program.do(other.commit)
    assert program.wait("on_transaction_committed").transaction is other
    peer.grant(1)
    program.wait("on_settled")
    assert program.hears() == []
    peer.grant(1)
    assert program.wait("on_transaction_committed").transaction is transaction
    assert peer.story()[-3:] == [
        ("send", "one", b"txn-1", False), ("send", "two", b"txn-1", False), ("discharge", b"txn-1", False),
    ]
    # Nothing of the waiting is left behind.
    assert Event.LINK_FLOW not in program.container._hooks


def test_abort_takes_back_what_has_no_credit(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(credit=0)
    program = client(peer)
    sender = program.create_sender(wait="on_link_opened")
    transaction = program.declare()
    deliveries = program.send(transaction, "one", "two")
    assert program.do(lambda: sender.queued) == 2
    program.do(transaction.abort)
    program.wait("on_transaction_aborted")
    assert program.do(lambda: (sender.queued, sender.unsettled, sender.credit)) == (0, 0, 0)
    assert all(each.remote_state == 0 for each in deliveries)
    peer.grant()
    program.wait("on_sendable")
    program.do(sender.send, Message(body="after"))
    program.wait("on_settled")
    assert peer.story()[1:] == [("discharge", b"txn-1", True), ("send", "after", None, False)]


@pytest.mark.parametrize("reconnect", [True, False])
def test_what_was_not_sent_is_dropped_with_its_transaction(
    coordinator: MakePeer, client: MakeClient, reconnect: bool
) -> None:
    peer = coordinator(credit=0) if reconnect else coordinator(YES, DETACH, credit=0)
    program = client(peer, reconnect=[0.01] * 5 if reconnect else False)
    sender = program.create_sender(wait="on_link_opened")
    transaction = program.declare()
    program.send(transaction, "one", "two")
    program.do(transaction.commit)
    if reconnect:
        peer.wait_for(Transfer)
        peer.drop()
    else:
        begin(program)
    told = program.wait("on_transaction_commit_failed")
    assert told.transaction is transaction
    assert not transaction.in_doubt, "the peer was not asked, so it has not committed"
    if reconnect:
        program.wait("on_connection_opened")
    # What is sent now is the first that the peer gets.
    peer.grant()
    program.wait("on_sendable")
    program.do(sender.send, Message(body="after"))
    program.wait("on_settled")
    assert [each for each in peer.story() if each[0] == "send"] == [("send", "after", None, False)]


def test_commit_of_what_can_never_be_sent_fails(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(credit=0)
    program = client(peer)
    program.create_sender(wait="on_link_opened")
    transaction = program.declare()
    program.send(transaction, "one")
    program.do(transaction.commit)
    peer.detach_queue()
    told = program.wait("on_transaction_commit_failed")
    assert told.transaction is transaction and told.condition == why(transaction) == "amqp:transaction:rollback"
    assert "could not be sent" in str(transaction.condition)
    # The peer was told to roll back.
    assert peer.story() == [("declare",), ("discharge", b"txn-1", True)]


def test_commit_after_the_link_of_a_send_has_gone(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(credit=0)
    program = client(peer)
    program.create_sender(wait="on_link_opened")
    transaction = program.declare()
    program.send(transaction, "one")
    peer.detach_queue()
    program.wait("on_link_error")
    program.do(transaction.commit)
    program.wait("on_transaction_commit_failed")
    assert peer.story() == [("declare",), ("discharge", b"txn-1", True)]
