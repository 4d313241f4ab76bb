"""Receiving many, draining, credit, sharing a receiver among threads, and settling from any of them."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Callable, Iterator, List

import pytest

from syncproton import LinkException, Message, Timeout
from syncproton.engine import Delivery
from syncproton.sync import Connection, LinkDetached, connect

TIMEOUT = 20


@pytest.fixture
def connection(peer: Any) -> Iterator[Connection]:
    with connect(peer.url, timeout=TIMEOUT) as connection:
        yield connection


@pytest.fixture
def flows(peer: Any) -> List[Any]:
    """What becomes of the credit of links on which the peer sends: how much there is, and whether to drain it."""
    seen: List[Any] = []
    peer.on_credit = lambda link: seen.append((link.credit, link.drain_mode))
    return seen


def bodies(messages: Any) -> List[Any]:
    return [message.body for message in messages]


# --- receive_many


def test_so_many_are_waited_for(peer: Any, connection: Connection, background: Callable[..., Any]) -> None:
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    result = background(receiver.receive_many, 4)
    peer.give(link, 1, 2)
    peer.give(link, 3)
    assert not result.done()
    peer.give(link, 4, 5)
    assert bodies(result.result(TIMEOUT)) == [1, 2, 3, 4]
    assert bodies(receiver.receive_many(1)) == [5]


def test_what_there_is_when_time_is_up(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q")
    peer.give(peer.links.get(timeout=TIMEOUT), 1, 2)
    assert bodies(receiver.receive_many(5, 0.1)) == [1, 2]
    with pytest.raises(Timeout, match="Receiving on receiver"):
        receiver.receive_many(5, 0.05)
    with pytest.raises(Timeout):
        receiver.receive_many(5, 0)


@pytest.mark.parametrize("credit", [0, 1, 3])
def test_more_may_be_wanted_than_come_in_advance(peer: Any, connection: Connection, credit: int) -> None:
    def keep_up(link: Any) -> None:
        while link.credit and numbers:
            Message(numbers.pop(0)).send(link)

    numbers = list(range(20))
    peer.on_credit = keep_up
    receiver = connection.create_receiver("q", credit=credit)
    assert bodies(receiver.receive_many(20)) == list(range(20))


def test_what_came_before_the_end_is_not_kept_back(
    peer: Any, connection: Connection, background: Callable[..., Any]
) -> None:
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    result = background(receiver.receive_many, 5)
    peer.give(link, 1, 2, settled=True)
    peer.close_with(link, "amqp:resource-deleted")
    assert bodies(result.result(TIMEOUT)) == [1, 2]
    with pytest.raises(LinkDetached):
        receiver.receive_many(5)


def test_what_is_no_message_is_rejected_and_left_out(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q")
    peer.give(peer.links.get(timeout=TIMEOUT), b"\x00\x53\x77", "a message")
    assert bodies(receiver.receive_many(2, 0.2)) == ["a message"]
    assert peer.outcomes.get(timeout=TIMEOUT)[0] == Delivery.REJECTED


@pytest.mark.parametrize("n, error, text", [
    (0, ValueError, "n is at least 1 message, not 0"), (-1, ValueError, "n is at least 1"),
    ("5", TypeError, "n is a number of messages, not '5'"), (True, TypeError, "n is a number"),
    (1.0, TypeError, "n is a number"),
])
def test_a_number_that_makes_no_sense(connection: Connection, n: Any, error: Any, text: str) -> None:
    receiver = connection.create_receiver("q")
    with pytest.raises(error, match=text):
        receiver.receive_many(n)


# --- credit


def test_credit_is_renewed_in_batches(peer: Any, connection: Connection, flows: List[Any]) -> None:
    receiver = connection.create_receiver("q", credit=20)
    link = peer.links.get(timeout=TIMEOUT)
    assert peer.credits.get(timeout=TIMEOUT) == 20
    for number in range(100):
        peer.give(link, number)
        assert receiver.receive().body == number
    connection.check()
    # 20 at first, and then ten at a time.  (What the peer sends changes its credit too, downwards.)
    credits = [0] + [credit for credit, _ in flows]
    rises = [after - before for before, after in zip(credits, credits[1:]) if after > before]
    assert rises[0] == 20 and max(credits) == 20 and 9 <= len(rises[1:]) <= 10


def test_without_prefetch_each_that_is_waited_for_is_asked_for(
    peer: Any, connection: Connection, background: Callable[..., Any]
) -> None:
    receiver = connection.create_receiver("q", credit=0)
    link = peer.links.get(timeout=TIMEOUT)
    waiting = [background(receiver.receive) for _ in range(5)] + [background(receiver.receive_many, 3)]
    asked = 0
    while asked < 8:
        asked = peer.credits.get(timeout=TIMEOUT)
    assert asked == 8
    peer.give(link, *range(8))
    got = [each.result(TIMEOUT) for each in waiting]
    assert sorted([message.body for message in got[:5]] + bodies(got[5])) == list(range(8))


# --- drain


def test_a_drain_brings_what_there_is_and_stops_credit(
    peer: Any, connection: Connection, flows: List[Any], background: Callable[..., Any]
) -> None:
    receiver = connection.create_receiver("q", credit=5)
    link = peer.links.get(timeout=TIMEOUT)
    assert peer.credits.get(timeout=TIMEOUT) == 5

    def last_ones(link: Any) -> None:
        flows.append((link.credit, link.drain_mode))
        if link.drain_mode and link.credit:
            for body in ("last", "but not least"):
                Message(body).send(link)
            link.drained()

    peer.on_credit = last_ones
    receiver.drain()
    assert bodies(receiver.receive_many(10, 0)) == ["last", "but not least"]
    with pytest.raises(Timeout):
        receiver.receive(0)
    connection.check()
    assert flows[-1][1] and peer.do(lambda: link.credit) == 0, "no credit is given unasked"
    # Until somebody waits again.
    result = background(receiver.receive)
    while not peer.do(lambda: link.credit):
        pass
    peer.give(link, "more")
    assert result.result(TIMEOUT).body == "more"


def test_a_drain_of_no_credit_is_over_at_once(connection: Connection) -> None:
    receiver = connection.create_receiver("q", credit=0)
    receiver.drain()
    receiver.submit_drain().result(TIMEOUT)


def test_several_drains_are_one(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q", credit=5)
    link = peer.links.get(timeout=TIMEOUT)
    drains = [receiver.submit_drain() for _ in range(3)]
    while not peer.do(lambda: link.drain_mode):
        pass
    peer.do(link.drained)
    for drain in drains:
        assert drain.result(TIMEOUT) is None


def test_after_a_drain_that_was_not_answered_receiving_goes_on(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q", credit=5)
    link = peer.links.get(timeout=TIMEOUT)
    with pytest.raises(Timeout, match="Draining receiver"):
        receiver.drain(0.05)
    assert receiver.submit_drain().cancel()
    peer.give(link, *range(3))
    assert bodies(receiver.receive_many(3)) == [0, 1, 2]


# --- threads


def test_each_message_goes_to_exactly_one_of_the_threads(
    peer: Any, connection: Connection, background: Callable[..., Any]
) -> None:
    receiver = connection.create_receiver("q", credit=50)
    link = peer.links.get(timeout=TIMEOUT)
    settled: List[Any] = []

    def go_on(link: Any) -> None:
        while link.credit and numbers:
            Message(numbers.pop(0)).send(link)

    numbers = list(range(900))
    peer.on_credit = go_on

    def one_by_one() -> List[Any]:
        seen = []
        for message in receiver:
            message.accept()
            seen.append(message.body)
            settled.append(message.body)
        return seen

    def by_five() -> List[Any]:
        seen: List[Any] = []
        while True:
            try:
                messages = receiver.receive_many(5, 0.2)
            except (Timeout, LinkException):
                return seen
            for message in reversed(messages):
                message.accept()
                seen.append(message.body)
                settled.append(message.body)

    threads = [background(work) for work in (one_by_one, by_five, one_by_one, by_five)]
    peer.do(go_on, link)
    for _ in range(900):
        assert peer.outcomes.get(timeout=TIMEOUT)[:2] == (Delivery.ACCEPTED, True)
    receiver.close()
    seen = Counter(body for each in threads for body in each.result(TIMEOUT))
    assert seen == Counter(range(900))


def test_what_one_thread_received_another_settles(
    peer: Any, connection: Connection, background: Callable[..., Any]
) -> None:
    receiver = connection.create_receiver("q")
    peer.give(peer.links.get(timeout=TIMEOUT), *range(4))
    messages = receiver.receive_many(4)
    background(messages[3].reject, "x:bad", "worst").result(TIMEOUT)
    background(messages[1].release).result(TIMEOUT)
    background(messages[2].modify, True, True, {"x-why": 1}).result(TIMEOUT)
    messages[0].accept()
    outcomes = [peer.outcomes.get(timeout=TIMEOUT) for _ in range(4)]
    assert [state for state, _, _ in outcomes] == [
        Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED, Delivery.ACCEPTED]
    assert outcomes[0][2].condition.name == "x:bad"
    assert (outcomes[2][2].failed, outcomes[2][2].undeliverable) == (True, True)


def test_many_threads_that_settle_one_message_settle_it_once(peer: Any, connection: Connection) -> None:
    receiver = connection.create_receiver("q")
    peer.give(peer.links.get(timeout=TIMEOUT), "x", "y")
    message = receiver.receive()
    gate = threading.Barrier(8)
    threads = [threading.Thread(target=lambda: (gate.wait(TIMEOUT), message.accept())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    receiver.receive().release()
    assert [peer.outcomes.get(timeout=TIMEOUT)[0] for _ in range(2)] == [Delivery.ACCEPTED, Delivery.RELEASED]
    assert peer.outcomes.empty()


# --- check


def test_a_check_finds_that_the_peer_answers(peer: Any, connection: Connection) -> None:
    connection.check()
    assert connection.is_open and not connection.closed
    sender = connection.create_sender("q")
    connection.check(TIMEOUT)
    sender.send("goes on")
    peer.do(lambda: None)
    assert peer.transfers.get(timeout=TIMEOUT).body == "goes on"
    connection.close()
    assert not connection.is_open and connection.closed
