"""Receiving messages."""

from __future__ import annotations

import logging
from typing import Any, Optional

from ..engine import Condition, Delivery, DispositionType, Endpoint, Event, Handler
from ..errors import ProtonException
from ..message import Message
from .acking import Acking, Reject, Release
from .dispatch import dispatch
from .flow_controller import FlowController

__all__ = ["IncomingMessageHandler"]

logger = logging.getLogger("syncproton.handlers")

_CLOSED = Endpoint.LOCAL_CLOSED
_TRANSACTIONAL = int(DispositionType.TRANSACTIONAL_STATE)


class IncomingMessageHandler(Handler, Acking):
    """Turns deliveries on receivers into ``on_message``, ``on_settled`` and ``on_aborted``.

    A message that cannot be decoded is rejected with ``amqp:decode-error`` and logged: one bad message must not end
    a container.

    :param auto_accept: whether a message is accepted and settled when ``on_message`` returns.
    :param delegate: the handler whose callbacks are called.

    :ivar flow_controller: what is told of each delivery consumed, for the credit to be given again; or ``None``.
    """

    def __init__(self, auto_accept: bool = True, delegate: Optional[Any] = None) -> None:
        self.delegate = delegate
        self.auto_accept = auto_accept
        self.flow_controller: Optional[FlowController] = None

    def on_delivery(self, event: Event) -> None:
        delivery = event.delivery
        link = delivery._link
        if not link.is_receiver:
            return
        if delivery._aborted:
            self.on_aborted(event)
            delivery.settle()
        elif delivery._done and link._current is delivery:
            message = Message()
            try:
                message.recv(link)
            except ProtonException as error:
                self._refuse(delivery, error)
            else:
                event.message = message
                self._deliver(event, delivery)
        else:
            if delivery.updated and delivery.settled:
                self.on_settled(event)
            return
        if self.flow_controller is not None:
            self.flow_controller.replenish(link)

    def _deliver(self, event: Event, delivery: Delivery) -> None:
        if delivery._link._state & _CLOSED:
            # It was already on its way when the application closed the link: it never saw it, so it goes back.
            if self.auto_accept:
                delivery.update(Delivery.RELEASED)
                delivery.settle()
            return
        try:
            self.on_message(event)
        except Reject:
            delivery.update(Delivery.REJECTED)
            delivery.settle()
        except Release:
            delivery.update(Delivery.MODIFIED)
            delivery.settle()
        else:
            # What was accepted under a transaction is settled when that is over.
            if self.auto_accept and delivery._local_type != _TRANSACTIONAL:
                delivery._conclude(Delivery.ACCEPTED)

    def _refuse(self, delivery: Delivery, error: ProtonException) -> None:
        logger.warning("rejected a message that cannot be decoded: %s", error)
        delivery.local.condition = Condition("amqp:decode-error", str(error))
        delivery.update(Delivery.REJECTED)
        delivery.settle()

    def on_message(self, event: Event) -> None:
        """A whole message has come; it is ``event.message``."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_message", event)

    def on_settled(self, event: Event) -> None:
        """The sender settled a delivery that had been received."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_settled", event)

    def on_aborted(self, event: Event) -> None:
        """The sender gave up a message half way (section 2.7.5)."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_aborted", event)
