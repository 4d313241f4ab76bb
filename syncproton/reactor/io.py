"""The pump between a socket and a transport."""

from __future__ import annotations

import logging
import socket
from time import monotonic
from typing import TYPE_CHECKING, Optional

from ..engine import Condition, Endpoint, Transport
from ..engine.trace_text import one_line
from .loop import READ, WRITE
from .timers import Timer

if TYPE_CHECKING:
    from .reactor import Reactor

__all__ = ["IO_ERROR", "Channel"]

logger = logging.getLogger("syncproton.reactor")

#: The name of the condition of a transport whose socket failed, or never came to be.
IO_ERROR = "proton:io"

#: Bytes asked of a socket at once.
READ_SIZE = 131072

#: How often a socket is read in its turn, if it gives that much each time and not very many events come of it.
READS = 4

#: Seconds that a peer is given, from the first byte, to open its half of the connection.
OPEN_TIMEOUT = 60.0

#: Seconds that the peer is given to answer our close, before the stream's end tells it once more.
ANSWER_TIME = 2.0

#: Seconds that a half-closed stream is given to end by itself.
LINGER = 10.0


class Channel:
    """A connected socket and the transport it feeds.

    What was read goes to the transport at once; what the transport has to say is written by :meth:`flush`, which the
    reactor calls once a turn for each channel that was touched, so that a turn's frames leave together.
    """

    __slots__ = (
        "transport", "peer", "_reactor", "_socket", "_fd", "_mask", "_tick_timer", "_linger_timer", "_open_timer",
    )

    def __init__(self, reactor: "Reactor", sock: socket.socket, transport: Transport, peer: str) -> None:
        sock.setblocking(False)
        self.transport = transport
        #: The other end, as text for messages.
        self.peer = peer
        self._reactor = reactor
        self._socket = sock
        self._fd = sock.fileno()
        self._mask = 0
        self._tick_timer: Optional[Timer] = None
        self._linger_timer: Optional[Timer] = None
        self._open_timer = reactor.timers.after(OPEN_TIMEOUT, self._open_due)
        self._watch(READ)
        reactor.touch(self)

    def on_ready(self, mask: int) -> None:
        """The socket can be read, or written again."""
        if mask & READ:
            try:
                self._read()
            except Exception as error:
                self._broke(error)
        self._reactor.touch(self)

    def _read(self) -> None:
        transport = self.transport
        for count in range(READS):
            if transport.capacity() <= 0:
                self._watch(self._mask & ~READ)
                return
            try:
                data = self._socket.recv(READ_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.fail(f"{self.peer}: {error.strerror or error}")
                return
            if not data:
                if count:
                    return  # That comes again; what came before it goes first.
                # AMQP knows no half-closed streams: a peer that has gone reads nothing either.
                transport.close_head()
                transport.close_tail()
                return
            transport.push(data)
            # What waited for the peer, such as for credit, goes before what handlers make of its coming.
            transport.pending()
            if len(data) < READ_SIZE or self._reactor.busy:
                return

    def flush(self) -> None:
        """Write what the transport has to say, as far as the socket takes it, and keep its clock."""
        try:
            blocked = self._write()
            transport = self.transport
            if transport.idle_timeout or transport.remote_idle_timeout:
                # What was just written counts as a sign of life; if there was nothing, the clock may want some.
                expired = self._tick()
                blocked = blocked or self._write()
                if expired and blocked:
                    # A peer that neither speaks nor reads would have to be waited for to be told why it is dropped.
                    transport.close_head()
                    blocked = False
        except Exception as error:
            self._broke(error)
            blocked = False
        self._settle_ends(blocked)

    def write_meanwhile(self) -> None:
        """Write what there is to say of deliveries, ahead of :meth:`flush`, which comes in any case.

        What the handlers open and close waits for that: they have not all heard of it yet, and what they still do with
        messages that came before has to go before a close.
        """
        connection = self.transport.connection
        try:
            if connection is not None and connection._is_steady():
                self._write()
        except Exception as error:
            self._broke(error)

    def _write(self) -> bool:
        """Write; true if the socket would not take all."""
        transport = self.transport
        pending = transport.pending()
        while pending > 0:
            try:
                with memoryview(transport._buffer) as data:
                    sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                return True
            except OSError:
                # The peer may have said why before it went: that can still be read, and then ends the stream.
                transport.close_head()
                return False
            transport.pop(sent)
            if sent < pending:
                return True
            pending = transport.pending()
        return False

    def _settle_ends(self, blocked: bool) -> None:
        transport = self.transport
        if transport.closed:
            self.close()
            return
        reading = transport.capacity() >= 0
        said_all = transport.pending() < 0 or transport._awaits_close
        if (not reading or said_all) and self._linger_timer is None:
            # After our last word the stream stays open both ways for a while: a peer that reads an end of file may drop
            # the socket instead of answering our close, as Artemis does.
            self._linger_timer = self._reactor.timers.after(ANSWER_TIME, self._unanswered)
        self._watch((READ if reading else 0) | (WRITE if blocked else 0))

    def _unanswered(self) -> None:
        self.transport._stop_awaiting_close()
        self.flush()
        if self.transport.closed:
            return
        if self.transport.pending() < 0:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the peer has gone already; reading will tell
        self._linger_timer = self._reactor.timers.after(LINGER, self._lingered)

    def _lingered(self) -> None:
        self.fail(f"{self.peer}: did not close its end within {LINGER:.0f} seconds")
        self._reactor.touch(self)

    def _open_due(self) -> None:
        connection = self.transport.connection
        if connection is not None and connection.state & Endpoint.REMOTE_UNINIT:
            self.fail(f"{self.peer}: did not open the connection within {OPEN_TIMEOUT:.0f} seconds")
            self._reactor.touch(self)

    def _tick(self) -> bool:
        """Tell the transport the time; true if the peer has been silent for too long."""
        now = monotonic()
        if self.transport._overdue(now):
            # A handler, or the system, may have kept this thread from reading: what waits is a sign of life.
            self._read()
        listening = self.transport.capacity() >= 0
        deadline = self.transport.tick(now)
        timer = self._tick_timer
        if deadline and (timer is None or not timer.pending or deadline < timer.deadline):
            if timer is not None:
                timer.cancel()
            self._tick_timer = self._reactor.timers.at(deadline, self._tick_due)
        return listening and self.transport.capacity() < 0

    def _tick_due(self) -> None:
        self._reactor.touch(self)

    def fail(self, description: str) -> None:
        """End the transport, in both directions, because of its socket."""
        fail_transport(self.transport, description)

    def _broke(self, error: Exception) -> None:
        """The transport could not cope, be it with the peer's bytes or with what the application had it encode.

        That must cost this connection only, and neither the container nor the other connections.
        """
        logger.error("the connection with %s is given up", self.peer, exc_info=error)
        if self.transport.condition is None:
            self.transport.condition = Condition("amqp:internal-error", f"{type(error).__name__}: {error}")
        self.transport.close_tail()
        self.transport.close_head()

    def close(self) -> None:
        """Close the socket and leave the reactor.  The transport is not told."""
        self._watch(0)
        for timer in (self._tick_timer, self._linger_timer, self._open_timer):
            if timer is not None:
                timer.cancel()
        self._socket.close()
        if self.transport._server and self.transport.condition:
            logger.info("the connection from %s has ended: %s", self.peer, shown(self.transport.condition))
        self._reactor.channel_closed(self)

    def abandon(self) -> None:
        """Close the descriptor only: in the child of a fork the stream and the selector are the parent's."""
        self._socket.close()

    def _watch(self, mask: int) -> None:
        if mask != self._mask:
            self._mask = mask
            self._reactor.loop.watch(self._fd, mask, self)


def shown(condition: Optional[Condition]) -> str:
    """Why something ended, on one line of a log, whatever a peer may have written in it."""
    if condition is None:
        return "no reason was given"
    parts = (condition.name, condition.description)
    return one_line(": ".join([str(part) for part in parts if part and part != IO_ERROR]))


def fail_transport(transport: Transport, description: str) -> None:
    """End a transport in both directions with the condition :data:`IO_ERROR`, unless it already has another."""
    if transport.condition is None:
        transport.condition = Condition(IO_ERROR, description)
    transport.close_tail()
    transport.close_head()
