"""What becomes of messages that are not accepted."""

from __future__ import annotations

import logging
from typing import Any, Callable

import pytest

from syncproton.broker import Broker
from syncproton.codec import symbol
from syncproton.engine import Condition, Delivery, Endpoint
from syncproton.message import Message

Connect = Callable[[], Any]


def described(client: Any, count: int) -> Any:
    return [(message.body, message.delivery_count) for message in client.messages(count)]


def test_released_messages_come_again_in_their_place(client: Any) -> None:
    client.send(client.sender("q"), *range(10))
    receiver = client.receiver("q", credit=5)
    received = client.take(5)
    client.settle([received[3], received[1]], Delivery.RELEASED)
    receiver.flow(10)
    assert client.bodies(7) == [1, 3, 5, 6, 7, 8, 9]


def test_a_release_is_not_a_failed_attempt(client: Any) -> None:
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=3)
    client.settle(client.take(1), Delivery.RELEASED)
    assert described(client, 1) == [("x", 0)]


def test_modified_as_failed_counts(client: Any) -> None:
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=5)
    for _ in range(3):
        received = client.take(1)
        received[0][0].local.failed = True
        client.settle(received, Delivery.MODIFIED)
    assert described(client, 1) == [("x", 3)]


def test_modified_not_as_failed_does_not_count(client: Any) -> None:
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=5)
    client.settle(client.take(1), Delivery.MODIFIED)
    assert described(client, 1) == [("x", 0)]


def test_modified_adds_annotations(client: Any) -> None:
    client.send(client.sender("q"), Message(body="x", annotations={symbol("x-opt-a"): 1}))
    client.receiver("q", credit=5)
    received = client.take(1)
    received[0][0].local.annotations = {symbol("x-opt-b"): 2}
    client.settle(received, Delivery.MODIFIED)
    assert client.messages(1)[0].annotations == {"x-opt-a": 1, "x-opt-b": 2}


def test_undeliverable_here_goes_to_another_receiver(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), "x", "y")
    client.receiver("q", credit=5)
    received = client.take(2)
    received[0][0].local.undeliverable = True
    client.settle(received[:1], Delivery.MODIFIED)
    assert not client.received
    other.receiver("q", credit=5)
    assert other.bodies(1) == ["x"]


def test_rejected_messages_are_dropped_and_logged(client: Any, broker: Broker,
                                                  caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "syncproton.broker")
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=5)
    received = client.take(1)
    received[0][0].local.condition = Condition("test:bad", "did not like it")
    client.settle(received, Delivery.REJECTED)
    assert not client.received and broker.depths() == {"q": 0}
    assert "did not like it" in caplog.text


def test_settled_without_an_outcome_is_a_release(client: Any) -> None:
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=5)
    client.take(1)[0][0].settle()
    assert described(client, 1) == [("x", 0)]


def test_an_outcome_that_the_receiver_did_not_settle(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=5)
    delivery = client.take(1)[0][0]
    delivery.update(Delivery.ACCEPTED)
    client.wait(lambda: delivery.settled)
    assert broker.depths() == {"q": 0}


def test_a_lost_receiver_s_messages_come_again_and_count(connect: Connect, broker: Broker) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), *range(6))
    client.receiver("q", credit=3)
    received = client.take(3)
    client.settle(received[1:2], Delivery.ACCEPTED)
    other.receiver("q", credit=10)
    assert other.bodies(3) == [3, 4, 5]
    client.vanish()
    assert described(other, 2) == [(0, 1), (2, 1)]


@pytest.mark.parametrize("end", ["link", "session", "connection"])
def test_what_was_unsettled_at_an_orderly_end_comes_again(connect: Connect, end: str) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), *range(5))
    receiver = client.receiver("q", credit=3)
    client.take(3)
    endpoint = {"link": receiver, "session": client.session, "connection": client.connection}[end]
    endpoint.close()
    client.wait(lambda: endpoint.state & Endpoint.REMOTE_CLOSED)
    other.receiver("q", credit=10)
    assert described(other, 5) == [(number, 0) for number in range(5)]


def test_a_detached_link_s_messages_come_again(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), "x")
    receiver = client.receiver("q", credit=3)
    client.take(1)
    receiver.detach()
    client.sync()
    other.receiver("q", credit=10)
    assert described(other, 1) == [("x", 0)]


def test_two_receivers_of_a_lost_connection_do_not_inherit_from_each_other(connect: Connect) -> None:
    client, other = connect(), connect()
    client.receiver("q", credit=10, name="one")
    client.receiver("q", credit=10, name="two")
    client.sync()
    other.send(other.sender("q"), *range(6))
    client.take(6)
    client.vanish()
    other.receiver("q", credit=10)
    assert described(other, 6) == [(number, 1) for number in range(6)]


def test_messages_under_way_to_a_slow_receiver_come_again(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), *[b"x" * 100_000 for _ in range(100)])
    client.receiver("q", credit=100)
    client._flush()  # and then never reads again
    other.receiver("q", credit=100)
    client.vanish()
    assert len(other.take(100)) == 100
