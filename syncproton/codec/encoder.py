"""Python values to bytes, in the shortest encoding that peers take (specification part 1, sections 1.2 to 1.6).

One table, keyed by the exact Python type, holds a function for each; subclasses and abstract mappings are
looked up the slow way.  Everything is appended to one ``bytearray``.  A list or map is written with a one-byte size
and count left open; when its contents turn out not to fit, the header is widened in place.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union

from typing_extensions import Final

from syncproton.codec.containers import AnnotationDict, PropertyDict, SymbolList
from syncproton.codec.decoder import KINDS
from syncproton.codec.described import UNDESCRIBED, Array, Described
from syncproton.codec.limits import MAX_ZERO_WIDTH
from syncproton.codec.scalar_encoders import (
    SCALAR_ENCODERS, SHORT_STRING, SMALL_LONG, Encoder, char_number, decimal128_octets, string_octets, symbol_octets,
    unfit,
)
from syncproton.codec.typecodes import TypeCode
from syncproton.codec.types import float32
from syncproton.errors import DataException

__all__ = ["ENCODERS", "encode", "encode_into", "encoder_for", "write_map"]

_Kind = Union[type, Tuple[type, ...]]

# The keys of maps are mostly the same few in all messages: finding how one is encoded costs less than encoding it.
_keys: Dict[str, bytes] = {}
_MAX_KEYS: Final = 1024
_MAX_KEPT_KEY: Final = 64

_code_size_count32 = struct.Struct(">BII").pack


def encode(value: Any) -> bytes:
    """Encode one value.

    :raises DataException: if the value, or one inside it, has no AMQP encoding.
    """
    out = bytearray()
    try:
        (ENCODERS.get(type(value)) or encoder_for(value))(out, value)
    except RecursionError:
        raise _too_deep() from None
    return bytes(out)


def encode_into(out: bytearray, value: Any) -> None:
    """Append the encoding of ``value`` to ``out``, which is left as it was if that fails.

    :raises DataException: if the value, or one inside it, has no AMQP encoding.
    """
    start = len(out)
    try:
        (ENCODERS.get(type(value)) or encoder_for(value))(out, value)
    except DataException:
        del out[start:]
        raise
    except RecursionError:
        del out[start:]
        raise _too_deep() from None


def _too_deep() -> DataException:
    return DataException("the value is nested too deeply, or contains itself")


def encoder_for(value: Any) -> Encoder:
    """Find the encoder of a value whose exact type is not in :data:`ENCODERS`.

    :raises DataException: if there is none.
    """
    for base in type(value).__mro__:
        encoder = ENCODERS.get(base)
        if encoder is not None:
            return encoder
    if isinstance(value, Mapping):
        return write_map
    raise DataException(f"a {type(value).__name__} has no AMQP encoding")


# --- lists, maps, described values -----------------------------------------------------------------------------------

def _write_list(out: bytearray, value: Iterable[Any]) -> None:
    table = ENCODERS
    start = len(out)
    out += b"\xc0\0\0"
    count = 0
    for element in value:
        (table.get(type(element)) or encoder_for(element))(out, element)
        count += 1
    if not count:
        del out[start + 1:]
        out[start] = 0x45
        return
    size = len(out) - start - 2
    if size < 256 and count < 256:
        out[start + 1] = size
        out[start + 2] = count
    else:
        out[start:start + 3] = _wide_header(0xD0, size + 3, count)


def write_map(
    out: bytearray, value: Mapping[Any, Any], check_key: Optional[Callable[[Any], None]] = None
) -> None:
    """Append a map.

    :param check_key: called with each key that is no plain ``str``; raises if it is not to be one.
    """
    table = ENCODERS
    start = len(out)
    out += b"\xc1\0\0"
    short_string = SHORT_STRING
    small_long = SMALL_LONG
    keys = _keys
    for key, element in value.items():
        if type(key) is str:
            out += keys.get(key) or _key(key)
        else:
            if check_key is not None:
                check_key(key)
            (table.get(type(key)) or encoder_for(key))(out, key)
        kind = type(element)
        if kind is str and len(element) < 64:  # then it is less than 256 bytes long in UTF-8
            try:
                octets = element.encode()
            except UnicodeEncodeError:
                raise unfit(element, "string") from None
            out += short_string[len(octets)]
            out += octets
        elif kind is int and element in small_long:
            out += small_long[element]
        elif kind is bool:
            out += b"\x41" if element else b"\x42"
        else:
            (table.get(kind) or encoder_for(element))(out, element)
    size = len(out) - start - 2
    count = 2 * len(value)
    if size < 256 and count < 256:
        out[start + 1] = size
        out[start + 2] = count
    else:
        out[start:start + 3] = _wide_header(0xD1, size + 3, count)


def _key(key: str) -> bytes:
    encoded = encode(key)
    if len(_keys) < _MAX_KEYS and len(encoded) <= _MAX_KEPT_KEY:
        _keys[key] = encoded
    return encoded


def _close_compound(out: bytearray, start: int, count: int) -> None:
    """Fill in the size and count of the list, map or array at ``start``, whose contents have now been appended.

    Its header there is the one-byte form, with the size and the count left open.
    """
    size = len(out) - start - 2
    if size < 256 and count < 256:
        out[start + 1] = size
        out[start + 2] = count
    else:
        out[start:start + 3] = _wide_header(out[start] | 0x10, size + 3, count)


def _wide_header(code: int, size: int, count: int) -> bytes:
    try:
        return _code_size_count32(code, size, count)
    except struct.error:
        raise DataException(f"{size} bytes are more than AMQP can say in one value") from None


def _write_described(out: bytearray, value: Described) -> None:
    out.append(0)
    descriptor, described = value.descriptor, value.value
    (ENCODERS.get(type(descriptor)) or encoder_for(descriptor))(out, descriptor)
    (ENCODERS.get(type(described)) or encoder_for(described))(out, described)


# --- arrays ----------------------------------------------------------------------------------------------------------

# The constructor and struct letter of numbers in an array.  They are the full-width ones: the parsers of brokers in use
# (RabbitMQ 3) know no smalluint, smallint, smallulong or smalllong there, and others bound the count of an array by the
# bytes in it, which rules out the forms of no width (uint0, true ...).  proton writes the same.
_NUMBERS: Dict[int, Tuple[int, str]] = {
    TypeCode.UBYTE: (0x50, "B"),
    TypeCode.BYTE: (0x51, "b"),
    TypeCode.USHORT: (0x60, "H"),
    TypeCode.SHORT: (0x61, "h"),
    TypeCode.UINT: (0x70, "I"),
    TypeCode.INT: (0x71, "i"),
    TypeCode.ULONG: (0x80, "Q"),
    TypeCode.LONG: (0x81, "q"),
    TypeCode.TIMESTAMP: (0x83, "q"),
    TypeCode.DOUBLE: (0x82, "d"),
    TypeCode.DECIMAL32: (0x74, "I"),
    TypeCode.DECIMAL64: (0x84, "Q"),
}


def _write_array(out: bytearray, value: Array) -> None:
    start = len(out)
    out += b"\xe0\0\0"
    if value.descriptor is not UNDESCRIBED:
        out.append(0)
        (ENCODERS.get(type(value.descriptor)) or encoder_for(value.descriptor))(out, value.descriptor)
    try:
        _write_elements(out, value.type, value.elements)
    except (TypeError, AttributeError, struct.error):
        raise DataException(f"not all of the elements are of the array's type: {value!r}") from None
    _close_compound(out, start, len(value.elements))


def _write_elements(out: bytearray, kind: int, elements: Sequence[Any]) -> None:
    """Append the constructor that the elements share, and their contents."""
    if kind in _NUMBERS:
        code, letter = _NUMBERS[kind]
        out.append(code)
        out += struct.pack(f">{len(elements)}{letter}", *elements)
    elif kind in _VARIABLE:
        code, octets_of = _VARIABLE[kind]
        _write_variable(out, code, [octets_of(element) for element in elements])
    elif kind in _COMPOUND:
        code, writer, allowed = _COMPOUND[kind]
        _write_compounds(out, code, [_body(writer, allowed, element) for element in elements])
    elif kind in _FIXED:
        code, octets_of = _FIXED[kind]
        out.append(code)
        for element in elements:
            out += octets_of(element)
    elif kind == TypeCode.DESCRIBED:
        _write_described_elements(out, elements)
    elif kind == TypeCode.NULL:
        if any(element is not None for element in elements):
            raise TypeError
        if len(elements) > MAX_ZERO_WIDTH:
            raise DataException(f"an array of more than {MAX_ZERO_WIDTH} nulls")
        out.append(0x40)
    else:
        raise DataException(f"{kind!r} is not an AMQP type")


def _write_variable(out: bytearray, code: int, octets: Sequence[bytes]) -> None:
    if all(len(one) < 256 for one in octets):
        out.append(code)
        for one in octets:
            out.append(len(one))
            out += one
    else:
        out.append(code | 0x10)
        for one in octets:
            out += struct.pack(">I", len(one))
            out += one


def _body(writer: Encoder, allowed: _Kind, element: Any) -> Tuple[int, bytearray]:
    """The count and the contents of a list, map or array, without the header that :func:`_write_compounds` chooses."""
    if not isinstance(element, allowed):
        raise TypeError
    body = bytearray()
    writer(body, element)
    if body[0] == 0x45:
        return 0, bytearray()
    if body[0] < 0xD0 or body[0] == 0xE0:
        return body[2], body[3:]
    return int.from_bytes(body[5:9], "big"), body[9:]


def _write_compounds(out: bytearray, code: int, bodies: Sequence[Tuple[int, bytearray]]) -> None:
    if all(count < 256 and len(body) < 255 for count, body in bodies):
        out.append(code)
        for count, body in bodies:
            out.append(len(body) + 1)
            out.append(count)
            out += body
    else:
        out.append(code | 0x10)
        for count, body in bodies:
            out += struct.pack(">II", len(body) + 4, count)
            out += body


def _write_described_elements(out: bytearray, elements: Sequence[Described]) -> None:
    """Append elements that are each described: in an array that can only be by one and the same descriptor."""
    if not elements:
        raise DataException("an empty array of described values does not tell what is described")
    descriptors = {encode(element.descriptor) for element in elements}
    kinds = {KINDS[encode(element.value)[0]] for element in elements}
    if len(descriptors) != 1 or len(kinds) != 1:
        raise DataException("the described elements of an array differ in descriptor or type")
    out.append(0)
    out += descriptors.pop()
    _write_elements(out, kinds.pop(), [element.value for element in elements])


def _boolean_octet(value: Any) -> bytes:
    if not isinstance(value, int):
        raise TypeError
    return b"\1" if value else b"\0"


def _float_octets(value: float) -> bytes:
    if not isinstance(value, (int, float)):
        raise TypeError
    return encode(float32(value))[1:]


def _binary_octets(value: Any) -> bytes:
    return memoryview(value).tobytes()


_VARIABLE: Dict[int, Tuple[int, Callable[[Any], bytes]]] = {
    TypeCode.BINARY: (0xA0, _binary_octets),
    TypeCode.STRING: (0xA1, string_octets),
    TypeCode.SYMBOL: (0xA3, symbol_octets),
}
_FIXED: Dict[int, Tuple[int, Callable[[Any], bytes]]] = {
    TypeCode.BOOL: (0x56, _boolean_octet),
    TypeCode.FLOAT: (0x72, _float_octets),
    TypeCode.CHAR: (0x73, lambda value: char_number(value).to_bytes(4, "big")),
    TypeCode.DECIMAL128: (0x94, decimal128_octets),
    TypeCode.UUID: (0x98, lambda value: value.bytes),
}
_COMPOUND: Dict[int, Tuple[int, Encoder, _Kind]] = {
    TypeCode.LIST: (0xC0, _write_list, (list, tuple)),
    TypeCode.MAP: (0xC1, write_map, Mapping),
    TypeCode.ARRAY: (0xE0, _write_array, Array),
}

ENCODERS: Dict[type, Encoder] = {
    **SCALAR_ENCODERS,
    list: _write_list,
    tuple: _write_list,
    SymbolList: _write_list,
    dict: write_map,
    AnnotationDict: write_map,
    PropertyDict: write_map,
    Described: _write_described,
    Array: _write_array,
}
"""For each exact Python type, what appends the encoding of a value to a ``bytearray``; it raises ``DataException``."""
