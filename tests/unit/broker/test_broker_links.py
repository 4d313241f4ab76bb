"""Attaching: temporary queues, senders without a target, and what is refused."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from syncproton.broker import Broker
from syncproton.engine import Delivery, Endpoint
from syncproton.message import Message

Connect = Callable[[], Any]


def refused(client: Any, link: Any) -> str:
    client.attach(link)
    client.wait(lambda: link.state & Endpoint.REMOTE_CLOSED)
    return str(link.remote_condition.name)


def dynamic_receiver(client: Any, name: str = "dynamic") -> Any:
    link = client.session.receiver(name)
    link.source.dynamic = True
    client.attach(link)
    link.flow(10)
    return link


def test_a_temporary_queue_for_a_receiver(connect: Connect) -> None:
    client, other = connect(), connect()
    link = dynamic_receiver(client)
    address = link.remote_source.address
    assert address and link.remote_source.dynamic
    other.send(other.sender(address), "to you")
    assert client.bodies(1) == ["to you"]


def test_a_temporary_queue_for_a_sender(connect: Connect) -> None:
    client, other = connect(), connect()
    link = client.session.sender("dynamic")
    link.target.dynamic = True
    client.attach(link)
    client.send(link, "from me")
    other.receiver(link.remote_target.address, credit=1)
    assert other.bodies(1) == ["from me"]


def test_temporary_queues_are_different(client: Any) -> None:
    assert dynamic_receiver(client, "1").remote_source.address != dynamic_receiver(client, "2").remote_source.address


@pytest.mark.parametrize("orderly", [True, False])
def test_a_temporary_queue_goes_with_its_connection(connect: Connect, broker: Broker, orderly: bool) -> None:
    client, other = connect(), connect()
    address = dynamic_receiver(client).remote_source.address
    receiver = other.receiver(address)
    sender = other.sender(address)
    if orderly:
        client.close()
    else:
        client.vanish()
    other.wait(lambda: receiver.state & Endpoint.REMOTE_CLOSED and sender.state & Endpoint.REMOTE_CLOSED)
    assert receiver.remote_condition.name == sender.remote_condition.name == "amqp:resource-deleted"
    other.close()
    assert broker.depths() == {}


def test_a_temporary_queue_outlives_the_link(client: Any) -> None:
    link = dynamic_receiver(client)
    address = link.remote_source.address
    link.close()
    client.wait(lambda: link.state & Endpoint.REMOTE_CLOSED)
    client.send(client.sender(address), "later")
    client.receiver(address, credit=1)
    assert client.bodies(1) == ["later"]


def test_a_sender_without_a_target_sends_to_where_each_message_says(client: Any, broker: Broker) -> None:
    client.send(client.sender(None), Message(address="a", body=1), Message(address="b", body=2))
    assert broker.depths() == {"a": 1, "b": 1}
    client.receiver("b", credit=1)
    assert client.bodies(1) == [2]
    assert "ANONYMOUS-RELAY" in list(client.connection.remote_offered_capabilities)


def test_a_message_that_says_nowhere_to_go_is_rejected(client: Any) -> None:
    delivery, = client.send(client.sender(None), Message(body="lost"))
    assert delivery.remote_state == Delivery.REJECTED
    assert delivery.remote.condition.name == "amqp:invalid-field"


def test_a_source_without_an_address_is_refused(client: Any) -> None:
    assert refused(client, client.session.receiver("r")) == "amqp:invalid-field"


def test_filters_that_are_not_applied_are_not_confirmed(client: Any) -> None:
    link = client.session.receiver("r")
    link.source.address = "q"
    link.source.filter.put_dict({"selector": "colour = 'green'"})
    client.attach(link)
    assert not client.connection.state & Endpoint.REMOTE_CLOSED
    filters = link.remote_source.filter
    filters.rewind()
    assert filters.next() is None or filters.get_object() in (None, {})


def test_a_connection_carries_on_after_a_refusal(client: Any) -> None:
    refused(client, client.session.receiver("r"))
    client.send(client.sender("q"), "x")
    client.receiver("q", credit=1, name="again")
    assert client.bodies(1) == ["x"]


def test_a_name_can_be_used_again(client: Any) -> None:
    for _ in range(3):
        receiver = client.receiver("q", credit=1)
        sender = client.sender("q")
        client.send(sender, "x")
        client.settle(client.take(1), Delivery.ACCEPTED)
        for link in (receiver, sender):
            link.close()
            client.wait(lambda: link.state & Endpoint.REMOTE_CLOSED)
            link.free()
