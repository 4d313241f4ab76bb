"""Sending messages and learning what became of them."""

from __future__ import annotations

from typing import Any, Optional

from ..engine import Delivery, Endpoint, Event, Handler
from .dispatch import dispatch

__all__ = ["OutgoingMessageHandler"]

_OPEN = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE


class OutgoingMessageHandler(Handler):
    """Turns flow and dispositions on senders into ``on_sendable``, ``on_accepted``, ``on_rejected``, ``on_released``
    and ``on_settled``.

    :param auto_settle: whether a delivery is settled as soon as the receiver has settled it.
    :param delegate: the handler whose callbacks are called.
    """

    def __init__(self, auto_settle: bool = True, delegate: Optional[Any] = None) -> None:
        self.auto_settle = auto_settle
        self.delegate = delegate

    def on_link_flow(self, event: Event) -> None:
        link = event.link
        if link.is_sender and link.credit > 0 and link.state & _OPEN == _OPEN:
            self.on_sendable(event)

    def on_delivery(self, event: Event) -> None:
        delivery = event.delivery
        if not (delivery._link.is_sender and delivery._updated):
            return
        state = delivery._remote_type
        if state == Delivery.ACCEPTED:
            self.on_accepted(event)
        elif state == Delivery.REJECTED:
            self.on_rejected(event)
        elif state == Delivery.RELEASED or state == Delivery.MODIFIED:
            self.on_released(event)
        if delivery._remote_settled:
            self.on_settled(event)
            if self.auto_settle:
                delivery.settle()

    def on_sendable(self, event: Event) -> None:
        """The sender has credit: messages can go out."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_sendable", event)

    def on_accepted(self, event: Event) -> None:
        """The receiver accepted a message."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_accepted", event)

    def on_rejected(self, event: Event) -> None:
        """The receiver rejected a message as invalid."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_rejected", event)

    def on_released(self, event: Event) -> None:
        """The receiver gave a message back: the outcome is *released* or *modified*."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_released", event)

    def on_settled(self, event: Event) -> None:
        """The receiver settled a message."""
        if self.delegate is not None:
            dispatch(self.delegate, "on_settled", event)
