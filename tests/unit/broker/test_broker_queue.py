"""The queue, on its own: order, turns, what comes back, limits."""

from __future__ import annotations

from typing import List

import pytest

from queue_taker import Taker
from syncproton.broker.limits import Budget
from syncproton.broker.queue import Queue


@pytest.fixture
def budget() -> Budget:
    return Budget(1000)


@pytest.fixture
def queue(budget: Budget) -> Queue:
    return Queue("q", budget, 100)


def fill(queue: Queue, count: int) -> List[bytes]:
    payloads = [b"%d" % number for number in range(count)]
    for payload in payloads:
        assert queue.put(payload)
    return payloads


def test_messages_leave_in_order(queue: Queue) -> None:
    payloads = fill(queue, 20)
    taker = Taker(queue, 1)
    taker.flow(20)
    assert taker.payloads == payloads


def test_credit_is_honoured(queue: Queue) -> None:
    fill(queue, 5)
    taker = Taker(queue, 1)
    assert taker.payloads == []
    assert not taker.flow(2)
    assert taker.payloads == [b"0", b"1"]
    assert taker.flow(5)
    assert len(taker.got) == 5 and taker.credit == 2


def test_a_message_goes_at_once_to_who_waits(queue: Queue) -> None:
    taker = Taker(queue, 1)
    assert taker.flow(1)
    fill(queue, 2)
    assert taker.payloads == [b"0"]


def test_consumers_take_turns(queue: Queue) -> None:
    takers = [Taker(queue, serial) for serial in range(3)]
    for taker in takers:
        taker.flow(10)
    fill(queue, 9)
    assert [taker.payloads for taker in takers] == [
        [b"0", b"3", b"6"], [b"1", b"4", b"7"], [b"2", b"5", b"8"]]


def test_one_without_credit_misses_its_turn(queue: Queue) -> None:
    first, second = Taker(queue, 1), Taker(queue, 2)
    first.flow(1)
    second.flow(10)
    fill(queue, 4)
    assert first.payloads == [b"0"]
    assert second.payloads == [b"1", b"2", b"3"]


def test_what_comes_back_keeps_its_place(queue: Queue) -> None:
    payloads = fill(queue, 10)
    taker = Taker(queue, 1)
    taker.flow(5)
    back = [taker.got[index] for index in (3, 0, 4, 2, 1)]
    taker.got.clear()
    queue.put_back(back[:2])
    queue.put_back(back[2:])
    taker.flow(10)
    assert taker.payloads == payloads


def test_what_comes_back_goes_to_who_waits(queue: Queue) -> None:
    fill(queue, 1)
    first, second = Taker(queue, 1), Taker(queue, 2)
    first.flow(1)
    second.flow(1)
    queue.put_back(first.got)
    assert second.payloads == [b"0"]


def test_a_message_is_not_given_again_to_who_does_not_want_it(queue: Queue) -> None:
    fill(queue, 2)
    first, second = Taker(queue, 1), Taker(queue, 2)
    first.flow(2)
    unwanted = first.got[0]
    unwanted.unwanted_by = frozenset([1])
    queue.put_back([unwanted])
    first.flow(5)
    fill(queue, 1)
    assert len(first.got) == 3, "others go past it"
    second.flow(1)
    assert second.got == [unwanted]


def test_a_message_nobody_wants_waits_for_another_consumer(queue: Queue) -> None:
    fill(queue, 1)
    first = Taker(queue, 1)
    first.flow(1)
    message = first.got[0]
    message.unwanted_by = frozenset([1])
    queue.put_back([message])
    first.flow(1)
    assert len(first.got) == 1
    second = Taker(queue, 2)
    second.flow(1)
    assert second.got == [message]


def test_unsubscribed_consumers_get_nothing(queue: Queue) -> None:
    taker = Taker(queue, 1)
    taker.flow(10)
    queue.unsubscribe(taker)
    fill(queue, 1)
    assert not taker.got and not taker.waiting


def test_a_full_queue_takes_no_more() -> None:
    queue = Queue("q", Budget(1000), 2)
    fill(queue, 2)
    assert not queue.put(b"x")
    taker = Taker(queue, 1)
    taker.flow(2)
    assert not queue.put(b"x"), "what is being delivered is still held"
    queue.remove(taker.got[0])
    assert queue.put(b"x")


def test_full_memory_takes_no_more(queue: Queue, budget: Budget) -> None:
    assert queue.put(b"x" * 900)
    assert not queue.put(b"x" * 101)
    assert queue.put(b"x" * 100)
    assert budget.used == 1000


def test_memory_is_given_back(queue: Queue, budget: Budget) -> None:
    fill(queue, 10)
    taker = Taker(queue, 1)
    taker.flow(4)
    for message in taker.got[:2]:
        queue.remove(message)
    queue.put_back(taker.got[2:])
    queue.delete()
    assert budget.used == 0 and queue.depth == 0 and queue.is_idle


def test_a_deleted_queue_holds_nothing_ever_again(queue: Queue, budget: Budget) -> None:
    fill(queue, 3)
    taker = Taker(queue, 1)
    taker.flow(2)
    queue.delete()
    assert queue.depth == 2, "what is being delivered"
    queue.put_back(taker.got)
    assert not queue.put(b"x")
    assert queue.depth == 0 and budget.used == 0


def test_idle_is_empty_and_not_attached(queue: Queue) -> None:
    assert queue.is_idle
    queue.links += 1
    assert not queue.is_idle
    queue.links -= 1
    queue.put(b"x")
    assert not queue.is_idle


def test_many_returns_are_cheap() -> None:
    queue = Queue("q", Budget(1 << 20), 30_000)
    payloads = fill(queue, 20_000)
    taker = Taker(queue, 1)
    taker.flow(10_000)
    got, taker.got = taker.got, []
    for message in got:
        queue.put_back([message])
    taker.flow(20_000)
    assert taker.payloads == payloads
