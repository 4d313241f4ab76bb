"""The door into the I/O thread."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Deque, List

import pytest

from syncproton.reactor.call_queue import Call, CallQueue, InternalCall


def make(function: Any, *args: Any, **kwargs: Any) -> Call:
    return Call(function, args, kwargs)


def test_calls_run_in_order_and_give_their_results() -> None:
    queue = CallQueue(lambda: None)
    order: List[int] = []
    calls = [make(lambda n: order.append(n) or n, n) for n in range(5)]
    for call in calls:
        queue.put(call)
    assert len(queue) == 5
    assert queue.run() and not queue.run()
    assert order == [0, 1, 2, 3, 4]
    assert [call.future.result(0) for call in calls] == order


def test_keywords_and_exceptions() -> None:
    queue = CallQueue(lambda: None)
    good, bad = make(int, "11", base=2), make(lambda: 1 // 0)
    queue.put(good)
    queue.put(bad)
    queue.run()
    assert good.future.result(0) == 3
    with pytest.raises(ZeroDivisionError):
        bad.future.result(0)


def test_internal_exceptions_come_out() -> None:
    queue = CallQueue(lambda: None)
    queue.put(InternalCall(lambda: 1 // 0, ()))
    with pytest.raises(ZeroDivisionError):
        queue.run()


def test_cancelled_call_does_not_run() -> None:
    queue = CallQueue(lambda: None)
    ran: List[int] = []
    call = make(ran.append, 1)
    queue.put(call)
    assert call.future.cancel()
    queue.run()
    assert ran == []


def test_wakes_once_for_many() -> None:
    wakes: List[int] = []
    queue = CallQueue(lambda: wakes.append(1))
    for _ in range(10):
        queue.put(make(lambda: None))
    assert len(wakes) == 1
    queue.run()
    queue.put(make(lambda: None))
    assert len(wakes) == 2


def test_wakes_though_a_signal_handler_puts_another_one_meanwhile() -> None:
    class Interrupted(Deque[Any]):
        def append(self, call: Any) -> None:
            super().append(call)
            if len(self) == 1:
                queue.put(second)

    wakes: List[int] = []
    queue = CallQueue(lambda: wakes.append(1))
    queue._calls = Interrupted()
    first, second = make(lambda: 1), make(lambda: 2)
    queue.put(first)
    assert wakes and queue.run()
    assert (first.future.result(0), second.future.result(0)) == (1, 2)


def test_what_is_put_while_running_waits_and_wakes() -> None:
    wakes: List[int] = []
    queue = CallQueue(lambda: wakes.append(1))
    later = make(lambda: "later")
    queue.put(make(lambda: queue.put(later)))
    queue.run()
    assert not later.future.done() and len(wakes) >= 2
    queue.run()
    assert later.future.result(0) == "later"


def test_closing_hands_back_what_never_ran() -> None:
    queue = CallQueue(lambda: None)
    waiting, late = make(lambda: 1), make(lambda: 2)
    queue.put(waiting)
    error = RuntimeError("over")
    assert queue.close(error) == [waiting]
    waiting.fail(error)
    queue.put(late)
    for call in (waiting, late):
        with pytest.raises(RuntimeError, match="over"):
            call.future.result(0)
    queue.reopen()
    again = make(lambda: 3)
    queue.put(again)
    queue.run()
    assert again.future.result(0) == 3


def test_nothing_is_lost_between_putting_and_closing() -> None:
    wake = threading.Event()
    queue = CallQueue(wake.set)
    futures: List["Future[Any]"] = []
    lock = threading.Lock()
    start = threading.Barrier(5)

    def put_many() -> None:
        start.wait()
        for _ in range(500):
            call = make(lambda: 1)
            queue.put(call)
            with lock:
                futures.append(call.future)

    threads = [threading.Thread(target=put_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait()
    while len(futures) < 700:
        wake.wait(5)
        wake.clear()
        queue.run()
    for call in queue.close(RuntimeError("over")):
        call.fail(RuntimeError("over"))
    for thread in threads:
        thread.join()
    assert len(futures) == 2000
    assert all(future.done() for future in futures)
