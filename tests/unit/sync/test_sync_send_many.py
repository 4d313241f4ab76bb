"""Sending many: the window and its bounds, what becomes of each message, and how it ends when not all are accepted."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, List

import pytest

from syncproton import ConnectionException, LinkException, Message, MessageException, Timeout
from syncproton.engine import Condition, Delivery
from syncproton.reactor import AtMostOnce
from syncproton.sync import Connection, InDoubt, SendException, SendManyError, SendManyTimeout, connect

TIMEOUT = 20


@pytest.fixture
def connection(peer: Any) -> Iterator[Connection]:
    with connect(peer.url, timeout=TIMEOUT) as connection:
        yield connection


class Source:
    """An iterable that tells how far it has been read.

    :param items: the messages.
    """

    def __init__(self, items: Any) -> None:
        self._items = iter(items)
        self.taken = 0
        self._took = threading.Condition()

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            with self._took:
                self.taken += 1
                self._took.notify_all()
            yield item

    def wait(self, count: int) -> None:
        """Return once so many have been taken."""
        with self._took:
            assert self._took.wait_for(lambda: self.taken >= count, TIMEOUT)


def held(peer: Any) -> List[Any]:
    """From now on, keep the deliveries that come, unsettled."""
    deliveries: List[Any] = []
    peer.on_transfer = deliveries.append
    return deliveries


def received(peer: Any, count: int) -> List[Any]:
    """The bodies of so many messages that came."""
    return [peer.transfers.get(timeout=TIMEOUT).body for _ in range(count)]


def settle(peer: Any, deliveries: List[Any], state: int = Delivery.ACCEPTED) -> None:
    """Tell what became of deliveries, and make room for as many more."""
    def tell() -> None:
        for delivery in deliveries:
            delivery.update(state)
            delivery.settle()

    peer.do(tell)


@pytest.mark.parametrize("window", [1, 2, 7, 1000])
@pytest.mark.parametrize("credit", [1, 5, 1000])
def test_all_are_sent_once_and_in_order(peer: Any, connection: Connection, window: int, credit: int) -> None:
    peer.credit = credit

    def accept_and_go_on(delivery: Any) -> None:
        peer.accept_transfer(delivery)
        delivery.link.flow(1)

    peer.on_transfer = accept_and_go_on
    report = connection.create_sender("q").send_many(range(200), window=window)
    assert (report.count, report.accepted, report.failures) == (200, 200, [])
    assert repr(report) == "<SendReport: 200 of 200 messages accepted>"
    assert received(peer, 200) == list(range(200))


def test_messages_and_bodies_will_do_and_nothing_is_nothing(connection: Connection, peer: Any) -> None:
    sender = connection.create_sender("q")
    assert sender.send_many([]).count == 0
    assert sender.send_many([Message("a message"), "a body", {"a": "dict"}]).accepted == 3
    assert received(peer, 3) == ["a message", "a body", {"a": "dict"}]


def test_no_more_is_taken_than_the_window_has_room_for(
    peer: Any, connection: Connection, background: Callable[..., Any]
) -> None:
    peer.credit = 100
    deliveries = held(peer)
    source = Source(range(100))
    result = background(connection.create_sender("q").send_many, source, window=10)
    assert received(peer, 10) == list(range(10))
    # One more was taken, and waits.
    source.wait(11)
    assert source.taken == 11 and not result.done()
    settle(peer, deliveries[:5])
    assert received(peer, 5) == [10, 11, 12, 13, 14]
    assert source.taken <= 16
    peer.on_transfer = peer.accept_transfer
    settle(peer, deliveries[5:])
    assert result.result(TIMEOUT).accepted == 100


def test_messages_that_wait_for_credit_are_bounded_too(
    peer: Any, connection: Connection, background: Callable[..., Any]
) -> None:
    peer.credit = 0
    source = Source(range(50))
    result = background(connection.create_sender("q").send_many, source, window=8)
    link = peer.links.get(timeout=TIMEOUT)
    source.wait(9)
    assert source.taken == 9
    peer.do(link.flow, 50)
    assert result.result(TIMEOUT).accepted == 50


def test_the_bytes_under_way_are_bounded(peer: Any, connection: Connection, background: Callable[..., Any]) -> None:
    peer.credit = 100
    deliveries = held(peer)
    source = Source(Message(bytes(1000), inferred=True) for _ in range(40))
    result = background(connection.create_sender("q").send_many, source, max_bytes=5000)
    source.wait(5)
    received(peer, 4)  # with what is around a body, five of them are too many
    assert source.taken == 5 and not result.done()
    peer.on_transfer = peer.accept_transfer
    settle(peer, list(deliveries))
    assert result.result(TIMEOUT).accepted == 40


def test_a_message_larger_than_the_bound_goes_alone(peer: Any, connection: Connection) -> None:
    bodies = ["small", "x" * 100_000, "small too"]
    assert connection.create_sender("q").send_many(bodies, max_bytes=1000).accepted == 3
    assert received(peer, 3) == bodies


def test_what_is_not_accepted_is_reported_and_the_others_are_sent(peer: Any, connection: Connection) -> None:
    outcomes = {3: Delivery.REJECTED, 5: Delivery.RELEASED, 7: Delivery.MODIFIED}

    def judge(delivery: Any) -> None:
        number = len(seen)
        seen.append(number)
        if outcomes.get(number) == Delivery.REJECTED:
            delivery.local.condition = Condition("x:bad", "worst ever")
        delivery.update(outcomes.get(number, Delivery.ACCEPTED))
        delivery.settle()

    seen: List[int] = []
    peer.on_transfer = judge
    with pytest.raises(SendManyError, match="3 of 10 messages were not accepted: the message was rejected: x:bad: worst"
                       ) as info:
        connection.create_sender("q").send_many([f"number {number}" for number in range(10)])
    error = info.value
    assert (error.condition, error.description) == ("x:bad", "worst ever") and not isinstance(error, Timeout)
    report = error.report
    assert (report.count, report.accepted) == (10, 7)
    assert [(each.index, each.message) for each in report.failures] == [(n, f"number {n}") for n in outcomes]
    assert all(isinstance(each.error, SendException) for each in report.failures)
    assert [each.error.state for each in report.failures] == list(outcomes.values())  # type: ignore[attr-defined]
    assert len(received(peer, 10)) == 10


def test_what_cannot_be_encoded_is_reported_and_the_others_are_sent(peer: Any, connection: Connection) -> None:
    strange = object()
    with pytest.raises(SendManyError) as info:
        connection.create_sender("q").send_many([1, strange, 2])
    failure, = info.value.report.failures
    assert (failure.index, failure.message) == (1, strange) and isinstance(failure.error, MessageException)
    assert received(peer, 2) == [1, 2]


def test_what_the_iterable_raises_is_raised_once_the_others_are_seen_to(peer: Any, connection: Connection) -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("the third")

    with pytest.raises(KeyError, match="the third"):
        connection.create_sender("q").send_many(broken())
    assert received(peer, 2) == [1, 2]


def test_an_interrupt_takes_back_what_was_not_sent(peer: Any, connection: Connection) -> None:
    peer.credit = 1

    def interrupted() -> Iterator[int]:
        yield 1
        assert received(peer, 1) == [1]
        yield 2  # there is no credit for it
        raise KeyboardInterrupt

    sender = connection.create_sender("q")
    link = peer.links.get(timeout=TIMEOUT)
    with pytest.raises(KeyboardInterrupt):
        sender.send_many(interrupted())
    peer.do(link.flow, 10)
    sender.send(3)
    assert received(peer, 1) == [3]


def test_time_runs_out_for_want_of_credit(peer: Any, connection: Connection) -> None:
    peer.credit = 3
    sender = connection.create_sender("q")
    link = peer.links.get(timeout=TIMEOUT)
    with pytest.raises(SendManyTimeout, match="not sent, for want of credit") as info:
        sender.send_many(range(10), window=5, timeout=0.1)
    report = info.value.report
    assert report.accepted == 3 and report.count < 10
    assert [each.index for each in report.failures] == list(range(3, report.count))
    assert all(isinstance(each.error, Timeout) for each in report.failures)
    # What was taken back does not follow later.
    peer.do(link.flow, 10)
    sender.send("the next")
    assert received(peer, 4) == [0, 1, 2, "the next"]


def test_time_runs_out_before_the_outcome(peer: Any, connection: Connection) -> None:
    held(peer)
    with pytest.raises(SendManyTimeout, match="in doubt") as info:
        connection.create_sender("q").send_many("ab", timeout=0.1)
    assert [type(each.error) for each in info.value.report.failures] == [InDoubt, InDoubt]


@pytest.mark.parametrize("how, kind", [
    (lambda peer, link: peer.close_with(link, "amqp:resource-deleted"), LinkException),
    (lambda peer, link: peer.cut(link.connection), ConnectionException),
])
def test_the_end_of_the_link_ends_it(
    peer: Any, connection: Connection, background: Callable[..., Any], how: Any, kind: Any
) -> None:
    peer.credit = 2
    held(peer)
    source = Source(iter(int, 1))  # without an end
    result = background(connection.create_sender("q").send_many, source, window=5)
    link = peer.links.get(timeout=TIMEOUT)
    received(peer, 2)
    source.wait(6)
    how(peer, link)
    error = result.exception(TIMEOUT)
    assert isinstance(error, SendManyError) and isinstance(error.__cause__, kind)
    report = error.report
    assert report.accepted == 0
    assert [isinstance(each.error, InDoubt) for each in report.failures[:3]] == [True, True, False]
    assert all(isinstance(each.error, kind) for each in report.failures[2:])
    assert source.taken == report.count <= 7


def test_on_a_link_that_sends_settled_it_waits_for_no_outcome(peer: Any, connection: Connection) -> None:
    held(peer)
    report = connection.create_sender("q", options=AtMostOnce()).send_many(range(5))
    assert report.accepted == 5
    assert received(peer, 5) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("settings, error, text", [
    ({"window": 0}, ValueError, "window is at least 1, not 0"),
    ({"window": -5}, ValueError, "window is at least 1"),
    ({"window": "5"}, TypeError, "window is a number of messages, not '5'"),
    ({"window": True}, TypeError, "window is a number of messages"),
    ({"max_bytes": 0}, ValueError, "max_bytes is at least 1"),
    ({"max_bytes": 1.5}, TypeError, "max_bytes is a number of bytes, not 1.5"),
    ({"timeout": -1}, ValueError, "timeout must be non-negative"),
    ({"timeout": "1"}, TypeError, "timeout is a number of seconds"),
])
def test_arguments_that_make_no_sense_are_named(connection: Connection, settings: Any, error: Any, text: str) -> None:
    sender = connection.create_sender("q")
    source = Source(range(3))
    with pytest.raises(error, match=text):
        sender.send_many(source, **settings)
    assert source.taken == 0


def test_what_is_no_iterable_is_refused(connection: Connection) -> None:
    with pytest.raises(TypeError, match="not iterable"):
        connection.create_sender("q").send_many(5)  # type: ignore[arg-type]
