"""What the broker does when something happens on a connection.

Events of the engine are handled rather than the callbacks of :class:`~syncproton.handlers.MessagingHandler`: those
come with decoded messages, and a broker hands on the bytes as they came.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set, Union

from syncproton.broker.consumer import Consumer
from syncproton.broker.filters import FilterError, filters_of
from syncproton.broker.limits import Limits
from syncproton.broker.nodes import Nodes
from syncproton.broker.producer import Producer
from syncproton.codec import symbol
from syncproton.engine import Condition, Handler, Terminus

if TYPE_CHECKING:
    from syncproton.broker.queue import Queue
    from syncproton.engine import Connection, Link, Receiver, Sender

__all__ = ["BrokerHandler"]

_log = logging.getLogger("syncproton.broker")

_SHUT_DOWN = Condition("amqp:connection:forced", "the broker has been stopped")
_TOO_MANY_QUEUES = Condition("amqp:resource-limit-exceeded", "there are too many queues")
_NO_ADDRESS = Condition("amqp:invalid-field", "the source has no address and is not dynamic")
_NO_TRANSACTIONS = Condition("amqp:not-implemented", "this broker has no transactions")


class BrokerHandler(Handler):
    """Attaches the links of all connections to queues, and cleans up behind them."""

    def __init__(self, limits: Limits) -> None:
        self.nodes = Nodes(limits)
        self._limits = limits
        self._connections: Set[Connection] = set()
        self._ends: Dict[Link, Union[Consumer, Producer]] = {}
        self._serials = itertools.count(1)

    # --- opening

    def on_connection_remote_open(self, event: Any) -> None:
        """Open the connection too."""
        connection = event.connection
        connection.container = event.container.container_id
        connection.offered_capabilities = [symbol("ANONYMOUS-RELAY")]
        connection.open()
        self._connections.add(connection)
        _log.info("container %r has connected", connection.remote_container)

    def on_session_remote_open(self, event: Any) -> None:
        """Open the session too."""
        event.session.open()

    def on_link_remote_open(self, event: Any) -> None:
        """Attach the link to its queue, or refuse it."""
        link = event.link
        refusal = self._attach_consumer(link) if link.is_sender else self._attach_producer(link)
        if refusal is not None:
            # A refused link is attached without the terminus asked for, and then closed (section 2.6.3).
            link.open()
            link.condition = refusal
            link.close()
            _log.info("link %r is refused: %s", link.name, refusal.description)

    def _attach_consumer(self, link: Sender) -> Optional[Condition]:
        wanted = link.remote_source
        if not wanted.dynamic and not wanted.address:
            return _NO_ADDRESS
        try:
            filters = filters_of(wanted)
        except FilterError as error:
            return Condition("amqp:invalid-field", str(error))
        queue = self._queue(wanted, link.connection)
        if queue is None:
            return _TOO_MANY_QUEUES
        link.source.copy(wanted)
        link.source.address = queue.address
        if wanted.distribution_mode != Terminus.DIST_MODE_COPY:
            link.source.distribution_mode = Terminus.DIST_MODE_MOVE
        filters.confirm(link.source)
        link.target.copy(link.remote_target)
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.rcv_settle_mode = link.remote_rcv_settle_mode
        link.open()
        self._ends[link] = Consumer(link, queue, next(self._serials), filters.selector)
        return None

    def _attach_producer(self, link: Receiver) -> Optional[Condition]:
        wanted = link.remote_target
        if wanted.type == Terminus.COORDINATOR:
            return _NO_TRANSACTIONS
        queue: Optional[Queue] = None
        if wanted.dynamic or wanted.address:
            queue = self._queue(wanted, link.connection)
            if queue is None:
                return _TOO_MANY_QUEUES
        link.target.copy(wanted)
        if queue is not None:
            link.target.address = queue.address
        link.source.copy(link.remote_source)
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.max_message_size = self._limits.message_size
        link.open()
        producer = Producer(link, queue, self.nodes.find, self.nodes.budget, self._limits.credit)
        self._ends[link] = producer
        producer.on_flow()
        return None

    def _queue(self, wanted: Terminus, connection: Connection) -> Optional[Queue]:
        if wanted.dynamic:
            return self.nodes.make_temporary(connection)
        return self.nodes.find(str(wanted.address))

    # --- working

    def on_link_flow(self, event: Any) -> None:
        """Credit has come, or messages have gone."""
        end = self._ends.get(event.link)
        if end is not None:
            end.on_flow()

    def on_delivery(self, event: Any) -> None:
        """A message has come, or its outcome."""
        delivery = event.delivery
        end = self._ends.get(delivery.link)
        if end is not None:
            end.on_delivery(delivery)

    # --- closing

    def on_link_remote_close(self, event: Any) -> None:
        """Close the link too; what is unsettled goes back to the queue."""
        link = event.link
        self._drop([link])
        link.close()
        link.free()

    def on_link_remote_detach(self, event: Any) -> None:
        """Detach too.  Links are not resumed: what is unsettled goes back to the queue."""
        link = event.link
        self._drop([link])
        link.detach()
        link.free()

    def on_session_remote_close(self, event: Any) -> None:
        """End the session too, and all of its links."""
        session = event.session
        self._drop([link for link in self._ends if link.session == session])
        session.close()
        session.free()

    def on_connection_remote_close(self, event: Any) -> None:
        """Close the connection too, and all that belongs to it."""
        self._drop_connection(event.connection)
        event.connection.close()

    def on_transport_closed(self, event: Any) -> None:
        """The connection is no more; if that was without a word, deliveries under way count as failed."""
        if event.connection is not None:
            self._drop_connection(event.connection, failed=True)

    def shut_down(self) -> None:
        """Close all connections, for a reason that makes clients try to come back."""
        for connection in self._connections:
            connection.condition = _SHUT_DOWN
            connection.close()

    def _drop_connection(self, connection: Connection, failed: bool = False) -> None:
        if connection in self._connections:
            _log.info("container %r has gone%s", connection.remote_container, " without a word" if failed else "")
        self._connections.discard(connection)
        self._drop([link for link in self._ends if link.connection == connection], failed)
        gone = self.nodes.drop_temporaries(connection)
        for link, end in list(self._ends.items()):
            if end.queue in gone:
                link.condition = Condition("amqp:resource-deleted", "the temporary queue is gone with its owner")
                link.close()

    def _drop(self, links: List[Link], failed: bool = False) -> None:
        ends = [self._ends.pop(link) for link in links if link in self._ends]
        # First all of them stop, lest what one gives back is delivered to another.
        for end in ends:
            end.stop()
        for end in ends:
            end.give_back(failed)
