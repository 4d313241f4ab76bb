"""The exception tree.

Everything this library raises on purpose is a :class:`ProtonException`, except the built-in ``TypeError`` and
``ValueError`` for arguments of the wrong kind.  The names are those of ``proton``.
"""

from __future__ import annotations

from typing import Optional

__all__ = [
    "ConnectionException",
    "DataException",
    "DecodeError",
    "Interrupt",
    "LinkException",
    "MessageException",
    "PoolClosed",
    "PoolError",
    "PoolTimeout",
    "ProtocolError",
    "ProtonException",
    "SSLException",
    "SSLUnavailable",
    "SessionException",
    "Timeout",
    "TooManyWaiting",
    "TransactionError",
    "TransportException",
    "WrongThread",
]


class ProtonException(Exception):
    """The root of the tree."""


class Timeout(ProtonException):
    """An operation did not complete before its deadline."""


class Interrupt(ProtonException):
    """An operation was interrupted."""


class WrongThread(ProtonException):
    """An endpoint was touched from a thread that does not own it, or a blocking call was made on the I/O thread."""


class ConnectionException(ProtonException):
    """A connection cannot do what was asked of it, or has ended.

    :ivar condition: the name of the error condition with which it ended, such as ``amqp:unauthorized-access``, or
        ``None``.
    :ivar description: what went wrong, in the peer's words or the transport's, or ``None``.
    """

    condition: Optional[str] = None
    description: Optional[str] = None


class SessionException(ProtonException):
    """A session cannot do what was asked of it, or has ended."""


class LinkException(ProtonException):
    """A link cannot do what was asked of it, or has ended."""


class MessageException(ProtonException):
    """A message cannot be encoded or decoded."""


class DataException(ProtonException):
    """A value cannot be encoded, or does not have the type that was asked for."""


class DecodeError(DataException):
    """Bytes that are not a valid AMQP 1.0 encoding (part 1 of the specification)."""


class TransactionError(ProtonException):
    """A transaction cannot do what was asked of it: it is not yet, or no longer, open; or the thing is not its own.

    :ivar condition: the name of the error condition with which the transaction failed, such as
        ``amqp:transaction:rollback``, or ``None``.
    :ivar description: why it failed, in the peer's words, or ``None``.
    :ivar in_doubt: whether it may have been committed nevertheless: the peer was asked, and its answer was lost.
    """

    condition: Optional[str] = None
    description: Optional[str] = None
    in_doubt: bool = False


class PoolError(ProtonException):
    """A pool of connections cannot do what was asked of it."""


class PoolClosed(PoolError):
    """The pool was closed."""


class PoolTimeout(PoolError, Timeout):
    """No connection was to be had from the pool in time.

    Its ``__cause__`` is why a connection could not be made last, if one could not; else all were in use.
    """


class TooManyWaiting(PoolError):
    """As many threads as are allowed to (``max_waiting``) wait for a connection of the pool already."""


class TransportException(ProtonException):
    """The transport of a connection cannot do what was asked of it."""


class ProtocolError(TransportException):
    """The peer broke the protocol.

    :ivar condition: the AMQP error condition the peer is told, such as ``amqp:decode-error``.
    :ivar description: what went wrong, in words.
    """

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class SSLException(TransportException):
    """TLS failed, or cannot do what was asked of it."""


class SSLUnavailable(SSLException):
    """This Python has no TLS."""
