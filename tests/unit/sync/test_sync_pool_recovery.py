"""What becomes of a pool's connections: they break, fail the check, grow old; and the peer is not there for a while."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any, Callable, Dict, List

import pytest
from tap import Tap

from syncproton import ConnectionException, ConnectionPool, PoolTimeout
from syncproton.broker import Broker
from syncproton.sync import pool_store
from syncproton.url import Url

TIMEOUT = 20.0


def until(what: Callable[[], bool]) -> None:
    """Return once something is so."""
    deadline = monotonic() + TIMEOUT
    while not what():
        assert monotonic() < deadline
        threading.Event().wait(0.001)


def stat(pool: ConnectionPool, *names: str) -> Any:
    stats = pool.get_stats()
    return stats[names[0]] if len(names) == 1 else tuple(stats[name] for name in names)


# --- broken connections


def test_an_idle_connection_that_is_lost_is_replaced_unasked(peer: Any) -> None:
    with ConnectionPool(peer.url, min_size=2, max_size=2, timeout=TIMEOUT) as pool:
        pool.wait()
        peer.cut(peer.connections.get(timeout=TIMEOUT))
        until(lambda: stat(pool, "connections_lost", "pool_available") == (1, 2))
        assert stat(pool, "connections_num", "pool_size") == (3, 2)
        with pool.connection() as one, pool.connection() as other:
            assert not one.closed and not other.closed


def test_an_idle_connection_that_is_lost_is_not_replaced_beyond_the_least(peer: Any) -> None:
    with ConnectionPool(peer.url, timeout=TIMEOUT) as pool:
        with pool.connection():
            pass
        peer.cut(peer.connections.get(timeout=TIMEOUT))
        until(lambda: stat(pool, "connections_lost") == 1)
        assert stat(pool, "connections_num", "pool_size") == (1, 0)
        pool.send("q", "x")


@pytest.mark.parametrize("end", ["close", "cut", "exception"])
def test_a_connection_that_ends_while_it_is_lent_is_replaced(peer: Any, end: str) -> None:
    with ConnectionPool(peer.url, max_size=1, timeout=TIMEOUT) as pool:
        if end == "close":
            with pool.connection() as connection:
                connection.close()
        elif end == "cut":
            with pool.connection() as connection:
                peer.cut(peer.connections.get(timeout=TIMEOUT))
                until(lambda: connection.closed)
        else:
            with pytest.raises(ConnectionException):
                with pool.connection() as connection:
                    peer.close_with(peer.connections.get(timeout=TIMEOUT), "amqp:connection:forced")
                    while True:
                        connection.create_sender("q").send("x")
        assert stat(pool, "returns_bad", "pool_size") == (1, 0)
        with pool.connection() as another:
            assert another is not connection and not another.closed


def test_an_exception_of_the_user_does_not_cost_the_connection(peer: Any) -> None:
    with ConnectionPool(peer.url, max_size=1, timeout=TIMEOUT) as pool:
        with pytest.raises(ZeroDivisionError):
            with pool.connection() as connection:
                1 / 0
        with pool.connection() as again:
            assert again is connection


# --- the check


@pytest.mark.parametrize("verdict", [lambda: False, lambda: 1 / 0])
def test_a_connection_that_does_not_pass_the_check_is_replaced(peer: Any, verdict: Callable[[], Any]) -> None:
    bad: List[Any] = []

    def check(connection: Any) -> Any:
        return verdict() if connection in bad else None

    with ConnectionPool(peer.url, max_size=1, timeout=TIMEOUT, check=check) as pool:
        with pool.connection() as first:
            bad.append(first)
        with pool.connection() as second:
            assert second is not first
        assert stat(pool, "connections_lost", "connections_num", "requests_errors") == (1, 2, 0)
        until(lambda: first.closed)


def test_a_check_that_nothing_passes_ends_at_the_deadline_and_tells_why(peer: Any) -> None:
    def check(connection: Any) -> None:
        raise ConnectionException("never good enough")

    with ConnectionPool(peer.url, max_size=1, timeout=0.3, check=check) as pool:
        with pytest.raises(PoolTimeout, match="never good enough") as caught:
            with pool.connection():
                pass
        assert isinstance(caught.value.__cause__, ConnectionException)
        # It was not tried as fast as could be.
        assert stat(pool, "connections_num") < 10


def test_an_interrupt_in_the_check_gives_the_connection_back(peer: Any) -> None:
    def check(connection: Any) -> None:
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt

    interrupted: List[int] = []
    with ConnectionPool(peer.url, max_size=1, timeout=TIMEOUT, check=check) as pool:
        with pytest.raises(KeyboardInterrupt):
            with pool.connection():
                pass
        with pool.connection(5):
            pass


def test_the_round_trip_finds_a_peer_that_does_not_answer(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncproton.sync.pool.CHECK_TIMEOUT", 0.1)
    url = Url(broker.url)
    tap = Tap(str(url.host), int(url.port or 0))
    with ConnectionPool(f"amqp://127.0.0.1:{tap.port}", max_size=1, timeout=TIMEOUT, check=True) as pool:
        with pool.connection() as first:
            pass
        with pool.connection() as again:
            assert again is first
        tap.mute.add(0)
        with pool.connection() as second:
            assert second is not first
            second.create_sender("q").send("x")
        tap.close()


# --- age


def test_a_connection_is_replaced_when_it_has_lived_long_enough(peer: Any) -> None:
    with ConnectionPool(peer.url, min_size=1, max_size=1, timeout=TIMEOUT, max_lifetime=0.1) as pool:
        with pool.connection() as first:
            until(lambda: first is not None and pool._store._lent[first].expired)
            assert not first.closed  # not while somebody has it
        with pool.connection() as second:
            assert second is not first
        until(lambda: first.closed)
        # Nor does it take somebody to want one.
        until(lambda: stat(pool, "connections_num") >= 4)
        assert stat(pool, "connections_lost", "returns_bad") == (0, 0)


def test_connections_made_together_do_not_end_together(peer: Any) -> None:
    with ConnectionPool(peer.url, min_size=8, max_size=8, timeout=TIMEOUT, max_lifetime=1000) as pool:
        pool.wait()
        left = [member.expires - monotonic() for member in pool._store._idle if member.expires is not None]
        assert len(left) == 8 and all(890 < each <= 1000 for each in left)
        assert max(left) - min(left) > 5


def test_connections_that_nobody_wants_are_closed_down_to_the_least(peer: Any) -> None:
    with ConnectionPool(peer.url, min_size=1, max_size=4, timeout=TIMEOUT, max_idle=0.1) as pool:
        with pool.connection(), pool.connection(), pool.connection(), pool.connection():
            assert stat(pool, "pool_size") == 4
        until(lambda: stat(pool, "pool_size") == 1)
        until(lambda: not pool._store._idle[0].connection.closed)
        assert stat(pool, "connections_num", "connections_lost") == (4, 0)


def test_one_connection_is_enough_for_one_user_and_the_others_grow_old(peer: Any) -> None:
    with ConnectionPool(peer.url, max_size=3, timeout=TIMEOUT, max_idle=0.2) as pool:
        with pool.connection(), pool.connection(), pool.connection():
            pass
        used = set()

        def use() -> bool:
            with pool.connection() as connection:
                used.add(connection)
            return bool(stat(pool, "pool_size") == 1)

        until(use)
        assert len(used) == 1


def test_nothing_grows_old_without_limits(peer: Any) -> None:
    with ConnectionPool(peer.url, max_size=2, timeout=TIMEOUT, max_idle=None, max_lifetime=None) as pool:
        with pool.connection(), pool.connection():
            pass
        assert pool._store._next_due() is None


# --- the peer is not there


@pytest.fixture
def restartable() -> Any:
    """Where a broker may be started, and started again."""
    return Restartable()


class Restartable:
    def __init__(self) -> None:
        with Broker("amqp://127.0.0.1:0") as broker:
            self.url = broker.url

    def start(self) -> Broker:
        return Broker(self.url)


def test_waiting_threads_get_their_connections_when_the_peer_is_back(
    restartable: Restartable, background: Callable[..., Any]
) -> None:
    with ConnectionPool(restartable.url, min_size=2, max_size=4, timeout=TIMEOUT) as pool:
        with restartable.start():
            pool.send("q", "before")
        until(lambda: stat(pool, "pool_available") == 0)
        futures = [background(pool.send, "q", number) for number in range(8)]
        until(lambda: stat(pool, "requests_waiting") == 8 and stat(pool, "connections_errors") > 1)
        with restartable.start():
            for future in futures:
                future.result(TIMEOUT)
            pool.wait()
            with pool.connection() as connection:
                receiver = connection.create_receiver("q", credit=100)
                assert sorted(receiver.receive(TIMEOUT).body for _ in range(8)) == list(range(8))
                connection.close()


def test_the_pool_is_filled_up_again_when_the_peer_is_back_and_nobody_waits(
    restartable: Restartable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_store, "LONGEST_IDLE_DELAY", 0.05)
    with ConnectionPool(restartable.url, min_size=3, timeout=TIMEOUT) as pool:
        with restartable.start():
            pool.wait()
        until(lambda: stat(pool, "connections_errors") > 3)
        with restartable.start():
            until(lambda: bool(stat(pool, "pool_available") == 3))


def test_while_the_peer_is_not_there_one_thread_tries_and_not_as_fast_as_can_be(refused_url: str) -> None:
    with ConnectionPool(refused_url, min_size=5, timeout=0.5) as pool:
        with pytest.raises(PoolTimeout) as caught:
            pool.wait()
        assert isinstance(caught.value.__cause__, ConnectionException)
        assert "refused" in str(caught.value) and "min_size" in str(caught.value)
        stats = pool.get_stats()
        assert 5 <= stats["connections_errors"] < 20 and stats["pool_size"] == 1
        with pytest.raises(PoolTimeout, match="refused"):
            pool.send("q", "x", timeout=0)


def test_when_nobody_waits_and_none_is_needed_it_is_not_tried_any_more(refused_url: str) -> None:
    with ConnectionPool(refused_url, timeout=0.05) as pool:
        with pytest.raises(PoolTimeout):
            pool.send("q", "x")
        until(lambda: stat(pool, "pool_size") == 0)


def test_a_refused_login_is_told_at_once() -> None:
    with Broker("amqp://127.0.0.1:0", users={"me": "right"}) as broker:
        url = Url(broker.url)
        url.username, url.password = "me", "wrong"
        with ConnectionPool(url, min_size=1, timeout=TIMEOUT) as pool:
            begin = monotonic()
            for use in (pool.wait, lambda: pool.send("q", "x"), lambda: pool.connection().__enter__()):
                with pytest.raises(ConnectionException) as caught:
                    use()
                assert caught.value.condition == "amqp:unauthorized-access"
                assert "wrong" not in str(caught.value)
            assert monotonic() - begin < 5
        url.password = "right"
        with ConnectionPool(url, timeout=TIMEOUT) as pool:
            pool.send("q", "x")


def test_a_connection_that_comes_later_than_its_asker_waits_is_kept_for_the_next(peer: Any) -> None:
    peer.answers_open, peer.handlers = False, []
    with ConnectionPool(peer.url, timeout=TIMEOUT) as pool:
        with pytest.raises(PoolTimeout):
            with pool.connection(0.05):
                pass
        assert stat(pool, "pool_size") == 1
        peer.do(peer.connections.get(timeout=TIMEOUT).open)
        until(lambda: stat(pool, "pool_available") == 1)
        with pool.connection(0):
            assert stat(pool, "connections_num") == 1
        pool.close(0.1)  # the peer will not answer that, either


def test_it_is_counted(peer: Any) -> None:
    with ConnectionPool(peer.url, min_size=1, max_size=2, timeout=TIMEOUT) as pool:
        pool.wait()
        with pool.connection(), pool.connection():
            assert stat(pool, "pool_size", "pool_available", "requests_waiting") == (2, 0, 0)
            with pytest.raises(PoolTimeout):
                with pool.connection(0.05):
                    pass
        stats: Dict[str, int] = pool.get_stats()
        assert all(type(value) is int for value in stats.values())
        assert stats.pop("usage_ms") >= 100 > 0 and stats.pop("requests_wait_ms") >= 40
        assert 0 <= stats.pop("connections_ms") < 5000
        assert stats == {
            "pool_min": 1, "pool_max": 2, "pool_size": 2, "pool_available": 2, "requests_waiting": 0,
            "requests_num": 3, "requests_queued": 2, "requests_errors": 1, "returns_bad": 0,
            "connections_num": 2, "connections_errors": 0, "connections_lost": 0,
        }
