"""Frames as text for people: what ``PN_TRACE_FRM`` and ``PN_TRACE_RAW`` show.

The text is made of the bytes, not of the objects that the engine works with: it shows what was said and what was left
out, and also what the engine would refuse.  Whatever a peer may send, there is a text for it, in ASCII and on one line.

What logs somebody in is not shown: of SASL responses only the length, of a URL with a password all but that.
"""

from __future__ import annotations

import re
import struct
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple
from uuid import UUID

from ..codec import types
from ..codec.decoder import decode
from ..codec.described import Array, Described
from ..codec.typecodes import TypeCode
from ..codec.types import symbol, ulong
from ..errors import DecodeError
from ..wire import performatives, sasl_frames, states, termini
from ..wire.composite import Composite
from ..wire.frames import AMQP_HEADER, SASL_FRAME, SASL_HEADER, TLS_HEADER

__all__ = ["bytes_lines", "frame_line", "header_name", "one_line"]

#: The longest line; what is longer ends in :data:`_CUT`.
LINE = 1023
_CUT = " ... (truncated)"

_unpack_header = struct.Struct(">IBBH").unpack_from

_HEADERS = {AMQP_HEADER: "AMQP", SASL_HEADER: "SASL", TLS_HEADER: "TLS"}

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z").match
#: The password in a URL, though it be cut off by the end of the text.
_PASSWORD = re.compile(r"(://[^/@\s\"]*?:)[^\s\"]*(?=@|\Z)")


def _known() -> Dict[int, Tuple[str, Tuple[Tuple[str, bool], ...]]]:
    """Descriptor -> name, and the fields: each with its name and whether it is secret."""
    table: Dict[int, Tuple[str, Tuple[Tuple[str, bool], ...]]] = {
        0x2B: ("delete-on-close", ()), 0x2C: ("delete-on-no-links", ()), 0x2D: ("delete-on-no-messages", ()),
        0x2E: ("delete-on-no-links-or-messages", ()), 0x70: ("header", ()), 0x71: ("delivery-annotations", ()),
        0x72: ("message-annotations", ()), 0x73: ("properties", ()), 0x74: ("application-properties", ()),
        0x75: ("data", ()), 0x76: ("amqp-sequence", ()), 0x77: ("amqp-value", ()), 0x78: ("footer", ()),
    }
    for module in (performatives, sasl_frames, states, termini):
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, Composite) and cls is not Composite:
                fields = tuple([(field.name.replace("_", "-"), field.secret) for field in cls.FIELDS])
                table[cls.DESCRIPTOR] = cls.NAME.split(":")[1], fields
    return table


_KNOWN = _known()
_BY_NAME = {f"amqp:{name}:list": descriptor for descriptor, (name, _) in _KNOWN.items()}


def header_name(header: bytes) -> str:
    """What a protocol header announces."""
    return _HEADERS.get(header) or f"AMQP id={header[4]} version={header[5]}.{header[6]}.{header[7]}"


def one_line(text: object) -> str:
    """What a peer may have had a hand in, fit for a log: on one line, and without what a terminal would act on."""
    return "".join([letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text)])


def frame_line(frame: bytes, arrow: str) -> str:
    """A frame on one line: ``0 -> @close(24) []``.

    :param frame: all of it, with its size.
    :param arrow: ``->`` or ``<-``.
    """
    size, offset, kind, channel = _unpack_header(frame)
    start = 4 * offset
    if size != len(frame) or start > size or offset < 2:
        return f"{channel} {arrow} (a bad frame of {len(frame)} bytes)"
    if start == size:
        return f"{channel} {arrow} (EMPTY FRAME)"
    try:
        body, end = decode(frame, start, size)
        text = _body(body, kind == SASL_FRAME)
    except (DecodeError, RecursionError):
        return f"{channel} {arrow} (a frame of {len(frame)} bytes that cannot be decoded)"
    line = _PASSWORD.sub(r"\1***", f"{channel} {arrow} {text}"[:2 * LINE])
    if end < size:
        line += f" ({size - end}) {_quoted(frame[end:end + LINE])}"
    return line if len(line) <= LINE else line[:LINE - len(_CUT)] + _CUT


def _body(body: Any, sasl: bool) -> str:
    if not isinstance(body, Described):
        return "(no performative)" if sasl else _text(body)
    descriptor = body.descriptor
    if isinstance(descriptor, symbol):  # rare, but as good
        descriptor = ulong(_BY_NAME.get(str(descriptor), 0)) or descriptor
    if sasl and not (isinstance(descriptor, ulong) and descriptor in _KNOWN and isinstance(body.value, list)):
        return "(no performative)"  # Whatever it is, it may have a password in it.
    return _text(Described(descriptor, body.value))


