"""The transport: bytes in, bytes out, events on the connection's collector.

A transport is the sans-I/O machine of one connection.  Whoever owns a socket gives it what was read
(:meth:`Transport.push`), sends what it has (:meth:`Transport.pending`, :meth:`Transport.peek`, :meth:`Transport.pop`),
tells it the time (:meth:`Transport.tick`), and says when the stream has ended.

The input goes through stages, each told from its header of eight bytes: TLS lies below all as a filter; then a protocol
header, SASL frames, a header again, AMQP frames.  :data:`Stage` is that machine's state.  A client knows which headers
must come; a server learns from the first one what the client wants.

The two directions end apart: the *tail* is the input, the *head* the output.  The transport is closed when both are.
"""

from __future__ import annotations

import logging
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

from ..errors import DataException, ProtocolError, SSLException, TransportException
from ..security.sasl.negotiation import Negotiation
from ..security.sasl.sasl import SASL
from ..wire.frames import AMQP_HEADER, EMPTY_FRAME, SASL_FRAME, SASL_HEADER, FrameReader, write_frame
from . import events
from .checks import number
from .condition import Condition, a_condition
from .events import Event, EventType
from .idle import IdleTimer
from .incoming import FRAMING_ERROR, Incoming
from .outgoing import HIGH_WATER, Outgoing
from .protocols import not_a_header
from .trace import Trace
from .trace_levels import DEBUG, ERROR, INFO
from .trace_text import header_name
from .transport_settings import TransportSettings

if TYPE_CHECKING:
    from ..security.ssl_domain import SSLDomain, SSLSessionDetails
    from ..security.ssl_object import SSL
    from ..security.tls import TlsHolder, TlsLayer
    from .connection import Connection
    from .session import Session

__all__ = ["Transport"]

_log = logging.getLogger(__name__)

# Mechanisms with long challenges need more than the 512 bytes of section 5.3.1, and peers send it.
SASL_MAX_FRAME_SIZE = 65536


class Stage(Enum):
    """What the input is expected to be."""

    HEADER = "a protocol header"
    SASL = "SASL frames"
    AMQP = "AMQP frames"
    ENDED = "nothing more"


