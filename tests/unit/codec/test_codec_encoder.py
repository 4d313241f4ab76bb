"""What the encoder takes for what, and what it refuses."""

from __future__ import annotations

import collections
import enum
import types

import pytest

from syncproton.codec import (
    ENCODERS, UNDESCRIBED, AnnotationDict, Array, Data, Described, PropertyDict, SymbolList, byte, char, decimal32,
    decimal64, decimal128, encode, encode_into, int32, short, symbol, timestamp, ubyte,
)
from syncproton.errors import DataException

Point = collections.namedtuple("Point", "x y")


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    pass


class Small(ubyte):
    pass


@pytest.mark.parametrize("value, like", [
    ((1, 2), [1, 2]),
    (Point(1, 2), [1, 2]),
    (SymbolList(["a"]), [symbol("a")]),
    (PropertyDict(a=1), {symbol("a"): 1}),
    (AnnotationDict(a=1), {symbol("a"): 1}),
    (collections.OrderedDict(a=1), {"a": 1}),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (bytearray(b"a"), b"a"),
    (memoryview(b"a"), b"a"),
    (memoryview(b"abcd")[::2], b"ac"),
    (memoryview(b"abcd").cast("H"), b"abcd"),
    (Colour.RED, 1),
    (Name("a"), "a"),
    (Small(1), ubyte(1)),
    ({Name("a"): Colour.RED}, {"a": 1}),
    ([(1, Point(1, 2))], [[1, [1, 2]]]),
])
def test_values_that_are_encoded_alike(value, like):
    assert encode(value) == encode(like)


class Unknown:
    """Of no type that AMQP has."""

    def __repr__(self):
        return "unknown"


RECURSIVE = []
RECURSIVE.append(RECURSIVE)
RECURSIVE_MAP = {}
RECURSIVE_MAP["a"] = RECURSIVE_MAP


@pytest.mark.parametrize("value", [
    pytest.param(object(), id="object()"), Unknown(), {1}, 1j, range(3), int, Ellipsis,
    [Unknown()], {"a": Unknown()}, {Unknown(): 1}, Described(Unknown(), 1), Described(1, Unknown()),
    2 ** 63, -2 ** 63 - 1,
    byte(128), byte(-129), short(32768), int32(2 ** 31), int32(-2 ** 31 - 1), timestamp(2 ** 63),
    decimal32(-1), decimal32(2 ** 32), decimal64(-1), decimal64(2 ** 64), decimal128(b""), decimal128(bytes(17)),
    char(""), char("ab"), char("\ud800"),
    "\ud800", {"\ud800": 1}, {"\ud800" * 100: 1}, symbol("\u00e9"),
    RECURSIVE, RECURSIVE_MAP,
], ids=lambda value: repr(value)[:40])
def test_values_without_an_encoding(value):
    with pytest.raises(DataException):
        encode(value)
    out = bytearray(b"before")
    with pytest.raises(DataException):
        encode_into(out, ["text", value])
    assert out == b"before"


def test_encode_into_appends():
    out = bytearray(b"before")
    encode_into(out, [1])
    assert out == b"before" + encode([1])


def test_encoders_are_found_by_exact_type():
    out = bytearray()
    ENCODERS[int](out, 5)
    ENCODERS[Array](out, Array(UNDESCRIBED, Data.INT, 1))
    assert out == encode(5) + encode(Array(UNDESCRIBED, Data.INT, 1))


@pytest.mark.parametrize("count", [0, 1, 126, 127, 128, 255, 256, 1000])
def test_every_header_width_of_a_map(count):
    encoded = encode({number: None for number in range(count)})
    wide = encoded[0] == 0xD1
    size, counted = (encoded[1:5], encoded[5:9]) if wide else (encoded[1:2], encoded[2:3])
    assert int.from_bytes(counted, "big") == 2 * count
    assert int.from_bytes(size, "big") == len(encoded) - (5 if wide else 2)
    assert wide == (count > 126 or len(encoded) > 257)


def test_a_list_in_a_list_in_a_list_each_too_wide_for_a_byte():
    value = ["x" * 300]
    for _ in range(50):
        value = [value]
    encoded = encode(value)
    assert encoded.count(b"\xd0") == 51
    assert encoded.endswith(b"x" * 300)
