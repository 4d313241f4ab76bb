"""The few things a broker reads and changes in an encoded message (specification part 3, section 3.2).

The body is never looked at: only the sections before it are walked, and only when there is a reason to.  Whatever
cannot be read as a message is left alone, for a broker hands on bytes whose meaning is between its clients.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from syncproton.codec import Described, decode, decode_fields, encode, uint, ulong
from syncproton.errors import DataException, DecodeError

__all__ = ["address_of", "returned"]

_HEADER = 0x70
_DELIVERY_ANNOTATIONS = 0x71
_MESSAGE_ANNOTATIONS = 0x72
_PROPERTIES = 0x73

_DURABLE, _PRIORITY, _TTL, _FIRST_ACQUIRER, _DELIVERY_COUNT = range(5)
_TO = 2  # the third field of the properties section


def _section(payload: bytes, pos: int) -> Tuple[int, int]:
    """The code of the section that starts at ``pos``, 0 if there is none known, and where its value starts."""
    if payload[pos:pos + 2] == b"\x00\x53" and len(payload) > pos + 2:
        return payload[pos + 2], pos + 3
    if payload[pos:pos + 2] == b"\x00\x80" and len(payload) > pos + 9:
        return int.from_bytes(payload[pos + 2:pos + 10], "big"), pos + 10
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
