"""Bytes that are not AMQP: always a DecodeError, in bounded time and memory."""

from __future__ import annotations

import uuid

import pytest
from bounds import MEGABYTE, spending_no_more_than, using_no_more_than

from syncproton.codec import (
    MAX_NESTING, MAX_ZERO_WIDTH, UNDESCRIBED, Array, Data, Described, char, decimal128, decode, decode_fields, encode,
    float32, int32, symbol, timestamp, ubyte, uint, ulong,
)
from syncproton.errors import DataException, DecodeError

EVERYTHING = [
    None, True, False, ubyte(1), uint(0), uint(1), uint(1000), ulong(0), ulong(1), ulong(2 ** 60), int32(1),
    int32(1000), 1, 1000, 1.5, float32(1.5), timestamp(1), char("a"), decimal128(bytes(16)), uuid.UUID(int=1),
    b"abc", b"x" * 300,
    "abc", "x" * 300, symbol("abc"), symbol("x" * 300), [], [1, "a", [b"b"]], ["x" * 300], {}, {"a": {"b": 1}},
    {"a": "x" * 300}, Described(ulong(0x70), [True]), Array(UNDESCRIBED, Data.INT, 1, 2),
    Array(UNDESCRIBED, Data.STRING, "a", "x" * 300), Array("d", Data.LIST, [1], []), Array("d", Data.MAP, {1: 2}),
    Array(UNDESCRIBED, Data.ARRAY, Array(UNDESCRIBED, Data.BYTE, 1), Array("a", Data.NULL, None)),
]
BOMB = bytes.fromhex("f000000005ffffffff")  # the header of an array of 2**32 - 1 elements in no bytes at all


def refuse(octets):
    """Both readers of values refuse these bytes, and leave nothing behind."""
    with pytest.raises(DecodeError):
        decode(octets)
    data = Data()
    with pytest.raises(DecodeError):
        data.decode(octets)
    assert data.next() is None


@pytest.mark.parametrize("value", EVERYTHING, ids=lambda value: repr(value)[:40])
def test_cut_off_at_every_byte(value):
    whole = encode(value)
    for size in range(len(whole)):
        refuse(whole[:size])
        with pytest.raises(DecodeError):
            decode(whole, 0, size)
        refuse(bytes((0xC0, min(size + 1, 255), 1)) + whole[:size])


KNOWN = {
    0x00, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x60, 0x61, 0x70, 0x71, 0x72,
    0x73, 0x74, 0x80, 0x81, 0x82, 0x83, 0x84, 0x94, 0x98, 0xA0, 0xA1, 0xA3, 0xB0, 0xB1, 0xB3, 0xC0, 0xC1, 0xD0, 0xD1,
    0xE0, 0xF0,
}


@pytest.mark.parametrize("code", sorted(set(range(256)) - KNOWN), ids=hex)
def test_constructors_that_do_not_exist(code):
    unknown = bytes((code,))
    for count in (0, 1):
        refuse(bytes((0xE0, 22, count)) + unknown + bytes(20))
    refuse(unknown + bytes(20))
    refuse(b"\x00" + unknown + b"\x40")
    refuse(b"\x00\x40" + unknown)
    refuse(b"\xc0\x02\x01" + unknown)
    refuse(b"\xc1\x03\x02" + unknown + b"\x40")
    refuse(b"\xc1\x03\x02\x40" + unknown)
    refuse(b"\xe0\x04\x01\x00\x40" + unknown)


@pytest.mark.parametrize("octets", [
    "c00102", "c00101", "c001ff", "d000000004ffffffff", "d00000000400000001",
    "c10102", "c101ff", "d100000004fffffffe", "d100000004ffffffff",
    "e001ff", "e002ff54", "e002ffa1", "e002ffc0", "e002ffe0", "f000000005ffffffff54", "f000000005ffffffff98",
    "f000000005ffffffffa1", "f000000005ffffffffd0", "f000000005fffffffff0", "f000000005ffffffff00",
    "f0ffffffffffffffff54", "d0ffffffffffffffff", "d1fffffffffffffffe", "b0ffffffff", "b1ffffffff", "b3ffffffff",
], ids=str)
def test_counts_and_sizes_larger_than_what_follows(octets):
    octets = bytes.fromhex(octets)
    refuse(octets)
    refuse(b"\xc0\x03\x01" + octets)
    refuse(bytes((0xC0, len(octets) + 1, 1)) + octets)


@pytest.mark.parametrize("octets", [
    "c0020040", "c004015501" "40", "c005015501" "5502", "c1020040", "c106025501550240", "d00000000700000001550140",
    "e003005440", "e00401540102", "f00000000700000001540102", "c0040145" "4040",
], ids=str)
def test_sizes_larger_than_the_elements(octets):
    refuse(bytes.fromhex(octets))


def test_sizes_smaller_than_the_elements():
    refuse(bytes.fromhex("c002015501"))
    refuse(bytes.fromhex("c00101" "5501"))
    refuse(bytes.fromhex("e002025401" "02"))
    refuse(bytes.fromhex("c00401" "c0010155"))


def test_a_map_with_a_key_and_no_value():
    refuse(bytes.fromhex("c103015501"))
    refuse(bytes.fromhex("c1050355015502" "5503"))


@pytest.mark.parametrize("octets", [
    "a102c328", "a101ff", "a103eda080", "a102c080", "a104f4908080", "a101c3", "b100000002c328",  # not UTF-8
    "a301ff", "b30000000180",  # not ASCII
    "730000d800", "7300110000", "73ffffffff",  # not Unicode characters
    "5602", "56ff",  # not booleans
], ids=str)
def test_contents_that_are_not_of_the_type(octets):
    octets = bytes.fromhex(octets)
    refuse(octets)
    refuse(bytes((0xE0, len(octets) + 1, 1)) + octets)
    refuse(bytes((0xC0, len(octets) + 1, 1)) + octets)
    refuse(bytes((0xC1, len(octets) + 2, 2)) + octets + b"\x40")


