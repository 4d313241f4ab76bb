"""The types that a field of a composite may have (part 1, section 1.4): how each is written and checked.

A *writer* appends the shortest encoding of a value.  A *reader* takes a value as the codec decoded it and answers what
the attribute shall hold, or raises ``ValueError`` saying what was expected.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from ..codec.described import UNDESCRIBED, Array
from ..codec.encoder import encode_into
from ..codec.typecodes import TypeCode
from ..codec.types import symbol

__all__ = ["Field", "INT_LIMITS", "Reader", "Writer", "field", "write_any"]

Writer = Callable[[bytearray, Any], None]
Reader = Callable[[Any], Any]

INT_LIMITS: Dict[str, int] = {"ubyte": 0xFF, "ushort": 0xFFFF, "uint": 0xFFFFFFFF, "ulong": 0xFFFFFFFFFFFFFFFF}

_pack_byte = struct.Struct(">BB").pack
_pack_short = struct.Struct(">BH").pack
_pack_int = struct.Struct(">BI").pack
_pack_long = struct.Struct(">BQ").pack


class Field(NamedTuple):
    """One field of a composite.

    :ivar name: the attribute: the specification's name with underscores.
    :ivar type: the primitive type, ``*`` for any value, or the archetype of a nested composite (``error``, ``source``).
    :ivar mandatory: True if a null is an error.
    :ivar multiple: True if the value is a list of symbols.
    :ivar default: what a null means.
    :ivar terse: True if a value equal to the default is left out when writing.
    :ivar secret: True if the value must not be shown.
    """

    name: str
    type: str
    mandatory: bool
    multiple: bool
    default: Any
    terse: bool
    secret: bool
    write: Writer
    read: Reader


def field(
    name: str,
    type: str,
    *,
    mandatory: bool = False,
    multiple: bool = False,
    default: Any = None,
    terse: bool = True,
    secret: bool = False,
    read: Optional[Reader] = None,
) -> Field:
    """Make a :class:`Field`; ``read`` is only needed where the type is not a primitive."""
    if multiple:
        return Field(name, type, mandatory, True, default, terse, secret, _write_symbols, _read_symbols)
    writer = _WRITERS.get(type, write_any)
    reader = read if read is not None else _READERS[type]
    return Field(name, type, mandatory, False, default, terse, secret, writer, reader)


def _check_int(value: int, type: str) -> None:
    if not 0 <= value <= INT_LIMITS[type]:
        raise ValueError(f"{value} is out of the range of {type}")


def _write_boolean(out: bytearray, value: Any) -> None:
    out.append(0x41 if value else 0x42)


def _write_ubyte(out: bytearray, value: int) -> None:
    _check_int(value, "ubyte")
    out += _pack_byte(0x50, value)


def _write_ushort(out: bytearray, value: int) -> None:
    _check_int(value, "ushort")
    out += _pack_short(0x60, value)


def _write_uint(out: bytearray, value: int) -> None:
    _check_int(value, "uint")
    if value == 0:
        out.append(0x43)
    elif value < 256:
        out += _pack_byte(0x52, value)
    else:
        out += _pack_int(0x70, value)


def _write_ulong(out: bytearray, value: int) -> None:
    _check_int(value, "ulong")
    if value == 0:
        out.append(0x44)
    elif value < 256:
        out += _pack_byte(0x53, value)
    else:
        out += _pack_long(0x80, value)


def _write_variable(out: bytearray, code: int, raw: bytes) -> None:
    """``code`` is the constructor for a one-byte length; the four-byte one is 0x10 above it."""
    out += _pack_byte(code, len(raw)) if len(raw) < 256 else _pack_int(code + 0x10, len(raw))
    out += raw


def _write_binary(out: bytearray, value: bytes) -> None:
    _write_variable(out, 0xA0, value)


def _write_string(out: bytearray, value: str) -> None:
    _write_variable(out, 0xA1, value.encode("utf-8"))


def _write_symbol(out: bytearray, value: str) -> None:
    _write_variable(out, 0xA3, value.encode("ascii"))


def _write_symbols(out: bytearray, value: Any) -> None:
    """A list of symbols as an array; one symbol alone, or an Array, as it is."""
    if isinstance(value, Array):
        encode_into(out, value)
    elif isinstance(value, str):
        _write_symbol(out, value)
    else:
        encode_into(out, Array(UNDESCRIBED, TypeCode.SYMBOL, *[symbol(item) for item in value]))


def write_any(out: bytearray, value: Any) -> None:
    """Write a nested composite (anything that has ``encode_into``) or a value of the codec."""
    nested = getattr(value, "encode_into", None)
    if nested is not None:
        nested(out)
    else:
        encode_into(out, value)


_WRITERS: Dict[str, Writer] = {
    "boolean": _write_boolean,
    "ubyte": _write_ubyte,
    "ushort": _write_ushort,
    "uint": _write_uint,
    "ulong": _write_ulong,
    "binary": _write_binary,
    "string": _write_string,
    "symbol": _write_symbol,
}


def _read_boolean(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise ValueError("a boolean")


def _int_reader(type: str) -> Reader:
    limit = INT_LIMITS[type]

    def read(value: Any) -> int:
        # The width a peer chose does not matter, as long as the value is one that the field can have.
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit:
            return int(value)
        raise ValueError(f"a {type}")

    return read


def _read_binary(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError("a binary")


def _read_string(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise ValueError("a string")


def _read_symbol(value: Any) -> symbol:
    # Some peers send strings where symbols belong; the meaning is plain.
    if isinstance(value, str):
        return symbol(value)
    raise ValueError("a symbol")


def _read_symbols(value: Any) -> List[symbol]:
    """An array of symbols, or the single symbol that stands for an array of one (part 1, section 1.4)."""
    if isinstance(value, str):
        return [symbol(value)]
    if isinstance(value, Array):
        return [_read_symbol(item) for item in value.elements]
    if isinstance(value, list):
        return [_read_symbol(item) for item in value]  # No array, but what programs on proton send for one.
    raise ValueError("an array of symbols")


def _read_map(value: Any) -> Dict[Any, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError("a map")


def _read_any(value: Any) -> Any:
    return value


_READERS: Dict[str, Reader] = {
    "boolean": _read_boolean,
    "ubyte": _int_reader("ubyte"),
    "ushort": _int_reader("ushort"),
    "uint": _int_reader("uint"),
    "ulong": _int_reader("ulong"),
    "binary": _read_binary,
    "string": _read_string,
    "symbol": _read_symbol,
    "map": _read_map,
    "*": _read_any,
}
