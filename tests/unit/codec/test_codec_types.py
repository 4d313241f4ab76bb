"""The types that Python has no type of its own for."""

from __future__ import annotations

import copy
import pickle

import pytest

from syncproton.codec import (
    TypeCode, byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte, uint,
    ulong, ushort,
)

UNSIGNED = [(ubyte, 2 ** 8 - 1), (ushort, 2 ** 16 - 1), (uint, 2 ** 32 - 1), (ulong, 2 ** 64 - 1)]
VALUES = [
    ubyte(1), ushort(2), uint(3), ulong(4), byte(-1), short(-2), int32(-3), timestamp(-4), decimal32(5), decimal64(6),
    decimal128(b"0123456789abcdef"), float32(1.5), char("x"), symbol("y"),
]


@pytest.mark.parametrize("kind, greatest", UNSIGNED)
def test_unsigned_integers_are_checked(kind, greatest):
    assert kind(0) == 0
    assert kind(greatest) == greatest
    for wrong in (-1, greatest + 1):
        with pytest.raises(ValueError):
            kind(wrong)
        with pytest.raises(AssertionError):
            kind(wrong)


@pytest.mark.parametrize("kind", [byte, short, int32, timestamp, decimal32, decimal64])
def test_other_integers_are_checked_only_when_encoded(kind):
    assert kind(2 ** 70) == 2 ** 70


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_equal_to_the_plain_one_and_hashes_alike(value):
    plain = type(value).__mro__[-2](value)
    assert value == plain
    assert hash(value) == hash(plain)


@pytest.mark.parametrize("value, text", [
    (ubyte(1), "ubyte(1)"),
    (int32(-3), "int32(-3)"),
    (timestamp(4), "timestamp(4)"),
    (decimal32(5), "decimal32(5)"),
    (decimal128(b"0123456789abcdef"), "decimal128(b'0123456789abcdef')"),
    (float32(1.5), "float32(1.5)"),
    (char("x"), "char('x')"),
    (symbol("y"), "symbol('y')"),
])
def test_repr_names_the_type(value, text):
    assert repr(value) == text


def test_str_of_text_is_the_text():
    assert str(symbol("y")) == "y"
    assert str(char("x")) == "x"
    assert symbol(None) == "None"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_copies_keep_the_type(value):
    for again in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert again == value
        assert type(again) is type(value)


def test_arithmetic_gives_plain_numbers():
    assert type(ulong(1) + 1) is int


def test_type_codes_read_as_numbers():
    assert TypeCode.INT == 8
    assert f"{TypeCode.INT} {TypeCode.INT!r} {TypeCode.INT!s}" == "8 8 8"
    assert {8: "int"}[TypeCode.INT] == "int"
