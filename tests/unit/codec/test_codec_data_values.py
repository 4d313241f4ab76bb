"""The put and get methods of Data."""

from __future__ import annotations

import uuid

import pytest

from syncproton.codec import (
    UNDESCRIBED, AnnotationDict, Array, Data, Described, PropertyDict, SymbolList, byte, char, decimal32, decimal64,
    decimal128, encode, float32, int32, short, symbol, timestamp, ubyte, uint, ulong, ushort,
)
from syncproton.errors import DataException

ONE = uuid.UUID(int=1)
DECIMAL = bytes(range(16))

# name, type, what is put, what is got, what is got where there is no such value
SCALARS = [
    ("bool", Data.BOOL, True, True, False),
    ("ubyte", Data.UBYTE, 1, ubyte(1), ubyte(0)),
    ("byte", Data.BYTE, -1, byte(-1), byte(0)),
    ("ushort", Data.USHORT, 1, ushort(1), ushort(0)),
    ("short", Data.SHORT, -1, short(-1), short(0)),
    ("uint", Data.UINT, 1, uint(1), uint(0)),
    ("int", Data.INT, -1, int32(-1), int32(0)),
    ("char", Data.CHAR, "a", char("a"), char("\0")),
    ("ulong", Data.ULONG, 1, ulong(1), ulong(0)),
    ("long", Data.LONG, -1, -1, 0),
    ("timestamp", Data.TIMESTAMP, 1, timestamp(1), timestamp(0)),
    ("float", Data.FLOAT, 1.5, float32(1.5), float32(0)),
    ("double", Data.DOUBLE, 1.5, 1.5, 0.0),
    ("decimal32", Data.DECIMAL32, 1, decimal32(1), decimal32(0)),
    ("decimal64", Data.DECIMAL64, 1, decimal64(1), decimal64(0)),
    ("decimal128", Data.DECIMAL128, DECIMAL, decimal128(DECIMAL), decimal128(bytes(16))),
    ("uuid", Data.UUID, ONE, ONE, None),
    ("binary", Data.BINARY, b"a", b"a", b""),
    ("string", Data.STRING, "a", "a", ""),
    ("symbol", Data.SYMBOL, "a", symbol("a"), symbol("")),
]
COMPOUNDS = [
    ("put_sequence", "get_sequence", Data.LIST, [1, ["a"]], []),
    ("put_dict", "get_dict", Data.MAP, {"a": {1: 2}}, {}),
    ("put_py_described", "get_py_described", Data.DESCRIBED, Described("d", [1]), Described(None, None)),
    ("put_py_array", "get_py_array", Data.ARRAY, Array("d", Data.STRING, "a"), None),
]


@pytest.mark.parametrize("name, kind, put, got, otherwise", SCALARS, ids=[row[0] for row in SCALARS])
class TestScalars:
    def test_put_and_get(self, name, kind, put, got, otherwise):
        data = Data()
        getattr(data, f"put_{name}")(put)
        assert data.type() == kind
        for value in (getattr(data, f"get_{name}")(), data.get_object(), Data.get_mappings[kind](data)):
            assert repr(value) == repr(got)
        assert data.encode() == encode(got)
        assert data.encoded_size() == len(encode(got))

    def test_put_object(self, name, kind, put, got, otherwise):
        for put_it in (Data.put_object, Data.put_mappings[type(got)]):
            data = Data()
            put_it(data, got)
            assert data.type() == kind
            assert repr(data.get_object()) == repr(got)

    def test_get_where_there_is_another_type_or_nothing(self, name, kind, put, got, otherwise):
        data = Data()
        assert repr(getattr(data, f"get_{name}")()) == repr(otherwise)
        data.put_list()
        assert repr(getattr(data, f"get_{name}")()) == repr(otherwise)

    def test_put_of_something_else(self, name, kind, put, got, otherwise):
        if name == "bool":
            return
        data = Data()
        with pytest.raises((TypeError, ValueError, DataException)):
            getattr(data, f"put_{name}")(object())
        assert data.format() == ""


@pytest.mark.parametrize("put, get, kind, value, otherwise", COMPOUNDS, ids=[row[0] for row in COMPOUNDS])
def test_compounds(put, get, kind, value, otherwise):
    data = Data()
    assert getattr(data, get)() is None
    data.put_int(1)
    assert getattr(data, get)() == otherwise
    getattr(data, put)(value)
    assert data.type() == kind
    assert getattr(data, get)() == value
    assert data.get_object() == value
    assert Data.get_mappings[kind](data) == value
    for wrong in (5, object()):
        with pytest.raises(TypeError if wrong == 5 else (TypeError, DataException)):
            getattr(data, put)(wrong)


