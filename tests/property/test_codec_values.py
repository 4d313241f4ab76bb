"""Any value survives its encoding; any bytes are a value or a DecodeError; both readers of values agree."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncproton.codec import (
    UNDESCRIBED, Array, Data, Described, byte, char, decimal32, decimal64, decimal128, decode, encode, float32, int32,
    short, symbol, timestamp, ubyte, uint, ulong, ushort,
)
from syncproton.errors import DecodeError

QUICK = settings(max_examples=100, deadline=None)


def integers(kind: Any, least: int, most: int) -> st.SearchStrategy[Any]:
    return (st.integers(least, most) | st.integers(max(least, -200), min(most, 300))).map(kind)


texts = st.text(max_size=10) | st.text("a\u20ac", min_size=80, max_size=300)
binaries = st.binary(max_size=10) | st.binary(min_size=250, max_size=300)
symbols = st.text(st.characters(max_codepoint=127), max_size=300).map(symbol)
KINDS = {
    Data.NULL: st.none(),
    Data.BOOL: st.booleans(),
    Data.UBYTE: integers(ubyte, 0, 2 ** 8 - 1),
    Data.BYTE: integers(byte, -2 ** 7, 2 ** 7 - 1),
    Data.USHORT: integers(ushort, 0, 2 ** 16 - 1),
    Data.SHORT: integers(short, -2 ** 15, 2 ** 15 - 1),
    Data.UINT: integers(uint, 0, 2 ** 32 - 1),
    Data.INT: integers(int32, -2 ** 31, 2 ** 31 - 1),
    Data.CHAR: st.characters(blacklist_categories=("Cs",)).map(char),
    Data.ULONG: integers(ulong, 0, 2 ** 64 - 1),
    Data.LONG: integers(int, -2 ** 63, 2 ** 63 - 1),
    Data.TIMESTAMP: integers(timestamp, -2 ** 63, 2 ** 63 - 1),
    Data.FLOAT: st.floats(width=32, allow_nan=False).map(float32),
    Data.DOUBLE: st.floats(allow_nan=False),
    Data.DECIMAL32: integers(decimal32, 0, 2 ** 32 - 1),
    Data.DECIMAL64: integers(decimal64, 0, 2 ** 64 - 1),
    Data.DECIMAL128: st.binary(min_size=16, max_size=16).map(decimal128),
    Data.UUID: st.uuids(),
    Data.BINARY: binaries,
    Data.STRING: texts,
    Data.SYMBOL: symbols,
}
scalars = st.one_of(*KINDS.values())


def compounds(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inside, max_size=5)
    maps = st.dictionaries(scalars, inside, max_size=5)
    kinds = {**KINDS, Data.LIST: lists, Data.MAP: maps}
    arrays = st.sampled_from(sorted(kinds)).flatmap(lambda kind: st.builds(
        lambda descriptor, elements: Array(descriptor, kind, *elements),
        st.just(UNDESCRIBED) | scalars, st.lists(kinds[kind], max_size=5),
    ))
    nested_arrays = st.lists(arrays, max_size=3).map(lambda elements: Array(UNDESCRIBED, Data.ARRAY, *elements))
    return st.one_of(lists, maps, arrays, nested_arrays, st.builds(Described, inside, inside))


values = st.recursive(scalars, compounds, max_leaves=15)


@QUICK
@given(values)
def test_a_value_comes_back_equal_and_of_the_same_types(value: Any) -> None:
    encoded = encode(value)
    decoded, stop = decode(encoded)
    assert stop == len(encoded)
    assert decoded == value
    assert repr(decoded) == repr(value)


@QUICK
@given(values, st.binary(max_size=5), st.binary(max_size=5))
def test_a_value_among_other_bytes(value: Any, before: bytes, after: bytes) -> None:
    encoded = encode(value)
    end = len(before) + len(encoded)
    for kind in (bytes, bytearray, memoryview):
        assert decode(kind(before + encoded + after), len(before), end) == (value, end)
    assert decode(before + encoded + after, len(before)) == (value, end)


@QUICK
@given(values)
def test_no_beginning_of_a_value_is_a_value(value: Any) -> None:
    encoded = encode(value)
    for size in range(len(encoded)):
        with pytest.raises(DecodeError):
            decode(encoded, 0, size)
        with pytest.raises(DecodeError):
            decode(encoded[:size])


@QUICK
@given(values)
def test_data_agrees(value: Any) -> None:
    encoded = encode(value)
    data = Data()
    data.put_object(value)
    wide = data.encode()
    assert encode(decode(wide)[0]) == encoded
    other = Data()
    assert other.decode(encoded) == len(encoded)
    assert repr(other.get_object()) == repr(value)
    assert other.format() == data.format()
    data.clear()
    data.copy(other)
    assert data.encode() == wide


def damaged(value: Any, changes: Any) -> bytes:
    octets = bytearray(encode(value))
    for place, octet in changes:
        octets[place % len(octets)] = octet
    return bytes(octets)


anything = st.binary(max_size=60) | st.builds(
    damaged, values, st.lists(st.tuples(st.integers(0, 10 ** 6), st.integers(0, 255)), min_size=1, max_size=3))


def is_exact(value: Any) -> bool:
    """Not NaN, which is equal to nothing, and no map whose keys Python may hold equal."""
    if isinstance(value, float):
        return not math.isnan(value)
    if isinstance(value, (list, tuple, Array)):
        return all(is_exact(element) for element in value)
    if isinstance(value, Described):
        return is_exact(value.descriptor) and is_exact(value.value)
    return not isinstance(value, dict)


@settings(max_examples=150, deadline=None)
@given(anything)
@example(bytes.fromhex("f000000005ffffffff40"))
@example(b"\xc0\xff\xff" * 100)
def test_any_bytes_are_a_value_or_a_decode_error(octets: bytes) -> None:
    try:
        value, stop = decode(octets)
    except DecodeError:
        return
    assert 0 < stop <= len(octets)
    again, _ = decode(encode(value))
    if is_exact(value):
        assert again == value
    data = Data()
    assert data.decode(octets) == stop
    if is_exact(value):
        assert data.get_object() == value
