"""A message to bytes and back, section by section, in the order of the specification (part 3, section 3.2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from syncproton.codec.decoder import DECODERS
from syncproton.codec.encoder import ENCODERS, encoder_for, write_map
from syncproton.codec.limits import MAX_NESTING
from syncproton.codec.pieces import Pieces
from syncproton.codec.types import binary, char, symbol, uint, ulong
from syncproton.errors import DataException, DecodeError
from syncproton.message.body import Cut, join, read_data, read_sequence, write_body
from syncproton.message.fields import HEADER, PROPERTIES, read_fields, write_fields

if TYPE_CHECKING:
    from syncproton.message.message import Message

__all__ = ["LARGE", "decode_large", "decode_sections", "encode_sections"]

#: From so many bytes on a message may be worth :func:`decode_large`, which looks at its first few only.
LARGE = 65536
_HEAD = 4096

_size32 = struct.Struct(">I").unpack_from

_EMPTY_HEADER = b"\x00\x53\x70\x45"
_INSTRUCTIONS_HEAD = b"\x00\x53\x71"
_ANNOTATIONS_HEAD = b"\x00\x53\x72"
_EMPTY_PROPERTIES = b"\x00\x53\x73\x45"
_APPLICATION_PROPERTIES_HEAD = b"\x00\x53\x74"
_VALUE_HEAD = b"\x00\x53\x77"
_FOOTER_HEAD = b"\x00\x53\x78"

_DATA = 0x75
_SEQUENCE = 0x76
_VALUE = 0x77
_MAPS = (0xC1, 0xD1)

_NAMES = {
    0x70: "header",
    0x71: "delivery-annotations",
    0x72: "message-annotations",
    0x73: "properties",
    0x74: "application-properties",
    _DATA: "data",
    _SEQUENCE: "amqp-sequence",
    _VALUE: "amqp-value",
    0x78: "footer",
}
#: How sections usually begin: with a small ulong for a descriptor.
_SECTIONS = {bytes((0, 0x53, code)): code for code in _NAMES}
_SYMBOLIC = {
    "amqp:header:list": 0x70,
    "amqp:delivery-annotations:map": 0x71,
    "amqp:message-annotations:map": 0x72,
    "amqp:properties:list": 0x73,
    "amqp:application-properties:map": 0x74,
    "amqp:data:binary": _DATA,
    "amqp:amqp-sequence:list": _SEQUENCE,
    "amqp:amqp-value:*": _VALUE,
    "amqp:footer:map": 0x78,
}

_GROUP_ID, _GROUP_SEQUENCE = 10, 11  # places in the properties section
_UINT0 = uint(0)

_read_map8 = DECODERS[0xC1]


def encode_sections(message: Message) -> bytes:
    """Encode a message.

    :raises DataException: if something in it has no encoding.
    """
    header = message._header
    if header is None:
        out = bytearray(_EMPTY_HEADER)
    else:
        out = bytearray()
        write_fields(HEADER, out, header)
    if message._instructions is not None:
        _write_annotations(out, _INSTRUCTIONS_HEAD, message.instructions)
    if message._annotations is not None:
        _write_annotations(out, _ANNOTATIONS_HEAD, message.annotations)
    fields = message._fields
    if fields is None:
        out += _EMPTY_PROPERTIES
    else:
        if fields[_GROUP_SEQUENCE] is None and fields[_GROUP_ID] is not None:
            # The first of a group says so, in case the receiver tells "first" from "no place".
            fields = fields.copy()
            fields[_GROUP_SEQUENCE] = _UINT0
        write_fields(PROPERTIES, out, fields)
    properties = message.properties
    if properties is not None:
        _write_application_properties(out, properties)
    body = message.body
    if body is None or message._inferred:
        write_body(out, body, message._inferred, message._cut)
    else:
        out += _VALUE_HEAD
        (ENCODERS.get(type(body)) or encoder_for(body))(out, body)
    if message._footer is not None:
        _write_annotations(out, _FOOTER_HEAD, message.footer)
    return bytes(out)


def _write_application_properties(out: bytearray, properties: Any) -> None:
    if type(properties) is not dict and not isinstance(properties, Mapping):
        raise DataException(f"application properties are a dict, not {type(properties).__name__}")
    out += _APPLICATION_PROPERTIES_HEAD
    write_map(out, properties, _check_key)


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or isinstance(key, (char, symbol)):
        raise DataException(f"the key of an application property is a string, not {key!r}")


def _write_annotations(out: bytearray, head: bytes, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise DataException(f"annotations are a dict, not {type(value).__name__}")
    out += head
    write_map(out, value)


def decode_large(message: Message, data: Pieces) -> bool:
    """Decode a message that ends with one long binary, and put that together only.

    :param data: the message, whose first piece holds all that goes before the binary, and a bit of that; it is taken.
    :returns: whether it is such a message; if not, nothing was done.
    """
    head = data.peek(_HEAD)
    pos = 0
    try:
        while (code := _SECTIONS.get(head[pos:pos + 3], 0)) < _DATA:
            if not code:
                return False
            pos = _skip(head, pos + 3)
        pos += 3
        if code > _VALUE or code == _SEQUENCE or head[pos] != 0xB0:
            return False
        if pos + 5 + _size32(head, pos + 1)[0] != data.size:
            return False
        decode_sections(message, head[:pos - 3])
    except (IndexError, struct.error, DecodeError):
        return False
    data.take(pos + 5)
    message.body = _long_binary(data)
    message._inferred = code == _DATA
    return True


#: What the last long binary was made from, if it had no more bytes than these.
_kept = b""
_MOST_KEPT = 4 << 20


def _long_binary(data: Pieces) -> binary:
    """Make a ``binary`` of all that is left of a message.

    What it is copied from is kept until the next one comes.  For if all the memory of a message is free once it was
    handled, a C library gives it back to the system, and has the next one's made afresh, page by page, which takes
    longer than all else that is done with a long message.
    """
    global _kept
    _kept = b""  # The next one goes where this was.
    body = data.take_all()
    if len(body) <= _MOST_KEPT:
        _kept = body
    return binary(body)


def _skip(buf: bytes, pos: int) -> int:
    """The position after a list or map."""
    code = buf[pos]
    if code == 0xC0 or code == 0xC1:
        return pos + 2 + buf[pos + 1]
    if code == 0xD0 or code == 0xD1:
        return pos + 5 + int(_size32(buf, pos + 1)[0])
    return pos + 1


def decode_sections(message: Message, buf: bytes) -> None:
    """Decode a message into ``message``; in case of an error that is left as it was.

    :raises DecodeError: if the bytes are not a valid message.
    """
    pos = last = 0
    if buf[:4] == _EMPTY_HEADER:  # as in most messages
        pos, last = 4, 0x70
    end = len(buf)
    body = cut = header = fields = properties = instructions = annotations = footer = None
    inferred = False
    more: list[Any] = []  # the data or sequence sections after the first
    try:
        while pos < end:
            code = _SECTIONS.get(buf[pos:pos + 3], 0)
            if code:
                pos += 3
            else:
                code, pos = _descriptor(buf, pos)
            if code <= last and not (code == last and (code == _DATA or code == _SEQUENCE)):
                raise DecodeError(f"a {_name(code)} section after the {_name(last)} section")
            if code == 0x73:
                if buf[pos] == 0x45:
                    pos += 1
                else:
                    fields, pos = read_fields(PROPERTIES, buf, pos)
            elif code == 0x70:
                if buf[pos] == 0x45:
                    pos += 1
                else:
                    header, pos = read_fields(HEADER, buf, pos)
            elif code == 0x74:
                if buf[pos] == 0xC1:
                    properties, pos = _read_map8(buf, pos + 1, MAX_NESTING)
                else:
                    properties, pos = _read_map(code, buf, pos)
            elif _DATA <= code <= _VALUE:
                if last >= _DATA:
                    if last != code:
                        raise DecodeError(f"a {_name(code)} section after a {_name(last)} section")
                    section, pos = (read_data if code == _DATA else read_sequence)(buf, pos)
                    more.append(section)
                elif code == _VALUE:
                    body, pos = DECODERS[buf[pos]](buf, pos + 1, MAX_NESTING)
                    if body is None:
                        cut = Cut(None, ())
                else:
                    body, pos = (read_data if code == _DATA else read_sequence)(buf, pos)
                    inferred = True
            elif code == 0x72:
                annotations, pos = _read_map(code, buf, pos)
            elif code == 0x71:
                instructions, pos = _read_map(code, buf, pos)
            else:
                footer, pos = _read_map(code, buf, pos)
            last = code
    except (IndexError, struct.error):
        raise _cut_off() from None
    except UnicodeDecodeError as error:
        raise DecodeError(f"invalid text: {error}") from error
    except RecursionError:
        raise DecodeError("nested deeper than the interpreter's stack allows") from None
    if pos != end:
        raise _cut_off()
    if more:
        body, cut = join([body, *more])
    message.body = body
    message.properties = properties
    message._inferred = inferred
    message._cut = cut
    message._header = header
    message._fields = fields
    message._instructions = instructions
    message._annotations = annotations
    message._footer = footer


def _cut_off() -> DecodeError:
    return DecodeError("the bytes end before the message does")


def _descriptor(buf: bytes, pos: int) -> Tuple[int, int]:
    """Read a section's head that is not of the usual form: its descriptor is a full-width ulong, or a symbol."""
    if buf[pos]:
        raise DecodeError(f"a section begins with 0x00, not with constructor 0x{buf[pos]:02x}")
    pos += 1
    descriptor, pos = DECODERS[buf[pos]](buf, pos + 1, MAX_NESTING)
    code = None
    if type(descriptor) is ulong:
        code = int(descriptor)
    elif type(descriptor) is symbol:
        code = _SYMBOLIC.get(descriptor)
    if code not in _NAMES:
        name = f"0x{descriptor:02x}, an {descriptor!r}" if type(descriptor) is ulong else repr(descriptor)
        raise DecodeError(f"unknown section with descriptor {name}")
    return code, pos


def _read_map(code: int, buf: bytes, pos: int) -> Tuple[Optional[Dict[Any, Any]], int]:
    constructor = buf[pos]
    if constructor not in _MAPS:
        if constructor == 0x40:
            return None, pos + 1
        raise DecodeError(f"the {_name(code)} section is not a map")
    value: Dict[Any, Any]
    value, pos = DECODERS[constructor](buf, pos + 1, MAX_NESTING)
    return value, pos


def _name(code: int) -> str:
    return _NAMES.get(code, f"0x{code:02x}")
