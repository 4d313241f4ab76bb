"""The cursor of Data: moving, entering, overwriting, looking up, narrowing, copying, printing."""

from __future__ import annotations

import pytest

from syncproton.codec import UNDESCRIBED, Array, Data, Described, decode, encode, symbol, uint, ulong
from syncproton.errors import DataException, DecodeError


def holding(*values):
    data = Data()
    for value in values:
        data.put_object(value)
    data.rewind()
    return data


def test_an_empty_one():
    data = Data()
    assert data.type() is None
    assert data.next() is None
    assert data.prev() is None
    assert not data.enter()
    assert not data.exit()
    assert not data.lookup("a")
    assert not data.is_null()
    assert not data.is_described()
    assert data.get_object() is None
    assert data.encode() == b""
    assert data.encoded_size() == 0
    assert data.format() == ""


def test_moving():
    data = holding([1, "a"], uint(9))
    assert data.type() is None
    assert data.next() == Data.LIST
    assert data.get_list() == 2
    assert data.enter()
    assert data.type() is None
    assert data.next() == Data.LONG
    assert data.next() == Data.STRING
    assert data.next() is None
    assert data.type() == Data.STRING
    assert data.prev() == Data.LONG
    assert data.prev() is None
    assert data.type() == Data.LONG
    assert data.exit()
    assert data.type() == Data.LIST
    assert data.next() == Data.UINT
    assert not data.exit()
    assert data.prev() == Data.LIST
    data.rewind()
    assert data.type() is None
    assert data.next() == Data.LIST


def test_building_with_enter_and_exit():
    data = Data()
    data.put_map()
    data.enter()
    data.put_string("key")
    data.put_list()
    data.enter()
    data.put_int(1)
    data.put_described()
    data.enter()
    data.put_symbol("d")
    data.put_null()
    data.exit()
    data.exit()
    data.exit()
    assert data.type() == Data.MAP
    assert data.get_map() == 2
    assert data.get_object() == {"key": [1, Described(symbol("d"), None)]}
    assert decode(data.encode())[0] == data.get_object()


def test_arrays_with_enter_and_exit():
    data = Data()
    data.put_array(False, Data.INT)
    data.enter()
    data.put_int(1)
    data.put_int(2)
    data.exit()
    assert data.get_array() == (2, False, Data.INT)
    data.put_array(True, Data.DOUBLE)
    data.enter()
    data.put_symbol("d")
    data.put_double(1)
    data.exit()
    assert data.get_array() == (1, True, Data.DOUBLE)
    assert data.get_py_array() == Array("d", Data.DOUBLE, 1.0)
    data.enter()
    assert (data.next(), data.next(), data.next()) == (Data.SYMBOL, Data.DOUBLE, None)
    first, end = decode(data.encode(), 0, 18)
    assert first == Array(UNDESCRIBED, Data.INT, 1, 2)
    assert decode(data.encode(), end)[0] == Array(symbol("d"), Data.DOUBLE, 1.0)


def test_reading_arrays_and_described_values_with_the_cursor():
    data = holding(Array(ulong(5), Data.INT, 1, 2), Described("d", [1]))
    data.next()
    data.enter()
    values = []
    while data.next():
        values.append(data.get_object())
    assert values == [5, 1, 2]
    data.exit()
    data.next()
    assert data.is_described()
    data.enter()
    assert (data.next(), data.get_object()) == (Data.STRING, "d")
    assert (data.next(), data.get_object()) == (Data.LIST, [1])
    assert data.next() is None


def test_putting_overwrites_what_follows():
    data = holding([0, 1, 2, 3])
    data.next()
    data.enter()
    data.put_string("x")
    assert data.format() == '["x", 1, 2, 3]'
    data.put_list()
    data.enter()
    data.put_int(7)
    assert data.format() == '["x", [7], 2, 3]'
    data.exit()
    data.put_bool(True)
    data.put_null()
    data.put_null()
    assert data.format() == '["x", [7], true, null, null]'
    data.rewind()
    data.put_int(5)
    assert data.format() == "5"
    assert data.get_object() == 5


def test_overwriting_a_list_removes_its_elements():
    data = holding([1, 2])
    data.put_list()
    assert data.get_object() == []
    assert data.enter()
    assert data.next() is None


def test_lookup():
    data = holding({"a": 1, "b": [2], symbol("c"): "a"})
    data.next()
    data.enter()
    assert data.lookup("b")
    assert data.get_object() == [2]
    assert not data.lookup("a")
    data.exit()
    data.enter()
    assert data.lookup("a")
    assert data.get_object() == 1
    assert data.lookup("c")
    assert data.get_object() == "a"


def test_lookup_of_a_key_without_a_value():
    data = Data()
    data.put_map()
    data.enter()
    data.put_string("a")
    data.exit()
    data.enter()
    assert not data.lookup("a")


def test_narrow_and_widen():
    data = holding([1, [2, 3], 4])
    data.next()
    data.enter()
    data.next()
    data.next()
    data.enter()
    data.narrow()
    assert data.next() and data.get_object() == 2
    data.rewind()
    assert data.type() is None
    assert data.next() and data.get_object() == 2
    assert decode(data.encode())[0] == [1, [2, 3], 4]
    data.widen()
    data.rewind()
    assert data.next() and data.get_object() == [1, [2, 3], 4]


def test_narrow_on_a_value():
    data = holding([1, 2])
    data.next()
    data.enter()
    data.next()
    data.narrow()
    data.next()
    data.rewind()
    assert data.get_object() == 1


def test_clear():
    data = holding([1, 2], 3)
    data.next()
    data.enter()
    data.narrow()
    data.clear()
    data.put_int(1)
    data.rewind()
    assert data.next() == Data.INT
    assert data.encode() == encode(1)[:0] + b"\x54\x01"


