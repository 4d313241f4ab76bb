"""Writers for the frames a busy link sends: transfer, disposition and flow, packed by hand without an object between.

Each writes the bytes that the general writer would, and appends them in one go: an exception leaves nothing behind.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, Optional, Union

from ..codec.described import Described
from .composite import Composite
from .fields import write_any
from .states import ACCEPTED, RELEASED

__all__ = ["transfer_overhead", "write_disposition", "write_flow", "write_transfer", "write_whole"]

# Frame size, data offset 2 with type 0, channel, constructor of the descriptor with the list's code, list size, count.
_pack_head8 = struct.Struct(">IHHIBB").pack
_pack_head32 = struct.Struct(">IHHIII").pack
_pack_uint = struct.Struct(">BI").pack

#: For the start of a whole transfer up to its message-format, by how the handle is written and the length of the tag.
_whole_heads: Dict[int, Callable[..., bytes]] = {}

_SMALL_UINTS = (b"\x43",) + tuple(bytes((0x52, value)) for value in range(1, 256))
_FIXED_STATES: Dict[int, bytes] = {id(ACCEPTED): b"\x00\x53\x24\x45", id(RELEASED): b"\x00\x53\x26\x45"}


def _uint(value: int) -> bytes:
    if 0 <= value < 256:
        return _SMALL_UINTS[value]
    if value > 0xFFFFFFFF or value < 0:
        raise ValueError(f"{value} is out of the range of uint")
    return _pack_uint(0x70, value)


def _encoded_state(state: Union[Composite, Described]) -> bytes:
    known = _FIXED_STATES.get(id(state))
    if known is not None:
        return known
    out = bytearray()
    write_any(out, state)
    return bytes(out)


def _append(out: bytearray, channel: int, code: int, count: int, fields: bytes, payload: Any = b"") -> None:
    size = len(fields)
    if size < 255:
        head = _pack_head8(14 + size + len(payload), 0x200, channel, 0x5300C0 | code << 8, size + 1, count)
    else:
        head = _pack_head32(20 + size + len(payload), 0x200, channel, 0x5300D0 | code << 8, size + 4, count)
    out += b"".join((head, fields, payload))


def write_transfer(
    out: bytearray,
    channel: int,
    handle: int,
    delivery_id: Optional[int],
    delivery_tag: Optional[bytes],
    message_format: Optional[int],
    settled: bool,
    more: bool,
    state: Optional[Union[Composite, Described]] = None,
    aborted: bool = False,
    payload: Union[bytes, memoryview] = b"",
) -> None:
    """Append a transfer frame (part 2, section 2.7.5)."""
    if (
        state is None
        and message_format == 0
        and delivery_id is not None
        and delivery_tag is not None
        and len(delivery_tag) < 200
        and not aborted
    ):
        if more:
            count = 6
            tail = b"\x43\x41\x41" if settled else b"\x43\x40\x41"
        elif settled:
            count = 5
            tail = b"\x43\x41"
        else:
            count = 4
            tail = b"\x43"
        fields = b"%b%b\xa0%c%b%b" % (
            _SMALL_UINTS[handle] if 0 <= handle < 256 else _uint(handle),
            _pack_uint(0x70, delivery_id) if 255 < delivery_id < 0x100000000 else _uint(delivery_id),
            len(delivery_tag),
            delivery_tag,
            tail,
        )
        size = len(fields)
        head = _pack_head8(14 + size + len(payload), 0x200, channel, 0x5314C0, size + 1, count)
        out += b"".join((head, fields, payload))
        return
    parts = [_uint(handle), b"\x40" if delivery_id is None else _uint(delivery_id)]
    if delivery_tag is None:
        parts.append(b"\x40")
    elif len(delivery_tag) < 256:
        parts.append(b"\xa0%c%b" % (len(delivery_tag), delivery_tag))
    else:
        parts.append(_pack_uint(0xB0, len(delivery_tag)) + delivery_tag)
    parts.append(b"\x40" if message_format is None else _uint(message_format))
    parts.append(b"\x41" if settled else b"\x40")
    parts.append(b"\x41" if more else b"\x40")
    parts.append(b"\x40")
    parts.append(b"\x40" if state is None else _encoded_state(state))
    if aborted:
        parts.append(b"\x40\x41")
        count = 10
    else:
        count = 8
        while parts[-1] == b"\x40":
            parts.pop()
            count -= 1
    _append(out, channel, 0x14, count, b"".join(parts), payload)


def write_whole(
    out: bytearray, channel: int, handle: int, delivery_id: int, delivery_tag: bytes, settled: bool, payload: bytes
) -> None:
    """Append the one transfer frame of a message of format 0: :func:`write_transfer` for what nearly all frames are."""
    size = len(delivery_tag)
    if delivery_id < 256 or handle > 255 or size > 200:
        write_transfer(out, channel, handle, delivery_id, delivery_tag, 0, settled, False, None, False, payload)
        return
    key = size << 1 | (handle > 0)
    pack = _whole_heads.get(key)
    if pack is None:
        # As above; then the handle, the delivery-id as a full uint, and the tag.
        pack = _whole_heads[key] = struct.Struct(f">IHHIBB{'H' if handle else 'B'}BIBB{size}sB").pack
    if handle:
        size += 1
        handle |= 0x5200
    else:
        handle = 0x43
    if settled:
        out += pack(24 + size + len(payload), 0x200, channel, 0x5314C0, size + 11, 5, handle, 0x70, delivery_id, 0xA0,
                    len(delivery_tag), delivery_tag, 0x43)
        out += b"\x41"
    else:
        out += pack(23 + size + len(payload), 0x200, channel, 0x5314C0, size + 10, 4, handle, 0x70, delivery_id, 0xA0,
                    len(delivery_tag), delivery_tag, 0x43)
    out += payload


def transfer_overhead(
    handle: int,
    delivery_id: Optional[int],
    delivery_tag: Optional[bytes],
    message_format: Optional[int] = 0,
    settled: bool = False,
    state: Optional[Union[Composite, Described]] = None,
) -> int:
    """The bytes that a transfer frame with ``more`` set has besides its payload.

    A payload longer than the peer's max-frame-size less this must go in several frames.  No transfer frame has more
    than 64 bytes besides its payload, its tag and its state.
    """
    out = bytearray()
    write_transfer(out, 0, handle, delivery_id, delivery_tag, message_format, settled, True, state)
    return len(out)


def write_disposition(
    out: bytearray,
    channel: int,
    role: bool,
    first: int,
    last: Optional[int],
    settled: bool,
    state: Optional[Union[Composite, Described]],
) -> None:
    """Append a disposition frame (part 2, section 2.7.6); ``role`` is True if we are the receiver.

    A ``last`` equal to ``first`` is left out.
    """
    fields = (b"\x41" if role else b"\x42") + _uint(first)
    count = 2
    if last is not None and last != first:
        fields += _uint(last)
        count = 3
    elif settled or state is not None:
        fields += b"\x40"
    if state is not None:
        fields += (b"\x41" if settled else b"\x40") + _encoded_state(state)
        count = 5
    elif settled:
        fields += b"\x41"
        count = 4
    _append(out, channel, 0x15, count, fields)


def write_flow(
    out: bytearray,
    channel: int,
    next_incoming_id: Optional[int],
    incoming_window: int,
    next_outgoing_id: int,
    outgoing_window: int,
    handle: Optional[int] = None,
    delivery_count: Optional[int] = None,
    link_credit: Optional[int] = None,
    available: Optional[int] = None,
    drain: bool = False,
    echo: bool = False,
    properties: Optional[Dict[Any, Any]] = None,
) -> None:
    """Append a flow frame (part 2, section 2.7.4).

    The flow of a link always spells out ``drain``; without a ``handle`` what concerns links is left out.
    """
    parts = [
        b"\x40" if next_incoming_id is None else _uint(next_incoming_id),
        _uint(incoming_window),
        _uint(next_outgoing_id),
        _uint(outgoing_window),
    ]
    if handle is not None:
        parts.append(_uint(handle))
        parts.append(b"\x40" if delivery_count is None else _uint(delivery_count))
        parts.append(b"\x40" if link_credit is None else _uint(link_credit))
        parts.append(b"\x40" if available is None else _uint(available))
        parts.append(b"\x41" if drain else b"\x42")
    elif echo or properties is not None:
        parts.append(b"\x40\x40\x40\x40\x40")
    count = 4 if len(parts) == 4 else 9
    if echo or properties is not None:
        parts.append(b"\x41" if echo else b"\x40")
        count = 10
    if properties is not None:
        encoded = bytearray()
        write_any(encoded, properties)
        parts.append(bytes(encoded))
        count = 11
    _append(out, channel, 0x13, count, b"".join(parts))
