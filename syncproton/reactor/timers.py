"""Timers: a heap of deadlines on the monotonic clock."""

from __future__ import annotations

import heapq
from time import monotonic
from typing import Any, Callable, List, Optional, Tuple

from ..engine.events import _task_kind

__all__ = ["Task", "Timer", "Timers", "check_seconds"]

#: Cancelled timers are left in the heap until there are this many of them and they are the majority.
_SWEEP_AT = 64


def check_seconds(value: Any, what: str) -> float:
    """Check a number of seconds that an application gave, and make it a float.

    :param what: what the number is, for the text of the exception: ``"a delay"``.
    :raises TypeError: if it is no number.
    :raises ValueError: if it is negative or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} is a number of seconds, not {value!r}")
    try:
        seconds = float(value)
    except OverflowError:
        raise ValueError(f"{what} of so many seconds is beyond all bounds") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{what} is at least 0 seconds, and finite, not {value!r}")
    return seconds


class Timer:
    """Something to be done at a moment, unless cancelled before.

    :ivar deadline: the moment, on the monotonic clock, in seconds.
    """

    __slots__ = ("deadline", "_callback", "_timers")

    def __init__(self, timers: "Timers", deadline: float, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self._callback: Optional[Callable[[], None]] = callback
        self._timers = timers

    @property
    def pending(self) -> bool:
        """Whether it is still to happen."""
        return self._callback is not None

    def cancel(self) -> None:
        """Keep it from happening; nothing if it already has or was cancelled."""
        if self._callback is not None:
            self._callback = None
            self._timers._cancelled()

    def _fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """All timers of a container.  Two with the same deadline fire in the order they were made."""

    __slots__ = ("_heap", "_made", "_dead")

    def __init__(self) -> None:
        self._heap: List[Tuple[float, int, Timer]] = []
        self._made = 0
        self._dead = 0

    def __len__(self) -> int:
        """How many timers are still to fire."""
        return len(self._heap) - self._dead

    def at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once the monotonic clock has reached ``deadline``."""
        timer = Timer(self, deadline, callback)
        self._made += 1
        heapq.heappush(self._heap, (deadline, self._made, timer))
        return timer

    def after(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` in ``delay`` seconds."""
        return self.at(monotonic() + delay, callback)

    @property
    def next_deadline(self) -> Optional[float]:
        """The moment of the next timer, or ``None`` if there is none."""
        heap = self._heap
        while heap and not heap[0][2].pending:
            heapq.heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def expire(self, now: float) -> int:
        """Fire what is due at ``now``, and say how many that were.

        Timers made meanwhile wait for the next call, so that a timer that sets itself again cannot hold up the loop.
        """
        last = self._made
        fired = 0
        heap = self._heap
        later: List[Tuple[float, int, Timer]] = []
        try:
            while heap and heap[0][0] <= now:
                entry = heapq.heappop(heap)
                if entry[1] > last:
                    later.append(entry)
                elif entry[2].pending:
                    fired += 1
                    entry[2]._fire()
                else:
                    self._dead -= 1
        finally:
            for entry in later:
                heapq.heappush(heap, entry)
        return fired

    def clear(self) -> None:
        """Drop all timers."""
        for _, _, timer in self._heap:
            timer._callback = None
        self._heap.clear()
        self._dead = 0

    def _cancelled(self) -> None:
        self._dead += 1
        if self._dead > _SWEEP_AT and self._dead * 2 > len(self._heap):
            # In place: expire() may be at work on this list.
            self._heap[:] = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._dead = 0


class Task:
    """What :meth:`Container.schedule` returns: its handler's ``on_timer_task`` will be called.

    :ivar container: the container it was scheduled on.
    """

    def __init__(self, container: Any, handler: Any) -> None:
        self.container = container
        self._reactor = container
        self._handler = handler
        self._timer: Optional[Timer] = None

    @property
    def handler(self) -> Any:
        """The handler whose ``on_timer_task`` is to be called; without one that of the container's handlers is."""
        return self._handler

    def cancel(self) -> None:
        """Keep it from happening; nothing if it already has.  From any thread."""
        self.container._carry(self.container._cancel_task, self)


_task_kind.append(Task)
