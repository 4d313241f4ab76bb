"""Making a connection, and making it again."""

from __future__ import annotations

import logging
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple

from ..engine import Connection, Endpoint, Transport
from ..security import SSL, SSLDomain
from ..url import Url
from .attempts import Attempts
from .dialer import Dialer
from .io import Channel, fail_transport, shown
from .timers import Task

if TYPE_CHECKING:
    from .reactor import Reactor

__all__ = ["ConnectSettings", "Connector"]

logger = logging.getLogger("syncproton.reactor")

#: The condition with which a broker closes connections that are welcome to come back.
FORCED_CLOSE = "amqp:connection:forced"

#: A connection that lasted for less than so many seconds was none, when it comes to trying again at once.
SHORT_LIVED = 1.0

#: The longest and the shortest delay, in seconds, after one short-lived connection on the heels of another.
SLOWEST_FLAP = 10.0
FASTEST_FLAP = 0.1

#: A peer that was silent for so many heartbeats is gone.
MISSED_HEARTBEATS = 2


class ConnectSettings:
    """How each attempt of a connector is to be made: the keywords of :meth:`Container.connect`."""

    __slots__ = (
        "user",
        "password",
        "virtual_host",
        "sasl_enabled",
        "allowed_mechs",
        "allow_insecure_mechs",
        "ssl_domain",
        "sni",
        "heartbeat",
        "max_frame_size",
    )

    def __init__(self) -> None:
        self.user: Optional[str] = None
        self.password: Optional[str] = None
        self.virtual_host: Optional[str] = None
        self.sasl_enabled = True
        self.allowed_mechs: Any = None
        self.allow_insecure_mechs = True
        self.ssl_domain: Optional[Callable[[], SSLDomain]] = None
        self.sni: Optional[str] = None
        self.heartbeat: Optional[float] = None
        self.max_frame_size: Optional[int] = None


