"""Local transactions whose program leaves: what it has asked for before it closes happens, and is told."""

from __future__ import annotations

from typing import Callable

import pytest
from scripted_coordinator import DROP, SILENCE, ScriptedCoordinator
from transaction_client import Client

from syncproton.reactor import Container, Transaction
from syncproton.reactor import coordinator as coordinators
from syncproton.wire.performatives import Attach, Close, Detach, End, Transfer
from syncproton.wire.states import Declared

MakePeer = Callable[..., ScriptedCoordinator]
MakeClient = Callable[..., Client]

YES = Declared(b"1")
COMMITTED = [("declare",), ("send", "one", b"txn-1", False), ("send", "two", b"txn-1", False),
             ("discharge", b"txn-1", False)]


def send_commit_and_close(program: Client, transaction: Transaction, what: str = "connection") -> None:
    """All in one go, as in one callback."""
    def work() -> None:
        program.send_now(transaction, "one", "two")
        transaction.commit()
        {"connection": program.connection, "session": transaction.txn_ctrl.session}[what].close()

    program.do(work)


@pytest.mark.parametrize("what", ["connection", "session"])
def test_a_commit_goes_before_the_end(coordinator: MakePeer, client: MakeClient, what: str) -> None:
    peer = coordinator()
    program = client(peer)
    program.create_sender()
    transaction = program.declare()
    send_commit_and_close(program, transaction, what)
    assert program.wait("on_transaction_committed").transaction is transaction
    if what == "session":
        peer.wait_for(End)
        program.close()
    else:
        program.wait("on_connection_closed")
    assert peer.story() == COMMITTED
    assert [type(each) for each in peer.said(Transfer, End, Close)][:5] == \
        [Transfer] * 4 + [End if what == "session" else Close]
    assert program.hears() == []


def test_a_large_message_goes_before_the_commit_and_that_before_the_close(
    coordinator: MakePeer, client: MakeClient
) -> None:
    peer = coordinator(max_frame_size=1 << 16)
    program = client(peer)
    program.create_sender()
    transaction = program.declare()
    body = "x" * (3 << 20)

    def work() -> None:
        program.send_now(transaction, body)
        transaction.commit()
        program.connection.close()

    program.do(work)
    program.wait("on_transaction_committed")
    program.wait("on_connection_closed")
    assert peer.story() == [("declare",), ("send", body, b"txn-1", False), ("discharge", b"txn-1", False)]


def test_the_close_waits_for_the_answer_to_a_commit_but_not_for_ever(
    coordinator: MakePeer, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinators, "PATIENCE", 0.2)
    peer = coordinator(YES, SILENCE)
    program = client(peer)
    program.create_sender()
    transaction = program.declare()
    send_commit_and_close(program, transaction)
    program.wait("on_connection_closed")
    assert program.wait("on_transaction_commit_failed").transaction is transaction
    assert transaction.in_doubt
    assert peer.story()[-1] == ("discharge", b"1", False)


def test_the_close_does_not_wait_for_credit(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(credit=0)
    program = client(peer)
    program.create_sender(wait="on_link_opened")
    transaction = program.declare()
    send_commit_and_close(program, transaction)
    assert program.wait("on_transaction_commit_failed").transaction is transaction
    assert not transaction.in_doubt, "the peer was not asked"
    assert peer.story() == [("declare",)]


def test_the_link_to_the_coordinator_is_closed_after_a_commit(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    program = client(peer)
    transaction = program.declare()

    def leave() -> None:
        transaction.commit()
        transaction.txn_ctrl.close()

    program.do(leave)
    assert program.wait("on_transaction_committed").transaction is transaction
    peer.wait_for(Detach)
    assert peer.story() == [("declare",), ("discharge", b"txn-1", False)]


def test_the_link_to_the_coordinator_is_closed_while_a_commit_waits(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(credit=0)
    program = client(peer)
    program.create_sender(wait="on_link_opened")
    transaction = program.declare()

    def leave() -> None:
        program.send_now(transaction, "one")
        transaction.commit()
        transaction.txn_ctrl.close()

    program.do(leave)
    assert program.wait("on_transaction_commit_failed").transaction is transaction
    assert not transaction.in_doubt
    peer.wait_for(Detach)
    peer.grant()
    program.close()
    assert peer.story() == [("declare",)]


def test_a_commit_that_is_settled_without_an_outcome_is_in_doubt(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator(YES, (True, None), YES, (True, None)))
    for end, told in (("commit", "on_transaction_commit_failed"), ("abort", "on_transaction_aborted")):
        transaction = program.declare()
        program.do(getattr(transaction, end))
        assert program.wait(told).transaction is transaction
        assert transaction.in_doubt is (end == "commit")


def test_a_connection_that_is_given_up_before_it_was_made_is_no_news(
    background: Callable[..., Container], coordinator: MakePeer
) -> None:
    peer = coordinator()
    program = Client(background(), peer)
    program.close()

    def work() -> Transaction:
        program.connection = program.container.connect(peer.url, handler=program)
        transaction: Transaction = program.container.declare_transaction(program.connection, program)
        program.connection.close()
        return transaction

    transaction = program.do(work)
    program.do(lambda: None)
    assert program.hears() == [] and transaction.over


def test_a_peer_that_goes_instead_of_answering_a_close_is_no_news(coordinator: MakePeer, client: MakeClient) -> None:
    """What was open is over, as the program wanted.  Of what it has asked to be committed it is told."""
    peer = coordinator(YES, YES, DROP)
    program = client(peer)
    left_open, committing = program.declare(), program.declare()

    def leave() -> None:
        committing.commit()
        program.connection.close()

    program.do(leave)
    assert program.wait("on_transaction_commit_failed").transaction is committing
    assert committing.in_doubt and left_open.over
    assert program.hears() == []
    assert len(peer.said(Attach)) == 1
