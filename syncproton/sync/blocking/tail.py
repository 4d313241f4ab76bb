"""The end of the chain of handlers of a blocking connection."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Optional

from ...engine import Event, Handler
from ..errors import LinkDetached
from ..link_driver import LinkDriver

if TYPE_CHECKING:
    from .connection import BlockingConnection

__all__ = ["Tail"]


class Tail(Handler):
    """Comes last of the handlers of a connection, or of a link: looks whether what is waited for has come about.

    It does not keep the blocking connection alive.

    :param link: the driver of the link; without one the events go on to the blocking connection itself.
    """

    def __init__(self, connection: "BlockingConnection", link: Optional[LinkDriver] = None) -> None:
        self._connection = weakref.ref(connection)
        self._link = link

    def on_unhandled(self, method: str, *args: Any) -> None:
        connection = self._connection()
        if connection is None:
            return
        if self._link is None:
            event: Event = args[0]
            event.dispatch(connection)
        elif method in ("on_link_remote_close", "on_link_remote_detach") and not connection.closing:
            ended = self._link.ended
            if isinstance(ended, LinkDetached):
                connection._detached = ended
        connection._look()
