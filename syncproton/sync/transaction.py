"""Blocking local transactions."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Set, Type

from ..engine import Delivery
from ..errors import ProtonException, Timeout, TransactionError
from ..reactor import Transaction as Declared
from ..reactor.futures import new_future
from .deadline import Deadline
from .receiver import ReceivedMessage
from .sender import Sender, _encoded
from .sender_driver import SenderDriver
from .sending import ERRORS, FutureSending
from .waiting import fail, fresh, resolve, start, wait

if TYPE_CHECKING:
    from .connection import Connection
    from .connection_driver import ConnectionDriver

__all__ = ["Transaction", "TransactionDriver"]

logger = logging.getLogger("syncproton.sync")

ABORTING = "Aborting a transaction"
COMMITTING = "Committing a transaction: whether it was is in doubt"
IN_DOUBT = "it is in doubt whether the transaction was committed"


class Transaction:
    """A local transaction.  Made by :meth:`Connection.declare_transaction`; usable from any thread.

    What is sent and accepted under it takes effect when it is committed, all of it or nothing.  If it is neither
    committed nor aborted, it is rolled back when its connection ends.

    As a context manager it commits at the end of the block, and aborts if that raises::

        with connection.transaction() as txn:
            txn.accept(message)
            txn.send(sender, "answer")

    What the block was left with is raised; a commit that fails raises :class:`~syncproton.TransactionError`.
    """

    def __init__(self, connection: "Connection", driver: "TransactionDriver") -> None:
        self._connection = connection
        self._driver = driver

    @property
    def connection(self) -> "Connection":
        """The connection the transaction is on."""
        return self._connection

    @property
    def id(self) -> Optional[bytes]:
        """The peer's name for the transaction."""
        return self._driver.declared.id

    @property
    def over(self) -> bool:
        """Whether it was committed, aborted, or lost."""
        return self._driver.declared.over

    def send(self, sender: Sender, message: Any, timeout: Optional[float] = False) -> Delivery:
        """Send a message under this transaction, and wait until the peer has taken it on.

        :param sender: a sender of the same connection.
        :param message: a :class:`~syncproton.Message`, or what is to be the body of one.
        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :returns: the delivery.
        :raises TransactionError: if the transaction is not open, is lost meanwhile, or the sender is of another
            connection.
        :raises SendException: if the peer will not have the message; and as :meth:`Sender.send` raises otherwise.
        :raises Timeout: if time ran out.
        """
        deadline = Deadline(timeout, self._connection.timeout)
        self._driver.connection.guard()
        return wait(self._send(sender, message), deadline, partial(_send_timed_out, self._driver, sender.name))

    def submit_send(self, sender: Sender, message: Any, timeout: Optional[float] = False) -> "Future[Delivery]":
        """What :meth:`send` does, as a future, which fails as that raises.

        It can be cancelled as long as the message waits for credit.  :meth:`commit` waits for messages under way.
        """
        deadline = Deadline(timeout, self._connection.timeout)
        self._driver.connection.check_process()
        future = self._send(sender, message)
        self._driver.connection.expiry.add(future, deadline, partial(_send_timed_out, self._driver, sender.name))
        return future

    def _send(self, sender: Sender, message: Any) -> "Future[Delivery]":
        if not isinstance(sender, Sender):
            raise TypeError(f"a transaction sends on a Sender, not on {sender!r}")
        if sender.connection is not self._connection:
            raise TransactionError("the sender is of another connection than the transaction")
        return self._driver.send(sender._driver, _encoded(message))

    def accept(self, message: ReceivedMessage) -> None:
        """Accept a message under this transaction: it is gone from its source when that is committed.

        This does not wait for the peer.

        :param message: one that came over a receiver of the same connection.
        :raises TransactionError: if the transaction is not open, the message has been accepted or settled already, or
            came over another connection.
        :raises ProtonException: if the message's link has ended since, or its connection was lost.
        """
        if not isinstance(message, ReceivedMessage):
            raise TypeError(f"a transaction accepts a message that was received, not {message!r}")
        if message._receiver.connection is not self._connection:
            raise TransactionError("the message came over another connection than the transaction's")
        self._driver.connection.guard()
        self._driver.connection.call(self._driver.accept, message)

    def commit(self, timeout: Optional[float] = False) -> None:
        """End the transaction: what was done under it takes effect.

        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :raises TransactionError: if the peer rolled it back instead; or, with ``in_doubt`` set, if the connection was
            lost before the peer answered; or if the transaction is not open.
        :raises Timeout: if the peer did not answer in time; it may yet commit.
        """
        self._end(False, timeout)

    def abort(self, timeout: Optional[float] = False) -> None:
        """End the transaction: what was done under it is undone.

        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :raises TransactionError: if the transaction is not open.
        :raises Timeout: if the peer did not answer in time; the transaction will not be committed.
        """
        self._end(True, timeout)

    def submit_commit(self, timeout: Optional[float] = False) -> "Future[None]":
        """What :meth:`commit` does, as a future, which fails as that raises.

        It cannot be cancelled once the peer was asked.
        """
        return self._connection._submit(self._driver.discharge, timeout, COMMITTING, False)

    def submit_abort(self, timeout: Optional[float] = False) -> "Future[None]":
        """What :meth:`abort` does, as a future, which fails as that raises."""
        return self._connection._submit(self._driver.discharge, timeout, ABORTING, True)

    def _end(self, failed: bool, timeout: Optional[float]) -> None:
        driver = self._driver
        deadline = Deadline(timeout, self._connection.timeout)
        driver.connection.guard()
        future = driver.connection.begin(driver.discharge, failed)
        self._connection._wait(future, deadline, ABORTING if failed else COMMITTING)

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        if self._driver.ending:
            return  # by commit() or abort() in the block
        if value is None:
            self.commit()
            return
        try:
            if isinstance(value, Exception):
                self.abort()
            else:
                self.submit_abort()  # Ctrl-C, say: there is no time to wait.
        except ProtonException as error:
            # It will not be committed, and the exception of the block matters more.  If it is over, all is well.
            level = logging.DEBUG if self.over else logging.WARNING
            logger.log(level, "%r could not be aborted: %s", self, error)

    def __repr__(self) -> str:
        return f"<Transaction {self.id!r} on {self._connection.url}{', over' if self.over else ''}>"


