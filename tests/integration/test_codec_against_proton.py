"""Thousands of values between our codec and that of the proton package: equal values, and never more bytes.

Needs the package python-qpid-proton beside syncproton.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

import proton
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncproton import codec
from syncproton.codec import Data
from syncproton.errors import DecodeError

THOUSANDS = settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))

# How the types of one library are made those of the other; the names are the same in both.
NAMES = ("ubyte", "byte", "ushort", "short", "uint", "int32", "ulong", "timestamp", "float32", "decimal32", "decimal64",
         "decimal128", "char", "symbol")
TO_PROTON: Dict[type, Callable[[Any], Any]] = {getattr(codec, name): getattr(proton, name) for name in NAMES}
TO_OURS: Dict[type, Callable[[Any], Any]] = {getattr(proton, name): getattr(codec, name) for name in NAMES}


def to_proton(value: Any) -> Any:
    if isinstance(value, codec.Described):
        return proton.Described(to_proton(value.descriptor), to_proton(value.value))
    if isinstance(value, codec.Array):
        undescribed = value.descriptor is codec.UNDESCRIBED
        descriptor = proton.UNDESCRIBED if undescribed else to_proton(value.descriptor)
        return proton.Array(descriptor, int(value.type), *map(to_proton, value.elements))
    if isinstance(value, list):
        return [to_proton(element) for element in value]
    if isinstance(value, dict):
        return {to_proton(key): to_proton(element) for key, element in value.items()}
    return TO_PROTON.get(type(value), lambda same: same)(value)


def to_ours(value: Any) -> Any:
    if isinstance(value, proton.Described):
        return codec.Described(to_ours(value.descriptor), to_ours(value.value))
    if isinstance(value, proton.Array):
        undescribed = value.descriptor is proton.UNDESCRIBED
        descriptor = codec.UNDESCRIBED if undescribed else to_ours(value.descriptor)
        return codec.Array(descriptor, value.type, *map(to_ours, value.elements))
    if isinstance(value, list):
        return [to_ours(element) for element in value]
    if isinstance(value, dict):
        return {to_ours(key): to_ours(element) for key, element in value.items()}
    if isinstance(value, memoryview):
        return value.tobytes()
    return TO_OURS.get(type(value), lambda same: same)(value)


def proton_encode(value: Any) -> bytes:
    data = proton.Data()
    data.put_object(value)
    return bytes(data.encode())


def proton_decode(octets: bytes) -> Tuple[Any, int]:
    data = proton.Data()
    size = data.decode(octets)
    data.rewind()
    data.next()
    return to_ours(data.get_object()), size  # while data lives: binary values are views of its memory


def integers(kind: Any, least: int, most: int) -> st.SearchStrategy[Any]:
    return (st.integers(least, most) | st.integers(max(least, -200), min(most, 300))).map(kind)


texts = st.text(max_size=10) | st.text("a\u20ac", min_size=80, max_size=300)
binaries = st.binary(max_size=10) | st.binary(min_size=250, max_size=300)
symbols = st.text(st.characters(max_codepoint=127), max_size=300).map(codec.symbol)
KINDS: Dict[int, st.SearchStrategy[Any]] = {
    Data.BOOL: st.booleans(),
    Data.UBYTE: integers(codec.ubyte, 0, 2 ** 8 - 1),
    Data.BYTE: integers(codec.byte, -2 ** 7, 2 ** 7 - 1),
    Data.USHORT: integers(codec.ushort, 0, 2 ** 16 - 1),
    Data.SHORT: integers(codec.short, -2 ** 15, 2 ** 15 - 1),
    Data.UINT: integers(codec.uint, 0, 2 ** 32 - 1),
    Data.INT: integers(codec.int32, -2 ** 31, 2 ** 31 - 1),
    Data.CHAR: st.characters(blacklist_categories=("Cs",)).map(codec.char),
    Data.ULONG: integers(codec.ulong, 0, 2 ** 64 - 1),
    Data.LONG: integers(int, -2 ** 63, 2 ** 63 - 1),
    Data.TIMESTAMP: integers(codec.timestamp, -2 ** 63, 2 ** 63 - 1),
    Data.FLOAT: st.floats(width=32, allow_nan=False).map(codec.float32),
    Data.DOUBLE: st.floats(allow_nan=False),
    Data.DECIMAL32: integers(codec.decimal32, 0, 2 ** 32 - 1),
    Data.DECIMAL64: integers(codec.decimal64, 0, 2 ** 64 - 1),
    Data.DECIMAL128: st.binary(min_size=16, max_size=16).map(codec.decimal128),
    Data.UUID: st.uuids(),
    Data.BINARY: binaries,
    Data.STRING: texts,
    Data.SYMBOL: symbols,
}
scalars = st.one_of(st.none(), *KINDS.values())
# proton fails on a binary value as a key of a map, and on a compound value as a descriptor.
keys = st.one_of(*[strategy for kind, strategy in KINDS.items() if kind != Data.BINARY])


def compounds(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inside, max_size=5)
    maps = st.dictionaries(keys, inside, max_size=5)
    kinds = {**KINDS, Data.NULL: st.none(), Data.LIST: lists, Data.MAP: maps}
    arrays = st.sampled_from(sorted(kinds)).flatmap(lambda kind: st.builds(
        lambda descriptor, elements: codec.Array(descriptor, kind, *elements),
        st.just(codec.UNDESCRIBED) | scalars, st.lists(kinds[kind], max_size=5),
    ))
    nested_arrays = st.lists(arrays, max_size=3).map(
        lambda elements: codec.Array(codec.UNDESCRIBED, Data.ARRAY, *elements))
    # proton misreads what follows a described value whose value is itself described.
    described = st.builds(codec.Described, scalars, inside.filter(lambda value: not isinstance(value, codec.Described)))
    return st.one_of(lists, maps, arrays, nested_arrays, described)


values = st.recursive(scalars, compounds, max_leaves=15)


@THOUSANDS
@given(values)
@example([None] * 255)
@example([None] * 256)
@example({number: None for number in range(128)})
def test_what_we_encode_proton_decodes(value: Any) -> None:
    octets = codec.encode(value)
    decoded, size = proton_decode(octets)
    assert size == len(octets)
    assert decoded == value
    assert repr(decoded) == repr(value)


@THOUSANDS
@given(values)
def test_what_proton_encodes_we_decode(value: Any) -> None:
    octets = proton_encode(to_proton(value))
    decoded, size = codec.decode(octets)
    assert size == len(octets)
    assert decoded == value
    assert repr(decoded) == repr(value)
    data = Data()
    assert data.decode(octets) == len(octets)
    assert repr(data.get_object()) == repr(value)


@THOUSANDS
@given(scalars)
def test_a_scalar_is_the_same_bytes(value: Any) -> None:
    assert codec.encode(value) == proton_encode(to_proton(value))


@THOUSANDS
@given(values)
def test_no_value_is_longer_than_proton_s(value: Any) -> None:
    assert len(codec.encode(value)) <= len(proton_encode(to_proton(value)))


@THOUSANDS
@given(values)
def test_data_is_read_alike(value: Any) -> None:
    ours, theirs = Data(), proton.Data()
    octets = codec.encode(value)
    ours.decode(octets)
    theirs.decode(octets)
    ours.rewind()
    theirs.rewind()
    assert walk(ours) == walk(theirs)


def walk(data: Any) -> List[Any]:
    """Everything that a cursor shows of the values in its reach."""
    seen = []
    while True:
        kind = data.next()
        if kind is None:
            return seen
        seen.append((kind, data.get_list(), data.get_map(), data.get_array(), data.is_described(), data.is_null()))
        if kind in (Data.LIST, Data.MAP, Data.ARRAY, Data.DESCRIBED):
            data.enter()
            seen.append(walk(data))
            data.exit()
        else:
            seen.append(repr(to_ours(data.get_object())))


moves = st.sampled_from(["next", "prev", "enter", "exit", "rewind", "narrow", "widen"])
puts = st.sampled_from([
    ("put_int", 5), ("put_string", "key"), ("put_null",), ("put_list",), ("put_map",), ("put_symbol", "key"),
    ("put_object", [1, {"key": "value"}]), ("put_object", {"key": 1, "other": [2]}), ("lookup", "key"),
])


@THOUSANDS
@given(st.lists(moves.map(lambda name: (name,)) | puts, max_size=25))
def test_the_cursor_moves_alike(steps: Any) -> None:
    ours, theirs = Data(), proton.Data()
    for name, *arguments in steps:
        if name == "enter" and theirs.type() not in (None, Data.LIST, Data.MAP):
            continue
        assert getattr(ours, name)(*arguments) == getattr(theirs, name)(*arguments), name
        assert ours.type() == theirs.type(), name
        try:
            value = to_ours(theirs.get_object())
        except TypeError:  # a list or a map as the key of a map
            continue
        assert repr(value) == repr(ours.get_object()), name


@pytest.mark.parametrize("octets", [
    "", "a1", "a105", "c003", "c0030155", "d000000004ffffffff", "f000000005ffffffff54", "e002ff54", "a102c328",
    "73ffffffff",
])
def test_what_proton_refuses_we_refuse(octets: str) -> None:
    with pytest.raises(Exception):
        proton_decode(bytes.fromhex(octets))
    with pytest.raises(DecodeError):
        codec.decode(bytes.fromhex(octets))
