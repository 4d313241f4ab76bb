"""Which session a new link goes on."""

from __future__ import annotations

from typing import Optional

from ..engine import Connection, Endpoint, Session

__all__ = ["SessionPerConnection"]


class SessionPerConnection:
    """One session a connection, made when it is first needed, and made again after the peer ended it."""

    __slots__ = ("_session",)

    def __init__(self) -> None:
        self._session: Optional[Session] = None

    def session(self, connection: Connection) -> Session:
        """The session for a new link of ``connection``."""
        session = self._session
        if session is None or session.state & (Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED):
            session = self._session = connection.session()
            session.open()
        return session
