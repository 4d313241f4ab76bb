"""A broker's connection that all threads of a process share, made when it is first wanted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Iterator, Optional

from ...engine import Delivery
from ...errors import ConnectionException, ProtonException, Timeout
from ...sync import Connection, Deadline, LinkDetached, Sender, SessionEnded, connect

__all__ = ["SharedConnection"]

#: How many senders are kept open for the next message, each to an address.
SENDERS = 100


class _Kept:
    """A sender, and how many threads are using it."""

    __slots__ = ("sender", "users")

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.users = 1


class SharedConnection:
    """A connection made when it is first wanted, and made anew when it is over.

    :param url: the broker's.
    :param timeout: how long a call may take, in seconds; ``None`` for no limit.
    :param options: further keyword arguments of :func:`syncproton.connect`.
    """

    def __init__(self, url: str, timeout: Optional[float], **options: Any) -> None:
        self._url = url
        self._timeout = timeout
        self._options = options
        self._connecting = threading.Lock()
        self._connection: Optional[Connection] = None
        self._lock = threading.Lock()  # guards the senders, held for moments only
        self._senders: "OrderedDict[str, _Kept]" = OrderedDict()

    @contextmanager
    def connection(self, timeout: Optional[float] = False) -> Iterator[Connection]:
        """The connection, for a ``with`` statement.  Others use it at the same time, so leave it open.

        :param timeout: how long to wait for it, in seconds; ``False`` for the default.
        """
        yield self._get(Deadline(timeout, self._timeout))

    def send(self, address: str, message: Any, timeout: Optional[float] = False) -> Delivery:
        """Send a message and wait until the broker has accepted it.

        Raises what :func:`syncproton.connect`, ``create_sender`` and ``send`` raise.
        """
        deadline = Deadline(timeout, self._timeout)
        kept = self._take(address, deadline)
        try:
            return kept.sender.send(message, deadline.remaining())
        except (LinkDetached, SessionEnded, ConnectionException):
            pass  # It was not sent: the link had ended while nobody looked, or with what it was on.
        finally:
            self._give_back(address, kept)
        kept = self._take(address, deadline)
        try:
            return kept.sender.send(message, deadline.remaining())
        finally:
            self._give_back(address, kept)

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the connection, if there is one.  The next use makes another."""
        with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close(timeout)
            except ProtonException:
                pass  # it is gone nevertheless

    def _get(self, deadline: Deadline) -> Connection:
        left = deadline.remaining()
        if not self._connecting.acquire(timeout=-1 if left is None else left):
            raise Timeout("timed out: another thread is connecting still")
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url, timeout=deadline.remaining(), **self._options)
                self._connection.timeout = self._timeout
            return self._connection
        finally:
            self._connecting.release()

    def _take(self, address: str, deadline: Deadline) -> _Kept:
        """A sender to an address, to be given back."""
        connection = self._get(deadline)
        with self._lock:
            kept = self._senders.get(address)
            if kept is not None and kept.sender.connection is connection and not kept.sender.closed:
                kept.users += 1
                self._senders.move_to_end(address)
                return kept
        kept = _Kept(connection.create_sender(address, timeout=deadline.remaining()))
        with self._lock:
            there = self._senders.get(address)
            if there is None or there.sender.connection is not connection or there.sender.closed:
                self._senders[address] = kept
                self._senders.move_to_end(address)
        return kept

    def _give_back(self, address: str, kept: _Kept) -> None:
        """Close the sender if it is not kept, or the one that was not used for longest if there are too many."""
        over: Optional[_Kept] = None
        with self._lock:
            kept.users -= 1
            if self._senders.get(address) is not kept:
                over = kept if kept.users == 0 else None
            elif kept.sender.closed:
                del self._senders[address]
            elif len(self._senders) > SENDERS:
                oldest = next((key for key, each in self._senders.items() if each.users == 0), None)
                over = self._senders.pop(oldest) if oldest is not None else None
        if over is not None and not over.sender.closed:
            try:
                over.sender.close()
            except ProtonException:
                pass  # the connection is over, or will be
