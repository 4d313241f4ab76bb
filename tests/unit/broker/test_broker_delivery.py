"""What the broker delivers, to whom, and when."""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable

from syncproton.broker import Broker
from syncproton.codec import Described, encode, ulong
from syncproton.engine import Delivery
from syncproton.message import Message

Connect = Callable[[], Any]


def test_first_in_first_out(client: Any) -> None:
    sender = client.sender("q")
    outcomes = client.send(sender, *range(50))
    assert {delivery.remote_state for delivery in outcomes} == {Delivery.ACCEPTED}
    client.receiver("q", credit=100)
    assert client.bodies(50) == list(range(50))


def test_bytes_are_handed_on_as_they_came(client: Any) -> None:
    sections = [Described(ulong(0x75), b"one"), Described(ulong(0x75), b""), Described(ulong(0x75), b"three" * 1000)]
    payload = b"".join(encode(section) for section in sections)
    # A form of list that is longer than need be, and nonsense: none of a broker's business.
    payloads = [payload, b"\x00\x53\x70\xd0\x00\x00\x00\x04\x00\x00\x00\x00" + payload, b"nonsense", b"\0"]
    client.send(client.sender("q"), *payloads)
    client.receiver("q", credit=10)
    assert [received for _, received in client.take(4)] == payloads


def test_accepted_messages_are_gone(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), "a", "b")
    client.receiver("q", credit=10)
    client.settle(client.take(2), Delivery.ACCEPTED)
    assert broker.depths() == {"q": 0}


def test_credit_is_honoured(client: Any) -> None:
    receiver = client.receiver("q", credit=3)
    client.send(client.sender("q"), *range(10))
    client.sync()
    assert len(client.received) == 3 and receiver.credit == 0
    receiver.flow(2)
    client.sync()
    assert client.bodies(5) == [0, 1, 2, 3, 4]


def test_no_credit_no_messages(client: Any) -> None:
    client.receiver("q")
    client.send(client.sender("q"), "x")
    client.sync()
    assert not client.received


def test_drain_gives_back_the_credit_that_is_left(client: Any) -> None:
    client.send(client.sender("q"), "a", "b")
    receiver = client.receiver("q")
    receiver.drain(10)
    client.wait(lambda: not receiver.draining())
    assert client.bodies(2) == ["a", "b"]
    assert receiver.drained() == 8 and receiver.credit == 0
    client.send(client.sender("q", "another"), "c")
    client.sync()
    assert not client.received


def test_drain_of_an_empty_queue(client: Any) -> None:
    receiver = client.receiver("q")
    receiver.drain(5)
    client.wait(lambda: not receiver.draining())
    assert receiver.credit == 0


def test_credit_after_a_drain_works_again(client: Any) -> None:
    receiver = client.receiver("q")
    receiver.drain(5)
    client.wait(lambda: not receiver.draining())
    receiver.drained()
    receiver.flow(1)
    client.send(client.sender("q"), "x")
    assert client.bodies(1) == ["x"]


def test_presettled_to_the_receiver(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), *range(5))
    client.receiver("q", credit=10, presettled=True)
    received = client.take(5)
    assert all(delivery.settled for delivery, _ in received)
    assert broker.depths() == {"q": 0}


def test_presettled_from_the_sender(client: Any) -> None:
    client.send(client.sender("q"), *range(5), settled=True)
    client.receiver("q", credit=10)
    assert client.bodies(5) == list(range(5))


def test_receivers_take_turns(connect: Connect) -> None:
    receivers = [connect() for _ in range(3)]
    for client in receivers:
        client.receiver("q", credit=100)
        client.sync()
    sending = connect()
    sending.send(sending.sender("q"), *range(30))
    assert [client.bodies(10) for client in receivers] == [list(range(start, 30, 3)) for start in range(3)]


def test_many_receivers_each_message_once(connect: Connect) -> None:
    client = connect()
    for number in range(50):
        client.receiver("q", credit=7, name=f"receiver {number}")
    other = connect()
    other.send(other.sender("q"), *range(350))
    assert Counter(client.bodies(350)) == Counter(range(350))


def test_queues_are_apart(client: Any) -> None:
    client.send(client.sender("a", "to a"), "for a")
    client.send(client.sender("b", "to b"), "for b")
    client.receiver("b", credit=5)
    client.sync()
    assert client.bodies(1) == ["for b"] and not client.received


def test_a_big_message_in_small_frames(client: Any) -> None:
    client.transport.max_frame_size = 4096
    body = bytes(range(256)) * 40_000
    client.send(client.sender("q"), Message(body=body))
    client.receiver("q", credit=1)
    assert client.bodies(1) == [body]


def test_two_big_messages_interleaved(client: Any) -> None:
    first, second = client.sender("q", "first"), client.sender("q", "second")
    client.wait(lambda: first.credit and second.credit)
    parts = {first: Message(body=b"1" * 200_000).encode(), second: Message(body=b"2" * 200_000).encode()}
    deliveries = [link.delivery("tag") for link in parts]
    for start in range(0, 201_000, 50_000):
        for link, payload in parts.items():
            link.stream(payload[start:start + 50_000])
            client.sync()
    first.advance()
    second.advance()
    client.wait(lambda: all(delivery.settled for delivery in deliveries))
    client.receiver("q", credit=2)
    assert sorted(client.bodies(2)) == [b"1" * 200_000, b"2" * 200_000]


def test_an_aborted_message_is_forgotten(client: Any, broker: Broker) -> None:
    sender = client.sender("q")
    client.wait(lambda: sender.credit)
    delivery = sender.delivery("tag")
    sender.stream(b"x" * 100_000)
    client.sync()
    delivery.abort()
    client.sync()
    client.send(sender, "after")
    client.receiver("q", credit=2)
    assert client.bodies(1) == ["after"]
    assert broker.depths() == {"q": 1}


def test_more_than_a_connection_takes_at_once(client: Any) -> None:
    payloads = [b"%d" % number * 50_000 for number in range(100)]
    client.send(client.sender("q"), *payloads)
    client.receiver("q", credit=200)
    assert [payload for _, payload in client.take(100)] == payloads


def test_a_drain_of_more_than_a_connection_takes_at_once(client: Any) -> None:
    client.send(client.sender("q"), *[b"x" * 50_000 for _ in range(100)])
    receiver = client.receiver("q")
    receiver.drain(200)
    client.wait(lambda: not receiver.draining())
    assert receiver.drained() == 100 and len(client.received) == 100


def test_ten_thousand_messages(connect: Connect, broker: Broker) -> None:
    client = connect()
    sender = client.sender("q")
    client.send(sender, *[b"%d" % number for number in range(10_000)])
    assert broker.depths() == {"q": 10_000}
    receiver = client.receiver("q")
    for start in range(0, 10_000, 1000):
        receiver.flow(1000)
        received = client.take(1000)
        assert [payload for _, payload in received] == [b"%d" % number for number in range(start, start + 1000)]
        client.settle(received, Delivery.ACCEPTED)
    assert broker.depths() == {"q": 0}
