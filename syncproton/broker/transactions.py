"""The transactions of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional

from syncproton.broker.outcome import outcome_of
from syncproton.broker.refused import Refused
from syncproton.broker.transaction import ROLLBACK, Transaction
from syncproton.engine import DispositionType

if TYPE_CHECKING:
    from syncproton.broker.consumer import Consumer
    from syncproton.broker.limits import Budget, Limits
    from syncproton.broker.queued import QueuedMessage
    from syncproton.engine import Delivery

__all__ = ["TRANSACTIONAL", "Transactions"]

#: The state of a delivery that has to do with a transaction.
TRANSACTIONAL = DispositionType.TRANSACTIONAL_STATE


class Transactions:
    """Finds the transactions that a peer has open; others than its own it can't name.

    :param ids: numbers that no other transaction of the broker has.
    """

    def __init__(self, limits: Limits, budget: Budget, ids: Iterator[int]) -> None:
        self._limits = limits
        self._budget = budget
        self._ids = ids
        self._open: Dict[bytes, Transaction] = {}
        # Which transaction a delivery has an outcome under.
        self._enlisted: Dict[Delivery, Transaction] = {}

    def declare(self, owner: Any) -> bytes:
        """Begin a transaction.

        :param owner: what it is rolled back with, see :meth:`end`.
        :returns: its id.
        :raises Refused: if there are too many.
        """
        if len(self._open) >= self._limits.transactions:
            raise Refused("amqp:resource-limit-exceeded",
                          f"the connection has {len(self._open)} transactions open, and may not have more")
        id = b"%d" % next(self._ids)
        self._open[id] = Transaction(id, owner, self._budget, self._limits.queue_depth)
        return id

    def find(self, id: Any) -> Transaction:
        """A transaction that is open.

        :raises Refused: if there is none with this id.
        """
        transaction = self._open.get(id) if isinstance(id, bytes) else None
        if transaction is None:
            raise Refused("amqp:transaction:unknown-id", f"there is no transaction {_shown(id)} on this connection")
        return transaction

    def discharge(self, id: Any, fail: bool) -> None:
        """End a transaction.

        :param fail: whether to roll it back, rather than commit it.
        :raises Refused: if there is none with this id, or it can't be committed, and is rolled back then.
        """
        transaction = self.find(id)
        self._close(transaction)
        if fail:
            transaction.roll_back()
        else:
            transaction.commit()

    def end(self, owner: Any) -> None:
        """Roll back all that were declared by somebody who is no more (section 4.2)."""
        for transaction in [each for each in self._open.values() if each.owner is owner]:
            self._close(transaction)
            transaction.roll_back()

    def _close(self, transaction: Transaction) -> None:
        del self._open[transaction.id]
        for delivery in transaction.deliveries:
            del self._enlisted[delivery]

    # --- retirement

    def retire(self, consumer: Consumer, delivery: Delivery) -> None:
        """A message was given an outcome under a transaction.

        :raises Refused: if there is no such transaction, or the message has an outcome under another (section 4.4.2).
        """
        id, described = (list(delivery.remote.data or ()) + [None, None])[:2]
        if consumer.is_restored(delivery, id):
            # Nothing new was said but that it is settled, if that.
            consumer.settle(delivery)
            return
        transaction = self.find(id)
        outcome = outcome_of(described)
        enlisted = self._enlisted.get(delivery)
        if enlisted is transaction:
            transaction.amend(delivery, outcome)
        elif enlisted is not None:
            raise Refused(ROLLBACK, "the delivery has an outcome under another transaction")
        else:
            message = consumer.take_over(delivery)
            if message is not None:
                self._enlisted[delivery] = transaction
                transaction.retire(consumer, delivery, message, outcome)

    def withdraw(self, delivery: Delivery) -> Optional[QueuedMessage]:
        """A delivery was given an outcome outright: what it was to have under a transaction is void.

        :returns: its message; ``None`` if it was to have none.
        """
        transaction = self._enlisted.pop(delivery, None)
        return None if transaction is None else transaction.withdraw(delivery)


def _shown(id: Any) -> str:
    return repr(id[:40]) if isinstance(id, bytes) else f"with an id of the type {type(id).__name__}"
