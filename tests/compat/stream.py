"""Bytes of the wire as lines of text, in which both libraries look the same if they say the same."""

from __future__ import annotations

import zlib
from typing import List, Optional, Tuple

from syncproton.codec import decode
from syncproton.errors import ProtonException
from syncproton.wire import performatives
from syncproton.wire.frames import AMQP_FRAME, SASL_FRAME, SASL_HEADER, FrameReader

__all__ = ["Stream"]


def content(payload: bytes) -> str:
    """The sections of a message, decoded; or what else there is."""
    if len(payload) > 500:
        return f"{len(payload)} bytes, {zlib.crc32(payload):08x}"
    sections = []
    at = 0
    try:
        while at < len(payload):
            section, at = decode(payload, at)
            sections.append(repr(section))
    except ProtonException:
        return repr(payload)
    return " ".join(sections)


class Stream:
    """What one end says on a connection: the headers of protocols, and frames."""

    def __init__(self) -> None:
        self._held = b""
        self._reader: Optional[FrameReader] = None

    def feed(self, data: bytes) -> None:
        """More bytes."""
        if self._reader is None:
            self._held += data
        else:
            self._reader.feed(data)

    def next(self) -> Optional[Tuple[str, str]]:
        """The kind and the text of what comes next, if it is there completely.  Heartbeats are passed over.

        :raises ProtocolError: if it is not AMQP.
        """
        if self._reader is None:
            if len(self._held) < 8:
                return None
            header, self._held = self._held[:8], self._held[8:]
            self._reader = FrameReader(SASL_FRAME if header == SASL_HEADER else AMQP_FRAME)
            self._reader.feed(self._held)
            return "header", repr(header)
        while True:
            frame = self._reader.next_frame()
            if frame is None:
                return None
            channel, performative, payload = frame
            if performative is not None:
                break
        kind = type(performative).__name__
        shown = repr(performative)
        if isinstance(performative, performatives.Disposition) and performative.state is None:
            kind = "Settled"
        elif kind == "SaslInit":
            shown = f"SaslInit({performative.mechanism}, {performative.initial_response!r}, {performative.hostname!r})"
        reason = getattr(performative, "error", None)
        if reason is not None and not reason.condition.startswith("app:"):
            reason.description = None  # Each library has its own words.
            shown = repr(performative)
        if kind in ("SaslInit", "SaslOutcome"):
            # What comes after that end's part in the login is another protocol.
            self._held = self._reader.take_rest()
            self._reader = None
        if payload:
            shown += f" {content(payload)}"
        return kind, f"{channel} {shown}"

    def lines(self) -> List[str]:
        """The texts of all that is there."""
        told = []
        try:
            heard = self.next()
            while heard is not None:
                told.append(heard[1])
                heard = self.next()
        except ProtonException as nonsense:
            told.append(f"nonsense: {nonsense}")
        return told