class Connector:
    """Binds a connection to a transport, the transport to a socket, and does so again after a loss.

    :param attempts: the URLs and the delays between attempts.
    """

    def __init__(
        self, reactor: "Reactor", connection: Connection, attempts: Attempts, settings: ConnectSettings
    ) -> None:
        self._reactor = reactor
        self._attempts = attempts
        self._settings = settings
        self._task: Optional[Task] = None
        self._next_url: Url
        self._dialer: Optional[Dialer] = None
        self._transport: Optional[Transport] = None
        self._answered_at: Optional[float] = None
        #: Who logs in where neither a URL nor a keyword says so: what the program has set on the connection.
        self._own_login: Optional[Tuple[Optional[str], Optional[str]]] = None
        #: How many connections in a row were short-lived.
        self._flaps = 0
        #: The connection that is being made.
        self.connection = connection
        #: The last URL tried.
        self.url: Optional[Url] = None

    # What the reactor tells.

    def opened(self) -> None:
        """The connection was opened by us: make the first attempt, unless the container is about to end."""
        if self._transport is None and self._task is None and not self._reactor.closing:
            self._reactor.connector_began(self)
            self._attempt(self._attempts.first())

    def answered(self) -> None:
        """The peer opened the connection: a later loss is a new story."""
        logger.info("connected to %s, container %r", _name(self.url), self.connection.remote_container)
        self._attempts.succeeded()
        self._answered_at = monotonic()

    def closed(self) -> None:
        """The connection was closed by us."""
        if self._task is not None:
            self.cancel()
            self._reactor.connector_ended(self)
        elif self._dialer is not None and self._transport is not None:
            # There is no peer yet to take leave of.
            self.cancel()
            self._transport.close_tail()
            self._transport.close_head()

    def tail_closed(self, transport: Transport) -> None:
        """The peer's half of the stream has ended."""
        connection = self.connection
        condition = connection.remote_condition
        if condition and condition.name == FORCED_CLOSE and connection.state & Endpoint.LOCAL_ACTIVE:
            # Such a close goes unanswered, as if only the socket had gone.  So let that go, too.
            transport.close_head()

    def transport_closed(self, transport: Transport) -> None:
        """Both halves of the stream have ended, and the handlers have heard of it: go on, or come to an end."""
        if transport is not self._transport:
            return
        self._transport = None
        self.cancel()
        happened = self._what_happened(transport)
        transport.unbind()
        wanted = self.connection.state & Endpoint.LOCAL_ACTIVE and not self._reactor.closing
        upcoming = self._attempts.next() if wanted else None
        if upcoming is None:
            if wanted:
                logger.info("%s", happened)
            else:
                logger.info("the connection with %s is closed", _name(self.url))
            self._reactor.connector_ended(self)
            return
        self.connection._expect_peer()
        delay, url = upcoming
        delay = max(delay, self._rest())
        if delay > 0:
            logger.info("%s; trying %s in %g seconds", happened, _name(url), delay)
            self._next_url = url
            self._task = self._reactor.schedule(delay, self)
        else:
            logger.info("%s; trying %s at once", happened, _name(url))
            self._attempt(url)

    def _what_happened(self, transport: Transport) -> str:
        """The end of an attempt, or of a connection, in words for the log."""
        what = "could not connect to" if self._answered_at is None else "disconnected from"
        return f"{what} {_name(self.url)}: {shown(transport.condition or self.connection.remote_condition)}"

    def _rest(self) -> float:
        """The least delay, in seconds.  A peer that lets everybody in only to drop them is not to be hammered at."""
        if self._answered_at is None:
            return 0.0
        lasted = monotonic() - self._answered_at
        self._answered_at = None
        self._flaps = self._flaps + 1 if lasted < SHORT_LIVED else 0
        if self._flaps < 2:
            return 0.0
        return float(min(FASTEST_FLAP * 2 ** min(self._flaps - 2, 16), SLOWEST_FLAP))

    def on_timer_task(self, event: Any) -> None:
        """The delay is over."""
        self._task = None
        self._attempt(self._next_url)

    def cancel(self) -> None:
        """Stop trying, without a word."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._dialer is not None:
            self._dialer.cancel()
            self._dialer = None

    @property
    def established(self) -> bool:
        """Whether there is a socket."""
        return self._transport is not None and self._dialer is None

    def abandon(self) -> None:
        """Close the descriptor only: in the child of a fork the selector is the parent's."""
        if self._dialer is not None:
            self._dialer.abandon()

    # One attempt.

    def _attempt(self, url: Url) -> None:
        self.url = url
        connection = self.connection
        connection.url = url
        self._transport = transport = self._prepare(connection, url)
        transport.bind(connection)
        host, port = url.host or "localhost", int(url.port or 0)
        logger.debug("connecting to %s:%d", host, port)

        def connected(sock: socket.socket) -> None:
            self._dialer = None
            self._reactor.add_channel(Channel(self._reactor, sock, transport, f"{host}:{port}"))

        def failed(reason: str) -> None:
            self._dialer = None
            fail_transport(transport, reason)

        self._dialer = Dialer(self._reactor, host, port, connected, failed)
        self._dialer.start()

    def _prepare(self, connection: Connection, url: Url) -> Transport:
        settings = self._settings
        transport = Transport()
        transport._reactor = self._reactor
        connection.hostname = url.host if settings.virtual_host is None else settings.virtual_host or None
        if settings.sasl_enabled:
            self._log_in(connection, url)
            sasl = transport.sasl()
            sasl.allow_insecure_mechs = settings.allow_insecure_mechs
            if settings.allowed_mechs:
                sasl.allowed_mechs(settings.allowed_mechs)
        if url.scheme == Url.AMQPS and settings.ssl_domain is not None:
            ssl = SSL(transport, settings.ssl_domain())
            ssl.peer_hostname = settings.sni or settings.virtual_host or url.host
        if settings.heartbeat:
            transport.idle_timeout = settings.heartbeat
            transport._patience = MISSED_HEARTBEATS
        if settings.max_frame_size:
            transport.max_frame_size = settings.max_frame_size
        return transport

    def _log_in(self, connection: Connection, url: Url) -> None:
        """Say who logs in at this URL.  What another URL said of that is not for this one to hear."""
        if self._own_login is None:
            self._own_login = connection.user, connection._password
        user = url.username or self._settings.user
        if user:
            connection.user = user
            connection.password = url.password or self._settings.password
        else:
            connection.user, connection.password = self._own_login


def _name(url: Optional[Url]) -> str:
    """A URL as it may stand in a log."""
    return f"{url.host}:{url.port}" if url is not None else "nowhere"
