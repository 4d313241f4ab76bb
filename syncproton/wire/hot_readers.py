"""Readers for the frames a busy link receives: transfer, disposition and flow.

Each takes the bytes at the list after the descriptor.  Walking them by hand it knows the encodings that peers use in
practice; at anything else it gives up and the general reader, which also words the errors, starts over.  A walk counts
only if it ends exactly where the list says, so a byte read outside the list can do no harm.
"""

from __future__ import annotations

import struct
from typing import List, Optional, Tuple, Union

from ..codec.described import Described
from .composite import Composite
from .performatives import Disposition, Flow, Transfer
from .states import ACCEPTED, RELEASED

__all__ = ["read_disposition", "read_flow", "read_transfer"]

_unpack_uint = struct.Struct(">I").unpack_from

# Constructors: null, true, false, uint 0, small uint, uint, short binary.
_NULL, _TRUE, _FALSE, _UINT0, _SMALLUINT, _UINT, _VBIN8 = 0x40, 0x41, 0x42, 0x43, 0x52, 0x70, 0xA0


def read_transfer(buf: bytes, pos: int, end: int) -> Tuple[Transfer, int]:
    """Read the fields of a transfer; answer it and the position of the payload.

    :raises ProtocolError: as :meth:`Composite.from_bytes`.
    """
    try:
        form, size, count = buf[pos:pos + 3]
        stop = pos + 2 + size
        if form != 0xC0 or stop > end or not 4 <= count <= 11:
            return Transfer.from_bytes(buf, pos, end)
        at = pos + 3

        code = buf[at]
        if code == _UINT0:
            handle = 0
            at += 1
        elif code == _SMALLUINT:
            handle = buf[at + 1]
            at += 2
        elif code == _UINT:
            handle = _unpack_uint(buf, at + 1)[0]
            at += 5
        else:
            return Transfer.from_bytes(buf, pos, end)

        code = buf[at]
        if code == _UINT:
            delivery_id = _unpack_uint(buf, at + 1)[0]
            at += 5
        elif code == _SMALLUINT:
            delivery_id = buf[at + 1]
            at += 2
        elif code == _UINT0:
            delivery_id = 0
            at += 1
        elif code == _NULL:
            delivery_id = None
            at += 1
        else:
            return Transfer.from_bytes(buf, pos, end)

        code = buf[at]
        delivery_tag: Optional[bytes]
        if code == _VBIN8:
            at += 2
            length = buf[at - 1]
            delivery_tag = buf[at:at + length]
            at += length
        elif code == _NULL:
            delivery_tag = None
            at += 1
        else:
            return Transfer.from_bytes(buf, pos, end)

        code = buf[at]
        at += 1
        message_format: Optional[int]
        if code == _UINT0:
            message_format = 0
        elif code == _NULL:
            message_format = None
        else:
            return Transfer.from_bytes(buf, pos, end)

        if count == 4:
            if at == stop:
                return Transfer(handle, delivery_id, delivery_tag, message_format), at
            return Transfer.from_bytes(buf, pos, end)

        # What follows is booleans of one byte, null for false, but for two fields that are hardly ever there.
        if stop - at != count - 4:
            return Transfer.from_bytes(buf, pos, end)
        flags = buf[at:stop]
        if flags.strip(b"\x40\x41\x42") or (count > 6 and flags[2:4].strip(b"\x40")):
            return Transfer.from_bytes(buf, pos, end)
        if count == 5:
            return Transfer(handle, delivery_id, delivery_tag, message_format, flags[0] == _TRUE), stop
        return (
            Transfer(
                handle,
                delivery_id,
                delivery_tag,
                message_format,
                flags[0] == _TRUE,
                flags[1] == _TRUE,
                None,
                None,
                flags[4:5] == b"\x41",
                flags[5:6] == b"\x41",
                flags[6:7] == b"\x41",
            ),
            stop,
        )
    except (IndexError, ValueError, struct.error):
        return Transfer.from_bytes(buf, pos, end)


