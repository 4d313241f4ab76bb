"""The cursor of Data: moved, written and read by each of its methods, encoded, decoded, and used in wrong ways."""

from __future__ import annotations

import uuid
from typing import Any, List

import proton
from proton import (
    UNDESCRIBED, Array, Data, Described, byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol,
    timestamp, ubyte, uint, ulong, ushort,
)
from pumping import attempt, value
from scenario import scenario

UID = uuid.UUID(int=0x0102030405060708090A0B0C0D0E0F10)

#: A name of put_... and get_..., and values for it.
SCALARS: List[Any] = [
    ("bool", True, False, 1, 0), ("ubyte", 0, 255, ubyte(7)), ("byte", -128, 127, byte(7)), ("ushort", 0, 65535),
    ("short", -32768, 32767, short(3)), ("uint", 0, 255, 256, 0xFFFFFFFF), ("int", -(1 << 31), (1 << 31) - 1, int32(0)),
    ("char", "a", "\u20ac", char("z")), ("ulong", 0, 255, 256, (1 << 64) - 1), ("long", -(1 << 63), (1 << 63) - 1, -1),
    ("timestamp", 0, 1234567890123, timestamp(-1)), ("float", 0.5, float32(-2.0), 3), ("double", 0.1, -1e300, 4),
    ("decimal32", 1, decimal32(77)), ("decimal64", 1, decimal64(1 << 60)),
    ("decimal128", decimal128(b"0123456789abcdef")),
    ("uuid", UID), ("binary", b"", b"\x00\xff", b"x" * 300), ("string", "", "text", "\u20ac" * 100),
    ("symbol", "", "word", symbol("s" * 300)),
]


def typed(item: Any) -> str:
    """A value with its type."""
    if isinstance(item, (bytes, bytearray, memoryview)) and not isinstance(item, decimal128):
        return f"binary {bytes(item)!r}"
    return f"{type(item).__name__} {item!r}"


@scenario()
def scalars_put_and_got(run: Any) -> None:
    for name, *values in SCALARS:
        for item in values:
            data = Data()
            getattr(data, f"put_{name}")(item)
            data.rewind()
            run.note(name, data.next(), data.type(), typed(getattr(data, f"get_{name}")()), typed(data.get_object()),
                     data.encode().hex())
    data = Data()
    data.put_null()
    data.rewind()
    run.note(data.next(), data.is_null(), data.get_object(), bytes(data.encode()))


@scenario()
def scalars_read_as_others(run: Any) -> None:
    data = Data()
    data.put_int(5)
    data.rewind()
    data.next()
    for name, *_ in SCALARS:
        if name not in ("uuid", "decimal128", "binary", "string", "symbol", "char"):
            attempt(run, f"int as {name}", getattr(data, f"get_{name}"))
    data = Data()
    data.put_string("text")
    data.rewind()
    data.next()
    for name in ("bool", "int", "ulong", "list", "map"):
        attempt(run, f"string as {name}", getattr(data, f"get_{name}"))
    data = Data()
    for name in ("bool", "int", "ulong", "list", "map", "array"):
        attempt(run, f"nothing as {name}", getattr(data, f"get_{name}"))
    run.note(data.is_null(), data.is_described(), data.type(), data.get_object())


@scenario()
def wrong_types_and_ranges(run: Any) -> None:
    for name, *_ in SCALARS:
        for item in (None, "text", 1.5, object, [], -1, 1 << 70):
            if item == -1 and name in ("float", "double", "int", "long", "short", "byte", "timestamp", "bool"):
                continue
            if name in ("float", "double", "string", "symbol", "bool", "char") or item in (-1, 1 << 70):
                continue
            data = Data()
            if name == "uuid" or name in ("binary", "decimal128") and item in (None, []):
                continue
            attempt(run, f"{name} of {item!r}", getattr(data, f"put_{name}"), item)


