"""What the broker does when something happens on a connection.

Events of the engine are handled rather than the callbacks of :class:`~syncproton.handlers.MessagingHandler`: those
come with decoded messages, and a broker hands on the bytes as they came.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any, Dict, List

from syncproton.broker.attaching import Attaching, End
from syncproton.broker.limits import Limits
from syncproton.broker.logins import Logins
from syncproton.broker.nodes import Nodes
from syncproton.broker.refused import Refused
from syncproton.broker.transactions import Transactions
from syncproton.codec import symbol
from syncproton.engine import Condition, Handler, Terminus

if TYPE_CHECKING:
    from syncproton.engine import Connection, Link

__all__ = ["BrokerHandler"]

_log = logging.getLogger("syncproton.broker")

_SHUT_DOWN = Condition("amqp:connection:forced", "the broker has been stopped")
_NOTHING = Terminus(Terminus.UNSPECIFIED)
_CAPABILITIES = ("ANONYMOUS-RELAY", "SHARED-SUBS")


class BrokerHandler(Handler):
    """Attaches the links of all connections to what they ask for, and cleans up behind them."""

    def __init__(self, limits: Limits, logins: Logins) -> None:
        self.nodes = Nodes(limits)
        self._logins = logins
        self._limits = limits
        self._attaching = Attaching(self.nodes, limits, self._lose)
        self._connections: Dict[Connection, Transactions] = {}
        self._ends: Dict[Link, End] = {}
        self._transaction_ids = itertools.count(1)

    # --- opening

    def on_connection_bound(self, event: Any) -> None:
        """Somebody has come: see who it is first."""
        self._logins.guard(event.transport)

    def on_connection_remote_open(self, event: Any) -> None:
        """Open the connection too."""
        connection = event.connection
        connection.container = event.container.container_id
        connection.offered_capabilities = [symbol(each) for each in _CAPABILITIES]
        connection.open()
        self._connections[connection] = Transactions(self._limits, self.nodes.budget, self._transaction_ids)
        _log.info("container %r has connected", connection.remote_container)

    def on_session_remote_open(self, event: Any) -> None:
        """Open the session too."""
        event.session.open()

    def on_link_remote_open(self, event: Any) -> None:
        """Attach the link to what it asks for, or refuse it."""
        link = event.link
        transactions = self._connections.get(link.connection)
        if transactions is None:
            return  # The connection is closed already.
        try:
            self._ends[link] = self._attaching.attach(link, transactions)
        except Refused as refusal:
            # A refused link is attached without the terminus asked for, and then closed (section 2.6.3).
            link.source.copy(_NOTHING)
            link.target.copy(_NOTHING)
            link.open()
            self._close(link, refusal.condition, "refused")

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
            try:
                end.on_delivery(delivery)
            except Refused as refusal:
                self._drop([delivery.link])
                self._close(delivery.link, refusal.condition)

    # --- closing

    def on_link_remote_close(self, event: Any) -> None:
        """Close the link too; what is unsettled goes back to the queue, a subscription ends."""
        link = event.link
        self._drop([link], closed=True)
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
        self._connections.pop(connection, None)
        self._drop([link for link in self._ends if link.connection == connection], failed)
        gone = self.nodes.drop_temporaries(connection)
        for link, end in list(self._ends.items()):
            if end.queue in gone:
                self._close(link, Condition("amqp:resource-deleted", "the temporary queue is gone with its owner"))

    def _drop(self, links: List[Link], failed: bool = False, closed: bool = False) -> None:
        dropped = [(link, self._ends.pop(link)) for link in links if link in self._ends]
        # First all of them stop, lest what one gives back is delivered to another.
        for _, end in dropped:
            end.stop()
        for link, end in dropped:
            end.give_back(failed)
            self.nodes.subscriptions.leave(link, closed)

    def _lose(self, link: Link, condition: Condition) -> None:
        """Another link takes the place of this one, whose peer may be lost already."""
        self._drop([link], failed=True)
        self._close(link, condition)

    @staticmethod
    def _close(link: Link, condition: Condition, how: str = "closed") -> None:
        _log.info("link %r is %s: %s", link.name, how, condition.description)
        link.condition = condition
        link.close()
