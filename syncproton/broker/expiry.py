"""When messages expire, for the ones that nobody comes for.

An expired message that is found when it is to be delivered is dropped then.  This is for the others: messages are put
in buckets by the time at which they expire, and one timer goes off when the next bucket is due.  That costs a few steps
a message, however many there are, and nothing when none expires.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Dict, List, Set, Tuple

from syncproton.broker.clock import Clock

if TYPE_CHECKING:
    from syncproton.broker.queue import Queue
    from syncproton.broker.queued import QueuedMessage

__all__ = ["Expiry"]

#: How much later than it expires a message is dropped at most, if nobody comes for it; in seconds.
STEP = 0.25

_SPARE = 64  # so many empty buckets are borne before they are cleared away


class Expiry:
    """Drops messages that have expired, without anybody looking at their queue.

    :ivar clock: the time, and who calls when it has come.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._buckets: Dict[int, Set[Tuple[Queue, QueuedMessage]]] = {}
        # The numbers of the buckets, also of some that are gone, the next one first.
        self._order: List[int] = []
        self._called_at = math.inf

    def watch(self, queue: Queue, message: QueuedMessage) -> None:
        """Drop a message once it has expired."""
        assert message.expires is not None
        number = _bucket(message.expires)
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = set()
            heapq.heappush(self._order, number)
            self._call_at((number + 1) * STEP)
        bucket.add((queue, message))

    def forget(self, queue: Queue, message: QueuedMessage) -> None:
        """A message is gone."""
        assert message.expires is not None
        number = _bucket(message.expires)
        bucket = self._buckets.get(number)
        if bucket is None:
            return
        bucket.discard((queue, message))
        if not bucket:
            del self._buckets[number]
            if len(self._order) > 2 * len(self._buckets) + _SPARE:
                self._order = sorted(self._buckets)

    def _call_at(self, time: float) -> None:
        if time < self._called_at:
            self._called_at = time
            self.clock.later(max(0.0, time - self.clock.now()), self._sweep)

    def _sweep(self) -> None:
        now = self.clock.now()
        self._called_at = math.inf
        while self._order and (self._order[0] not in self._buckets or (self._order[0] + 1) * STEP <= now):
            for queue, message in self._buckets.pop(heapq.heappop(self._order), ()):
                queue.expire(message)
        if self._order:
            self._call_at((self._order[0] + 1) * STEP)


def _bucket(expires: float) -> int:
    return math.floor(expires / STEP)
