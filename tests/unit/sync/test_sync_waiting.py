"""Futures between threads: completing, taking back, and failing when an endpoint ends."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future

import pytest

from syncproton.engine import Condition
from syncproton.errors import ConnectionException, LinkException, Timeout
from syncproton.sync.deadline import Deadline
from syncproton.sync.errors import connection_lost
from syncproton.sync.waiting import Waiters, fail, fresh, resolve, start, wait


def timed_out(taken_back):
    return Timeout("taken back" if taken_back else "begun")


def test_resolve_and_fail_complete_a_future_once():
    future = Future()
    assert resolve(future, 1)
    assert not resolve(future, 2)
    fail(future, ValueError())
    assert future.result() == 1


def test_nothing_is_done_for_a_cancelled_future():
    future = Future()
    future.cancel()
    assert not start(future)
    assert not start(future)
    assert not resolve(future, 1)
    fail(future, ValueError())
    with pytest.raises(CancelledError):
        future.result()


def test_a_started_future_can_be_completed_and_not_cancelled():
    future = Future()
    assert start(future)
    assert start(future)
    assert not future.cancel()
    assert resolve(future, 1)
    assert not start(future)


def test_wait_returns_the_result():
    future = Future()
    threading.Thread(target=resolve, args=(future, "x")).start()
    assert wait(future, Deadline(10), timed_out) == "x"


def test_wait_raises_what_the_operation_failed_with():
    future = Future()
    fail(future, LinkException("gone"))
    with pytest.raises(LinkException, match="gone"):
        wait(future, Deadline(10), timed_out)


def test_wait_takes_back_what_was_not_begun():
    future = Future()
    with pytest.raises(Timeout, match="taken back"):
        wait(future, Deadline(0), timed_out)
    assert future.cancelled()


def test_wait_tells_what_was_begun():
    future = Future()
    start(future)
    with pytest.raises(Timeout, match="begun"):
        wait(future, Deadline(0), timed_out)


def test_a_timeout_error_of_the_operation_is_no_timeout_of_the_wait():
    future = Future()
    fail(future, TimeoutError("ETIMEDOUT"))
    with pytest.raises(TimeoutError, match="ETIMEDOUT"):
        wait(future, Deadline(10), timed_out)


def test_a_result_that_comes_with_the_deadline_is_not_lost():
    class Late(Future):
        def result(self, timeout=None):
            if not self.done():
                resolve(self, "just in time")
                from concurrent.futures import TimeoutError as FutureTimeout

                raise FutureTimeout()
            return super().result(timeout)

    assert wait(Late(), Deadline(0), timed_out) == "just in time"


def test_ctrl_c_takes_the_operation_back():
    class Interrupted(Future):
        def result(self, timeout=None):
            raise KeyboardInterrupt

    future = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        wait(future, Deadline(10), timed_out)
    assert future.cancelled()


def test_fresh_copies_everything_but_the_traceback():
    cause = OSError(5, "reset")
    error = connection_lost("amqp://host", Condition("amqp:x"))
    error.__cause__ = cause
    try:
        raise error
    except ConnectionException:
        pass
    copy = fresh(error)
    assert type(copy) is ConnectionException
    assert str(copy) == str(error)
    assert copy.condition == "amqp:x"
    assert copy.__cause__ is cause
    assert copy is not error
    assert copy.__traceback__ is None


def test_waiters_fail_when_the_endpoint_ends():
    waiters = Waiters()
    futures = [Future(), Future()]
    assert all(waiters.add(future) for future in futures)
    waiters.end(LinkException("over"))
    for future in futures:
        with pytest.raises(LinkException, match="over"):
            future.result(0)
    assert futures[0].exception() is not futures[1].exception()


def test_waiters_that_come_late_fail_at_once():
    waiters = Waiters()
    waiters.end(LinkException("over"))
    future = Future()
    assert not waiters.add(future)
    with pytest.raises(LinkException, match="over"):
        future.result(0)


def test_waiters_forget_what_is_complete():
    waiters = Waiters()
    done, cancelled = Future(), Future()
    waiters.add(done)
    waiters.add(cancelled)
    resolve(done, 1)
    cancelled.cancel()
    assert not waiters._futures
