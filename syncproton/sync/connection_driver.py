"""The I/O thread's half of a blocking connection."""

from __future__ import annotations

import logging
import threading
import uuid
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set, Tuple, TypeVar

from ..engine import Connection, Endpoint, Event, Handler, Session
from ..engine.trace_text import one_line
from ..errors import ConnectionException, ProtonException, WrongThread
from ..reactor import lifetime
from ..reactor.futures import new_future
from .endings import forget, remember
from .errors import ConnectionClosed, SessionEnded, connection_lost
from .expiry import Expiry
from .inlet import Operation
from .waiting import Waiters, fail, fresh, resolve, start

if TYPE_CHECKING:
    from ..reactor import Container
    from .link_driver import LinkDriver

__all__ = ["ConnectionDriver"]

logger = logging.getLogger("syncproton.sync")

T = TypeVar("T")

#: The condition with which a broker closes connections that are welcome to come back.
FORCED_CLOSE = "amqp:connection:forced"

#: The property by which brokers say in their open that they are about to close, for they have no other way to refuse.
OPEN_FAILED = "amqp:connection-establishment-failed"

#: Transport conditions after which connecting again is useless.
FATAL_CONDITIONS = ("amqp:unauthorized-access",)


class ConnectionDriver(Handler):
    """Carries out the operations of one connection on the I/O thread, and completes their futures.

    :meth:`guard`, :meth:`begin`, :meth:`post`, :meth:`link_name`, :attr:`ended` and the plain attributes are for any
    thread, all else is for the I/O thread.

    :param container: a container that runs in the background.
    :param url: what the connection is called in errors; without a password.
    :param reconnects: whether the container makes the connection anew when it is lost.
    :ivar connection: the engine's connection, once there is one.
    :ivar expiry: the time limits of futures.
    :ivar links: the links that have not ended.
    :ivar lost: why the connection was lost last, or could not be made; ``None`` if that never happened.
    :ivar losses: how often the connection was lost.  A delivery received before the last loss cannot be settled.
    """

    def __init__(self, container: "Container", url: str, reconnects: bool) -> None:
        self.container = container
        self.url = url
        self.connection: Optional[Connection] = None
        self.links: Set["LinkDriver"] = set()
        self.losses = 0
        self.waiters = Waiters()
        self.expiry = Expiry(container)
        self._lock = threading.Lock()
        self._names: Set[Tuple[str, str]] = set()
        self._reconnects = reconnects
        self._opening: Optional["Future[None]"] = None
        self._closing: List["Future[None]"] = []
        self._connected = False
        self.lost: Optional[BaseException] = None
        self._session: Optional[Session] = None
        # What is to be done when there is a transport again.
        self._delayed: List[Callable[[], None]] = []
        self._checks: Dict[Session, "Future[None]"] = {}
        self._up = False
        self._process = lifetime.process

    @property
    def ended(self) -> Optional[BaseException]:
        """Why the connection has ended for good, or ``None``."""
        return self._not_ours() if self.inherited else self.waiters.ended

    @property
    def up(self) -> bool:
        """Whether the connection is open at both ends just now."""
        return self._up and self.ended is None

    @property
    def inherited(self) -> bool:
        """Whether this is the child of a fork, and the connection is the parent's.  Then no lock may be touched."""
        return self._process is not lifetime.process

    def _not_ours(self) -> ConnectionException:
        return ConnectionException(f"Connection {self.url} belongs to the parent process")

    # --- the door

    def guard(self) -> None:
        """Refuse to block the I/O thread, and to touch what is the parent's in the child of a fork.

        :raises WrongThread: on the I/O thread.
        :raises ConnectionException: in the child of a fork.
        """
        self.check_process()
        if self.container.on_io_thread:
            raise WrongThread("a blocking call on the I/O thread waits for itself: use callbacks, or another thread")

    def check_process(self) -> None:
        """Refuse to touch what is the parent's in the child of a fork.

        :raises ConnectionException: there.
        """
        if self.inherited:
            raise self._not_ours()

    def begin(self, operation: Callable[..., None], *args: Any) -> "Future[Any]":
        """Have ``operation(future, *args)`` run on the I/O thread; it is to complete the future, now or later."""
        future: "Future[Any]" = new_future(self.container)
        self.post(future, operation, future, *args)
        return future

    def post(self, future: "Future[Any]", operation: Callable[..., Any], *args: Any) -> None:
        """Have ``operation(*args)`` run on the I/O thread; if it cannot, or raises, ``future`` fails."""
        call = Operation(partial(self._refused, future), operation, args)
        if self.container.on_io_thread:
            call.run()
        else:
            self.container._calls.put(call)

    def _refused(self, future: "Future[Any]", error: BaseException) -> None:
        fail(future, self.why(error))

    def why(self, error: BaseException) -> BaseException:
        """The reason to tell a user: a container that has ended says so, but he wants to know about the connection."""
        ended = self.ended if isinstance(error, ProtonException) else None
        return fresh(ended) if ended is not None else error

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a function that does not wait for the peer on the I/O thread, and return its result."""
        result: T = self.container.submit(function, *args, **kwargs).result()
        return result

    def link_name(self, kind: str, address: Optional[str]) -> str:
        """A name for a link, such as no other open link in the same direction has; kept until :meth:`free_name`.

        :param kind: ``"sender"`` or ``"receiver"``.
        """
        stem = name = f"{self.container.container_id}-{address or uuid.uuid4()}"
        number = 1
        with self._lock:
            while (kind, name) in self._names:
                number += 1
                name = f"{stem}-{number}"
            self._names.add((kind, name))
        return name

    def free_name(self, kind: str, name: str) -> None:
        """The link called ``name`` is gone."""
        with self._lock:
            self._names.discard((kind, name))

    # --- operations

    def open(self, future: "Future[None]", options: Dict[str, Any]) -> None:
        """Connect; completes when the peer has opened its side.

        :param options: keyword arguments of :meth:`syncproton.reactor.Container.connect`.
        """
        if self.waiters.add(future) and not future.done():
            self._opening = future
            remember(self)
            self.connection = self.container.connect(handler=self, **options)
            self._connected = True

    def close(self, future: "Future[None]") -> None:
        """Close; completes when the peer has closed too, or the connection is gone."""
        start(future)
        if self.ended is None:
            self.end(ConnectionException(f"Connection {self.url} is closed"))
        self._closing.append(future)
        if self.connection is not None:
            self.connection.close()
        if not self._connected:
            self._gone()

    def abort(self, future: "Future[None]") -> None:
        """Give the connection up without waiting for the peer."""
        if self.ended is None:
            self.end(ConnectionException(f"Connection {self.url} is closed"))
        connection = self.connection
        if connection is not None:
            connection.close()
            if connection.transport is not None:
                connection.transport.close_tail()
                connection.transport.close_head()
        self._gone()
        resolve(future, None)

    def check(self, future: "Future[None]") -> None:
        """Have the peer begin and end a session; completes when it has done the first."""
        if self.waiters.add(future) and not future.done() and not self.put_off(partial(self.check, future)):
            self._checks[self.new_session()] = future

    def session(self) -> Session:
        """The open session that links go on, made anew if the peer ended the one before.

        :raises ConnectionClosed: if the peer has closed the connection a moment ago.
        """
        session = self._session
        if session is None or session.state & Endpoint.REMOTE_CLOSED:
            session = self._session = self.new_session()
        return session

    def new_session(self) -> Session:
        """A session of its own, for a link whose refusal might end it.

        :raises ConnectionClosed: if the peer has closed the connection a moment ago.
        """
        connection = self.connection
        assert connection is not None
        if connection.state & Endpoint.REMOTE_CLOSED:
            raise ConnectionClosed(connection)
        session = connection.session()
        session.open()
        return session

    def put_off(self, operation: Callable[[], None]) -> bool:
        """Have an operation wait if the peer has closed the connection, and the container is to make it again.

        :returns: whether it is to wait.
        """
        connection = self.connection
        if connection is None or not connection.state & Endpoint.REMOTE_CLOSED or not self._forced(connection):
            return False
        self._delayed.append(operation)
        return True

    def _forced(self, connection: Connection) -> bool:
        condition = connection.remote_condition
        return self._reconnects and condition is not None and condition.name == FORCED_CLOSE

    def end(self, error: BaseException) -> None:
        """The connection is over: all that waits on it or on its links fails with ``error``."""
        if self.ended is None:
            self.waiters.end(error)
            for driver in list(self.links):
                driver.end(error)

    def container_ended(self, failure: Optional[BaseException]) -> None:
        """The container has ended, and the connection with it.

        :param failure: what a handler raised, if that was the reason.
        """
        error = ConnectionException(f"Connection {self.url} has ended, because its container has")
        error.__cause__ = failure
        self.end(error)
        self._gone()

    def _gone(self) -> None:
        """There is no transport any more: whoever waits for the end need not wait longer."""
        self._connected = False
        closing, self._closing = self._closing, []
        for future in closing:
            resolve(future, None)
        if self.ended is not None:
            forget(self)

    # --- events

    def on_connection_bound(self, event: Event) -> None:
        self._connected = True
        delayed, self._delayed = self._delayed, []
        for operation in delayed:
            operation()

    def on_connection_remote_open(self, event: Event) -> None:
        connection = event.connection
        assert connection is not None
        if connection.state & Endpoint.REMOTE_CLOSED or OPEN_FAILED in (connection.remote_properties or {}):
            return  # It was refused, and the close that follows tells why.
        self._up = True
        if self._opening is not None:
            resolve(self._opening, None)
            self._opening = None

    def on_session_remote_open(self, event: Event) -> None:
        checked = self._checks.pop(event.session, None) if event.session is not None else None
        if checked is not None and event.session is not None:
            resolve(checked, None)
            event.session.close()

    def on_connection_remote_close(self, event: Event) -> None:
        connection = event.connection
        assert connection is not None
        if self._forced(connection):
            return  # as good as lost: the container comes back to it
        if connection.state & Endpoint.LOCAL_ACTIVE:
            error = ConnectionClosed(connection)
            logger.info("%s: %s", self.url, one_line(error))
            connection.close()
            self.end(error)

    def on_session_local_close(self, event: Event) -> None:
        if event.session is not None and event.session.remote_condition is not None:
            # The peer broke the session's rules.  It may or may not answer; nobody is to wait for that.
            self._session_over(event.session)

    def on_session_remote_close(self, event: Event) -> None:
        session = event.session
        assert session is not None
        checked = self._checks.pop(session, None)
        if checked is not None:
            fail(checked, SessionEnded(session))
        if not session.state & Endpoint.LOCAL_CLOSED:
            session.close()
            self._session_over(session)
        session.free()

    def _session_over(self, session: Session) -> None:
        error = SessionEnded(session)
        if self.ended is None:
            logger.info("%s: %s", self.url, one_line(error))
        if session is self._session:
            self._session = None
        for driver in [driver for driver in self.links if driver.session is session]:
            driver.end(error)

    def on_transport_error(self, event: Event) -> None:
        transport = event.transport
        assert transport is not None
        condition = transport.condition
        if condition is not None and condition.name in FATAL_CONDITIONS and self.connection is not None:
            self.end(connection_lost(self.url, condition))
            self.connection.close()

    def on_transport_closed(self, event: Event) -> None:
        self._up = False
        lost = connection_lost(self.url, event.transport.condition)
        if self.ended is None and self._tries_again:
            self.losses += 1
            self.lost = lost
            if self.links:
                logger.debug("%s: %d links are to be attached again", self.url, len(self.links))
            for driver in list(self.links):
                driver.interrupted(lost)
        else:
            self.end(lost)
            if self.connection is not None:
                self.connection.close()
        self._gone()

    def on_connection_unbound(self, event: Event) -> None:
        # By now the container has made up its mind whether to try again.
        if self.ended is None and self.lost is not None and not self.container.is_active(event.connection):
            self.end(self.lost)
            self._gone()

    @property
    def _tries_again(self) -> bool:
        """Whether a loss now is not the end: with reconnect, or while there are other addresses to try."""
        return self._reconnects or self._opening is not None
