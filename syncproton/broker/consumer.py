"""The broker's end of a link that delivers from a queue, or shows what is in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from syncproton.broker.outcome import OUTCOMES, Outcome
from syncproton.broker.queue import Queue, QueuedMessage
from syncproton.broker.sections import returned
from syncproton.broker.transactions import TRANSACTIONAL, Transactions
from syncproton.engine import Delivery

if TYPE_CHECKING:
    from syncproton.broker.filters import Selector
    from syncproton.engine import Condition, Sender

__all__ = ["Consumer"]

_log = logging.getLogger("syncproton.broker")

# What one consumer may have waiting for its connection to send it.  More waits in the queue, so that a slow consumer
# with much credit neither costs memory twice nor keeps messages from the others.
_MAX_UNSENT = 500
_MAX_UNSENT_BYTES = 1 << 20


class Consumer:
    """Sends a queue's messages to a peer, and acts on what becomes of them.

    If the link's source says "copy" the peer is shown the messages, and nothing becomes of them.

    :param serial: a number no other consumer of the broker has.
    :param transactions: those of the peer's connection.
    :param selector: which messages the peer wants; ``None`` for all.
    :param copies: whether messages stay in the queue, for others too.
    """

    __slots__ = ("copies", "link", "queue", "selector", "serial", "stopped", "waiting", "_presettled", "_restored",
                 "_tags", "_transactions", "_unsettled")

    def __init__(self, link: Sender, queue: Queue, serial: int, transactions: Transactions,
                 selector: Optional[Selector] = None, copies: bool = False) -> None:
        self.link = link
        self.queue = queue
        self.serial = serial
        self.selector = selector
        self.copies = copies
        #: Whether the link is no more.
        self.stopped = False
        #: Whether the queue has this consumer in its list of those that can take a message.
        self.waiting = False
        self._presettled = link.remote_snd_settle_mode == link.SND_SETTLED
        self._tags = 0
        self._transactions = transactions
        self._unsettled: Dict[Delivery, QueuedMessage] = {}
        # Deliveries that had an outcome under a transaction that came to nothing, and its id.
        self._restored: Dict[Delivery, bytes] = {}
        queue.links += 1
        queue.subscribe(self)

    @property
    def can_take(self) -> bool:
        """Whether the peer has given credit, and its connection keeps up."""
        link = self.link
        return link.credit > 0 and link.queued < _MAX_UNSENT and link.session.outgoing_bytes < _MAX_UNSENT_BYTES

    def send(self, message: QueuedMessage) -> None:
        """Deliver a message."""
        self._tags += 1
        link = self.link
        delivery = link.delivery(str(self._tags))
        link.stream(self.queue.encoded(message))
        link.advance()
        if self._presettled:
            delivery.settle()
            if not self.copies:
                self.queue.remove(message)
        elif not self.copies:
            self._unsettled[delivery] = message

    def on_flow(self) -> None:
        """The peer's credit changed, or messages have gone out."""
        if self.can_take and self.queue.ready(self):
            self.idle()

    def idle(self) -> None:
        """There is credit left and nothing to use it for."""
        self.link.drained()

    def on_delivery(self, delivery: Delivery) -> None:
        """The peer said what became of a message.

        :raises Refused: if that names a transaction that there is not.
        """
        state = delivery.remote_state
        if state not in OUTCOMES:
            if state == TRANSACTIONAL:
                if self.copies:
                    delivery.settle()  # Nothing is to become of it.
                else:
                    self._transactions.retire(self, delivery)
                return
            if not delivery.settled:
                return
        message = self._unsettled.pop(delivery, None) if not self._restored else self.take_over(delivery)
        if message is None:
            if self.copies:
                delivery.settle()
                return
            message = self._transactions.withdraw(delivery)
            if message is None:
                return
        delivery.settle()
        if state == Delivery.ACCEPTED:
            self.queue.remove(message)
        elif state == Delivery.REJECTED:
            self._drop(message, delivery.remote.condition)
        elif state == Delivery.MODIFIED:
            remote = delivery.remote
            self.finish(message, Outcome(state, bool(remote.failed), bool(remote.undeliverable), remote.annotations))
        else:
            # Released, or settled without a word.
            self.finish(message, Outcome())

    def _drop(self, message: QueuedMessage, condition: Optional[Condition]) -> None:
        _log.debug("%s: message %d was rejected and is dropped: %s", self.queue.address, message.sequence, condition)
        self.queue.remove(message)

    def finish(self, message: QueuedMessage, outcome: Outcome) -> None:
        """Do with a message what its outcome says; without one it is as if it had not been delivered."""
        if outcome.state == Delivery.ACCEPTED:
            self.queue.remove(message)
            return
        if outcome.state == Delivery.REJECTED:
            self._drop(message, outcome.condition)
            return
        self._return(message, outcome.failed, outcome.annotations)
        if outcome.undeliverable:
            message.unwanted_by |= {self.serial}
        self.queue.put_back([message])

    # --- transactions

    def take_over(self, delivery: Delivery) -> Optional[QueuedMessage]:
        """Have nothing to do with a delivery any more.

        :returns: its message; ``None`` if there is nothing to say of it.
        """
        if self._restored:
            self._restored.pop(delivery, None)
        return self._unsettled.pop(delivery, None)

    def restore(self, delivery: Delivery, message: QueuedMessage, transaction: bytes) -> None:
        """The outcome of a delivery is void, with its transaction: the peer is to say it again."""
        self._unsettled[delivery] = message
        self._restored[delivery] = transaction

    def is_restored(self, delivery: Delivery, transaction: Any) -> bool:
        """Whether the outcome of a delivery under a transaction is void."""
        return bool(self._restored) and self._restored.get(delivery, self) == transaction

    def settle(self, delivery: Delivery) -> None:
        """Take back a message, if its delivery was settled without a word."""
        if delivery.settled:
            message = self.take_over(delivery)
            delivery.settle()
            if message is not None:
                self.finish(message, Outcome())

    # --- the end

    def stop(self) -> None:
        """Take no more messages."""
        self.stopped = True
        self.queue.unsubscribe(self)
        self.queue.links -= 1

    def give_back(self, failed: bool) -> None:
        """Return the unsettled messages to the queue, when the link is no more.

        :param failed: whether they count as failed attempts: the peer was lost and may have had them.
        """
        messages: List[QueuedMessage] = list(self._unsettled.values())
        self._unsettled.clear()
        for message in messages:
            self._return(message, failed)
        self.queue.put_back(messages)

    @staticmethod
    def _return(message: QueuedMessage, failed: bool, annotations: Optional[Mapping[Any, Any]] = None) -> None:
        message.change(returned(message.payload, failed, annotations), bool(annotations))
