"""What a connection pool counts."""

from __future__ import annotations

from typing import Dict

__all__ = ["PoolStats"]


class PoolStats:
    """Counters that only grow.  Changed with the lock of the pool held.

    :ivar requests_num: how often a connection was asked for.
    :ivar requests_queued: how often none was free.
    :ivar requests_wait_ms: how long those waited, in milliseconds.
    :ivar requests_errors: how often none was to be had: in time, for the many that waited, or because the pool closed.
    :ivar usage_ms: how long connections were lent, in milliseconds.
    :ivar returns_bad: how many came back closed or broken.
    :ivar connections_num: how often a connection was tried to be made.
    :ivar connections_ms: how long that took where it succeeded, in milliseconds.
    :ivar connections_errors: how often it failed.
    :ivar connections_lost: how many broke, or did not pass the check, while they were not lent.
    """

    __slots__ = (
        "requests_num", "requests_queued", "requests_wait_ms", "requests_errors", "usage_ms", "returns_bad",
        "connections_num", "connections_ms", "connections_errors", "connections_lost",
    )

    def __init__(self) -> None:
        self.requests_num = 0
        self.requests_queued = 0
        self.requests_wait_ms = 0.0
        self.requests_errors = 0
        self.usage_ms = 0.0
        self.returns_bad = 0
        self.connections_num = 0
        self.connections_ms = 0.0
        self.connections_errors = 0
        self.connections_lost = 0

    def as_dict(self) -> Dict[str, int]:
        """The counters by their names, in whole numbers."""
        return {name: int(getattr(self, name)) for name in self.__slots__}
