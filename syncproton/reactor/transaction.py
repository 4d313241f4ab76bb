"""Local transactions, as seen by the client (AMQP 1.0 part 4)."""

from __future__ import annotations

import logging
from collections import deque
from enum import Enum
from typing import Any, Callable, Deque, List, Optional, Union

from ..codec import Described, symbol, ulong
from ..engine import Condition, Delivery, DispositionType, Endpoint, Event, Sender
from ..errors import TransactionError
from ..message import Message

__all__ = ["Transaction", "TransactionError"]

logger = logging.getLogger("syncproton.reactor")

_DECLARE = symbol("amqp:declare:list")
_DISCHARGE = symbol("amqp:discharge:list")

#: The condition of a commit that was not asked for, because a message under it could not be sent.
ROLLBACK = "amqp:transaction:rollback"


class _State(Enum):
    """What a transaction waits for.

    The way is DECLARING, OPEN, (HELD,) DISCHARGING, OVER.  A refused declare, or the loss of the coordinator's link,
    leads to OVER from anywhere.
    """

    #: The answer to the declare.
    DECLARING = "has not been declared yet"
    #: The application: only now can it be worked with.
    OPEN = "is open"
    #: The last of what was sent under it to be on the wire, so that the discharge can follow.
    HELD = "is being ended"
    #: The answer to the discharge.
    DISCHARGING = "is being ended already"
    #: Nothing any more.
    OVER = "is over"


