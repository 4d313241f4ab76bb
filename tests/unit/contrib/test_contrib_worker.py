"""The worker that consumers run in: what becomes of each message, and of those in hand when it is to stop."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List

import pytest

import syncproton
from syncproton import ProtonException
from syncproton.broker import Broker
from syncproton.contrib import _consumer
from syncproton.contrib._consumer import Worker
from syncproton.contrib._registry import Consumers
from syncproton.contrib._settings import read_settings

LIMIT = 20.0  # seconds

Start = Callable[..., Worker]


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture
def connection(broker: Broker) -> Iterator[syncproton.Connection]:
    with syncproton.connect(broker.url, timeout=LIMIT) as opened:
        yield opened


@pytest.fixture
def start(broker: Broker) -> Iterator[Start]:
    """Starts a worker with one consumer; at the end of the test it is stopped."""
    workers: List[Worker] = []

    def run(function: Callable[[Any], Any], *, around: Any = None, options: Any = None, **values: Any) -> Worker:
        consumers = Consumers()
        consumers.consumer("work", **(options or {}))(function)
        settings = read_settings({"URL": broker.url, "TIMEOUT": LIMIT, **values}, "AMQP_{}".format)
        worker = Worker(settings, consumers.chosen(), **({"around": around} if around else {}))
        worker.start()
        workers.append(worker)
        return worker

    yield run
    for worker in workers:
        worker.finish(lambda: True)


class Calls:
    """A function for messages: keeps their bodies, and does to some of them what it is told."""

    def __init__(self, wanted: int, **actions: Callable[[Any], Any]) -> None:
        self.bodies: List[Any] = []
        self.counts: List[int] = []
        self.done = threading.Event()
        self._wanted = wanted
        self._actions = actions

    def __call__(self, message: Any) -> None:
        self.bodies.append(message.body)
        self.counts.append(message.delivery_count)
        try:
            if message.body in self._actions:
                self._actions[message.body](message)
        finally:
            if len(self.bodies) == self._wanted:
                self.done.set()

    def wait(self) -> None:
        assert self.done.wait(LIMIT), self.bodies


def put(connection: syncproton.Connection, *bodies: Any) -> None:
    with connection.create_sender("work") as sender:
        for body in bodies:
            sender.send(body)


def fail(message: Any) -> None:
    raise RuntimeError("this one never works")


def fail_at_first(message: Any) -> None:
    if message.delivery_count == 0:
        fail(message)


def left(broker: Broker) -> int:
    return broker.depths().get("work", 0)


def test_messages_are_handled_in_order_and_accepted(broker: Broker, connection: Any, start: Start) -> None:
    put(connection, *range(20))
    calls = Calls(20)
    worker = start(calls)
    calls.wait()
    worker.finish()
    assert calls.bodies == list(range(20)) and left(broker) == 0


def test_a_message_that_failed_comes_again_and_counts(
        broker: Broker, connection: Any, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    put(connection, "bad", "good")
    calls = Calls(3, bad=fail_at_first)
    worker = start(calls)
    calls.wait()
    worker.finish()
    assert sorted(calls.bodies) == ["bad", "bad", "good"] and sorted(calls.counts) == [0, 0, 1]
    assert left(broker) == 0
    assert "handling a message from work failed: modify it" in caplog.text and "this one never works" in caplog.text


def test_a_message_that_failed_may_be_released_and_counts_as_new(connection: Any, start: Start) -> None:
    put(connection, "bad")
    seen: List[int] = []
    again = threading.Event()

    def handle(message: Any) -> None:
        seen.append(message.delivery_count)
        if len(seen) == 1:
            fail(message)
        again.set()

    start(handle, CONSUMER_ON_ERROR="release")
    assert again.wait(LIMIT) and seen == [0, 0]


def test_a_message_that_failed_may_be_rejected(broker: Broker, connection: Any, start: Start) -> None:
    put(connection, "bad", "good")
    calls = Calls(2, bad=fail)
    # What the consumer says goes before what the settings say.
    worker = start(calls, CONSUMER_ON_ERROR="release", options={"on_error": "reject"})
    calls.wait()
    worker.finish()
    assert calls.bodies == ["bad", "good"] and left(broker) == 0


def test_a_message_that_fails_again_and_again_is_not_tried_without_pause(
        connection: Any, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    put(connection, "bad")
    pauses: List[int] = []
    calls = Calls(4, bad=fail)
    monkeypatch.setattr(Worker, "_pause", lambda worker, failures: pauses.append(failures))
    worker = start(calls)
    calls.wait()
    worker.finish()
    assert pauses[:3] == [1, 2, 3]


def test_the_pause_grows_up_to_a_limit_and_ends_when_it_is_time_to_stop(start: Start) -> None:
    worker = start(print)
    waits: List[float] = []
    stopping = worker._stopping
    worker._stopping = type("Spy", (), {"wait": waits.append, "is_set": stopping.is_set, "set": stopping.set})()
    for failures in (1, 2, 3, 50):
        worker._pause(failures)
    worker._stopping = stopping
    assert waits[:3] == [0.1, 0.2, 0.4] and waits[3] == _consumer.LONGEST_PAUSE


def test_a_function_may_settle_by_itself(broker: Broker, connection: Any, start: Start) -> None:
    put(connection, "no", "yes")
    calls = Calls(2, no=lambda message: message.reject("app:no", "of no use"))
    worker = start(calls)
    calls.wait()
    worker.finish()
    assert calls.bodies == ["no", "yes"] and left(broker) == 0


def test_what_is_no_message_is_rejected_and_the_next_is_handled(
        broker: Broker, connection: Any, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with connection.create_sender("work") as sender:
        encode = syncproton.Message(body="x").encode()
        broken = syncproton.Message(body="broken")
        broken.encode = lambda: encode[:-1]  # type: ignore[method-assign]
        sender.send(broken)
        sender.send("whole")
    calls = Calls(1)
    worker = start(calls)
    calls.wait()
    worker.finish()
    assert calls.bodies == ["whole"] and left(broker) == 0
    assert "what came from work is no message" in caplog.text


def test_each_message_has_a_context_of_its_own(connection: Any, start: Start) -> None:
    put(connection, "bad", "good")
    entered: List[str] = []

    @contextmanager
    def around() -> Iterator[None]:
        entered.append("in")
        try:
            yield
        finally:
            entered.append("out")

    calls = Calls(2, bad=fail)
    worker = start(calls, around=around, CONSUMER_ON_ERROR="reject")
    calls.wait()
    worker.finish()
    assert entered == ["in", "out", "in", "out"]


def test_threads_handle_messages_at_the_same_time(connection: Any, start: Start) -> None:
    put(connection, *range(3))
    together = threading.Barrier(3, timeout=LIMIT)
    met = threading.Event()

    def handle(message: Any) -> None:
        together.wait()
        met.set()

    start(handle, options={"threads": 3})
    assert met.wait(LIMIT)


class Gate:
    """A function that is in hand until it is let go."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.bodies: List[Any] = []

    def __call__(self, message: Any) -> None:
        self.bodies.append(message.body)
        self.entered.set()
        self.leave.wait(LIMIT)


