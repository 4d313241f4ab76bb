"""The decoding of each scalar encoding.

Each function gets the buffer, the position after the constructor byte, and the levels of nesting allowed (which a
scalar has no use for), and answers the value and the position after it.  See :mod:`syncproton.codec.decoder` for
what is checked where.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple
from uuid import UUID

from typing_extensions import Final

from syncproton.codec.typecodes import TypeCode
from syncproton.codec.types import (
    binary, byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte, uint, ulong,
    ushort,
)
from syncproton.errors import DecodeError

__all__ = ["BULK", "PLAIN_INTEGERS", "SCALARS", "SIGNED", "Decoder", "Result"]

Result = Tuple[Any, int]
Decoder = Callable[[bytes, int, int], Result]

_short = struct.Struct(">h").unpack_from
_ushort = struct.Struct(">H").unpack_from
_int = struct.Struct(">i").unpack_from
_uint = struct.Struct(">I").unpack_from
_long = struct.Struct(">q").unpack_from
_ulong = struct.Struct(">Q").unpack_from
_float = struct.Struct(">f").unpack_from
_double = struct.Struct(">d").unpack_from

# Unsigned numbers are made with int.__new__: what was unpacked is in range, so the classes' own check is not run.
_make = int.__new__
_UBYTES = [ubyte(n) for n in range(256)]
_UINTS = [uint(n) for n in range(256)]
_ULONGS = [ulong(n) for n in range(256)]
SIGNED = [n - 256 if n > 127 else n for n in range(256)]
_BYTES = [byte(n) for n in SIGNED]
_INTS = [int32(n) for n in SIGNED]

# The same few symbols (annotation keys, content types) come with every message; making one costs more than finding it.
_symbols: Dict[bytes, symbol] = {}
_MAX_SYMBOLS: Final = 1024
_MAX_KEPT_SYMBOL: Final = 64


def _read_null(buf: bytes, pos: int, depth: int) -> Result:
    return None, pos


def _read_true(buf: bytes, pos: int, depth: int) -> Result:
    return True, pos


def _read_false(buf: bytes, pos: int, depth: int) -> Result:
    return False, pos


def _read_boolean(buf: bytes, pos: int, depth: int) -> Result:
    octet = buf[pos]
    if octet > 1:
        raise DecodeError(f"0x{octet:02x} is not a boolean")
    return octet == 1, pos + 1


def _read_ubyte(buf: bytes, pos: int, depth: int) -> Result:
    return _UBYTES[buf[pos]], pos + 1


def _read_ushort(buf: bytes, pos: int, depth: int) -> Result:
    return _make(ushort, _ushort(buf, pos)[0]), pos + 2


def _read_uint(buf: bytes, pos: int, depth: int) -> Result:
    return _make(uint, _uint(buf, pos)[0]), pos + 4


def _read_smalluint(buf: bytes, pos: int, depth: int) -> Result:
    return _UINTS[buf[pos]], pos + 1


def _read_uint0(buf: bytes, pos: int, depth: int) -> Result:
    return _UINTS[0], pos


def _read_ulong(buf: bytes, pos: int, depth: int) -> Result:
    return _make(ulong, _ulong(buf, pos)[0]), pos + 8


def _read_smallulong(buf: bytes, pos: int, depth: int) -> Result:
    return _ULONGS[buf[pos]], pos + 1


def _read_ulong0(buf: bytes, pos: int, depth: int) -> Result:
    return _ULONGS[0], pos


def _read_byte(buf: bytes, pos: int, depth: int) -> Result:
    return _BYTES[buf[pos]], pos + 1


def _read_short(buf: bytes, pos: int, depth: int) -> Result:
    return short(_short(buf, pos)[0]), pos + 2


def _read_int(buf: bytes, pos: int, depth: int) -> Result:
    return int32(_int(buf, pos)[0]), pos + 4


def _read_smallint(buf: bytes, pos: int, depth: int) -> Result:
    return _INTS[buf[pos]], pos + 1


def _read_long(buf: bytes, pos: int, depth: int) -> Result:
    return _long(buf, pos)[0], pos + 8


def _read_smalllong(buf: bytes, pos: int, depth: int) -> Result:
    return SIGNED[buf[pos]], pos + 1


def _read_float(buf: bytes, pos: int, depth: int) -> Result:
    return float32(_float(buf, pos)[0]), pos + 4


def _read_double(buf: bytes, pos: int, depth: int) -> Result:
    return _double(buf, pos)[0], pos + 8


def _read_decimal32(buf: bytes, pos: int, depth: int) -> Result:
    return decimal32(_uint(buf, pos)[0]), pos + 4


def _read_decimal64(buf: bytes, pos: int, depth: int) -> Result:
    return decimal64(_ulong(buf, pos)[0]), pos + 8


def _read_decimal128(buf: bytes, pos: int, depth: int) -> Result:
    return decimal128(buf[pos:pos + 16]), pos + 16


def _read_char(buf: bytes, pos: int, depth: int) -> Result:
    number = _uint(buf, pos)[0]
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise DecodeError(f"0x{number:08x} is not a Unicode character")
    return char(chr(number)), pos + 4


def _read_timestamp(buf: bytes, pos: int, depth: int) -> Result:
    return timestamp(_long(buf, pos)[0]), pos + 8


def _read_uuid(buf: bytes, pos: int, depth: int) -> Result:
    octets = buf[pos:pos + 16]
    if len(octets) != 16:
        raise DecodeError("the bytes end before the value does")
    return UUID(bytes=octets), pos + 16


def _read_binary8(buf: bytes, pos: int, depth: int) -> Result:
    stop = pos + 1 + buf[pos]
    return binary(buf[pos + 1:stop]), stop


def _read_binary32(buf: bytes, pos: int, depth: int) -> Result:
    stop = pos + 4 + _uint(buf, pos)[0]
    return binary(memoryview(buf)[pos + 4:stop]), stop  # A view, so that many bytes are copied once, not twice.


def _read_string8(buf: bytes, pos: int, depth: int) -> Result:
    stop = pos + 1 + buf[pos]
    return buf[pos + 1:stop].decode(), stop


def _read_string32(buf: bytes, pos: int, depth: int) -> Result:
    stop = pos + 4 + _uint(buf, pos)[0]
    return buf[pos + 4:stop].decode(), stop


def _read_symbol8(buf: bytes, pos: int, depth: int) -> Result:
    stop = pos + 1 + buf[pos]
    octets = buf[pos + 1:stop]
    return _symbols.get(octets) or _symbol(octets), stop


def _read_symbol32(buf: bytes, pos: int, depth: int) -> Result:
    stop = pos + 4 + _uint(buf, pos)[0]
    return _symbol(buf[pos + 4:stop]), stop


def _symbol(octets: bytes) -> symbol:
    made = symbol(octets.decode("ascii"))
    if len(octets) <= _MAX_KEPT_SYMBOL and len(_symbols) < _MAX_SYMBOLS:
        _symbols[octets] = made
    return made


SCALARS: Dict[int, Tuple[TypeCode, Decoder]] = {
    0x40: (TypeCode.NULL, _read_null),
    0x41: (TypeCode.BOOL, _read_true),
    0x42: (TypeCode.BOOL, _read_false),
    0x43: (TypeCode.UINT, _read_uint0),
    0x44: (TypeCode.ULONG, _read_ulong0),
    0x50: (TypeCode.UBYTE, _read_ubyte),
    0x51: (TypeCode.BYTE, _read_byte),
    0x52: (TypeCode.UINT, _read_smalluint),
    0x53: (TypeCode.ULONG, _read_smallulong),
    0x54: (TypeCode.INT, _read_smallint),
    0x55: (TypeCode.LONG, _read_smalllong),
    0x56: (TypeCode.BOOL, _read_boolean),
    0x60: (TypeCode.USHORT, _read_ushort),
    0x61: (TypeCode.SHORT, _read_short),
    0x70: (TypeCode.UINT, _read_uint),
    0x71: (TypeCode.INT, _read_int),
    0x72: (TypeCode.FLOAT, _read_float),
    0x73: (TypeCode.CHAR, _read_char),
    0x74: (TypeCode.DECIMAL32, _read_decimal32),
    0x80: (TypeCode.ULONG, _read_ulong),
    0x81: (TypeCode.LONG, _read_long),
    0x82: (TypeCode.DOUBLE, _read_double),
    0x83: (TypeCode.TIMESTAMP, _read_timestamp),
    0x84: (TypeCode.DECIMAL64, _read_decimal64),
    0x94: (TypeCode.DECIMAL128, _read_decimal128),
    0x98: (TypeCode.UUID, _read_uuid),
    0xA0: (TypeCode.BINARY, _read_binary8),
    0xA1: (TypeCode.STRING, _read_string8),
    0xA3: (TypeCode.SYMBOL, _read_symbol8),
    0xB0: (TypeCode.BINARY, _read_binary32),
    0xB1: (TypeCode.STRING, _read_string32),
    0xB3: (TypeCode.SYMBOL, _read_symbol32),
}
"""For each constructor byte of a scalar, its type and what decodes it."""

BULK: Dict[int, Tuple[str, Optional[Callable[[Any], Any]]]] = {
    0x50: ("B", _UBYTES.__getitem__),
    0x51: ("b", byte),
    0x52: ("B", _UINTS.__getitem__),
    0x53: ("B", _ULONGS.__getitem__),
    0x54: ("b", int32),
    0x55: ("b", None),
    0x60: ("H", partial(_make, ushort)),
    0x61: ("h", short),
    0x70: ("I", partial(_make, uint)),
    0x71: ("i", int32),
    0x72: ("f", float32),
    0x74: ("I", decimal32),
    0x80: ("Q", partial(_make, ulong)),
    0x81: ("q", None),
    0x82: ("d", None),
    0x83: ("q", timestamp),
    0x84: ("Q", decimal64),
}
"""Arrays of these are unpacked in one go: the struct letter, and what makes the Python value of each number."""


def _plain(unpack: Callable[[bytes, int], Tuple[int, ...]], width: int) -> Decoder:
    def read(buf: bytes, pos: int, depth: int) -> Result:
        return unpack(buf, pos)[0], pos + width
    return read


def _read_plain0(buf: bytes, pos: int, depth: int) -> Result:
    return 0, pos


def _read_plain8(buf: bytes, pos: int, depth: int) -> Result:
    return buf[pos], pos + 1


PLAIN_INTEGERS: Dict[int, Decoder] = {
    0x43: _read_plain0,
    0x44: _read_plain0,
    0x50: _read_plain8,
    0x51: _read_smalllong,
    0x52: _read_plain8,
    0x53: _read_plain8,
    0x54: _read_smalllong,
    0x60: _plain(_ushort, 2),
    0x61: _plain(_short, 2),
    0x70: _plain(_uint, 4),
    0x71: _plain(_int, 4),
    0x80: _plain(_ulong, 8),
}
"""What decodes the integer encodings to plain ``int``."""
