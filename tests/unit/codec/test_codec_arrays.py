"""Arrays of every type, described and compound elements among them (specification part 1, section 1.6.24)."""

from __future__ import annotations

import uuid

import pytest

from syncproton.codec import (
    MAX_ZERO_WIDTH, UNDESCRIBED, Array, Data, Described, byte, char, decimal32, decimal64, decimal128, decode, encode,
    float32, int32, short, symbol, timestamp, ubyte, uint, ulong, ushort,
)
from syncproton.errors import DataException

ONE = uuid.UUID(int=1)


def plain(kind, *elements):
    return Array(UNDESCRIBED, kind, *elements)


# The encoding of each array that we write, and read: the shortest, but with numbers in full width.
SHORTEST = [
    (plain(Data.NULL), "e0020040"),
    (plain(Data.NULL, None, None), "e0020240"),
    (plain(Data.BOOL, True, False), "e00402560100"),
    (plain(Data.UBYTE, ubyte(1), ubyte(255)), "e0040250" "01ff"),
    (plain(Data.BYTE, byte(1), byte(-1)), "e0040251" "01ff"),
    (plain(Data.USHORT, ushort(1), ushort(65535)), "e0060260" "0001ffff"),
    (plain(Data.SHORT, short(1), short(-1)), "e0060261" "0001ffff"),
    (plain(Data.UINT, uint(0), uint(256)), "e00a0270" "0000000000000100"),
    (plain(Data.INT, int32(1), int32(-1)), "e00a0271" "00000001ffffffff"),
    (plain(Data.ULONG, ulong(256)), "e00a0180" "0000000000000100"),
    (plain(Data.LONG, -129), "e00a0181" "ffffffffffffff7f"),
    (plain(Data.FLOAT, float32(1.0)), "e0060172" "3f800000"),
    (plain(Data.DOUBLE, 1.0), "e00a0182" "3ff0000000000000"),
    (plain(Data.DECIMAL32, decimal32(7)), "e0060174" "00000007"),
    (plain(Data.DECIMAL64, decimal64(7)), "e00a0184" "0000000000000007"),
    (plain(Data.DECIMAL128, decimal128(bytes(16))), "e0120194" + "00" * 16),
    (plain(Data.CHAR, char("a"), char("\u20ac")), "e00a0273" "00000061000020ac"),
    (plain(Data.TIMESTAMP, timestamp(-1)), "e00a0183" "ffffffffffffffff"),
    (plain(Data.UUID, ONE), "e0120198" + "00" * 15 + "01"),
    (plain(Data.BINARY, b"", b"ab"), "e00602a0" "00026162"),
    (plain(Data.STRING, "", "\u20ac"), "e00702a1" "0003e282ac"),
    (plain(Data.SYMBOL, symbol("a"), symbol("b")), "e00602a3" "01610162"),
    (plain(Data.SYMBOL, symbol("a"), symbol("b" * 256)),
     "f00000010e00000002b3" "0000000161" "00000100" + "62" * 256),
    (plain(Data.LIST, [], [1]), "e00802c0" "0100" "03015501"),
    (plain(Data.LIST, [b"x" * 300]), "f00000013e00000001d0" "0000013500000001" "b00000012c" + "78" * 300),
    (plain(Data.MAP, {}, {1: 2}), "e00a02c1" "0100" "050255015502"),
    (plain(Data.ARRAY, plain(Data.INT, int32(5)), plain(Data.STRING)), "e00c02e0" "060171" "00000005" "0200a1"),
    (plain(Data.ARRAY, plain(Data.ARRAY, plain(Data.NULL))), "e00801e0" "0501e0" "020040"),
    (plain(Data.INT), "e0020071"),
    (Array(symbol("d"), Data.INT, int32(1), int32(2)), "e00e0200a3016471" "0000000100000002"),
    (Array(ulong(1), Data.LIST, [1], []), "e00b02005301c0" "03015501" "0100"),
    (Array(None, Data.STRING, "a"), "e006010040a1" "0161"),
    (Array(Described(1, 2), Data.UBYTE, ubyte(3)), "e009010000" "55015502" "5003"),
    (Array("a", Data.DESCRIBED, Described("b", ubyte(1)), Described("b", ubyte(2))),
     "e00c02" "00a10161" "00a10162" "500102"),
]

