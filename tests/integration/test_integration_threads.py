"""Many threads on one connection, on Artemis: every message comes exactly once, and nothing hangs."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections import Counter
from typing import Any, Callable, Iterator, List

import pytest

import syncproton
from broker_under_test import BrokerUnderTest
from fix_artemis import PAIR_IDLE_TIMEOUT
from syncproton.sync import Connection

THREADS = 32
EACH = 2000
LIMIT = 240.0  # seconds, for all; a machine with two cores that has nothing else to do needs twelve
TIMEOUT = 120.0  # seconds, for any one call: the machine may have little time for us


@pytest.fixture
def address(artemis: BrokerUnderTest) -> str:
    return artemis.address(f"threads-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def connection(artemis: BrokerUnderTest) -> Iterator[Connection]:
    with syncproton.connect(artemis.url, timeout=TIMEOUT) as connection:
        yield connection


def together(work: Callable[[int], Any], limit: float) -> List[Any]:
    """Run ``work`` with a number on each of many threads; what it returned, in order of the numbers."""
    results: List[Any] = [None] * THREADS
    errors: List[BaseException] = []
    gate = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            gate.wait(TIMEOUT)
            results[number] = work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not errors, errors[0]
    assert not any(thread.is_alive() for thread in threads), "threads hang"
    return results


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def mixed(connection: Connection, address: str, each: int, limit: float) -> None:
    """Each thread sends and receives in turn: on links of its own, or on those that all share."""
    sender, receiver = connection.create_sender(address), connection.create_receiver(address, credit=200)

    def work(number: int) -> List[Any]:
        own_sender = connection.create_sender(address) if number % 2 else sender
        own_receiver = connection.create_receiver(address) if number % 4 == 3 else receiver
        seen = []
        for count in range(each):
            own_sender.send([number, count])
            message = own_receiver.receive()
            message.accept()
            seen.append(tuple(message.body))
        if own_receiver is not receiver:
            own_receiver.close()  # What came in advance goes back, for the others.
        return seen

    seen = Counter(body for bodies in together(work, limit) for body in bodies)
    assert seen == Counter((number, count) for number in range(THREADS) for count in range(each))
    assert max(seen.values()) == 1
    receiver.close()
    # What was settled is gone.
    with pytest.raises(syncproton.Timeout):
        connection.create_receiver(address).receive(0.5)


@pytest.mark.timeout(300)
def test_blocking_sends_and_receives_of_many_threads(connection: Connection, address: str) -> None:
    mixed(connection, address, EACH, LIMIT)


@pytest.mark.timeout(300)
def test_the_same_with_threads_that_take_turns_all_the_time(
    connection: Connection, address: str, hasty: None
) -> None:
    mixed(connection, address, EACH, LIMIT)


@pytest.mark.timeout(300)
def test_windows_of_many_threads_on_one_sender(connection: Connection, address: str) -> None:
    sender, receiver = connection.create_sender(address), connection.create_receiver(address, credit=1000)
    each = 1000

    def work(number: int) -> List[Any]:
        if number % 2:
            bodies = ([number, count] for count in range(each))
            assert sender.send_many(bodies, window=100, timeout=TIMEOUT).accepted == each
            return []
        seen: List[Any] = []
        while len(seen) < each:
            for message in receiver.receive_many(each - len(seen), TIMEOUT):
                message.accept()
                seen.append(tuple(message.body))
        return seen

    results = together(work, LIMIT)
    numbers = range(1, THREADS, 2)
    assert Counter(each for seen in results for each in seen) == Counter((n, c) for n in numbers for c in range(each))
    for seen in results:
        for number in numbers:
            counts = [count for sender_number, count in seen if sender_number == number]
            assert counts == sorted(counts), "what one thread sent came out of order"


@pytest.mark.timeout(300)
def test_futures_of_many_threads(connection: Connection, address: str) -> None:
    sender, receiver = connection.create_sender(address), connection.create_receiver(address, credit=100)
    each = 200

    def work(number: int) -> List[Any]:
        sent = [sender.submit_send([number, count]) for count in range(each)]
        received = [receiver.submit_receive() for _ in range(each)]
        for future in sent:
            future.result(TIMEOUT)
        messages = [future.result(TIMEOUT) for future in received]
        for message in messages:
            message.accept()
        return [tuple(message.body) for message in messages]

    seen = Counter(body for bodies in together(work, LIMIT) for body in bodies)
    assert seen == Counter((number, count) for number in range(THREADS) for count in range(each))


@pytest.mark.timeout(300)
def test_transactions_of_many_threads(artemis: BrokerUnderTest, connection: Connection, address: str) -> None:
    sender = connection.create_sender(address)
    each = 20

    def work(number: int) -> None:
        for count in range(each):
            try:
                with connection.transaction() as txn:
                    txn.submit_send(sender, [number, count, "first"])
                    txn.send(sender, [number, count, "second"])
                    if count % 2:
                        raise KeyError
            except KeyError:
                pass

    together(work, LIMIT)
    expected = Counter(
        (number, count, which)
        for number in range(THREADS) for count in range(0, each, 2) for which in ("first", "second")
    )
    receiver = connection.create_receiver(address, credit=1000)
    messages = receiver.receive_many(sum(expected.values()), TIMEOUT)
    assert Counter(tuple(message.body) for message in messages) == expected
    with pytest.raises(syncproton.Timeout):
        receiver.receive(0.5)


@pytest.mark.timeout(180)
def test_a_busy_application_keeps_its_connection(artemis_pair: Any) -> None:
    # The broker, too, drops who says nothing for so long.
    assert PAIR_IDLE_TIMEOUT == 4
    with syncproton.connect(artemis_pair[1].url, heartbeat=2, timeout=TIMEOUT) as connection:
        sender, receiver = connection.create_sender("busy"), connection.create_receiver("busy")
        count = 0
        end = time.monotonic() + 30
        while time.monotonic() < end:
            # In pure Python, and so with the interpreter's lock held for as long as it lets one.
            for number in range(10000):
                count += number * number % 7
        assert connection.is_open and not connection.closed
        sender.send("still here")
        assert receiver.receive().body == "still here"


@pytest.mark.timeout(120)
def test_every_call_ends_when_the_broker_is_killed(artemis_pair: Any) -> None:
    broker = artemis_pair[0]
    connection = syncproton.connect(broker.url, timeout=60)
    sender, receiver = connection.create_sender("killed"), connection.create_receiver("killed-too")
    ends: List[Any] = []
    sending = threading.Event()

    def send_on() -> None:
        while True:
            sender.send_many(range(100))
            sending.set()

    def end(call: Callable[..., Any], *args: Any) -> None:
        try:
            ends.append((call(*args), time.monotonic()))
        except Exception as error:
            ends.append((error, time.monotonic()))

    calls: List[Any] = [
        (receiver.receive,), (receiver.receive_many, 5), (next, receiver), (connection.request, "killed-three", "x"),
        (send_on,),
    ]
    threads = [threading.Thread(target=end, args=call, daemon=True) for call in calls]
    futures = [receiver.submit_receive(), connection.submit_request("killed-three", "x")]
    for thread in threads:
        thread.start()
    assert sending.wait(30)
    broker.fail()
    killed = time.monotonic()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a call hangs"
    for error, at in ends:
        assert isinstance(error, syncproton.ProtonException) and not isinstance(error, syncproton.Timeout), error
        assert at - killed < 5
    assert len(ends) == len(calls)
    for future in futures:
        assert isinstance(future.exception(5), (syncproton.ConnectionException, syncproton.sync.InDoubt))
    assert connection.closed
    connection.close()