class TransactionDriver:
    """The I/O thread's half of a blocking transaction: the handler of its callbacks.

    :ivar declared: the transaction of the container, once it was asked for.
    :ivar ending: whether its end was asked for.
    """

    declared: Declared

    def __init__(self, connection: "ConnectionDriver", settle_before_discharge: bool) -> None:
        self.connection = connection
        self._settle_before_discharge = settle_before_discharge
        self._declaring: "Future[None]"
        self._discharging: Optional["Future[None]"] = None
        self.ending = False
        self._sends: Set["Future[Any]"] = set()
        # Fails when the connection ends.
        self._watch: "Future[None]" = new_future()

    def declare(self, future: "Future[None]") -> None:
        """Begin; completes when the peer has."""
        self._declaring = future
        self._watch.add_done_callback(self._connection_over)
        if not future.done() and self.connection.waiters.add(self._watch):
            self.declared = self.connection.container.declare_transaction(
                self.connection.session(), self, self._settle_before_discharge
            )

    def send(self, sender: SenderDriver, data: bytes) -> "Future[Delivery]":
        """Send a message under the transaction.  From any thread."""
        future: "Future[Delivery]" = new_future(self.connection.container)
        self._sends.add(future)
        future.add_done_callback(self._sends.discard)
        sender.offer(FutureSending(future, data, ERRORS, self.declared))
        return future

    def accept(self, message: ReceivedMessage) -> None:
        """Accept a message."""
        arrival = message._arrival
        ended = message._receiver._driver.ended
        if ended is not None:
            raise fresh(ended)
        self.declared.check_open()
        if arrival.settled:
            raise TransactionError("the message is settled already")
        self.declared.accept(arrival.delivery)
        arrival.settled = True

    def discharge(self, future: "Future[None]", failed: bool) -> None:
        """End; completes when the peer has answered."""
        if not start(future):
            return
        self.declared.discharge(failed)
        self.ending = True
        self._discharging = future

    # --- callbacks

    def on_transaction_declared(self, event: Any) -> None:
        if not resolve(self._declaring, None):
            self.declared.abort()  # Nobody waited so long.

    def on_transaction_declare_failed(self, event: Any) -> None:
        fail(self._declaring, self._over("the transaction could not be declared"))

    def on_transaction_committed(self, event: Any) -> None:
        self._over("the transaction was committed")
        self._done()

    def on_transaction_aborted(self, event: Any) -> None:
        self._over("the transaction was rolled back")
        self._done()

    def on_transaction_commit_failed(self, event: Any) -> None:
        doubt = self.declared.in_doubt
        error = self._over(IN_DOUBT if doubt else "the transaction was rolled back")
        error.in_doubt = doubt
        self._done(error)

    def _done(self, error: Optional[BaseException] = None) -> None:
        if self._discharging is not None:
            if error is None:
                resolve(self._discharging, None)
            else:
                fail(self._discharging, error)

    def _over(self, text: str) -> TransactionError:
        """There is no more to come; the error that says so."""
        self._watch.cancel()
        condition = self.declared.condition
        error = TransactionError(f"{text}: {condition}" if condition is not None else text)
        if condition is not None:
            error.condition, error.description = condition.name, condition.description
        for future in list(self._sends):
            fail(future, fresh(error))
        return error

    def _connection_over(self, watch: "Future[None]") -> None:
        if watch.cancelled():
            return
        cause = watch.exception()
        assert cause is not None
        fail(self._declaring, fresh(cause))
        if self._discharging is not None and self.declared.failed:
            resolve(self._discharging, None)
        elif self._discharging is not None:
            error = TransactionError(f"{IN_DOUBT}: {cause}")
            error.condition = getattr(cause, "condition", None)
            error.description = getattr(cause, "description", None)
            error.in_doubt = True
            error.__cause__ = cause
            fail(self._discharging, error)


def _send_timed_out(driver: TransactionDriver, name: str, taken_back: bool) -> Timeout:
    said = "it was not sent" if taken_back else "it was sent; abort the transaction if that must not be"
    return Timeout(f"Connection {driver.connection.url} timed out: Sending on sender {name}: {said}")
