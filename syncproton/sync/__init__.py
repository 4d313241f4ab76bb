"""Blocking calls and futures, from any thread.

:func:`connect` makes a :class:`Connection`; that makes a :class:`Sender`, a :class:`Receiver` or a
:class:`Transaction`, and sends requests.  Calls block up to a deadline, and fail with the peer's own condition when it
ends the connection, the session or the link.  What waits for the peer has two forms: ``x(..., timeout=)`` blocks, and
``submit_x(..., timeout=)`` returns a :class:`concurrent.futures.Future`.

How it works: the I/O happens on the thread of a container in the background.  Each operation is a function carried to
that thread (``ConnectionDriver``, ``SenderDriver`` and ``ReceiverDriver``, which are handlers of the engine's events)
and a future that the caller waits on (``waiting``) up to a ``Deadline``, or that ``Expiry`` ends.  What comes in
numbers (messages to send, outcomes of those received) goes through an ``Inlet``: many cost one call and one wake-up.
"""

from __future__ import annotations

from .connecting import connect, submit_connect
from .connection import DEFAULT_TIMEOUT, Connection
from .deadline import Deadline
from .errors import ConnectionClosed, InDoubt, LinkDetached, SendException, SessionEnded
from .pool import ConnectionPool
from .receiver import ReceivedMessage, Receiver
from .send_many import Failure, SendManyError, SendManyTimeout, SendReport
from .sender import Sender
from .shortcuts import receive, send
from .transaction import Transaction

__all__ = [
    "DEFAULT_TIMEOUT",
    "Connection",
    "ConnectionClosed",
    "ConnectionPool",
    "Deadline",
    "Failure",
    "InDoubt",
    "LinkDetached",
    "ReceivedMessage",
    "Receiver",
    "SendException",
    "SendManyError",
    "SendManyTimeout",
    "SendReport",
    "Sender",
    "SessionEnded",
    "Transaction",
    "connect",
    "receive",
    "send",
    "submit_connect",
]
