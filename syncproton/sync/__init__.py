"""Blocking use from any thread.

:func:`connect` makes a :class:`Connection`; that makes a :class:`Sender`, a :class:`Receiver` or a
:class:`Transaction`.  All their calls block up to a deadline, and fail with the peer's own condition when it ends the
connection, the session or the link.

How it works: the I/O happens on the thread of a container in the background.  Each operation is a function carried to
that thread (``ConnectionDriver``, ``SenderDriver`` and ``ReceiverDriver``, which are handlers of the engine's events)
and a future that the caller waits on (``waiting``) up to a ``Deadline``.
"""

from __future__ import annotations

from .connection import DEFAULT_TIMEOUT, Connection, connect
from .deadline import Deadline
from .errors import ConnectionClosed, InDoubt, LinkDetached, SendException, SessionEnded
from .receiver import ReceivedMessage, Receiver
from .sender import Sender
from .shortcuts import receive, send
from .transaction import Transaction

__all__ = [
    "DEFAULT_TIMEOUT",
    "Connection",
    "ConnectionClosed",
    "Deadline",
    "InDoubt",
    "LinkDetached",
    "ReceivedMessage",
    "Receiver",
    "SendException",
    "Sender",
    "SessionEnded",
    "Transaction",
    "connect",
    "receive",
    "send",
]
