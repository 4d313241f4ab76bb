"""The few things a broker reads and changes in an encoded message (specification part 3, section 3.2).

The body is never looked at: only the sections before it are walked, and only when there is a reason to.  Whatever
cannot be read as a message is left alone, for a broker hands on bytes whose meaning is between its clients.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from syncproton.codec import Described, decode, decode_fields, encode, uint, ulong
from syncproton.errors import DataException, DecodeError

__all__ = ["Lifetime", "Sections", "address_of", "lifetime_of", "read_sections", "returned", "with_ttl"]

_HEADER = 0x70
_DELIVERY_ANNOTATIONS = 0x71
_MESSAGE_ANNOTATIONS = 0x72
_PROPERTIES = 0x73
_APPLICATION_PROPERTIES = 0x74

_SYMBOLIC = {
    b"amqp:header:list": _HEADER,
    b"amqp:delivery-annotations:map": _DELIVERY_ANNOTATIONS,
    b"amqp:message-annotations:map": _MESSAGE_ANNOTATIONS,
    b"amqp:properties:list": _PROPERTIES,
    b"amqp:application-properties:map": _APPLICATION_PROPERTIES,
}

_DURABLE, _PRIORITY, _TTL, _FIRST_ACQUIRER, _DELIVERY_COUNT = range(5)
# Of the properties section: the third field, and the ninth.
_TO = 2
_ABSOLUTE_EXPIRY_TIME = 8


class Lifetime(NamedTuple):
    """What a message says of when it expires (sections 3.2.1 and 3.2.4)."""

    #: How many milliseconds it is live from its arrival, or ``None``.
    ttl: Optional[int] = None
    #: When it is expired, in milliseconds since the epoch, or ``None``.
    expiry_time: Optional[int] = None


class Sections(NamedTuple):
    """The sections before the body, decoded, but for the delivery annotations."""

    #: The fields of the header, as many as there are.
    header: List[Any]
    #: The message annotations.
    annotations: Mapping[Any, Any]
    #: The fields of the properties, as many as there are.
    properties: List[Any]
    #: The application properties.
    application_properties: Mapping[Any, Any]
    #: How many bytes all of that took.
    size: int


def _section(payload: bytes, pos: int) -> Tuple[int, int]:
    """The code of the section that starts at ``pos``, 0 if there is none known, and where its value starts."""
    if payload[pos:pos + 2] == b"\x00\x53" and len(payload) > pos + 2:
        return payload[pos + 2], pos + 3
    if payload[pos:pos + 2] == b"\x00\x80" and len(payload) > pos + 9:
        return int.from_bytes(payload[pos + 2:pos + 10], "big"), pos + 10
    if payload[pos:pos + 2] == b"\x00\xa3" and len(payload) > pos + 2:
        end = pos + 3 + payload[pos + 2]
        return _SYMBOLIC.get(payload[pos + 3:end], 0), end
    return 0, pos


def returned(payload: bytes, failed: bool, annotations: Optional[Mapping[Any, Any]] = None) -> bytes:
    """The message as it is to be delivered after it came back from a receiver.

    :param failed: whether the attempt counts: the header's delivery-count goes up by one (section 3.2.1).
    :param annotations: message annotations the receiver wants added, of the modified outcome (section 3.4.5).
    :returns: the encoded message; the same object if there is nothing to change or if it can't be read.
    """
    try:
        header, pos = _read_header(payload)
        if failed or header[_FIRST_ACQUIRER]:
            header[_FIRST_ACQUIRER] = None
            header[_DELIVERY_COUNT] = uint((header[_DELIVERY_COUNT] or 0) + failed)
            payload = _described(_HEADER, _trimmed(header)) + payload[pos:]
        return _annotated(payload, annotations) if annotations else payload
    except (DataException, TypeError, ValueError):
        return payload


def address_of(payload: bytes) -> Optional[str]:
    """The ``to`` field of the message's properties; ``None`` if it has none or can't be read."""
    try:
        code, pos = _section(payload, 0)
        while code in (_HEADER, _DELIVERY_ANNOTATIONS, _MESSAGE_ANNOTATIONS):
            _, pos = decode(payload, pos)
            code, pos = _section(payload, pos)
        if code != _PROPERTIES:
            return None
        fields, _ = decode_fields(payload, pos)
    except DecodeError:
        return None
    to = fields[_TO] if len(fields) > _TO else None
    return to if isinstance(to, str) else None


def lifetime_of(payload: bytes) -> Lifetime:
    """When the message expires.  Every message is asked, so that no more is decoded than need be."""
    ttl: Any = None
    try:
        code, pos = _section(payload, 0)
        if code == _HEADER:
            fields, pos = decode_fields(payload, pos)
            if len(fields) > _TTL:
                ttl = fields[_TTL]
            code, pos = _section(payload, pos)
        while code in (_DELIVERY_ANNOTATIONS, _MESSAGE_ANNOTATIONS):
            code, pos = _section(payload, _skipped(payload, pos))
        expiry_time: Any = None
        if code == _PROPERTIES and _count(payload, pos) > _ABSOLUTE_EXPIRY_TIME:
            fields, _ = decode_fields(payload, pos)
            expiry_time = fields[_ABSOLUTE_EXPIRY_TIME]
    except (DecodeError, IndexError):
        expiry_time = None
    return Lifetime(_whole(ttl), _whole(expiry_time))


def with_ttl(payload: bytes, ttl: int) -> bytes:
    """The message with another ttl in its header, in milliseconds (section 3.2.1)."""
    header, pos = _read_header(payload)
    header[_TTL] = uint(ttl)
    return _described(_HEADER, _trimmed(header)) + payload[pos:]


def read_sections(payload: bytes) -> Sections:
    """The sections before the body; as far as they can be read, if they can't all be."""
    header: List[Any] = []
    annotations: Any = {}
    properties: List[Any] = []
    application_properties: Any = {}
    pos = 0
    try:
        for code, start in _sections(payload):
            if code == _HEADER:
                header, pos = decode_fields(payload, start)
            elif code == _PROPERTIES:
                properties, pos = decode_fields(payload, start)
            else:
                value, pos = decode(payload, start)
                if code == _MESSAGE_ANNOTATIONS:
                    annotations = value
                elif code == _APPLICATION_PROPERTIES:
                    application_properties = value
    except (DecodeError, IndexError):
        pass
    return Sections(header, annotations if isinstance(annotations, dict) else {}, properties,
                    application_properties if isinstance(application_properties, dict) else {}, pos)


