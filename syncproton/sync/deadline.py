"""Timeouts, turned into one point in time."""

from __future__ import annotations

import math
import threading
import time
from numbers import Real
from typing import Optional

__all__ = ["Deadline", "seconds"]


def seconds(timeout: Optional[float], name: str = "timeout") -> Optional[float]:
    """Check a timeout given by a user.

    :param timeout: seconds, or ``None`` for ever.
    :param name: what the argument is called in the error.
    :returns: seconds, or ``None``.
    :raises TypeError: if it is not a number; ``True`` is none either.
    :raises ValueError: if it is negative or not a number in the sense of IEEE 754.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, Real):
        raise TypeError(f"{name} is a number of seconds, or None to wait for ever, not {timeout!r}")
    value = float(timeout)
    if math.isnan(value) or value < 0:
        raise ValueError(f"{name} must be non-negative, not {timeout!r}")
    # What the platform cannot wait for is as good as for ever.
    return None if value > threading.TIMEOUT_MAX else value


class Deadline:
    """The point in time up to which an operation may wait, however many waits it is made of.

    :param timeout: seconds from now; ``None`` for ever; ``False`` for the default.
    :param default: what ``False`` stands for: seconds, or ``None`` for ever.
    :ivar timeout: the seconds there were at the start, or ``None``.
    """

    __slots__ = ("timeout", "_at")

    def __init__(self, timeout: Optional[float] = False, default: Optional[float] = None) -> None:
        self.timeout = default if timeout is False else seconds(timeout)
        self._at = None if self.timeout is None else time.monotonic() + self.timeout

    @property
    def at(self) -> Optional[float]:
        """The point in time on the monotonic clock, in seconds; ``None`` for never."""
        return self._at

    def remaining(self) -> Optional[float]:
        """The seconds left, 0 once it has passed, ``None`` for ever."""
        if self._at is None:
            return None
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self._at is not None and time.monotonic() >= self._at

    def __repr__(self) -> str:
        return "Deadline(never)" if self._at is None else f"Deadline({self.remaining():.3f} s left)"
