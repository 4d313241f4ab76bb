"""What goes over a limit is refused, and the broker carries on."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from syncproton.broker import Broker, Limits
from syncproton.engine import Delivery, Endpoint
from syncproton.message import Message

Connect = Callable[[], Any]
FULL = "amqp:resource-limit-exceeded"


@pytest.fixture
def limits() -> Limits:
    return Limits(memory=100_000, queue_depth=3, queues=3, message_size=60_000, credit=10)


def closed_with(client: Any, link: Any) -> str:
    client.wait(lambda: link.state & Endpoint.REMOTE_CLOSED)
    return str(link.remote_condition.name)


def stream(client: Any, link: Any, size: int) -> None:
    """Begin a message, and see that the broker has what there is of it."""
    client.wait(lambda: link.credit > 0)
    link.delivery("partial")
    link.stream(b"x" * size)
    client.sync()


def test_a_full_queue_rejects(client: Any) -> None:
    outcomes = client.send(client.sender("q"), *range(5))
    states = [delivery.remote_state for delivery in outcomes]
    assert states == [Delivery.ACCEPTED] * 3 + [Delivery.REJECTED] * 2
    assert outcomes[4].remote.condition.name == FULL
    client.receiver("q", credit=1)
    client.settle(client.take(1), Delivery.ACCEPTED)
    assert client.send(client.sender("q", "again"), "x")[0].remote_state == Delivery.ACCEPTED


def test_what_was_sent_settled_to_a_full_queue_is_dropped(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), *range(5), settled=True)
    client.sync()
    assert broker.depths() == {"q": 3}


def test_full_memory_rejects(client: Any) -> None:
    outcomes = client.send(client.sender("a"), Message(body=b"x" * 55_000), Message(body=b"x" * 55_000))
    assert [delivery.remote_state for delivery in outcomes] == [Delivery.ACCEPTED, Delivery.REJECTED]
    assert outcomes[1].remote.condition.name == FULL


def test_too_many_queues(client: Any, broker: Broker) -> None:
    for name in ("a", "b", "c"):
        client.sender(name, name)
    assert closed_with(client, client.sender("d", "d")) == FULL
    assert closed_with(client, client.receiver("e")) == FULL
    dynamic = client.session.receiver("dynamic")
    dynamic.source.dynamic = True
    assert closed_with(client, client.attach(dynamic)) == FULL
    anywhere = client.sender(None)
    outcomes = client.send(anywhere, Message(address="e"), Message(address="a"))
    assert [delivery.remote_state for delivery in outcomes] == [Delivery.REJECTED, Delivery.ACCEPTED]
    assert broker.depths() == {"a": 1, "b": 0, "c": 0}


def test_idle_queues_make_room(client: Any) -> None:
    for number in range(10):
        link = client.sender(f"q{number}")
        link.close()
        client.wait(lambda: link.state & Endpoint.REMOTE_CLOSED)
        assert link.remote_condition is None
        link.free()


def test_the_limit_of_a_message_is_told_and_kept(client: Any) -> None:
    link = client.sender("q")
    assert link.remote_max_message_size == 60_000
    link.delivery("big")
    link.stream(b"x" * 60_001)
    link.advance()
    assert closed_with(client, link) == "amqp:link:message-size-exceeded"


def test_a_message_that_grows_too_big_is_cut_off(client: Any, broker: Broker) -> None:
    link = client.sender("q")
    stream(client, link, 50_000)
    link.stream(b"x" * 50_000)
    assert closed_with(client, link) == "amqp:link:message-size-exceeded"
    assert client.send(client.sender("q", "again"), "x")[0].remote_state == Delivery.ACCEPTED
    assert broker.depths() == {"q": 1}


def test_parts_of_messages_count_and_are_given_back(connect: Connect) -> None:
    client, other = connect(), connect()
    stream(client, client.sender("q"), 55_000)
    second = other.sender("q")
    stream(other, second, 50_000)
    assert closed_with(other, second) == FULL
    client.close()
    assert other.send(other.sender("q", "again"), Message(body=b"x" * 55_000))[0].remote_state == Delivery.ACCEPTED


def test_credit_is_what_was_asked_for(client: Any) -> None:
    link = client.sender("q")
    client.wait(lambda: link.credit)
    assert link.credit == 10


@pytest.mark.parametrize("field", ["memory", "queue_depth", "queues", "subscriptions",
                                   "transactions", "message_size", "credit"])
def test_limits_have_defaults(field: str) -> None:
    assert getattr(Limits(), field) > 0