@scenario()
def walking(run: Any) -> None:
    data = Data()
    run.note("empty", data.next(), data.prev(), data.enter(), data.exit(), data.type())
    data.put_int(1)
    data.put_list()
    run.note(data.enter())
    data.put_string("a")
    data.put_list()
    run.note(data.enter())
    data.put_symbol("deep")
    run.note(data.exit())
    data.put_null()
    run.note(data.exit())
    data.put_ulong(9)
    data.rewind()
    run.note(data.next(), data.next(), data.get_list(), data.enter(), data.type())
    run.note(data.next(), data.get_string(), data.next(), data.get_list(), data.next(), data.is_null(), data.next())
    run.note(data.prev(), data.prev(), data.prev(), data.type())
    run.note(data.exit(), data.type(), data.next(), data.get_ulong(), data.next(), data.exit())
    run.note(data.prev(), data.prev(), data.prev(), data.type(), data.next(), data.type())


@scenario()
def narrowed_and_widened(run: Any) -> None:
    data = Data()
    data.put_object([1, [2, 3], 4])
    data.rewind()
    data.next()
    data.enter()
    data.next()
    data.next()
    run.note(data.type(), data.get_list())
    data.narrow()
    data.enter()
    run.note(data.next(), data.get_object(), data.next(), data.get_object(), data.next())
    data.rewind()
    run.note(data.type(), data.next(), data.get_object())
    data.widen()
    data.rewind()
    run.note(data.next(), data.get_object())


@scenario()
def looking_up_keys(run: Any) -> None:
    data = Data()
    data.put_dict({symbol("a"): 1, "b": 2, symbol("c"): [3], 4: "four"})
    data.rewind()
    data.next()
    data.enter()
    for key in ("a", "b", "c", "d"):
        run.note(key, data.lookup(key), data.type(), value(data.get_object()) if data.type() else None)
        data.exit()
        data.enter()


@scenario()
def compounds_by_hand(run: Any) -> None:
    data = Data()
    data.put_map()
    data.enter()
    for number, key in enumerate(("x", "y")):
        data.put_symbol(key)
        data.put_int(number)
    data.exit()
    data.put_array(False, Data.INT)
    data.enter()
    for number in range(3):
        data.put_int(number)
    data.exit()
    data.put_array(True, Data.DOUBLE)
    data.enter()
    data.put_symbol("described")
    data.put_double(0.5)
    data.exit()
    data.put_described()
    data.enter()
    data.put_ulong(0x24)
    data.put_list()
    data.exit()
    run.note(data.encode().hex(), data.encoded_size())
    data.rewind()
    run.note(data.next(), data.get_map(), value(data.get_dict()))
    run.note(data.next(), data.get_array(), data.get_py_array())
    run.note(data.next(), data.get_array(), data.get_py_array(), data.is_described())
    data.enter()
    run.note(data.next(), data.type(), data.get_object(), data.next(), data.get_object())
    data.exit()
    run.note(data.next(), data.is_described(), data.get_py_described())
    data.enter()
    run.note(data.next(), data.get_ulong(), data.next(), data.get_list(), data.get_sequence(), data.next())


@scenario()
def objects_there_and_back(run: Any) -> None:
    for item in (
            None, True, 1, -1, 1 << 40, 0.5, "text", b"bytes", symbol("sym"), char("c"), UID, timestamp(5), ubyte(1),
            ushort(2), uint(3), ulong(4), byte(5), short(6), int32(7), float32(0.25), decimal32(8), decimal64(9),
            decimal128(b"0" * 16), [], [1, "two", [3.0, None]], (1, 2), {}, {"a": {"b": [1]}}, {1: symbol("x")},
            Described(symbol("d"), [1]), Described(ulong(5), Described("inner", None)),
            Array(UNDESCRIBED, Data.INT, 1, 2, 3), Array(symbol("d"), Data.STRING, "a"),
            Array(UNDESCRIBED, Data.SYMBOL), memoryview(b"view"), bytearray(b"array"), proton.SymbolList(["a", "b"]),
            proton.PropertyDict(a=1), proton.AnnotationDict({symbol("k"): 1, ulong(2): 3})):
        data = Data()
        data.put_object(item)
        encoded = data.encode()
        data = Data()
        data.decode(encoded)
        data.rewind()
        if data.next() is not None:
            got = data.get_object()
            run.note(type(item).__name__, typed(got) if not isinstance(got, (list, dict)) else value(got), data.type())


