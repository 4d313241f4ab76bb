"""The heap of deadlines."""

from __future__ import annotations

from typing import List

from syncproton.reactor.timers import Timers


def test_fire_in_order_of_deadline_then_of_making() -> None:
    timers = Timers()
    fired: List[str] = []
    for deadline, name in [(3, "c"), (1, "a"), (2, "b1"), (2, "b2")]:
        timers.at(deadline, lambda name=name: fired.append(name))  # type: ignore[misc]
    assert timers.next_deadline == 1
    assert timers.expire(2) == 3
    assert fired == ["a", "b1", "b2"]
    assert len(timers) == 1 and timers.next_deadline == 3


def test_cancelled_never_fires() -> None:
    timers = Timers()
    fired: List[int] = []
    first = timers.at(1, lambda: fired.append(1))
    timers.at(2, lambda: fired.append(2))
    first.cancel()
    first.cancel()
    assert not first.pending and len(timers) == 1 and timers.next_deadline == 2
    assert timers.expire(5) == 1
    assert fired == [2] and timers.next_deadline is None and len(timers) == 0


def test_cancel_after_firing_is_nothing() -> None:
    timers = Timers()
    timer = timers.at(1, lambda: None)
    timers.expire(1)
    timer.cancel()
    assert len(timers) == 0


def test_timer_that_sets_itself_again_waits_for_the_next_turn() -> None:
    timers = Timers()
    fired: List[int] = []

    def again() -> None:
        fired.append(1)
        timers.at(0, again)

    timers.at(0, again)
    assert timers.expire(1) == 1
    assert len(timers) == 1
    assert timers.expire(1) == 1
    assert len(fired) == 2


def test_one_timer_may_cancel_another_that_is_due() -> None:
    timers = Timers()
    fired: List[int] = []
    victims = []
    timers.at(1, lambda: victims[0].cancel())
    victims.append(timers.at(1, lambda: fired.append(1)))
    assert timers.expire(1) == 1
    assert fired == [] and len(timers) == 0


def test_an_exception_loses_no_timer() -> None:
    timers = Timers()
    fired: List[int] = []

    def fail() -> None:
        timers.at(0, lambda: fired.append(1))
        raise ZeroDivisionError

    timers.at(0, fail)
    timers.at(1, lambda: fired.append(2))
    try:
        timers.expire(0)
    except ZeroDivisionError:
        pass
    assert timers.expire(1) == 2
    assert fired == [1, 2]


def test_twelve_thousand_cancelled_leave_nothing_behind() -> None:
    timers = Timers()
    made = [timers.at(float(n), lambda: None) for n in range(12000)]
    assert len(timers) == 12000
    for timer in made[:-1]:
        timer.cancel()
    assert len(timers) == 1
    assert len(timers._heap) < 200
    assert timers.next_deadline == 11999


def test_clear() -> None:
    timers = Timers()
    timer = timers.at(1, lambda: None)
    timers.clear()
    assert len(timers) == 0 and not timer.pending and timers.expire(2) == 0