def test_decode_takes_one_value_at_a_time():
    encoded = encode(1) + encode("a")
    data = Data()
    size = data.decode(encoded)
    assert size == 2
    assert data.get_object() == 1
    assert data.decode(memoryview(encoded)[size:]) == 3
    assert data.type() == Data.STRING
    assert data.format() == '1, "a"'
    data.rewind()
    assert data.decode(bytearray(b"\x41")) == 1
    assert data.format() == 'true, "a"'


def test_decode_writes_where_the_cursor_is():
    data = Data()
    data.put_list()
    data.enter()
    data.decode(encode({"a": 1}))
    assert decode(data.encode())[0] == [{"a": 1}]


@pytest.mark.parametrize("octets", [b"", b"\xff", b"\xa1\x05a", b"\xc0\x05\x02\x55"])
def test_decode_of_bad_bytes_changes_nothing(octets):
    data = holding(1)
    data.next()
    with pytest.raises(DecodeError):
        data.decode(octets)
    assert data.format() == "1"
    assert data.type() == Data.LONG


@pytest.mark.parametrize("value, encoded", [
    ([], "45"),
    ([0, True], "d0" "00000007" "00000002" "5500" "41"),
    ({}, "d1" "00000004" "00000000"),
    (Described("d", ["x"]), "00" "a10164" "d0" "00000007" "00000001" "a10178"),
    (Array(UNDESCRIBED, Data.INT), "f0" "00000005" "00000000" "71"),
    (Array(UNDESCRIBED, Data.INT, -2), "f0" "00000009" "00000001" "71" "fffffffe"),
    (Array(UNDESCRIBED, Data.STRING, "a", "bc"), "f0" "00000010" "00000002" "b1" "0000000161" "000000026263"),
    (Array(symbol("d"), Data.SYMBOL, symbol("s")), "f0" "0000000e" "00000001" "00a30164" "b3" "0000000173"),
    (Array("d", Data.BOOL, True), "f0" "0000000a" "00000001" "00a10164" "5601"),
    (Array(UNDESCRIBED, Data.LIST, [1], []),
     "f0" "00000017" "00000002" "d0" "00000006" "00000001" "5501" "00000004" "00000000"),
])
def test_lists_maps_and_arrays_are_encoded_wide_as_in_proton(value, encoded):
    data = holding(value)
    assert data.encode().hex() == encoded and data.encoded_size() == len(encoded) // 2
    again = Data()
    assert again.decode(data.encode()) == data.encoded_size()
    assert again.get_object() == value


def test_a_scalar_is_encoded_as_short_as_can_be_whatever_was_decoded():
    data = Data()
    data.decode(bytes.fromhex("d00000000e00000002" "7000000000" "7100000001"))
    assert data.encode() == bytes.fromhex("d000000007" "00000002" "43" "5401")


def test_keys_that_a_dict_could_not_keep_apart_are_kept():
    octets = bytes.fromhex("d10000000a" "00000004" "415501550140")
    data = Data()
    data.decode(octets)
    assert data.encode() == octets


@pytest.mark.parametrize("source", [None, 5, b"\x40", [1], object()])
def test_only_data_is_copied(source):
    data = Data()
    data.put_int(1)
    with pytest.raises(TypeError):
        data.copy(source)
    assert data.encode() == b"\x54\x01"


def test_copy():
    source = holding([1, 2], "a")
    data = holding(5)
    data.copy(source)
    assert data.type() is None
    assert data.format() == '[1, 2], "a"'
    source.clear()
    assert data.format() == '[1, 2], "a"'


@pytest.mark.parametrize("values", [0, 1, 3])
def test_a_described_value_that_is_not_complete(values):
    data = Data()
    data.put_described()
    data.enter()
    for number in range(values):
        data.put_int(number)
    with pytest.raises(DataException):
        data.encode()


def test_a_map_that_is_not_complete():
    data = Data()
    data.put_map()
    data.enter()
    data.put_string("k")
    data.exit()
    assert data.get_object() == {"k": None}
    assert data.format() == '{"k"}'
    with pytest.raises(DataException):
        data.encode()


def test_an_array_with_an_element_of_another_type():
    data = Data()
    data.put_array(False, Data.INT)
    data.enter()
    data.put_string("a")
    with pytest.raises(DataException):
        data.encode()
    with pytest.raises(ValueError):
        data.put_array(False, 99)


def test_nesting_without_end():
    data = Data()
    for _ in range(3000):
        data.put_list()
        data.enter()
    data.rewind()
    data.next()
    with pytest.raises(DataException):
        data.encode()
    with pytest.raises(DataException):
        data.get_object()


def test_format():
    data = holding([
        None, True, 1, 2.5, 1e10, "q\"\u00e9", b"\x00a", symbol("s"), symbol("s-t"), symbol(""), {"a": 1, 2: []},
        Described(symbol("d"), 1), Array(UNDESCRIBED, Data.INT, 1, 2), Array(symbol("x"), Data.LIST, [1]),
    ])
    assert data.format() == (
        '[null, true, 1, 2.5, 1e+10, "q\\x22\\xc3\\xa9", b"\\x00a", :s, :"s-t", :"", {"a"=1, 2=[]}, '
        '@:d 1, @PN_INT[1, 2], @PN_LIST[:x, [1]]]'
    )


def test_dump(capsys):
    data = holding([1, "a"])
    data.next()
    data.enter()
    data.next()
    data.dump()
    assert capsys.readouterr().out == (
        "{current=2, parent=1}\n"
        "Node 1: parent=0, children=2, type=PN_LIST (<list>)\n"
        "Node 2: parent=1, children=0, type=PN_LONG (1)\n"
        'Node 3: parent=1, children=0, type=PN_STRING ("a")\n'
    )
