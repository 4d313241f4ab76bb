"""The broker's end of a link that brings messages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Optional

from syncproton.broker.refused import Refused
from syncproton.broker.sections import address_of
from syncproton.broker.transactions import TRANSACTIONAL, Transactions
from syncproton.codec import Described, ulong
from syncproton.engine import Condition, Delivery

if TYPE_CHECKING:
    from syncproton.broker.nodes import Node, Nodes
    from syncproton.engine import Receiver

__all__ = ["Producer"]

_log = logging.getLogger("syncproton.broker")


# What a message that is held for a commit will have been.
_ACCEPTED = Described(ulong(int(Delivery.ACCEPTED)), [])


class Producer:
    """Takes messages from a peer, whole, and puts them in a queue, hands them to a topic, or to a transaction.

    :param node: where the messages go; ``None`` if each says so itself, in its ``to`` property.
    :param nodes: finds what there is at an address, and accounts for the bytes of the message being received.
    :param transactions: those of the peer's connection.
    :param credit: how many messages the peer may send ahead.
    """

    __slots__ = ("link", "queue", "_budget", "_credit", "_message_size", "_nodes", "_parts", "_refused",
                 "_transactions")

    def __init__(self, link: Receiver, node: Optional[Node], nodes: Nodes, transactions: Transactions,
                 credit: int) -> None:
        self.link = link
        self.queue = node
        self._nodes = nodes
        self._budget = nodes.budget
        self._transactions = transactions
        self._credit = credit
        self._message_size = link.max_message_size
        # What has come of the message that is being received.
        self._parts = bytearray()
        self._refused = False
        if node is not None:
            node.links += 1

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
        try:
            if delivery._remote_type == TRANSACTIONAL:
                self._hold(delivery, payload)
            else:
                node = self.queue or self._destination(payload)
                if not node.put(payload):
                    raise Refused("amqp:resource-limit-exceeded", f"the queue {node.address!r} is full")
                if not delivery.settled:
                    delivery.update(Delivery.ACCEPTED)
        except Refused as refusal:
            if delivery.settled:
                _log.debug("a settled message is dropped: %s", refusal)
            else:
                _log.debug("a message is rejected: %s", refusal)
                delivery.local.condition = refusal.condition
                delivery.update(Delivery.REJECTED)
        delivery.settle()

    def _destination(self, payload: bytes) -> Node:
        """Where a message says it goes.

        :raises Refused: if it does not say, or there can be nothing.
        """
        address = address_of(payload)
        if not address:
            raise Refused("amqp:invalid-field", "the link has no target and the message has no 'to' address")
        return self._nodes.find(address)

    def _hold(self, delivery: Delivery, payload: bytes) -> None:
        """Have the message held for the commit of its transaction (section 4.4.1).

        :raises Refused: if that can't be.
        """
        id = (delivery.remote.data or [None])[0]
        transaction = self._transactions.find(id)
        try:
            node = self.queue or self._destination(payload)
        except Refused as refusal:
            transaction.doom(refusal.condition)
            raise
        transaction.post(node, payload)
        if not delivery.settled:
            delivery.local.data = [id, _ACCEPTED]
            delivery.update(TRANSACTIONAL)

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
