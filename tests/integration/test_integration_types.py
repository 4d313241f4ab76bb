"""Every AMQP type as a message body, through each broker and back unchanged."""

from __future__ import annotations

import uuid
from typing import Any, Iterator, List, Tuple

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import (UNDESCRIBED, Array, Data, Described, Message, byte, char, decimal32, decimal64, decimal128,
                        float32, int32, short, symbol, timestamp, ubyte, uint, ulong, ushort)
from syncproton.utils import BlockingConnection, BlockingReceiver, BlockingSender

VALUES: List[Tuple[str, Any]] = [
    ("null", None),
    ("true", True),
    ("false", False),
    ("ubyte", ubyte(0)), ("ubyte-max", ubyte(255)),
    ("ushort", ushort(0)), ("ushort-max", ushort(65535)),
    ("uint-zero", uint(0)), ("uint-small", uint(255)), ("uint-max", uint(2**32 - 1)),
    ("ulong-zero", ulong(0)), ("ulong-small", ulong(255)), ("ulong-max", ulong(2**64 - 1)),
    ("byte-min", byte(-128)), ("byte-max", byte(127)),
    ("short-min", short(-2**15)), ("short-max", short(2**15 - 1)),
    ("int-min", int32(-2**31)), ("int-small", int32(-1)), ("int-max", int32(2**31 - 1)),
    ("long-min", -2**63), ("long-small", -1), ("long-max", 2**63 - 1),
    ("float", float32(-1.5)), ("float-infinite", float32("inf")),
    ("double", 3.141592653589793), ("double-infinite", float("-inf")),
    ("decimal32", decimal32(0x22500001)),
    ("decimal64", decimal64(0x2234000000000001)),
    ("decimal128", decimal128(bytes(range(16)))),
    ("char", char("x")), ("char-wide", char("\U0001f407")),
    ("timestamp", timestamp(1700000000123)), ("timestamp-past", timestamp(-1)),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("binary", b"\x00\xff" * 8), ("binary-empty", b""), ("binary-long", bytes(range(256)) * 2),
    ("string", "caf\u00e9 \U0001f407"), ("string-empty", ""), ("string-long", "x" * 300),
    ("symbol", symbol("a-symbol")), ("symbol-long", symbol("s" * 300)),
    ("list", [1, "two", None, [ubyte(3)]]), ("list-empty", []), ("list-long", list(range(300))),
    ("map", {"a": 1, symbol("b"): {"c": [True]}, ulong(3): None}), ("map-empty", {}),
    ("array", Array(UNDESCRIBED, Data.INT, 1, 2, 300)),
    ("array-symbols", Array(UNDESCRIBED, Data.SYMBOL, symbol("a"), symbol("bc"))),
    ("array-described", Array(symbol("d"), Data.STRING, "x", "y")),
    ("described", Described(symbol("a:descriptor"), "value")),
    ("described-number", Described(ulong(0x123456789), [1, 2])),
]


@pytest.fixture(scope="module")
def links(broker: BrokerUnderTest) -> Iterator[Tuple[BlockingSender, BlockingReceiver]]:
    connection = BlockingConnection(broker.url, timeout=30)
    address = broker.address(f"types-{uuid.uuid4().hex[:12]}")
    yield connection.create_sender(address), connection.create_receiver(address)
    connection.close()


def echo(broker: BrokerUnderTest, links: Tuple[BlockingSender, BlockingReceiver], message: Message) -> Message:
    sender, receiver = links
    sender.send(message)
    received = receiver.receive(timeout=30)
    if not broker.settles_first:
        receiver.accept()
    return received


def same_types(one: Any, other: Any) -> bool:
    """Whether two equal values have the same AMQP types all the way down."""
    if type(one) is not type(other) and not (isinstance(one, bytes) and isinstance(other, bytes)):
        return False
    if isinstance(one, dict):
        return all(same_types(a, b) for pair in zip(one.items(), other.items()) for a, b in zip(*pair))
    if isinstance(one, list):
        return all(same_types(a, b) for a, b in zip(one, other))
    if isinstance(one, Described):
        return same_types(one.descriptor, other.descriptor) and same_types(one.value, other.value)
    return True


@pytest.mark.parametrize("value", [value for _, value in VALUES], ids=[name for name, _ in VALUES])
def test_a_value_is_unchanged(broker: BrokerUnderTest, links: Tuple[BlockingSender, BlockingReceiver],
                              value: Any) -> None:
    sent = {"inside": value} if isinstance(value, broker.spoiled_bodies) else value
    body = echo(broker, links, Message(body=sent)).body
    assert body == sent
    assert same_types(body, sent)


def test_not_a_number_stays_not_a_number(broker: BrokerUnderTest,
                                         links: Tuple[BlockingSender, BlockingReceiver]) -> None:
    body = echo(broker, links, Message(body=float("nan"))).body
    assert isinstance(body, float)
    assert body != body


@pytest.mark.parametrize("body", [b"data section", [1, "sequence", {"section": True}]], ids=["data", "sequence"])
def test_an_inferred_section_is_unchanged(broker: BrokerUnderTest, links: Tuple[BlockingSender, BlockingReceiver],
                                          body: Any) -> None:
    received = echo(broker, links, Message(body=body, inferred=True))
    assert received.inferred
    assert received.body == body


def test_properties_are_unchanged(broker: BrokerUnderTest, links: Tuple[BlockingSender, BlockingReceiver]) -> None:
    message = Message(
        id="an id", subject="a subject", reply_to="an answer", correlation_id=uuid.UUID(int=7), body="x",
        content_type=symbol("text/plain"), content_encoding=symbol("identity"), group_id="a group", group_sequence=7,
        reply_to_group_id="another group", durable=True, priority=7, user_id=b"guest",
        properties={"string": "text", "number": 5, "truth": True, "double": 1.25, "bytes": b"bytes"})
    received = echo(broker, links, message)
    for name in ("id", "subject", "reply_to", "correlation_id", "content_type", "content_encoding", "group_id",
                 "group_sequence", "reply_to_group_id", "durable", "priority", "user_id", "properties", "body"):
        assert getattr(received, name) == getattr(message, name), name
