"""The queue with consumers that don't want everything: who gets what, and what it costs."""

from __future__ import annotations

from typing import Any, List

import pytest

from queue_taker import ManualClock, Taker
from syncproton.broker import queued
from syncproton.broker.expiry import Expiry
from syncproton.broker.limits import Budget
from syncproton.broker.queue import Queue
from syncproton.message import Message


class Counted:
    """Counts how often messages are decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._read = queued.read_sections
        monkeypatch.setattr(queued, "read_sections", self)

    def __call__(self, payload: bytes) -> Any:
        self.count += 1
        return self._read(payload)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def budget() -> Budget:
    return Budget(1 << 30)


@pytest.fixture
def queue(budget: Budget, clock: ManualClock) -> Queue:
    return Queue("q", budget, 1_000_000, Expiry(clock))


def put(queue: Queue, *colours: str) -> None:
    for number, colour in enumerate(colours):
        assert queue.put(Message(body=number, properties={"colour": colour}).encode())


def bodies(taker: Taker) -> List[Any]:
    result = []
    for payload in taker.payloads:
        message = Message()
        message.decode(payload)
        result.append(message.body)
    return result


RED, GREEN = "colour = 'red'", "colour = 'green'"


def test_each_gets_what_it_wants_in_order(queue: Queue) -> None:
    put(queue, "red", "green", "red", "blue", "green")
    red, green = Taker(queue, 1, RED), Taker(queue, 2, GREEN)
    assert red.flow(10) and green.flow(10)
    assert bodies(red) == [0, 2] and bodies(green) == [1, 4]
    assert queue.depth == 5


def test_what_nobody_wants_stays_for_who_comes(queue: Queue) -> None:
    put(queue, "blue", "red", "blue")
    Taker(queue, 1, RED).flow(10)
    everything = Taker(queue, 2)
    everything.flow(10)
    assert bodies(everything) == [0, 2]


def test_what_comes_goes_to_one_that_wants_it(queue: Queue) -> None:
    red, green = Taker(queue, 1, RED), Taker(queue, 2, GREEN)
    red.flow(10)
    green.flow(10)
    put(queue, "green", "blue", "red", "green")
    assert bodies(red) == [2] and bodies(green) == [0, 3]


def test_who_wants_everything_and_who_chooses_both_have_turns(queue: Queue) -> None:
    every, red = Taker(queue, 1), Taker(queue, 2, RED)
    every.flow(100)
    red.flow(100)
    put(queue, *["red"] * 10)
    assert len(every.got) == len(red.got) == 5


def test_those_with_the_same_selector_take_turns(queue: Queue) -> None:
    takers = [Taker(queue, serial, RED) for serial in range(3)]
    for taker in takers:
        taker.flow(10)
    put(queue, *["red", "blue"] * 6)
    assert [bodies(taker) for taker in takers] == [[0, 6], [2, 8], [4, 10]]


def test_one_without_credit_holds_nobody_up(queue: Queue) -> None:
    first, second = Taker(queue, 1, RED), Taker(queue, 2, "colour IN ('red')")
    second.flow(5)
    put(queue, "red", "red")
    assert bodies(second) == [0, 1] and not first.got


def test_what_comes_back_goes_to_all_that_want_it(queue: Queue) -> None:
    put(queue, "red", "blue", "red", "blue")
    red, blue, every = Taker(queue, 1, RED), Taker(queue, 2, "colour = 'blue'"), Taker(queue, 3)
    red.flow(10)
    blue.flow(10)
    # The others have passed the red ones; what comes back finds the one that wants it.
    queue.put_back([red.got[1], red.got[0], blue.got[0]])
    assert bodies(red) == [0, 2, 0, 2] and bodies(blue) == [1, 3, 1]
    every.flow(10)
    queue.unsubscribe(red)  # type: ignore[arg-type]
    queue.put_back(red.got[-2:])
    assert bodies(every) == [0, 2]


def test_what_comes_back_is_taken_once(queue: Queue) -> None:
    put(queue, *["red"] * 5)
    red, every = Taker(queue, 1, RED), Taker(queue, 2)
    red.flow(5)
    every.flow(1)
    queue.put_back(red.got[:3])
    assert bodies(every) == [0]
    red.flow(10)
    every.flow(10)
    assert bodies(red)[5:] + bodies(every)[1:] == [1, 2]
    assert queue.depth == 5


def test_a_refused_message_goes_to_another_of_the_same_wants(queue: Queue) -> None:
    put(queue, "red", "red")
    first, second = Taker(queue, 1, RED), Taker(queue, 2, RED)
    first.flow(1)
    message = first.got[0]
    message.unwanted_by = frozenset([1])
    queue.put_back([message])
    first.flow(5)
    assert bodies(first) == [0, 1]
    second.flow(5)
    assert second.got == [message]
    message.unwanted_by |= {2}
    queue.put_back([message])
    assert len(first.got) == 2 and len(second.got) == 1
    third, other = Taker(queue, 3, RED), Taker(queue, 4, GREEN)
    other.flow(5)
    third.flow(5)
    assert third.got == [message] and not other.got


def test_who_has_gone_refuses_nothing(queue: Queue) -> None:
    put(queue, "red")
    for serial in range(1000):
        taker = Taker(queue, serial)
        taker.flow(1)
        message, = taker.got
        message.unwanted_by |= {serial}
        queue.unsubscribe(taker)  # type: ignore[arg-type]
        queue.put_back([message])
    assert not message.unwanted_by


def test_nothing_is_decoded_unless_somebody_chooses(queue: Queue, decoded: Counted) -> None:
    put(queue, *["red"] * 50)
    taker = Taker(queue, 1)
    taker.flow(20)
    queue.put_back(taker.got[:10])
    Taker(queue, 2, copies=True).flow(100)
    assert not decoded.count


def test_messages_are_decoded_once(queue: Queue, decoded: Counted) -> None:
    put(queue, *["red", "blue"] * 50)
    takers = [Taker(queue, serial, f"colour = 'red' AND {serial} = {serial}") for serial in range(5)]
    for taker in takers:
        taker.flow(3)
    Taker(queue, 10, GREEN).flow(10)
    for taker in takers:
        queue.put_back(taker.got)
    Taker(queue, 11, GREEN, copies=True).flow(10)
    assert decoded.count == 100


def test_a_message_is_looked_at_once_however_long_it_stays(queue: Queue, clock: ManualClock) -> None:
    looked: List[int] = []

    class Looking:
        key = "looking"

        def matches(self, sections: Any) -> bool:
            looked.append(1)
            return bool(sections.application_properties["colour"] == "red")

    taker = Taker(queue, 1)
    queue.unsubscribe(taker)  # type: ignore[arg-type]
    taker.selector = Looking()
    queue.subscribe(taker)  # type: ignore[arg-type]
    put(queue, *["blue"] * 5000)
    assert not taker.flow(1000)
    while clock.calls:
        clock.due()
    for _ in range(500):
        put(queue, "blue", "red")
        queue.put_back(taker.got)
        taker.got.clear()
        taker.credit += 1
        taker.flow(1)
    # Once each, and again for each time that one came back.
    assert len(looked) <= 5000 + 1000 + 501


def test_a_long_search_gives_way_to_others(queue: Queue, clock: ManualClock) -> None:
    put(queue, *["blue"] * 5000, "red")
    taker = Taker(queue, 1, RED)
    assert not taker.flow(2), "it is not known yet whether there is more"
    assert not taker.got and len(clock.calls) == 1
    goes = 0
    while clock.calls:
        assert not taker.was_idle
        clock.due()
        goes += 1
    assert bodies(taker) == [5000] and taker.was_idle
    assert 4 <= goes <= 8


def test_a_long_search_holds_up_nobody_who_finds_sooner(queue: Queue, clock: ManualClock) -> None:
    put(queue, *["blue"] * 5000)
    searching, every = Taker(queue, 1, RED), Taker(queue, 2)
    searching.flow(1)
    every.flow(10)
    assert len(every.got) == 10
    put(queue, "red")
    assert not searching.got
    while clock.calls:
        clock.due()
    assert bodies(searching) == [0]


def test_memory_for_decoded_messages_is_accounted_for(queue: Queue, budget: Budget) -> None:
    put(queue, *["blue"] * 10)
    before = budget.used
    taker = Taker(queue, 1, RED)
    taker.flow(1)
    assert budget.used > before
    queue.delete()
    assert budget.used == 0


def test_where_there_is_no_memory_for_it_messages_are_decoded_again(decoded: Counted, clock: ManualClock) -> None:
    queue = Queue("q", Budget(400), 100, Expiry(clock))
    put(queue, "blue", "red")
    for serial in range(3):
        taker = Taker(queue, serial, RED)
        taker.flow(1)
        assert bodies(taker) == [1]
        queue.unsubscribe(taker)  # type: ignore[arg-type]
        queue.put_back(taker.got)
    assert decoded.count >= 6


def test_a_consumer_that_is_not_there_any_more_costs_nothing(queue: Queue) -> None:
    for serial in range(100):
        taker = Taker(queue, serial, f"n = {serial}")
        taker.flow(1)
        queue.unsubscribe(taker)  # type: ignore[arg-type]
    assert not queue._views and not queue._waiting and not queue._consumers


def test_returns_that_nobody_fetches_pile_up_nowhere(queue: Queue) -> None:
    idle, busy = Taker(queue, 1, RED), Taker(queue, 2)
    idle.flow(1)
    put(queue, "red")
    for _ in range(3000):
        put(queue, "red")
        busy.flow(1)
        message = busy.got.pop()
        queue.put_back([message])
        busy.flow(1)
        queue.remove(busy.got.pop())
    view = queue._views[idle.selector.key]
    assert len(view.behind._order) < 100 and not view.behind._messages
