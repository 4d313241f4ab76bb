"""A pool lends connections: when they are made, who gets them, who waits and for how long, and what is left behind."""

from __future__ import annotations

import gc
import pickle
import queue
import threading
import weakref
from concurrent.futures import Future
from time import monotonic
from typing import Any, Callable, Iterator, List

import pytest

from syncproton import ConnectionPool, Message, PoolClosed, PoolTimeout, Timeout, TooManyWaiting, WrongThread
from syncproton.broker import Broker

TIMEOUT = 20.0


@pytest.fixture
def make(peer: Any) -> Iterator[Callable[..., ConnectionPool]]:
    """Makes pools of connections to the peer, which are closed after the test."""
    pools: List[ConnectionPool] = []

    def make(**settings: Any) -> ConnectionPool:
        pools.append(ConnectionPool(peer.url, **{"timeout": TIMEOUT, **settings}))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close(5)


def waiting(pool: ConnectionPool, number: int) -> None:
    """Return once so many wait for a connection."""
    deadline = monotonic() + TIMEOUT
    while pool.get_stats()["requests_waiting"] != number:
        assert monotonic() < deadline
        threading.Event().wait(0.001)


def count(peer: Any) -> int:
    """How many connections the peer was asked for."""
    peer.do(lambda: None)
    return int(peer.connections.qsize())


# --- laziness


def test_nothing_is_connected_before_a_connection_is_wanted(peer: Any, make: Callable[..., ConnectionPool]) -> None:
    threads = threading.active_count()
    pool = make(min_size=2)
    assert threading.active_count() == threads
    assert (count(peer), pool.get_stats()["pool_size"]) == (0, 0)
    with pool.connection() as connection:
        assert connection.is_open and not connection.closed
    pool.wait()
    assert count(peer) == 2


def test_a_pool_need_not_have_a_peer_to_be_made(refused_url: str) -> None:
    with ConnectionPool(refused_url, min_size=1) as pool:
        assert pool.get_stats()["connections_num"] == 0


def test_wait_returns_when_there_are_as_many_as_there_are_to_be_at_least(
    peer: Any, make: Callable[..., ConnectionPool]
) -> None:
    pool = make(min_size=3, max_size=5)
    pool.wait()
    stats = pool.get_stats()
    assert (count(peer), stats["pool_size"], stats["pool_available"]) == (3, 3, 3)
    pool.wait(0)  # there they are


def test_a_connection_is_used_again_and_more_are_made_only_when_all_are_lent(
    peer: Any, make: Callable[..., ConnectionPool]
) -> None:
    pool = make(max_size=2)
    with pool.connection() as first:
        pass
    with pool.connection() as again:
        assert again is first
        with pool.connection() as second:
            assert second is not first
    assert count(peer) == 2
    # Each is a client of its own for those brokers that let one in once only.
    assert len({peer.connections.get().remote_container for _ in range(2)}) == 2


# --- waiting


def test_those_who_wait_are_served_in_order(make: Callable[..., ConnectionPool], background: Any) -> None:
    pool = make(max_size=1)
    served: List[int] = []
    go_on: "queue.Queue[None]" = queue.Queue()

    def work(number: int) -> None:
        with pool.connection():
            served.append(number)
            go_on.get(timeout=TIMEOUT)

    with pool.connection():
        futures: "List[Future[Any]]" = []
        for number in range(5):
            futures.append(background(work, number))
            waiting(pool, number + 1)
    # One who comes now, while the others wait, comes last.
    futures.append(background(work, 5))
    for future in futures:
        go_on.put(None)
    for future in futures:
        future.result(TIMEOUT)
    assert served == [0, 1, 2, 3, 4, 5]


def test_who_comes_later_does_not_overtake_one_whose_connection_was_of_no_use(
    peer: Any, make: Callable[..., ConnectionPool], background: Any
) -> None:
    bad: List[Any] = []
    pool = make(max_size=1, check=lambda connection: connection not in bad)
    served: List[int] = []

    def work(number: int) -> None:
        with pool.connection():
            served.append(number)

    with pool.connection() as connection:
        first = background(work, 1)
        waiting(pool, 1)
        second = background(work, 2)
        waiting(pool, 2)
        bad.append(connection)
    first.result(TIMEOUT)
    second.result(TIMEOUT)
    assert served == [1, 2]
    assert count(peer) == 2