def bytes_lines(frame: bytes, arrow: str) -> Iterator[str]:
    """A frame as lines of 16 bytes: ``->0000/000c: 00 00 00 0c 02 00 00 00 00 53 18 45             .........S.E``."""
    hidden = _first_hidden(frame)
    size = len(frame)
    for start in range(0, size, 16):
        codes = []
        letters = []
        for position, octet in enumerate(frame[start:start + 16], start):
            if position < hidden:
                codes.append(f"{octet:02x}")
                letters.append(chr(octet) if 33 <= octet < 127 else ".")
            else:
                codes.append("**")
                letters.append("*")
        yield f"{arrow}{start:04x}/{size:04x}: {' '.join(codes):<47} {''.join(letters)}"


def _first_hidden(frame: bytes) -> int:
    """Where the bytes begin that must not be shown: what comes after the descriptor, in SASL frames with a secret."""
    if len(frame) < 8 or frame[5] != SASL_FRAME:
        return len(frame)
    start = 4 * frame[4]
    if frame[start:start + 3] == b"\x00\x53\x40" or start == len(frame):
        return len(frame)  # the mechanisms
    if frame[start:start + 3] == b"\x00\x53\x44" and len(frame) - start <= 8:
        return len(frame)  # an outcome with its code only
    return start + 3


# --- values


def _text(value: Any) -> str:
    for kind in type(value).__mro__:
        writer = _WRITERS.get(kind)
        if writer is not None:
            return writer(value)
    return _quoted(repr(value).encode("utf-8", "replace"))  # There is nothing else that the decoder gives.


def _described(value: Described) -> str:
    descriptor = value.descriptor
    if not isinstance(descriptor, ulong):
        return f"@{_text(descriptor)} {_text(value.value)}"
    known = _KNOWN.get(descriptor)
    if known is None:
        return f"@{int(descriptor)} {_text(value.value)}"
    name, fields = known
    if not fields or not isinstance(value.value, list):
        return f"@{name}({int(descriptor)}) {_text(value.value)}"
    shown = []
    for position, item in enumerate(value.value):
        if item is None:
            continue
        label, secret = fields[position] if position < len(fields) else (str(position), True)
        shown.append(f"{label}={_secret(item) if secret else _text(item)}")
    return f"@{name}({int(descriptor)}) [{', '.join(shown)}]"


def _secret(value: Any) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, (bytes, str)) else "<hidden>"


def _array(value: Array) -> str:
    items = ", ".join([_text(item) for item in value.elements])
    try:
        kind = TypeCode(value.type).name.lower()
    except ValueError:
        kind = str(value.type)
    descriptor = value.descriptor
    described = isinstance(descriptor, (int, str))
    return f"{f'@{_text(descriptor)} ' if described else ''}@<{kind}>[{items}]"


def _quoted(octets: bytes) -> str:
    """Printable ASCII as it stands, but for quotes and backslashes; all else as ``\\x..``."""
    return "".join([chr(o) if 32 <= o < 127 and o not in b'"\\\x27' else f"\\x{o:02x}" for o in octets])


def _of_symbol(value: str) -> str:
    return f":{value}" if _BARE(value) else f':"{_quoted(value.encode("utf-8", "replace"))}"'


def _of_list(value: Sequence[Any]) -> str:
    return f"[{', '.join([_text(item) for item in value])}]"


def _of_map(value: Dict[Any, Any]) -> str:
    return f"{{{', '.join([f'{_text(key)}={_text(item)}' for key, item in value.items()])}}}"


def _of_str(value: str) -> str:
    return f'"{_quoted(value.encode("utf-8", "replace"))}"'


def _of_integer(value: int) -> str:
    return str(int(value))


def _of_unsigned(value: int) -> str:
    return f"{int(value):#x}"


def _of_float(value: float) -> str:
    return f"{float(value):g}"


_WRITERS: Dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "null",
    bool: lambda value: "true" if value else "false",
    int: _of_integer,
    types.byte: _of_integer,
    types.short: _of_integer,
    types.int32: _of_integer,
    types.timestamp: _of_integer,
    types.ubyte: _of_unsigned,
    types.ushort: _of_unsigned,
    types.uint: _of_unsigned,
    types.ulong: _of_unsigned,
    float: _of_float,
    types.float32: _of_float,
    types.decimal32: lambda value: f"D32({int(value):08x})",
    types.decimal64: lambda value: f"D64({int(value):016x})",
    types.decimal128: lambda value: f"D128({value.hex()})",
    types.char: lambda value: _quoted(value.encode("utf-8", "replace")),
    types.symbol: _of_symbol,
    str: _of_str,
    bytes: lambda value: f'b"{_quoted(value)}"',
    UUID: lambda value: f"UUID({value})",
    list: _of_list,
    tuple: _of_list,
    dict: _of_map,
    Array: _array,
    Described: _described,
}