class Transport(TransportSettings):
    """The protocol machine of one connection."""

    CLIENT = 1
    SERVER = 2

    _clazz = "pn_transport"
    _handler = None

    def __init__(self, mode: Optional[int] = None, impl: Any = None) -> None:
        if mode not in (None, self.CLIENT, self.SERVER):
            raise TransportException(f"Cannot initialise Transport from mode: {mode}")
        super().__init__()
        self._server = mode == self.SERVER
        self._connection: Optional["Connection"] = None
        self._reactor: Any = None
        self._local_channels: Dict[int, "Session"] = {}
        self._remote_channels: Dict[int, "Session"] = {}
        # The input.
        self._stage = Stage.HEADER
        self._head_bytes = b""
        self._detected = False
        self._in_amqp = False
        self._incoming = Incoming(self)
        self._tail_closed = False
        self._bytes_input = 0
        # The output: frames, and, where there is TLS, what goes to the wire in their place.
        self._out = bytearray()
        self._encrypted = bytearray()
        self._outgoing = Outgoing(self, self._out)
        self._header_sent = False
        self._head_closed = False
        self._halted = False
        self._bytes_output = 0
        # The layers below AMQP.
        self._sasl: Optional[Negotiation] = None
        self._sasl_header_sent = False
        self._sasl_reader: Optional[FrameReader] = None
        self._tls: Optional["TlsLayer"] = None
        self._tls_holder: Optional["TlsHolder"] = None
        self._tls_closing = False
        self._waits_for_close = True
        self._require_auth = False
        self._require_encryption = False
        # How it went wrong.
        self._condition: Optional[Condition] = None
        self._remote_condition: Optional[Condition] = None
        self._failed = False
        self._closed_told = False
        # Idle time-outs: of the peer, and of this end in the peer's eyes.
        self._dead = IdleTimer()
        self._alive = IdleTimer()
        self._trace = Trace.if_wanted(self)

    # --- binding

    @property
    def connection(self) -> Optional["Connection"]:
        """The connection the transport is bound to, or ``None``."""
        return self._connection

    def bind(self, connection: "Connection") -> None:
        """Speak for ``connection`` from now on.

        :raises TypeError: if it is no connection.
        :raises TransportException: if either is bound already.
        """
        if not hasattr(connection, "_transport"):
            raise TypeError(f"a Connection is wanted, not {connection!r}")
        if self._connection is not None:
            raise TransportException("the transport is bound to a connection already")
        if connection._transport is not None:
            raise TransportException("the connection is bound to a transport already")
        self._connection = connection
        if (connection._user, connection._password, connection._authorization) != (None, None, None):
            negotiation = self._sasl_negotiation()
            negotiation.user = connection._user
            negotiation.password = connection._password
            negotiation.authorization = connection._authorization
        if self._sasl is not None and connection._hostname and not self._sasl.hostname:
            self._sasl.hostname = connection._hostname
        if self._tls is not None and connection._hostname and not self._tls.hostname:
            self._tls.hostname = connection._hostname
        connection._bound(self)
        self._incoming.bind(connection)
        if self._stage is Stage.AMQP:
            self._take(b"")  # What came after the peer's open has waited for somebody to be told of it.

    def bind_nothrow(self, connection: "Connection") -> None:
        """Like :meth:`bind`, but do nothing if either is bound already.

        :raises TypeError: if it is no connection.
        """
        if self._connection is None and getattr(connection, "_transport", None) is None:
            self.bind(connection)

    def unbind(self) -> None:
        """Stop speaking for the connection.  Its endpoints keep their local state and can be bound anew."""
        connection = self._connection
        if connection is not None:
            connection._check()
            self._connection = None
            self._incoming.unbind()
            self._halted = True
            sessions = [*self._local_channels.values(), *self._remote_channels.values()]
            self._local_channels = {}
            self._remote_channels = {}
            connection._unbound(self, sessions)

    # --- input

    def capacity(self) -> int:
        """How many bytes can be pushed now; negative once the input has ended."""
        return -1 if self._tail_closed else 65536

    def push(self, binary: Union[bytes, bytearray, memoryview]) -> None:
        """Take bytes that came from the peer: any number, cut anywhere.

        :raises TransportException: if the input has ended.
        """
        if self._tail_closed:
            condition = self._condition
            why = f": {condition.name}: {condition.description}" if condition is not None else ""
            raise TransportException(f"the input of the transport has ended{why}")
        data = binary if binary.__class__ is bytes else bytes(memoryview(binary))
        self._bytes_input += len(data)
        self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            if self._stage is Stage.AMQP and not data:
                self._frames(data)
            elif self._tls is None:
                self._consume(data)
            else:
                self._decrypt(data)
        except ProtocolError as error:
            self._fail(error.condition, error.description)
        except SSLException as error:
            self._tls_failed(error)
        except DataException as error:
            self._fail("amqp:decode-error", str(error))
        if self._failed or self._incoming.close_received:
            self._end_input()
            if self._halted and not self._out and self._tls is None:
                self.close_head()
            self._maybe_closed()

    def close_tail(self) -> None:
        """Say that no more bytes will come from the peer."""
        if not self._tail_closed:
            stage = self._stage
            self._end_input()
            self._maybe_closed()
            if self._tls is not None and not self._failed:
                try:
                    self._tls.receive_eof()
                except SSLException as error:
                    self._tls_failed(error)
            if not self._failed and not self._incoming.close_received:
                nothing = self._server and not self._detected and not self._head_bytes
                self._fail(FRAMING_ERROR, self._cut_short(stage), quiet=nothing)
            self._maybe_closed()

    def _cut_short(self, stage: Stage) -> str:
        if stage is Stage.AMQP:
            return "connection aborted"
        if stage is Stage.SASL:
            return "connection aborted during SASL"
        return f"no protocol header, {len(self._head_bytes)} bytes of one came (connection aborted)"

    def _end_input(self) -> None:
        if not self._tail_closed:
            self._tail_closed = True
            self._stage = Stage.ENDED
            if self._trace is not None:
                self._trace.eos("<-")
            self._put(Event.TRANSPORT_TAIL_CLOSED)

    def _decrypt(self, data: bytes) -> None:
        tls = self._tls
        assert tls is not None
        plain = tls.receive(data)
        if self._sasl is not None:
            self._prepare(self._sasl)
        if plain:
            self._consume(plain)
        if tls.eof and not self._incoming.close_received and not self._failed:
            raise ProtocolError(FRAMING_ERROR, self._cut_short(self._stage))

    def _consume(self, data: bytes) -> None:
        if self._trace is not None:
            self._trace.consume(data)
        while data:
            stage = self._stage
            if stage is Stage.AMQP:
                self._frames(data)
                return
            elif stage is Stage.HEADER:
                data = self._header(data)
            elif stage is Stage.SASL:
                data = self._sasl_frames(data)
            else:
                return

    def _frames(self, data: bytes) -> None:
        reader = self._reader
        incoming = self._incoming
        reader.feed(data)
        if self._connection is None and incoming.open_received:
            return
        while True:
            reader.take_whole_transfers(incoming.whole_transfer)
            frame = reader.next_frame()
            if frame is None:
                return
            channel, performative, payload = frame
            if performative is None:
                continue
            incoming.dispatch[performative.__class__](channel, performative, payload)
            if incoming.close_received or self._halted or self._connection is None:
                return

    def _unread(self) -> bytes:
        """The beginning of a header or a frame of which the rest has not come."""
        if self._stage is Stage.HEADER:
            return self._head_bytes
        reader = self._reader if self._sasl_reader is None or self._stage is Stage.AMQP else self._sasl_reader
        rest = reader.take_rest()
        reader.feed(rest)
        return rest

    def _header(self, data: bytes) -> bytes:
        head = self._head_bytes + data[:8 - len(self._head_bytes)]
        data = data[len(head) - len(self._head_bytes):]
        expected = self._expected_headers()
        if not any(header.startswith(head) for header in expected):
            raise ProtocolError(FRAMING_ERROR, not_a_header(head + data, expected))
        self._head_bytes = head
        if len(head) < 8:
            return b""
        self._head_bytes = b""
        self._detected = True
        if self._trace is not None and self._server:
            self._trace.emit("IO", DEBUG, f"{header_name(head)} layer detected")
        if head == SASL_HEADER:
            negotiation = self._sasl_negotiation()
            self._prepare(negotiation)
            negotiation.start()
            if self._server:
                self._put(Event.TRANSPORT)
            self._sasl_reader = FrameReader(SASL_FRAME, SASL_MAX_FRAME_SIZE)
            self._stage = Stage.SASL
        else:
            if self._require_auth and self._server and self._sasl_is_open():
                raise ProtocolError("amqp:connection:policy-error", "Client skipped authentication - forbidden")
            if self._require_encryption and self._server and not self.encrypted:
                raise ProtocolError("amqp:connection:policy-error", "Client connection unencryted - forbidden")
            self._stage = Stage.AMQP
            self._in_amqp = True
        return data

    def _expected_headers(self) -> Any:
        if not self._server:
            return (SASL_HEADER,) if self._sasl_is_open() and self._sasl is not None else (AMQP_HEADER,)
        if self._sasl is not None and self._sasl.done:
            return (AMQP_HEADER,)
        return (AMQP_HEADER, SASL_HEADER)

    # --- SASL and TLS

    def sasl(self) -> SASL:
        """The SASL layer of this transport; asking for it turns it on."""
        return SASL(self)

    def _sasl_negotiation(self) -> Negotiation:
        if self._sasl is None:
            self._sasl = Negotiation(self._server)
            self._prepare(self._sasl)
        return self._sasl

    def _prepare(self, negotiation: Negotiation) -> None:
        """Tell the negotiation what the layer below it knows."""
        negotiation.require_auth = negotiation.require_auth or self._require_auth
        tls = self._tls
        if tls is not None:
            negotiation.encrypted = tls.handshaken
            negotiation.external_identity = tls.external_identity
        if self._connection is not None and not negotiation.hostname:
            negotiation.hostname = self._connection._hostname

    def _sasl_is_open(self) -> bool:
        """Whether authentication is still to come, or under way."""
        return self._sasl is None or not self._sasl.done

    def _sasl_frames(self, data: bytes) -> bytes:
        negotiation = self._sasl
        reader = self._sasl_reader
        assert negotiation is not None and reader is not None
        reader.feed(data)
        while not negotiation.done:
            frame = reader.next_frame()
            if frame is None:
                return b""
            self._frames_input += 1
            if frame[1] is not None:
                negotiation.receive(frame[1])  # type: ignore[arg-type]
                if negotiation.error is None:
                    self._put(Event.TRANSPORT)
        if negotiation.error is not None:
            self._fail(negotiation.error[0], negotiation.error[1], quiet=True)
            return b""
        if self._trace is not None:
            self._trace.emit("SASL", INFO, f"authenticated {self.user} by {negotiation.mechanism or 'nothing'}")
        self._stage = Stage.HEADER
        return reader.take_rest()

    def ssl(self, domain: Optional["SSLDomain"] = None, session_details: Optional["SSLSessionDetails"] = None) -> "SSL":
        """The TLS layer of this transport; asking for it with a domain turns it on."""
        from ..security.ssl_object import SSL

        return SSL(self, domain, session_details)

    def _attach_tls(
        self, domain: Optional["SSLDomain"], session_details: Optional["SSLSessionDetails"]
    ) -> "TlsHolder":
        from ..security.tls import TlsHolder

        if self._tls_holder is None:
            self._tls_holder = TlsHolder()
        hostname = self._connection._hostname if self._connection is not None else None
        self._tls = self._tls_holder.attach(domain, session_details, self._server, hostname)
        return self._tls_holder

    def require_auth(self, bool: bool) -> None:
        """Server: refuse clients that do not authenticate."""
        self._require_auth = bool

    def require_encryption(self, bool: bool) -> None:
        """Refuse peers without TLS."""
        self._require_encryption = bool

    @property
    def authenticated(self) -> bool:
        """Whether a SASL exchange has succeeded, be it for an anonymous user."""
        sasl = self._sasl
        return sasl is not None and sasl.done and sasl.error is None

    @property
    def encrypted(self) -> bool:
        """Whether the connection is encrypted."""
        return self._tls is not None and self._tls.handshaken

    @property
    def user(self) -> Optional[str]:
        """The client's user: on a server the one who authenticated, by SASL or by TLS; else ``anonymous``.

        ``None`` on a server that nobody has spoken to.
        """
        sasl = self._sasl
        if sasl is None and self._server and not self._in_amqp:
            return None  # Nobody has come yet.
        if sasl is None or self._in_amqp and not sasl.done:
            tls = self._tls
            return "anonymous" if tls is None or tls.plain or not self._server else tls.external_identity
        return sasl.authenticated_user if self._server else sasl.user

    # --- output

    def pending(self) -> int:
        """How many bytes there are to send; negative once the output has ended."""
        if self._head_closed:
            return -1
        out = self._out
        if len(out) <= HIGH_WATER:
            self._produce()
        tls = self._tls
        if tls is not None:
            return self._encrypt(tls)
        if not out and self._output_done():
            self.close_head()
            return -1
        return len(out)

    @property
    def _buffer(self) -> bytearray:
        """What :meth:`peek` shows and :meth:`pop` drops, for whoever would not have it copied."""
        return self._out if self._tls is None else self._encrypted

    def peek(self, size: int) -> Optional[bytes]:
        """The next ``size`` bytes to send, which stay here until :meth:`pop`; ``None`` once the output has ended.

        :raises TypeError, ValueError: if that is no size.
        """
        number(size, sys.maxsize)
        if self.pending() < 0:
            return None
        return bytes(memoryview(self._buffer)[:size])

    def pop(self, size: int) -> None:
        """Drop ``size`` bytes: they have been sent.  Once the output has ended there are none, and this does nothing.

        :raises TransportException: if there are not so many.
        :raises TypeError, ValueError: if that is no size.
        """
        number(size, sys.maxsize)
        if self._head_closed:
            return
        buffer = self._buffer
        if size > len(buffer):
            raise TransportException(f"{size} bytes can't have been sent: there were {len(buffer)}")
        del buffer[:size]
        self._bytes_output += size
        if not buffer:
            self.pending()

    def close_head(self) -> None:
        """Say that no more bytes can be sent to the peer."""
        if not self._head_closed:
            self._head_closed = True
            if self._trace is not None:
                self._trace.eos("->")
            self._out.clear()
            self._encrypted.clear()
            self._put(Event.TRANSPORT_HEAD_CLOSED)
            self._maybe_closed()

    def _maybe_closed(self) -> None:
        if self._head_closed and self._tail_closed and not self._closed_told:
            self._closed_told = True
            self._put(Event.TRANSPORT_CLOSED)

    def _output_done(self) -> bool:
        return (self._outgoing.close_sent and not self._awaits_close or self._halted and self._failed
                or self._connection is None and self._halted)

    def _produce(self) -> None:
        if self._halted or self._outgoing.close_sent:
            return
        connection = self._connection
        if self._header_sent:
            if connection is not None:
                self._outgoing.process(connection)
            return
        if self._sasl is not None and (not self._server or self._detected):
            if not self._sasl_output(self._sasl):
                return
        if self._server and not self._in_amqp:
            return
        self._out += AMQP_HEADER
        self._header_sent = True
        if connection is not None:
            self._outgoing.process(connection)

    def _sasl_output(self, negotiation: Negotiation) -> bool:
        """Write what the SASL layer has to say; whether it has said all."""
        if not self._sasl_header_sent:
            if self._server and negotiation.state.name == "NOT_STARTED":
                return True  # The client went without it.
            self._out += SASL_HEADER
            self._sasl_header_sent = True
        for frame in negotiation.output():
            write_frame(self._out, 0, frame)
        if negotiation.done and negotiation.error is not None:
            self._halted = True
            return False
        return negotiation.done

    def _encrypt(self, tls: "TlsLayer") -> int:
        try:
            if self._out:
                tls.send(self._out)
            if self._output_done() and not self._tls_closing:
                self._tls_closing = True
                tls.close()
            self._out.clear()
            self._encrypted += tls.output()
        except SSLException as error:
            self._tls_failed(error)
            self._out.clear()
            self._encrypted += tls.output()  # An alert tells the peer why.
        if not self._encrypted and self._output_done():
            self.close_head()
            return -1
        return len(self._encrypted)

    @property
    def _awaits_close(self) -> bool:
        """Whether the end of TLS is held back until the peer has answered our close.

        A peer that reads the end of TLS together with the close may have nothing that could carry its answer: so has
        Proton's C library.
        """
        return (self._tls is not None and self._waits_for_close and self._outgoing.close_sent
                and not self._tail_closed and not self._failed)

    def _stop_awaiting_close(self) -> None:
        """End TLS although the peer has not answered our close."""
        self._waits_for_close = False

    # --- the end

    @property
    def closed(self) -> bool:
        """Whether both directions have ended."""
        return self._head_closed and self._tail_closed

    @property
    def condition(self) -> Optional[Condition]:
        """Why the transport failed, or why the peer closed the connection; ``None`` if it did not."""
        return self._condition

    @condition.setter
    def condition(self, condition: Optional[Condition]) -> None:
        self._condition = a_condition(condition)

    def _remote_closed(self, condition: Optional[Condition]) -> None:
        self._remote_condition = condition

    def _fail(self, name: str, description: str, quiet: bool = False) -> None:
        """End the transport for an error.  The peer is told, unless ``quiet``: where no AMQP frames can be sent."""
        if self._failed:
            return
        self._failed = True
        if self._condition is None:
            self._condition = Condition(name, description)
        _log.debug("transport failed: %s", self._condition)
        if self._trace is not None:
            self._trace.emit("AMQP", ERROR, f"{self._condition.name} {self._condition.description}")
        outgoing = self._outgoing
        # A server has begun with SASL once the client has, though its header may not have been written yet.
        begun = self._sasl_header_sent or self._server and self._sasl_reader is not None
        in_sasl = self._sasl is not None and self._sasl_is_open() and (begun or not self._server)
        if quiet or in_sasl:
            # SASL's last words, such as the outcome, go out still.
            if self._sasl is not None and begun:
                self._sasl_output(self._sasl)
            self._halted = True
        elif not outgoing.close_sent and not self._head_closed:
            if not self._header_sent:
                self._out += AMQP_HEADER
                self._header_sent = True
            if not self._open_sent:
                outgoing.write_open(None)
            outgoing.write_close(Condition(name, description))
        self._put(Event.TRANSPORT_ERROR)

    def _tls_failed(self, error: SSLException) -> None:
        self._out.clear()
        self._fail(FRAMING_ERROR, str(error), quiet=True)

    def _put(self, etype: EventType) -> None:
        connection = self._connection
        if connection is not None:
            connection._put(self, etype)

    # --- time

    def tick(self, now: float) -> float:
        """Tell the transport the time.

        :param now: the time in seconds, by any clock that does not go back.
        :returns: the time of the next deadline, by which to call again; 0 if there is none.
        """
        deadline = 0.0
        now = float(now)
        # A silence begins once something was said, or heard.
        begun = self._bytes_input or self._bytes_written()
        if self._idle_timeout and begun and not self._tail_closed:
            if self._dead.expired(now, self._idle_timeout * self._patience, self._bytes_input):
                self._fail("amqp:resource-limit-exceeded", "local-idle-timeout expired")
                self._end_input()
                self._maybe_closed()
            deadline = self._dead.deadline
        if self._remote_idle_timeout and self._open_sent and not self._outgoing.close_sent and not self._head_closed:
            # A frame at half the peer's time-out keeps it from thinking this end gone.
            if self._alive.expired(now, self._remote_idle_timeout / 2, self._bytes_written()):
                if self.pending() == 0:
                    self._out += EMPTY_FRAME
                    self._frames_output += 1
                self._alive.count = self._bytes_written()
            deadline = min(deadline, self._alive.deadline) if deadline else self._alive.deadline
        return deadline

    def _overdue(self, now: float) -> bool:
        """Whether :meth:`tick` would take the peer for gone, unless something of it comes before."""
        return bool(self._idle_timeout) and not self._tail_closed and self._dead.due(now, self._bytes_input)

    def _bytes_written(self) -> int:
        return self._bytes_output + len(self._out) + len(self._encrypted)

    def __repr__(self) -> str:
        side = "server" if self._server else "client"
        failure = f", failed: {self._condition}" if self._condition else ""
        return f"<Transport {side}, expects {self._stage.value}{failure}>"


events._transport_kind.append(Transport)
