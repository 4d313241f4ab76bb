"""Message: attributes, their defaults, conversions and refusals, and what a message looks like."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from syncproton.codec import AnnotationDict, char, symbol, ubyte, uint, ulong
from syncproton.errors import MessageException
from syncproton.message import Message

DEFAULTS = {
    "address": None, "annotations": None, "body": None, "body_sections": [], "content_encoding": symbol("None"),
    "content_type": symbol("None"), "correlation_id": None, "creation_time": 0.0, "delivery_count": 0,
    "durable": False, "expiry_time": 0.0, "first_acquirer": False, "footer": None, "group_id": None,
    "group_sequence": 0, "id": None, "inferred": False, "instructions": None, "priority": 4, "properties": None,
    "reply_to": None, "reply_to_group_id": None, "subject": None, "ttl": 0.0, "user_id": b"",
}
SAMPLES = {
    "address": "a", "annotations": {symbol("x"): 1}, "body": "b", "content_encoding": symbol("gzip"),
    "content_type": symbol("text/plain"), "correlation_id": b"c", "creation_time": 1.5, "delivery_count": 7,
    "durable": True, "expiry_time": -2.25, "first_acquirer": True, "footer": {symbol("f"): b"hash"},
    "group_id": "g", "group_sequence": 2**32 - 1, "id": UUID(int=5), "instructions": {ulong(3): "i"}, "priority": 0,
    "properties": {"p": [1, {"q": None}]}, "reply_to": "r", "reply_to_group_id": "rg", "subject": "s", "ttl": 60.0,
    "user_id": b"me",
}


def there_and_back(message: Message) -> Message:
    twin = Message()
    twin.decode(message.encode())
    return twin


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_default(name: str) -> None:
    for message in (Message(), there_and_back(Message()), there_and_back(Message(durable=True, subject=""))):
        if name in ("durable", "subject") and getattr(message, "durable"):
            continue
        value = getattr(message, name)
        assert value == DEFAULTS[name]
        assert type(value) is type(DEFAULTS[name])


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_set_sent_and_cleared(name: str) -> None:
    message = Message(**{name: SAMPLES[name]})
    twin = there_and_back(message)
    for one in (message, twin):
        assert getattr(one, name) == SAMPLES[name]
    for other in DEFAULTS:
        if other != name:
            assert getattr(twin, other) == DEFAULTS[other]
    twin.clear()
    assert getattr(twin, name) == DEFAULTS[name]
    assert twin.encode() == Message().encode()


def test_everything_at_once() -> None:
    twin = there_and_back(Message(**SAMPLES))
    assert {name: getattr(twin, name) for name in SAMPLES} == SAMPLES
    assert twin.encode() == Message(**SAMPLES).encode()


def test_misspelt_keyword_is_named() -> None:
    with pytest.raises(TypeError, match="'adress'"):
        Message(adress="a")
    with pytest.raises(TypeError, match="'encode'"):
        Message(encode=1)


@pytest.mark.parametrize("seconds, kept", [
    (1, 1.0), (1.9999, 1.999), (0.0004, 0.0), (Decimal("1.5"), 1.5), (4294967.295, 4294967.295), (True, 1.0),
])
def test_seconds_are_cut_to_milliseconds(seconds: Any, kept: float) -> None:
    message = Message(ttl=seconds, expiry_time=seconds, creation_time=seconds)
    for one in (message, there_and_back(message)):
        assert (one.ttl, one.expiry_time, one.creation_time) == (kept, kept, kept)


@pytest.mark.parametrize("name", ["ttl", "expiry_time", "creation_time"])
@pytest.mark.parametrize("value, error", [
    (None, TypeError), ("5", TypeError), (b"5", TypeError), ([1], TypeError), (float("nan"), ValueError),
    (float("inf"), OverflowError), (1e300, OverflowError), (2**64, OverflowError),
])
def test_no_time(name: str, value: Any, error: type) -> None:
    message = Message()
    with pytest.raises(error):
        setattr(message, name, value)
    assert getattr(message, name) == 0.0


@pytest.mark.parametrize("name, most", [("priority", 2**8 - 1), ("delivery_count", 2**32 - 1),
                                        ("group_sequence", 2**32 - 1)])
def test_numbers(name: str, most: int) -> None:
    for value in (0, 1, 4, 200, most, uint(3), ubyte(3), True):
        message = Message(**{name: value})
        for one in (message, there_and_back(message)):
            assert getattr(one, name) == value
            assert type(getattr(one, name)) is int
    for value in (-1, most + 1):
        with pytest.raises(OverflowError):
            Message(**{name: value})
    for wrong in (None, 1.0, "1"):
        with pytest.raises(TypeError):
            Message(**{name: wrong})


def test_ttl_does_not_fit() -> None:
    for seconds in (-1, 4294967.296):
        with pytest.raises(OverflowError):
            Message(ttl=seconds)


@pytest.mark.parametrize("name", ["address", "subject", "reply_to", "group_id", "reply_to_group_id"])
def test_texts(name: str) -> None:
    for value in ("", "a", "né", "x" * 300, "ü" * 63, "ü" * 64, "a\0b"):
        message = Message(**{name: value})
        for one in (message, there_and_back(message)):
            assert getattr(one, name) == value
    setattr(message, name, symbol("s"))
    assert type(getattr(message, name)) is str
    setattr(message, name, None)
    assert getattr(there_and_back(message), name) is None
    for wrong in (1, b"x", []):
        with pytest.raises(TypeError):
            setattr(message, name, wrong)
    setattr(message, name, "\ud800")
    with pytest.raises(MessageException):
        message.encode()


@pytest.mark.parametrize("name", ["content_type", "content_encoding"])
def test_symbols(name: str) -> None:
    message = Message()
    assert getattr(message, name) == symbol("None") == "None"
    # Filled from another message, an unset field stays unset.
    setattr(message, name, getattr(Message(), name))
    assert message.encode() == Message().encode()
    for value in ("", "text/plain", "None", "x" * 300):
        setattr(message, name, value)
        for one in (message, there_and_back(message)):
            assert getattr(one, name) == value
            assert type(getattr(one, name)) is symbol
    assert message.encode() != Message().encode()
    setattr(message, name, None)
    assert message.encode() == Message(**{name: None}).encode()
    with pytest.raises(TypeError):
        setattr(message, name, 1)
    setattr(message, name, "né")
    with pytest.raises(MessageException):
        message.encode()


@pytest.mark.parametrize("name", ["id", "correlation_id"])
def test_message_ids(name: str) -> None:
    for value in ("", "a", "x" * 300, b"", b"x" * 300, 0, 1, 255, 256, 2**64 - 1, UUID(int=2**128 - 1)):
        message = Message(**{name: value})
        for one in (message, there_and_back(message)):
            assert getattr(one, name) == value
            assert isinstance(getattr(one, name), type(value))
    for given, kept in ((symbol("s"), "s"), (bytearray(b"b"), b"b"), (memoryview(b"b"), b"b"), (True, 1),
                        (ulong(7), 7), (uint(7), 7)):
        setattr(message, name, given)
        assert getattr(message, name) == kept and type(getattr(message, name)) is type(kept)
    setattr(message, name, None)
    assert getattr(there_and_back(message), name) is None
    for wrong in (1.5, [], {}):
        with pytest.raises(TypeError):
            setattr(message, name, wrong)
    for outside in (-1, 2**64):
        with pytest.raises(OverflowError):
            setattr(message, name, outside)


def test_user_id() -> None:
    for given, kept in (("me", b"me"), ("né", "né".encode()), (bytearray(b"x"), b"x"), (memoryview(b"x"), b"x")):
        message = Message(user_id=given)
        assert message.user_id == kept and isinstance(message.user_id, bytes)
    assert Message(user_id=b"").encode() != Message().encode()
    for wrong in (None, 5):
        with pytest.raises(TypeError):
            message.user_id = wrong  # type: ignore[assignment]


@pytest.mark.parametrize("name", ["annotations", "instructions", "footer"])
def test_annotations(name: str) -> None:
    given = {"x": 1, symbol("y"): 2, ulong(3): 3, 4: "not a key by the specification"}
    message = Message(**{name: given})
    kept = getattr(message, name)
    assert type(kept) is AnnotationDict and kept == given
    assert [type(key) for key in kept] == [symbol, symbol, ulong, int]
    kept["z"] = 5
    assert "z" not in given
    twin = there_and_back(message)
    got = getattr(twin, name)
    assert type(got) is AnnotationDict and got == {**given, "z": 5}
    assert getattr(twin, name) is got
    assert there_and_back(twin).encode() == message.encode()
    setattr(message, name, {})
    assert getattr(there_and_back(message), name) == {}
    setattr(message, name, None)
    assert message.encode() == Message().encode()
    for wrong in (5, "x", [1]):
        setattr(message, name, wrong)
        with pytest.raises(MessageException):
            message.encode()


def test_application_properties() -> None:
    properties = {"": None, "né": 1, "x" * 70: "y" * 70, "long" * 100: "l" * 300, "map": {1: [2]}, "flag": True}
    message = Message(properties=properties)
    assert message.properties is properties
    assert there_and_back(message).properties == properties
    assert there_and_back(Message(properties={})).properties == {}
    many = {str(number): number for number in range(1000)}
    assert there_and_back(Message(properties=many)).properties == many

    class Text(str):
        pass

    assert there_and_back(Message(properties={Text("k"): Text("v")})).properties == {"k": "v"}


@pytest.mark.parametrize("properties", [
    {1: 2}, {symbol("a"): 1}, {char("a"): 1}, {b"a": 1}, {None: 1}, {"a": object()}, {"a": 2**64}, {"\ud800": 1},
    {"a": "\ud800"}, [("a", 1)], "a", 5,
])
def test_application_properties_that_cannot_be_sent(properties: Any) -> None:
    with pytest.raises(MessageException):
        Message(properties=properties).encode()


def test_repr() -> None:
    assert repr(Message()) == "Message(priority=4)"
    assert str(Message(priority=0, durable=True, body=[])) == "Message(durable=True)"
    message = Message(
        body="b", inferred=True, durable=True, priority=3, ttl=2, first_acquirer=True, delivery_count=5, id="i",
        user_id=b"u", address="a", subject="s", reply_to="r", correlation_id="c", group_id="g", group_sequence=6,
        reply_to_group_id="rg", properties={"p": 1}, annotations={"a": 1}, instructions={"i": 2}, footer={"f": 3},
    )
    assert repr(message) == str(message) == (
        "Message(inferred=True, address='a', reply_to='r', durable=True, ttl=2.0, priority=3, first_acquirer=True, "
        "delivery_count=5, id='i', correlation_id='c', user_id=b'u', group_id='g', group_sequence=6, "
        "reply_to_group_id='rg', instructions=AnnotationDict({symbol('i'): 2}), "
        "annotations=AnnotationDict({symbol('a'): 1}), properties={'p': 1}, body='b', "
        "footer=AnnotationDict({symbol('f'): 3}))"
    )


def test_copies_are_independent() -> None:
    message = Message(**SAMPLES)
    message.mine = "kept"  # type: ignore[attr-defined]
    copies = [copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))]
    for twin in copies:
        assert twin.encode() == message.encode()
        assert twin.mine == "kept"
        twin.subject = "other"
        twin.durable = False
    assert message.subject == "s" and message.durable
    assert copies[0].properties is message.properties
    assert copies[1].properties is not message.properties


def test_messages_are_told_apart_by_identity() -> None:
    message = Message("x")
    assert message == message and message != Message("x")
    assert {message: 1}[message] == 1


def test_a_subclass() -> None:
    class Order(Message):
        def __init__(self, number: int) -> None:
            super().__init__(body={"number": number}, subject="order")
            self.number = number

    assert there_and_back(Order(5)).body == {"number": 5}
    assert copy.copy(Order(5)).number == 5
