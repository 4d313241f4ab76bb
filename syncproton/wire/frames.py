"""Frames: the reader that takes the byte stream in any pieces, and the writers (part 2, section 2.3).

The reader keeps the piece it is in the middle of and where it is in it; what arrives meanwhile waits behind it.  Only a
frame that lies across pieces is put together, once all of it has come, so every byte is moved a small, fixed number of
times however the stream is cut, and no more is held than the frame being waited for and one feed.
"""

from __future__ import annotations

import struct
from typing import Callable, Dict, Iterator, NoReturn, Optional, Tuple, Type, Union

from ..codec.decoder import decode
from ..codec.pieces import Pieces
from ..errors import DecodeError, ProtocolError
from .composite import DECODE_ERROR, Composite, Registry, lookup
from .hot_readers import read_disposition, read_flow, read_transfer
from .hot_writers import transfer_overhead, write_disposition, write_flow, write_transfer, write_whole
from .performatives import PERFORMATIVES, Disposition, Flow, Transfer
from .sasl_frames import SASL_FRAMES

__all__ = [
    "AMQP_FRAME",
    "AMQP_HEADER",
    "DEFAULT_MAX_FRAME_SIZE",
    "EMPTY_FRAME",
    "FRAMING_ERROR",
    "Frame",
    "FrameReader",
    "SASL_FRAME",
    "SASL_HEADER",
    "TLS_HEADER",
    "transfer_overhead",
    "write_disposition",
    "write_flow",
    "write_frame",
    "write_transfer",
    "write_whole",
]

#: The protocol headers (part 2, section 2.2; part 5, sections 5.2 and 5.3).
AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
TLS_HEADER = b"AMQP\x02\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"

#: The types of frames.
AMQP_FRAME = 0
SASL_FRAME = 1

#: A frame without a body: a heartbeat.
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"

#: The largest frame that a reader takes unless told otherwise, in bytes.
DEFAULT_MAX_FRAME_SIZE = 1 << 20

FRAMING_ERROR = "amqp:connection:framing-error"

#: Channel, performative (None for an empty frame) and payload.
Frame = Tuple[int, Optional[Composite], bytes]

_NOTHING = Pieces()

_Read = Callable[[bytes, int, int], Tuple[Composite, int]]

_unpack_header = struct.Struct(">IBBH").unpack_from
_unpack_size = struct.Struct(">I").unpack_from
_pack_header = struct.Struct(">IBBH").pack

# A transfer of the usual form, up to its tag: size, data offset and type, channel, descriptor and short list, how long
# that is and how many fields it has, handle 0 and the constructor of a uint, delivery-id, a short binary.
_unpack_transfer = struct.Struct(">IHHIBBHIBB").unpack_from
_SHORTEST_TRANSFER = 24

_HOT: Dict[Type[Composite], _Read] = {Transfer: read_transfer, Disposition: read_disposition, Flow: read_flow}


def _readers(classes: Registry) -> Dict[int, _Read]:
    return {cls.DESCRIPTOR: _HOT.get(cls, cls.from_bytes) for cls in classes.values()}


_TYPES: Dict[int, Tuple[Registry, Dict[int, _Read]]] = {
    AMQP_FRAME: (PERFORMATIVES, _readers(PERFORMATIVES)),
    SASL_FRAME: (SASL_FRAMES, _readers(SASL_FRAMES)),
}


