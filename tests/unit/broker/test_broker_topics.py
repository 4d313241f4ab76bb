"""Topics: who subscribes gets a copy of each message."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from subscribing import ask_for, capabilities_of, end, publisher, refusal, subscriber
from transactional import Control, post

from syncproton.broker import Broker, Limits
from syncproton.engine import Delivery, Endpoint, Terminus
from syncproton.message import Message

Connect = Callable[..., Any]
FULL = "amqp:resource-limit-exceeded"


@pytest.fixture
def limits() -> Limits:
    return Limits(queue_depth=10, subscriptions=5, queues=4, memory=200_000)


def test_every_subscriber_gets_a_copy(connect: Connect, broker: Broker) -> None:
    client = connect()
    readers = [connect() for _ in range(3)]
    links = [subscriber(reader, "t") for reader in readers]
    outcomes = client.send(publisher(client, "t"), *range(5))
    assert {outcome.remote_state for outcome in outcomes} == {Delivery.ACCEPTED}
    for reader in readers:
        assert reader.bodies(5) == [0, 1, 2, 3, 4]
    assert capabilities_of(links[0].remote_source) == {"topic"}


def test_two_subscribers_on_one_connection(client: Any) -> None:
    for name in "ab":
        subscriber(client, "t", name=name)
    client.send(publisher(client, "t"), "x")
    assert client.bodies(2) == ["x", "x"]


def test_what_was_published_before_is_missed(client: Any) -> None:
    sender = publisher(client, "t")
    assert client.send(sender, "before")[0].remote_state == Delivery.ACCEPTED
    subscriber(client, "t")
    client.send(sender, "after")
    assert client.bodies(1) == ["after"]


@pytest.mark.parametrize("address, capabilities", [
    ("t", ["topic"]), ("topic://t", []), ("topic://t", ["topic"]), ("t", ["temporary-topic"]), ("t", []),
])
def test_ways_to_ask_for_a_topic(client: Any, address: str, capabilities: Any) -> None:
    """The last one says nothing: it gets what there is."""
    subscriber(client, "topic://t", [], name="first")
    link = subscriber(client, address, capabilities, name="second")
    assert link.remote_source.address == address
    sender = publisher(client, address, capabilities)
    assert sender.remote_target.address == address and capabilities_of(sender.remote_target) == set(capabilities)
    client.send(sender, "x")
    assert client.bodies(2) == ["x", "x"]


def test_without_a_word_an_address_is_a_queue(client: Any, broker: Broker) -> None:
    client.send(client.sender("new"), "x")
    client.send(client.sender("queue://new", "prefix"), "y")
    assert broker.depths() == {"new": 2}


@pytest.mark.parametrize("attach, first, second", [
    (subscriber, ["topic"], ["queue"]), (subscriber, ["queue"], ["topic"]),
    (publisher, ["topic"], ["queue"]), (publisher, ["queue"], ["topic"]),
])
def test_an_address_is_a_queue_or_a_topic(client: Any, attach: Any, first: Any, second: Any) -> None:
    link = attach(client, "t", first, name="first")
    assert refusal(client, subscriber(client, "t", second, name="second", credit=0)) == "amqp:illegal-state"
    assert refusal(client, publisher(client, "t", second, name="third")) == "amqp:illegal-state"
    # Once nobody uses it, it can become the other.
    end(client, link, "close")
    assert not subscriber(client, "t", second, name="fourth").state & Endpoint.REMOTE_CLOSED


@pytest.mark.parametrize("address, capability", [("topic://t", "queue"), ("queue://t", "topic")])
def test_an_address_and_capabilities_that_do_not_agree(client: Any, address: str, capability: str) -> None:
    assert refusal(client, publisher(client, address, [capability])) == "amqp:invalid-field"


def test_a_refused_link_has_no_terminus(client: Any) -> None:
    client.sender("q")
    link = subscriber(client, "q", ["topic"], credit=0)
    refusal(client, link)
    assert link._sourceless and link.state & Endpoint.REMOTE_CLOSED


def test_a_subscription_goes_with_its_receiver(client: Any, broker: Broker) -> None:
    sender = publisher(client, "t")
    for how in ("close", "detach"):
        end(client, subscriber(client, "t"), how)
        client.send(sender, "missed")
    link = subscriber(client, "t")
    client.send(sender, "got")
    assert client.bodies(1) == ["got"]
    assert link.remote_source.durability == Terminus.NONDURABLE
    assert link.remote_source.expiry_policy == Terminus.EXPIRE_WITH_LINK


def test_messages_that_are_not_accepted_come_again(client: Any) -> None:
    subscriber(client, "t", mode=Terminus.DIST_MODE_COPY)
    client.send(publisher(client, "t"), "x", "y")
    client.settle(client.take(2), Delivery.RELEASED)
    assert client.bodies(2) == ["x", "y"]


def test_each_subscriber_has_its_own_selector(connect: Connect) -> None:
    client = connect()
    readers = {text: connect() for text in ("n > 1", "n < 3", "n = 9")}
    for text, reader in readers.items():
        subscriber(reader, "t", selector=text)
    client.send(publisher(client, "t"), *(Message(body=n, properties={"n": n}) for n in range(5)))
    assert readers["n > 1"].bodies(3) == [2, 3, 4]
    assert readers["n < 3"].bodies(3) == [0, 1, 2]
    readers["n = 9"].sync()
    assert not readers["n = 9"].received


def test_by_way_of_a_sender_without_a_target(client: Any, broker: Broker) -> None:
    subscriber(client, "t")
    relay = client.sender(None)
    client.send(relay, Message(address="t", body=1), Message(address="topic://t", body=2))
    assert client.bodies(2) == [1, 2]
    [delivery] = client.send(relay, Message(address="queue://t", body=3))
    assert delivery.remote.condition.name == "amqp:illegal-state"
    client.send(relay, Message(address="topic://nobody", body=4), Message(address="queue://somebody", body=5))
    assert broker.depths() == {"somebody": 1}


def test_publishing_under_a_transaction(client: Any, connect: Connect) -> None:
    control = Control(client)
    sender = publisher(client, "t")
    for fail in (True, False):
        transaction = control.declare()
        post(client, sender, transaction, f"fail={fail}")
        if fail:
            subscriber(client, "t")  # Who is there at the commit gets it.
        client.sync()
        assert not client.received
        assert control.discharge(transaction, fail).remote_state == Delivery.ACCEPTED
    assert client.bodies(1) == ["fail=False"]


def test_a_temporary_topic_goes_with_its_connection(connect: Connect) -> None:
    client, reader = connect(), connect()
    link = client.session.sender("dynamic")
    link.target.dynamic = True
    ask_for(link.target, ["temporary-topic"])
    client.attach(link)
    address = link.remote_target.address
    links = [subscriber(reader, address, [], name=name) for name in "ab"]
    client.send(link, "x")
    assert reader.bodies(2) == ["x", "x"]
    queue = client.session.sender("queue")
    queue.target.dynamic = True
    client.attach(queue)
    end(client, queue, "close")
    other = publisher(client, queue.remote_target.address, name="other")
    assert refusal(client, other) == "amqp:illegal-state", "it stays a queue, though nobody uses it"
    client.close()
    assert [refusal(reader, each) for each in links] == ["amqp:resource-deleted"] * 2


def test_if_one_has_no_room_none_gets_it(connect: Connect) -> None:
    client, slow, fast = connect(), connect(), connect()
    subscriber(slow, "t", credit=0)
    subscriber(fast, "t", credit=20)
    sender = publisher(client, "t")
    client.send(sender, *range(10))
    fast.settle(fast.take(10), Delivery.ACCEPTED)
    [delivery] = client.send(sender, "too many")
    assert delivery.remote.condition.name == FULL
    fast.sync()
    assert not fast.received
    slow.vanish()
    while client.send(sender, "again")[0].remote_state != Delivery.ACCEPTED:
        pass  # The broker has yet to notice.
    assert fast.bodies(1) == ["again"]


def test_copies_count_against_the_memory(connect: Connect) -> None:
    client = connect()
    links = [subscriber(client, "t", name=name, credit=0) for name in "abc"]
    sender = publisher(client, "t")
    first, second = client.send(sender, b"x" * 60_000, b"x" * 60_000)
    assert first.remote_state == Delivery.ACCEPTED and second.remote.condition.name == FULL
    # A queue does not have the first message, and there is no room for a second.
    assert client.send(client.sender("q"), b"x" * 60_000)[0].remote.condition.name == FULL
    end(client, links[0], "close")
    assert client.send(client.sender("q", "again"), b"x" * 60_000)[0].remote_state == Delivery.ACCEPTED


def test_there_are_only_so_many_subscriptions(client: Any) -> None:
    links = [subscriber(client, "t", name=str(number), credit=0) for number in range(5)]
    assert refusal(client, subscriber(client, "t", name="more", credit=0)) == FULL
    end(client, links[2], "close")
    assert not subscriber(client, "t", name="again").state & Endpoint.REMOTE_CLOSED


def test_topics_count_as_queues(client: Any) -> None:
    for number in range(4):
        publisher(client, f"t{number}", name=str(number))
    assert refusal(client, publisher(client, "more", name="more")) == FULL
    assert refusal(client, client.sender("queue")) == FULL
