"""What a link is attached to: a queue, a topic, a subscription, the coordinator of transactions, or nothing.

A terminus says what it wants by its address, and by its capabilities: ``queue`` or ``topic`` for what the address is to
be the name of; ``shared`` and ``global`` for a subscription to a topic.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Callable, Optional, Union

from syncproton.broker.consumer import Consumer
from syncproton.broker.coordinator import Coordinator
from syncproton.broker.filters import FilterError, Filters, filters_of
from syncproton.broker.limits import Limits
from syncproton.broker.nodes import Node, Nodes
from syncproton.broker.producer import Producer
from syncproton.broker.refused import Refused
from syncproton.broker.subscription import Subscription, SubscriptionName
from syncproton.broker.symbols import put_symbols, symbols_in
from syncproton.broker.topic import Topic
from syncproton.broker.transactions import Transactions
from syncproton.engine import Condition, Terminus

if TYPE_CHECKING:
    from syncproton.engine import Connection, Link, Receiver, Sender

__all__ = ["Attaching", "End"]

End = Union[Consumer, Producer, Coordinator]

_STOLEN = Condition("amqp:link:stolen", "the subscription has been attached to from elsewhere")

# The capabilities that say what kind of a node is wanted, and those that say what kind of a subscription.
_QUEUE, _TOPIC = {"queue", "temporary-queue"}, {"topic", "temporary-topic"}
_SHARED, _GLOBAL = "shared", "global"


class Attaching:
    """Finds what links are to be attached to, and answers with what they get.

    :param close: closes a link, for a reason, after it was lost to another.
    """

    def __init__(self, nodes: Nodes, limits: Limits, close: Callable[[Link, Condition], None]) -> None:
        self._nodes = nodes
        self._limits = limits
        self._close = close
        self._serials = itertools.count(1)

    def attach(self, link: Link, transactions: Transactions) -> End:
        """Attach a link that a peer has opened, and open it.

        :param transactions: those of the peer's connection.
        :raises Refused: if it can't be; it is not open then.
        """
        if link.is_sender:
            return self._attach_consumer(link, transactions)  # type: ignore[arg-type]
        if link.remote_target.type == Terminus.COORDINATOR:
            return self._attach_coordinator(link, transactions)  # type: ignore[arg-type]
        return self._attach_producer(link, transactions)  # type: ignore[arg-type]

    # --- what brings messages

    def _attach_coordinator(self, link: Receiver, transactions: Transactions) -> Coordinator:
        Coordinator.confirm(link)
        self._open(link)
        coordinator = Coordinator(link, transactions, self._limits.credit)
        coordinator.on_flow()
        return coordinator

    def _attach_producer(self, link: Receiver, transactions: Transactions) -> Producer:
        wanted = link.remote_target
        node: Optional[Node] = None
        if wanted.dynamic or wanted.address:
            node = self._node(wanted, link.connection)
        link.target.copy(wanted)
        if node is not None:
            link.target.address = node.address if wanted.dynamic else wanted.address
            put_symbols(link.target.capabilities, symbols_in(wanted.capabilities) & (_QUEUE | _TOPIC))
        link.max_message_size = self._limits.message_size
        self._open(link)
        producer = Producer(link, node, self._nodes, transactions, self._limits.credit)
        producer.on_flow()
        return producer

    def _open(self, link: Receiver) -> None:
        link.source.copy(link.remote_source)
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.open()

    def _node(self, wanted: Terminus, connection: Connection) -> Node:
        capabilities = symbols_in(wanted.capabilities)
        topic: Optional[bool] = None
        if capabilities & _TOPIC:
            topic = True
        elif capabilities & _QUEUE:
            topic = False
        if wanted.dynamic:
            return self._nodes.make_temporary(connection, bool(topic))
        return self._nodes.find(str(wanted.address), topic)

    # --- what takes messages

    def _attach_consumer(self, link: Sender, transactions: Transactions) -> Consumer:
        wanted = link.remote_source
        if not wanted.dynamic and not wanted.address:
            return self._return_to(self._recovered(link), link, transactions)
        try:
            filters = filters_of(wanted)
        except FilterError as error:
            raise Refused("amqp:invalid-field", str(error)) from error
        node = self._node(wanted, link.connection)
        link.source.copy(wanted)
        link.source.address = node.address if wanted.dynamic else wanted.address
        filters.confirm(link.source)
        if isinstance(node, Topic):
            return self._subscribe(node, link, filters, transactions)
        put_symbols(link.source.capabilities, symbols_in(wanted.capabilities) & _QUEUE)
        copies = wanted.distribution_mode == Terminus.DIST_MODE_COPY
        if not copies:
            link.source.distribution_mode = Terminus.DIST_MODE_MOVE
        self._open_consumer(link)
        return Consumer(link, node, next(self._serials), transactions, filters.selector, copies)

    def _subscribe(self, topic: Topic, link: Sender, filters: Filters, transactions: Transactions) -> Consumer:
        wanted = link.remote_source
        capabilities = symbols_in(wanted.capabilities)
        shared = _SHARED in capabilities
        durable = wanted.durability != Terminus.NONDURABLE or wanted.expiry_policy == Terminus.EXPIRE_NEVER
        name: Optional[SubscriptionName] = None
        if shared or durable:
            name = SubscriptionName.of(link, shared, shared and _GLOBAL in capabilities, durable)
            self._steal(name)
        source = link.source
        source.dynamic = wanted.dynamic
        source.durability = wanted.durability or Terminus.DELIVERIES if durable else Terminus.NONDURABLE
        source.expiry_policy = Terminus.EXPIRE_NEVER if durable else Terminus.EXPIRE_WITH_LINK
        source.timeout = 0
        put_symbols(source.capabilities, capabilities & {*_TOPIC, *((_SHARED, _GLOBAL) if shared else ())})
        kept = Terminus(Terminus.SOURCE)
        kept.copy(source)
        subscription = self._nodes.subscribe(topic, name, filters.selector, kept)
        return self._return_to(subscription, link, transactions)

    def _return_to(self, subscription: Subscription, link: Sender, transactions: Transactions) -> Consumer:
        link.source.copy(subscription.source)
        self._open_consumer(link)
        self._nodes.subscriptions.join(subscription, link)
        # The topic has put there what the selector wants, and nothing else.
        return Consumer(link, subscription.queue, next(self._serials), transactions)

    def _recovered(self, link: Sender) -> Subscription:
        """The durable subscription that a link without a source comes back to (section 2.6.3).

        :raises Refused: if there is none.
        """
        if not link._sourceless:
            raise Refused("amqp:invalid-field", "the source has no address and is not dynamic")
        # There is no source to tell of capabilities, so they are asked for of the link.
        capabilities = {str(each) for each in link._remote_desired or ()}
        shared = _SHARED in capabilities
        name = SubscriptionName.of(link, shared, shared and _GLOBAL in capabilities, durable=True)
        self._steal(name)
        subscription = self._nodes.subscriptions.find(name)
        if subscription is None:
            raise Refused("amqp:not-found", f"there is no subscription {name}")
        return subscription

    def _steal(self, name: SubscriptionName) -> None:
        """A subscription that is not shared is for whom comes last (section 2.6.1).

        The one before may not have noticed that its connection was lost.
        """
        if not name.shared:
            subscription = self._nodes.subscriptions.find(name)
            for link in list(subscription.links) if subscription is not None else ():
                self._close(link, _STOLEN)

    @staticmethod
    def _open_consumer(link: Sender) -> None:
        link.target.copy(link.remote_target)
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.rcv_settle_mode = link.remote_rcv_settle_mode
        link.open()
