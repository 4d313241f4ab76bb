"""Messages that expire: found, swept away, and what their receivers are told of the time that is left."""

from __future__ import annotations

import time
from typing import Any, Callable, List, Optional

import pytest

from queue_taker import ManualClock, Taker
from syncproton.broker import Broker
from syncproton.broker.expiry import STEP, Expiry
from syncproton.broker.limits import Budget
from syncproton.broker.queue import Queue
from syncproton.broker.sections import Lifetime, lifetime_of, with_ttl
from syncproton.codec import Described, encode, symbol, timestamp, uint, ulong
from syncproton.engine import Delivery
from syncproton.message import Message

Connect = Callable[[], Any]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def expiry(clock: ManualClock) -> Expiry:
    return Expiry(clock)


@pytest.fixture
def budget() -> Budget:
    return Budget(1 << 20)


@pytest.fixture
def queue(budget: Budget, expiry: Expiry) -> Queue:
    return Queue("q", budget, 100_000, expiry)


def lasting(ttl: Optional[float], body: Any = "x") -> bytes:
    message = Message(body=body)
    if ttl is not None:
        message.ttl = ttl
    return message.encode()


def until(when: float) -> bytes:
    return Message(body="x", expiry_time=when).encode()


def ttls(queue: Queue, taker: Taker) -> List[float]:
    result = []
    for message in taker.got:
        decoded = Message()
        decoded.decode(queue.encoded(message))
        result.append(decoded.ttl)
    return result


# --- what a message says

@pytest.mark.parametrize("payload, lifetime", [
    (Message(body="x").encode(), Lifetime()),
    (lasting(1.5), Lifetime(1500)),
    (until(20.5), Lifetime(None, 20500)),
    (Message(body="x", ttl=2.0, expiry_time=3.0, annotations={symbol("a"): 1}, instructions={symbol("b"): "x" * 300},
             priority=3).encode(), Lifetime(2000, 3000)),
    (Message(id="x", creation_time=5.0, group_id="g").encode(), Lifetime()),
    (encode(Described(ulong(0x70), [None, None, uint(0)])), Lifetime(0)),
    (encode(Described(symbol("amqp:header:list"), [None, None, uint(7)])), Lifetime(7)),
    (encode(Described(ulong(0x73), [None] * 8 + [timestamp(-1)])), Lifetime(None, -1)),
    (encode(Described(ulong(0x73), ["x" * 300] + [None] * 7 + [timestamp(9)])), Lifetime(None, 9)),
    (encode(Described(ulong(0x70), [None, None, "soon"])), Lifetime()),
    (encode(Described(ulong(0x70), [None, None, True])), Lifetime()),
    (encode(Described(ulong(0x70), {})), Lifetime()),
    (encode(Described(ulong(0x73), "x")), Lifetime()),
    (b"", Lifetime()), (b"rubbish", Lifetime()), (b"\x00\x53\x70", Lifetime()), (b"\x00\x53\x70\xc0\xff", Lifetime()),
    (b"\x00\x53\x73\xd0\x00", Lifetime()), (b"\x00\x53\x72\xd1", Lifetime()), (b"\x00\xa3", Lifetime()),
])
def test_what_a_message_says(payload: bytes, lifetime: Lifetime) -> None:
    assert lifetime_of(payload) == lifetime


def test_another_ttl() -> None:
    message = Message(body="x", durable=True, priority=7, ttl=30.0, delivery_count=2, id="i")
    changed = Message()
    changed.decode(with_ttl(message.encode(), 1234))
    message.ttl = 1.234
    assert repr(changed) == repr(message)


# --- the queue

def test_an_expired_message_is_not_delivered(queue: Queue, budget: Budget, clock: ManualClock) -> None:
    for ttl in (1.0, None, 3.0):
        queue.put(lasting(ttl))
    clock.time += 2
    taker = Taker(queue, 1)
    taker.flow(10)
    assert len(taker.got) == 2 and queue.depth == 2
    for message in taker.got:
        queue.remove(message)
    assert not budget.used


def test_a_message_lives_to_the_last_moment(queue: Queue, clock: ManualClock) -> None:
    queue.put(lasting(1.0))
    clock.pass_by(0.999)
    assert queue.depth == 1
    taker = Taker(queue, 1)
    taker.flow(1)
    assert len(taker.got) == 1


def test_what_nobody_fetches_is_swept_away(queue: Queue, budget: Budget, clock: ManualClock) -> None:
    for number in range(1000):
        queue.put(lasting(1 + number / 1000))
    queue.put(lasting(None))
    clock.pass_by(0.9)
    assert queue.depth == 1001
    clock.pass_by(0.6)
    assert 500 <= queue.depth <= 501 + 1000 * STEP
    clock.pass_by(0.5 + STEP)
    assert queue.depth == 1
    assert not clock.calls, "nothing is left to wait for"


def test_an_absolute_expiry_time(queue: Queue, clock: ManualClock) -> None:
    queue.put(until(clock.wall() + 5))
    queue.put(until(clock.wall() - 5))
    assert queue.depth == 1
    clock.pass_by(5 + STEP)
    assert queue.depth == 0


def test_whichever_comes_first(queue: Queue, clock: ManualClock) -> None:
    queue.put(Message(ttl=1.0, expiry_time=clock.wall() + 10).encode())
    queue.put(Message(ttl=10.0, expiry_time=clock.wall() + 1).encode())
    assert queue.depth == 2
    clock.pass_by(1 + STEP)
    assert queue.depth == 0


def test_no_time_to_live_is_no_life(queue: Queue) -> None:
    assert queue.put(encode(Described(ulong(0x70), [None, None, uint(0)])))
    assert queue.depth == 0