def finishing(worker: Worker, *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=worker.finish, args=arguments)
    thread.start()
    return thread


@pytest.mark.parametrize("credit", [0, 10])
def test_stopping_finishes_what_is_in_hand_and_gives_back_the_rest(
        broker: Broker, connection: Any, start: Start, credit: int) -> None:
    put(connection, *range(5))
    gate = Gate()
    worker = start(gate, CONSUMER_CREDIT=credit)
    assert gate.entered.wait(LIMIT)
    thread = finishing(worker)
    assert worker._stopping.wait(LIMIT) and thread.is_alive()
    gate.leave.set()
    thread.join(LIMIT)
    assert gate.bodies == [0] and left(broker) == 4
    with connection.create_receiver("work") as receiver:
        again = [receiver.receive(LIMIT) for _ in range(4)]
        assert [message.body for message in again] == [1, 2, 3, 4]


def test_what_takes_too_long_goes_back(
        broker: Broker, connection: Any, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    put(connection, "slow")
    gate = Gate()
    worker = start(gate, CONSUMER_STOP_TIMEOUT=0.05)
    assert gate.entered.wait(LIMIT)
    worker.finish()
    assert left(broker) == 1 and "a message from work was not done with in time: it goes back" in caplog.text
    gate.leave.set()
    for thread in threading.enumerate():
        if thread.name == "amqp-consumer-0-work":
            thread.join(LIMIT)
    # What the function says of it now is of no interest.
    assert "cannot be told" not in caplog.text
    with connection.create_receiver("work") as receiver:
        assert receiver.receive(LIMIT).delivery_count == 0


def test_an_idle_worker_stops_at_once(start: Start) -> None:
    worker = start(print)
    thread = finishing(worker)
    thread.join(5)
    assert not thread.is_alive()


def test_what_a_function_raises_to_end_the_program_ends_it(broker: Broker, connection: Any, start: Start) -> None:
    put(connection, "exit")

    def leave(message: Any) -> None:
        raise SystemExit(3)

    worker = start(leave)
    assert worker._stopping.wait(LIMIT)
    with pytest.raises(SystemExit) as caught:
        worker.finish()
    worker._failure = None
    assert caught.value.code == 3 and left(broker) == 1


def test_consuming_goes_on_with_a_broker_that_comes_back(
        broker: Broker, connection: Any, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "syncproton.contrib")
    calls = Calls(1)
    start(calls)
    broker.close()
    broker.start()
    with syncproton.connect(broker.url, timeout=LIMIT, reconnect=True) as another:
        put(another, "after")
    calls.wait()
    assert calls.bodies == ["after"]


def test_consuming_goes_on_with_a_new_connection_when_one_has_ended_for_good(
        broker: Broker, connection: Any, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    put(connection, "before")
    first, second = Calls(1), Calls(2)
    links: List[Any] = []

    def handle(message: Any) -> None:
        links.append(message.delivery.link.name)
        first(message)
        second(message)

    worker = start(handle)
    first.wait()
    inner = worker._connection
    assert inner is not None
    # As if the peer had ended the connection for good.
    inner.close()
    put(connection, "after")
    second.wait()
    assert second.bodies == ["before", "after"] and worker._connection is not inner
    assert "cannot consume from work, will try again" in caplog.text


def test_a_broker_that_is_not_there_is_told_in_time(broker: Broker, start: Start) -> None:
    broker.close()
    with pytest.raises(ProtonException, match="refused|timed out"):
        start(print, TIMEOUT=0.3)
    broker.start()


def registry() -> Dict[str, Any]:
    consumers = Consumers()
    consumers.consumer("orders", threads=2)(print)
    consumers.consumer("mail")(print)
    return {"consumers": consumers}


def test_consumers_are_chosen_by_their_queues() -> None:
    consumers = registry()["consumers"]
    assert [each.address for each in consumers.chosen()] == ["orders", "mail"]
    assert [each.address for each in consumers.chosen(["mail", "mail"])] == ["mail"]
    with pytest.raises(LookupError, match="there is no consumer for the queue 'mial': there are some for mail, orders"):
        consumers.chosen(["mial"])
    with pytest.raises(LookupError, match="there are no consumers"):
        Consumers().chosen()


@pytest.mark.parametrize("arguments, options, error, says", [
    ((print,), {}, TypeError, "needs the address of a queue"), ((" ",), {}, ValueError, "empty"),
    (("q",), {"threads": 0}, ValueError, "threads is 1 or more"), (("q",), {"threads": "2"}, TypeError, "threads"),
    (("q",), {"credit": -1}, ValueError, "credit"), (("q",), {"on_error": "drop"}, ValueError, "on_error is one of"),
    (("orders",), {}, ValueError, "the queue 'orders' has a consumer already: builtins.print")])
def test_a_consumer_that_cannot_be_is_refused(
        arguments: Any, options: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        registry()["consumers"].consumer(*arguments, **options)(len)


def test_the_function_stays_as_it_is() -> None:
    assert Consumers().consumer("q")(len) is len
    with pytest.raises(TypeError, match="must be a function"):
        Consumers().consumer("q")(5)


def test_a_signal_ends_the_wait_even_if_its_handler_has_not_run() -> None:
    # As when it comes just as the main thread is about to wait: only the C code has heard of it by then.
    program = """
import os, signal, threading
from syncproton.contrib._wakeup import StopSignals, Wakeup

wakeup = Wakeup()
with StopSignals(wakeup) as signals:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # so that another thread gets it, not this one

    def unblocked():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Timer(0.1, unblocked).start()
    wakeup.wait(15)
    while not signals.count:
        pass
    print("woken", signals.count)
wakeup.close()
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT)
    assert done.stdout == "woken 1\n", done.stderr
    assert time.monotonic() - began < 10
