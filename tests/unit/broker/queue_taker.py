"""For tests of the queue on its own: what takes its messages, and a clock that a test moves."""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

from syncproton.broker.clock import Clock
from syncproton.broker.filters import Selector
from syncproton.broker.queue import Queue, QueuedMessage


class Taker:
    """Stands in for a consumer: takes as many messages as it has credit for."""

    def __init__(self, queue: Queue, serial: int, selector: Optional[str] = None, copies: bool = False) -> None:
        self.serial = serial
        self.selector: Any = None if selector is None else Selector(selector)
        self.copies = copies
        self.credit = 0
        self.waiting = False
        self.was_idle = False
        self.got: List[QueuedMessage] = []
        self.queue = queue
        queue.subscribe(self)  # type: ignore[arg-type]

    @property
    def can_take(self) -> bool:
        return self.credit > 0

    @property
    def payloads(self) -> List[bytes]:
        return [message.payload for message in self.got]

    def send(self, message: QueuedMessage) -> None:
        self.credit -= 1
        self.got.append(message)

    def idle(self) -> None:
        self.was_idle = True

    def flow(self, credit: int) -> bool:
        self.credit += credit
        return self.queue.ready(self)  # type: ignore[arg-type]


class ManualClock(Clock):
    """Stands still until a test lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0
        self.calls: List[Tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return 1_700_000_000.0 + self.time

    def later(self, delay: float, call: Callable[[], None]) -> None:
        self.calls.append((self.time + delay, call))

    def due(self) -> None:
        """Make the calls whose time has come, but not those which they ask for."""
        calls, self.calls = self.calls, []
        for time, call in calls:
            if time <= self.time:
                call()
            else:
                self.calls.append((time, call))

    def pass_by(self, seconds: float) -> None:
        """Let time pass, and all be called that is due then."""
        self.time += seconds
        while any(time <= self.time for time, _ in self.calls):
            self.due()
