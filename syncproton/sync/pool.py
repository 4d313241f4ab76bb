"""Connections that many threads share, a few at a time."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from contextlib import contextmanager
from time import monotonic, sleep
from types import TracebackType
from typing import Any, ContextManager, Dict, Iterator, List, Optional, Type, Union

from ..engine import Delivery
from ..errors import ConnectionException, LinkException, PoolClosed, PoolTimeout, Timeout
from ..message import Message
from ..reactor import Container
from ..url import Url
from .connection import DEFAULT_TIMEOUT, GRACE, Connection
from .deadline import Deadline
from .errors import SessionEnded
from .pool_member import Member
from .pool_settings import Check, PoolSettings
from .pool_store import Store
from .waiting import wait

__all__ = ["ConnectionPool"]

#: The longest that a peer is given to answer a check, in seconds.
CHECK_TIMEOUT = 5.0

#: Seconds that are waited after a new connection did not pass the check, before another is tried.
CHECK_DELAY = 0.1


class ConnectionPool:
    """Up to so many connections to one place, lent to the threads that want one.

    It is lazy: nothing is connected before a connection is wanted, or :meth:`wait` is called.  From then on at least
    ``min_size`` connections are kept open.  A connection that breaks, or that is too old, is replaced.  While the peer
    is not there, those who want a connection wait, up to their deadlines, and connecting is tried again and again; but
    a login that is refused is told at once.

    One who wants a connection when all are lent waits; who came first is served first.

    A pool may be made before a process forks: the child begins with none of its parent's connections, and opens its
    own.  It may be sent to another process, too, as an argument of ``multiprocessing.Process`` for one: there it is a
    new pool with the same settings.

    As a context manager it closes itself at the end.

    :param url: where to, as for :func:`syncproton.connect`.
    :param min_size: how many connections to keep, once the pool is used.
    :param max_size: how many connections there are at most.
    :param timeout: how long :meth:`connection`, :meth:`send` and :meth:`wait` may take, and the default of the
        connections' own calls, in seconds; ``None`` for no limit.
    :param max_waiting: how many threads may wait for a connection; one more gets :class:`TooManyWaiting`.  0 is for any
        number.
    :param max_lifetime: after how many seconds a connection is replaced, as soon as nobody has it; up to a tenth
        earlier, so that not all are replaced at once.  ``None`` is for never.
    :param max_idle: after how many seconds in which nobody wanted it a connection is closed, if there are more than
        ``min_size``.  ``None`` is for never.
    :param check: what to make sure of before a connection is lent.  ``None`` or ``False``: that it has not ended, so
        far as is known here.  ``True``: that the peer answers, which takes a round trip.  A function: it is called with
        the connection, and says no by raising an exception or returning ``False``.
    :param options: further keyword arguments of :func:`syncproton.connect`, such as ``heartbeat`` and ``ssl_domain``.
    :raises TypeError: if one of these is of a wrong kind, or unknown; the text names it.
    :raises ValueError: if one of these makes no sense; the text names it.
    """

    def __init__(
        self,
        url: Union[str, Url, None] = None,
        *,
        min_size: int = 0,
        max_size: int = 10,
        timeout: Optional[float] = DEFAULT_TIMEOUT,
        max_waiting: int = 0,
        max_lifetime: Optional[float] = 3600.0,
        max_idle: Optional[float] = 600.0,
        check: Check = None,
        **options: Any,
    ) -> None:
        self._settings = PoolSettings(
            url, min_size, max_size, timeout, max_waiting, max_lifetime, max_idle, check, options
        )
        self._store = Store(self._settings)
        # The connections of a pool that is forgotten are closed when they are collected; this ends their thread.
        weakref.finalize(self, _forget, self._store.containers).atexit = False

    @property
    def url(self) -> str:
        """Where the connections go, without the password."""
        return self._settings.shown

    @property
    def timeout(self) -> Optional[float]:
        """How long a connection is waited for unless told otherwise, in seconds; ``None`` for ever."""
        return self._settings.timeout

    @property
    def closed(self) -> bool:
        """Whether the pool was closed."""
        return self._store.closed

    def connection(self, timeout: Optional[float] = False) -> ContextManager[Connection]:
        """Lend a connection, for a ``with`` statement.  Nobody else has it until the end of that.

        The links that were made in the meantime are closed then, and transactions that are not over are rolled back.
        A connection that is closed, or broken, is replaced.

        :param timeout: how long to wait for one, in seconds; ``False`` for the pool's :attr:`timeout`; ``None`` for no
            limit.
        :raises PoolTimeout: if none was to be had in time; its ``__cause__`` may tell why.
        :raises TooManyWaiting: if too many wait already.
        :raises PoolClosed: if the pool is closed, or is while this waits.
        :raises ConnectionException: if the login is refused.
        :raises WrongThread: on the I/O thread of the pool's connections.
        """
        Deadline(timeout)
        return self._lend(timeout)

    @contextmanager
    def _lend(self, timeout: Optional[float]) -> Iterator[Connection]:
        member = self._take(Deadline(timeout, self.timeout))
        try:
            yield member.connection
        finally:
            if not member.connection.closed:
                member.tidy()
            self._store.give_back(member)

    def send(self, address: str, message: Any, timeout: Optional[float] = False) -> Delivery:
        """Send a message over one of the connections, and wait until the peer has accepted it.

        The link is kept for the next message to the same address.  If it, or the connection, turns out to be gone
        before the message has left, another one is taken.

        :param address: where to, such as a queue.
        :param message: a :class:`~syncproton.Message`, or what is to be the body of one.
        :param timeout: how long all of this may take, in seconds; ``False`` for the pool's :attr:`timeout`; ``None``
            for no limit.
        :returns: the delivery; its ``remote_state`` is the outcome.
        :raises SendException: if the peer rejected, released or modified the message.
        :raises InDoubt: if the connection ended before the peer said what became of it.
        :raises LinkDetached: if the peer does not take messages for this address.
        :raises Timeout: if time ran out; the text tells whether the message was sent.
        :raises PoolTimeout: (a ``Timeout``) if no connection was to be had in time; and what else :meth:`connection`
            raises.
        """
        if not isinstance(address, str):
            raise TypeError(f"address must be a str, not {type(address).__name__}")
        deadline = Deadline(timeout, self.timeout)
        if not isinstance(message, Message):
            message = Message(body=message)
        while True:
            member = self._take(deadline)
            fresh = True
            try:
                sender, fresh = member.sender(address, deadline)
                return sender.send(message, deadline.remaining())
            except Timeout:
                member.suspect = True
                raise
            except (ConnectionException, SessionEnded, LinkException):
                # It has not left.  But if the link was new, the peer will not have it here.
                if deadline.passed or not (member.connection.closed or not fresh):
                    raise
            finally:
                self._store.give_back(member)

    def wait(self, timeout: Optional[float] = False) -> None:
        """Wait until there are ``min_size`` connections.

        :param timeout: how long, in seconds; ``False`` for the pool's :attr:`timeout`; ``None`` for no limit.
        :raises PoolTimeout: if there are not so many in time; its ``__cause__`` may tell why.
        :raises PoolClosed: if the pool is closed, or is while this waits.
        :raises ConnectionException: if the login is refused.
        :raises WrongThread: on the I/O thread of the pool's connections.
        """
        deadline = Deadline(timeout, self.timeout)
        future = self._store.fill()
        try:
            wait(future, deadline, lambda taken_back: self._timed_out(
                deadline, f"there were not {self._settings.min_size} connections (min_size)"))
        finally:
            self._store.leave(future)

    def get_stats(self) -> Dict[str, int]:
        """How the pool is, and what it has done, under the names that psycopg's pool has for them.

        Now: ``pool_min`` and ``pool_max``, as set; ``pool_size``, how many connections there are or are being made;
        ``pool_available``, how many of these nobody has; ``requests_waiting``, how many threads wait for one.

        Since it was made (in the child of a fork: since then): ``requests_num``, how often a connection was asked for;
        ``requests_queued``, how often none was free; ``requests_wait_ms``, how long those waited altogether, in
        milliseconds; ``requests_errors``, how often none was to be had; ``usage_ms``, how long connections were lent;
        ``returns_bad``, how many came back broken or closed; ``connections_num``, how often it was tried to make one;
        ``connections_ms``, how long that took where it succeeded; ``connections_errors``, how often it failed;
        ``connections_lost``, how many broke while nobody had them, or did not pass the check.
        """
        return self._store.gauges()

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the connections.  Those that are lent are closed when they are given back.  Closing again does nothing.

        :param timeout: how long to wait for the peer, in seconds; ``False`` for the pool's :attr:`timeout`; ``None``
            for no limit.
        :raises WrongThread: on the I/O thread of the pool's connections.
        """
        deadline = Deadline(timeout, self.timeout)
        if not self.closed:
            self._store.guard()
            self._store.close(deadline)

    def __enter__(self) -> "ConnectionPool":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        size = "closed" if self.closed else f"{self._store.size} of {self._settings.max_size} connections"
        return f"<ConnectionPool of {self.url}, {size}>"

    def __reduce__(self) -> Any:
        if self.closed:
            raise PoolClosed(f"the pool of {self.url} is closed")
        return _remake, (self._settings.arguments(),)

    # --- taking

    def _take(self, deadline: Deadline) -> Member:
        """A connection that has passed the check."""
        store = self._store
        store.count(requests_num=1)
        try:
            future = store.ask()
            while True:
                member = self._next(future, deadline)
                new, member.used = not member.used, True
                try:
                    if self._is_sound(member, deadline):
                        return member
                    if new:
                        sleep(min(CHECK_DELAY, _seconds_left(deadline)))
                except BaseException:
                    store.give_back(member, bad=not member.expired)
                    raise
                future = store.exchange(member, bad=not member.expired)
        except BaseException:
            store.count(requests_errors=1)
            raise

    def _next(self, future: "Future[Member]", deadline: Deadline) -> Member:
        if future.done():
            return future.result()
        begin = monotonic()
        try:
            return wait(future, deadline, lambda taken_back: self._timed_out(deadline, "no connection was to be had"))
        except BaseException:
            self._store.withdraw(future)
            raise
        finally:
            self._store.count(requests_wait_ms=(monotonic() - begin) * 1000)

    def _is_sound(self, member: Member, deadline: Deadline) -> bool:
        connection, check = member.connection, self._settings.check
        if connection.closed or member.expired:
            return False
        try:
            if member.suspect or check is True:
                connection.check(min(CHECK_TIMEOUT, _seconds_left(deadline)))
                member.suspect = False
            if callable(check) and check(connection) is False:
                return False
        except Exception as error:
            if deadline.passed:
                raise self._timed_out(deadline, "no connection passed the check") from error
            self._store.failure = error
            return False
        return not connection.closed

    def _timed_out(self, deadline: Deadline, what: str) -> PoolTimeout:
        error = PoolTimeout(f"Pool of {self.url} timed out: {what} within {deadline.timeout:g} seconds")
        failure = self._store.failure
        if failure is not None:
            error.args = (f"{error}; the last failure: {failure}",)
            error.__cause__ = failure
        return error


def _seconds_left(deadline: Deadline) -> float:
    left = deadline.remaining()
    return CHECK_TIMEOUT if left is None else left


def _remake(arguments: Dict[str, Any]) -> ConnectionPool:
    return ConnectionPool(**arguments)


def _forget(containers: List[Container]) -> None:
    for container in containers:
        container.begin_close(GRACE)
