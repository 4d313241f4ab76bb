"""Opening and closing of connections, sessions and links, told from both ends' point of view.

The engine reports each half of an endpoint on its own: *local open*, *remote open*, *local close*, *remote close*.
An application mostly wants to know three moments instead:

=========  ============================================================
opening    the peer opened its half, ours is still untouched
opened     both halves are open
closing    the peer closed its half without an error, ours is still open
error      the peer closed its half with an error condition, or broke the rules
closed     both halves are closed
=========  ============================================================
"""

from __future__ import annotations

import logging
from typing import Any, Optional

from ..engine import Endpoint, Event, Handler
from .dispatch import dispatch

__all__ = ["EndpointStateHandler"]

logger = logging.getLogger("syncproton.handlers")

#: A broker that shuts down closes its connections with this condition (section 2.8.16).  It is no fault of the
#: application's, and reconnecting is the answer to it.
FORCED_CLOSE = "amqp:connection:forced"


class EndpointStateHandler(Handler):
    """Turns the halves' events into ``on_<endpoint>_opening``, ``_opened``, ``_closing``, ``_closed`` and ``_error``.

    :param peer_close_is_error: whether a close by the peer that comes without an error condition is an error too.
    :param delegate: the handler whose callbacks are called.  Without one this handler's own defaults apply: what the
        peer opens is opened, what it closes is closed, and errors are logged.
    """

    def __init__(self, peer_close_is_error: bool = False, delegate: Optional[Any] = None) -> None:
        self.delegate = delegate
        self.peer_close_is_error = peer_close_is_error

    @classmethod
    def is_local_open(cls, endpoint: Endpoint) -> bool:
        """Whether our half of the endpoint is open."""
        return bool(endpoint.state & Endpoint.LOCAL_ACTIVE)

    @classmethod
    def is_local_uninitialised(cls, endpoint: Endpoint) -> bool:
        """Whether our half of the endpoint has not been opened yet."""
        return bool(endpoint.state & Endpoint.LOCAL_UNINIT)

    @classmethod
    def is_local_closed(cls, endpoint: Endpoint) -> bool:
        """Whether our half of the endpoint has been closed."""
        return bool(endpoint.state & Endpoint.LOCAL_CLOSED)

    @classmethod
    def is_remote_open(cls, endpoint: Endpoint) -> bool:
        """Whether the peer's half of the endpoint is open."""
        return bool(endpoint.state & Endpoint.REMOTE_ACTIVE)

    @classmethod
    def is_remote_closed(cls, endpoint: Endpoint) -> bool:
        """Whether the peer's half of the endpoint has been closed."""
        return bool(endpoint.state & Endpoint.REMOTE_CLOSED)

    @classmethod
    def print_error(cls, endpoint: Endpoint, endpoint_type: str) -> None:
        """Log why an endpoint was closed by the peer.

        :param endpoint: the endpoint the peer closed.
        :param endpoint_type: the word for it: ``"connection"``, ``"session"`` or ``"link"``.
        """
        condition = endpoint.remote_condition
        if condition:
            logger.error("%s", condition.description or condition.name)
        elif cls.is_local_open(endpoint) and cls.is_remote_closed(endpoint):
            logger.error("%s closed by peer", endpoint_type)

    @classmethod
    def _is_for_a_breach(cls, endpoint: Endpoint) -> bool:
        """Whether the engine closed our half because the peer broke the rules: it has the same condition twice then."""
        condition = endpoint.remote_condition
        return condition is not None and condition is endpoint.condition

    # The engine's events, one group for each kind of endpoint.

    def on_connection_local_open(self, event: Event) -> None:
        if self.is_remote_open(event.connection):
            self.on_connection_opened(event)

    def on_connection_remote_open(self, event: Event) -> None:
        connection = event.connection
        if self.is_local_open(connection):
            self.on_connection_opened(event)
        elif self.is_local_uninitialised(connection):
            self.on_connection_opening(event)
            # The callback may have opened or even closed it: only an untouched one is opened here.
            if self.is_local_uninitialised(connection):
                connection.open()

    def on_connection_local_close(self, event: Event) -> None:
        if self.is_remote_closed(event.connection):
            self.on_connection_closed(event)

    def on_connection_remote_close(self, event: Event) -> None:
        connection = event.connection
        condition = connection.remote_condition
        if condition:
            if condition.name == FORCED_CLOSE:
                return
            self.on_connection_error(event)
        elif self.is_local_closed(connection):
            self.on_connection_closed(event)
        else:
            self.on_connection_closing(event)
        connection.close()

    def on_session_local_open(self, event: Event) -> None:
        if self.is_remote_open(event.session):
            self.on_session_opened(event)

    def on_session_remote_open(self, event: Event) -> None:
        session = event.session
        if self.is_local_open(session):
            self.on_session_opened(event)
        elif self.is_local_uninitialised(session):
            self.on_session_opening(event)
            if self.is_local_uninitialised(session):
                session.open()

    def on_session_local_close(self, event: Event) -> None:
        if self.is_remote_closed(event.session):
            self.on_session_closed(event)
        elif self._is_for_a_breach(event.session):
            self.on_session_error(event)

    def on_session_remote_close(self, event: Event) -> None:
        session = event.session
        if session.remote_condition:
            self.on_session_error(event)
        elif self.is_local_closed(session):
            self.on_session_closed(event)
        else:
            self.on_session_closing(event)
        session.close()

    def on_link_local_open(self, event: Event) -> None:
        if self.is_remote_open(event.link):
            self.on_link_opened(event)

    def on_link_remote_open(self, event: Event) -> None:
        link = event.link
        if self.is_local_open(link):
            self.on_link_opened(event)
        elif self.is_local_uninitialised(link):
            self.on_link_opening(event)
            if self.is_local_uninitialised(link):
                link.open()

    def on_link_local_close(self, event: Event) -> None:
        if self.is_remote_closed(event.link):
            self.on_link_closed(event)
        elif self._is_for_a_breach(event.link):
            self.on_link_error(event)

    def on_link_remote_close(self, event: Event) -> None:
        link = event.link
        if link.remote_condition:
            self.on_link_error(event)
        elif self.is_local_closed(link):
            self.on_link_closed(event)
        else:
            self.on_link_closing(event)
        link.close()

    def on_transport_tail_closed(self, event: Event) -> None:
        self.on_transport_closed(event)

    def on_transport_closed(self, event: Event) -> None:
        connection = event.connection
        if self.delegate is not None and connection and self.is_local_open(connection):
            dispatch(self.delegate, "on_disconnected", event)

    # The moments an application cares about, handed to the delegate.

    def on_connection_opened(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_connection_opened", event)

    def on_session_opened(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_session_opened", event)

    def on_link_opened(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_link_opened", event)

    def on_connection_opening(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_connection_opening", event)

    def on_session_opening(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_session_opening", event)

    def on_link_opening(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_link_opening", event)

    def on_connection_error(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_connection_error", event)
        else:
            self.print_error(event.connection, "connection")

    def on_session_error(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_session_error", event)
        else:
            self.print_error(event.session, "session")
            event.connection.close()

    def on_link_error(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_link_error", event)
        else:
            self.print_error(event.link, "link")
            event.connection.close()

    def on_connection_closed(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_connection_closed", event)

    def on_session_closed(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_session_closed", event)

    def on_link_closed(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_link_closed", event)

    def on_connection_closing(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_connection_closing", event)
        elif self.peer_close_is_error:
            self.on_connection_error(event)

    def on_session_closing(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_session_closing", event)
        elif self.peer_close_is_error:
            self.on_session_error(event)

    def on_link_closing(self, event: Event) -> None:
        if self.delegate is not None:
            dispatch(self.delegate, "on_link_closing", event)
        elif self.peer_close_is_error:
            self.on_link_error(event)
