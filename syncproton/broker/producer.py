"""The broker's end of a link that brings messages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Callable, Optional

from syncproton.broker.limits import Budget
from syncproton.broker.queue import Queue
from syncproton.broker.sections import address_of
from syncproton.engine import Condition, Delivery

if TYPE_CHECKING:
    from syncproton.engine import Receiver

__all__ = ["Producer"]

_log = logging.getLogger("syncproton.broker")


class Producer:
    """Takes messages from a peer, whole, and puts them in a queue.

    :param queue: where the messages go; ``None`` if each says so itself, in its ``to`` property.
    :param find: gives the queue of an address, ``None`` if there can't be one.
    :param budget: accounts for the bytes of the message being received.
    :param credit: how many messages the peer may send ahead.
    """

    __slots__ = ("link", "queue", "_budget", "_credit", "_find", "_message_size", "_parts", "_refused")

    def __init__(self, link: Receiver, queue: Optional[Queue], find: Callable[[str], Optional[Queue]], budget: Budget,
                 credit: int) -> None:
        self.link = link
        self.queue = queue
        self._find = find
        self._budget = budget
        self._credit = credit
        self._message_size = link.max_message_size
        # What has come of the message that is being received.
        self._parts = bytearray()
        self._refused = False
        if queue is not None:
            queue.links += 1

    def on_flow(self) -> None:
        """Give the peer credit again once it has used up half of it."""
        credit = self.link.credit
        if not self._refused and credit <= self._credit // 2:
            self.link.flow(self._credit - credit)

    def on_delivery(self, delivery: Delivery) -> None:
        """A message, or a part of one, has arrived."""
        link = self.link
        if delivery.aborted:
            self._drop_parts()
            link.advance()
            delivery.settle()
        elif delivery.readable:
            part = link.recv(delivery.pending) or b""
            if self._refused or not self._holds(part, delivery.partial):
                # The peer has yet to see that the link is closed.
                if not delivery.partial:
                    link.advance()
                return
            if delivery.partial:
                return
            if self._parts:
                part = bytes(self._parts) + part
                self._drop_parts()
            link.advance()
            self._take(delivery, part)
        self.on_flow()

    def stop(self) -> None:
        """Take no more messages."""
        self._drop_parts()
        if self.queue is not None:
            self.queue.links -= 1

    def give_back(self, failed: bool) -> None:
        """Nothing is held for the link: messages are settled as they come."""

    def _take(self, delivery: Delivery, payload: bytes) -> None:
        refusal = self._refusal(payload)
        if delivery.settled:
            if refusal is not None:
                _log.debug("a settled message is dropped: %s", refusal.description)
        elif refusal is None:
            delivery.update(Delivery.ACCEPTED)
        else:
            _log.debug("a message is rejected: %s", refusal.description)
            delivery.local.condition = refusal
            delivery.update(Delivery.REJECTED)
        delivery.settle()

    def _refusal(self, payload: bytes) -> Optional[Condition]:
        """Put the message where it belongs; if that can't be, say why."""
        queue = self.queue
        if queue is None:
            address = address_of(payload)
            if not address:
                return Condition("amqp:invalid-field", "the link has no target and the message has no 'to' address")
            queue = self._find(address)
            if queue is None:
                return Condition("amqp:resource-limit-exceeded", "there are too many queues")
        if not queue.put(payload):
            return Condition("amqp:resource-limit-exceeded", f"the queue {queue.address!r} is full")
        return None

    def _holds(self, part: bytes, partial: bool) -> bool:
        """Keep the part if more is to come; close the link if that goes over a limit."""
        if 0 < self._message_size < len(self._parts) + len(part):
            self._refuse("amqp:link:message-size-exceeded", f"messages are limited to {self._message_size} bytes")
        elif partial and not self._budget.take(len(part)):
            self._refuse("amqp:resource-limit-exceeded", "the broker's memory is full")
        elif partial:
            self._parts += part
        return not self._refused

    def _refuse(self, condition: str, description: str) -> None:
        _log.info("link %r is closed: %s", self.link.name, description)
        self._refused = True
        self._drop_parts()
        self.link.condition = Condition(condition, description)
        self.link.close()

    def _drop_parts(self) -> None:
        if self._parts:
            self._budget.give(len(self._parts))
            self._parts = bytearray()
