"""What time it is, and being called later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from syncproton.engine import Handler

if TYPE_CHECKING:
    from syncproton.reactor import Container

__all__ = ["Clock"]


class Clock:
    """The time, and the container's timers.

    :ivar container: where timers run; without one nobody is called.
    """

    def __init__(self, container: Optional[Container] = None) -> None:
        self.container = container

    def now(self) -> float:
        """Seconds on a clock that never jumps."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def later(self, delay: float, call: Callable[[], None]) -> None:
        """Have a function called on the container's thread, in ``delay`` seconds."""
        if self.container is not None:
            self.container.schedule(delay, _Call(call))


class _Call(Handler):

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def on_timer_task(self, event: Any) -> None:
        self._call()
