"""The body of a message on the wire (specification part 3, sections 3.2.6 to 3.2.8).

In Python the body is one value.  On the wire it is one amqp-value section, or any number of data sections, or any
number of amqp-sequence sections.  Several data sections are read as their concatenation, and so are several sequence
sections; how they were cut, and the amqp-value null that reads like no body at all, is what :class:`Cut` remembers
for sending the same body on.
"""

from __future__ import annotations

import struct
from typing import Any, List, Optional, Sequence, Tuple, Union

from syncproton.codec.decoder import DECODERS
from syncproton.codec.encoder import ENCODERS, encoder_for
from syncproton.codec.limits import MAX_NESTING
from syncproton.codec.types import binary, decimal128
from syncproton.errors import DecodeError

__all__ = ["Cut", "Section", "is_data", "is_sequence", "join", "read_data", "read_sequence", "split", "write_body"]

Section = Union[bytes, List[Any]]

_DATA_HEAD = b"\x00\x53\x75"
_SEQUENCE_HEAD = b"\x00\x53\x76"
_VALUE_HEAD = b"\x00\x53\x77"
_LISTS = (0x45, 0xC0, 0xD0)

_size32 = struct.Struct(">I").unpack_from
_write_list = ENCODERS[list]


class Cut:
    """How one body was divided into sections.

    :ivar body: the very object this is about; once the message has another body it means nothing.
    :ivar sizes: the lengths of the sections; none for an amqp-value that is null.
    """

    __slots__ = ("body", "sizes")

    def __init__(self, body: Any, sizes: Tuple[int, ...]) -> None:
        self.body = body
        self.sizes = sizes


def is_data(body: Any) -> bool:
    """Whether an inferred body goes into data sections."""
    return isinstance(body, (bytes, bytearray, memoryview)) and not isinstance(body, decimal128)


def is_sequence(body: Any) -> bool:
    """Whether an inferred body goes into sequence sections."""
    return isinstance(body, (list, tuple))


def join(sections: Sequence[Any]) -> Tuple[Section, Optional[Cut]]:
    """Make the body of data sections or of sequence sections.

    :raises TypeError: unless they are all bytes, or all lists or tuples.
    """
    body: Section
    if all(map(is_data, sections)):
        sections = [bytes(section) for section in sections]
        body = binary(b"".join(sections))
    elif all(map(is_sequence, sections)):
        body = [element for section in sections for element in section]
    else:
        raise TypeError("the sections of a body are all bytes or all lists")
    return body, Cut(body, tuple(map(len, sections))) if len(sections) > 1 else None


def split(body: Any, cut: Optional[Cut]) -> List[Any]:
    """The sections of an inferred body: one, unless ``cut`` knows better and still fits."""
    if cut is None or cut.body is not body or not cut.sizes or sum(cut.sizes) != len(body):
        return [body]
    sections = []
    start = 0
    for size in cut.sizes:
        sections.append(body[start:start + size])
        start += size
    return sections


def write_body(out: bytearray, body: Any, inferred: bool, cut: Optional[Cut]) -> None:
    """Append the sections of the body; none for ``None``, unless it was read from an amqp-value."""
    if body is None:
        if cut is not None and cut.body is None:
            out += b"\x00\x53\x77\x40"
    elif inferred and is_data(body):
        write = ENCODERS.get(type(body)) or encoder_for(body)
        for section in split(body, cut):
            out += _DATA_HEAD
            write(out, section)
    elif inferred and is_sequence(body):
        for section in split(body, cut):
            out += _SEQUENCE_HEAD
            _write_list(out, section)
    else:
        out += _VALUE_HEAD
        (ENCODERS.get(type(body)) or encoder_for(body))(out, body)


def read_data(buf: bytes, pos: int) -> Tuple[bytes, int]:
    """Read the binary of a data section."""
    code = buf[pos]
    if code == 0xA0:
        start = pos + 2
        stop = start + buf[pos + 1]
    elif code == 0xB0:
        start = pos + 5
        stop = start + _size32(buf, pos + 1)[0]
    else:
        raise DecodeError("a data section does not hold a binary")
    return binary(memoryview(buf)[start:stop]), stop


def read_sequence(buf: bytes, pos: int) -> Tuple[List[Any], int]:
    """Read the list of a sequence section."""
    code = buf[pos]
    if code not in _LISTS:
        raise DecodeError("a sequence section does not hold a list")
    sequence: List[Any]
    sequence, pos = DECODERS[code](buf, pos + 1, MAX_NESTING)
    return sequence, pos