def read_disposition(buf: bytes, pos: int, end: int) -> Tuple[Disposition, int]:
    """Read the fields of a disposition; answer it and the position after it.

    :raises ProtocolError: as :meth:`Composite.from_bytes`.
    """
    try:
        count = buf[pos + 2]
        stop = pos + 2 + buf[pos + 1]
        role = buf[pos + 3]
        if buf[pos] != 0xC0 or stop > end or not 2 <= count <= 6 or not (role == _TRUE or role == _FALSE):
            return Disposition.from_bytes(buf, pos, end)

        code = buf[pos + 4]
        if code == _UINT:
            first = _unpack_uint(buf, pos + 5)[0]
            at = pos + 9
        elif code == _SMALLUINT:
            first = buf[pos + 5]
            at = pos + 6
        elif code == _UINT0:
            first = 0
            at = pos + 5
        else:
            return Disposition.from_bytes(buf, pos, end)

        last: Optional[int] = None
        if count > 2:
            code = buf[at]
            if code == _UINT:
                last = _unpack_uint(buf, at + 1)[0]
                at += 5
            elif code == _NULL:
                at += 1
            elif code == _SMALLUINT:
                last = buf[at + 1]
                at += 2
            elif code == _UINT0:
                last = 0
                at += 1
            else:
                return Disposition.from_bytes(buf, pos, end)

        settled = False
        if count > 3:
            code = buf[at]
            at += 1
            if code == _TRUE:
                settled = True
            elif code != _NULL and code != _FALSE:
                return Disposition.from_bytes(buf, pos, end)

        state: Optional[Union[Composite, Described]] = None
        if count > 4:
            four = buf[at:at + 4]
            if four == b"\x00\x53\x24\x45":
                state = ACCEPTED
                at += 4
            elif four == b"\x00\x53\x26\x45":
                state = RELEASED
                at += 4
            elif buf[at] == _NULL:
                at += 1
            else:
                return Disposition.from_bytes(buf, pos, end)

        batchable = False
        if count > 5:
            code = buf[at]
            at += 1
            if code == _TRUE:
                batchable = True
            elif code != _NULL and code != _FALSE:
                return Disposition.from_bytes(buf, pos, end)

        if at != stop:
            return Disposition.from_bytes(buf, pos, end)
        return Disposition(role == _TRUE, first, last, settled, state, batchable), at
    except (IndexError, struct.error):
        return Disposition.from_bytes(buf, pos, end)


def read_flow(buf: bytes, pos: int, end: int) -> Tuple[Flow, int]:
    """Read the fields of a flow; answer it and the position after it.

    :raises ProtocolError: as :meth:`Composite.from_bytes`.
    """
    try:
        count = buf[pos + 2]
        stop = pos + 2 + buf[pos + 1]
        if buf[pos] != 0xC0 or stop > end or not 4 <= count <= 10:
            return Flow.from_bytes(buf, pos, end)
        at = pos + 3
        # Eight numbers, of which the second to the fourth must be there.
        numbers: List[Optional[int]] = []
        for _ in range(count if count < 8 else 8):
            code = buf[at]
            if code == _UINT:
                numbers.append(_unpack_uint(buf, at + 1)[0])
                at += 5
            elif code == _SMALLUINT:
                numbers.append(buf[at + 1])
                at += 2
            elif code == _UINT0:
                numbers.append(0)
                at += 1
            elif code == _NULL:
                numbers.append(None)
                at += 1
            else:
                return Flow.from_bytes(buf, pos, end)
        if count < 8:
            numbers += [None] * (8 - count)
        flags = buf[at:stop]
        if at + max(count - 8, 0) != stop or flags.strip(b"\x40\x41\x42"):
            return Flow.from_bytes(buf, pos, end)
        next_incoming_id, incoming_window, next_outgoing_id, outgoing_window = numbers[:4]
        handle, delivery_count, credit, available = numbers[4:]
        if incoming_window is None or next_outgoing_id is None or outgoing_window is None:
            return Flow.from_bytes(buf, pos, end)
        return (
            Flow(
                next_incoming_id,
                incoming_window,
                next_outgoing_id,
                outgoing_window,
                handle,
                delivery_count,
                credit,
                available,
                flags[0:1] == b"\x41",
                flags[1:2] == b"\x41",
            ),
            stop,
        )
    except (IndexError, struct.error):
        return Flow.from_bytes(buf, pos, end)
