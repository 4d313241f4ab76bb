"""Waiting for what happens on the I/O thread.

A :class:`concurrent.futures.Future` stands for each operation under way.  The caller makes it and waits; the I/O
thread completes it.  A future is *started* (it is ``running()``) once something irrevocable was done for it, such as
handing a message to the peer; until then the waiting side may take the operation back with ``cancel()``.
"""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Callable, Optional, Set, TypeVar

from ..reactor import lifetime
from .deadline import Deadline

__all__ = ["Waiters", "chain", "fail", "fresh", "resolve", "start", "wait"]

T = TypeVar("T")


def start(future: "Future[Any]") -> bool:
    """Claim a future for completion; false if it was cancelled or is done.  On the I/O thread only."""
    # Only this thread makes a future run, or completes it: no lock is needed to see that, and taking one is slow.
    state = future._state
    return state == "RUNNING" or state == "PENDING" and future.set_running_or_notify_cancel()


def resolve(future: "Future[T]", result: T) -> bool:
    """Complete a future; false if nobody wants the result any more.  On the I/O thread only."""
    if not start(future):
        return False
    future.set_result(result)
    return True


def fail(future: "Future[Any]", error: BaseException) -> None:
    """Complete a future with an exception.  On the I/O thread only."""
    if start(future):
        future.set_exception(error)


def fresh(error: BaseException) -> BaseException:
    """A copy of an exception, for one raise: many threads raising one object would pile up their tracebacks on it."""
    copy = error.__class__.__new__(error.__class__, *error.args)
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy


def wait(future: "Future[T]", deadline: Deadline, timed_out: Callable[[bool], BaseException]) -> T:
    """Wait for a future.

    :param timed_out: makes the exception to raise once the deadline has passed; called with whether the operation
        was taken back before anything came of it.
    """
    try:
        return future.result(deadline.remaining())
    except FutureTimeout:
        taken_back = future.cancel()
        if not taken_back and future.done():
            # It was completed in the meantime, or with an exception that is a TimeoutError itself.
            return future.result()
    except BaseException:
        # Ctrl-C, say: what was not begun must not happen after the caller has gone.
        future.cancel()
        lifetime.hush()
        raise
    raise timed_out(taken_back)


def chain(
    inner: "Future[Any]", outer: "Future[T]", make: Callable[[], T], give_up: Callable[[], Any]
) -> "Future[T]":
    """Have ``outer`` complete when ``inner`` does.

    :param make: makes the result, if ``inner`` has not failed.
    :param give_up: called once if ``outer`` ends without a result, be it that it was cancelled or that time ran out.
    :returns: ``outer``.
    """
    def inner_done(done: "Future[Any]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            fail(outer, error)
        elif not done.cancelled():
            resolve(outer, make())

    def outer_done(done: "Future[T]") -> None:
        if done.cancelled() or done.exception() is not None:
            give_up()

    outer.add_done_callback(outer_done)
    inner.add_done_callback(inner_done)
    return outer


class Waiters:
    """The operations under way on one endpoint.  When it ends they fail, and later ones at once.

    :ivar ended: why the endpoint ended, or ``None``.
    """

    __slots__ = ("ended", "_futures")

    def __init__(self) -> None:
        self.ended: Optional[BaseException] = None
        self._futures: Set["Future[Any]"] = set()

    def add(self, future: "Future[Any]") -> bool:
        """Have ``future`` fail when the endpoint ends; false if it has ended, and the future failed."""
        if self.ended is not None:
            fail(future, fresh(self.ended))
            return False
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return True

    def end(self, error: BaseException) -> None:
        """Fail all operations with ``error``, now and from now on."""
        self.ended = error
        for future in list(self._futures):
            fail(future, fresh(error))
