"""Bytes to Python values (specification part 1, sections 1.2 to 1.6).

One table, indexed by the constructor byte, holds a function for each encoding.  It gets the buffer, the position after
the constructor and the levels of nesting still allowed, and answers the value and the position after it.

Nothing a peer says about sizes is believed, yet little is checked ahead: a scalar that runs past its enclosing value
simply answers a position past it, and the end of every compound value, and of the whole, is compared with what was
announced.  Every value but an element of a zero-width array takes at least a byte, so the work is at most linear in the
bytes received.

Where a Python ``dict`` cannot say what an AMQP map said: keys that compare equal in Python (``1``, ``True``,
``ulong(1)``) are one key and the last one's value is kept; a key that is a list becomes a tuple, which is
encoded as a list again; a key that is a map, an array or a described value is a :class:`DecodeError`.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, List, NoReturn, Optional, Tuple, Union

from syncproton.codec.described import UNDESCRIBED, Array, Described
from syncproton.codec.limits import MAX_NESTING, MAX_ZERO_WIDTH
from syncproton.codec.scalar_decoders import BULK, PLAIN_INTEGERS, SCALARS, SIGNED, Decoder, Result
from syncproton.codec.typecodes import TypeCode
from syncproton.errors import DecodeError

__all__ = ["DECODERS", "KINDS", "decode", "decode_fields", "hashable"]

_MAX_EMPTY_LISTS = 15  # elements of the zero-width list0 are objects of their own, so they cost more than others
_MALFORMED = (IndexError, struct.error, UnicodeDecodeError, RecursionError)

_size_count32 = struct.Struct(">II").unpack_from
_long = struct.Struct(">q").unpack_from


def decode(buf: Union[bytes, bytearray, memoryview], pos: int = 0, end: Optional[int] = None) -> Result:
    """Decode the one value that starts at ``pos``.

    :param buf: best ``bytes``; anything else is copied first.
    :param end: where the value must have ended, by default the end of ``buf``.
    :returns: the value, and the position after it.
    :raises DecodeError: if the bytes are not a whole, valid AMQP value.
    """
    if type(buf) is not bytes:
        buf = bytes(buf)
    try:
        value, stop = DECODERS[buf[pos]](buf, pos + 1, MAX_NESTING)
    except _MALFORMED as error:
        raise _malformed(error) from error
    if stop > (len(buf) if end is None else end):
        raise DecodeError("the bytes end before the value does")
    return value, stop


def decode_fields(buf: bytes, pos: int = 0, end: Optional[int] = None) -> Tuple[List[Any], int]:
    """Decode the list at ``pos``, the fields of a composite type, with its own integers as plain ``int``.

    :param end: where the list must have ended, by default the end of ``buf``.
    :returns: the fields, and the position after the list.
    :raises DecodeError: if the bytes are not a whole, valid AMQP list.
    """
    if end is None:
        end = len(buf)
    fields: List[Any] = []
    append = fields.append
    table = _FIELD_DECODERS
    try:
        code = buf[pos]
        if code == 0xC0:
            stop = pos + 2 + buf[pos + 1]
            count = buf[pos + 2]
            pos += 3
        elif code == 0xD0:
            size, count = _size_count32(buf, pos + 1)
            stop = pos + 5 + size
            pos += 9
        elif code == 0x45:
            stop = pos = pos + 1
            count = 0
        else:
            raise DecodeError(f"a list was expected, not constructor 0x{code:02x}")
        if stop > end:
            raise DecodeError("the bytes end before the value does")
        for _ in range(count):
            value, pos = table[buf[pos]](buf, pos + 1, MAX_NESTING - 1)
            append(value)
    except _MALFORMED as error:
        raise _malformed(error) from error
    if pos != stop:
        raise _wrong_size("list")
    return fields, pos


def _malformed(error: Exception) -> DecodeError:
    if isinstance(error, UnicodeDecodeError):
        return DecodeError(f"invalid text: {error}")
    if isinstance(error, RecursionError):
        return DecodeError("nested deeper than the interpreter's stack allows")
    return DecodeError("the bytes end before the value does")


def _wrong_size(what: str) -> DecodeError:
    return DecodeError(f"the elements of a {what} do not fill its announced size")


def _too_deep() -> DecodeError:
    return DecodeError(f"nested more than {MAX_NESTING} deep")


# --- lists, maps, described values -----------------------------------------------------------------------------------

def _read_list0(buf: bytes, pos: int, depth: int) -> Result:
    return [], pos


def _read_list8(buf: bytes, pos: int, depth: int) -> Result:
    return _list(buf, pos + 2, pos + 1 + buf[pos], buf[pos + 1], depth)


def _read_list32(buf: bytes, pos: int, depth: int) -> Result:
    size, count = _size_count32(buf, pos)
    return _list(buf, pos + 8, pos + 4 + size, count, depth)


def _list(buf: bytes, pos: int, stop: int, count: int, depth: int) -> Result:
    if depth <= 0:
        raise _too_deep()
    depth -= 1
    table = DECODERS
    values: List[Any] = []
    append = values.append
    for _ in range(count):
        value, pos = table[buf[pos]](buf, pos + 1, depth)
        append(value)
    if pos != stop:
        raise _wrong_size("list")
    return values, pos


def _read_map8(buf: bytes, pos: int, depth: int) -> Result:
    return _map(buf, pos + 2, pos + 1 + buf[pos], buf[pos + 1], depth)


def _read_map32(buf: bytes, pos: int, depth: int) -> Result:
    size, count = _size_count32(buf, pos)
    return _map(buf, pos + 8, pos + 4 + size, count, depth)


def _map(buf: bytes, pos: int, stop: int, count: int, depth: int) -> Result:
    if depth <= 0:
        raise _too_deep()
    if count & 1:
        raise DecodeError("a map with a key and no value")
    depth -= 1
    table = DECODERS
    values: Dict[Any, Any] = {}
    for _ in range(count >> 1):
        code = buf[pos]
        if code == 0xA1:
            start = pos + 2
            pos = start + buf[pos + 1]
            key: Any = buf[start:pos].decode()
        else:
            key, pos = table[code](buf, pos + 1, depth)
        code = buf[pos]
        value: Any
        if code == 0xA1:
            start = pos + 2
            pos = start + buf[pos + 1]
            value = buf[start:pos].decode()
        elif code == 0x55:
            value = SIGNED[buf[pos + 1]]
            pos += 2
        elif code == 0xC1:
            value, pos = _map(buf, pos + 3, pos + 2 + buf[pos + 1], buf[pos + 2], depth)
        else:
            value, pos = table[code](buf, pos + 1, depth)
        try:
            values[key] = value
        except TypeError:
            values[hashable(key)] = value
    if pos != stop:
        raise _wrong_size("map")
    return values, pos


def hashable(key: Any) -> Any:
    """The form in which a decoded value can be the key of a ``dict``: a list is made a tuple.

    :raises DecodeError: if it is a map, an array or a described value, or there is one in it.
    """
    if isinstance(key, list):
        return tuple([hashable(element) for element in key])
    if key.__hash__ is None:
        raise DecodeError(f"a map key of type {type(key).__name__} cannot be the key of a dict")
    return key


def _read_described(buf: bytes, pos: int, depth: int) -> Result:
    if depth <= 0:
        raise _too_deep()
    depth -= 1
    descriptor, pos = DECODERS[buf[pos]](buf, pos + 1, depth)
    value, pos = DECODERS[buf[pos]](buf, pos + 1, depth)
    return Described(descriptor, value), pos


# --- arrays ----------------------------------------------------------------------------------------------------------

def _read_array8(buf: bytes, pos: int, depth: int) -> Result:
    return _array(buf, pos + 2, pos + 1 + buf[pos], buf[pos + 1], depth)


def _read_array32(buf: bytes, pos: int, depth: int) -> Result:
    size, count = _size_count32(buf, pos)
    return _array(buf, pos + 8, pos + 4 + size, count, depth)


def _array(buf: bytes, pos: int, stop: int, count: int, depth: int) -> Result:
    descriptor: Any = UNDESCRIBED
    if depth <= 0:
        raise _too_deep()
    depth -= 1
    code = buf[pos]
    pos += 1
    if code == 0:
        descriptor, pos = DECODERS[buf[pos]](buf, pos + 1, depth)
        code = buf[pos]
        pos += 1
    kind, elements = _elements(buf, pos, stop, code, count, depth)
    return Array(descriptor, kind, *elements), stop


def _elements(
    buf: bytes, pos: int, stop: int, code: int, count: int, depth: int
) -> Tuple[TypeCode, Union[List[Any], Tuple[Any, ...]]]:
    """Decode the elements of an array, which lie from ``pos`` to ``stop`` and all have the constructor ``code``."""
    if code == 0:
        # The array had a descriptor already: each element is that descriptor's value and itself described.
        if depth <= 0:
            raise _too_deep()
        depth -= 1
        descriptor, pos = DECODERS[buf[pos]](buf, pos + 1, depth)
        inner = _elements(buf, pos + 1, stop, buf[pos], count, depth)[1]
        return TypeCode.DESCRIBED, [Described(descriptor, value) for value in inner]
    kind = KINDS.get(code)
    if kind is None:
        raise DecodeError(f"unknown constructor 0x{code:02x}")
    reader = DECODERS[code]
    width = _WIDTHS.get(code)
    if width is None:
        values: List[Any] = []
        append = values.append
        for _ in range(count):
            value, pos = reader(buf, pos, depth)
            append(value)
        if pos != stop:
            raise _wrong_size("array")
        return kind, values
    if pos + count * width != stop or stop > len(buf):
        raise _wrong_size("array")
    if not width and count > (_MAX_EMPTY_LISTS if kind is TypeCode.LIST else MAX_ZERO_WIDTH):
        raise DecodeError(f"an array of {count} elements that take no bytes")
    layout = BULK.get(code)
    if layout is None:
        return kind, [reader(buf, at, depth)[0] for at in (range(pos, stop, width) if width else [pos] * count)]
    letter, make = layout
    numbers = struct.unpack_from(f">{count}{letter}", buf, pos)
    return kind, numbers if make is None else tuple(map(make, numbers))


# --- tables ----------------------------------------------------------------------------------------------------------

def _unknown(buf: bytes, pos: int, depth: int) -> NoReturn:
    raise DecodeError(f"unknown constructor 0x{buf[pos - 1]:02x}")


_COMPOUNDS: Dict[int, Tuple[TypeCode, Decoder]] = {
    0x45: (TypeCode.LIST, _read_list0),
    0xC0: (TypeCode.LIST, _read_list8),
    0xC1: (TypeCode.MAP, _read_map8),
    0xD0: (TypeCode.LIST, _read_list32),
    0xD1: (TypeCode.MAP, _read_map32),
    0xE0: (TypeCode.ARRAY, _read_array8),
    0xF0: (TypeCode.ARRAY, _read_array32),
}

DECODERS: List[Decoder] = [_unknown] * 256
"""For each constructor byte, ``f(buf, pos after it, levels of nesting allowed) -> (value, pos after the value)``.

They raise ``IndexError``, ``struct.error``, ``UnicodeDecodeError`` and :class:`DecodeError`, and may answer a position
past the end of the buffer for a value that is cut off: :func:`decode` makes one error of all of these.
"""

KINDS: Dict[int, TypeCode] = {0: TypeCode.DESCRIBED}
"""The type each constructor byte stands for."""

DECODERS[0] = _read_described
for _code, (_kind, _decoder) in {**SCALARS, **_COMPOUNDS}.items():
    DECODERS[_code] = _decoder
    KINDS[_code] = _kind

_FIELD_DECODERS = list(DECODERS)
for _code, _decoder in PLAIN_INTEGERS.items():
    _FIELD_DECODERS[_code] = _decoder

# A fixed-width constructor tells its width in its upper half (specification part 1, section 1.2).
_WIDTHS: Dict[int, int] = {
    code: {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}[code >> 4] for code in KINDS if 0x40 <= code < 0xA0
}
