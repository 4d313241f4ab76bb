"""Subscriptions to topics.

A subscription has a queue, in which the topic puts its messages, and of which its receivers take them.  Most have one
receiver and go with it.  Those that have a name can do more:

- a *durable* subscription stays when its receivers detach, or are lost, and goes when the last of them closes its link;
- a *shared* subscription has any number of receivers, each of which gets a part of the messages.

The name is that of the link, up to a ``|`` if there is one: so the receivers of a shared subscription can have links of
different names on one connection.  It is of the peer's container, unless the subscription is *global*: then all peers
that use the name share it.
"""

from __future__ import annotations

import itertools
import logging
from typing import Dict, List, NamedTuple, Optional, Tuple

from syncproton.broker.filters import Selector
from syncproton.broker.limits import Limits
from syncproton.broker.queue import Queue
from syncproton.broker.refused import Refused
from syncproton.broker.topic import Topic
from syncproton.engine import Link, Terminus

__all__ = ["Subscription", "SubscriptionName", "Subscriptions"]

_log = logging.getLogger("syncproton.broker")


class SubscriptionName(NamedTuple):
    """What a subscription is known by.

    Those that differ in any of this have nothing to do with each other.
    """

    #: The id of the container it is of; ``None`` if it is global.
    container: Optional[str]
    name: str
    shared: bool
    durable: bool

    @classmethod
    def of(cls, link: Link, shared: bool, is_global: bool, durable: bool) -> SubscriptionName:
        """The name of the subscription that a link asks for."""
        container = None if is_global else link.connection.remote_container or ""
        return cls(container, link.name.partition("|")[0], shared, durable)

    def __str__(self) -> str:
        text = self.name if self.container is None else f"{self.container}.{self.name}"
        return text + (":volatile" if not self.durable else ":shared" if self.shared else "")


class Subscription:
    """What a topic hands its messages to.

    :param source: what the receivers' links are attached to, as the peer asked for it.
    """

    def __init__(self, topic: Topic, queue: Queue, name: Optional[SubscriptionName], selector: Optional[Selector],
                 source: Terminus) -> None:
        self.topic = topic
        self.queue = queue
        self.name = name
        self.selector = selector
        self.source = source
        #: The links of its receivers.
        self.links: List[Link] = []

    def is_same(self, topic: Topic, selector: Optional[Selector]) -> bool:
        """Whether it has the messages that these would have."""
        return self.topic is topic and _key(self.selector) == _key(selector)


class Subscriptions:
    """All subscriptions there are.

    :param limits: how many there may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.subscriptions
        self._named: Dict[SubscriptionName, Subscription] = {}
        self._by_link: Dict[Link, Subscription] = {}
        self._numbers = itertools.count(1)
        self._count = 0

    def find(self, name: SubscriptionName) -> Optional[Subscription]:
        """The subscription of a name, ``None`` if there is none."""
        return self._named.get(name)

    def queue_address(self, topic: Topic, name: Optional[SubscriptionName]) -> str:
        """What to call the queue of a subscription."""
        return f"{topic.address}::{next(self._numbers) if name is None else name}"

    def add(self, subscription: Subscription) -> None:
        """Begin a subscription.

        :raises Refused: if there are too many.
        """
        if self._count >= self._limit:
            raise Refused("amqp:resource-limit-exceeded", "there are too many subscriptions")
        self._count += 1
        if subscription.name is not None:
            self._named[subscription.name] = subscription
        subscription.topic.subscriptions[subscription] = None

    def join(self, subscription: Subscription, link: Link) -> None:
        """A receiver has come."""
        subscription.links.append(link)
        self._by_link[link] = subscription

    def leave(self, link: Link, closed: bool) -> None:
        """A link is no more.  Does nothing if it is not one of a subscription's.

        :param closed: whether that was the peer's wish, for good.
        """
        subscription = self._by_link.pop(link, None)
        if subscription is None:
            return
        subscription.links.remove(link)
        if not subscription.links and (closed or subscription.name is None or not subscription.name.durable):
            self.drop(subscription)

    def drop(self, subscription: Subscription) -> None:
        """End a subscription, and forget its messages."""
        if subscription in subscription.topic.subscriptions:
            del subscription.topic.subscriptions[subscription]
            self._count -= 1
            if subscription.name is not None:
                del self._named[subscription.name]
            subscription.queue.delete()

    def depths(self) -> Dict[str, int]:
        """How many messages each subscription that has a name holds."""
        return {each.queue.address: each.queue.depth for each in self._named.values()}


def _key(selector: Optional[Selector]) -> Tuple[str, ...]:
    return () if selector is None else selector.key
