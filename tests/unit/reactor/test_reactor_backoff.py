"""Delays between attempts to connect, and which URL each attempt goes to."""

from __future__ import annotations

from itertools import islice
from typing import Any, List, Optional

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


@pytest.mark.parametrize("reconnect", [3, "yes", object()])
def test_nonsense_is_refused(reconnect: Any) -> None:
    with pytest.raises(TypeError, match="reconnect"):
        delay_source(reconnect)


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


def test_negative_delay_is_none() -> None:
    attempts = make([A], [0, -1])
    attempts.first()
    assert attempts.next() == (0, A)
