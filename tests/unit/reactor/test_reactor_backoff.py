"""Delays between attempts to connect, and which URL each attempt goes to."""

from __future__ import annotations

from itertools import islice
from typing import Any, Iterator, List, Optional

import pytest

from syncproton.reactor import Backoff
from syncproton.reactor.attempts import Attempts
from syncproton.reactor.backoff import delay_source
from syncproton.url import Url

DEFAULT = [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]


def test_delays_double_up_to_ten_seconds() -> None:
    backoff = Backoff()
    assert [backoff.next() for _ in range(11)] == DEFAULT


def test_reset_begins_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert [backoff.next() for _ in range(3)] == DEFAULT[:3]


def test_iterating_begins_anew_each_time_and_leaves_next_alone() -> None:
    backoff = Backoff()
    assert backoff.next() == 0
    assert list(islice(backoff, 4)) == DEFAULT[:4]
    assert list(islice(backoff, 4)) == DEFAULT[:4]
    assert backoff.next() == 0.1


def test_parameters() -> None:
    assert list(Backoff(initial=1, max_delay=5, factor=3, max_tries=4)) == [0, 1, 3, 5]


def test_max_tries_ends_next() -> None:
    backoff = Backoff(max_tries=1)
    assert backoff.next() == 0
    with pytest.raises(StopIteration):
        backoff.next()


def test_misspelt_parameter_is_named() -> None:
    with pytest.raises(TypeError, match="max_trys"):
        Backoff(max_trys=3)  # type: ignore[call-arg]


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    "parameter, wrong_kind, wrong_value",
    [
        ("initial", ["1", None, True], [-1, NAN, INFINITY]),
        ("max_delay", ["1", None, True], [-1, NAN, INFINITY]),
        ("factor", ["1", None, True], [0.5, -2, NAN, INFINITY]),
        ("max_tries", ["1", 1.5, True], [-1]),
    ],
)
def test_parameters_that_make_no_sense(parameter: str, wrong_kind: Any, wrong_value: Any) -> None:
    for error, values in ((TypeError, wrong_kind), (ValueError, wrong_value)):
        for value in values:
            with pytest.raises(error, match=parameter):
                Backoff(**{parameter: value})


def test_delays_are_floats() -> None:
    assert {type(delay) for delay in islice(Backoff(initial=1, max_delay=3), 5)} == {float}


class Counter:
    """What a program written for an older proton may pass: next and reset, but not iterable."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> float:
        self.count += 1
        if self.count > 3:
            raise StopIteration
        return float(self.count)

    def reset(self) -> None:
        self.count = 0


@pytest.mark.parametrize(
    "reconnect, delays",
    [
        (None, DEFAULT),
        (True, DEFAULT),
        (Backoff(), DEFAULT),
        ([1, 2], [1, 2]),
        ((0.5,), [0.5]),
        (Counter(), [1, 2, 3]),
    ],
)
def test_kinds_of_reconnect(reconnect: Any, delays: List[float]) -> None:
    source = delay_source(reconnect)
    assert source is not None
    for _ in range(2):
        assert list(islice(source(), 11)) == delays


def test_no_reconnect() -> None:
    assert delay_source(False) is None


class NoCounter:
    """Has the names, and not the methods."""

    next = reset = 3


@pytest.mark.parametrize("reconnect", [3, "yes", b"yes", object(), Backoff, list, NoCounter(), [[0]], ["0"], [True]])
def test_nonsense_is_refused(reconnect: Any) -> None:
    with pytest.raises(TypeError, match="reconnect|delay between attempts"):
        delay_source(reconnect)


@pytest.mark.parametrize("delay", [-1, -0.001, NAN, INFINITY])
def test_a_list_with_a_delay_that_cannot_be_is_refused(delay: float) -> None:
    with pytest.raises(ValueError, match="delay between attempts"):
        delay_source([0, delay])


A, B, C = (Url(f"amqp://{host}:1") for host in "abc")


def make(urls: List[Url], reconnect: Any) -> Attempts:
    return Attempts(urls, delay_source(reconnect))


def following(attempts: Attempts, count: int) -> List[Optional[Any]]:
    return [attempts.next() for _ in range(count)]


def test_first_attempt_uses_up_the_first_delay() -> None:
    attempts = make([A], [1, 2])
    assert attempts.first() == A
    assert following(attempts, 2) == [(2, A), None]


def test_every_url_with_each_delay() -> None:
    attempts = make([A, B], [1, 2, 3])
    assert attempts.first() == A
    assert following(attempts, 6) == [(1, B), (2, A), (2, B), (3, A), (3, B), None]


def test_five_tries_of_two_urls_are_ten_attempts() -> None:
    attempts = make([A, B], Backoff(max_tries=5))
    attempts.first()
    count = 1
    while attempts.next() is not None:
        count += 1
    assert count == 10


def test_success_begins_a_new_round_at_the_next_url() -> None:
    attempts = make([A, B, C], [1, 2])
    attempts.first()
    assert attempts.next() == (1, B)
    attempts.succeeded()
    assert following(attempts, 7) == [(1, C), (1, A), (1, B), (2, C), (2, A), (2, B), None]


@pytest.mark.parametrize("reconnect", [False, []])
def test_single_attempt(reconnect: Any) -> None:
    attempts = make([A, B], reconnect)
    assert attempts.first() == A
    assert attempts.next() is None
    attempts.succeeded()
    assert attempts.next() is None


def test_a_list_is_taken_as_it_was() -> None:
    delays = [1.0, 2.0]
    source = delay_source(delays)
    delays.clear()
    assert source is not None and list(source()) == [1, 2]


def yields(*delays: Any) -> Any:
    class Delays:
        def __iter__(self) -> Iterator[Any]:
            return iter(delays)

    return Delays()


@pytest.mark.parametrize("delay, error", [("1", TypeError), (None, TypeError), (-1, ValueError), (NAN, ValueError)])
def test_an_iterable_that_gives_no_delay_is_told_so(delay: Any, error: Any) -> None:
    attempts = make([A], yields(0, delay))
    attempts.first()
    with pytest.raises(error, match="delay between attempts"):
        attempts.next()


def test_an_iterable_is_iterated_anew_for_each_round() -> None:
    attempts = make([A], yields(0, 7))
    attempts.first()
    assert following(attempts, 2) == [(7, A), None]
    attempts.succeeded()
    assert following(attempts, 3) == [(0, A), (7, A), None]