class FrameReader:
    """Turns a stream of bytes, cut anywhere, into frames.

    Feed it and then take frames until there are no more; what it holds is bounded only if that is done between feeds.
    Frames that came complete before a bad one are given first.  After the error the reader gives nothing but the same
    error again and takes no more bytes.

    :param frame_type: :data:`AMQP_FRAME` or :data:`SASL_FRAME`; a frame of another type is an error.
    :param max_frame_size: the largest frame to take, in bytes; may be set at any time.
    """

    __slots__ = ("max_frame_size", "_type", "_classes", "_readers", "frames", "_buf", "_pos", "_behind", "_error")

    def __init__(self, frame_type: int = AMQP_FRAME, max_frame_size: int = DEFAULT_MAX_FRAME_SIZE) -> None:
        self.max_frame_size = max_frame_size
        #: How many frames were taken.
        self.frames = 0
        self._type = frame_type
        self._classes, self._readers = _TYPES[frame_type]
        self._buf = b""
        self._pos = 0
        # What comes after that; made when first there is such.
        self._behind = _NOTHING
        self._error: Optional[ProtocolError] = None

    def feed(self, data: Union[bytes, bytearray, memoryview]) -> None:
        """Add bytes to the stream."""
        if self._error is not None:
            return
        behind = self._behind
        if self._pos == len(self._buf) and not behind.size:
            self._buf = bytes(data)
            self._pos = 0
        else:
            if behind is _NOTHING:
                behind = self._behind = Pieces()
            behind.append(data)

    @property
    def buffered(self) -> int:
        """How many bytes are held that no frame has been made of."""
        return len(self._buf) - self._pos + self._behind.size

    def take_rest(self) -> bytes:
        """Give up the bytes held, for whoever reads the protocol that comes after this one."""
        rest = self._buf[self._pos:] + self._behind.take_all()
        self._buf = b""
        self._pos = 0
        return rest

    def __iter__(self) -> Iterator[Frame]:
        """The complete frames.

        :raises ProtocolError: as :meth:`next_frame`.
        """
        return iter(self.next_frame, None)

    def next_frame(self) -> Optional[Frame]:
        """The next frame, or None if it is not there completely.

        :raises ProtocolError: ``amqp:connection:framing-error`` for a bad size, data offset or type (section 2.3.1);
            ``amqp:decode-error`` or ``amqp:invalid-field`` for a bad body.
        """
        if self._error is not None:
            raise self._error
        while True:
            buf = self._buf
            pos = self._pos
            left = len(buf) - pos
            if left >= 8:
                size, offset, kind, channel = _unpack_header(buf, pos)
                if offset != 2 or kind != self._type or size < 8 or size > self.max_frame_size:
                    self._check_header(size, offset, kind)
                if size <= left:
                    break
                needed = size
            elif left >= 4:
                self._check_size(_unpack_size(buf, pos)[0])
                needed = 8
            else:
                needed = 4
            if not self._gather(left, needed):
                return None

        start = pos + 4 * offset
        end = pos + size
        self._pos = end
        if start == end:
            self.frames += 1
            return channel, None, b""
        try:
            # A descriptor is nearly always a small ulong; the shortest body is that and an empty list.
            if end - start >= 4 and buf[start + 1] == 0x53 and buf[start] == 0:
                read = self._readers.get(buf[start + 2])
                if read is None:
                    raise ProtocolError(DECODE_ERROR, f"frames of type {kind} have no body 0x{buf[start + 2]:02x}")
                performative, at = read(buf, start + 3, end)
            else:
                performative, at = self._read_body(buf, start, end)
        except ProtocolError as error:
            self._error = error
            self.take_rest()
            raise
        self.frames += 1
        return channel, performative, buf[at:end]

    def take_whole_transfers(self, take: Callable[[int, int, bytes, bool, bytes], None]) -> None:
        """Hand over the transfers that come next, up to the first frame that is none of the usual form.

        That is a message of one frame, on the link with handle 0.  :meth:`next_frame` would give the same; but this is
        most of what a busy receiver gets.

        :param take: called for each with its channel, delivery-id, delivery-tag, settled flag and payload.
        """
        buf = self._buf
        pos = self._pos
        whole = len(buf)
        last = whole - _SHORTEST_TRANSFER
        limit = self.max_frame_size
        while pos <= last:
            size, kind, channel, head, length, fields, forms, number, tag_form, tag_size = _unpack_transfer(buf, pos)
            if kind != 0x0200 or head != 0x005314C0 or forms != 0x4370 or tag_form != 0xA0:
                break
            tag_end = pos + 22 + tag_size
            payload = pos + 13 + length
            if fields == 4 and tag_end + 1 == payload:
                settled = False
            elif fields == 5 and tag_end + 2 == payload and payload < whole and buf[tag_end + 1] == 0x41:
                settled = True
            else:
                break
            end = pos + size
            if payload >= end or end > whole or size > limit or buf[tag_end] != 0x43:
                break
            self._pos = end
            self.frames += 1
            take(channel, number, buf[pos + 22:tag_end], settled, buf[payload:end])
            pos = end

    def _gather(self, left: int, needed: int) -> bool:
        """Go on to what came behind the current piece, of which ``left`` bytes are left, if it makes ``needed`` bytes.

        A frame that lies across the two is put together, and becomes the current piece.
        """
        behind = self._behind
        if left + behind.size < needed:
            if not left:
                self._buf = b""
                self._pos = 0
            return False
        if left:
            self._buf = self._buf[self._pos:] + behind.take(needed - left)
            self._pos = 0
        else:
            self._buf, self._pos = behind.take_piece()
        return True

    def _read_body(self, buf: bytes, pos: int, end: int) -> Tuple[Composite, int]:
        """Read a body whose descriptor is not a small ulong."""
        if buf[pos] != 0:
            raise ProtocolError(DECODE_ERROR, "the body of a frame must be a described list")
        try:
            descriptor, pos = decode(buf, pos + 1, end)
        except DecodeError as error:
            raise ProtocolError(DECODE_ERROR, f"the descriptor of a frame: {error}") from error
        cls = lookup(self._classes, descriptor)
        if cls is None:
            raise ProtocolError(DECODE_ERROR, f"frames of type {self._type} have no such body")
        return cls.from_bytes(buf, pos, end)

    def _check_size(self, size: int) -> None:
        if size < 8:
            self._raise(FRAMING_ERROR, f"a frame of {size} bytes is too short to be one")
        if size > self.max_frame_size:
            self._raise(FRAMING_ERROR, f"a frame of {size} bytes is over the limit of {self.max_frame_size}")

    def _check_header(self, size: int, offset: int, kind: int) -> None:
        self._check_size(size)
        if offset < 2 or 4 * offset > size:
            self._raise(FRAMING_ERROR, f"a data offset of {offset} words does not fit a frame of {size} bytes")
        if kind != self._type:
            self._raise(FRAMING_ERROR, f"a frame of type {kind} came where type {self._type} belongs")

    def _raise(self, condition: str, description: str) -> NoReturn:
        self._error = ProtocolError(condition, description)
        self.take_rest()
        raise self._error


def write_frame(out: bytearray, channel: int, performative: Composite, payload: bytes = b"") -> None:
    """Append a frame; its type follows from the performative.

    :raises ValueError: a field is out of range.
    :raises DataException: a field has no AMQP encoding.
    """
    # The flow of a link spells out a false drain, and that of a session does not.
    if type(performative) is Flow and performative.handle is not None and not payload:
        write_flow(out, channel, *[getattr(performative, field.name) for field in Flow.FIELDS])
        return
    body = bytearray()
    performative.encode_into(body)
    kind = SASL_FRAME if performative.DESCRIPTOR in SASL_FRAMES else AMQP_FRAME
    out += _pack_header(8 + len(body) + len(payload), 2, kind, channel)
    out += body
    out += payload
