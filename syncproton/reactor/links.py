"""What links are called, and what must hold for one to be made."""

from __future__ import annotations

import uuid
from typing import Iterable, Optional

from ..engine import Connection, Endpoint, Link, Session
from ..errors import ConnectionException, SessionException
from .connector import FORCED_CLOSE

__all__ = ["check_connection", "check_encodable", "check_name", "check_session", "made_up_name"]

CLOSED = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def check_connection(connection: Connection) -> None:
    """Check that new links of a connection have a chance.

    :raises ConnectionException: if it is closed, by either side.
    """
    state = connection.state
    condition = connection.remote_condition
    # After a close of this name links come back with the connection.
    returns = condition is not None and condition.name == FORCED_CLOSE and state & Endpoint.LOCAL_ACTIVE
    if state & CLOSED and not returns or connection._freed:
        raise ConnectionException(f"the connection is closed: {connection!r}")


def check_session(session: Session) -> None:
    """Check that new links of a session have a chance.

    :raises ConnectionException: if its connection is closed, by either side.
    :raises SessionException: if the session is.
    """
    check_connection(session.connection)
    if session.state & CLOSED or session._freed:
        raise SessionException(f"the session is closed: {session!r}")


def check_name(session: Session, name: str, is_sender: bool) -> None:
    """Check that a name is to be had: the peer could not tell two links of a session with one name apart.

    :raises ValueError: if an open link of the session in the same direction has it.
    """
    link = session._by_name.get((name, is_sender))
    if link is not None and _holds_name(link) and not link.state & Endpoint.REMOTE_CLOSED:
        raise ValueError(f"there is a {'sender' if is_sender else 'receiver'} called {name!r} on the session already")


def made_up_name(
    container_id: str, addresses: Iterable[Optional[str]], is_sender: bool, connections: Iterable[Connection]
) -> str:
    """A name for a link: the container's id and the addresses, and a number if a link in that direction has that name.

    It is the same in the next run of a program whose container has an id of its own, so that a durable subscription
    without a name is found again.  A container's links are named apart over all of its ``connections``: peers know
    links by container and name (section 2.6.1).
    """
    given = [address for address in addresses if address]
    stem = name = "-".join([container_id, *(given or [str(uuid.uuid4())])])
    sessions = [
        session
        for connection in connections
        if not connection.state & Endpoint.LOCAL_CLOSED
        for session in connection.sessions()
    ]
    number = 1
    while any(_holds_name(session._by_name.get((name, is_sender))) for session in sessions):
        number += 1
        name = f"{stem}-{number}"
    return name


def _holds_name(link: Optional[Link]) -> bool:
    """Whether a link is there and neither it nor its session was closed, nor it detached."""
    return (
        link is not None
        and not link.state & Endpoint.LOCAL_CLOSED
        and not link._detached
        and not link.session.state & CLOSED
    )


def check_encodable(link: Link) -> None:
    """Check that the peer can be told of a link; later that could only cost the connection.

    :raises ProtonException: if something of it has no AMQP encoding.
    """
    link._check_open()
