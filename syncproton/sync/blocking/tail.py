"""The end of the chain of handlers of a blocking connection."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ...engine import Event, Handler
from ..errors import LinkDetached

if TYPE_CHECKING:
    from .connection import BlockingConnection

__all__ = ["Tail"]


class Tail(Handler):
    """Comes last of the handlers of a connection, or of a link: looks whether what is waited for has come about.

    It does not keep the blocking connection alive.

    :param passes: whether to pass the events on to the blocking connection itself.
    """

    def __init__(self, connection: "BlockingConnection", passes: bool) -> None:
        self._connection = weakref.ref(connection)
        self._passes = passes

    def on_unhandled(self, method: str, *args: Any) -> None:
        connection = self._connection()
        if connection is None:
            return
        event: Event = args[0]
        if self._passes:
            event.dispatch(connection)
        elif method in ("on_link_remote_close", "on_link_remote_detach") and event.link and not connection.closing:
            connection._detached = LinkDetached(event.link)
        connection._look()