def test_the_furthest_times_are_no_trouble(queue: Queue, clock: ManualClock) -> None:
    queue.put(encode(Described(ulong(0x73), [None] * 8 + [timestamp(2 ** 63 - 1)])))
    queue.put(encode(Described(ulong(0x73), [None] * 8 + [timestamp(-2 ** 63)])))
    queue.put(encode(Described(ulong(0x70), [None, None, uint(2 ** 32 - 1)])))
    assert queue.depth == 2
    clock.pass_by(2 ** 32 / 1000 + 1)
    assert queue.depth == 1


def test_what_is_being_delivered_has_until_it_comes_back(queue: Queue, clock: ManualClock) -> None:
    queue.put(lasting(1.0))
    queue.put(lasting(1.0))
    taker = Taker(queue, 1)
    taker.flow(2)
    clock.pass_by(5)
    assert queue.depth == 2
    queue.remove(taker.got[0])
    queue.put_back(taker.got[1:])
    assert queue.depth == 0
    taker.flow(5)
    assert len(taker.got) == 2


def test_what_came_back_in_time_expires_none_the_less(queue: Queue, clock: ManualClock) -> None:
    queue.put(lasting(1.0))
    taker = Taker(queue, 1)
    taker.flow(1)
    queue.put_back(taker.got)
    clock.time += 1
    taker.flow(1)
    assert len(taker.got) == 1 and queue.depth == 0


def test_a_refused_message_expires_too(queue: Queue, clock: ManualClock) -> None:
    queue.put(lasting(1.0))
    taker = Taker(queue, 1)
    taker.flow(1)
    taker.got[0].unwanted_by = frozenset([1])
    queue.put_back(taker.got)
    clock.pass_by(1 + STEP)
    assert queue.depth == 0 and not queue._unwanted
    other = Taker(queue, 2)
    other.flow(1)
    assert not other.got


def test_expired_messages_make_room(budget: Budget, expiry: Expiry, clock: ManualClock) -> None:
    queue = Queue("q", budget, 1, expiry)
    assert queue.put(lasting(1.0)) and not queue.put(lasting(1.0))
    clock.pass_by(1 + STEP)
    assert queue.put(lasting(1.0))


def test_who_looks_sees_nothing_that_has_expired(queue: Queue, clock: ManualClock) -> None:
    for ttl in (1.0, None, 1.0):
        queue.put(lasting(ttl))
    taker, looking = Taker(queue, 1), Taker(queue, 2, copies=True)
    taker.flow(1)
    clock.time += 2
    looking.flow(10)
    assert len(looking.got) == 1 and queue.depth == 2


def test_a_deleted_queue_waits_for_nothing(queue: Queue, expiry: Expiry) -> None:
    queue.put(lasting(1000.0))
    queue.delete()
    assert not expiry._buckets


def test_messages_that_are_gone_leave_nothing(queue: Queue, clock: ManualClock, expiry: Expiry) -> None:
    taker = Taker(queue, 1)
    for number in range(5000):
        queue.put(lasting(1000.0 + number))
        taker.flow(1)
        queue.remove(taker.got.pop())
    assert not expiry._buckets and len(expiry._order) < 200
    assert len(clock.calls) == 1


def test_the_timer_goes_off_for_the_next_one(queue: Queue, clock: ManualClock) -> None:
    for ttl in (100.0, 10.0, 1.0, 50.0):
        queue.put(lasting(ttl))
    for elapsed, left in ((1.5, 3), (9.0, 2), (40.0, 1), (50.0, 0)):
        clock.pass_by(elapsed)
        assert queue.depth == left


# --- what receivers are told

def test_receivers_are_told_what_is_left(queue: Queue, clock: ManualClock) -> None:
    queue.put(lasting(10.0))
    clock.time += 4
    taker = Taker(queue, 1)
    taker.flow(1)
    assert ttls(queue, taker) == [6.0]
    queue.put_back(taker.got)
    clock.time += 3.5
    taker.flow(1)
    assert ttls(queue, taker)[1:] == [2.5]


def test_what_is_left_is_never_nothing(queue: Queue, clock: ManualClock) -> None:
    queue.put(lasting(10.0))
    clock.time += 9.9999
    taker = Taker(queue, 1)
    taker.flow(1)
    assert ttls(queue, taker) == [0.001]


def test_who_said_nothing_of_a_ttl_gets_none(queue: Queue, clock: ManualClock) -> None:
    payload = until(clock.wall() + 10)
    queue.put(payload)
    taker = Taker(queue, 1)
    taker.flow(1)
    assert queue.encoded(taker.got[0]) == payload


# --- the broker

def test_expired_messages_are_gone_from_a_running_broker(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), Message(body="short", ttl=0.05), Message(body="long", ttl=100.0),
                Message(body="past", expiry_time=1.0), "ever")
    deadline = time.monotonic() + 10
    while broker.depths() != {"q": 2}:
        assert time.monotonic() < deadline
        client.sync()
    client.receiver("q", credit=10)
    received = client.messages(2)
    assert [message.body for message in received] == ["long", "ever"]
    assert 90 < received[0].ttl < 100 and not received[1].ttl


def test_a_released_message_has_less_and_less_time(client: Any) -> None:
    client.send(client.sender("q"), Message(body="x", ttl=100.0))
    client.receiver("q", credit=2)
    received = client.take(1)
    client.settle(received, Delivery.RELEASED)
    again, = client.messages(1)
    first = Message()
    first.decode(received[0][1])
    assert 90 < again.ttl <= first.ttl <= 100
