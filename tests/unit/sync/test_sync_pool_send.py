"""A pool sends: over links it keeps, over others when those are gone, and never twice what may have arrived."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, List

import pytest
from tap import Tap

from syncproton import ConnectionPool, Message, PoolTimeout, ProtonException, Timeout
from syncproton.broker import Broker
from syncproton.engine import Condition, Delivery
from syncproton.sync import InDoubt, LinkDetached, SendException
from syncproton.sync.pool_member import MOST_SENDERS
from syncproton.url import Url

TIMEOUT = 20.0


@pytest.fixture
def pool(peer: Any) -> Iterator[ConnectionPool]:
    with ConnectionPool(peer.url, max_size=1, timeout=TIMEOUT) as pool:
        yield pool


def body(peer: Any) -> Any:
    return peer.transfers.get(timeout=TIMEOUT).body


def test_a_link_is_kept_for_each_address(peer: Any, pool: ConnectionPool) -> None:
    for number in range(3):
        assert pool.send("a", number).remote_state == Delivery.ACCEPTED
    pool.send("b", Message(body=3, subject="s"))
    pool.send("a", 4)
    assert [body(peer) for _ in range(5)] == [0, 1, 2, 3, 4]
    peer.do(lambda: None)
    assert [peer.links.get().remote_target.address for _ in range(peer.links.qsize())] == ["a", "b"]
    assert pool.get_stats()["pool_size"] == 1


def test_links_that_were_not_used_for_long_are_closed_when_there_are_many(peer: Any, pool: ConnectionPool) -> None:
    closed: List[str] = []
    peer.on_link_closing = lambda event: closed.append(event.link.remote_target.address)
    for number in range(MOST_SENDERS):
        pool.send(f"q{number}", "x")
    pool.send("q0", "x")
    pool.send("one more", "x")
    pool.send("q0", "x")
    peer.do(lambda: None)
    assert closed == ["q1"]


def test_a_link_that_is_gone_is_made_anew(peer: Any, pool: ConnectionPool) -> None:
    pool.send("a", 1)
    gone = threading.Event()
    peer.on_link_closed = lambda event: gone.set()
    peer.close_with(peer.links.get(timeout=TIMEOUT))
    assert gone.wait(TIMEOUT)  # else it could be in doubt
    pool.send("a", 2)
    assert [body(peer), body(peer)] == [1, 2]
    assert pool.get_stats()["pool_size"] == 1 and peer.connections.qsize() == 1


def test_a_link_that_goes_while_the_message_waits_for_credit_is_made_anew(
    peer: Any, pool: ConnectionPool, background: Callable[..., Any]
) -> None:
    peer.credit = 0
    sending = background(pool.send, "a", "once")
    link = peer.links.get(timeout=TIMEOUT)
    peer.credit = 1
    # The message has not left: nobody can have it.  But a new link that is closed says that it is not wanted.
    peer.close_with(link)
    with pytest.raises(LinkDetached):
        sending.result(TIMEOUT)
    pool.send("a", "first")
    link = peer.links.get(timeout=TIMEOUT)
    peer.credit = 10
    assert body(peer) == "first"
    sending = background(pool.send, "a", "second")
    peer.close_with(link)
    sending.result(TIMEOUT)
    assert body(peer) == "second"


def test_a_connection_that_goes_while_the_message_waits_for_credit_is_replaced(
    peer: Any, pool: ConnectionPool, background: Callable[..., Any]
) -> None:
    peer.credit = 0
    sending = background(pool.send, "a", "once")
    peer.links.get(timeout=TIMEOUT)
    peer.credit = 10
    peer.cut(peer.connections.get(timeout=TIMEOUT))
    sending.result(TIMEOUT)
    assert body(peer) == "once"
    assert peer.transfers.empty()


def test_a_message_that_may_have_arrived_is_not_sent_again(
    peer: Any, pool: ConnectionPool, background: Callable[..., Any]
) -> None:
    peer.on_transfer = lambda delivery: None
    sending = background(pool.send, "a", "once")
    assert body(peer) == "once"
    peer.on_transfer = peer.accept_transfer
    peer.cut(peer.connections.get(timeout=TIMEOUT))
    with pytest.raises(InDoubt):
        sending.result(TIMEOUT)
    pool.send("a", "another")
    assert body(peer) == "another"
    assert peer.transfers.empty()


def test_an_address_that_the_peer_does_not_have_is_told_and_the_connection_is_kept(
    peer: Any, pool: ConnectionPool
) -> None:
    def refuse(link: Any) -> None:
        link.open()
        link.condition = Condition("amqp:not-found", "no such queue")
        link.close()

    peer.on_attach = refuse
    with pytest.raises(LinkDetached, match="no such queue"):
        pool.send("missing", "x")
    peer.on_attach = peer.accept_link
    pool.send("missing", "y")
    assert peer.connections.qsize() == 1


def test_a_rejection_is_told(peer: Any, pool: ConnectionPool) -> None:
    def reject(delivery: Any) -> None:
        delivery.update(Delivery.REJECTED)
        delivery.settle()

    peer.on_transfer = reject
    with pytest.raises(SendException) as caught:
        pool.send("a", "x")
    assert caught.value.state == Delivery.REJECTED
    assert pool.get_stats()["pool_available"] == 1


def test_a_message_that_cannot_be_encoded_costs_nothing(pool: ConnectionPool) -> None:
    with pytest.raises(ProtonException):
        pool.send("a", Message(body=object()))
    stats = pool.get_stats()
    assert stats["returns_bad"] == 0 and stats["pool_available"] == stats["pool_size"]


def test_the_time_limit_is_for_all_of_it(peer: Any, pool: ConnectionPool) -> None:
    peer.credit = 0
    with pytest.raises(Timeout, match="was not sent") as caught:
        pool.send("a", "x", timeout=0.1)
    assert not isinstance(caught.value, PoolTimeout)
    peer.credit = 10
    # The link has no credit, but the connection is as good as ever.
    pool.send("b", "y", timeout=TIMEOUT)
    assert peer.connections.qsize() == 1


def test_a_peer_that_stopped_answering_is_found_out(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncproton.sync.pool.CHECK_TIMEOUT", 0.1)
    url = Url(broker.url)
    tap = Tap(str(url.host), int(url.port or 0))
    with ConnectionPool(f"amqp://127.0.0.1:{tap.port}", max_size=1, timeout=TIMEOUT) as pool:
        pool.send("a", 1)
        tap.mute.add(0)
        with pytest.raises(Timeout, match="in doubt"):
            pool.send("a", 2, timeout=0.1)
        pool.send("a", 3)
        assert len(tap.heard) == 2
        assert pool.get_stats()["connections_lost"] == 1
        tap.close()


@pytest.mark.parametrize("threads, size", [(32, 4), (32, 32)])
def test_every_message_of_many_threads_is_sent_once(threads: int, size: int, broker: Broker) -> None:
    each = 30
    with ConnectionPool(broker.url, max_size=size, timeout=TIMEOUT) as pool:
        failed: List[BaseException] = []

        def work(name: int) -> None:
            try:
                for number in range(each):
                    if number % 10:
                        pool.send(f"q{name % 4}", [name, number])
                    else:
                        with pool.connection() as connection:
                            with connection.create_sender(f"q{name % 4}") as sender:
                                sender.send([name, number])
            except BaseException as error:
                failed.append(error)

        workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failed == []
        stats = pool.get_stats()
        assert stats["requests_num"] == threads * each and stats["requests_errors"] == 0
        assert stats["pool_size"] == stats["pool_available"] <= size and stats["connections_num"] <= size
        got = []
        with pool.connection() as connection:
            for queue in range(4):
                receiver = connection.create_receiver(f"q{queue}", credit=threads * each)
                got += [tuple(receiver.receive(TIMEOUT).body) for _ in range(threads // 4 * each)]
        assert sorted(got) == [(name, number) for name in range(threads) for number in range(each)]
