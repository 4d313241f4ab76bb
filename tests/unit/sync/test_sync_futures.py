"""Calls as futures: their results, taking them back, their time limits, and where they may be used."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError, Future, as_completed, wait
from time import monotonic
from typing import Any, Callable, Iterator, List

import pytest

from syncproton import ConnectionException, MessageException, Timeout, WrongThread
from syncproton.engine import Delivery
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.sync import (
    Connection, InDoubt, LinkDetached, ReceivedMessage, Receiver, SendException, Sender, connect, submit_connect,
)
from syncproton.sync.expiry import SWEEP_AT

TIMEOUT = 20


@pytest.fixture
def connection(peer: Any) -> Iterator[Connection]:
    with connect(peer.url, timeout=TIMEOUT) as connection:
        yield connection


def received(peer: Any, count: int) -> List[Any]:
    """The bodies of so many messages that came."""
    return [peer.transfers.get(timeout=TIMEOUT).body for _ in range(count)]


# --- results


def test_each_form_has_the_result_of_the_other(peer: Any) -> None:
    connection = submit_connect(peer.url, timeout=TIMEOUT).result(TIMEOUT)
    assert isinstance(connection, Connection) and connection.is_open
    sender = connection.submit_create_sender("q").result(TIMEOUT)
    assert isinstance(sender, Sender) and sender.address == "q"
    assert peer.links.get(timeout=TIMEOUT).name == sender.name
    receiver = connection.submit_create_receiver("q", credit=3).result(TIMEOUT)
    assert isinstance(receiver, Receiver) and receiver.address == "q"
    link = peer.links.get(timeout=TIMEOUT)
    assert peer.credits.get(timeout=TIMEOUT) == 3
    delivery = sender.submit_send("x").result(TIMEOUT)
    assert delivery.remote_state == Delivery.ACCEPTED and delivery.settled
    peer.give(link, "y")
    message = receiver.submit_receive().result(TIMEOUT)
    assert isinstance(message, ReceivedMessage) and message.body == "y"
    message.accept()
    assert peer.outcomes.get(timeout=TIMEOUT)[0] == Delivery.ACCEPTED
    for close in (receiver.submit_close, sender.submit_close, connection.submit_close):
        assert close().result(TIMEOUT) is None
        assert close().result(TIMEOUT) is None  # as closing again does nothing
    assert receiver.closed and sender.closed and connection.closed


def test_the_messages_of_one_thread_keep_their_order(peer: Any, connection: Connection) -> None:
    peer.credit = 1000
    sender = connection.create_sender("q")
    futures = [sender.submit_send(number) for number in range(500)]
    assert {future.result().remote_state for future in as_completed(futures, TIMEOUT)} == {Delivery.ACCEPTED}
    assert received(peer, 500) == list(range(500))


def test_messages_that_are_received_keep_their_order(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q", credit=0)
    link = peer.links.get(timeout=TIMEOUT)
    futures = [receiver.submit_receive() for _ in range(20)]
    asked = 0
    while asked < 20:
        asked = peer.credits.get(timeout=TIMEOUT)
    peer.give(link, *range(20))
    assert [future.result(TIMEOUT).body for future in futures] == list(range(20))


def test_a_message_that_is_here_makes_a_future_that_is_done(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    peer.give(link, "first", "second")
    assert receiver.receive().body == "first"
    future = receiver.submit_receive(0)
    assert future.result(TIMEOUT).body == "second"


def test_they_can_be_awaited(peer: Any, connection: Connection) -> None:
    async def exchange() -> Any:
        sender = await asyncio.wrap_future(connection.submit_create_sender("q"))
        await asyncio.gather(*[asyncio.wrap_future(sender.submit_send(number)) for number in range(10)])
        receiver = await asyncio.wrap_future(connection.submit_create_receiver("q", credit=0))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(receiver.submit_receive()), 0.05)
        task = asyncio.ensure_future(asyncio.wrap_future(receiver.submit_receive()))
        link = next(iter(await asyncio.get_running_loop().run_in_executor(None, links)))
        await asyncio.get_running_loop().run_in_executor(None, peer.give, link, "for the task")
        return (await task).body

    def links() -> List[Any]:
        return [link for link in (peer.links.get(timeout=TIMEOUT) for _ in range(2)) if link.is_sender]

    assert asyncio.run(exchange()) == "for the task"
    assert received(peer, 10) == list(range(10))


# --- taking back


def test_a_message_that_waits_for_credit_can_be_taken_back(peer: Any, connection: Connection) -> None:
    peer.credit = 0
    sender = connection.create_sender("q")
    link = peer.links.get(timeout=TIMEOUT)
    futures = [sender.submit_send(number) for number in range(6)]
    assert futures[1].cancel() and futures[4].cancel()
    peer.do(link.flow, 10)
    assert not wait(futures, TIMEOUT).not_done
    assert [future.cancelled() for future in futures] == [False, True, False, False, True, False]
    assert received(peer, 4) == [0, 2, 3, 5]
    sender.send("next")
    assert received(peer, 1) == ["next"]


def test_a_message_that_was_sent_cannot_be_taken_back(peer: Any, connection: Connection) -> None:
    deliveries: List[Any] = []
    peer.on_transfer = deliveries.append
    future = connection.create_sender("q").submit_send("x")
    assert received(peer, 1) == ["x"]
    assert future.running() and not future.cancel()
    peer.do(peer.accept_transfer, deliveries[0])
    assert future.result(TIMEOUT).remote_state == Delivery.ACCEPTED


def test_who_no_longer_waits_for_a_message_takes_none(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q", credit=0)
    link = peer.links.get(timeout=TIMEOUT)
    futures = [receiver.submit_receive() for _ in range(3)]
    assert futures[0].cancel() and futures[2].cancel()
    assert peer.credits.get(timeout=TIMEOUT)
    peer.give(link, "x")
    assert futures[1].result(TIMEOUT).body == "x"
    with pytest.raises(CancelledError):
        futures[0].result(TIMEOUT)


def test_a_link_that_is_taken_back_is_closed_again(peer: Any, connection: Connection) -> None:
    peer.hold_links()
    future = connection.submit_create_receiver("q", name="mine")
    held = peer.links.get(timeout=TIMEOUT)
    closed = threading.Event()
    peer.on_link_remote_close = lambda event: (event.link.close(), closed.set())
    assert future.cancel()
    connection.check()
    assert not closed.is_set(), "there are brokers that do not answer a link which is closed before they attach"
    peer.do(peer.accept_link, held)
    assert closed.wait(TIMEOUT)
    # And its name is free.
    again = connection.submit_create_receiver("q", name="mine")
    peer.do(peer.accept_link, peer.links.get(timeout=TIMEOUT))
    assert again.result(TIMEOUT).name == "mine"


def test_a_link_that_is_taken_back_does_not_come_back_with_the_connection(peer: Any) -> None:
    with connect(peer.url, timeout=TIMEOUT, reconnect=[0.01] * 100) as connection:
        first = peer.connections.get(timeout=TIMEOUT)
        peer.hold_links()
        future = connection.submit_create_sender("taken-back")
        assert peer.links.get(timeout=TIMEOUT).remote_target.address == "taken-back"
        assert future.cancel()
        connection.check()
        peer.cut(first)
        peer.connections.get(timeout=TIMEOUT)
        other = connection.submit_create_sender("other")
        link = peer.links.get(timeout=TIMEOUT)
        peer.do(peer.accept_link, link)
        assert other.result(TIMEOUT).address == "other" and peer.links.empty()
        peer.on_link_remote_close = lambda event: event.link.close()


def test_connecting_can_be_given_up(listener_url: str) -> None:
    before = set(threading.enumerate())
    future = submit_connect(listener_url, timeout=TIMEOUT)
    started, = set(threading.enumerate()) - before
    assert future.cancel()
    started.join(TIMEOUT)
    assert not started.is_alive()


def test_the_close_of_a_connection_cannot_be_taken_back(connection: Connection) -> None:
    future = connection.submit_close()
    assert not future.cancel()
    assert future.result(TIMEOUT) is None and connection.closed


# --- failures


def test_a_refused_link_fails_as_the_blocking_form_raises(peer: Any, connection: Connection) -> None:
    def refuse(link: Any) -> None:
        link.open()
        peer.container.schedule(0, Closing(link))

    peer.on_attach = refuse
    with pytest.raises(LinkDetached):
        connection.submit_create_sender("q").result(TIMEOUT)


class Closing:
    """Closes a link a moment later."""

    def __init__(self, link: Any) -> None:
        self._link = link

    def on_timer_task(self, event: Any) -> None:
        self._link.close()


def test_a_rejected_message_fails_its_own_future_alone(peer: Any, connection: Connection) -> None:
    count: List[int] = []

    def every_other(delivery: Any) -> None:
        count.append(1)
        delivery.update(Delivery.REJECTED if len(count) % 2 else Delivery.ACCEPTED)
        delivery.settle()

    peer.on_transfer = every_other
    sender = connection.create_sender("q")
    futures = [sender.submit_send(number) for number in range(4)]
    errors = [future.exception(TIMEOUT) for future in futures]
    assert [isinstance(error, SendException) for error in errors] == [True, False, True, False]


def test_what_is_under_way_fails_with_the_connection(peer: Any, connection: Connection) -> None:
    peer.on_transfer = lambda delivery: None
    peer.credit = 1
    sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
    sent, unsent, awaited = sender.submit_send("sent"), sender.submit_send("unsent"), receiver.submit_receive()
    received(peer, 1)
    peer.cut(peer.connections.get(timeout=TIMEOUT))
    assert isinstance(sent.exception(TIMEOUT), InDoubt)
    for future in (unsent, awaited, sender.submit_send("late"), receiver.submit_receive(),
                   connection.submit_create_sender("q")):
        error = future.exception(TIMEOUT)
        assert isinstance(error, ConnectionException) and not isinstance(error, Timeout)


@pytest.mark.parametrize("timeout, kind", [
    (-1, ValueError), (float("nan"), ValueError), ("5", TypeError), (True, TypeError), ([], TypeError)])
def test_what_is_wrong_is_raised_at_once_and_nothing_begun(
    peer: Any, connection: Connection, timeout: Any, kind: Any
) -> None:
    sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
    calls: List[Callable[[], Any]] = [
        lambda: submit_connect(peer.url, timeout=timeout),
        lambda: connection.submit_create_sender("q", timeout=timeout),
        lambda: connection.submit_create_receiver("q", timeout=timeout), lambda: sender.submit_send("x", timeout),
        lambda: receiver.submit_receive(timeout), lambda: receiver.submit_drain(timeout),
        lambda: connection.submit_request("q", "x", timeout), lambda: connection.submit_declare_transaction(timeout),
        lambda: sender.submit_close(timeout), lambda: receiver.submit_close(timeout),
        lambda: connection.submit_close(timeout),
    ]
    for call in calls:
        with pytest.raises(kind, match="timeout"):
            call()
    with pytest.raises(MessageException):
        sender.submit_send(object())
    sender.send("the only one")
    assert received(peer, 1) == ["the only one"] and peer.transfers.empty()
    assert not receiver.closed


# --- time limits


def test_time_runs_out_without_anybody_waiting(peer: Any, connection: Connection) -> None:
    peer.credit = 1
    peer.on_transfer = lambda delivery: None
    sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
    done: "Future[Any]" = Future()
    begun = monotonic()
    futures = [sender.submit_send("sent", 0.1), sender.submit_send("unsent", 0.1), receiver.submit_receive(0.1)]
    futures[-1].add_done_callback(lambda future: done.set_result(monotonic()))
    assert 0.09 < done.result(TIMEOUT) - begun < 1.1
    said = [str(future.exception(TIMEOUT)) for future in futures]
    assert all(isinstance(future.exception(), Timeout) for future in futures)
    assert "it was sent, and its outcome is in doubt" in said[0] and "it was not sent" in said[1]
    assert "Receiving on receiver" in said[2]


def test_limits_end_in_their_own_order(connection: Connection) -> None:
    receiver = connection.create_receiver("q")
    ended: List[float] = []
    limits = [0.2, 0.05, 0.15, 0.1, 0.0]
    futures = []
    for limit in limits:
        future = receiver.submit_receive(limit)
        future.add_done_callback(lambda _, limit=limit: ended.append(limit))  # type: ignore[misc]
        futures.append(future)
    for future in futures:
        assert isinstance(future.exception(TIMEOUT), Timeout)
    assert ended == sorted(limits)


def test_limits_of_what_is_done_are_forgotten(peer: Any, connection: Connection) -> None:
    peer.on_transfer = lambda delivery: (peer.accept_transfer(delivery), delivery.link.flow(1))
    sender = connection.create_sender("q")
    for _ in range(3):
        for future in [sender.submit_send("x", 3600) for _ in range(SWEEP_AT // 2 + 10)]:
            future.result(TIMEOUT)
    assert len(connection._driver.expiry) <= SWEEP_AT


def test_none_is_for_ever(connection: Connection, peer: Any) -> None:
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    connection.timeout = 0.01
    waits, gives_up = receiver.submit_receive(None), receiver.submit_receive()
    assert isinstance(gives_up.exception(TIMEOUT), Timeout)
    assert not waits.done()
    peer.give(link, "x")
    assert waits.result(TIMEOUT).body == "x"


# --- threads


def test_callbacks_may_begin_the_next_and_may_not_wait(peer: Any, connection: Connection) -> None:
    sender = connection.create_sender("q")
    after: "Future[Any]" = Future()

    def then(future: Any) -> None:
        errors = []
        for call in (lambda: sender.send("never"), lambda: sender.send_many(["never"]),
                     lambda: sender.submit_send("second").result(TIMEOUT), lambda: connection.create_receiver("q"),
                     connection.check, connection.close, sender.close):
            try:
                call()
            except Exception as error:
                errors.append(error)
        after.set_result(errors)

    added = threading.Event()
    connection.container.submit(added.wait, TIMEOUT)  # A callback is called at once if the future is done already.
    sender.submit_send("first").add_done_callback(then)
    added.set()
    errors = after.result(TIMEOUT)
    assert len(errors) == 7 and all(isinstance(error, WrongThread) for error in errors), errors
    assert received(peer, 2) == ["first", "second"]
    assert not connection.closed


def test_handlers_of_a_container_in_the_background_work_beside_blocking_calls(peer: Any) -> None:
    came: List[Any] = []
    all_came = threading.Event()

    class Collector(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.create_receiver(event.container.connect(peer.url), "events")

        def on_message(self, event: Any) -> None:
            came.append(event.message.body)
            if len(came) == 10:
                all_came.set()

    container = Container(Collector())
    container.start_background()
    link = peer.links.get(timeout=TIMEOUT)
    with connect(peer.url, timeout=TIMEOUT, container=container) as connection:
        sender = connection.create_sender("q")
        for number in range(10):
            sender.send(number)
            peer.give(link, number)
        assert all_came.wait(TIMEOUT)
    assert came == list(range(10)) == received(peer, 10)
    container.close(TIMEOUT)
