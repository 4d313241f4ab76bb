"""Any message that can be made comes back from its bytes; any other bytes are refused in one way only."""

from __future__ import annotations

from typing import Any, Dict, List

from hypothesis import example, given
from hypothesis import strategies as st

from syncproton.codec import Described, decimal128, float32, int32, symbol, timestamp, ubyte, uint, ulong
from syncproton.errors import MessageException
from syncproton.message import Message

texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=6) | st.text("aé", min_size=60, max_size=66)
symbols = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=6).map(symbol)
uint32s = st.integers(0, 300) | st.integers(0, 2**32 - 1)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-2**63, 2**63 - 1), st.floats(allow_nan=False), texts, symbols, st.uuids(),
    st.binary(max_size=6), st.integers(0, 255).map(ubyte), uint32s.map(uint), uint32s.map(ulong),
    st.integers(-2**31, 2**31 - 1).map(int32), st.integers(-2**63, 2**63 - 1).map(timestamp),
    st.floats(allow_nan=False, width=32).map(float32), st.binary(min_size=16, max_size=16).map(decimal128),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(texts, inner, max_size=4),
        st.builds(Described, symbols, inner),
    ),
    max_leaves=8,
)
ids = st.none() | texts | st.binary(max_size=6) | st.uuids() | st.integers(0, 2**64 - 1)
annotations = st.dictionaries(symbols | uint32s.map(ulong), values, max_size=3)
seconds = st.integers(0, 2**32 - 1).map(lambda milliseconds: milliseconds / 1000)

attributes = st.fixed_dictionaries({}, optional={
    "durable": st.booleans(), "priority": st.integers(0, 255), "ttl": seconds, "first_acquirer": st.booleans(),
    "delivery_count": uint32s, "id": ids, "user_id": st.binary(max_size=6), "address": texts, "subject": texts,
    "reply_to": texts, "correlation_id": ids, "content_type": symbols, "content_encoding": symbols,
    "expiry_time": seconds, "creation_time": seconds, "group_id": texts, "group_sequence": uint32s,
    "reply_to_group_id": texts, "properties": st.dictionaries(texts, values, max_size=4),
    "annotations": annotations, "instructions": annotations, "footer": annotations,
})
bodies = st.one_of(
    st.fixed_dictionaries({"body": values}),
    st.fixed_dictionaries({"body": st.binary(max_size=6) | st.lists(values, max_size=3), "inferred": st.just(True)}),
    st.fixed_dictionaries({"body_sections": st.lists(st.binary(max_size=6), min_size=1, max_size=4)}),
    st.fixed_dictionaries({"body_sections": st.lists(st.lists(values, max_size=3), min_size=1, max_size=4)}),
)


@given(attributes, bodies)
def test_there_and_back(described: Dict[str, Any], body: Dict[str, Any]) -> None:
    message = Message(**described, **body)
    encoded = message.encode()
    twin = Message("old", durable=True, subject="old", footer={"old": 1})
    twin.decode(encoded)
    for name in [*described, *body, "inferred", "body", "body_sections"]:
        assert getattr(twin, name) == getattr(message, name)
        assert isinstance(getattr(twin, name), type(getattr(message, name)))
    assert twin.encode() == encoded


@given(attributes, bodies, st.data())
def test_bytes_changed_on_the_way(described: Dict[str, Any], body: Dict[str, Any], data: st.DataObject) -> None:
    encoded = bytearray(Message(**described, **body).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    check_any(bytes(encoded))


# Hypothesis finds more in bytes that look like a message than in any bytes.
pieces = st.sampled_from([
    b"\0Sp", b"\0Sq", b"\0Sr", b"\0Ss", b"\0St", b"\0Su", b"\0Sv", b"\0Sw", b"\0Sx", b"\x45", b"\x40", b"\0", b"\x41",
    b"\xc0\x02\x01\x41", b"\xc1\x01\0", b"\xa0\x01a", b"\xa1\x01a", b"\xa3\x01a", b"\xb0\xff\xff\xff\xff", b"\xd0",
    b"\xe0\x03\x01\x40", b"\xf0\0\0\0\x05\xff\xff\xff\xff\x40", b"\x52\x01", b"\xc1\x04\x02\x45\x40",
    b"\xc1\x05\x02\xc1\x01\0\x40",
])


@given(st.lists(pieces | st.binary(max_size=4), max_size=12))
@example([b"\0Sw", b"\xc1\x05\x02\xc1\x01\0\x40"])
@example([b"\0", b"\xc1\x01\0", b"\x45"])
def test_any_bytes(parts: List[bytes]) -> None:
    check_any(b"".join(parts))


def check_any(encoded: bytes) -> None:
    message = Message()
    try:
        message.decode(encoded)
    except MessageException:
        assert message.encode() == Message().encode()
    else:
        repr(message)
        message.body_sections  # must not fail either
