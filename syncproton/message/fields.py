"""The two sections that are lists of typed fields: header and properties (specification part 3, 3.2.1 and 3.2.4).

In memory such a section is a Python list as long as the section has fields.  ``None`` is a field that has its
default value and is not sent.  The integers of message-id and correlation-id are plain ``int``, sent as ulong; every
other value has the class that the codec encodes as the field's type.

Senders do not always keep to the types, so what can only mean one thing is accepted: integers of any width, a symbol
for a string and a string for a symbol.  Anything else is a :class:`~syncproton.errors.DecodeError`.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, List, NoReturn, Optional, Tuple

from syncproton.codec.decoder import DECODERS
from syncproton.codec.encoder import ENCODERS
from syncproton.codec.scalar_decoders import PLAIN_INTEGERS
from syncproton.codec.types import symbol, timestamp, ubyte, uint, ulong
from syncproton.errors import DataException, DecodeError

__all__ = ["HEADER", "PROPERTIES", "Fields", "read_fields", "write_fields"]

Fields = List[Any]
Reader = Callable[[bytes, int, int], Tuple[Any, int]]

DEFAULT_PRIORITY = 4

_size_count32 = struct.Struct(">II").unpack_from
_wide_list = struct.Struct(">BII").pack
_STRING8 = [bytes((0xA1, size)) for size in range(256)]
_STRINGS = (0xA1, 0xB1)
_SYMBOLS = (0xA3, 0xB3)
_UNSIGNED = (0x43, 0x44, 0x50, 0x52, 0x53, 0x60, 0x70, 0x80)
_SIGNED = (0x51, 0x54, 0x55, 0x61, 0x71, 0x81)

_SMALLULONG = [b"\x44"] + [bytes((0x53, number)) for number in range(1, 256)]
_wide_ulong = struct.Struct(">BQ").pack


class Section:
    """What distinguishes one section of fields from the other.

    :ivar head: how it starts on the wire: descriptor and list constructor, size and count still zero.
    :ivar readers: for each field a table that gives, for each constructor byte, the function that reads it.
    """

    __slots__ = ("head", "name", "readers")

    def __init__(self, name: str, descriptor: int, *readers: List[Reader]) -> None:
        self.name = name
        self.head = bytes((0, 0x53, descriptor, 0xC0, 0, 0))
        self.readers = readers


def read_fields(section: Section, buf: bytes, pos: int) -> Tuple[Optional[Fields], int]:
    """Read the list at ``pos``; returns the fields, or ``None`` when there are none, and the position after it."""
    code = buf[pos]
    if code == 0xC0:
        stop = pos + 2 + buf[pos + 1]
        count = buf[pos + 2]
        pos += 3
    elif code == 0x45 or code == 0x40:
        return None, pos + 1
    elif code == 0xD0:
        size, count = _size_count32(buf, pos + 1)
        stop = pos + 5 + size
        pos += 9
    else:
        raise DecodeError(f"the {section.name} section is not a list")
    readers = section.readers
    if count > len(readers):
        raise DecodeError(f"the {section.name} section has {count} fields, at most {len(readers)} are known")
    fields: Fields = [None] * len(readers)
    for index in range(count):
        code = buf[pos]
        pos += 1
        if code != 0x40:
            fields[index], pos = readers[index][code](buf, pos, 0)
    if pos != stop:
        raise DecodeError(f"the fields of the {section.name} section do not fill its announced size")
    return fields, pos


def write_fields(section: Section, out: bytearray, fields: Fields) -> None:
    """Append the section to ``out``, without its trailing nulls."""
    out += section.head
    body = len(out)
    count = 0
    left = len(fields) - fields.count(None)  # most messages have few fields, and the first ones
    for value in fields if left else ():
        count += 1
        if value is None:
            out += b"\x40"
            continue
        left -= 1
        kind = type(value)
        if kind is str and len(value) < 64:  # so its UTF-8 is below 256 bytes
            octets = value.encode()
            out += _STRING8[len(octets)]
            out += octets
        elif kind is int:
            out += _SMALLULONG[value] if value < 256 else _wide_ulong(0x80, value)
        else:
            ENCODERS[kind](out, value)
        if not left:
            break
    size = len(out) - body + 1
    if size <= 255:
        if count:
            out[body - 2] = size
            out[body - 1] = count
        else:
            out[body - 3:] = b"\x45"
    else:
        try:
            out[body - 3:body] = _wide_list(0xD0, size + 3, count)
        except struct.error:
            raise DataException(f"the {section.name} section is too big") from None


# --- reading one field -----------------------------------------------------------------------------------------------

def _table(expected: str, *readers: Tuple[Tuple[int, ...], Reader]) -> List[Reader]:
    def refuse(buf: bytes, pos: int, depth: int) -> NoReturn:
        raise DecodeError(f"expected {expected}, found constructor 0x{buf[pos - 1]:02x}")

    table: List[Reader] = [refuse] * 256
    for codes, reader in readers:
        for code in codes:
            table[code] = reader
    return table


def _converted(convert: Callable[[Any], Any]) -> Reader:
    def read(buf: bytes, pos: int, depth: int) -> Tuple[Any, int]:
        value, pos = DECODERS[buf[pos - 1]](buf, pos, depth)
        return convert(value), pos
    return read


def _integer(kind: Callable[[int], Any], default: Optional[int] = None) -> Reader:
    """Read an integer of any width, as long as its value fits ``kind``; ``default`` is read as ``None``."""
    def convert(value: int) -> Any:
        try:
            return None if value == default else kind(int(value))
        except ValueError:
            raise DecodeError(f"{int(value)} is out of range") from None
    return _converted(convert)


def _read_true(buf: bytes, pos: int, depth: int) -> Tuple[Any, int]:
    return True, pos


def _read_false(buf: bytes, pos: int, depth: int) -> Tuple[Any, int]:
    return None, pos


def _direct(*codes: int) -> List[Tuple[Tuple[int, ...], Reader]]:
    """The codec's own readers, for the constructors that need no conversion."""
    return [((code,), DECODERS[code]) for code in codes]


