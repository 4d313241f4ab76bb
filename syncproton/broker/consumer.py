"""The broker's end of a link that delivers from a queue, or shows what is in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from syncproton.broker.queue import Queue, QueuedMessage
from syncproton.broker.sections import returned
from syncproton.engine import Delivery, Terminus

if TYPE_CHECKING:
    from syncproton.broker.filters import Selector
    from syncproton.engine import Sender

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
    :param selector: which messages the peer wants; ``None`` for all.
    """

    __slots__ = ("copies", "link", "queue", "selector", "serial", "waiting", "_presettled", "_tags", "_unsettled")

    def __init__(self, link: Sender, queue: Queue, serial: int, selector: Optional[Selector] = None) -> None:
        self.link = link
        self.queue = queue
        self.serial = serial
        self.selector = selector
        #: Whether messages stay in the queue, for others too.
        self.copies = link.source.distribution_mode == Terminus.DIST_MODE_COPY
        #: Whether the queue has this consumer in its list of those that can take a message.
        self.waiting = False
        self._presettled = link.remote_snd_settle_mode == link.SND_SETTLED
        self._tags = 0
        self._unsettled: Dict[Delivery, QueuedMessage] = {}
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
        """The peer said what became of a message."""
        state = delivery.remote_state
        if not (delivery.settled or state in _OUTCOMES):
            return
        message = self._unsettled.get(delivery)
        if message is None:
            if self.copies:
                delivery.settle()
            return
        del self._unsettled[delivery]
        if state == Delivery.MODIFIED:
            remote = delivery.remote
            self._return(message, bool(remote.failed), remote.annotations)
            if remote.undeliverable:
                message.unwanted_by |= {self.serial}
        elif state not in _CONSUMED:
            # Released, or settled without a word: the same message once more, as if it had not been delivered.
            self._return(message, False)
        elif state == Delivery.REJECTED:
            _log.debug("%s: message %d was rejected and is dropped: %s", self.queue.address, message.sequence,
                       delivery.remote.condition)
        delivery.settle()
        if state in _CONSUMED:
            self.queue.remove(message)
        else:
            self.queue.put_back([message])

    def stop(self) -> None:
        """Take no more messages."""
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


_CONSUMED = (Delivery.ACCEPTED, Delivery.REJECTED)
_OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)
