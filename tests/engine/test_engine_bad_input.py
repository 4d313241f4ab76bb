"""What cannot be told to a peer is refused where the application says it, and the connection goes on."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from wiring import End, Linked, pair, pump, receive, send

from syncproton.engine import (
    Collector, Condition, Connection, Delivery, Event, Link, TransactionalDisposition, Transport,
)
from syncproton.errors import DataException, TransportException
from syncproton.message import Message
from syncproton.security import SASL, SSL

THING = object()
#: A number that is refused is a ValueError as in Python, an OverflowError as in proton.
OVERFLOW = (ValueError, OverflowError)


def refuses(kind: Any, action: Callable[[], Any]) -> None:
    """Each of ``kind`` is what the error is one of."""
    for one in kind if isinstance(kind, tuple) else (kind,):
        with pytest.raises(one) as caught:
            action()
        assert not isinstance(caught.value, (AttributeError, LookupError))


def assert_works(linked: Linked) -> None:
    """A message goes through still."""
    send(linked.sender, b"still")
    linked.pump()
    assert receive(linked.receiver)[1] == b"still"


@pytest.mark.parametrize("name", ["container", "hostname", "user", "password", "authorization"])
def test_what_a_connection_is_called_is_text(name: str) -> None:
    connection = Connection()
    for bad in (5, b"bytes", THING):
        refuses(TypeError, lambda: setattr(connection, name, bad))
    setattr(connection, name, None)
    setattr(connection, name, "fine")


@pytest.mark.parametrize("kind, name, value", [
    (TypeError, "offered_capabilities", 5),
    (TypeError, "desired_capabilities", [THING]),
    (TypeError, "properties", 5),
    (TypeError, "properties", {5: 1}),
])
def test_connections_take_no_capabilities_and_properties_that_make_no_sense(kind: Any, name: str, value: Any) -> None:
    refuses(kind, lambda: setattr(Connection(), name, value))


@pytest.mark.parametrize("name, value", [("properties", {"a": THING}), ("offered_capabilities", ["\xe9"])])
def test_a_connection_that_cannot_be_described_does_not_open(name: str, value: Any) -> None:
    a, b = End("client", open=False), End("server", True, open=False)
    setattr(a.connection, name, value)
    refuses(DataException, a.connection.open)
    assert a.connection.state & Connection.LOCAL_UNINIT
    setattr(a.connection, name, None)
    a.connection.open()
    pump(a, b)
    assert b.connection.state & Connection.REMOTE_ACTIVE


@pytest.mark.parametrize("condition", [
    Condition("a", "b", {"x": THING}), Condition(5), Condition("a", 5), Condition("\xe9"), Condition("a", info=5),
])
def test_what_closes_with_a_reason_that_cannot_be_told_does_not_close(condition: Condition) -> None:
    linked = Linked()
    for endpoint in (linked.sender, linked.out, linked.a.connection):
        endpoint.condition = condition
        refuses(DataException, endpoint.close)
        assert endpoint.state & endpoint.LOCAL_ACTIVE
        endpoint.condition = None
    assert_works(linked)


def test_a_reason_is_a_condition() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("tag")
    for owner in (linked.sender, linked.out, linked.a.connection, linked.a.transport, delivery.local):
        refuses(TypeError, lambda: setattr(owner, "condition", "because"))
        owner.condition = None


@pytest.mark.parametrize("kind, name, value", [
    (TypeError, "snd_settle_mode", "x"), (TypeError, "rcv_settle_mode", None), (OVERFLOW, "snd_settle_mode", -1),
    (TypeError, "max_message_size", "x"), (OVERFLOW, "max_message_size", -1), (TypeError, "properties", 5),
])
def test_settings_of_a_link(kind: Any, name: str, value: Any) -> None:
    linked = Linked()
    link = linked.out.sender("other")
    refuses(kind, lambda: setattr(link, name, value))


@pytest.mark.parametrize("kind, name, value", [
    (TypeError, "address", 5), (TypeError, "address", b"x"), (TypeError, "durability", "x"), (OVERFLOW, "timeout", -1),
    (TypeError, "timeout", 1.5), (OVERFLOW, "timeout", 1 << 32), (TypeError, "expiry_policy", "never"),
    (TypeError, "distribution_mode", "copy"), (OVERFLOW, "type", 9),
])
def test_settings_of_a_terminus(kind: Any, name: str, value: Any) -> None:
    link = Connection().session().receiver("link")
    refuses(kind, lambda: setattr(link.source, name, value))
    refuses(kind, lambda: setattr(link.target, name, value))


def bad_capabilities(link: Link) -> None:
    link.source.capabilities.put_object(5)


def bad_properties(link: Link) -> None:
    link.properties = {"a": THING}


@pytest.mark.parametrize("spoil", [bad_capabilities, bad_properties])
def test_a_link_that_cannot_be_described_does_not_open(spoil: Callable[[Link], None]) -> None:
    linked = Linked()
    link = linked.out.receiver("other")
    spoil(link)
    refuses(DataException, link.open)
    assert link.state & Link.LOCAL_UNINIT
    link.free()
    assert_works(linked)


@pytest.mark.parametrize("state, name, value", [
    (Delivery.MODIFIED, "annotations", 5), (Delivery.MODIFIED, "annotations", {"a": THING}),
    (0x34, "data", 5), (0x34, "data", [THING]), (Delivery.REJECTED, "condition", Condition("a", 5)),
])
def test_a_state_that_cannot_be_told_is_not_taken(state: int, name: str, value: Any) -> None:
    linked = Linked()
    send(linked.sender, b"x")
    linked.pump()
    delivery = linked.receiver.current
    setattr(delivery.local, name, value)
    refuses(DataException, lambda: delivery.update(state))
    assert delivery.local_state == 0
    setattr(delivery.local, name, None)
    delivery.update(Delivery.RELEASED)
    linked.pump()
    assert linked.a.transport.condition is None


@pytest.mark.parametrize("kind, state", [(TypeError, "x"), (TypeError, None), (OVERFLOW, -1), (OVERFLOW, 1 << 64)])
def test_a_state_is_a_number(kind: Any, state: Any) -> None:
    linked = Linked()
    delivery = linked.sender.delivery("tag")
    refuses(kind, lambda: delivery.update(state))
    refuses(TypeError, lambda: setattr(delivery.local, "section_number", "x"))
    refuses(OVERFLOW, lambda: setattr(delivery.local, "section_offset", -1))


@pytest.mark.parametrize("bad", [5, None, "text", THING])
def test_bytes_are_bytes(bad: Any) -> None:
    linked = Linked()
    linked.sender.delivery("tag")
    refuses(TypeError, lambda: linked.sender.stream(bad))
    refuses(TypeError, lambda: linked.a.transport.push(bad))
    if not isinstance(bad, str):
        refuses(TypeError, lambda: linked.sender.delivery(bad))
        refuses(TypeError, lambda: linked.out.sender(bad))


def test_credit_and_offers_are_numbers() -> None:
    linked = Linked()
    refuses(TypeError, lambda: linked.receiver.flow("x"))
    refuses(ValueError, lambda: linked.receiver.flow(1 << 40))
    refuses(TypeError, lambda: linked.receiver.drain("x"))
    refuses(TypeError, lambda: linked.sender.offered("x"))
    refuses(OVERFLOW, lambda: linked.sender.offered(-1))
    linked.pump()


@pytest.mark.parametrize("kind, name, value", [
    (TypeError, "max_frame_size", "x"), (OVERFLOW, "max_frame_size", -1),
    (OVERFLOW, "max_frame_size", 1 << 40), (OVERFLOW, "channel_max", -1), (OVERFLOW, "idle_timeout", -1),
    (OVERFLOW, "idle_timeout", 1e12), (ValueError, "idle_timeout", float("nan")), (ValueError, "idle_timeout", "x"),
])
def test_settings_of_a_transport(kind: Any, name: str, value: Any) -> None:
    refuses(kind, lambda: setattr(Transport(), name, value))


@pytest.mark.parametrize("kind, name, value", [
    (TypeError, "incoming_capacity", "x"), (OVERFLOW, "incoming_capacity", -1), (TypeError, "outgoing_window", "x"),
    (OVERFLOW, "outgoing_window", 1 << 40),
])
def test_settings_of_a_session(kind: Any, name: str, value: Any) -> None:
    refuses(kind, lambda: setattr(Connection().session(), name, value))


def test_sizes_and_times_given_to_a_transport() -> None:
    a, b = pair()
    for take in (a.transport.peek, a.transport.pop):
        refuses(OVERFLOW, lambda: take(-1))
        refuses(TypeError, lambda: take("x"))
        refuses(TypeError, lambda: take(None))
    refuses(TransportException, lambda: a.transport.pop(1 << 40))
    refuses(ValueError, lambda: a.transport.tick("x"))
    refuses(TypeError, lambda: a.transport.tick(None))
    pump(a, b)
    assert a.transport.condition is None


def test_things_of_the_wrong_kind() -> None:
    refuses(TypeError, lambda: Transport().bind(None))
    refuses(TypeError, lambda: Transport().bind(THING))
    refuses(TypeError, lambda: Transport().bind_nothrow(THING))
    refuses(TypeError, lambda: Connection().collect(THING))
    refuses(TypeError, lambda: SASL(None))
    refuses(TypeError, lambda: SSL(None))
    refuses(TransportException, lambda: Transport("client"))
    refuses(TypeError, lambda: Transport().ssl(THING))
    refuses(TypeError, lambda: TransactionalDisposition(b"id", THING))
    sender = Connection().session().sender("link")
    sender.source.address = "here"
    refuses(TypeError, lambda: sender.source.copy(THING))
    refuses(TypeError, lambda: sender.source.copy(None))
    assert sender.source.address == "here"
    refuses(TypeError, lambda: Message(body=1).send(THING))
    refuses(TypeError, lambda: Message(body=1).send(Connection().session().receiver("link")))
    refuses(TypeError, lambda: Message().recv(THING))
    connection, collector = Connection(), Collector()
    connection.collect(collector)
    event = collector.peek()
    refuses(TypeError, lambda: event.dispatch(THING, THING))
    event.dispatch(THING, Event.LINK_FLOW)
    Connection().collect(Collector())