class Transaction:
    """A local transaction.  Applications get theirs from :meth:`Container.declare_transaction`, and can use it once
    ``on_transaction_declared`` is called with it as ``event.transaction``.

    Like all that belongs to a connection it is used on the container's I/O thread.

    :param txn_ctrl: the sender to the peer's coordinator.
    :param handler: has the callbacks of :class:`~syncproton.handlers.TransactionHandler`.
    :param settle_before_discharge: whether :meth:`accept` settles at once, rather than after the transaction.
    :raises TypeError: if ``txn_ctrl`` is no sender, or the handler has no ``on_transaction_declared()``.

    :ivar txn_ctrl: the sender to the peer's coordinator.
    :ivar handler: what has the callbacks.
    :ivar settle_before_discharge: as given.
    :ivar id: the peer's name for the transaction, ``None`` until it is declared.
    :ivar failed: whether it is to be, or was, rolled back by us.
    :ivar condition: why it could not be declared or committed, or was lost; ``None`` unless somebody said.
    :ivar in_doubt: whether a commit was asked for, and the coordinator's link was lost before the peer answered, or the
        answer did not say: only the peer knows what became of it.
    """

    def __init__(self, txn_ctrl: Sender, handler: Any, settle_before_discharge: bool = False) -> None:
        if not isinstance(txn_ctrl, Sender):
            raise TypeError(f"txn_ctrl is the sender to a coordinator, not {txn_ctrl!r}")
        check_handler(handler)
        self.txn_ctrl = txn_ctrl
        self.handler = handler
        self.settle_before_discharge = bool(settle_before_discharge)
        self.id: Optional[bytes] = None
        self.failed = False
        self.condition: Optional[Condition] = None
        self.in_doubt = False
        self._state = _State.DECLARING
        self._declare: Optional[Delivery] = None
        self._discharge: Optional[Delivery] = None
        # What was accepted under it, and is to be settled when it ends.
        self._pending: List[Delivery] = []
        # What was sent under it, as far as it may not be on the wire yet.
        self._unsent: Deque[Delivery] = deque()
        # Called when the discharge has to wait for what was sent.
        self._when_held: Callable[[], None] = lambda: None
        self.declare()

    # --- for the application

    def commit(self) -> None:
        """End the transaction; what was done under it takes effect.

        If some of what was sent still waits for credit, the peer is asked once that has gone out.

        :raises TransactionError: if the transaction is not open.
        """
        self.discharge(False)

    def abort(self) -> None:
        """End the transaction; what was done under it is undone.

        :raises TransactionError: if the transaction is not open.
        """
        self.discharge(True)

    def send(self, sender: Sender, msg: Message, tag: Union[str, bytes, None] = None) -> Delivery:
        """Send a message under this transaction: it comes into being when that commits.

        :param sender: the link to send on.
        :param msg: the message.
        :param tag: the delivery tag; made up if not given.
        :returns: the delivery of the message; its ``transaction`` is this one.
        :raises TransactionError: if the transaction is not open, or the sender is of another connection, or closed.
        :raises TypeError: if these are no sender, no message, no tag.
        :raises MessageException: if the message cannot be encoded; nothing is sent then.
        """
        if not isinstance(sender, Sender):
            raise TypeError(f"a transaction sends on a Sender, not on {sender!r}")
        if not isinstance(msg, Message):
            raise TypeError(f"a transaction sends a Message, not {msg!r}")
        if tag is not None and not isinstance(tag, (str, bytes)):
            raise TypeError(f"a delivery tag is a str or bytes, not {tag!r}")
        self.check_open()
        self._check_link(sender, "sender")
        delivery: Delivery = sender.send(msg, tag=tag)
        self.enlist(delivery)
        return delivery

    def enlist(self, delivery: Delivery) -> None:
        """Take in a message that was handed over to a sender just now: it is sent under this transaction.

        :param delivery: the delivery of the message.
        :raises TransactionError: if the transaction is not open.
        """
        self.check_open()
        delivery.transaction = self  # type: ignore[attr-defined]
        delivery.local.data = [self.id]
        delivery.update(DispositionType.TRANSACTIONAL_STATE)
        self._unsent.append(delivery)
        while self._unsent[0]._sent:
            self._unsent.popleft()

    def accept(self, delivery: Delivery) -> None:
        """Accept a received message under this transaction: it is gone from its source when that commits.

        :param delivery: the delivery of the message; its ``transaction`` is this one from now on.
        :raises TransactionError: if the transaction is not open; if the delivery is of another connection, has been
            accepted or settled already, or came before its link was closed or lost.
        :raises TypeError: if it is no delivery, or none that was received.
        """
        self.update(delivery, Delivery.ACCEPTED)
        if self.settle_before_discharge:
            delivery.settle()
        else:
            self._pending.append(delivery)

    def update(self, delivery: Delivery, state: Optional[int] = None) -> None:
        """Give a received message an outcome under this transaction, without settling it.

        :param delivery: the delivery of the message.
        :param state: the outcome, one of the constants of :class:`~syncproton.Delivery`; with ``None`` nothing happens.
        :raises TransactionError: as :meth:`accept` does.
        :raises TypeError: as :meth:`accept` does.
        """
        if not isinstance(delivery, Delivery) or not delivery.link.is_receiver:
            raise TypeError(f"a transaction accepts the delivery of a received message, not {delivery!r}")
        if state is not None and not isinstance(state, int):
            raise TypeError(f"an outcome is one of the constants of Delivery, not {state!r}")
        self.check_open()
        self._check_link(delivery.link, "delivery's receiver")
        if delivery._settled or delivery.settled:
            raise TransactionError("the delivery is settled already")
        if delivery.local_state == DispositionType.TRANSACTIONAL_STATE:
            raise TransactionError("the delivery has an outcome under a transaction already")
        if delivery._id < 0:
            raise TransactionError("the delivery was lost with the connection it came over")
        if state:
            delivery.transaction = self  # type: ignore[attr-defined]
            delivery.local.data = [self.id, Described(ulong(int(state)), [])]
            delivery.update(DispositionType.TRANSACTIONAL_STATE)

    # --- control

    def declare(self) -> None:
        """Ask the peer to begin the transaction.  Done by the constructor.

        :raises TransactionError: if that has been done.
        """
        if self._declare is not None:
            raise TransactionError("the transaction has been declared already")
        self._declare = self._control(_DECLARE, [None])

    def discharge(self, failed: bool) -> None:
        """Ask the peer to end the transaction.

        :param failed: whether to undo, rather than do, what was done under it.
        :raises TransactionError: if the transaction is not open.
        """
        self.check_open()
        self.failed = bool(failed)
        if failed:
            for delivery in self._unsent:
                delivery._withdraw()
        self._state = _State.HELD
        self.go_on()
        if self._state is _State.HELD:
            self._when_held()

    def go_on(self) -> bool:
        """Ask for the discharge that was held back, if nothing stands in its way any more.

        :returns: whether it still is held back.
        """
        if self._state is not _State.HELD:
            return False
        self._unsent = deque(each for each in self._unsent if not each._sent)
        stuck = [each for each in self._unsent if _has_left(each.link)]
        if stuck and not self.failed:
            # Without these the transaction would be half of what the application wants: none of it is to happen.
            name = stuck[0].link.name
            self.condition = Condition(ROLLBACK, f"a message could not be sent, for link {name!r} is closed")
        if self._unsent and not stuck:
            return True
        for each in self._unsent:
            each._withdraw()
        self._unsent.clear()
        self._state = _State.DISCHARGING
        self._discharge = self._control(_DISCHARGE, [self.id, self.failed or self.condition is not None])
        return False

    def handle_outcome(self, event: Any) -> None:
        """The peer answered a declare or a discharge: tell the handler.

        :param event: the event of the delivery; its ``transaction`` is this one.
        """
        delivery: Delivery = event.delivery
        if delivery is self._declare and self._state is _State.DECLARING:
            self._declared(event, delivery)
        elif delivery is self._discharge and self._state is _State.DISCHARGING:
            self._discharged(event, delivery)

    def lost(self, condition: Optional[Condition], tell: bool) -> None:
        """The link to the coordinator is gone, and with it what was not committed.

        :param condition: why.
        :param tell: whether to call the handler.
        """
        if self._state is _State.OVER:
            return
        state, self._state = self._state, _State.OVER
        for delivery in self._unsent:
            delivery._withdraw()
        self._unsent.clear()
        self._let_go(Delivery.RELEASED)
        control = self._discharge if state is _State.DISCHARGING else self._declare
        assert control is not None
        if not control.settled:
            # What handlers look at to learn why.
            control.remote.condition = condition
        if self.condition is None:
            self.condition = condition
        self.in_doubt = state is _State.DISCHARGING and not self.failed and (control._id >= 0 or control._sent)
        event = Event(Event.DELIVERY, control)
        control._withdraw()
        if not tell:
            return
        if state is _State.DECLARING:
            self._tell("on_transaction_declare_failed", event)
        elif state is _State.OPEN or self.failed:
            self._tell("on_transaction_aborted", event)
        else:
            self._tell("on_transaction_commit_failed", event)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self._state is _State.OVER

    @property
    def ending(self) -> bool:
        """Whether it is being committed or aborted."""
        return self._state in (_State.HELD, _State.DISCHARGING)

    @property
    def committing(self) -> bool:
        """Whether the peer is being asked to commit."""
        return self.ending and not self.failed

    @property
    def lacks_credit(self) -> bool:
        """Whether some of what was sent under it has to wait for credit."""
        return any(not each._sent and each.link.credit < 0 for each in self._unsent)

    @property
    def unsent(self) -> bool:
        """Whether it is to be declared, and the peer has not been asked yet."""
        declare = self._declare
        return self._state is _State.DECLARING and declare is not None and declare._id < 0 and not declare._sent

    def _declared(self, event: Any, delivery: Delivery) -> None:
        data = delivery.remote.data
        if delivery.remote_state == DispositionType.DECLARED and data and isinstance(data[0], bytes):
            self.id = data[0]
            if self._left:
                self._state = _State.OVER  # Nothing could be done with it any more.
                return
            self._state = _State.OPEN
            self._tell("on_transaction_declared", event)
            return
        if delivery.remote_state != Delivery.REJECTED:
            logger.warning("unexpected answer to the declare of a transaction: %r", delivery.remote_state)
        self._state = _State.OVER
        self.condition = delivery.remote.condition
        self._tell("on_transaction_declare_failed", event)

    def _discharged(self, event: Any, delivery: Delivery) -> None:
        self._state = _State.OVER
        accepted = delivery.remote_state == Delivery.ACCEPTED
        # So it is if the peer only settles, as Artemis does when it has read a close right after the commit.
        self.in_doubt = not self.failed and not delivery.remote_state
        if not accepted and delivery.remote_state != Delivery.REJECTED:
            logger.warning("unexpected answer to the discharge of a transaction: %r", delivery.remote_state)
        committed = accepted and not self.failed and self.condition is None
        if not accepted:
            self.condition = delivery.remote.condition
        # First what was accepted, and then the callback, which may well close the connection.
        self._let_go(Delivery.ACCEPTED if committed else Delivery.RELEASED)
        if committed:
            self._tell("on_transaction_committed", event)
        elif self.failed:
            self._tell("on_transaction_aborted", event)
        else:
            if accepted:
                delivery.remote.condition = self.condition
            self._tell("on_transaction_commit_failed", event)

    def _let_go(self, state: int) -> None:
        """Settle what was accepted, where the peer has not done so."""
        pending, self._pending = self._pending, []
        for delivery in pending:
            if not delivery.settled:
                delivery.update(state)
            delivery.settle()

    def _tell(self, name: str, event: Any) -> None:
        event.transaction = self
        method = getattr(self.handler, name, None)
        if method is not None:
            method(event)
        elif name.endswith("failed"):
            logger.warning("%r failed, and its handler has no %s(): %s", self, name, self.condition)

    def _control(self, descriptor: symbol, fields: List[Any]) -> Delivery:
        delivery: Delivery = self.txn_ctrl.send(Message(body=Described(descriptor, fields)))
        delivery.transaction = self  # type: ignore[attr-defined]
        return delivery

    # --- checks

    def check_open(self) -> None:
        """Check that it can be worked with.

        :raises TransactionError: if not.
        """
        connection = self.txn_ctrl.connection
        connection._check()
        if self._state is not _State.OPEN:
            raise TransactionError(f"the transaction {self._state.value}")
        if self._left:
            raise TransactionError("the transaction is over: what it was declared on has been closed")

    @property
    def _left(self) -> bool:
        """Whether the application has closed what the transaction was declared on."""
        link = self.txn_ctrl
        return bool((link.connection.state | link.session.state | link.state) & Endpoint.LOCAL_CLOSED)

    def _check_link(self, link: Any, what: str) -> None:
        if link.connection is not self.txn_ctrl.connection:
            raise TransactionError(f"the {what} is of another connection than the transaction")
        closed = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED
        if (link.state | link.session.state) & closed or link._freed:
            raise TransactionError(f"the {what} is closed")

    def __repr__(self) -> str:
        return f"<Transaction {self.id!r}: {self._state.value}>"


def check_handler(handler: Any) -> None:
    """Check what is to have the callbacks of a transaction.

    :raises TypeError: if it cannot even be told that the transaction is declared.
    """
    if not callable(getattr(handler, "on_transaction_declared", None)):
        raise TypeError(f"the handler of a transaction has a method on_transaction_declared(), unlike {handler!r}")


def _has_left(link: Any) -> bool:
    """Whether what was given to a sender, and has not been sent, never will be."""
    return bool((link.state | link.session.state) & Endpoint.REMOTE_CLOSED) or link._local_handle == -2
