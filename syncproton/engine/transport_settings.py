"""What a transport is set to, what it agreed on with its peer, what it counts and what it logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, cast

from ..codec.types import RangeError
from ..errors import SessionException
from ..wire.frames import FrameReader
from .checks import number
from .trace import Trace, Tracer

if TYPE_CHECKING:
    from .transport import Transport

__all__ = ["TransportSettings"]

CHANNEL_MAX = 32767
MIN_MAX_FRAME_SIZE = 512
NO_LIMIT = 4294967295
MAX_IDLE_TIMEOUT = 4294967  # what fits the milliseconds of the open frame


class TransportSettings:
    """The limits, counters and trace of a transport."""

    TRACE_OFF = 0
    TRACE_RAW = 1
    TRACE_FRM = 2
    TRACE_DRV = 4

    def __init__(self) -> None:
        self._max_frame_size = 32768
        self._channel_max = CHANNEL_MAX
        self._idle_timeout = 0.0
        #: How many times the idle time-out a silence may last; the reactor bears more than proton's engine does.
        self._patience = 1
        self._remote_max_frame_size = NO_LIMIT
        self._remote_channel_max = 65535
        self._remote_idle_timeout = 0.0
        self._reader = FrameReader(max_frame_size=self._max_frame_size)
        self._open_sent = False
        self._frames_input = 0  # those of SASL
        self._frames_output = 0
        self._trace: Optional[Trace] = None
        self._tracer: Optional[Tracer] = None

    @property
    def max_frame_size(self) -> int:
        """The largest frame this end takes, in bytes, at least 512; 0 means no limit.

        The peer is told once, by the open: setting it later changes nothing.
        """
        return self._max_frame_size

    @max_frame_size.setter
    def max_frame_size(self, size: int) -> None:
        number(size, NO_LIMIT)
        if self._open_sent:
            return
        self._max_frame_size = max(size, MIN_MAX_FRAME_SIZE) if size else 0
        self._reader.max_frame_size = self._max_frame_size or NO_LIMIT

    @property
    def remote_max_frame_size(self) -> int:
        """The largest frame the peer takes, in bytes."""
        return self._remote_max_frame_size

    @property
    def channel_max(self) -> int:
        """The highest channel number that either end may use, at most 32767."""
        return self._negotiated_channel_max()

    @channel_max.setter
    def channel_max(self, channel_max: int) -> None:
        if self._open_sent:
            raise SessionException("channel_max can't change once the connection is open")
        self._channel_max = min(number(channel_max, NO_LIMIT), CHANNEL_MAX)

    @property
    def remote_channel_max(self) -> int:
        """The highest channel number that the peer allows."""
        return self._remote_channel_max

    def _negotiated_channel_max(self) -> int:
        return min(self._channel_max, self._remote_channel_max)

    @property
    def idle_timeout(self) -> float:
        """Seconds of silence after which the peer is held to be gone; 0 means never.  The peer is told half of it."""
        return self._idle_timeout

    @idle_timeout.setter
    def idle_timeout(self, sec: float) -> None:
        if not 0 <= float(sec) <= MAX_IDLE_TIMEOUT:
            raise RangeError(f"an idle time-out is 0 to {MAX_IDLE_TIMEOUT} seconds, not {sec!r}")
        self._idle_timeout = float(sec)

    @property
    def remote_idle_timeout(self) -> float:
        """Seconds of silence after which the peer holds this end to be gone; 0 means never."""
        return self._remote_idle_timeout

    # --- looking at it

    @property
    def frames_output(self) -> int:
        """How many frames have been written."""
        return self._frames_output

    @property
    def frames_input(self) -> int:
        """How many frames have been read."""
        return self._frames_input + self._reader.frames

    def trace(self, n: int) -> None:
        """Show what goes on from here on, in readable form.

        The environment variables ``PN_TRACE_RAW``, ``PN_TRACE_FRM``, ``PN_TRACE_DRV`` and ``PN_LOG`` do that for every
        transport made while they are set.  Passwords are not shown, and of messages only the beginning.

        :param n: the sum of ``TRACE_RAW``, the bytes; ``TRACE_FRM``, the frames in both directions; ``TRACE_DRV``, what
            else happens in the transport.  ``TRACE_OFF`` is none of it.
        :raises TypeError, ValueError: if that is no such number.
        """
        if not isinstance(n, int):
            raise TypeError(f"an integer is wanted, not {n!r}")
        if not -0x80000000 <= n <= 0x7FFFFFFF:
            raise RangeError(f"a sum of TRACE_RAW, TRACE_FRM and TRACE_DRV is wanted, not {n}")
        self._a_trace().ask(n)

    @property
    def tracer(self) -> Optional[Tracer]:
        """Called with the transport and each line of its trace, such as ``FRAME: 0 -> @close(24) []``.

        With ``None`` the lines go to standard error or to :mod:`logging`.

        :raises TypeError: on setting what cannot be called.
        """
        return self._tracer

    @tracer.setter
    def tracer(self, tracer: Optional[Tracer]) -> None:
        if tracer is not None and not callable(tracer):
            raise TypeError(f"a tracer is called with a transport and a text, which {tracer!r} cannot be")
        self._tracer = tracer

    def log(self, message: str) -> None:
        """Add a line to the trace, whatever else is traced.

        :raises TypeError: if it is no text.
        """
        if not isinstance(message, str):
            raise TypeError(f"a text is wanted, not {message!r}")
        self._a_trace().say(message)

    def _a_trace(self) -> Trace:
        if self._trace is None:
            self._trace = Trace(cast("Transport", self))
        return self._trace
