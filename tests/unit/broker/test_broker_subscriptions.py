"""Durable and shared subscriptions."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from subscribing import CLOSED, capabilities_of, come_back, end, publisher, refusal, subscriber
from transactional import Control, retire

from syncproton.broker import Broker
from syncproton.codec import symbol
from syncproton.engine import Delivery, Link, Terminus
from syncproton.message import Message

Connect = Callable[..., Any]

SHARED = ["topic", "shared"]
GLOBAL = ["topic", "shared", "global"]


def publish(connect: Connect, *bodies: Any, topic: str = "t") -> None:
    client = connect("publisher")
    client.send(publisher(client, topic), *bodies)
    client.close()


# --- durable


def test_nothing_is_missed_while_away(connect: Connect, broker: Broker) -> None:
    client = connect("c")
    link = subscriber(client, "t", durable=True)
    publish(connect, 1)
    client.settle(client.take(1), Delivery.ACCEPTED)
    end(client, link, "detach")
    publish(connect, 2, 3)
    assert broker.depths() == {"t::c.subscriber": 2}
    link = subscriber(client, "t", durable=True)
    assert client.bodies(2) == [2, 3]
    source = link.remote_source
    assert (source.durability, source.expiry_policy) == (Terminus.DELIVERIES, Terminus.EXPIRE_NEVER)


@pytest.mark.parametrize("how", ["detach", "end", "close", "vanish"])
def test_it_outlives_all_but_the_closing_of_its_link(connect: Connect, broker: Broker, how: str) -> None:
    client = connect("c")
    link = subscriber(client, "t", durable=True)
    publish(connect, "read and not accepted")
    client.take(1)
    if how == "detach":
        link.detach()
        client.sync()
    elif how == "end":
        client.session.close()
        client.sync()
    else:
        getattr(client, how)()
    # Should the broker not have noticed yet, the new link takes the place of the old one.
    client = connect("c")
    subscriber(client, "t", durable=True)
    [message] = client.messages(1)
    assert (message.body, message.delivery_count) == ("read and not accepted", int(how == "vanish"))


def test_closing_its_link_ends_it(client: Any, connect: Connect, broker: Broker) -> None:
    link = subscriber(client, "t", durable=True, credit=0)
    publish(connect, "lost")
    assert broker.depths() == {"t::client.subscriber": 1}
    end(client, link, "close")
    assert broker.depths() == {}
    subscriber(client, "t", durable=True)
    publish(connect, "new")
    assert client.bodies(1) == ["new"]


@pytest.mark.parametrize("durability, expiry, kept", [
    (Terminus.CONFIGURATION, Terminus.EXPIRE_WITH_SESSION, True),
    (Terminus.NONDURABLE, Terminus.EXPIRE_NEVER, True),
    (Terminus.NONDURABLE, Terminus.EXPIRE_WITH_CONNECTION, False),
])
def test_what_makes_it_durable(
    client: Any, connect: Connect, broker: Broker, durability: int, expiry: int, kept: bool
) -> None:
    link = client.session.receiver("subscriber")
    link.source.address = "topic://t"
    link.source.durability, link.source.expiry_policy = durability, expiry
    client.attach(link)
    if kept:
        assert link.remote_source.durability > 0 and link.remote_source.expiry_policy == Terminus.EXPIRE_NEVER
    end(client, link, "detach")
    publish(connect, "x")
    assert broker.depths() == ({"t::client.subscriber": 1} if kept else {})


def test_it_is_known_by_container_and_link(connect: Connect, broker: Broker) -> None:
    first, second = connect("1"), connect("2")
    subscriber(first, "t", name="a", durable=True)
    subscriber(first, "t", name="b", durable=True)
    subscriber(second, "t", name="a", durable=True)
    publish(connect, "x")
    assert broker.depths() == {"t::1.a": 1, "t::1.b": 1, "t::2.a": 1}


def test_coming_back_with_nothing_but_the_name(connect: Connect) -> None:
    client = connect("c")
    link = subscriber(client, "topic://t", durable=True, selector="n > 1")
    end(client, link, "detach")
    publish(connect, *(Message(body=n, properties={"n": n}) for n in range(4)))
    link = come_back(client)
    source = link.remote_source
    assert (source.address, source.durability, source.expiry_policy, source.distribution_mode) == (
        "topic://t", Terminus.DELIVERIES, Terminus.EXPIRE_NEVER, 0)
    assert capabilities_of(source) == {"topic"}
    source.filter.rewind()
    source.filter.next()
    assert list(source.filter.get_object()) == ["s"]
    assert client.bodies(2) == [2, 3]


def test_coming_back_to_nothing(connect: Connect) -> None:
    client = connect("c")
    end(client, subscriber(client, "t", durable=True, name="closed"), "close")
    end(client, subscriber(client, "t", name="not durable"), "detach")
    end(client, subscriber(client, "t", durable=True, name="another's"), "detach")
    for name in ("closed", "not durable", "never there"):
        link = come_back(client, name)
        assert refusal(client, link) == "amqp:not-found"
        assert link.remote_source.type == Terminus.UNSPECIFIED
    assert refusal(client, come_back(connect("d"), "another's")) == "amqp:not-found"


def test_who_comes_last_has_it(connect: Connect) -> None:
    first, second = connect("c"), connect("c")
    link = subscriber(first, "t", durable=True)
    publish(connect, "x", "y")
    [accepted, _] = first.take(2)
    first.settle([accepted], Delivery.ACCEPTED)
    subscriber(second, "t", durable=True)
    assert refusal(first, link) == "amqp:link:stolen"
    [message] = second.messages(1)
    assert (message.body, message.delivery_count) == ("y", 1), "the first may have had it"
    # What the first does with its link is nothing to the subscription.
    end(first, link, "close")
    first.close()
    publish(connect, "z")
    assert second.bodies(1) == ["z"]


def test_who_comes_back_last_has_it(connect: Connect) -> None:
    first, second = connect("c"), connect("c")
    link = subscriber(first, "t", durable=True)
    come_back(second)
    assert refusal(first, link) == "amqp:link:stolen"
    publish(connect, "x")
    assert second.bodies(1) == ["x"]


@pytest.mark.parametrize("change", [{"topic": "u"}, {"topic": "t", "selector": "n = 1"}])
def test_another_topic_or_selector_makes_it_another(connect: Connect, broker: Broker, change: Any) -> None:
    client = connect("c")
    end(client, subscriber(client, "t", durable=True), "detach")
    publish(connect, "old")
    subscriber(client, durable=True, **change)
    assert not client.received
    publish(connect, Message(body="new", properties={"n": 1}), topic=change["topic"])
    assert client.bodies(1) == ["new"]
    assert list(broker.depths()) == [f"{change['topic']}::c.subscriber"]


def test_a_transaction_outlives_the_subscription_its_messages_are_of(
    client: Any, connect: Connect, broker: Broker
) -> None:
    link = subscriber(client, "t", durable=True)
    publish(connect, "x", "y")
    received = client.take(2)
    control = Control(client)
    first, second = control.declare(), control.declare()
    retire(client, received[:1], first)
    retire(client, received[1:], second, settled=False)
    end(client, link, "close")
    control.commit(first)
    control.roll_back(second)
    assert broker.depths() == {}
    subscriber(client, "t", durable=True, name="another")
    publish(connect, "z")
    assert client.bodies(1) == ["z"]


# --- shared


def test_the_broker_says_that_it_has_them(client: Any) -> None:
    client.sync()
    assert "SHARED-SUBS" in list(client.connection.remote_offered_capabilities)


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("capabilities", [SHARED, GLOBAL])
def test_each_message_goes_to_one_of_the_receivers(
    connect: Connect, broker: Broker, capabilities: List[str], durable: bool
) -> None:
    containers = ("1", "2") if capabilities is GLOBAL else ("1", "1")
    readers = [connect(container) for container in containers]
    for reader in readers:
        link = subscriber(reader, "t", capabilities, "s", durable)
        assert capabilities_of(link.remote_source) == set(capabilities)
    other = connect("other")
    subscriber(other, "t", name="s")
    publish(connect, *range(6))
    assert [reader.bodies(3) for reader in readers] == [[0, 2, 4], [1, 3, 5]]
    assert other.bodies(6) == list(range(6))
    name = "t::" + ("s" if capabilities is GLOBAL else "1.s") + (":shared" if durable else ":volatile")
    assert broker.depths() == {name: 6}


def test_on_one_connection_the_links_differ_after_a_bar(client: Any, broker: Broker) -> None:
    for name in ("s|1", "s|2"):
        subscriber(client, "t", SHARED, name)
    client.send(publisher(client, "t"), "x", "y")
    assert client.bodies(2) == ["x", "y"]
    assert broker.depths() == {"t::client.s:volatile": 2}


def test_containers_do_not_share_unless_asked_to(connect: Connect) -> None:
    readers = [connect("1"), connect("2")]
    for reader in readers:
        subscriber(reader, "t", SHARED, "s")
    publish(connect, "x")
    assert [reader.bodies(1) for reader in readers] == [["x"], ["x"]]


def test_one_that_is_not_durable_goes_with_its_last_receiver(connect: Connect, broker: Broker) -> None:
    first, second = connect("c"), connect("c")
    links = [subscriber(client, "t", SHARED, "s", credit=0) for client in (first, second)]
    end(first, links[0], "close")
    publish(connect, "x")
    assert broker.depths() == {"t::c.s:volatile": 1}
    end(second, links[1], "detach")
    assert broker.depths() == {}


def test_a_durable_one_goes_when_its_last_receiver_closes(connect: Connect, broker: Broker) -> None:
    first, second = connect("c"), connect("c")
    links = [subscriber(client, "t", SHARED, "s", durable=True, credit=0) for client in (first, second)]
    end(first, links[0], "close")
    end(second, links[1], "detach")
    publish(connect, "x")
    assert broker.depths() == {"t::c.s:shared": 1}
    link = subscriber(first, "t", SHARED, "s", durable=True, credit=0)
    end(first, link, "close")
    assert broker.depths() == {}


def test_durable_or_not_shared_or_not_are_different_subscriptions(client: Any, broker: Broker) -> None:
    for number, (capabilities, durable) in enumerate(((SHARED, True), (SHARED, False), (["topic"], True))):
        subscriber(client, "t", capabilities, f"s|{number}", durable, credit=0)
    client.send(publisher(client, "t"), "x")
    assert broker.depths() == {"t::client.s": 1, "t::client.s:shared": 1, "t::client.s:volatile": 1}


def test_receivers_of_one_subscription_agree(connect: Connect) -> None:
    first, second = connect("c"), connect("c")
    subscriber(first, "t", SHARED, "s", selector="n = 1")
    assert refusal(second, subscriber(second, "t", SHARED, "s", credit=0)) == "amqp:illegal-state"
    assert refusal(second, subscriber(second, "u", SHARED, "s|2", selector="n = 1", credit=0)) == "amqp:illegal-state"
    assert not subscriber(second, "t", SHARED, "s|3", selector="n = 1").state & CLOSED


def test_coming_back_to_a_shared_one(connect: Connect, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect("c")
    end(client, subscriber(client, "t", GLOBAL, "s", durable=True), "detach")
    publish(connect, "x")
    assert refusal(client, come_back(client, "s")) == "amqp:not-found"
    plain = Link._attach_frame

    def wishful(self: Link, handle: int) -> Any:
        frame = plain(self, handle)
        if self.name == "s" and self.is_receiver:
            frame.desired_capabilities = [symbol("shared"), symbol("global")]
        return frame

    monkeypatch.setattr(Link, "_attach_frame", wishful)
    client = connect("another")
    link = come_back(client, "s")
    assert capabilities_of(link.remote_source) == set(GLOBAL)
    assert client.bodies(1) == ["x"]
    # It is how a subscription is ended without receiving anything.
    end(client, link, "close")
    assert broker.depths() == {}
