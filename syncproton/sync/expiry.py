"""The time limits of futures that no thread waits for."""

from __future__ import annotations

import heapq
from concurrent.futures import Future
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from .deadline import Deadline
from .inlet import Inlet
from .waiting import fail

if TYPE_CHECKING:
    from ..reactor import Container
    from ..reactor.timers import Timer

__all__ = ["Expiry"]

#: Futures that are done stay in the heap until there are so many entries, and then until there are twice as many as
#: there were left.
SWEEP_AT = 1024

_Entry = Tuple[float, int, "Future[Any]", Callable[[bool], BaseException]]


class Expiry:
    """Fails futures whose time is up.  One timer of the container does for all of them.

    :param container: the container whose thread completes the futures.
    """

    def __init__(self, container: "Container") -> None:
        self._container = container
        self._inlet: "Inlet[_Entry]" = Inlet(container, self._take, lambda entry, error: None)
        self._numbers = count()
        self._heap: List[_Entry] = []
        self._sweep_at = SWEEP_AT
        self._timer: Optional["Timer"] = None

    def add(self, future: "Future[Any]", deadline: Deadline, timed_out: Callable[[bool], BaseException]) -> None:
        """Have ``future`` fail when the deadline has passed.  From any thread.

        :param timed_out: makes the exception; called with whether nothing had come of the operation yet.
        """
        if deadline.at is not None:
            self._inlet.put((deadline.at, next(self._numbers), future, timed_out))

    def __len__(self) -> int:
        return len(self._heap)

    # --- on the I/O thread

    def _take(self, entry: _Entry) -> None:
        heap = self._heap
        if len(heap) >= self._sweep_at:
            heap[:] = [each for each in heap if not each[2].done()]
            heapq.heapify(heap)
            self._sweep_at = max(SWEEP_AT, 2 * len(heap))
        heapq.heappush(heap, entry)
        if heap[0] is entry:
            self._set()

    def _set(self) -> None:
        timer = self._timer
        due = self._heap[0][0]
        if timer is not None and timer.pending:
            if timer.deadline <= due:
                return
            timer.cancel()
        self._timer = self._container.timers.at(due, self._due)

    def _due(self) -> None:
        heap = self._heap
        now = monotonic()
        while heap and (heap[0][0] <= now or heap[0][2].done()):
            _, _, future, timed_out = heapq.heappop(heap)
            if not future.done():
                fail(future, timed_out(not future.running()))
        if heap:
            self._set()
