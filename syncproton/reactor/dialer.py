"""Connecting a socket, without blocking, to one after the other of a host's addresses."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Callable, List, Optional

from . import resolver
from .loop import WRITE
from .timers import Timer

if TYPE_CHECKING:
    from .reactor import Reactor

__all__ = ["CONNECT_TIMEOUT", "Dialer"]

#: Seconds that an address is given to answer before the next one is tried.
CONNECT_TIMEOUT = 20.0

_IN_PROGRESS = {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, getattr(errno, "WSAEWOULDBLOCK", -1)}


class Dialer:
    """One attempt to reach a host.  It ends in one call of ``connected`` or of ``failed``, unless cancelled.

    :param connected: called with the connected socket.
    :param failed: called with the reason, in words.
    """

    def __init__(
        self,
        reactor: "Reactor",
        host: str,
        port: int,
        connected: Callable[[socket.socket], None],
        failed: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._connected = connected
        self._failed = failed
        self._addresses: List[resolver.Address] = []
        self._errors: List[str] = []
        self._socket: Optional[socket.socket] = None
        self._timer: Optional[Timer] = None
        self._cancelled = False

    def start(self) -> None:
        """Look the host up, then try its addresses.

        Even what fails at once is told by a later call, never from within this one.
        """
        addresses = resolver.numeric(self._host, self._port)
        if addresses is not None:
            self._reactor.submit_soon(self._resolved, addresses, None)
        else:
            resolver.resolve(self._host, self._port, self._answered)

    def cancel(self) -> None:
        """Give up without a word."""
        self._cancelled = True
        self._drop_socket()

    def abandon(self) -> None:
        """Close the descriptor only: in the child of a fork the selector is the parent's."""
        if self._socket is not None:
            self._socket.close()

    def _answered(self, addresses: List[resolver.Address], error: Optional[OSError]) -> None:
        # On the resolver's thread: the answer goes in by the door that all threads use.
        self._reactor.submit_soon(self._resolved, addresses, error)

    def _resolved(self, addresses: List[resolver.Address], error: Optional[OSError]) -> None:
        if self._cancelled:
            return
        if error is not None:
            self._failed(f"cannot resolve host name {self._host!r}: {error.strerror or error}")
            return
        self._addresses = list(addresses)
        self._try_next()

    def _try_next(self) -> None:
        while self._addresses:
            family, kind, protocol, address = self._addresses.pop(0)
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:
                self._note(address, error)
                continue
            sock.setblocking(False)
            code = sock.connect_ex(address)
            if code and code not in _IN_PROGRESS:
                sock.close()
                self._note(address, OSError(code, os.strerror(code)))
                continue
            self._socket = sock
            self._address = address
            self._timer = self._reactor.timers.after(CONNECT_TIMEOUT, self._timed_out)
            self._reactor.loop.watch(sock.fileno(), WRITE, self)
            return
        reasons = "; ".join(self._errors) or "it has no address"
        self._failed(f"cannot connect to {self._host}:{self._port}: {reasons}")

    def on_ready(self, mask: int) -> None:
        """The attempt has come to an end, one way or the other."""
        sock = self._socket
        if sock is None:
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._drop_socket()
            self._note(self._address, OSError(code, os.strerror(code)))
            self._try_next()
            return
        self._reactor.loop.watch(sock.fileno(), 0, self)
        self._socket = None
        self._stop_timer()
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass  # an optimisation, and the connection may have ended again
        self._connected(sock)

    def _timed_out(self) -> None:
        self._drop_socket()
        self._note(self._address, TimeoutError(errno.ETIMEDOUT, f"no answer within {CONNECT_TIMEOUT:.0f} seconds"))
        self._try_next()

    def _note(self, address: object, error: OSError) -> None:
        host = address[0] if isinstance(address, tuple) else address
        reason = error.strerror or str(error)
        self._errors.append(reason if host == self._host else f"{host}: {reason}")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop_socket(self) -> None:
        self._stop_timer()
        sock, self._socket = self._socket, None
        if sock is not None:
            self._reactor.loop.watch(sock.fileno(), 0, self)
            sock.close()
