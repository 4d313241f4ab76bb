"""Idle time-outs (part 2, section 2.4.5)."""

from __future__ import annotations

__all__ = ["IdleTimer"]


class IdleTimer:
    """Watches a count of bytes: expires when it has not grown for a time.

    :ivar deadline: when it expires, unless the count grows; 0 before the first look.
    :ivar count: the count at the last look.
    """

    __slots__ = ("deadline", "count")

    def __init__(self) -> None:
        self.deadline = 0.0
        self.count = 0

    def expired(self, now: float, timeout: float, count: int) -> bool:
        """Look at the count; true if it has been the same for ``timeout`` seconds.  Time then starts anew."""
        if not self.deadline or count != self.count:
            self.deadline = now + timeout
            self.count = count
            return False
        if self.deadline <= now:
            self.deadline = now + timeout
            return True
        return False

    def due(self, now: float, count: int) -> bool:
        """Whether a look at the count would find it expired."""
        return 0 < self.deadline <= now and count == self.count
