"""Two ends of a connection whose transports are pumped into each other by hand, with what goes over the wire written
down.  It runs in the processes of both libraries, and knows them as ``proton``.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Callable, List, Optional, Tuple

import proton
from record import states
from syncproton.codec import decode
from syncproton.errors import ProtonException
from syncproton.wire import performatives
from syncproton.wire.frames import AMQP_FRAME, SASL_FRAME, SASL_HEADER, FrameReader

__all__ = ["End", "Pair", "Tap", "attached", "attempt", "gone", "line_of", "opened", "value"]

#: Events that come when there is something to write, as often as each library sees fit.
UNTOLD = ("TRANSPORT",)


def content(payload: bytes) -> str:
    """The sections of a message, decoded; or what else there is."""
    if len(payload) > 200:
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


def value(obj: Any) -> str:
    """A value without the differences between the classes of binary values and the order of maps."""
    if isinstance(obj, memoryview):
        return repr(obj.tobytes())
    if isinstance(obj, dict):
        return "{" + ", ".join(f"{value(key)}: {value(obj[key])}" for key in obj) + "}"
    if isinstance(obj, (list, tuple)):
        return "[" + ", ".join(value(each) for each in obj) + "]"
    return repr(obj)


#: The exceptions that programs written for proton know.
KNOWN = (
    "ConnectionClosed", "ConnectionException", "DataException", "Interrupt", "LinkDetached", "LinkException",
    "MessageException", "ProtonException", "SSLException", "SSLUnavailable", "SendException", "SessionException",
    "Timeout", "TransportException", "Reject", "Release",
)


def attempt(run: Any, word: str, function: Callable[..., Any], *args: Any, words: bool = False, **kwargs: Any) -> Any:
    """Call something, and write down what it returns, or the exception by the name that programs know it by.

    :param words: what the exception says is written down, too.
    """
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        name = next(cls.__name__ for cls in type(error).__mro__
                    if cls.__module__ == "builtins" or cls.__name__ in KNOWN)
        run.note(word, "raises", name, str(error) if words else "")
        return None
    run.note(word, "->", value(result))
    return result


def line_of(condition: Any) -> str:
    """A condition; without the words, which each library has of its own, if the libraries made it."""
    if condition is None:
        return "None"
    words = condition.description if condition.name.startswith("app:") else "..."
    return f"({condition.name}, {words}, {value(condition.info)})"


class Tap:
    """Decodes what flows one way."""

    def __init__(self) -> None:
        self._held = b""
        self._reader: Optional[FrameReader] = None

    def feed(self, data: bytes) -> List[str]:
        """The headers and frames that are complete now."""
        told = []
        self._held += data
        while len(self._held) >= 8:
            if self._held[:4] == b"AMQP":
                header, self._held = self._held[:8], self._held[8:]
                self._reader = FrameReader(SASL_FRAME if header == SASL_HEADER else AMQP_FRAME)
                told.append(repr(header))
                continue
            size = int.from_bytes(self._held[:4], "big")
            if len(self._held) < size:
                break
            frame, self._held = self._held[:size], self._held[size:]
            assert self._reader is not None
            self._reader.feed(frame)
            channel, performative, payload = self._reader.next_frame()  # type: ignore[misc]
            if performative is None:
                told.append("empty frame")
                continue
            reason = getattr(performative, "error", None)
            if reason is not None and not reason.condition.startswith("app:"):
                reason.description = None  # Each library has its own words.
            shown = f"{channel} {performative!r}"
            if isinstance(performative, performatives.Transfer):
                shown += f" {content(bytes(payload))}"
            told.append(shown)
        return told


class End:
    """One end: a connection, its transport and its collector."""

    def __init__(self, run: Any, name: str, server: bool = False) -> None:
        self.run = run
        self.name = name
        self.server = server
        self.collector = proton.Collector()
        self.connection = proton.Connection()
        self.connection.container = name
        self.connection.collect(self.collector)
        self.renew()

    def renew(self) -> None:
        """A new transport, not yet bound."""
        self.transport = proton.Transport(*([proton.Transport.SERVER] if self.server else []))
        self.tap = Tap()
        self.sent = b""

    def bind(self) -> None:
        self.transport.bind(self.connection)

    def output(self, most: Optional[int] = None) -> bytes:
        """Take the bytes there are to send."""
        pending = self.transport.pending()
        if pending <= 0:
            return b""
        data = bytes(self.transport.peek(pending if most is None else min(pending, most)))
        self.transport.pop(len(data))
        self.sent += data
        for line in self.tap.feed(data):
            self.run.note(f"{self.name} >", line)
        return data

    def taken(self) -> List[Any]:
        """Take the events off the collector, and write them down."""
        taken = []
        while True:
            event = self.collector.peek()
            if not event:
                return taken
            name = re.sub("^PN_", "", str(event.type))
            if name not in UNTOLD:
                self.run.note(f"{self.name} event", name, self._about(event))
            taken.append(event.type)
            self.collector.pop()

    @staticmethod
    def _about(event: Any) -> str:
        context = event.context
        if isinstance(context, proton.Delivery):
            text = f"tag {context.tag!r} {int(context.local_state)}/{int(context.remote_state)}"
            for word in ("settled", "readable", "writable", "updated", "partial", "aborted"):
                text += f" {word}" if getattr(context, word) else ""
            return f"{text} pending {context.pending}"
        if isinstance(context, proton.Transport):
            return line_of(context.condition) if context.condition else ""
        text = states(context.state)
        if isinstance(context, proton.Link):
            text += f" {context.name} credit {context.credit} queued {context.queued} unsettled {context.unsettled}"
        if context.remote_condition:
            text += f" {line_of(context.remote_condition)}"
        return text


class Pair:
    """A client and a server."""

    def __init__(self, run: Any, bind: bool = True, prepare: Optional[Callable[["End", "End"], None]] = None) -> None:
        self.a = End(run, "a")
        self.b = End(run, "b", server=True)
        if prepare is not None:
            prepare(self.a, self.b)
        if bind:
            self.a.bind()
            self.b.bind()

    @property
    def both(self) -> Tuple[End, End]:
        return self.a, self.b

    def pump(self, most: Optional[int] = None) -> None:
        """Carry bytes and ends of streams both ways until there are none, and then take the events."""
        while self._move(self.a, self.b, most) | self._move(self.b, self.a, most):
            pass
        self.events()

    def events(self) -> None:
        """Take the events."""
        for end in self.both:
            end.taken()

    @staticmethod
    def _move(source: End, sink: End, most: Optional[int]) -> bool:
        data = source.output(most)
        if data:
            while data:
                room = sink.transport.capacity()
                if room <= 0:
                    break
                sink.transport.push(data[:room])
                data = data[room:]
            return True
        if source.transport.pending() < 0 <= sink.transport.capacity():
            source.run.note(f"{source.name} > end")
            sink.transport.close_tail()
            return True
        return False


def opened(run: Any, prepare: Optional[Callable[[End, End], None]] = None, quiet: bool = True) -> Pair:
    """Two connections that are open to each other.

    :param quiet: nothing of that is written down.
    """
    pair = Pair(run, prepare=prepare)
    pair.a.connection.open()
    pair.b.connection.open()
    pair.pump()
    if quiet:
        del run.trace[:]
    return pair


def attached(run: Any, prepare: Optional[Callable[[End, End], None]] = None, credit: int = 0, **modes: int) -> Any:
    """Two connections with a session, and a link from a to b; the pair, the sender and the receiver.

    :param modes: attributes to set on the sender.
    """
    pair = opened(run, prepare)
    session = pair.a.connection.session()
    session.open()
    sender = session.sender("link")
    for name, mode in modes.items():
        setattr(sender, name, mode)
    sender.open()
    pair.pump()
    theirs = pair.b.connection.session_head(proton.Endpoint.REMOTE_ACTIVE)
    theirs.open()
    receiver = pair.b.connection.link_head(proton.Endpoint.REMOTE_ACTIVE)
    receiver.open()
    if credit:
        receiver.flow(credit)
    pair.pump()
    del run.trace[:]
    return pair, sender, receiver


def gone(pair: Pair) -> None:
    """Close both connections, and end the streams."""
    pair.a.connection.close()
    pair.b.connection.close()
    pair.pump()
    for end in pair.both:
        end.transport.unbind()
        end.taken()
