"""The encoding of each scalar type; each function appends one value, constructor byte and all."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict
from uuid import UUID

from syncproton.codec.types import (
    RangeError, binary, byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte,
    uint, ulong, ushort,
)
from syncproton.errors import DataException

__all__ = [
    "SCALAR_ENCODERS", "SHORT_STRING", "SMALL_LONG", "Encoder",
    "char_number", "decimal128_octets", "string_octets", "symbol_octets", "unfit",
]

Encoder = Callable[[bytearray, Any], None]

_code_byte = struct.Struct(">Bb").pack
_code_ushort = struct.Struct(">BH").pack
_code_short = struct.Struct(">Bh").pack
_code_uint = struct.Struct(">BI").pack
_code_int = struct.Struct(">Bi").pack
_code_ulong = struct.Struct(">BQ").pack
_code_long = struct.Struct(">Bq").pack
_code_float = struct.Struct(">Bf").pack
_code_double = struct.Struct(">Bd").pack

# A constructor byte and the one byte that follows it.
_BINARY8 = [bytes((0xA0, n)) for n in range(256)]
SHORT_STRING = [bytes((0xA1, n)) for n in range(256)]
_SYMBOL8 = [bytes((0xA3, n)) for n in range(256)]
_SMALLUINT = [b"\x43"] + [bytes((0x52, n)) for n in range(1, 256)]
_SMALLULONG = [b"\x44"] + [bytes((0x53, n)) for n in range(1, 256)]
SMALL_LONG = {n: _code_byte(0x55, n) for n in range(-128, 128)}
_SMALLINT = {n: _code_byte(0x54, n) for n in range(-128, 128)}

# What packing raises for a number that is too big; PyPy's has errors of its own.
UNPACKABLE = (struct.error, ValueError, OverflowError)


class Unfit(DataException, RangeError):
    """A value outside its AMQP type."""


def unfit(value: Any, kind: str) -> Unfit:
    return Unfit(f"{value!r} does not fit the AMQP type {kind}")


def _write_null(out: bytearray, value: None) -> None:
    out.append(0x40)


def _write_bool(out: bytearray, value: bool) -> None:
    out.append(0x41 if value else 0x42)


def _write_ubyte(out: bytearray, value: int) -> None:
    if not 0 <= value <= 255:
        raise unfit(value, "ubyte")
    out.append(0x50)
    out.append(value)


def _write_ushort(out: bytearray, value: int) -> None:
    try:
        out += _code_ushort(0x60, value)
    except UNPACKABLE:
        raise unfit(value, "ushort") from None


def _write_uint(out: bytearray, value: int) -> None:
    if 0 <= value <= 255:
        out += _SMALLUINT[value]
        return
    try:
        out += _code_uint(0x70, value)
    except UNPACKABLE:
        raise unfit(value, "uint") from None


def _write_ulong(out: bytearray, value: int) -> None:
    if 0 <= value <= 255:
        out += _SMALLULONG[value]
        return
    try:
        out += _code_ulong(0x80, value)
    except UNPACKABLE:
        raise unfit(value, "ulong") from None


def _write_byte(out: bytearray, value: int) -> None:
    try:
        out += _code_byte(0x51, value)
    except UNPACKABLE:
        raise unfit(value, "byte") from None


def _write_short(out: bytearray, value: int) -> None:
    try:
        out += _code_short(0x61, value)
    except UNPACKABLE:
        raise unfit(value, "short") from None


def _write_int(out: bytearray, value: int) -> None:
    if -128 <= value <= 127:
        out += _SMALLINT[value]
        return
    try:
        out += _code_int(0x71, value)
    except UNPACKABLE:
        raise unfit(value, "int") from None


def _write_long(out: bytearray, value: int) -> None:
    if -128 <= value <= 127:
        out += SMALL_LONG[value]
        return
    try:
        out += _code_long(0x81, value)
    except UNPACKABLE:
        raise unfit(value, "long") from None


def _write_float(out: bytearray, value: float) -> None:
    try:
        out += _code_float(0x72, value)
    except OverflowError:
        # Too big for single precision: rounds to infinity, as IEEE 754 has it.
        out += _code_float(0x72, float("inf") if value > 0 else float("-inf"))


def _write_double(out: bytearray, value: float) -> None:
    out += _code_double(0x82, value)


def _write_decimal32(out: bytearray, value: int) -> None:
    try:
        out += _code_uint(0x74, value)
    except UNPACKABLE:
        raise unfit(value, "decimal32") from None


def _write_decimal64(out: bytearray, value: int) -> None:
    try:
        out += _code_ulong(0x84, value)
    except UNPACKABLE:
        raise unfit(value, "decimal64") from None


def _write_decimal128(out: bytearray, value: bytes) -> None:
    out.append(0x94)
    out += decimal128_octets(value)


def decimal128_octets(value: bytes) -> bytes:
    if len(value) != 16:
        raise unfit(value, "decimal128")
    return value


def _write_char(out: bytearray, value: str) -> None:
    out += _code_uint(0x73, char_number(value))


def char_number(value: str) -> int:
    if len(value) != 1 or "\ud800" <= value <= "\udfff":
        raise unfit(value, "char")
    return ord(value)


def _write_timestamp(out: bytearray, value: int) -> None:
    try:
        out += _code_long(0x83, value)
    except UNPACKABLE:
        raise unfit(value, "timestamp") from None


def _write_uuid(out: bytearray, value: UUID) -> None:
    out.append(0x98)
    out += value.bytes


def _write_binary(out: bytearray, value: bytes) -> None:
    size = len(value)
    out += _BINARY8[size] if size < 256 else _long_header(0xB0, size)
    out += value


def _write_memoryview(out: bytearray, value: memoryview) -> None:
    _write_binary(out, value.tobytes())


def _write_string(out: bytearray, value: str) -> None:
    octets = string_octets(value)
    size = len(octets)
    out += SHORT_STRING[size] if size < 256 else _long_header(0xB1, size)
    out += octets


def _write_symbol(out: bytearray, value: str) -> None:
    octets = symbol_octets(value)
    size = len(octets)
    out += _SYMBOL8[size] if size < 256 else _long_header(0xB3, size)
    out += octets


def symbol_octets(value: str) -> bytes:
    try:
        return value.encode("ascii")
    except UnicodeEncodeError:
        raise unfit(value, "symbol") from None


def string_octets(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise unfit(value, "string") from None


def _long_header(code: int, size: int) -> bytes:
    try:
        return _code_uint(code, size)
    except UNPACKABLE:
        raise DataException(f"{size} bytes are more than AMQP can say in one value") from None


SCALAR_ENCODERS: Dict[type, Encoder] = {
    type(None): _write_null,
    bool: _write_bool,
    ubyte: _write_ubyte,
    ushort: _write_ushort,
    uint: _write_uint,
    ulong: _write_ulong,
    byte: _write_byte,
    short: _write_short,
    int32: _write_int,
    int: _write_long,
    float32: _write_float,
    float: _write_double,
    decimal32: _write_decimal32,
    decimal64: _write_decimal64,
    decimal128: _write_decimal128,
    char: _write_char,
    timestamp: _write_timestamp,
    UUID: _write_uuid,
    bytes: _write_binary,
    binary: _write_binary,
    bytearray: _write_binary,
    memoryview: _write_memoryview,
    str: _write_string,
    symbol: _write_symbol,
}
