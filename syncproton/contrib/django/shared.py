"""A broker's connection that all threads of a process share, made when it is first wanted."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

from ...engine import Delivery
from ...errors import ProtonException, Timeout
from ...sync import Connection, Deadline, LinkDetached, Sender, connect

__all__ = ["SharedConnection"]

#: How many senders are kept open, each to an address.
SENDERS = 100

# What a parent process opened.  Never touched in the child, not even to be collected: it is the parent's.
_parents: List[Any] = []


class SharedConnection:
    """A connection made when it is first wanted, made anew when it is over, and in a forked child.

    :param url: the broker's.
    :param timeout: how long a call may take, in seconds; ``None`` for no limit.
    :param options: further keyword arguments of :func:`syncproton.connect`.
    """

    def __init__(self, url: str, timeout: Optional[float], **options: Any) -> None:
        self._url = url
        self._timeout = timeout
        self._options = options
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._connection: Optional[Connection] = None
        self._senders: Dict[str, Sender] = {}

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
        try:
            return self._sender(address, deadline).send(message, deadline.remaining())
        except LinkDetached:
            # The message was not sent: the link had ended while nobody looked.
            with self._lock:
                self._senders.pop(address, None)
            return self._sender(address, deadline).send(message, deadline.remaining())

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the connection, if there is one.  The next use makes another."""
        if self._process != os.getpid():
            return
        with self._lock:
            connection, self._connection = self._connection, None
            self._senders.clear()
        if connection is not None:
            try:
                connection.close(timeout)
            except ProtonException:
                pass  # it is gone nevertheless

    def _get(self, deadline: Deadline) -> Connection:
        if self._process != os.getpid():
            _parents.append((self._connection, self._senders))
            self._begin()
        left = deadline.remaining()
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise Timeout("timed out: another thread is connecting still")
        try:
            if self._connection is None or self._connection.closed:
                self._senders.clear()
                self._connection = connect(self._url, timeout=deadline.remaining(), **self._options)
                self._connection.timeout = self._timeout
            return self._connection
        finally:
            self._lock.release()

    def _sender(self, address: str, deadline: Deadline) -> Sender:
        connection = self._get(deadline)
        sender = self._senders.get(address)
        if sender is not None and sender.connection is connection and not sender.closed:
            return sender
        sender = connection.create_sender(address, timeout=deadline.remaining())
        with self._lock:
            if len(self._senders) >= SENDERS:
                # Not closed: a thread may be using one.  The connection forgets them when it ends.
                self._senders.clear()
            return self._senders.setdefault(address, sender)
