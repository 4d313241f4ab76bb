"""Timeouts at the edge: what is taken, what is refused, and that waiting is up to one point in time."""

from __future__ import annotations

import math
import threading
from decimal import Decimal
from fractions import Fraction

import pytest

from syncproton.sync import deadline as module
from syncproton.sync.deadline import Deadline, seconds


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize("timeout, expected", [(0, 0.0), (1, 1.0), (0.25, 0.25), (Fraction(1, 2), 0.5), (None, None)])
def test_seconds_takes_numbers_and_none(timeout, expected):
    assert seconds(timeout) == expected


@pytest.mark.parametrize("timeout", ["1", b"1", [], True, object(), 1j, Decimal(1)])
def test_seconds_refuses_what_is_no_number(timeout):
    with pytest.raises(TypeError, match="timeout is a number of seconds"):
        seconds(timeout)


@pytest.mark.parametrize("timeout", [-1, -0.001, -math.inf, math.nan])
def test_seconds_refuses_what_is_no_time(timeout):
    with pytest.raises(ValueError, match="timeout must be non-negative"):
        seconds(timeout)


def test_errors_name_the_setting():
    with pytest.raises(TypeError, match="^max_idle "):
        seconds("x", "max_idle")


@pytest.mark.parametrize("timeout", [math.inf, threading.TIMEOUT_MAX * 2])
def test_more_than_the_platform_can_wait_is_for_ever(timeout):
    assert seconds(timeout) is None
    assert Deadline(timeout).remaining() is None


def test_false_is_the_default(clock):
    assert Deadline(False, 5).remaining() == 5
    assert Deadline(default=5).timeout == 5
    assert Deadline(False, None).remaining() is None


def test_none_is_for_ever_whatever_the_default(clock):
    deadline = Deadline(None, 5)
    clock.now += 1e9
    assert deadline.remaining() is None
    assert not deadline.passed


def test_zero_is_not_false(clock):
    deadline = Deadline(0, 5)
    assert deadline.remaining() == 0
    assert deadline.passed


def test_time_runs_down_over_several_waits(clock):
    deadline = Deadline(3)
    assert deadline.remaining() == 3
    clock.now += 1
    assert deadline.remaining() == 2
    assert not deadline.passed
    clock.now += 2.5
    assert deadline.remaining() == 0
    assert deadline.passed
    assert deadline.timeout == 3


def test_repr(clock):
    assert repr(Deadline(None)) == "Deadline(never)"
    assert repr(Deadline(2)) == "Deadline(2.000 s left)"
