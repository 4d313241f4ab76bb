"""The link to the peer's transaction coordinator, and the transactions on it (AMQP 1.0 part 4, section 4.3)."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from ..codec import symbol
from ..engine import (
    Condition, Connection, DispositionType, Endpoint, Event, EventType, Link, Sender, Session, Terminus, Transport,
)
from ..handlers import OutgoingMessageHandler
from .transaction import Transaction

__all__ = ["Coordinator", "Coordinators"]

_CLOSED = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED

#: The answers of a coordinator that are no answers yet.
_PROVISIONAL = (0, DispositionType.RECEIVED)

#: Seconds that the close of a connection or session waits at most for the answer to a commit.
PATIENCE = 2.0

#: What may happen to a link on which messages wait to be sent.
_MOVES = (Event.LINK_FLOW, Event.LINK_REMOTE_CLOSE, Event.LINK_REMOTE_DETACH, Event.LINK_FINAL)


class Coordinator(OutgoingMessageHandler):
    """The handler of a link to a coordinator: brings the answers to their transactions.

    Events that it has no use for go to the handler of the transaction for which the link was made: it learns why a
    peer refuses the link, for one.

    :param session: where to make the link.
    :param name: the link's name.
    :param handler: the handler of the first transaction.
    :param when_held: called when a discharge has to wait for what was sent under its transaction; :meth:`go_on` is to
        be called from then on.
    """

    def __init__(self, session: Session, name: str, handler: Any, when_held: Callable[[], None]) -> None:
        super().__init__(auto_settle=True)
        self._when_held = when_held
        self._application = handler
        # Those that are not over.
        self._transactions: Dict[Transaction, None] = {}
        # Those whose discharge waits for what was sent.
        self._held: Dict[Transaction, None] = {}
        #: The sender to the peer's coordinator.
        self.sender: Sender = session.sender(name)
        self.sender.handler = self
        self.sender.target.type = Terminus.COORDINATOR
        self.sender.target.capabilities.put_object(symbol("amqp:local-transactions"))
        self.sender.open()

    @property
    def usable(self) -> bool:
        """Whether new transactions can go over the link."""
        sender = self.sender
        return not (sender.state | sender.session.state) & _CLOSED

    @property
    def closing(self) -> bool:
        """Whether the link was closed on this side, and the peer has not answered yet."""
        return self.sender.state & _CLOSED == Endpoint.LOCAL_CLOSED and not self.sender.session.state & _CLOSED

    @property
    def busy(self) -> bool:
        """Whether there are transactions that are not over."""
        return bool(self._transactions)

    def begin(self, handler: Any, settle_before_discharge: bool) -> Transaction:
        """Declare a transaction."""
        transaction = Transaction(self.sender, handler, settle_before_discharge)
        self._transactions[transaction] = None
        transaction._when_held = lambda: self._hold(transaction)
        return transaction

    def _hold(self, transaction: Transaction) -> None:
        self._held[transaction] = None
        self._when_held()

    def go_on(self) -> bool:
        """Something was sent, or never will be: ask for discharges that waited for it.

        :returns: whether there are any left.
        """
        for transaction in list(self._held):
            if not transaction.go_on():
                del self._held[transaction]
        return bool(self._held)

    @property
    def committing(self) -> List[Transaction]:
        """The transactions that the peer is being asked to commit.

        Without those whose messages have no credit: who knows if they ever will.
        """
        return [each for each in self._transactions if each.committing and not each.lacks_credit]

    def left(self) -> None:
        """The application has closed the link, or its session: it wants to hear no more of what it has left open.

        What it has asked to be ended before still may be.
        """
        for transaction in list(self._transactions):
            if not transaction.ending:
                del self._transactions[transaction]
                transaction.lost(None, tell=False)

    def lost(self, condition: Optional[Condition], tell: bool, final: bool) -> None:
        """The link is gone, and with it its transactions.

        :param condition: why.
        :param tell: whether to call their handlers; those of what was being ended are called anyway.
        :param final: whether the link does not come back: if it does, then what has not been declared yet will be.
        """
        self._held.clear()
        transactions = self._transactions
        if final:
            self._transactions = {}
        else:
            self._transactions = {each: None for each in transactions if each.unsent}
        for transaction in transactions:
            if transaction not in self._transactions:
                self.sender.connection._holds.pop(transaction, None)
                transaction.lost(condition, tell or transaction.ending)

    # --- events

    def on_unhandled(self, method: str, *args: Any) -> None:
        args[0].dispatch(self._application)

    def on_delivery(self, event: Event) -> None:
        delivery = event.delivery
        # Some wait for us to settle first.
        if delivery.updated and (delivery.settled or delivery.remote_state not in _PROVISIONAL):
            self.on_settled(event)
            delivery.settle()

    def on_settled(self, event: Event) -> None:
        transaction = event.transaction
        if isinstance(transaction, Transaction):
            if event.delivery is not transaction._declare or event.delivery.remote_state != DispositionType.DECLARED:
                self._transactions.pop(transaction, None)
                self.sender.connection._holds.pop(transaction, None)
            transaction.handle_outcome(event)

    def on_link_local_close(self, event: Event) -> None:
        # By the application, unless it has been lost already.  What waits to be sent first can't be asked for any more.
        for transaction in list(self._held):
            del self._held[transaction], self._transactions[transaction]
            transaction.lost(None, tell=True)
        self.left()
        event.dispatch(self._application)

    def on_link_local_detach(self, event: Event) -> None:
        self.on_link_local_close(event)

    def on_link_remote_close(self, event: Event) -> None:
        self._left(event, Link.close)

    def on_link_remote_detach(self, event: Event) -> None:
        self._left(event, Link.detach)

    def _left(self, event: Event, answer: Callable[[Link], None]) -> None:
        """The peer has closed or detached the link; do likewise."""
        link = event.link
        # First the transactions, for the handler of the link may well close the connection.
        self.lost(link.remote_condition, tell=True, final=True)
        event.dispatch(self._application)
        if link.state & Endpoint.LOCAL_ACTIVE:
            answer(link)
        link.free()


class _Known:
    """What is kept of one connection."""

    __slots__ = ("coordinators", "leaving", "condition")

    def __init__(self) -> None:
        self.coordinators: List[Coordinator] = []
        #: Whether the application closed the connection: of transactions that it left open it wants to hear no more.
        self.leaving = False
        #: Why the last transport ended.
        self.condition: Optional[Condition] = None


class Coordinators:
    """The coordinators of a container's connections: one for each session that has transactions.

    The container tells it what becomes of connections and sessions.

    :param hooks: what the container calls at events, after the handlers.
    :param after: has something called in so many seconds.
    """

    def __init__(
        self, hooks: Dict[EventType, Callable[[Any], None]], after: Callable[[float, Callable[[], None]], Any]
    ) -> None:
        self._known: Dict[Connection, _Known] = {}
        self._hooks = hooks
        self._after = after
        hooks[Event.SESSION_LOCAL_CLOSE] = self._session_closed
        hooks[Event.SESSION_REMOTE_CLOSE] = self._session_ended

    def __len__(self) -> int:
        """How many connections have any."""
        return len(self._known)

    def declare(self, session: Session, handler: Any, settle_before_discharge: bool) -> Transaction:
        """Declare a transaction on a session."""
        known = self._known.setdefault(session.connection, _Known())
        for coordinator in known.coordinators:
            if coordinator.sender.session is session and coordinator.usable:
                break
        else:
            # The name of one that is closing is free when the peer has closed it, too.
            known.coordinators = [each for each in known.coordinators if each.usable or each.closing]
            coordinator = Coordinator(session, self._name(), handler, self._hold)
            known.coordinators.append(coordinator)
        return coordinator.begin(handler, settle_before_discharge)

    def _name(self) -> str:
        """A name for a link, other than those in use on any of the connections."""
        taken = {each.sender.name for known in self._known.values() for each in known.coordinators}
        name = "txn-ctrl"
        number = 1
        while name in taken:
            number += 1
            name = f"txn-ctrl-{number}"
        return name

    def give_up(self, connection: Connection) -> None:
        """Roll back what transactions a connection has: the peer does when their link closes (part 4, 4.3)."""
        known = self._known.get(connection)
        for coordinator in known.coordinators if known is not None else ():
            if coordinator.busy and coordinator.usable:
                coordinator.sender.close()
                coordinator.lost(None, tell=False, final=True)

    def connection_closed(self, connection: Connection) -> None:
        """The application closed its end of a connection."""
        known = self._known.get(connection)
        if known is None or connection.state & Endpoint.REMOTE_CLOSED:
            return
        transport = connection.transport
        # After an error of the transport it is a handler that wants no further attempt.
        if transport is None or not transport.condition:
            known.leaving = True
        self._hold_end(connection, known.coordinators)

    def transport_over(self, transport: Transport) -> None:
        """A connection has lost its transport; it may get another one."""
        connection = transport.connection
        known = self._known.get(connection) if connection is not None else None
        if connection is not None and known is not None:
            known.condition = transport.condition or connection.remote_condition
            for coordinator in known.coordinators:
                coordinator.lost(known.condition, not known.leaving, final=False)

    def forget(self, connection: Connection) -> None:
        """A connection is over."""
        known = self._known.pop(connection, None)
        if known is not None:
            for coordinator in known.coordinators:
                coordinator.lost(known.condition, not known.leaving, final=True)

    def _on_session(self, session: Session) -> List[Coordinator]:
        known = self._known.get(session.connection)
        return [each for each in known.coordinators if each.sender.session is session] if known is not None else []

    def _session_closed(self, event: Any) -> None:
        coordinators = self._on_session(event.session)
        for coordinator in coordinators:
            coordinator.left()
        self._hold_end(event.session.connection, coordinators)

    def _hold_end(self, connection: Connection, coordinators: List[Coordinator]) -> None:
        """A program may well commit and close: the peer is to answer the one before it hears of the other."""
        committing = [each for coordinator in coordinators for each in coordinator.committing]
        if committing:
            connection._holds.update(dict.fromkeys(committing))
            self._after(PATIENCE, lambda: self._release(connection, committing))

    @staticmethod
    def _release(connection: Connection, committing: List[Transaction]) -> None:
        for transaction in committing:
            connection._holds.pop(transaction, None)
        connection._touch(connection)

    def _session_ended(self, event: Any) -> None:
        session = event.session
        for coordinator in self._on_session(session):
            coordinator.lost(session.remote_condition, tell=True, final=True)
        if Event.LINK_FLOW in self._hooks:
            self._go_on(event)

    # A discharge that waits for messages to be sent is looked at again at all that may have sent them, or kept them
    # from it.  There is no other need to look at these events, many as they are.

    def _hold(self) -> None:
        for etype in _MOVES:
            self._hooks[etype] = self._go_on

    def _go_on(self, event: Any) -> None:
        held = [each.go_on() for known in list(self._known.values()) for each in known.coordinators]
        if not any(held):
            for etype in _MOVES:
                self._hooks.pop(etype, None)
