"""Blocking connections, usable from any thread."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Sequence, Type, TypeVar, Union

from ..engine import Link
from ..errors import ProtonException, Timeout
from ..reactor import Container
from ..url import Url
from .connection_driver import ConnectionDriver
from .deadline import Deadline
from .link_driver import LinkDriver
from .receiver import Receiver
from .receiver_driver import ReceiverDriver, check_credit
from .sender import Sender
from .sender_driver import SenderDriver
from .transaction import Transaction, TransactionDriver
from .waiting import wait

if TYPE_CHECKING:
    from ..reactor import LinkOption
    from ..security import SSLDomain

__all__ = ["Connection", "DEFAULT_TIMEOUT", "connect"]

T = TypeVar("T")

#: How long a blocking call waits unless told otherwise, in seconds.
DEFAULT_TIMEOUT = 30.0

#: How long a connection that nobody wants any more is waited for, in seconds.
GRACE = 1.0


class Connection:
    """A connection whose calls block, each up to a deadline.  Made by :func:`connect`.

    Any number of threads may use it, and the senders and receivers made from it, at once.  All I/O happens on the
    container's own thread: heartbeats and credit go on while the application is busy.

    As a context manager it closes itself at the end.

    Wherever a method takes a ``timeout``, that is in seconds; ``False`` stands for the connection's own
    :attr:`timeout`, ``None`` for no limit.
    """

    def __init__(self, driver: ConnectionDriver, timeout: Optional[float], path: Optional[str], owned: bool) -> None:
        self._driver = driver
        self._path = path
        self._owned = owned
        #: The default timeout of this connection's calls, in seconds; ``None`` for no limit.
        self.timeout = timeout
        # The driver knows nothing of this object, so that one that is forgotten is collected, and its socket closed.
        self._finalizer = weakref.finalize(self, _abandon, driver, owned)
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
        :raises LinkDetached: if the peer refuses the link.
        :raises Timeout: if it does not answer in time.
        """
        address = address if address is not None else self._path
        driver = SenderDriver(self._driver, name or self._driver.link_name("sender", address))
        attach = partial(self.container.create_sender, target=address, options=options)
        self._open_link(driver, attach, Deadline(timeout, self.timeout))
        return Sender(self, driver)

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
        :param credit: how many messages may be on their way, or waiting to be asked for; 0 asks the peer for a message
            only when a thread waits for one.
        :param dynamic: have the peer make a node of its own choice; :attr:`Receiver.address` is its address.
        :param name: the link's name; a unique one if not given.
        :param options: link options, such as :class:`~syncproton.reactor.Selector`.
        :raises LinkDetached: if the peer refuses the link.
        :raises Timeout: if it does not answer in time.
        """
        check_credit(credit)
        if address is None and not dynamic:
            address = self._path
        driver = ReceiverDriver(self._driver, name or self._driver.link_name("receiver", address), credit)
        attach = partial(self.container.create_receiver, source=address, dynamic=dynamic, options=options)
        self._open_link(driver, attach, Deadline(timeout, self.timeout))
        return Receiver(self, driver)

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
        self._wait(self._driver.begin(driver.declare), deadline, "Declaring a transaction")
        return Transaction(self, driver)

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

    def __repr__(self) -> str:
        return f"<Connection {self.url}{', closed' if self.closed else ''}>"

    # --- for senders and receivers

    def _wait(self, future: "Future[T]", deadline: Deadline, what: str) -> T:
        self._driver.guard()
        return wait(future, deadline, lambda taken_back: Timeout(f"Connection {self.url} timed out: {what}"))

    def _open_link(self, driver: LinkDriver, attach: Callable[..., Link], deadline: Deadline) -> None:
        self._driver.guard()
        try:
            self._wait(self._driver.begin(driver.open, attach), deadline, f"Opening link {driver.name}")
        except BaseException:
            self._driver.begin(driver.close)
            raise


def connect(
    url: Union[str, Url, None] = None,
    *,
    timeout: Optional[float] = DEFAULT_TIMEOUT,
    urls: Optional[Iterable[Union[str, Url]]] = None,
    reconnect: Any = False,
    heartbeat: Optional[float] = None,
    ssl_domain: Optional["SSLDomain"] = None,
    handler: Any = None,
    container: Optional[Container] = None,
    **options: Any,
) -> Connection:
    """Connect, and wait until the peer has agreed.

    :param url: where to, such as ``amqp://user:password@host:port/queue``.  The path, if any, is the default address
        of senders and receivers.
    :param timeout: how long to wait for the connection, and the default of its calls from then on, in seconds;
        ``None`` for no limit.
    :param urls: several places, tried in order, instead of one.  Without ``reconnect`` each is tried once.
    :param reconnect: make the connection anew when it is lost: ``True``, or a
        :class:`~syncproton.reactor.Backoff`.
    :param heartbeat: how often, in seconds, a sign of life is wanted from the peer; after twice that in silence the
        connection is lost.
    :param ssl_domain: TLS settings, for ``amqps`` URLs.
    :param handler: an object whose ``on_...`` methods get the connection's events too, on the I/O thread.
    :param container: a container to use, whose thread is then shared; a new one with a thread of its own if not given.
    :param options: further keyword arguments of :meth:`syncproton.reactor.Container.connect`.
    :raises ConnectionException: if the host is unknown or refuses, if the login fails, or the peer closes at once.
    :raises Timeout: if the peer does not answer in time; with ``reconnect``, its ``__cause__`` is the last failure.
    :raises WrongThread: on a container's I/O thread.
    """
    deadline = Deadline(timeout, DEFAULT_TIMEOUT)
    if urls is not None and not isinstance(urls, (str, Url)):
        urls = list(urls)
    reconnects = reconnect is not None and reconnect is not False
    if not reconnects:
        reconnect = [0.0] if urls is not None else False
    elif reconnect is True:
        reconnect = None
    options.update(url=url, urls=urls, reconnect=reconnect, heartbeat=heartbeat, ssl_domain=ssl_domain)
    first = Url(url if url is not None else (urls[0] if urls else None) if isinstance(urls, list) else urls)
    owned = container is None
    if container is None:
        container = Container()
    elif not isinstance(container, Container):
        raise TypeError(f"container must be a Container, not {type(container).__name__}")
    try:
        container.start_background()
    except ProtonException:
        if owned:
            raise
        # It runs already, in the background or by run() on another thread.
    driver = ConnectionDriver(container, _without_password(first), reconnects)
    if handler is not None:
        driver.add(handler)
    connection = Connection(driver, deadline.timeout, first.path or None, owned)
    try:
        connection._wait(driver.begin(driver.open, options), deadline, "Opening connection")
    except BaseException as error:
        if isinstance(error, Timeout):
            error.__cause__ = driver.lost
        connection._finalizer.detach()
        driver.begin(driver.abort)
        if owned:
            container.close(0)
        raise
    return connection


def _without_password(url: Url) -> str:
    shown = Url(url)
    shown.password = None
    shown.path = None
    return str(shown)


def _abandon(driver: ConnectionDriver, owned: bool) -> None:
    """Drop a connection that nobody will use again, without waiting for the peer."""
    driver.begin(driver.abort)
    if owned:
        driver.container.begin_close(GRACE)
