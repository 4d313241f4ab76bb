"""Local transactions, as seen by the client (AMQP 1.0 part 4)."""

from __future__ import annotations

import logging
from typing import Any, Dict, List, Optional, Union

from ..codec import Described, symbol, ulong
from ..engine import Delivery, Endpoint, Event, Sender
from ..errors import LinkException, ProtonException
from ..handlers import OutgoingMessageHandler
from ..message import Message

__all__ = ["Coordinator", "Transaction", "TransactionError"]

logger = logging.getLogger("syncproton.reactor")

_DECLARE = symbol("amqp:declare:list")
_DISCHARGE = symbol("amqp:discharge:list")
#: The delivery state of what is done under a transaction (section 4.5.8).
_TRANSACTIONAL = 0x34


class TransactionError(ProtonException):
    """A transaction cannot do what was asked of it: it is not yet, or no longer, open."""


class Transaction:
    """A local transaction.  Applications get theirs from :meth:`Container.declare_transaction`, and can use it once
    ``on_transaction_declared`` is called with it as ``event.transaction``.

    :param txn_ctrl: the sender to the peer's coordinator.
    :param handler: has the callbacks of :class:`~syncproton.handlers.TransactionHandler`.
    :param settle_before_discharge: whether :meth:`accept` settles at once, rather than after the transaction.

    :ivar id: the peer's name for the transaction, ``None`` until it is declared.
    :ivar failed: whether it is to be, or was, rolled back.
    """

    def __init__(self, txn_ctrl: Sender, handler: Any, settle_before_discharge: bool = False) -> None:
        self.txn_ctrl = txn_ctrl
        self.handler = handler
        self.settle_before_discharge = settle_before_discharge
        self.id: Optional[bytes] = None
        self.failed = False
        self.internal = False
        self._finished = False
        self._declare: Optional[Delivery] = None
        self._discharge: Optional[Delivery] = None
        self._pending: List[Delivery] = []
        self.declare()

    def commit(self) -> None:
        """End the transaction; what was done under it takes effect.

        :raises TransactionError: if it is not open.
        """
        self.discharge(False)

    def abort(self) -> None:
        """End the transaction; what was done under it is undone.

        :raises TransactionError: if it is not open.
        """
        self.discharge(True)

    def declare(self) -> None:
        """Ask the peer to begin the transaction.  Done by the constructor."""
        self._declare = self._control(_DECLARE, [None])

    def discharge(self, failed: bool) -> None:
        """Ask the peer to end the transaction.

        :param failed: whether to undo, rather than do, what was done under it.
        :raises TransactionError: if it is not open.
        """
        self._check_open()
        self.failed = failed
        self._discharge = self._control(_DISCHARGE, [self.id, failed])

    def send(self, sender: Sender, msg: Message, tag: Union[str, bytes, None] = None) -> Delivery:
        """Send a message under this transaction: it comes into being when that commits.

        :param sender: the link to send on.
        :param msg: the message.
        :param tag: the delivery tag; made up if not given.
        :returns: the delivery of the message.
        :raises TransactionError: if the transaction is not open, or the sender is of another connection.
        """
        self._check_open()
        self._check_connection(sender.connection)
        delivery: Delivery = sender.send(msg, tag=tag)
        delivery.local.data = [self.id]
        delivery.update(_TRANSACTIONAL)
        return delivery

    def accept(self, delivery: Delivery) -> None:
        """Accept a received message under this transaction: it is gone from its source when that commits.

        :param delivery: the delivery of the message.
        :raises TransactionError: if the transaction is not open, or the delivery is of another connection.
        """
        self.update(delivery, Delivery.ACCEPTED)
        if self.settle_before_discharge:
            delivery.settle()
        else:
            self._pending.append(delivery)

    def update(self, delivery: Delivery, state: Optional[int] = None) -> None:
        """Give a received message an outcome under this transaction.

        :param delivery: the delivery of the message.
        :param state: the outcome, one of the constants of :class:`~syncproton.Delivery`.
        :raises TransactionError: if the transaction is not open, or the delivery is of another connection.
        """
        self._check_open()
        self._check_connection(delivery.connection)
        if state:
            delivery.local.data = [self.id, Described(ulong(int(state)), [])]
            delivery.update(_TRANSACTIONAL)

    def handle_outcome(self, event: Any) -> None:
        """The peer answered a declare or a discharge: tell the handler.

        :param event: the event of the delivery; its ``transaction`` is this one.
        """
        delivery: Delivery = event.delivery
        if delivery is self._declare:
            data = delivery.remote.data
            if data:
                self.id = data[0]
                self.handler.on_transaction_declared(event)
            else:
                if delivery.remote_state != Delivery.REJECTED:
                    logger.warning("unexpected answer to the declare of a transaction: %r", delivery.remote_state)
                self._finished = True
                self.handler.on_transaction_declare_failed(event)
        elif delivery is self._discharge:
            self._discharged(event, delivery.remote_state == Delivery.REJECTED)

    def lost(self, event: Any) -> None:
        """The link to the coordinator is gone, and with it what was not committed."""
        if self._finished:
            return
        self._finished = True
        if self.id is None:
            self.handler.on_transaction_declare_failed(event)
        elif self._discharge is not None and not self.failed:
            self.handler.on_transaction_commit_failed(event)
        else:
            self.handler.on_transaction_aborted(event)
        self._pending.clear()

    def _discharged(self, event: Any, rejected: bool) -> None:
        self._finished = True
        # First what was accepted, and then the callback, which may well close the connection.
        pending, self._pending = self._pending, []
        for delivery in pending:
            if self.failed or rejected:
                delivery.update(Delivery.RELEASED)
            delivery.settle()
        if self.failed:
            self.handler.on_transaction_aborted(event)
        elif rejected:
            self.handler.on_transaction_commit_failed(event)
        else:
            self.handler.on_transaction_committed(event)

    def _control(self, descriptor: symbol, fields: List[Any]) -> Delivery:
        delivery: Delivery = self.txn_ctrl.send(Message(body=Described(descriptor, fields)))
        delivery.transaction = self  # type: ignore[attr-defined]
        return delivery

    def _check_open(self) -> None:
        if self._finished or self._discharge is not None:
            raise TransactionError("the transaction is over")
        if self.id is None:
            raise TransactionError("the transaction has not been declared yet")

    def _check_connection(self, connection: Any) -> None:
        if connection is not self.txn_ctrl.connection:
            raise TransactionError("the transaction is of another connection")


