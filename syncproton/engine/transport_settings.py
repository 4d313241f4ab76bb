"""What a transport is set to, what it agreed on with its peer, what it counts and what it logs."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

from ..codec.types import RangeError
from ..errors import SessionException
from ..wire.frames import FrameReader
from .checks import number

__all__ = ["TransportSettings"]

CHANNEL_MAX = 32767
MIN_MAX_FRAME_SIZE = 512
NO_LIMIT = 4294967295
MAX_IDLE_TIMEOUT = 4294967  # what fits the milliseconds of the open frame

_log = logging.getLogger(__name__)


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
        self._frames_input = 0
        self._frames_output = 0
        self._trace = self.TRACE_OFF
        self._tracer: Optional[Callable[[Any, str], None]] = None

    @property
    def max_frame_size(self) -> int:
        """The largest frame this end takes, in bytes, at least 512; 0 means no limit."""
        return self._max_frame_size

    @max_frame_size.setter
    def max_frame_size(self, size: int) -> None:
        number(size, NO_LIMIT)
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
        return self._frames_input

    def trace(self, n: int) -> None:
        """Log the frames that come in (``TRACE_FRM``), or nothing (``TRACE_OFF``)."""
        self._trace = n

    @property
    def tracer(self) -> Optional[Callable[[Any, str], None]]:
        """Called with the transport and each message that :meth:`log` gets; ``None`` sends them to :mod:`logging`."""
        return self._tracer

    @tracer.setter
    def tracer(self, tracer: Optional[Callable[[Any, str], None]]) -> None:
        self._tracer = tracer

    def log(self, message: str) -> None:
        """Write a line to the tracer, or to the log ``syncproton.engine``."""
        if self._tracer is not None:
            self._tracer(self, message)
        else:
            _log.info("%s", message)
