"""Futures that can be forked."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import Any, List, TypeVar

from ..errors import ProtonException
from . import lifetime

__all__ = ["new_future"]

T = TypeVar("T")


def new_future() -> "concurrent.futures.Future[Any]":
    """A future such as all of ours are."""
    return _Future()


class _Future(concurrent.futures.Future[T]):
    """A future of what the I/O thread does; in the child of a fork, which has no such thread, it has failed.

    Nobody would complete it there, and its lock may have been held when the process forked.  So the child never touches
    that lock: it gives the future another one when it first looks at it, and an exception unless it was done.  Those
    who asked to be called back are not called: in the parent they will be.
    """

    def __init__(self) -> None:
        self._process = lifetime.process
        super().__init__()

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