def _sections(payload: bytes) -> Iterator[Tuple[int, int]]:
    """The codes of the sections before the body, and where their values start."""
    code, pos = _section(payload, 0)
    while _HEADER <= code <= _APPLICATION_PROPERTIES:
        yield code, pos
        code, pos = _section(payload, _skipped(payload, pos))


def _skipped(payload: bytes, pos: int) -> int:
    """Where the list or map at ``pos`` ends (section 1.2)."""
    code = payload[pos]
    if code in (0xC0, 0xC1):
        return pos + 2 + payload[pos + 1]
    if code in (0xD0, 0xD1):
        return pos + 5 + int.from_bytes(payload[pos + 1:pos + 5], "big")
    if code == 0x45:
        return pos + 1
    raise DecodeError(f"a list or a map was expected, not constructor 0x{code:02x}")


def _count(payload: bytes, pos: int) -> int:
    """How many elements the list at ``pos`` says it has."""
    code = payload[pos]
    if code == 0xC0:
        return payload[pos + 2]
    return int.from_bytes(payload[pos + 5:pos + 9], "big") if code == 0xD0 else 0


def _whole(value: Any) -> Optional[int]:
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _read_header(payload: bytes) -> Tuple[List[Any], int]:
    """The five fields of the header, and where the next section starts."""
    code, pos = _section(payload, 0)
    if code != _HEADER:
        return [None] * 5, 0
    # decode() rather than decode_fields(): the fields keep their types, to be encoded again.
    fields, pos = decode(payload, pos)
    if not isinstance(fields, list):
        raise DecodeError("a message header is a list")
    return (fields + [None] * 5)[:5], pos


def _annotated(payload: bytes, annotations: Mapping[Any, Any]) -> bytes:
    start = 0
    code, pos = _section(payload, start)
    while code in (_HEADER, _DELIVERY_ANNOTATIONS):
        _, start = decode(payload, pos)
        code, pos = _section(payload, start)
    present: Any = {}
    end = start
    if code == _MESSAGE_ANNOTATIONS:
        present, end = decode(payload, pos)
    return payload[:start] + _described(_MESSAGE_ANNOTATIONS, {**present, **annotations}) + payload[end:]


def _trimmed(fields: List[Any]) -> List[Any]:
    while fields and fields[-1] is None:
        fields.pop()
    return fields


def _described(code: int, value: Any) -> bytes:
    return encode(Described(ulong(code), value))
