"""What there is at the addresses of a broker: queues and topics."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Dict, List, Optional, Tuple, Union

from syncproton.broker.clock import Clock
from syncproton.broker.expiry import Expiry
from syncproton.broker.filters import Selector
from syncproton.broker.limits import Budget, Limits
from syncproton.broker.queue import Queue
from syncproton.broker.refused import Refused
from syncproton.broker.subscription import Subscription, SubscriptionName, Subscriptions
from syncproton.broker.topic import Topic

if TYPE_CHECKING:
    from syncproton.engine import Connection, Terminus

__all__ = ["Node", "Nodes", "parse_address"]

Node = Union[Queue, Topic]

_PREFIXES = {"queue://": False, "topic://": True}


def parse_address(address: str) -> Tuple[str, Optional[bool]]:
    """The name in an address, and whether it is to be a topic's; ``None`` if the address does not say."""
    for prefix, is_topic in _PREFIXES.items():
        if address.startswith(prefix):
            return address[len(prefix):], is_topic
    return address, None


class Nodes:
    """Makes queues and topics on demand, and forgets them when nobody would notice."""

    def __init__(self, limits: Limits) -> None:
        self.budget = Budget(limits.memory)
        self.clock = Clock()
        self.subscriptions = Subscriptions(limits)
        self._expiry = Expiry(self.clock)
        self._limits = limits
        self._nodes: Dict[str, Node] = {}
        self._owners: Dict[str, Connection] = {}

    def find(self, address: str, topic: Optional[bool] = None) -> Node:
        """What there is at an address, made if there is nothing.

        :param address: the name; ``queue://`` or ``topic://`` before it say what it is to be the name of.
        :param topic: whether it is to be a topic; if nobody says, it is what there is, or else a queue.
        :raises Refused: if it is something else than it is to be, or there are too many.
        """
        node = self._nodes.get(address)
        if node is not None and topic is None:
            return node
        name, by_prefix = parse_address(address)
        if topic is not None and by_prefix is not None and topic is not by_prefix:
            raise Refused("amqp:invalid-field", f"the address {address!r} and the capabilities do not agree")
        topic = by_prefix if topic is None else topic
        node = self._nodes.get(name)
        if node is not None and (topic is None or topic is isinstance(node, Topic)):
            return node
        if node is not None and not (node.is_idle and name not in self._owners):
            raise Refused("amqp:illegal-state",
                          f"{name!r} is a {'queue, not a topic' if topic else 'topic, not a queue'}")
        return self._make(name, bool(topic))

    def _make(self, name: str, topic: bool) -> Node:
        if name not in self._nodes and len(self._nodes) >= self._limits.queues:
            self._sweep()
            if len(self._nodes) >= self._limits.queues:
                raise Refused("amqp:resource-limit-exceeded", "there are too many queues")
        node = self._nodes[name] = Topic(name, self.budget) if topic else self._queue(name)
        return node

    def _queue(self, name: str) -> Queue:
        return Queue(name, self.budget, self._limits.queue_depth, self._expiry)

    def make_temporary(self, owner: Connection, topic: bool = False) -> Node:
        """A new queue or topic that is to go with its owner.

        :raises Refused: if there are too many.
        """
        node = self._make(f"temporary-{uuid.uuid4()}", topic)
        self._owners[node.address] = owner
        return node

    def drop_temporaries(self, owner: Connection) -> List[Node]:
        """Remove the temporary nodes of a connection.

        :returns: what is gone: these, and the queues of the subscriptions to them.
        """
        gone: List[Node] = []
        for address in [address for address, holder in self._owners.items() if holder == owner]:
            del self._owners[address]
            node = self._nodes.pop(address)
            gone.append(node)
            if isinstance(node, Queue):
                node.delete()
            else:
                for subscription in list(node.subscriptions):
                    gone.append(subscription.queue)
                    self.subscriptions.drop(subscription)
        return gone

    def subscribe(self, topic: Topic, name: Optional[SubscriptionName], selector: Optional[Selector],
                  source: Terminus) -> Subscription:
        """A subscription, the one of this name if there is one; to be had again with another topic or selector.

        :raises Refused: if it has others already, and receivers; or if there are too many.
        """
        found = None if name is None else self.subscriptions.find(name)
        if found is not None:
            if found.is_same(topic, selector):
                return found
            if found.links:
                raise Refused("amqp:illegal-state",
                              f"the subscription {name} has receivers, and another topic or selector")
            self.subscriptions.drop(found)
        queue = self._queue(self.subscriptions.queue_address(topic, name))
        subscription = Subscription(topic, queue, name, selector, source)
        self.subscriptions.add(subscription)
        return subscription

    def depths(self) -> Dict[str, int]:
        """How many messages each queue in use holds, the ones being delivered included."""
        depths = {address: node.depth for address, node in self._nodes.items()
                  if isinstance(node, Queue) and not node.is_idle}
        depths.update(self.subscriptions.depths())
        return depths

    def _sweep(self) -> None:
        for address in [a for a, node in self._nodes.items() if node.is_idle and a not in self._owners]:
            del self._nodes[address]
