"""The one door by which other threads get work done on the I/O thread."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple, Union

from .futures import new_future

__all__ = ["Call", "CallQueue", "InternalCall"]


class Call:
    """A function to be called on the I/O thread, and the future that gets what it returns or raises."""

    __slots__ = ("future", "_function", "_args", "_kwargs")

    def __init__(self, function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        self.future: "Future[Any]" = new_future()
        self._function = function
        self._args = args
        self._kwargs = kwargs

    def run(self) -> None:
        """Call the function, unless the future was cancelled.  What it raises goes to the future, and no further."""
        future = self.future
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = self._function(*self._args, **self._kwargs)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """The call will never run: give the future ``error``."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class InternalCall:
    """A call of our own: what it raises is a bug, and comes out of :meth:`CallQueue.run`."""

    __slots__ = ("_function", "_args")

    def __init__(self, function: Callable[..., Any], args: Tuple[Any, ...]) -> None:
        self._function = function
        self._args = args

    def run(self) -> None:
        """Call the function."""
        self._function(*self._args)

    def fail(self, error: BaseException) -> None:
        """The call will never run, and nobody waits for it."""


AnyCall = Union[Call, InternalCall]


class CallQueue:
    """A queue of calls, filled by any thread and emptied by one.

    What :meth:`put` takes is either run or, when the queue closes, handed back for its future to be failed: nothing
    is ever forgotten in it.  The lock is re-entrant because a signal handler may call :meth:`put` in the middle of a
    :meth:`put` of the same thread.

    :param wake: called, from the thread that puts, when the queue was empty before.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._lock = threading.RLock()
        self._calls: Deque[AnyCall] = deque()
        self._closed: Optional[BaseException] = None
        self._wake = wake

    def put(self, call: AnyCall) -> None:
        """Queue a call; once the queue is closed its future fails at once."""
        with self._lock:
            error = self._closed
            if error is None:
                # Asked before as well, because a signal handler may put another one right after the append.
                empty = not self._calls
                self._calls.append(call)
                if empty or len(self._calls) == 1:
                    self._wake()
                return
        call.fail(error)

    def run(self) -> bool:
        """Run what is queued now, in order; what is put meanwhile waits.  True if there was anything."""
        calls = self._calls
        if not calls:
            return False
        for _ in range(len(calls)):
            if not calls:
                break  # one of them forked, and this is the child
            calls.popleft().run()
        if calls:
            self._wake()
        return True

    def close(self, error: BaseException) -> List[AnyCall]:
        """Take no more calls, and return those that were never run."""
        with self._lock:
            self._closed = error
            left = list(self._calls)
            self._calls.clear()
        return left

    def forget(self) -> None:
        """In the child of a fork, where no lock may be taken: drop what is queued.  It is run in the parent."""
        self._calls.clear()

    def reopen(self) -> None:
        """Take calls again."""
        with self._lock:
            self._closed = None

    def __len__(self) -> int:
        return len(self._calls)
