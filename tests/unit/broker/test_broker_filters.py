"""The filters of a link: which are applied, what the peer is told, and what selectors see of a message."""

from __future__ import annotations

import uuid
from typing import Any, Callable, Dict, List

import pytest

from syncproton.broker import Broker
from syncproton.broker.fields import NAMES, resolve
from syncproton.broker.filters import Selector
from syncproton.broker.sections import read_sections
from syncproton.codec import Described, char, decimal32, encode, float32, symbol, timestamp, ubyte, ulong
from syncproton.engine import Delivery, Endpoint
from syncproton.message import Message

Connect = Callable[[], Any]

SELECTOR = symbol("apache.org:selector-filter:string")
NUMBER = ulong(0x0000468C00000004)


def filtering(client: Any, filters: Dict[Any, Any], name: str = "receiver", credit: int = 10) -> Any:
    link = client.session.receiver(name)
    link.source.address = "q"
    link.source.filter.put_dict(filters)
    client.attach(link)
    if link.state & Endpoint.REMOTE_ACTIVE:
        link.flow(credit)
    return link


def selecting(client: Any, selector: str, name: str = "receiver", credit: int = 10) -> Any:
    return filtering(client, {symbol("selector"): Described(SELECTOR, selector)}, name, credit)


def confirmed(link: Any) -> Any:
    filters = link.remote_source.filter
    filters.rewind()
    return filters.get_object() if filters.next() is not None else None


def numbered(count: int) -> List[Message]:
    return [Message(body=number, properties={"n": number}) for number in range(count)]


@pytest.mark.parametrize("descriptor", [SELECTOR, NUMBER])
@pytest.mark.parametrize("name", ["selector", "anything"])
def test_a_selector_is_applied_and_confirmed(client: Any, descriptor: Any, name: str) -> None:
    client.send(client.sender("q"), *numbered(5))
    filters = {symbol(name): Described(descriptor, "n > 2")}
    link = filtering(client, filters)
    assert confirmed(link) == filters
    client.sync()
    assert client.bodies(2) == [3, 4] and not client.received


def test_of_several_all_are_applied(client: Any) -> None:
    client.send(client.sender("q"), *numbered(5))
    filters = {symbol("a"): Described(SELECTOR, "n > 1"), symbol("b"): Described(NUMBER, "n < 3")}
    assert confirmed(filtering(client, filters)) == filters
    client.sync()
    assert client.bodies(1) == [2] and not client.received


def test_other_filters_are_neither_applied_nor_confirmed(client: Any) -> None:
    client.send(client.sender("q"), *numbered(2))
    applied = {symbol("selector"): Described(SELECTOR, "n = 1")}
    link = filtering(client, {
        symbol("no-local"): Described(symbol("apache.org:no-local-filter:list"), []),
        symbol("number"): Described(ulong(0x0000468C00000003), []), symbol("bare"): "n = 0", **applied})
    assert confirmed(link) == applied
    client.sync()
    assert client.bodies(1) == [1] and not client.received


@pytest.mark.parametrize("value, words", [
    ("n >", "the filter 'selector': bad selector, at character 4: a value is needed here, not the end"),
    ("", "empty"), (5, "a selector is a string, not int"), (None, "not NoneType"), (b"n = 1", "a selector is a string"),
    ("amqp.colour = 1", "at character 1: there is no field 'amqp.colour'"), ("(" * 10_000, "nested"),
    ("a = '" + "x" * 20_000 + "'", "characters"),
])
def test_a_bad_selector_is_refused_and_the_connection_carries_on(client: Any, broker: Broker, value: Any,
                                                                 words: str) -> None:
    link = filtering(client, {symbol("selector"): Described(SELECTOR, value)})
    client.wait(lambda: link.state & Endpoint.REMOTE_CLOSED)
    assert link.remote_condition.name == "amqp:invalid-field"
    assert words in link.remote_condition.description
    assert link.remote_source.address is None
    client.send(client.sender("q"), *numbered(1))
    selecting(client, "n = 0", "another")
    assert client.bodies(1) == [0]
    assert broker.depths() == {"q": 1}


def test_what_is_not_chosen_stays_for_others(connect: Connect, broker: Broker) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), *numbered(6))
    selecting(client, "n IN ('x') OR n >= 4")
    client.settle(client.take(2), Delivery.ACCEPTED)
    assert broker.depths() == {"q": 4}
    other.receiver("q", credit=10)
    assert other.bodies(4) == [0, 1, 2, 3]


def test_drain_ends_where_nothing_more_is_chosen(client: Any) -> None:
    client.send(client.sender("q"), *numbered(3000))
    link = selecting(client, "n = 2990", credit=0)
    link.drain(5)
    client.wait(lambda: not link.draining())
    assert client.bodies(1) == [2990] and link.drained() == 4 and link.credit == 0


def test_a_released_message_comes_again_only_to_who_chooses_it(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), *numbered(3))
    selecting(other, "n = 2")
    selecting(client, "n = 1")
    client.settle(client.take(1), Delivery.RELEASED)
    other.sync()
    assert client.bodies(1) == [1]
    assert other.bodies(1) == [2] and not other.received


