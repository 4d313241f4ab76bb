"""Message: its bytes, and bytes that are nearly a message."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from syncproton.codec import int32, symbol, ulong
from syncproton.codec.pieces import Pieces
from syncproton.codec.types import binary
from syncproton.errors import MessageException, ProtonException
from syncproton.message import Message, sections
from syncproton.message.sections import decode_large

HEADER = "00537045"
PROPERTIES = "00537345"
VALUE = "0053775401"


def decoded(text: str) -> Message:
    message = Message()
    message.decode(bytes.fromhex(text.replace(" ", "")))
    return message


def listed(*fields: str) -> str:
    """A properties section with these encoded fields."""
    contents = "".join(fields)
    return f"005373c0{len(contents) // 2 + 1:02x}{len(fields):02x}{contents}"


@pytest.mark.parametrize("attributes, wire", [
    ({}, HEADER + PROPERTIES),
    ({"durable": True}, "005370c0020141" + PROPERTIES),
    ({"priority": 0}, "005370c004024050 00" + PROPERTIES),
    ({"priority": 4, "durable": False, "ttl": 0, "delivery_count": 0}, HEADER + PROPERTIES),
    ({"ttl": 1}, "005370c00803404070000003e8" + PROPERTIES),
    ({"first_acquirer": True}, "005370c0050440404041" + PROPERTIES),
    ({"delivery_count": 1}, "005370c007054040404052 01" + PROPERTIES),
    ({"id": "a"}, HEADER + listed("a10161")),
    ({"id": 0}, HEADER + listed("44")),
    ({"id": 256}, HEADER + listed("800000000000000100")),
    ({"id": UUID(int=1)}, HEADER + listed("98" + "00" * 15 + "01")),
    ({"user_id": b""}, HEADER + listed("40", "a000")),
    ({"address": "a", "reply_to": "b"}, HEADER + listed("40", "40", "a10161", "40", "a10162")),
    ({"content_type": "t", "content_encoding": "e"}, HEADER + listed(*["40"] * 6, "a30174", "a30165")),
    ({"creation_time": -0.001}, HEADER + listed(*["40"] * 9, "83ffffffffffffffff")),
    ({"group_id": "g"}, HEADER + listed(*["40"] * 10, "a10167", "43")),
    ({"group_id": "g", "group_sequence": 256}, HEADER + listed(*["40"] * 10, "a10167", "7000000100")),
    ({"reply_to_group_id": "g"}, HEADER + listed(*["40"] * 12, "a10167")),
    ({"subject": "x" * 300}, HEADER + "005373d00000013800000004404040b10000012c" + "78" * 300),
    ({"subject": "x" * 246}, HEADER + "005373c0fc04404040a1f6" + "78" * 246),
    ({"subject": "x" * 249}, HEADER + "005373c0ff04404040a1f9" + "78" * 249),
    ({"subject": "x" * 250}, HEADER + "005373d00000010300000004404040a1fa" + "78" * 250),
    ({"instructions": {"i": 1}, "annotations": {"a": 1}, "properties": {"p": 1}, "body": 1, "footer": {"f": 1}},
     HEADER + "005371c10602a301695501 005372c10602a301615501" + PROPERTIES
     + "005374c10602a101705501 0053775501 005378c10602a301665501"),
])
def test_bytes(attributes: Any, wire: str) -> None:
    wire = wire.replace(" ", "")
    assert Message(**attributes).encode().hex() == wire
    assert decoded(wire).encode().hex() == wire
    # Sections may be missing, and defaults and nulls written out.
    assert decoded(wire.replace(HEADER, "").replace(PROPERTIES, "")).encode().hex() == wire


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_kinds_of_bytes(kind: Any) -> None:
    message = Message()
    message.decode(kind(bytes.fromhex(VALUE)))
    assert message.body == 1 and type(message.body) is int32
    data = bytearray(bytes.fromhex("005375a00161"))
    message.decode(memoryview(data))
    data[-1] = 0
    assert message.body == b"a"


@pytest.mark.parametrize("argument", ["text", None, 5, [0]])
def test_not_bytes(argument: Any) -> None:
    with pytest.raises(TypeError):
        Message().decode(argument)


def test_encoding_is_bytes_and_leaves_the_message_alone() -> None:
    message = Message("x", group_id="g", properties={"a": 1})
    assert type(message.encode()) is bytes
    assert message.encode() == message.encode()
    assert message.group_sequence == 0


def test_empty_is_a_message() -> None:
    message = Message("old", subject="old", durable=True, inferred=True, footer={"old": 1})
    message.decode(b"")
    assert message.encode() == Message().encode()


def test_decoding_replaces_everything() -> None:
    message = Message(
        "old", inferred=True, subject="old", durable=True, properties={"old": 1}, annotations={"old": 1},
        instructions={"old": 1}, footer={"old": 1}, user_id="old")
    message.decode(bytes.fromhex(VALUE))
    assert message.encode().hex() == HEADER + PROPERTIES + VALUE


@pytest.mark.parametrize("text, attribute, value", [
    ("005370d0000000050000000141", "durable", True),
    ("005370c003015601", "durable", True),
    ("005370c003015600", "durable", False),
    ("005370c0020142", "durable", False),
    ("005370c0020140", "durable", False),
    ("00537040", "durable", False),
    ("005370c00402405004", "priority", 4),
    ("005370c003024040", "priority", 4),
    ("005370c00402405507", "priority", 7),
    ("005370c0050340405264", "ttl", 0.1),
    ("005370c0050340405464", "ttl", 0.1),
    ("005370c00c034040800000000000000064", "ttl", 0.1),
    ("005370c00403404043", "ttl", 0.0),
    ("00800000000000000070c0020141", "durable", True),
    ("00a310616d71703a6865616465723a6c697374c0020141", "durable", True),
    ("00a310616d71703a646174613a62696e617279a00161", "body", b"a"),
    (listed("a30161"), "id", "a"),
    (listed("5401"), "id", 1),
    (listed("44"), "id", 0),
    (listed("80ffffffffffffffff"), "id", 2**64 - 1),
    (listed("b00000000161"), "id", b"a"),
    (listed("40", "a10161"), "user_id", b"a"),
    (listed("40", "40", "b10000000161"), "address", "a"),
    (listed("40", "40", "a30161"), "address", "a"),
    (listed(*["40"] * 6, "a10161"), "content_type", symbol("a")),
    (listed(*["40"] * 9, "5505"), "creation_time", 0.005),
    (listed(*["40"] * 11, "5405"), "group_sequence", 5),
    (listed(*["40"] * 11, "43"), "group_sequence", 0),
    (listed(*["40"] * 13), "reply_to_group_id", None),
    ("00537340", "subject", None),
    ("00537440", "properties", None),
    ("005374c10502a3016143", "properties", {symbol("a"): 0}),
    ("005374c104025501 43", "properties", {1: 0}),
    ("00537240", "annotations", None),
    ("005372c10502a1016143", "annotations", {"a": 0}),
    ("005372c104025301 43", "annotations", {ulong(1): 0}),
    ("005378c10100", "footer", {}),
])
def test_what_is_accepted(text: str, attribute: str, value: Any) -> None:
    message = decoded(text)
    got = getattr(message, attribute)
    assert got == value and isinstance(got, type(value))
    if attribute != "properties":  # these must have keys that are strings to be sent
        assert getattr(decoded(message.encode().hex()), attribute) == value


@pytest.mark.parametrize("text", [
    "00", "0053", "005370", "005373", "005377", "005375", "005376", "005375a0", "005375b0000000", "005375a00561",
    "005375b0ffffffff61", VALUE[:-2], "005377a10561", "005370c0", "005370c005", "005370c00501", "005373d000000005",
    "005377d0ffffffffffffffff", "005377c1", "005377 98 00", "00a30561",
])
def test_cut_short(text: str) -> None:
    with pytest.raises(MessageException):
        decoded(text)


def test_every_cut_of_a_message() -> None:
    whole = Message(
        {"a": [1, b"x", UUID(int=1)]}, durable=True, subject="s" * 300, id=2**60, properties={"p": 1.5, "q": "r"},
        annotations={"a": "b"}, footer={"f": 1}).encode()
    wholes = 0
    for size in range(len(whole)):
        message = Message()
        try:
            message.decode(whole[:size])
        except MessageException:
            assert message.encode() == Message().encode()
        else:
            wholes += 1
    assert wholes == 6  # nothing, and after each section but the last


@pytest.mark.parametrize("text", [
    VALUE + "ff", VALUE + "00", VALUE + "0000", VALUE + "40", VALUE + "5401", HEADER + PROPERTIES + VALUE + "005305",
    "5401", "45", "40", "ff", "a10161",
])
def test_something_else_before_or_after(text: str) -> None:
    with pytest.raises(MessageException):
        decoded(text)


@pytest.mark.parametrize("text, named", [
    (PROPERTIES + HEADER, "header section after the properties"),
    (VALUE + HEADER, "header section after the amqp-value"),
    (HEADER + HEADER, "header section after the header"),
    (PROPERTIES + PROPERTIES, "properties section after the properties"),
    ("005372c10100" "005371c10100", "delivery-annotations section after the message-annotations"),
    (VALUE + VALUE, "amqp-value section after the amqp-value"),
    (VALUE + "005375a000", "data section after the amqp-value"),
    ("005375a000" + VALUE, "amqp-value section after a data"),
    ("005375a000" "00537645", "amqp-sequence section after a data"),
    ("00537645" + VALUE, "amqp-value section after a amqp-sequence"),
    ("005378c10100" + VALUE, "amqp-value section after the footer"),
    ("00537f45", "0x7f"), ("00531045", "0x10"), ("005345", "0x45"), ("00a3017845", "symbol"),
    ("0080000000000000017045", "ulong"), ("00527045", "uint"), ("00547045", "int32"), ("00a1017743", "'w'"),
    ("00c1010045", "{}"), ("004543", r"\[\]"), ("0000537053704143", "Described"), ("00414043", "True"),
])
def test_unknown_and_misplaced_sections(text: str, named: str) -> None:
    with pytest.raises(MessageException, match=named):
        decoded(text)


@pytest.mark.parametrize("text", [
    "005370c10100", "0053705401", "005370a10161", "005370c00401a10161", "005370c0040240a100", "005370c003015602",
    "005370c0070541404040404040", "005370c006064141414141 41", "005370c00105", "005370c0500141", "005370c0030141",
    "005370c00502406001 00", "005370c00402405501ff", "005370c00402405 5ff", "005370c00b03404055ff",
    "005370d0000000050000000241", "005370e00402500102",
    listed("41"), listed("823ff8000000000000"), listed("45"), listed("005301a10161"), listed("c10100"),
    listed("54ff"), listed("40", "45"), listed("40", "40", "5401"), listed("40", "40", "a00161"),
    listed("40", "40", "a101ff"), listed("40", "40", "005301a10161"), listed(*["40"] * 6, "a301ff"),
    listed(*["40"] * 8, "a10161"), listed(*["40"] * 8, "80ffffffffffffffff") + "00", listed(*["40"] * 11, "55ff"),
    listed(*["40"] * 14), listed("ff"),
    "00537445", "0053745401", "005374c1020143", "005374c10402a101ff43", "00537245", "00537145", "00537845",
    "00537540", "005375a10161", "00537545", "005375e00402500102", "00537640", "005376c10100", "005376a10161",
    "005376e00402500102", "005376f0000000060000000254", "005377a101ff", "005377a301ff", "00537756 02", "0053773f",
    "005377c0020243", "005377c0030143", "005377f000000009ffffffff40", "005377c105 02 c10100 43",
    "005377" + "c0ff01" * 10, "005377" + "d0000000ff00000001" * 20,
])
def test_malformed_sections(text: str) -> None:
    message = Message("old", subject="old")
    with pytest.raises(MessageException) as caught:
        message.decode(bytes.fromhex(text.replace(" ", "")))
    assert isinstance(caught.value, ProtonException)
    assert message.encode() == Message().encode()


@pytest.mark.parametrize("opening, closing", [("c0", "45"), ("d0", "45"), ("00", "")])
def test_nested_thousands_deep(opening: str, closing: str) -> None:
    value = bytes.fromhex("45")
    for _ in range(5000):
        if opening == "00":
            value = b"\0\x43" + value
        else:
            value = b"\xd0" + (len(value) + 4).to_bytes(4, "big") + b"\0\0\0\x01" + value
    for head in ("005377", "005374d10000000800000002 a10161"):
        with pytest.raises(MessageException):
            Message().decode(bytes.fromhex(head.replace(" ", "")) + value)


def test_deep_but_not_too_deep() -> None:
    body: Any = []
    for _ in range(100):
        body = [body]
    message = Message()
    message.decode(Message(body).encode())
    assert message.body == body


# --- long messages


@pytest.mark.parametrize("inferred", [False, True])
@pytest.mark.parametrize("body", [b"x" * 70000, "y" * 70000, [1] * 70000, {"a": b"z" * 70000}, b"x" * 200, None])
@pytest.mark.parametrize("more", [
    {}, {"id": 5, "properties": {"a": 1}, "annotations": {"k": 2}, "address": "q", "durable": True},
    {"properties": {"k": "v" * 5000}}, {"footer": {"x": 1}},
])
def test_a_long_message_is_the_same_without_a_copy(body: Any, inferred: bool, more: Any) -> None:
    encoded = Message(body=body, inferred=inferred, **more).encode()
    message, given = Message(), Pieces(encoded)
    short_cut = decode_large(message, given)
    small = not more or "id" in more
    assert short_cut is (isinstance(body, bytes) and len(body) > 255 and small)
    assert given.take_all() == (b"" if short_cut else encoded)
    if short_cut:
        assert message.encode() == encoded and message.inferred is inferred
        assert message.body == body and type(message.body) is binary


@pytest.mark.parametrize("damage", [
    b"\0Sp\xc0\x02\x01\x55\0Sw\xb0", b"\0Ss\xc0\xff\x0d", b"\0SpE\0SpE\0Sw\xb0", b"\0Sz\xb0", b"\1", b"", b"\0Sw\xb0",
])
def test_what_is_no_long_message_is_left_as_it_is(damage: bytes) -> None:
    given = Pieces(damage)
    assert not decode_large(Message(), given)
    assert given.take_all() == damage


@pytest.mark.parametrize("size", [70000, 8 << 20])
def test_of_long_messages_only_the_last_is_kept_and_not_a_very_long_one(size: int) -> None:
    for _ in range(2):
        message = Message()
        assert decode_large(message, Pieces(Message(body=b"x" * size).encode()))
        assert len(message.body) == size
    assert len(sections._kept) == (size if size < 1 << 20 else 0)
