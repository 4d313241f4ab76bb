"""What the blocking calls raise, beyond the tree of :mod:`syncproton.errors`.

The classes and texts that ``proton.utils`` has are the same here; :mod:`syncproton.utils` hands them on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..errors import ConnectionException, LinkException, ProtonException, SessionException

if TYPE_CHECKING:
    from ..engine import Condition, Connection, Delivery, Link, Session

__all__ = [
    "ConnectionClosed",
    "InDoubt",
    "LinkDetached",
    "SendException",
    "SessionEnded",
    "connection_lost",
]


def _because(condition: Optional["Condition"]) -> str:
    return "closed by peer" if condition is None else f"closed due to: {condition}"


class LinkDetached(LinkException):
    """The peer closed or detached a link, or broke its rules.

    :param link: the link.
    :ivar link: the link.
    :ivar condition: the name of the peer's error condition, such as ``amqp:not-found``, or of that which it was told
        for a breach of the rules, or ``None``.
    :ivar description: the peer's own words, or what it was told, or ``None``.
    """

    def __init__(self, link: "Link") -> None:
        self.link = link
        condition = link.remote_condition
        self.condition: Optional[str] = condition.name if condition is not None else None
        self.description: Optional[str] = condition.description if condition is not None else None
        if link.is_sender:
            what = f"sender {link.name} to {link.target.address}"
        else:
            what = f"receiver {link.name} from {link.source.address}"
        super().__init__(f"{what} {_because(condition)}")


class SessionEnded(SessionException):
    """The peer ended a session, or broke its rules; with it end the links that were on it.

    :param session: the session.
    :ivar session: the session.
    :ivar condition: the name of the peer's error condition, or of that which it was told for a breach of the rules, or
        ``None``.
    :ivar description: the peer's own words, or what it was told, or ``None``.
    """

    def __init__(self, session: "Session") -> None:
        self.session = session
        condition = session.remote_condition
        self.condition: Optional[str] = condition.name if condition is not None else None
        self.description: Optional[str] = condition.description if condition is not None else None
        super().__init__(f"Session on connection {session.connection.hostname} {_because(condition)}")


class ConnectionClosed(ConnectionException):
    """The peer closed the connection.

    :param connection: the connection.
    :ivar connection: the connection.
    :ivar condition: the name of the peer's error condition, such as ``amqp:connection:forced``, or ``None``.
    :ivar description: the peer's own words, or ``None``.
    """

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        condition = connection.remote_condition
        self.condition = condition.name if condition is not None else None
        self.description = condition.description if condition is not None else None
        super().__init__(f"Connection {connection.hostname} {_because(condition)}")


def connection_lost(url: str, condition: Optional["Condition"]) -> ConnectionException:
    """What to raise when a connection could not be made, or broke: refused, unknown, reset, silent, no login.

    :param condition: the transport's.
    """
    error = ConnectionException(f"Connection {url} disconnected" + (f": {condition}" if condition is not None else ""))
    if condition is not None:
        error.condition = condition.name
        error.description = condition.description
    return error


class SendException(ProtonException):
    """A message was sent and was not accepted.

    :ivar state: what became of it: ``Delivery.REJECTED``, ``RELEASED`` or ``MODIFIED``; 0 when that is in doubt.
    :ivar delivery: the delivery, or ``None``.
    :ivar condition: the name of the peer's error condition where it gave one with a rejection, else ``None``.
    :ivar description: the peer's own words, or ``None``.
    """

    #: Whether the message may nevertheless have arrived.
    in_doubt = False

    def __init__(self, state: Union[int, Any], delivery: Optional["Delivery"] = None) -> None:
        super().__init__(state)
        self.state = state
        self.delivery = delivery
        error = delivery.remote.condition if delivery is not None else None
        self.condition: Optional[str] = error.name if error is not None else None
        self.description: Optional[str] = error.description if error is not None else None

    def __str__(self) -> str:
        if self.delivery is None:
            return str(self.args[0])
        text = f"the message was {str(getattr(self.state, 'name', self.state)).lower()}"
        why = ": ".join(word for word in (self.condition, self.description) if word)
        return f"{text}: {why}" if why else text


class InDoubt(SendException):
    """A message was sent and its link, session or connection ended before the peer said what became of it.

    It may or may not have arrived.  The reason is the ``__cause__``, and ``condition`` and ``description`` are its.
    """

    in_doubt = True

    def __init__(self, cause: BaseException) -> None:
        super().__init__(0)
        self.__cause__ = cause
        self.condition = getattr(cause, "condition", None)
        self.description = getattr(cause, "description", None)

    def __str__(self) -> str:
        return f"in doubt: the message was sent, and may or may not have arrived: {self.__cause__}"
