"""Listening for connections."""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from ..engine import Transport
from ..errors import ProtonException
from ..security import SSL, SSLDomain
from ..url import Url
from .arguments import check_ssl_domain
from .io import Channel
from .loop import READ

if TYPE_CHECKING:
    from .reactor import Reactor

__all__ = ["Acceptor", "ListenError"]

logger = logging.getLogger("syncproton.reactor")

_BACKLOG = 128

#: Connections taken in one go, before the others get their turn.
_BATCH = 64

#: Seconds to leave the listener alone when the process has run out of descriptors.
_PAUSE = 0.2

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class ListenError(ProtonException, OSError):
    """Listening at an address is not possible."""


class Acceptor:
    """A listener: makes a connection of each peer that comes in.

    :ivar handler: gets the events of the connections accepted, instead of the container's own handlers.
    """

    def __init__(
        self,
        reactor: "Reactor",
        host: Optional[str],
        port: int,
        handler: Any = None,
        ssl_domain: Optional[SSLDomain] = None,
    ) -> None:
        self._reactor = reactor
        self._sockets = _listen(host, port)
        self._address: Tuple[Any, ...] = self._sockets[0].getsockname()
        self._watchers = [_Listening(self, sock) for sock in self._sockets]
        self._ssl_domain = ssl_domain
        self.handler = handler
        logger.info("listening at %s", ", ".join([_shown(sock) for sock in self._sockets]))

    def set_ssl_domain(self, ssl_domain: Optional[SSLDomain]) -> None:
        """Speak TLS on connections accepted from now on.

        :param ssl_domain: the settings; ``None`` is no TLS.
        :raises TypeError: for anything else.
        :raises ValueError: for settings made for clients.
        """
        check_ssl_domain(ssl_domain, server=True)
        self._ssl_domain = ssl_domain

    @property
    def address(self) -> Tuple[Any, ...]:
        """The socket address listened at: host and port first.  The first one, if there are several."""
        return self._address

    @property
    def port(self) -> int:
        """The port listened at: the one the system chose if 0 was asked for."""
        return int(self._address[1])

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return not self._watchers

    def close(self) -> None:
        """Stop listening.  Connections accepted so far stay.  From any thread."""
        self._reactor._carry(self._close)

    def _close(self) -> None:
        for watcher in self._watchers:
            watcher.stop()
        self._watchers = []
        for sock in self._sockets:
            sock.close()
        self._reactor.acceptor_closed(self)

    def start(self) -> None:
        """Begin to accept."""
        for watcher in self._watchers:
            watcher.start()

    def abandon(self) -> None:
        """Close the descriptors only: in the child of a fork the selector is the parent's."""
        for sock in self._sockets:
            sock.close()

    def accept_from(self, listener: "_Listening") -> None:
        """Take in the peers that wait."""
        for _ in range(_BATCH):
            try:
                sock, address = listener.socket.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    logger.error("cannot accept connections for now: %s", error.strerror)
                    listener.stop()
                    self._reactor.timers.after(_PAUSE, listener.start)
                return  # nobody waits, or the one who did has gone again
            try:
                self._take(sock, address[0], address[1])
            except Exception:
                # That must cost this connection only.
                logger.exception("a connection from %s is given up", address[0])
                sock.close()
            if self.closed:
                return

    def _take(self, sock: socket.socket, host: str, port: int) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # an optimisation, and the peer may have gone again
        reactor = self._reactor
        connection = reactor.connection(self.handler)
        connection.url = Url(host=host, port=port)
        transport = Transport(Transport.SERVER)
        transport._reactor = reactor
        reactor.prepare_server(transport)
        if self._ssl_domain is not None:
            SSL(transport, self._ssl_domain)
        transport.bind(connection)
        logger.debug("a connection has come from %s:%d", host, port)
        reactor.add_channel(Channel(reactor, sock, transport, f"{host}:{port}"))


class _Listening:
    """One listening socket of an acceptor."""

    __slots__ = ("_acceptor", "socket", "_fd")

    def __init__(self, acceptor: Acceptor, sock: socket.socket) -> None:
        self._acceptor = acceptor
        self.socket = sock
        self._fd = sock.fileno()

    def start(self) -> None:
        if self.socket.fileno() >= 0:
            self._acceptor._reactor.loop.watch(self._fd, READ, self)

    def stop(self) -> None:
        self._acceptor._reactor.loop.watch(self._fd, 0, self)

    def on_ready(self, mask: int) -> None:
        self._acceptor.accept_from(self)


def _shown(sock: socket.socket) -> str:
    address = sock.getsockname()
    return f"[{address[0]}]:{address[1]}" if sock.family == socket.AF_INET6 else f"{address[0]}:{address[1]}"


def _listen(host: Optional[str], port: int) -> List[socket.socket]:
    """Listen at every address that ``host`` stands for; if ``port`` is 0, at the same free port."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ListenError(getattr(error, "errno", None), f"cannot listen at {host}:{port}: {reason}") from error
    sockets: List[socket.socket] = []
    first_error: Optional[OSError] = None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        if sockets and port == 0:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            sockets.append(_listen_at(family, kind, protocol, address))
        except OSError as error:
            first_error = first_error or error
            if error.errno == errno.EADDRINUSE and port:
                break
    # A name often stands for addresses that this machine has no network for; but a port in use is in use.
    if first_error is not None and (not sockets or first_error.errno == errno.EADDRINUSE and port):
        for sock in sockets:
            sock.close()
        reason = first_error.strerror or str(first_error)
        raise ListenError(first_error.errno, f"cannot listen at {host}:{port}: {reason}") from first_error
    return sockets


def _listen_at(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":  # where it would let two programs share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
