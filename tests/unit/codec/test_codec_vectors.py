"""Every encoding of every primitive type, against byte vectors written by hand from the specification, part 1."""

from __future__ import annotations

import math
import uuid

import pytest

from syncproton.codec import (
    Described, byte, char, decimal32, decimal64, decimal128, decode, encode, float32, int32, short, symbol, timestamp,
    ubyte, uint, ulong, ushort,
)
from syncproton.codec.types import binary

LONG = "x" * 256
LONG_HEX = "78" * 256
UUID_HEX = "00112233445566778899aabbccddeeff"

# The shortest encoding of each value: it is what we write, and read.
SHORTEST = [
    (None, "40"),
    (True, "41"),
    (False, "42"),
    (ubyte(0), "5000"),
    (ubyte(255), "50ff"),
    (ushort(0), "600000"),
    (ushort(65535), "60ffff"),
    (uint(0), "43"),
    (uint(1), "5201"),
    (uint(255), "52ff"),
    (uint(256), "7000000100"),
    (uint(2 ** 32 - 1), "70ffffffff"),
    (ulong(0), "44"),
    (ulong(1), "5301"),
    (ulong(255), "53ff"),
    (ulong(256), "800000000000000100"),
    (ulong(2 ** 64 - 1), "80ffffffffffffffff"),
    (byte(-128), "5180"),
    (byte(127), "517f"),
    (short(-32768), "618000"),
    (short(32767), "617fff"),
    (int32(0), "5400"),
    (int32(-1), "54ff"),
    (int32(-128), "5480"),
    (int32(127), "547f"),
    (int32(128), "7100000080"),
    (int32(-129), "71ffffff7f"),
    (int32(2 ** 31 - 1), "717fffffff"),
    (int32(-2 ** 31), "7180000000"),
    (0, "5500"),
    (-1, "55ff"),
    (-128, "5580"),
    (127, "557f"),
    (128, "810000000000000080"),
    (-129, "81ffffffffffffff7f"),
    (2 ** 63 - 1, "817fffffffffffffff"),
    (-2 ** 63, "818000000000000000"),
    (float32(0.0), "7200000000"),
    (float32(-1.5), "72bfc00000"),
    (float32(math.inf), "727f800000"),
    (0.0, "820000000000000000"),
    (0.1, "823fb999999999999a"),
    (-math.inf, "82fff0000000000000"),
    (decimal32(0x22500001), "7422500001"),
    (decimal64(0x2234000000000001), "842234000000000001"),
    (decimal128(bytes(range(16))), "94000102030405060708090a0b0c0d0e0f"),
    (char("A"), "7300000041"),
    (char("\U0001f600"), "730001f600"),
    (timestamp(0), "830000000000000000"),
    (timestamp(1311704463521), "830000013167adb8a1"),
    (timestamp(-1), "83ffffffffffffffff"),
    (uuid.UUID(UUID_HEX), "98" + UUID_HEX),
    (b"", "a000"),
    (b"\x00\xff", "a00200ff"),
    (b"x" * 255, "a0ff" + "78" * 255),
    (LONG.encode(), "b000000100" + LONG_HEX),
    ("", "a100"),
    ("h\u00e9llo", "a10668c3a96c6c6f"),
    ("\u20ac" * 85, "a1ff" + "e282ac" * 85),
    ("\u20ac" * 86, "b100000102" + "e282ac" * 86),
    (LONG, "b100000100" + LONG_HEX),
    (symbol(""), "a300"),
    (symbol("amqp:accepted:list"), "a312616d71703a61636365707465643a6c697374"),
    (symbol(LONG), "b300000100" + LONG_HEX),
    ([], "45"),
    ([None], "c0020140"),
    ([1, "a", [True]], "c00a035501a10161c0020141"),
    ([None] * 254, "c0fffe" + "40" * 254),
    ([None] * 255, "d000000103000000ff" + "40" * 255),
    ([None] * 256, "d00000010400000100" + "40" * 256),
    ({}, "c10100"),
    ({"a": 1, symbol("b"): None}, "c10a04a101615501a3016240"),
    ({int32(0): b"x" * 248}, "c1fd025400a0f8" + "78" * 248),
    ({int32(0): b"x" * 251}, "d10000010300000002" + "5400a0fb" + "78" * 251),
    (Described(ulong(0x24), []), "00532445"),
    (Described(symbol("d"), "v"), "00a30164a10176"),
    (Described(Described(1, 2), Described(3, 4)), "00005501550200" + "55035504"),
]

# Longer encodings of values: read, never written.
LONGER = [
    (True, "5601"),
    (False, "5600"),
    (uint(0), "5200"),
    (uint(0), "7000000000"),
    (uint(7), "7000000007"),
    (ulong(0), "5300"),
    (ulong(7), "800000000000000007"),
    (int32(-7), "71fffffff9"),
    (-7, "81fffffffffffffff9"),
    (b"", "b000000000"),
    (b"a", "b00000000161"),
    ("", "b100000000"),
    ("a", "b10000000161"),
    (symbol(""), "b300000000"),
    (symbol("a"), "b30000000161"),
    ([], "c00100"),
    ([], "d00000000400000000"),
    ([1], "d000000006000000015501"),
    ({}, "d10000000400000000"),
    ({1: 2}, "d1000000080000000255015502"),
]


def plain(value):
    """The type of a value; that of binary which was read is a kind of bytes."""
    return bytes if type(value) is binary else type(value)


def same(one, other):
    """Equal, and of the same types all through."""
    return one == other and repr(one) == repr(other) and plain(one) is plain(other)


@pytest.mark.parametrize("value, octets", SHORTEST, ids=[octets[:20] for _, octets in SHORTEST])
def test_written_and_read(value, octets):
    encoded = bytes.fromhex(octets)
    assert encode(value) == encoded
    decoded, stop = decode(encoded)
    assert same(decoded, value)
    assert stop == len(encoded)


@pytest.mark.parametrize("value, octets", LONGER, ids=[octets[:20] for _, octets in LONGER])
def test_read(value, octets):
    decoded, stop = decode(bytes.fromhex(octets))
    assert same(decoded, value)
    assert stop == len(octets) // 2
    assert len(encode(value)) < stop


@pytest.mark.parametrize("octets", ["727fc00000", "827ff8000000000000"])
def test_not_a_number(octets):
    value, _ = decode(bytes.fromhex(octets))
    assert math.isnan(value)
    assert encode(value).hex() == octets


def test_float_is_rounded_to_single_precision():
    assert encode(float32(1.1)).hex() == "723f8ccccd"
    assert encode(float32(1e300)).hex() == "727f800000"
    assert encode(float32(-1e300)).hex() == "72ff800000"


def test_every_encoding_of_the_specification_is_covered():
    codes = {int(octets[:2], 16) for _, octets in SHORTEST + LONGER}
    primitives = {
        0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x60, 0x61, 0x70, 0x71, 0x72,
        0x73, 0x74, 0x80, 0x81, 0x82, 0x83, 0x84, 0x94, 0x98, 0xA0, 0xA1, 0xA3, 0xB0, 0xB1, 0xB3, 0xC0, 0xC1,
        0xD0, 0xD1,
    }
    assert codes == primitives | {0x00}