class Coordinator(OutgoingMessageHandler):
    """The handler of the link to a connection's coordinator: brings the answers to their transactions."""

    def __init__(self) -> None:
        super().__init__(auto_settle=True)
        self._open: Dict[Transaction, None] = {}
        #: The sender to the peer's coordinator.
        self.sender: Optional[Sender] = None

    @property
    def usable(self) -> bool:
        """Whether new transactions can go over the link."""
        closed = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED
        sender = self.sender
        return sender is not None and not (sender.state | sender.session.state) & closed

    def begin(self, handler: Any, settle_before_discharge: bool) -> Transaction:
        """Declare a transaction."""
        if self.sender is None:
            raise LinkException("there is no link to a coordinator")
        transaction = Transaction(self.sender, handler, settle_before_discharge)
        self._open[transaction] = None
        return transaction

    def on_settled(self, event: Event) -> None:
        transaction = getattr(event.delivery, "transaction", None)
        if transaction is not None:
            event.transaction = transaction
            transaction.handle_outcome(event)
            if transaction._finished:
                self._open.pop(transaction, None)

    def on_link_remote_close(self, event: Event) -> None:
        self.lost(event)
        event.link.close()

    def on_link_remote_detach(self, event: Event) -> None:
        self.on_link_remote_close(event)

    def lost(self, event: Any) -> None:
        """The link is gone: so are the transactions on it."""
        lost, self._open = self._open, {}
        for transaction in lost:
            event.transaction = transaction
            transaction.lost(event)