def test_annotations_that_a_receiver_added_are_seen(client: Any) -> None:
    selecting(client, '"m.x-opt-mark" IS NULL', "unmarked")
    client.send(client.sender("q"), Message(body="x"))
    (delivery, _), = client.take(1)
    selecting(client, '"m.x-opt-mark" = \'seen\'', "marked")
    delivery.local.annotations = {symbol("x-opt-mark"): "seen"}
    delivery.update(Delivery.MODIFIED)
    delivery.settle()
    (delivery, _), = client.take(1)
    assert delivery.link.name == "marked"


# --- what identifiers stand for

MESSAGE = Message(
    id="one", correlation_id=uuid.UUID(int=7), subject="kind", priority=7, durable=True, creation_time=1000.5, ttl=30.0,
    expiry_time=2000.0, address="to", reply_to="back", user_id=b"me", group_id="g", group_sequence=3,
    reply_to_group_id="rg", content_type=symbol("text/plain"), content_encoding=symbol("gzip"),
    annotations={symbol("x-opt-a"): 5, symbol("y"): "v"},
    properties={"colour": "green", "n": ubyte(5), "f": float32(1.5), "s": symbol("sym"), "c": char("x"), "yes": True,
                "t": timestamp(1000), "d": decimal32(5), "b": b"bytes", "u": uuid.UUID(int=1), "none": None,
                "JMSReplyTo": "a property", "priority": "mine", "big": ulong(2 ** 64 - 1)})


def chosen(message: Message, selector: str) -> bool:
    return Selector(selector).matches(read_sections(message.encode()))


@pytest.mark.parametrize("selector", [
    "JMSPriority = 7", "JMSDeliveryMode = 'PERSISTENT'", "JMSMessageID = 'ID:one'", "JMSTimestamp = 1000500",
    "JMSCorrelationID = 'ID:AMQP_UUID:00000000-0000-0000-0000-000000000007'", "JMSType = 'kind'",
    "JMSXGroupID = 'g'", "JMSXGroupSeq = 3", "JMSXUserID = 'me'",
    "amqp.durable", "amqp.priority = 7", "amqp.ttl = 30000", "amqp.message_id = 'one'", "amqp.user_id = 'me'",
    "amqp.to = 'to'", "amqp.subject = 'kind'", "amqp.reply_to = 'back'", "amqp.creation_time = 1000500",
    "amqp.correlation_id = '00000000-0000-0000-0000-000000000007'", "amqp.content_type = 'text/plain'",
    "amqp.content_encoding = 'gzip'", "amqp.absolute_expiry_time = 2000000", "amqp.group_id = 'g'",
    "amqp.group_sequence = 3", "amqp.reply_to_group_id = 'rg'", '"m.x-opt-a" = 5', "m.y = 'v'", "m.z IS NULL",
    "colour = 'green'", "n = 5", "f = 1.5", "s = 'sym'", "c = 'x'", "yes", "t = 1000", "big = 18446744073709551615",
    "d IS NOT NULL AND NOT d = 5", "b IS NOT NULL AND NOT b = 'bytes'", "u IS NOT NULL", "none IS NULL",
    "JMSReplyTo = 'a property'", "priority = 'mine'", "missing IS NULL", "jmspriority IS NULL",
])
def test_identifiers(selector: str) -> None:
    assert chosen(MESSAGE, selector)


@pytest.mark.parametrize("selector", [
    "JMSPriority = 4", "JMSDeliveryMode = 'NON_PERSISTENT'", "JMSTimestamp = 0", "JMSMessageID IS NULL",
    "JMSCorrelationID IS NULL", "JMSType IS NULL", "amqp.priority = 4", "NOT amqp.durable", "amqp.ttl IS NULL",
    "amqp.to IS NULL", "m.x IS NULL", "colour IS NULL",
])
def test_what_is_not_there(selector: str) -> None:
    assert chosen(Message(body="x"), selector)
    # Nor where there are no sections at all, nor anything else that makes sense.
    for payload in (b"", b"nonsense", encode(Described(ulong(0x77), "x")), b"\x00\x53\x73\xc0"):
        assert Selector(selector).matches(read_sections(payload))


@pytest.mark.parametrize("id, message_id, correlation_id", [
    ("x", "ID:x", "x"), ("ID:x", "ID:x", "ID:x"), (ulong(5), "ID:5", "ID:AMQP_ULONG:5"),
    (b"\xab\xcd", "ID:ABCD", "ID:AMQP_BINARY:ABCD"),
])
def test_identifiers_of_messages_as_text(id: Any, message_id: str, correlation_id: str) -> None:
    message = Message(id=id, correlation_id=id)
    assert chosen(message, f"JMSMessageID = '{message_id}' AND JMSCorrelationID = '{correlation_id}'")


def test_every_field_has_its_name() -> None:
    assert len(NAMES) == 16
    for name in NAMES:
        assert resolve(name, 0)(read_sections(MESSAGE.encode())) is not None
