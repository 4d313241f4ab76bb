"""Futures that can be forked."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import TYPE_CHECKING, Any, List, Optional, TypeVar

from ..errors import ProtonException, WrongThread
from . import lifetime

if TYPE_CHECKING:
    from .runner import Runner

__all__ = ["new_future"]

T = TypeVar("T")


def new_future(reactor: "Optional[Runner]" = None) -> "concurrent.futures.Future[Any]":
    """A future such as all of ours are.

    :param reactor: whose thread completes it, and so cannot wait for it.
    """
    return _Future(reactor)


class _Future(concurrent.futures.Future[T]):
    """A future of what the I/O thread does; in the child of a fork, which has no such thread, it has failed.

    Nobody would complete it there, and its lock may have been held when the process forked.  So the child never touches
    that lock: it gives the future another one when it first looks at it, and an exception unless it was done.  Those
    who asked to be called back are not called: in the parent they will be.
    """

    def __init__(self, reactor: "Optional[Runner]" = None) -> None:
        self._process = lifetime.process
        self._reactor = reactor
        super().__init__()

    def result(self, timeout: Optional[float] = None) -> T:
        self._check()
        return super().result(timeout)

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        self._check()
        return super().exception(timeout)

    def cancel(self) -> bool:
        cancelled = super().cancel()
        if cancelled:
            # At once, not when the I/O thread comes to it, which may be never: wait() and as_completed() go by this.
            self.set_running_or_notify_cancel()
        return cancelled

    def set_running_or_notify_cancel(self) -> bool:
        with self._condition:
            return self._state != "CANCELLED_AND_NOTIFIED" and super().set_running_or_notify_cancel()

    def _check(self) -> None:
        if self._reactor is not None and self._state in ("PENDING", "RUNNING") and self._reactor.on_io_thread:
            raise WrongThread("waiting on the I/O thread for what that thread is to do: use a callback")

    # All that the base class and the functions of its module do, they do with this held.
    @property
    def _condition(self) -> threading.Condition:
        if self._process is not lifetime.process:
            self._came_by_fork()
        return self._own_condition

    @_condition.setter
    def _condition(self, condition: threading.Condition) -> None:
        self._own_condition = condition

    def _came_by_fork(self) -> None:
        self._own_condition = threading.Condition()
        if self._state in ("PENDING", "RUNNING"):
            self._done_callbacks: List[Any] = []
            self._waiters: List[Any] = []
            self._exception = ProtonException("begun in the parent process, which alone learns what comes of it")
            self._state = "FINISHED"
        # Last, so that another thread that comes in the meantime does all of this, too.
        self._process = lifetime.process