@pytest.mark.parametrize("value, got", [
    ((1, 2), [1, 2]),
    (SymbolList(["a"]), [symbol("a")]),
    (PropertyDict(a=1), {symbol("a"): 1}),
    (AnnotationDict({ulong(1): 1}), {ulong(1): 1}),
    (bytearray(b"a"), b"a"),
    (memoryview(b"a"), b"a"),
    (Array(UNDESCRIBED, Data.UINT, 1), Array(UNDESCRIBED, Data.UINT, uint(1))),
    (None, None),
])
def test_objects_that_come_back_as_another_type(value, got):
    for put_it in (Data.put_object, Data.put_mappings[type(value)]):
        data = Data()
        put_it(data, value)
        assert repr(data.get_object()) == repr(got)


def test_null():
    data = Data()
    data.put_null()
    assert data.is_null()
    assert data.type() == Data.NULL
    assert data.get_object() is None
    assert Data.get_mappings[Data.NULL](data) is None


def test_put_memoryview():
    data = Data()
    data.put_memoryview(memoryview(b"abc"))
    assert data.get_binary() == b"abc"


def test_what_is_put_is_a_snapshot():
    value = {"a": [1]}
    data = Data()
    data.put_object(value)
    value["a"].append(2)
    data.get_object()["a"].append(3)
    assert data.get_object() == {"a": [1]}


@pytest.mark.parametrize("put, value", [
    ("put_ubyte", 256), ("put_ubyte", -1), ("put_ushort", 65536), ("put_uint", 2 ** 32), ("put_ulong", 2 ** 64),
    ("put_byte", 128), ("put_short", -32769), ("put_int", 2 ** 31), ("put_long", 2 ** 63), ("put_timestamp", 2 ** 63),
    ("put_decimal32", -1), ("put_decimal64", 2 ** 64), ("put_decimal128", b"a"), ("put_bool", 2),
    ("put_symbol", "\u00e9"), ("put_string", "\ud800"), ("put_object", object()),
    ("put_object", [1, object()]), ("put_dict", {"a": object()}),
])
def test_values_that_do_not_fit(put, value):
    data = Data()
    with pytest.raises((ValueError, DataException)):
        getattr(data, put)(value)
    assert data.format() == ""


@pytest.mark.parametrize("put, value", [
    ("put_string", b"a"), ("put_string", 5), ("put_symbol", b"a"), ("put_binary", 5), ("put_uuid", "a"),
    ("put_dict", [1]), ("put_sequence", 5), ("put_py_array", [1]), ("put_char", "ab"), ("put_char", 65),
    ("put_bool", None), ("put_bool", "x"), ("put_int", "a"), ("put_int", 1.5), ("put_ubyte", b"a"), ("put_float", "1"),
    ("put_timestamp", 1.5), ("put_decimal128", 5), ("put_uuid", 1 << 70), ("put_binary", object()),
    ("put_py_described", object()), ("decode", 5), ("decode", "text"), ("decode", None),
])
def test_values_of_the_wrong_kind(put, value):
    data = Data()
    with pytest.raises(TypeError):
        getattr(data, put)(value)
    assert data.format() == ""


@pytest.mark.parametrize("put, value", [
    ("put_ubyte", 256), ("put_byte", 1 << 70), ("put_long", 2 ** 63), ("put_bool", -1),
])
def test_a_number_out_of_range_is_an_overflow_as_in_proton(put, value):
    with pytest.raises(OverflowError):
        getattr(Data(), put)(value)


def test_a_string_can_be_put_as_binary():
    data = Data()
    data.put_binary("\u00e9")
    assert data.get_binary() == b"\xc3\xa9"


def test_binary_that_was_read_answers_as_bytes_and_as_a_memoryview():
    for encoded in (b"\xa0\x02ab", b"\xb0\0\0\0\x02ab"):
        data = Data()
        data.decode(encoded)
        got = data.get_binary()
        assert got == b"ab" and isinstance(got, bytes) and got.decode() == "ab" and {got: 1} == {b"ab": 1}
        assert type(got.tobytes()) is bytes and got.tobytes() == b"ab"
        assert (got.tolist(), got.nbytes, repr(got)) == ([97, 98], 2, "b'ab'")
        data.put_object({"again": got})
        assert data.get_object() == {"again": b"ab"}


def test_constants_and_their_names():
    names = ["null", "bool", "ubyte", "byte", "ushort", "short", "uint", "int", "char", "ulong", "long", "timestamp",
             "float", "double", "decimal32", "decimal64", "decimal128", "uuid", "binary", "string", "symbol",
             "described", "array", "list", "map"]
    for number, name in enumerate(names, 1):
        assert getattr(Data, name.upper()) == number
        assert Data.type_name(number) == Data.type_names[number] == name
    with pytest.raises(KeyError):
        Data.type_name(99)
    assert set(Data.get_mappings) == set(range(1, 26))


def test_capacity_has_no_meaning():
    assert Data(0).format() == Data(capacity=3).format() == ""
