"""Callbacks of local transactions (AMQP 1.0 part 4)."""

from __future__ import annotations

from typing import Any, Optional

from ..engine import Delivery, DispositionType, Event
from ..errors import TransactionError
from .messaging import MessagingHandler

__all__ = ["TransactionHandler", "TransactionalClientHandler"]


class TransactionHandler:
    """What a transaction tells: hand one of these to :meth:`Container.declare_transaction`."""

    def on_transaction_declared(self, event: Event) -> None:
        """The transaction exists; it is ``event.transaction``."""

    def on_transaction_committed(self, event: Event) -> None:
        """The commit succeeded: everything done under the transaction has taken effect."""

    def on_transaction_aborted(self, event: Event) -> None:
        """The transaction was rolled back."""

    def on_transaction_declare_failed(self, event: Event) -> None:
        """The peer refused to begin a transaction."""

    def on_transaction_commit_failed(self, event: Event) -> None:
        """The commit failed: everything done under the transaction was rolled back."""


class TransactionalClientHandler(MessagingHandler, TransactionHandler):
    """A :class:`MessagingHandler` that also receives transaction callbacks, and by default accepts nothing by itself.

    The parameters are those of :class:`MessagingHandler`; only ``auto_accept`` has another default, since accepting
    is done under a transaction.
    """

    def __init__(
        self,
        prefetch: int = 10,
        auto_accept: bool = False,
        auto_settle: bool = True,
        peer_close_is_error: bool = False,
    ) -> None:
        super().__init__(prefetch, auto_accept, auto_settle, peer_close_is_error)

    def accept(self, delivery: Delivery, transaction: Optional[Any] = None) -> None:
        """Accept a received message.

        :param delivery: the delivery of the message.
        :param transaction: the transaction under which to accept it; ``None`` accepts and settles it outright.
        :raises TransactionError: if the message has been accepted under a transaction already, and as
            :meth:`Transaction.accept <syncproton.reactor.Transaction.accept>` does.
        :raises TypeError: if these are no delivery and no transaction.
        """
        if transaction is not None:
            accept = getattr(transaction, "accept", None)
            if not callable(accept):
                raise TypeError(f"a message is accepted under a Transaction, not {transaction!r}")
            accept(delivery)
            return
        if not callable(getattr(delivery, "settle", None)):
            raise TypeError(f"what is accepted is a Delivery, not {delivery!r}")
        if delivery.local_state == DispositionType.TRANSACTIONAL_STATE:
            raise TransactionError("the delivery has been accepted under a transaction")
        super().accept(delivery)