def nested(depth, around):
    octets = b"\x40"
    for _ in range(depth):
        octets = around(octets)
    return octets


def list32(inner):
    return b"\xd0" + (len(inner) + 4).to_bytes(4, "big") + b"\0\0\0\1" + inner


def map32(inner):
    return b"\xd1" + (len(inner) + 5).to_bytes(4, "big") + b"\0\0\0\2\x40" + inner


def array32(inner):
    return b"\xf0" + (len(inner) + 4).to_bytes(4, "big") + b"\0\0\0\1" + inner


AROUND = {
    "list": list32,
    "map": map32,
    "array": array32,
    "descriptor": lambda inner: b"\0" + inner + b"\x40",
    "described": lambda inner: b"\0\x40" + inner,
    "descriptor in an array": lambda inner: array32(b"\0" + inner + b"\x40"),
}


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_nesting(around):
    decode(nested(MAX_NESTING // 2, around))
    for depth in (MAX_NESTING + 1, 5000):
        refuse(nested(depth, around))


def test_headers_of_nesting_without_an_end():
    refuse(b"\0" * 50_000)
    refuse(b"\xc0\xff\x01" * 50_000)
    refuse(b"\xd0\xff\xff\xff\xff\0\0\0\x01" * 50_000)
    refuse(b"\xe0\xff\xff" * 50_000)
    refuse(b"\xf0\0\xff\xff\xff\0\0\0\x01" * 50_000)
    refuse(b"\xf0\0\xff\xff\xff\0\0\0\x01" + b"\0\x40" * 50_000)


def test_nesting_is_allowed_up_to_the_limit():
    value = []
    for _ in range(MAX_NESTING - 2):
        value = [value]
    assert decode(encode([value]))[0] == [value]


def test_decoding_deep_in_a_program_s_stack_is_a_decode_error_too():
    octets = nested(100, list32)

    def descend(depth):
        if depth % 20 == 0:
            decode(octets)
        descend(depth + 1)

    # At some depth the stack suffices for the call, but no more for the value.
    with pytest.raises(DecodeError, match="the interpreter's stack"):
        descend(0)


@pytest.mark.parametrize("code", [0x40, 0x41, 0x42, 0x43, 0x44, 0x45])
def test_four_billion_elements_of_no_width(code):
    with spending_no_more_than(5), using_no_more_than(MEGABYTE):
        refuse(BOMB + bytes((code,)))
        refuse(bytes.fromhex("f000000007ffffffff0040") + bytes((code,)))


def test_arrays_of_no_width_are_read_up_to_the_limit():
    assert decode(bytes((0xE0, 2, MAX_ZERO_WIDTH, 0x41)))[0] == Array(UNDESCRIBED, Data.BOOL, *[True] * MAX_ZERO_WIDTH)
    refuse(bytes.fromhex("f0000000050000010041"))


def test_many_small_arrays_of_no_width_cost_little():
    many = b"\x02\x0f\x45" * 20_000
    octets = b"\xf0" + (len(many) + 5).to_bytes(4, "big") + (20_000).to_bytes(4, "big") + b"\xe0" + many
    with using_no_more_than(len(octets) * 1000):
        value, _ = decode(octets)
    assert len(value.elements) == 20_000
    assert decode(b"\xe0\x02\x0f\x45")[0] == Array(UNDESCRIBED, Data.LIST, *[[]] * 15)
    refuse(b"\xe0\x02\x10\x45")


def test_elements_of_no_width_are_not_one_object():
    lists = decode(b"\xe0\x02\x02\x45")[0].elements
    assert lists[0] is not lists[1]


@pytest.mark.parametrize("octets", ["", "40", "5501", "c10100", "a101", "c0", "c001", "c00101", "c0020155", "d0000000",
                                    "c002ff40", "d000000004ffffffff", "c00200" "40", "c004" "01" "c00101", "45"])
def test_fields(octets):
    if octets == "45":
        assert decode_fields(b"\x45") == ([], 1)
        return
    with pytest.raises(DecodeError):
        decode_fields(bytes.fromhex(octets))


def test_fields_that_end_after_the_given_end():
    octets = encode([1, 2, 3])
    with pytest.raises(DecodeError):
        decode_fields(octets + bytes(10), 0, len(octets) - 1)
    with pytest.raises(DecodeError):
        decode_fields(b"\x45", 0, 0)


def test_map_keys_that_cannot_be_keys_of_a_dict():
    for key in ({}, Array(UNDESCRIBED, Data.INT), Described(1, 2), [1, {}]):
        octets = b"\x02" + encode(key) + b"\x40"
        octets = bytes((0xC1, len(octets))) + octets
        with pytest.raises(DecodeError):
            decode(octets)
        data = Data()
        assert data.decode(octets) == len(octets)
        with pytest.raises(DataException):
            data.get_object()
        again = Data()
        assert again.decode(data.encode()) == data.encoded_size()
        assert again.format() == data.format()


def test_list_as_a_map_key_is_a_tuple():
    octets = bytes.fromhex("c10a02" "c006025501c00100" "40")
    value, _ = decode(octets)
    assert value == {(1, ()): None}
    assert decode(encode(value))[0] == value


def test_keys_that_python_holds_equal():
    assert decode(bytes.fromhex("c107" "04" "41" "5501" "5501" "40"))[0] == {1: None}
