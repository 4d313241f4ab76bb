"""The handler that applications derive from."""

from __future__ import annotations

import logging
from typing import Any, List

from ..engine import Event, Handler
from .acking import Acking
from .endpoint_state import EndpointStateHandler
from .flow_controller import FlowController
from .incoming import IncomingMessageHandler
from .outgoing import OutgoingMessageHandler

__all__ = ["MessagingHandler"]

logger = logging.getLogger("syncproton.handlers")


class MessagingHandler(Handler, Acking):
    """Base class of an application's handler: override the callbacks you care about.

    Besides those defined here, a handler may define ``on_connection_opening``, ``on_connection_opened``,
    ``on_session_opening``, ``on_session_opened``, ``on_link_opening``, ``on_link_opened``, ``on_aborted`` and
    ``on_timer_task``; they are called if present.  All callbacks of a container run on its I/O thread, one at a time.

    :param prefetch: link credit kept open on each receiver, in messages; 0 leaves credit to the application
        (:meth:`~syncproton.Receiver.flow`).
    :param auto_accept: whether a message is accepted when :meth:`on_message` returns.  If false the application calls
        :meth:`accept`, :meth:`reject` or :meth:`release`.
    :param auto_settle: whether a sent message is settled as soon as the receiver has settled it.
    :param peer_close_is_error: whether a close by the peer without an error condition is treated as an error.
    """

    #: Transport conditions after which trying again is useless: the connection is closed.
    fatal_conditions: List[str]

    def __init__(
        self,
        prefetch: int = 10,
        auto_accept: bool = True,
        auto_settle: bool = True,
        peer_close_is_error: bool = False,
    ) -> None:
        handlers: List[Any] = []
        incoming = IncomingMessageHandler(auto_accept, self)
        if prefetch:
            incoming.flow_controller = FlowController(prefetch)
            # It is told whenever a delivery was consumed, and so need not look at each that comes.
            incoming.flow_controller.on_delivery = None  # type: ignore[method-assign, assignment]
            handlers.append(incoming.flow_controller)
        handlers.append(EndpointStateHandler(peer_close_is_error, self))
        handlers.append(incoming)
        handlers.append(OutgoingMessageHandler(auto_settle, self))
        self.handlers = handlers
        self.fatal_conditions = ["amqp:unauthorized-access"]

    def on_reactor_init(self, event: Event) -> None:
        """The container starts; the default calls :meth:`on_start`."""
        self.on_start(event)

    def on_start(self, event: Event) -> None:
        """The container has started: the place to connect, listen and schedule.

        :param event: ``event.container`` is the container.
        """

    def on_transport_error(self, event: Event) -> None:
        """The transport failed; ``event.transport.condition`` says why.

        The default logs it, and closes the connection if the condition is one of :attr:`fatal_conditions`.
        """
        condition = event.transport.condition
        if condition:
            if condition.info:
                logger.error("%s: %s: %s", condition.name, condition.description, condition.info)
            else:
                logger.error("%s: %s", condition.name, condition.description)
            if condition.name in self.fatal_conditions:
                event.connection.close()
        else:
            logger.error("unspecified transport error")

    def on_connection_error(self, event: Event) -> None:
        """The peer closed the connection with an error condition; the default logs it."""
        EndpointStateHandler.print_error(event.connection, "connection")

    def on_session_error(self, event: Event) -> None:
        """The peer ended a session with an error condition; the default logs it and closes the connection."""
        EndpointStateHandler.print_error(event.session, "session")
        event.connection.close()

    def on_link_error(self, event: Event) -> None:
        """The peer closed a link with an error condition; the default logs it and closes the connection."""
        EndpointStateHandler.print_error(event.link, "link")
        event.connection.close()

    def on_connection_closed(self, event: Event) -> None:
        """Both ends have closed the connection."""

    def on_session_closed(self, event: Event) -> None:
        """Both ends have ended the session."""

    def on_link_closed(self, event: Event) -> None:
        """Both ends have closed the link."""

    def on_connection_closing(self, event: Event) -> None:
        """The peer has begun to close the connection."""

    def on_session_closing(self, event: Event) -> None:
        """The peer has begun to end the session."""

    def on_link_closing(self, event: Event) -> None:
        """The peer has begun to close the link."""

    def on_disconnected(self, event: Event) -> None:
        """The socket is gone, but the connection was not closed by us."""

    def on_sendable(self, event: Event) -> None:
        """A sender has credit: messages can be sent on ``event.sender``."""

    def on_accepted(self, event: Event) -> None:
        """The peer accepted the outgoing message of ``event.delivery``."""

    def on_rejected(self, event: Event) -> None:
        """The peer rejected the outgoing message of ``event.delivery``."""

    def on_released(self, event: Event) -> None:
        """The peer gave the outgoing message of ``event.delivery`` back, as *released* or *modified*."""

    def on_settled(self, event: Event) -> None:
        """The peer settled the message of ``event.delivery``."""

    def on_message(self, event: Event) -> None:
        """A message has come: ``event.message``, with ``event.delivery`` and ``event.receiver``.

        Raise :class:`Reject` or :class:`Release` to refuse it.
        """
