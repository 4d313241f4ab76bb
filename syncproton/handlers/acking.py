"""Answering deliveries: accept, reject, release (AMQP 1.0 section 3.4)."""

from __future__ import annotations

from typing import Optional

from ..engine import Delivery
from ..errors import ProtonException

__all__ = ["Acking", "Reject", "Release"]


class Reject(ProtonException):
    """Raised out of ``on_message`` to reject the message: it is invalid and not to be delivered again."""


class Release(ProtonException):
    """Raised out of ``on_message`` to give the message back, counted as a failed delivery attempt."""


class Acking:
    """The verbs with which a receiver answers a delivery.  Each one also settles it."""

    def accept(self, delivery: Delivery) -> None:
        """Accept a received message.

        :param delivery: the delivery of the message.
        """
        self.settle(delivery, Delivery.ACCEPTED)

    def reject(self, delivery: Delivery) -> None:
        """Reject a received message as invalid.

        :param delivery: the delivery of the message.
        """
        self.settle(delivery, Delivery.REJECTED)

    def release(self, delivery: Delivery, delivered: bool = True) -> None:
        """Give a received message back to its source, which may deliver it again, to this receiver or another.

        :param delivery: the delivery of the message.
        :param delivered: whether this counts as a delivery attempt.  If so the outcome is *modified*, else *released*.
        """
        self.settle(delivery, Delivery.MODIFIED if delivered else Delivery.RELEASED)

    def settle(self, delivery: Delivery, state: Optional[int] = None) -> None:
        """Settle a received message.

        :param delivery: the delivery of the message.
        :param state: the outcome to report first, one of the constants of :class:`~syncproton.Delivery`; ``None``
            leaves the state that was last reported.
        """
        if state:
            delivery.update(state)
        delivery.settle()
