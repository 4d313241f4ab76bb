"""A ``with`` block as a transaction: how it ends by itself, what is told when it cannot, and its calls as futures."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import wait
from typing import Any, Callable, List

import pytest
from scripted_coordinator import DROP, SILENCE, ScriptedCoordinator

from syncproton import ConnectionException, TransactionError
from syncproton.sync import Connection
from syncproton.wire.performatives import Transfer
from syncproton.wire.states import Declared, Error, Rejected

TIMEOUT = 10
NO = Rejected(Error("amqp:transaction:rollback", "no"))
YES = Declared(b"1")

Coordinator = Callable[..., ScriptedCoordinator]
Connected = Callable[..., Connection]


def test_the_end_of_the_block_commits(coordinator: Coordinator, connected: Connected) -> None:
    peer = coordinator(messages=1)
    connection = connected(peer)
    sender, receiver = connection.create_sender("queue"), connection.create_receiver("queue")
    with connection.transaction() as transaction:
        transaction.accept(receiver.receive())
        transaction.send(sender, "sent")
    assert transaction.over
    assert [each[:3] for each in peer.story()][:4] == [
        ("declare",), ("outcome", 0, b"txn-1"), ("send", "sent", b"txn-1"), ("discharge", b"txn-1", False)]


def test_an_exception_aborts_and_is_raised(coordinator: Coordinator, connected: Connected) -> None:
    peer = coordinator()
    connection = connected(peer)
    sender = connection.create_sender("queue")
    with pytest.raises(KeyError, match="mine"), connection.transaction() as transaction:
        transaction.send(sender, "never")
        raise KeyError("mine")
    assert transaction.over and peer.story()[-1] == ("discharge", b"txn-1", True)


@pytest.mark.parametrize("end, failed", [("commit", False), ("abort", True)])
def test_what_was_ended_in_the_block_is_left_alone(
    coordinator: Coordinator, connected: Connected, end: str, failed: bool
) -> None:
    peer = coordinator()
    with connected(peer).transaction() as transaction:
        getattr(transaction, end)()
    assert peer.story() == [("declare",), ("discharge", b"txn-1", failed)]


def test_a_commit_that_fails_is_raised(coordinator: Coordinator, connected: Connected) -> None:
    with pytest.raises(TransactionError, match="rolled back") as caught:
        with connected(coordinator(YES, NO)).transaction():
            pass
    assert caught.value.condition == "amqp:transaction:rollback" and not caught.value.in_doubt


def test_an_interrupt_aborts_without_waiting(coordinator: Coordinator, connected: Connected) -> None:
    peer = coordinator(YES, SILENCE)
    with pytest.raises(KeyboardInterrupt), connected(peer).transaction(timeout=TIMEOUT):
        raise KeyboardInterrupt
    peer.wait_for(Transfer, 2)
    assert peer.story()[-1] == ("discharge", b"1", True)


def test_a_lost_connection_is_told_once(
    coordinator: Coordinator, connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    """The block raises; that the abort could do nothing more is no news."""
    peer = coordinator(credit=0)
    connection = connected(peer)
    sender = connection.create_sender("queue")
    with caplog.at_level(logging.INFO, "syncproton"):
        with pytest.raises(ConnectionException), connection.transaction() as transaction:
            future = transaction.submit_send(sender, "never")
            peer.drop()
            wait([future], TIMEOUT)
            connection.create_sender("other")
    assert transaction.over
    assert [record for record in caplog.records if "aborted" in record.getMessage()] == []


def test_an_abort_that_is_not_answered_is_told_in_the_log(
    coordinator: Coordinator, connected: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connected(coordinator(YES, SILENCE))
    with pytest.raises(KeyError):
        with connection.transaction():
            connection.timeout = 0.05
            raise KeyError
    connection.timeout = TIMEOUT
    assert "could not be aborted" in caplog.text


def test_a_connection_lost_while_it_commits_leaves_doubt(coordinator: Coordinator, connected: Connected) -> None:
    with pytest.raises(TransactionError, match="in doubt") as caught:
        with connected(coordinator(YES, DROP)).transaction():
            pass
    assert caught.value.in_doubt


def test_the_commit_waits_for_what_was_submitted(coordinator: Coordinator, connected: Connected) -> None:
    peer = coordinator()
    connection = connected(peer)
    sender = connection.create_sender("queue")
    with connection.transaction() as transaction:
        futures = [transaction.submit_send(sender, number) for number in range(20)]
    assert all(future.result(TIMEOUT).settled for future in futures)
    story = peer.story()
    assert story[-1] == ("discharge", b"txn-1", False)
    assert [each[1] for each in story[1:-1]] == list(range(20))


def test_each_call_comes_as_a_future(coordinator: Coordinator, connected: Connected) -> None:
    peer = coordinator()
    connection = connected(peer)

    async def work() -> None:
        sender = await asyncio.wrap_future(connection.submit_create_sender("queue"))
        first = await asyncio.wrap_future(connection.submit_declare_transaction())
        await asyncio.wrap_future(first.submit_send(sender, "sent"))
        await asyncio.wrap_future(first.submit_commit())
        second = await asyncio.wrap_future(connection.submit_declare_transaction())
        await asyncio.wrap_future(second.submit_abort())
        assert first.over and second.over

    asyncio.run(work())
    assert [each[:2] for each in peer.story()] == [
        ("declare",), ("send", "sent"), ("discharge", b"txn-1"), ("declare",), ("discharge", b"txn-2")]


def test_one_that_is_taken_back_is_aborted_when_it_comes(coordinator: Coordinator, connected: Connected) -> None:
    go_on = threading.Event()
    peer = coordinator((go_on, YES))
    connection = connected(peer)
    future = connection.submit_declare_transaction()
    peer.wait_for(Transfer, 1)
    assert future.cancel()
    go_on.set()
    peer.wait_for(Transfer, 2)
    assert peer.story() == [("declare",), ("discharge", b"1", True)]
    with connection.transaction():
        pass
    assert peer.story()[-1][2] is False


def test_a_message_that_waits_for_credit_can_be_taken_back(coordinator: Coordinator, connected: Connected) -> None:
    peer = coordinator(credit=0)
    connection = connected(peer)
    sender = connection.create_sender("queue")
    with connection.transaction() as transaction:
        futures: List[Any] = [transaction.submit_send(sender, number) for number in range(2)]
        assert futures[0].cancel()
        peer.grant()
        assert futures[1].result(TIMEOUT).settled
    assert [each[1] for each in peer.story() if each[0] == "send"] == [1]