def test_waiting_ends_at_the_deadline(make: Callable[..., ConnectionPool]) -> None:
    pool = make(max_size=1)
    with pool.connection():
        begin = monotonic()
        with pytest.raises(PoolTimeout, match=r"no connection was to be had within 0\.05 seconds") as caught:
            with pool.connection(0.05):
                pass
        assert 0.04 < monotonic() - begin < 5
        assert isinstance(caught.value, Timeout) and caught.value.__cause__ is None
        with pytest.raises(PoolTimeout, match="within 0 seconds"):
            with pool.connection(0):
                pass
        with pytest.raises(PoolTimeout):
            pool.send("q", "x", timeout=0.05)
    # What was not waited for was not lost, either.
    with pool.connection(0):
        pass


def test_the_pools_own_timeout_is_the_default_and_that_of_its_connections(make: Callable[..., ConnectionPool]) -> None:
    pool = make(max_size=1, timeout=0.5)
    with pool.connection() as connection:
        assert connection.timeout == 0.5
        with pytest.raises(PoolTimeout, match=r"within 0\.5 seconds"):
            with pool.connection():
                pass


def test_one_more_than_may_wait_is_told_so_at_once(make: Callable[..., ConnectionPool], background: Any) -> None:
    pool = make(max_size=1, max_waiting=1)

    def work() -> None:
        with pool.connection():
            pass

    with pool.connection():
        patient = background(work)
        waiting(pool, 1)
        with pytest.raises(TooManyWaiting, match="max_waiting: 1 "):
            with pool.connection():
                pass
    patient.result(TIMEOUT)
    stats = pool.get_stats()
    assert (stats["requests_num"], stats["requests_queued"], stats["requests_errors"]) == (3, 2, 1)


def test_a_connection_that_comes_too_late_goes_to_the_next(make: Callable[..., ConnectionPool]) -> None:
    # Whoever withdraws may have been given one at the same moment.
    pool = make(max_size=1)
    store = pool._store
    with pool.connection() as connection:
        late, patient = store.ask(), store.ask()
    assert late.result(0).connection is connection and not patient.done()
    store.withdraw(late)
    assert patient.result(0).connection is connection
    store.give_back(patient.result(0))
    assert pool.get_stats()["pool_available"] == 1


# --- what is left behind


def test_links_that_were_left_open_are_closed_and_what_they_held_goes_back(broker: Broker) -> None:
    with ConnectionPool(broker.url, max_size=1) as pool:
        pool.send("q", "hello")
        with pool.connection() as connection:
            receiver, sender = connection.create_receiver("q"), connection.create_sender("q")
            assert receiver.receive(TIMEOUT).body == "hello"
        with pool.connection() as again:
            assert again is connection
            # It was not accepted: it is there for others.
            message = again.create_receiver("q").receive(TIMEOUT)
            assert message.body == "hello"
            message.accept()
            assert receiver.closed and sender.closed


def test_transactions_that_were_left_are_rolled_back_and_later_ones_work(broker: Broker) -> None:
    with ConnectionPool(broker.url, max_size=1) as pool:
        with pool.connection() as connection:
            left = connection.declare_transaction()
            left.send(connection.create_sender("q"), "never")
        with pool.connection() as again:
            assert again is connection
            with again.transaction() as transaction:
                transaction.send(again.create_sender("q"), "committed")
            receiver = again.create_receiver("q")
            assert receiver.receive(TIMEOUT).body == "committed"
            with pytest.raises(Timeout):
                receiver.receive(0.05)


def test_the_links_for_requests_and_for_the_pools_own_sending_are_kept(
    broker: Broker, background: Any
) -> None:
    with ConnectionPool(broker.url, max_size=2) as pool:
        def answer() -> None:
            with pool.connection() as connection:
                receiver = connection.create_receiver("requests")
                for _ in range(2):
                    request = receiver.receive(TIMEOUT)
                    sender = connection.create_sender(request.reply_to)
                    sender.send(Message(body=request.body * 2, correlation_id=request.correlation_id))
                    request.accept()

        answering = background(answer)
        responses = []
        for number in range(2):
            with pool.connection() as connection:
                assert connection.request("requests", number, TIMEOUT).body == number * 2
                responses += connection._requests._responses.values()
        answering.result(TIMEOUT)
        assert len(responses) == 2
        assert responses[0] is responses[1]


# --- the end


