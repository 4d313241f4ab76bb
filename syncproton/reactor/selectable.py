"""File descriptors of the application's own in the container's loop."""

from __future__ import annotations

from time import monotonic
from typing import Any, Optional

from ..engine import Event
from .injector import EventInjector
from .loop import READ, WRITE
from .timers import Timer

__all__ = ["Selectable"]


class Selectable:
    """A file descriptor that the container watches, and the handler that hears of it.

    Set :attr:`reading`, :attr:`writing` and :attr:`deadline`, then call :meth:`update`.  The handler's methods are
    ``on_selectable_init``, ``on_selectable_updated``, ``on_selectable_readable``, ``on_selectable_writable``,
    ``on_selectable_expired``, ``on_selectable_error`` and ``on_selectable_final``; ``event.context`` is the selectable.

    :ivar reading: whether to watch for something to read.
    :ivar writing: whether to watch for room to write.
    :ivar deadline: when ``on_selectable_expired`` is to be called, in seconds on the monotonic clock; 0 is never.
    """

    def __init__(self, delegate: Any, container: Any, handler: Any = None) -> None:
        self._delegate = delegate
        self._reactor = container
        self._handler = handler
        self.reading = False
        self.writing = False
        self.deadline = 0.0
        self._timer: Optional[Timer] = None
        self._watched: Optional[int] = None
        self._terminal = False

    @property
    def handler(self) -> Any:
        """The handler that gets the events of this selectable."""
        return self._handler

    @property
    def is_terminal(self) -> bool:
        """Whether :meth:`terminate` was called."""
        return self._terminal

    @property
    def is_registered(self) -> bool:
        """Whether the container watches it."""
        return self._watched is not None

    def fileno(self) -> int:
        """The file descriptor, or -1 if there is none."""
        fileno = getattr(self._delegate, "fileno", None)
        return int(fileno()) if fileno is not None else -1

    def expire_in(self, delay: float) -> None:
        """Set :attr:`deadline` to ``delay`` seconds from now."""
        self.deadline = monotonic() + delay

    def update(self) -> None:
        """Have the container look again at what is to be watched."""
        self._reactor.update(self)

    def terminate(self) -> None:
        """Watch no more.  With the next :meth:`update` the container forgets it."""
        self._terminal = True

    def release(self) -> None:
        """Watch no more, from now on."""
        self.terminate()
        self.update()

    def on_ready(self, mask: int) -> None:
        """Turn readiness into events."""
        if mask & READ:
            self._reactor.push_event(self, Event.SELECTABLE_READABLE)
        if mask & WRITE:
            self._reactor.push_event(self, Event.SELECTABLE_WRITABLE)

    def container_ended(self) -> None:
        """The container ended before it let go of this: an :class:`EventInjector` has nobody to tell any more."""
        self._watched = None
        if isinstance(self._delegate, EventInjector):
            self._delegate.release()
