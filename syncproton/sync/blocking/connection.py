"""Blocking connections."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence, Tuple, TypeVar, Union

from ...engine import Connection, Endpoint, Event, Handler, Link
from ...errors import ProtonException, Timeout
from ...reactor import Backoff, Container
from ...reactor.futures import new_future
from ...url import Url
from ..connecting import connect
from ..connection import Connection as SyncConnection
from ..deadline import Deadline, seconds
from ..errors import LinkDetached
from ..link_driver import LinkDriver
from ..receiver_driver import check_credit
from ..sender_driver import SenderDriver
from ..waiting import fail, fresh, resolve, wait
from .receiver import BlockingReceiver, Fetcher, make_driver
from .sender import BlockingSender
from .tail import Tail

if TYPE_CHECKING:
    from ...security import SSLDomain

__all__ = ["BlockingConnection"]

T = TypeVar("T")

#: The timeout of a connection that is not given one, in seconds.
DEFAULT_TIMEOUT = 60


class BlockingConnection(Handler):
    """A connection whose calls block, over a container whose thread does the I/O in the background.

    As a handler it gets the connection's own events, on the I/O thread, and so do handlers added to it.

    :param url: where to.
    :param timeout: how long calls may take unless they say otherwise, in seconds; 60 if not given, or 0.
    :param container: a container to use; a new one if not given.
    :param ssl_domain: TLS settings, for ``amqps`` URLs.
    :param heartbeat: the longest silence to be allowed on the connection, in seconds.
    :param urls: several places, tried in order, instead of one.
    :param reconnect: a :class:`~syncproton.reactor.Backoff` or ``True``: make the connection anew when it is lost.
    :param kwargs: further keyword arguments of :meth:`syncproton.reactor.Container.connect`.
    :ivar conn: the engine's connection; ``None`` after :meth:`close`.
    :ivar container: the container; ``None`` after :meth:`close`.
    :ivar timeout: the default timeout, in seconds.
    :ivar disconnected: whether the transport is down, other than by :meth:`close`.
    :ivar closing: whether :meth:`close` was called.
    :raises ConnectionException: if the host is unknown or refuses, if the login fails, or the peer closes at once.
    :raises Timeout: if the peer does not answer in time.
    """

    def __init__(
        self,
        url: Union[str, Url, None] = None,
        timeout: Optional[float] = None,
        container: Optional[Container] = None,
        ssl_domain: Optional["SSLDomain"] = None,
        heartbeat: Optional[float] = None,
        urls: Optional[Sequence[Union[str, Url]]] = None,
        reconnect: Union[Backoff, bool, None] = None,
        **kwargs: Any,
    ) -> None:
        self.disconnected = False
        self.closing = False
        if timeout is None or timeout is False or not seconds(timeout):
            timeout = DEFAULT_TIMEOUT
        self.timeout: float = timeout
        self._watches: List[Tuple["Future[None]", Callable[[], Any]]] = []
        self._detached: Optional[LinkDetached] = None
        self._sync: SyncConnection = connect(
            url, timeout=self.timeout, urls=urls, reconnect=reconnect or False, heartbeat=heartbeat,
            ssl_domain=ssl_domain, handler=Tail(self), container=container, **kwargs,
        )
        self.container: Any = self._sync.container
        self.conn: Any = self._sync._driver.connection

    @property
    def url(self) -> Optional[str]:
        """The URL the connection was made to; ``None`` after :meth:`close`."""
        conn: Optional[Connection] = self.conn
        return conn.connected_address if conn is not None else None

    def create_sender(
        self, address: Optional[str], handler: Any = None, name: Optional[str] = None, options: Any = None
    ) -> BlockingSender:
        """Make a sender.

        :param address: the target; ``None`` to send each message to its own address.
        :param handler: a handler that gets the link's events, on the I/O thread.
        :param name: the link's name.
        :param options: a link option, or a list of them.
        :raises LinkDetached: if the peer refuses.
        """
        base = self._sync._driver
        driver = SenderDriver(base, name or base.link_name("sender", address))
        link = self._make_link("create_sender", address, driver, handler=handler, options=options)
        return BlockingSender(self, link, driver)

    def create_receiver(
        self,
        address: Optional[str] = None,
        credit: Optional[int] = None,
        dynamic: bool = False,
        handler: Any = None,
        name: Optional[str] = None,
        options: Any = None,
    ) -> BlockingReceiver:
        """Make a receiver.

        :param address: the source.
        :param credit: how many messages the peer may send in advance; if not given or 0, it is asked for one message
            for each that is waited for.
        :param dynamic: have the peer make a node of its own choice.
        :param handler: a handler that gets the link's events, on the I/O thread;
            :meth:`BlockingReceiver.receive` is not for such a receiver.
        :param name: the link's name.
        :param options: a link option, or a list of them.
        :raises LinkDetached: if the peer refuses.
        """
        check_credit(credit or 0)
        base = self._sync._driver
        fetcher = Fetcher(self, credit or 0) if handler is None else None
        driver = make_driver(base, name or base.link_name("receiver", address), fetcher)
        link = self._make_link("create_receiver", address, driver, dynamic=dynamic, handler=handler, options=options)
        return BlockingReceiver(self, link, fetcher, 1 if credit is None else credit, driver)

    def close(self) -> None:
        """Close the connection and wait until the peer has closed it too.  Closing again does nothing.

        :raises Timeout: if that takes longer than the connection's timeout.
        """
        if self.closing:
            return
        self._guard()
        self.closing = True
        try:
            self._sync.close(self.timeout)
        finally:
            self.conn = None
            self.container = None

    def run(self) -> None:
        """Wait until the connection is over, while handlers do the work.

        :raises ProtonException: the reason, if the connection was not closed from this side.
        """
        try:
            self.wait(lambda: False, None)
        except ProtonException:
            if not self.closing:
                raise

    def wait(self, condition: Callable[[], Any], timeout: Optional[float] = False, msg: Optional[str] = None) -> None:
        """Wait until ``condition()`` is true.

        It is called on the I/O thread, after every event of the connection and its links, so it may look at (and
        change) endpoints.

        :param condition: a function without arguments.
        :param timeout: seconds; ``False`` for the connection's timeout; ``None`` for no limit.
        :param msg: what is waited for, for the text of the exception.
        :raises Timeout: if it takes longer.
        :raises LinkDetached: if the peer closes one of the connection's links meanwhile, or has since the last wait.
        :raises ConnectionClosed: if the peer closes the connection.
        """
        deadline = Deadline(timeout, self.timeout)
        driver = self._sync._driver
        self._guard()
        try:
            self._wait(driver.begin(self._watch, condition), deadline, msg)
        except Timeout:
            # What no event tells of may have come about nevertheless.
            if not driver.call(condition):
                raise

    def on_link_remote_close(self, event: Event) -> None:
        """A link that is not one of a blocking sender or receiver was closed by the peer."""
        if event.link is not None and event.link.state & Endpoint.LOCAL_ACTIVE:
            event.link.close()

    def on_connection_remote_close(self, event: Event) -> None:
        """The peer closed the connection.  That was answered already, unless the container is to come back to it."""

    def on_transport_tail_closed(self, event: Event) -> None:
        """Nothing more comes from the peer."""
        self.on_transport_closed(event)

    def on_transport_head_closed(self, event: Event) -> None:
        """Nothing more goes to the peer."""
        self.on_transport_closed(event)

    def on_transport_closed(self, event: Event) -> None:
        """The transport is down."""
        if not self.closing:
            self.disconnected = True

    def on_connection_bound(self, event: Event) -> None:
        """There is a transport, perhaps a new one."""
        self.disconnected = False

    def __enter__(self) -> "BlockingConnection":
        return self

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> None:
        try:
            self.close()
        except ProtonException:
            if value is None:
                raise

    # --- for senders and receivers

    def _guard(self) -> None:
        self._sync._driver.guard()

    def _wait(self, future: "Future[T]", deadline: Deadline, what: Optional[str]) -> T:
        self._guard()
        text = f"Connection {self._sync.url} timed out" + (f": {what}" if what else "")
        return wait(future, deadline, lambda taken_back: Timeout(text))

    def _make_link(self, method: str, address: Optional[str], driver: LinkDriver, **keywords: Any) -> Any:
        """Have the container make a link, and ``driver`` take it over before the peer can say anything of it."""
        base = self._sync._driver
        self._guard()
        driver.add(Tail(self, driver))

        def make(future: "Future[Link]") -> None:
            if base.waiters.add(future) and not future.done() and not base.put_off(partial(make, future)):
                link = getattr(base.container, method)(base.session(), address, name=driver.name, **keywords)
                driver.adopt(new_future(), link)
                resolve(future, link)

        try:
            return self._wait(base.begin(make), Deadline(self.timeout), f"Opening link {driver.name}")
        except BaseException:
            base.begin(driver.close)
            raise

    # --- waiting for a condition; on the I/O thread

    def _watch(self, future: "Future[None]", condition: Callable[[], Any]) -> None:
        if condition():
            resolve(future, None)
        elif self._sync._driver.waiters.add(future):
            self._watches.append((future, condition))
            self._look()

    def _look(self) -> None:
        if not self._watches:
            return
        watches, self._watches = self._watches, []
        for future, condition in watches:
            if future.done():
                continue
            detached = self._detached
            try:
                if condition():
                    resolve(future, None)
                elif detached is not None:
                    self._detached = None
                    fail(future, fresh(detached))
                else:
                    self._watches.append((future, condition))
            except Exception as error:
                fail(future, error)
