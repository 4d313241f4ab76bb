"""Blocking local transactions."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Optional, Set

from ..engine import Delivery
from ..errors import Timeout, TransactionError
from ..message import Message
from ..reactor import Transaction as Declared
from ..reactor.futures import new_future
from .deadline import Deadline
from .receiver import ReceivedMessage
from .sender import ERRORS, Sender
from .sender_driver import SenderDriver
from .waiting import fail, fresh, resolve, wait

if TYPE_CHECKING:
    from .connection import Connection
    from .connection_driver import ConnectionDriver

__all__ = ["Transaction", "TransactionDriver"]

IN_DOUBT = "it is in doubt whether the transaction was committed"


class Transaction:
    """A local transaction.  Made by :meth:`Connection.declare_transaction`; usable from any thread.

    What is sent and accepted under it takes effect when it is committed, all of it or nothing.  If it is neither
    committed nor aborted, it is rolled back when its connection ends.
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
        if not isinstance(sender, Sender):
            raise TypeError(f"a transaction sends on a Sender, not on {sender!r}")
        if sender.connection is not self._connection:
            raise TransactionError("the sender is of another connection than the transaction")
        driver = self._driver
        deadline = Deadline(timeout, self._connection.timeout)
        driver.connection.guard()
        if not isinstance(message, Message):
            message = Message(body=message)
        data = message.encode()
        future: "Future[Delivery]" = driver.connection.begin(driver.send, sender._driver, data)

        def timed_out(taken_back: bool) -> BaseException:
            said = "it was not sent" if taken_back else "it was sent; abort the transaction if that must not be"
            return Timeout(f"Connection {self._connection.url} timed out: Sending on sender {sender.name}: {said}")

        return wait(future, deadline, timed_out)

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

    def _end(self, failed: bool, timeout: Optional[float]) -> None:
        driver = self._driver
        deadline = Deadline(timeout, self._connection.timeout)
        driver.connection.guard()
        what = "Aborting a transaction" if failed else "Committing a transaction: whether it was is in doubt"
        self._connection._wait(driver.connection.begin(driver.discharge, failed), deadline, what)

    def __repr__(self) -> str:
        return f"<Transaction {self.id!r} on {self._connection.url}{', over' if self.over else ''}>"


class TransactionDriver:
    """The I/O thread's half of a blocking transaction: the handler of its callbacks.

    :ivar declared: the transaction of the container, once it was asked for.
    """

    declared: Declared

    def __init__(self, connection: "ConnectionDriver", settle_before_discharge: bool) -> None:
        self.connection = connection
        self._settle_before_discharge = settle_before_discharge
        self._declaring: "Future[None]"
        self._discharging: Optional["Future[None]"] = None
        self._sends: Set["Future[Any]"] = set()
        # Fails when the connection ends.
        self._watch: "Future[None]" = new_future()

    def declare(self, future: "Future[None]") -> None:
        """Begin; completes when the peer has."""
        self._declaring = future
        self._watch.add_done_callback(self._connection_over)
        if self.connection.waiters.add(self._watch):
            self.declared = self.connection.container.declare_transaction(
                self.connection.session(), self, self._settle_before_discharge
            )

    def send(self, future: "Future[Delivery]", sender: SenderDriver, data: bytes) -> None:
        """Send a message under the transaction, as :meth:`SenderDriver.send` does."""
        self.declared.check_open()
        self._sends.add(future)
        future.add_done_callback(self._sends.discard)
        sender.send(future, data, ERRORS, self.declared)

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
        self.declared.discharge(failed)
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