@scenario()
def copied_and_cleared(run: Any) -> None:
    data = Data()
    data.put_object([1, {"a": 2}])
    data.put_object("end")
    other = Data()
    other.put_int(1)
    other.copy(data)
    other.rewind()
    run.note(other.next(), value(other.get_object()), other.next(), other.get_object(), other.next())
    data.clear()
    run.note(data.next(), bytes(data.encode()), data.encoded_size())
    run.note(other.encode().hex())


@scenario()
def encoded_and_decoded(run: Any) -> None:
    data = Data()
    data.put_object([1, "a", symbol("b")])
    encoded = data.encode()
    run.note(encoded.hex(), data.encoded_size())
    for size in range(len(encoded)):
        other = Data()
        attempt(run, f"the first {size} bytes", other.decode, encoded[:size])
    other = Data()
    run.note(other.decode(encoded + b"\x41\x42"), other.next())
    run.note(other.decode(b"\x41"), other.decode(b"\x42"))
    other.rewind()
    while other.next():
        run.note(value(other.get_object()))


@scenario()
def decoding_what_is_damaged(run: Any) -> None:
    for octets in (
            b"\x01", b"\xff", b"\x57", b"\x00", b"\x00\x53", b"\x00\x53\x24", b"\xa1", b"\xa1\x05abc",
            b"\xb1\x00\x00\x00",
            b"\xc0\x01", b"\xc0\x02\x05\x41", b"\xd0\x00\x00\x00\x05\x00\x00\x00\x02\x41", b"\xe0\x03\x01\x01",
            b"\x98\x00\x00", b"\x82\x00", b"\x3f\x00", b"\x6f", b"\x95"):
        attempt(run, octets.hex(), Data().decode, octets)
    data = Data()
    attempt(run, "broken", data.decode, b"\xa1\x05abc")
    run.note("and then", data.decode(b"\xa1\x03abc"))
    data.rewind()
    run.note(data.next(), data.get_object())


@scenario()
def names_of_types(run: Any) -> None:
    for code in sorted(Data.type_names):
        run.note(code, Data.type_name(code), Data.type_names[code])
    names = [name for name in dir(Data) if name.isupper()]
    run.note([(name, getattr(Data, name)) for name in names])
    run.note(sorted(Data.put_mappings, key=repr) and len(Data.put_mappings) > 20, sorted(Data.get_mappings))


@scenario()
def reading_compounds_of_a_wrong_kind(run: Any) -> None:
    data = Data()
    data.put_object([1])
    data.rewind()
    data.next()
    attempt(run, "list as map", data.get_map)
    attempt(run, "list as array", data.get_array)
    attempt(run, "list as array", data.get_py_array)
    data = Data()
    data.put_object({})
    data.rewind()
    data.next()
    attempt(run, "map as list", data.get_list)
    attempt(run, "map as sequence", data.get_sequence)


@scenario()
def sequences_and_dicts(run: Any) -> None:
    data = Data()
    data.put_sequence([1, "x"])
    data.put_dict({"k": [True]})
    data.put_py_described(Described(symbol("d"), {"a": None}))
    data.put_py_array(Array(UNDESCRIBED, Data.ULONG, 1, 2))
    data.put_py_array(Array(symbol("why"), Data.BINARY, b"a", b"bc"))
    run.note(data.encode().hex())
    encoded = data.encode()
    data = Data()
    while encoded:
        encoded = encoded[data.decode(encoded):]
    data.rewind()
    run.note(data.next(), value(data.get_sequence()))
    run.note(data.next(), value(data.get_dict()))
    run.note(data.next(), data.get_py_described())
    run.note(data.next(), data.get_py_array())
    run.note(data.next(), len(data.get_py_array().elements))
    attempt(run, "no sequence", Data().put_sequence, 5)


@scenario()
def texts_of_short_data(run: Any) -> None:
    """Proton cuts what ``format`` gives after some characters."""
    for item in (1, True, None, "a", symbol("b"), b"c", [1], {1: 2}):
        data = Data()
        data.put_object(item)
        text = data.format()
        run.note(text if isinstance(text, str) else bytes(text).decode().rstrip("\x00"))