_FLAG = _table(
    "a boolean", ((0x41,), _read_true), ((0x42,), _read_false), ((0x56,), _converted(lambda flag: flag or None))
)
_PRIORITY = _table("a ubyte", (_UNSIGNED + _SIGNED, _integer(ubyte, DEFAULT_PRIORITY)))
_NUMBER = _table("a uint", (_UNSIGNED + _SIGNED, _integer(uint, 0)))
_SEQUENCE = _table("a uint", (_UNSIGNED + _SIGNED, _integer(uint)), *_direct(0x43, 0x52, 0x70))
_TIME = _table("a timestamp", (_UNSIGNED + _SIGNED, _integer(timestamp)), *_direct(0x83))
_TEXT = _table("a string", (_SYMBOLS, _converted(str)), *_direct(*_STRINGS))
_SYMBOL = _table("a symbol", (_STRINGS, _converted(symbol)), *_direct(*_SYMBOLS))
_BINARY = _table("a binary", (_STRINGS, _converted(str.encode)), *_direct(0xA0, 0xB0))
_ID = _table(
    "a message id",
    (_SIGNED, _integer(lambda value: int(ulong(value)))),
    *[((code,), PLAIN_INTEGERS[code]) for code in _UNSIGNED],
    (_SYMBOLS, _converted(str)),
    *_direct(0xA0, 0xB0, 0x98, *_STRINGS),
)

HEADER = Section("header", 0x70, _FLAG, _PRIORITY, _NUMBER, _FLAG, _NUMBER)
"""durable, priority, ttl, first-acquirer, delivery-count."""

PROPERTIES = Section(
    "properties", 0x73,
    _ID, _BINARY, _TEXT, _TEXT, _TEXT, _ID, _SYMBOL, _SYMBOL, _TIME, _TIME, _TEXT, _SEQUENCE, _TEXT,
)
"""message-id, user-id, to, subject, reply-to, correlation-id, content-type, content-encoding, absolute-expiry-time,
creation-time, group-id, group-sequence, reply-to-group-id."""
