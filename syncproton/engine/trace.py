"""The trace of a transport: what it shows, and where that goes.

Nothing of this is there while nobody looks.  A transport that is traced has a :class:`Trace`, and its output buffer is
one that tells what is appended to it: so whoever writes a frame, and however fast, need not know.  The input is shown
as it comes out of TLS, before it is acted upon.  Both are cut into frames by a :class:`Tap` of their own.
"""

from __future__ import annotations

import logging
import struct
import sys
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import trace_levels as levels
from .trace_text import bytes_lines, frame_line, header_name

if TYPE_CHECKING:
    from .transport import Transport

__all__ = ["Trace", "Tracer"]

Tracer = Callable[[Any, str], None]

_log = logging.getLogger("syncproton.engine")

_unpack_size = struct.Struct(">I").unpack_from


class Tap:
    """Cuts a stream of protocol headers and frames into these, and shows each.

    It believes nothing: after what cannot be a frame it shows no more, and what it holds is no more than what the
    reader of the same stream holds, who ends the connection before there is too much.
    """

    __slots__ = ("_trace", "_arrow", "_held", "_lost")

    def __init__(self, trace: "Trace", arrow: str) -> None:
        self._trace = trace
        self._arrow = arrow
        self._held = bytearray()
        self._lost = False

    def feed(self, data: Any) -> None:
        """Follow the stream for some bytes more."""
        if self._lost:
            return
        held = self._held
        held += data
        start = 0
        while len(held) - start >= 8:
            if held[start:start + 4] == b"AMQP":
                self._header(bytes(held[start:start + 8]))
                start += 8
                continue
            size = _unpack_size(held, start)[0]
            if size < 8:
                self._lost = True
                held.clear()
                return
            if len(held) - start < size:
                break
            self._frame(bytes(held[start:start + size]))
            start += size
        del held[:start]

    def _header(self, header: bytes) -> None:
        name = header_name(header)
        self._trace.emit("SASL" if name == "SASL" else "AMQP", levels.FRAME, f"  {self._arrow} {name}")

    def _frame(self, frame: bytes) -> None:
        trace = self._trace
        if trace.wants(levels.FRAME):
            trace.emit("AMQP", levels.FRAME, frame_line(frame, self._arrow))
        if trace.wants(levels.RAW):
            for line in bytes_lines(frame, self._arrow):
                trace.emit("IO", levels.RAW, line)


class TracedBuffer(bytearray):
    """An output buffer that shows what is appended to it."""

    tap: Optional[Tap] = None

    def __iadd__(self, data: Any) -> "TracedBuffer":  # type: ignore[misc]
        super().__iadd__(data)
        if self.tap is not None:
            self.tap.feed(data)
        return self


class Trace:
    """Shows what goes on in one transport.

    A line goes to the transport's tracer, if it has one; else to standard error, in proton's form, if an environment
    variable asked for it; else to :mod:`logging`.  What was asked for by :meth:`Transport.trace`, but is not listened
    to there, goes to standard error, too.

    :param environment: the levels that environment variables ask for.
    :param listeners: those that :mod:`logging` wants.
    :ivar input: follows the input; ``None`` while neither frames nor bytes are shown.
    """

    def __init__(self, transport: "Transport", environment: int = 0, listeners: int = 0) -> None:
        self._transport = transport
        self._environment = environment
        self._levels = environment | listeners
        #: The levels that the program asked for itself.
        self._asked = 0
        self.input: Optional[Tap] = None
        self._encrypted = False
        self._attach()

    @classmethod
    def if_wanted(cls, transport: "Transport") -> Optional["Trace"]:
        """A trace for a transport that is new, or ``None`` if nobody looks."""
        environment = levels.from_environment()
        listeners = levels.from_logging()
        return cls(transport, environment, listeners) if environment or listeners else None

    def ask(self, trace: int) -> None:
        """Show what the bits of :meth:`Transport.trace` stand for, and nothing else that they could stand for."""
        self._asked = levels.from_transport(trace)
        mine = levels.FRAME | levels.RAW | levels.DRIVER
        self._levels = self._levels & ~mine | self._asked
        self._attach()

    def wants(self, level: int) -> bool:
        """Whether lines of that level are shown at all."""
        return bool(self._levels & level) and self._target(level) is not None

    def emit(self, subsystem: str, level: int, text: str) -> None:
        """Show a line.  That never raises."""
        if self._levels & level:
            target = self._target(level)
            if target is not None:
                target(subsystem, level, text)

    def say(self, text: str) -> None:
        """Show what the program has to say, whatever else is shown."""
        if self._transport._tracer is not None:
            self._to_tracer("", levels.TRACE, text)
        elif not self._environment and _log.isEnabledFor(logging.INFO):
            _log.info("[%#x] %s", id(self._transport), text)
        else:
            self._to_stderr("*ALL*", levels.TRACE, text)

    def consume(self, data: bytes) -> None:
        """Show what has come in."""
        if not self._encrypted and self._transport.encrypted:
            self._encrypted = True
            holder = self._transport._tls
            self.emit("SSL", levels.TRACE, f"the peers have agreed on {holder.protocol_name if holder else None}")
        if self.input is not None:
            self.input.feed(data)

    def eos(self, arrow: str) -> None:
        """Show that a direction has ended."""
        if self._levels & (levels.FRAME | levels.RAW):
            shown = levels.FRAME if self._levels & levels.FRAME else levels.RAW
            target = self._target(shown)
            if target is not None:
                target("IO", levels.FRAME, f"  {arrow} EOS")

    # --- where from

    def _attach(self) -> None:
        """Follow both streams from here on, or no more."""
        transport = self._transport
        out = transport._out
        if not self._levels & (levels.FRAME | levels.RAW):
            self.input = None
            if isinstance(out, TracedBuffer):
                out.tap = None
            return
        if self.input is None:
            self.input = Tap(self, "<-")
            self.input.feed(transport._unread())
        if not isinstance(out, TracedBuffer):
            # What it holds are whole frames, which were written before anybody looked.
            out = TracedBuffer(out)
            transport._out = transport._outgoing._out = out
        if out.tap is None:
            out.tap = Tap(self, "->")

    # --- where to

    def _target(self, level: int) -> Optional[Callable[[str, int, str], None]]:
        if self._transport._tracer is not None:
            return self._to_tracer
        if self._environment & level:
            return self._to_stderr
        if levels.log_of(level).isEnabledFor(levels.level_of_log(level)):
            return self._to_log
        return self._to_stderr if self._asked & level else None

    def _to_tracer(self, subsystem: str, level: int, text: str) -> None:
        tracer = self._transport._tracer
        assert tracer is not None
        try:
            tracer(self._transport, f"{levels.name_of(level)}: {text}")
        except Exception:
            # It is called in the midst of things: what it does wrong must not leave half a frame behind.
            _log.exception("the tracer of %r failed", self._transport)

    def _to_stderr(self, subsystem: str, level: int, text: str) -> None:
        line = f"[{id(self._transport):#x}]:{subsystem:>5}:{levels.name_of(level):>5}:{text}\n"
        try:
            sys.stderr.write(line)
        except (AttributeError, OSError, ValueError):
            pass  # there is no standard error, or it is closed

    def _to_log(self, subsystem: str, level: int, text: str) -> None:
        log = levels.log_of(level)
        log.log(levels.level_of_log(level), "[%#x] %s", id(self._transport), text)
