"""Blocking connections, usable from any thread."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence, Tuple, Type, TypeVar, Union

from ..engine import Link
from ..errors import ProtonException, Timeout
from ..message import Message
from ..reactor import Container
from ..reactor.futures import new_future
from .connection_driver import ConnectionDriver
from .deadline import Deadline
from .link_driver import LinkDriver
from .receiver import Receiver
from .receiver_driver import ReceiverDriver, check_credit
from .requests import Requests
from .sender import Sender
from .sender_driver import SenderDriver
from .transaction import Transaction, TransactionDriver
from .waiting import chain, fail, resolve, wait

if TYPE_CHECKING:
    from ..reactor import LinkOption

__all__ = ["Connection", "DEFAULT_TIMEOUT", "GRACE", "abandon"]

T = TypeVar("T")

#: How long a blocking call waits unless told otherwise, in seconds.
DEFAULT_TIMEOUT = 30.0

#: How long a connection that nobody wants any more is waited for, in seconds.
GRACE = 1.0

DECLARING = "Declaring a transaction"


class Connection:
    """A connection whose calls block, each up to a deadline.  Made by :func:`connect`.

    Any number of threads may use it, and the senders and receivers made from it, at once.  All I/O happens on the
    container's own thread: heartbeats and credit go on while the application is busy.

    As a context manager it closes itself at the end.

    What may have to wait for the peer comes in two forms: ``x(..., timeout=)`` waits, and returns the result or raises;
    ``submit_x(..., timeout=)`` returns at once, with a :class:`concurrent.futures.Future` that has the same result, or
    the same exception, no later than the timeout.  :func:`asyncio.wrap_future` makes it awaitable.  Arguments that are
    wrong raise at once in both.  ``cancel()`` of a future succeeds as long as what it stands for can be taken back; a
    message that waits for credit, for one, is not sent then.

    Wherever a method takes a ``timeout``, that is in seconds; ``False`` stands for the connection's own
    :attr:`timeout`, ``None`` for no limit.
    """

    def __init__(self, driver: ConnectionDriver, timeout: Optional[float], path: Optional[str], owned: bool) -> None:
        self._driver = driver
        self._path = path
        self._owned = owned
        self._requests = Requests(driver)
        #: The default timeout of this connection's calls, in seconds; ``None`` for no limit.
        self.timeout = timeout
        # The driver knows nothing of this object, so that one that is forgotten is collected, and its socket closed.
        self._finalizer = weakref.finalize(self, abandon, driver, owned)
        self._finalizer.atexit = False

    @property
    def url(self) -> str:
        """Where the connection goes, without the password."""
        return self._driver.url

    @property
    def container(self) -> Container:
        """The container whose thread does the I/O."""
        return self._driver.container

    @property
    def closed(self) -> bool:
        """Whether the connection is over: closed from this side or the other, or lost for good."""
        return self._driver.ended is not None

    @property
    def is_open(self) -> bool:
        """Whether the connection is up just now, as far as is known: open at both ends.

        Without ``reconnect`` a connection that was open and is not any more is :attr:`closed`.
        """
        return self._driver.up

    def check(self, timeout: Optional[float] = False) -> None:
        """Find out whether the connection works, by having the peer begin a session and end it again.

        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :raises ConnectionException: if the connection has ended.
        :raises Timeout: if the peer does not answer in time.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        self._wait(self._driver.begin(self._driver.check), deadline, "Checking the connection")

    def create_sender(
        self,
        address: Optional[str] = None,
        *,
        name: Optional[str] = None,
        options: Union["LinkOption", Sequence["LinkOption"], None] = None,
        timeout: Optional[float] = False,
    ) -> Sender:
        """Make a sender.

        :param address: the target, such as a queue; the path of the connection's URL if not given.  With neither, each
            message goes to its own ``address`` where the peer supports that.
        :param name: the link's name; a unique one if not given.
        :param options: link options, such as :class:`~syncproton.reactor.AtMostOnce`.
        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :raises LinkDetached: if the peer refuses the link.
        :raises Timeout: if it does not answer in time.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        driver, attach = self._sender(address, name, options)
        self._open_link(driver, attach, deadline)
        return Sender(self, driver)

    def submit_create_sender(
        self,
        address: Optional[str] = None,
        *,
        name: Optional[str] = None,
        options: Union["LinkOption", Sequence["LinkOption"], None] = None,
        timeout: Optional[float] = False,
    ) -> "Future[Sender]":
        """What :meth:`create_sender` does, as a future, which fails as that raises."""
        deadline = Deadline(timeout, self.timeout)
        self._driver.check_process()
        driver, attach = self._sender(address, name, options)
        return self._submit_link(driver, attach, deadline, lambda: Sender(self, driver))

    def create_receiver(
        self,
        address: Optional[str] = None,
        *,
        credit: int = 10,
        dynamic: bool = False,
        name: Optional[str] = None,
        options: Union["LinkOption", Sequence["LinkOption"], None] = None,
        timeout: Optional[float] = False,
    ) -> Receiver:
        """Make a receiver.

        :param address: the source, such as a queue; the path of the connection's URL if not given.
        :param credit: how many messages may be on their way, or waiting to be asked for; it is renewed when half of
            it is used.  0 asks the peer for a message only when a thread waits for one.
        :param dynamic: have the peer make a node of its own choice; :attr:`Receiver.address` is its address.
        :param name: the link's name; a unique one if not given.
        :param options: link options, such as :class:`~syncproton.reactor.Selector`.
        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :raises LinkDetached: if the peer refuses the link.
        :raises Timeout: if it does not answer in time.
        :raises ValueError: if there is no address, the node is not to be dynamic, and there are no options, one of
            which might say more.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        driver, attach = self._receiver(address, credit, dynamic, name, options)
        self._open_link(driver, attach, deadline)
        return Receiver(self, driver)

    def submit_create_receiver(
        self,
        address: Optional[str] = None,
        *,
        credit: int = 10,
        dynamic: bool = False,
        name: Optional[str] = None,
        options: Union["LinkOption", Sequence["LinkOption"], None] = None,
        timeout: Optional[float] = False,
    ) -> "Future[Receiver]":
        """What :meth:`create_receiver` does, as a future, which fails as that raises."""
        deadline = Deadline(timeout, self.timeout)
        self._driver.check_process()
        driver, attach = self._receiver(address, credit, dynamic, name, options)
        return self._submit_link(driver, attach, deadline, lambda: Receiver(self, driver))

    def declare_transaction(
        self, timeout: Optional[float] = False, *, settle_before_discharge: bool = False
    ) -> Transaction:
        """Begin a local transaction.

        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :param settle_before_discharge: whether messages accepted under the transaction are settled at once, rather
            than when it ends.
        :raises TransactionError: if the peer has no transactions, or refuses this one.  Some peers, such as RabbitMQ,
            then end the session too, and with it the connection's senders and receivers.
        :raises Timeout: if it does not answer in time.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        driver = TransactionDriver(self._driver, settle_before_discharge)
        self._wait(self._driver.begin(driver.declare), deadline, DECLARING)
        return Transaction(self, driver)

    def submit_declare_transaction(
        self, timeout: Optional[float] = False, *, settle_before_discharge: bool = False
    ) -> "Future[Transaction]":
        """What :meth:`declare_transaction` does, as a future, which fails as that raises."""
        deadline = Deadline(timeout, self.timeout)
        self._driver.check_process()
        driver = TransactionDriver(self._driver, settle_before_discharge)
        inner = self._driver.begin(driver.declare)
        outer: "Future[Transaction]" = new_future(self.container)
        chain(inner, outer, lambda: Transaction(self, driver), inner.cancel)
        self._expire(outer, deadline, DECLARING)
        return outer

    def transaction(self, timeout: Optional[float] = False, *, settle_before_discharge: bool = False) -> Transaction:
        """Begin a local transaction, for a ``with`` block.

        At the end of the block it is committed; if the block raises, it is aborted.  The parameters, and what is
        raised, are those of :meth:`declare_transaction`.
        """
        return self.declare_transaction(timeout, settle_before_discharge=settle_before_discharge)

    def request(
        self,
        address: Optional[str],
        message: Any,
        timeout: Optional[float] = False,
        *,
        reply_to: Optional[str] = None,
    ) -> Message:
        """Send a request, and wait for the response to it.

        All requests on a connection share one link for the responses, made when it is first needed, and one sender for
        each address.  A copy of the message is sent, with ``reply_to`` and ``correlation_id`` set, and ``id`` if it has
        none.  The response to it is the message whose ``correlation_id`` is the same.  Responses that come too late are
        dropped.

        :param address: where to, such as a queue; with ``None``, the path of the connection's URL, or if it has none
            the message's own ``address``, where the peer supports that.
        :param message: a :class:`~syncproton.Message`, or what is to be the body of one.
        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :param reply_to: the address for the response, such as a queue from which only this connection receives.  If not
            given, the peer is asked for a temporary node, once; some peers, such as RabbitMQ, have no such thing.
        :returns: the response.
        :raises SendException: if the peer would not have the request.
        :raises InDoubt: if the link or the connection was lost after the request was sent.
        :raises LinkDetached: if the peer refuses a link, or has closed it; likewise ``ConnectionException``.
        :raises Timeout: if no response came in time; the text tells whether the request was sent.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        address = address if address is not None else self._path
        request = self._requests.send(address, reply_to, message)
        return wait(request.future, deadline, request.timed_out)

    def submit_request(
        self,
        address: Optional[str],
        message: Any,
        timeout: Optional[float] = False,
        *,
        reply_to: Optional[str] = None,
    ) -> "Future[Message]":
        """What :meth:`request` does, as a future, which fails as that raises.

        It can be cancelled until the response is here.  A request that waits for credit is not sent then; the
        response to one that was sent is dropped.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.check_process()
        request = self._requests.send(address if address is not None else self._path, reply_to, message)
        self._driver.expiry.add(request.future, deadline, request.timed_out)
        return request.future

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the connection, its senders and its receivers.  Closing again does nothing.

        :raises Timeout: if the peer does not answer in time; the connection is gone nevertheless.
        """
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        if not self._finalizer.alive:
            return
        self._finalizer.detach()
        try:
            self._wait(self._driver.begin(self._driver.close), deadline, "Closing connection")
        except Timeout:
            self._driver.begin(self._driver.abort)
            raise
        except ProtonException:
            if self._driver.ended is None:
                raise
            # The container has ended: there is nothing left to close.
        finally:
            if self._owned:
                self.container.close(GRACE)

    def submit_close(self, timeout: Optional[float] = False) -> "Future[None]":
        """What :meth:`close` does, as a future, which fails as that raises.  It cannot be cancelled."""
        deadline = Deadline(timeout, self.timeout)
        driver = self._driver
        driver.check_process()
        future: "Future[None]" = new_future(self.container)
        future.set_running_or_notify_cancel()
        if not self._finalizer.detach():
            future.set_result(None)
            return future

        def closed(done: "Future[None]") -> None:
            if done.exception() is not None:
                driver.begin(driver.abort)
            if self._owned:
                self.container.begin_close(GRACE)

        def begun(inner: "Future[None]") -> None:
            error = inner.exception()
            if error is None or driver.ended is not None:
                resolve(future, None)
            else:
                fail(future, error)

        future.add_done_callback(closed)
        driver.begin(driver.close).add_done_callback(begun)
        self._expire(future, deadline, "Closing connection")
        return future

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        try:
            self.close()
        except ProtonException:
            if value is None:
                raise

    def __reduce__(self) -> Any:
        raise TypeError("a connection, and what is made from it, cannot be copied or sent to another process: connect "
                        "there, or send a ConnectionPool")

    def __repr__(self) -> str:
        return f"<Connection {self.url}{', closed' if self.closed else ''}>"

    # --- for senders and receivers

    @property
    def _left(self) -> bool:
        """Whether the connection was closed from this side."""
        return not self._finalizer.alive

    def _wait(self, future: "Future[T]", deadline: Deadline, what: str) -> T:
        self._driver.guard()
        return wait(future, deadline, partial(_timed_out, self.url, what))

    def _expire(self, future: "Future[Any]", deadline: Deadline, what: str) -> None:
        self._driver.expiry.add(future, deadline, partial(_timed_out, self.url, what))

    def _submit(
        self, operation: Callable[..., None], timeout: Optional[float], what: str, *args: Any
    ) -> "Future[Any]":
        """A future of an operation that ends by itself within the timeout."""
        deadline = Deadline(timeout, self.timeout)
        self._driver.check_process()
        future = self._driver.begin(operation, *args)
        self._expire(future, deadline, what)
        return future

    def _close_link(self, driver: LinkDriver, timeout: Optional[float]) -> None:
        deadline = Deadline(timeout, self.timeout)
        self._driver.guard()
        if self.closed:
            return
        try:
            self._wait(self._driver.begin(driver.close), deadline, f"Closing link {driver.name}")
        except BaseException:
            # If it had not begun, it was taken back with the wait.
            self._driver.begin(driver.close)
            raise

    def _submit_close_link(self, driver: LinkDriver, timeout: Optional[float]) -> "Future[None]":
        if not self.closed:
            return self._submit(driver.close, timeout, f"Closing link {driver.name}")
        Deadline(timeout, self.timeout)
        self._driver.check_process()
        future: "Future[None]" = new_future(self.container)
        future.set_result(None)
        return future

    def _sender(self, address: Optional[str], name: Optional[str], options: Any) -> Tuple[SenderDriver, Any]:
        address = address if address is not None else self._path
        driver = SenderDriver(self._driver, name or self._driver.link_name("sender", address))
        return driver, partial(self.container.create_sender, target=address, options=options)

    def _receiver(
        self, address: Optional[str], credit: int, dynamic: bool, name: Optional[str], options: Any
    ) -> Tuple[ReceiverDriver, Any]:
        check_credit(credit)
        if address is None and not dynamic:
            address = self._path
        if not (address or dynamic or options):
            raise ValueError("there is no address to receive from: neither an argument, nor in the URL")
        driver = ReceiverDriver(self._driver, name or self._driver.link_name("receiver", address), credit)
        return driver, partial(self.container.create_receiver, source=address, dynamic=dynamic, options=options)

    def _open_link(self, driver: LinkDriver, attach: Callable[..., Link], deadline: Deadline) -> None:
        try:
            self._wait(self._driver.begin(driver.open, attach), deadline, f"Opening link {driver.name}")
        except BaseException:
            self._driver.begin(driver.close)
            raise

    def _submit_link(
        self, driver: LinkDriver, attach: Callable[..., Link], deadline: Deadline, make: Callable[[], T]
    ) -> "Future[T]":
        inner = self._driver.begin(driver.open, attach)
        outer: "Future[T]" = new_future(self.container)
        chain(inner, outer, make, lambda: self._driver.begin(driver.close))
        self._expire(outer, deadline, f"Opening link {driver.name}")
        return outer


def abandon(driver: ConnectionDriver, owned: bool) -> None:
    """Drop a connection that nobody will use again, without waiting for the peer."""
    driver.begin(driver.abort)
    if owned:
        driver.container.begin_close(GRACE)


def _timed_out(url: str, what: str, taken_back: bool) -> Timeout:
    return Timeout(f"Connection {url} timed out: {what}")