# Arrays as others may write them.
LONGER = [
    (plain(Data.BOOL, True, True), "e0020241"),
    (plain(Data.BOOL, False), "e0020142"),
    (plain(Data.UINT, uint(0), uint(0)), "e0020243"),
    (plain(Data.ULONG, ulong(0), ulong(0)), "e0020244"),
    (plain(Data.LIST, [], []), "e0020245"),
    (plain(Data.UINT, uint(0), uint(255)), "e0040252" "00ff"),
    (plain(Data.INT, int32(-128), int32(127)), "e0040254" "807f"),
    (plain(Data.ULONG, ulong(0), ulong(255)), "e0040253" "00ff"),
    (plain(Data.LONG, -128, 127), "e0040255" "807f"),
    (plain(Data.INT, int32(1)), "f0000000090000000171" "00000001"),
    (plain(Data.STRING, "a"), "f00000000a00000001b1" "0000000161"),
    (plain(Data.BINARY, b"a"), "f00000000a00000001b0" "0000000161"),
    (plain(Data.LIST, [1]), "f00000000f00000001d0" "00000006000000015501"),
    (plain(Data.MAP, {1: 2}), "f00000001100000001d1" "000000080000000255015502"),
    (plain(Data.ARRAY, plain(Data.NULL)), "f00000000e00000001f0" "000000050000000040"),
]


@pytest.mark.parametrize("value, octets", SHORTEST, ids=[octets[:24] for _, octets in SHORTEST])
def test_written_and_read(value, octets):
    encoded = bytes.fromhex(octets)
    assert encode(value).hex() == octets
    decoded, stop = decode(encoded)
    assert repr(decoded) == repr(value)
    assert decoded == value
    assert stop == len(encoded)


@pytest.mark.parametrize("value, octets", LONGER, ids=[octets[:24] for _, octets in LONGER])
def test_read(value, octets):
    decoded, stop = decode(bytes.fromhex(octets))
    assert repr(decoded) == repr(value)
    assert decoded == value
    assert stop == len(octets) // 2


def test_elements_may_be_plain_python_values():
    assert encode(plain(Data.UINT, 1, 2)) == encode(plain(Data.UINT, uint(1), uint(2)))
    assert encode(plain(Data.SYMBOL, "a")) == encode(plain(Data.SYMBOL, symbol("a")))
    assert encode(plain(Data.LIST, (1, 2))) == encode(plain(Data.LIST, [1, 2]))
    assert encode(plain(Data.BINARY, bytearray(b"a"), memoryview(b"b"))) == encode(plain(Data.BINARY, b"a", b"b"))
    assert encode(plain(Data.FLOAT, 1)) == encode(plain(Data.FLOAT, float32(1)))


def test_a_descriptor_in_each_element_is_the_array_s_descriptor():
    same = encode(plain(Data.DESCRIBED, Described("d", 1), Described("d", 2)))
    assert decode(same)[0] == Array("d", Data.LONG, 1, 2)


def test_the_width_of_the_header_follows_the_contents():
    assert encode(plain(Data.UBYTE, *[1] * 253))[:4].hex() == "e0fffd50"
    assert encode(plain(Data.UBYTE, *[1] * 254))[:10].hex() == "f000000103000000fe50"
    assert encode(plain(Data.NULL, *[None] * MAX_ZERO_WIDTH))[:4].hex() == "e002ff40"


def test_large_arrays():
    value = plain(Data.LONG, *range(100_000))
    assert decode(encode(value))[0] == value


@pytest.mark.parametrize("value", [
    plain(Data.INT, "a"),
    plain(Data.INT, None),
    plain(Data.INT, 2 ** 31),
    plain(Data.INT, 1.5),
    plain(Data.UINT, -1),
    plain(Data.UBYTE, 256),
    plain(Data.LONG, 2 ** 63),
    plain(Data.TIMESTAMP, "now"),
    plain(Data.DOUBLE, "a"),
    plain(Data.FLOAT, "a"),
    plain(Data.BOOL, "true"),
    plain(Data.NULL, 0),
    plain(Data.NULL, *[None] * (MAX_ZERO_WIDTH + 1)),
    plain(Data.STRING, b"a"),
    plain(Data.STRING, "\ud800"),
    plain(Data.SYMBOL, "\u00e9"),
    plain(Data.SYMBOL, 5),
    plain(Data.BINARY, "a"),
    plain(Data.BINARY, 5),
    plain(Data.CHAR, "ab"),
    plain(Data.CHAR, 5),
    plain(Data.UUID, "a"),
    plain(Data.UUID, 5),
    plain(Data.DECIMAL128, b"a"),
    plain(Data.LIST, {}),
    plain(Data.LIST, "ab"),
    plain(Data.LIST, [object()]),
    plain(Data.MAP, []),
    plain(Data.ARRAY, [1]),
    plain(Data.DESCRIBED),
    plain(Data.DESCRIBED, 1),
    plain(Data.DESCRIBED, Described("a", 1), Described("b", 1)),
    plain(Data.DESCRIBED, Described("a", 1), Described("a", "b")),
    plain(99, 1),
    plain(0),
    plain(None, 1),
    pytest.param(Array(object(), Data.INT, 1), id="Array(object(), Data.INT, 1)"),
], ids=lambda value: repr(value)[:40])
def test_elements_of_another_type_are_refused(value):
    with pytest.raises(DataException):
        encode(value)