def test_after_close_nothing_is_to_be_had_and_what_is_lent_is_closed_when_it_comes_back(
    peer: Any, make: Callable[..., ConnectionPool], background: Any
) -> None:
    pool = make(max_size=1)

    def work() -> None:
        with pool.connection():
            pass

    with pool.connection() as connection:
        waiter = background(work)
        waiting(pool, 1)
        pool.close()
        with pytest.raises(PoolClosed, match="was closed"):
            waiter.result(TIMEOUT)
        assert not connection.closed
        connection.create_sender("q").send("still")
    assert connection.closed
    assert pool.closed and "closed" in repr(pool)
    for use in (lambda: pool.connection().__enter__(), lambda: pool.send("q", 1), pool.wait):
        with pytest.raises(PoolClosed, match="is closed"):
            use()
    pool.close()
    assert pool.get_stats()["pool_size"] == 0


def test_close_ends_all_connections_properly_and_all_threads(
    peer: Any, make: Callable[..., ConnectionPool]
) -> None:
    closed: List[Any] = []
    peer.on_connection_closing = lambda event: closed.append("closing")
    peer.on_disconnected = lambda event: closed.append("lost")
    threads = set(threading.enumerate())
    with make(min_size=3) as pool:
        pool.wait()
    peer.do(lambda: None)
    assert closed == ["closing"] * 3
    assert set(threading.enumerate()) <= threads


def test_close_gives_up_connections_that_are_being_made(listener_url: str, background: Any) -> None:
    pool = ConnectionPool(listener_url, timeout=TIMEOUT)
    waiter = background(pool.wait)
    lending = background(lambda: pool.connection().__enter__())
    waiting(pool, 1)
    begin = monotonic()
    pool.close()
    with pytest.raises(PoolClosed):
        lending.result(TIMEOUT)
    waiter.result(TIMEOUT)  # no connection at least is no connection to wait for
    while pool.get_stats()["pool_size"]:
        assert monotonic() - begin < 5
        threading.Event().wait(0.005)


def test_a_silent_peer_does_not_hold_up_close(peer: Any, make: Callable[..., ConnectionPool]) -> None:
    pool = make(min_size=2)
    pool.wait()
    peer.answers_close = False
    peer.handlers = []
    begin = monotonic()
    pool.close(0.2)
    assert monotonic() - begin < 5


def test_a_pool_that_is_forgotten_ends_its_connections_and_its_thread(
    peer: Any, make: Callable[..., ConnectionPool]
) -> None:
    ended: "queue.Queue[Any]" = queue.Queue()
    peer.on_disconnected = lambda event: ended.put(1)
    peer.on_connection_closing = lambda event: ended.put(1)
    pool = ConnectionPool(peer.url, min_size=2)
    pool.wait()
    container = pool._store.containers[0]
    gone = weakref.ref(pool)
    del pool
    gc.collect()
    assert gone() is None
    assert container.wait_ended(TIMEOUT)
    for _ in range(2):
        ended.get(timeout=TIMEOUT)


# --- misuse


def test_waiting_for_a_connection_on_the_thread_that_would_make_it_is_refused(
    make: Callable[..., ConnectionPool]
) -> None:
    pool = make(max_size=1)
    with pool.connection() as connection:
        container = connection.container
    for use in (lambda: pool.connection().__enter__(), lambda: pool.send("q", 1), pool.wait, pool.close):
        with pytest.raises(WrongThread, match="I/O thread"):
            container.submit(use).result(TIMEOUT)
    pool.send("q", "works on")


def test_the_end_of_the_pools_thread_is_not_that_of_the_pool(peer: Any) -> None:
    with ConnectionPool(peer.url, max_size=1, timeout=TIMEOUT) as pool:
        with pool.connection() as connection:
            connection.container.stop()
            assert connection.container.wait_ended(TIMEOUT)
        with pool.connection() as another:
            assert another is not connection and another.container is not connection.container
        pool.send("q", "works on")


def test_a_pool_can_be_sent_to_another_process(peer: Any, make: Callable[..., ConnectionPool]) -> None:
    pool = make(min_size=1, max_size=3, max_lifetime=None, check=True, heartbeat=7)
    pool.wait()
    copy = pickle.loads(pickle.dumps(pool))
    assert copy.get_stats()["connections_num"] == 0
    assert copy._settings.arguments() == pool._settings.arguments()
    copy.send("q", "hello")
    copy.close()
    with pytest.raises(PoolClosed):
        pickle.dumps(copy)
