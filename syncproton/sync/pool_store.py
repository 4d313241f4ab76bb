"""The connections of a pool: who has them, who waits for them, and when they are made and ended.

There is no thread of the pool's own.  All connections share one container, on whose I/O thread timers run and losses
are noticed.  Each attempt to connect, and each close, is on a thread that ends with it; it is rare, and it blocks.

Nothing is waited for with the lock held, and nobody else's code is called: the I/O thread takes it too.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from concurrent.futures import Future
from time import monotonic
from typing import Any, Callable, Deque, Dict, List, Optional, Set
from weakref import ref

from ..engine.trace_text import one_line
from ..errors import PoolClosed, ProtonException, TooManyWaiting, WrongThread
from ..reactor import Container, lifetime
from ..reactor.futures import new_future
from .connecting import connect
from .connection import DEFAULT_TIMEOUT, GRACE, Connection
from .connection_driver import FATAL_CONDITIONS
from .deadline import Deadline
from .pool_member import Member
from .pool_settings import PoolSettings
from .pool_stats import PoolStats
from .waiting import fail, fresh, start

__all__ = ["Store"]

logger = logging.getLogger("syncproton.pool")

#: Seconds before a failed attempt to connect is repeated, doubled each time up to a limit: that for when somebody
#: waits for a connection, and that for when it is only to be there.
FIRST_DELAY = 0.05
LONGEST_DELAY = 1.0
LONGEST_IDLE_DELAY = 30.0


class Store:
    """What a pool has.  All methods are for any thread."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._closed = False
        #: Has, from now on, the container in use.
        self.containers: List[Container] = []
        self._reset()
        lifetime.inherit(self)

    def after_fork(self) -> None:
        """In the child of a fork: the parent keeps what there is.  (What the pool was told, and a close, stands.)"""
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._hurry = threading.Condition(self._lock)
        #: The one used last is on the right, and is used first: the others may grow old.
        self._idle: Deque[Member] = deque()
        self._lent: Dict[Connection, Member] = {}
        self._waiting: Deque["Future[Member]"] = deque()
        self._filling: Set["Future[None]"] = set()
        #: How many connections are being made.
        self._opening = 0
        self._delay = FIRST_DELAY
        self._container: Optional[Container] = None
        self.containers.clear()
        self._number = 0
        self._tidy_at: Optional[float] = None
        #: Why a connection could not be made last, unless one was since.
        self.failure: Optional[BaseException] = None
        self.stats = PoolStats()

    # --- what there is

    @property
    def size(self) -> int:
        """How many connections there are, or are being made."""
        return len(self._idle) + len(self._lent) + self._opening

    @property
    def closed(self) -> bool:
        """Whether the pool was closed."""
        return self._closed

    def gauges(self) -> Dict[str, int]:
        """What there is just now, and what was counted."""
        with self._lock:
            return {
                "pool_min": self._settings.min_size,
                "pool_max": self._settings.max_size,
                "pool_size": self.size,
                "pool_available": len(self._idle),
                "requests_waiting": len(self._waiting),
                **self.stats.as_dict(),
            }

    def guard(self) -> None:
        """Refuse what is useless.

        :raises WrongThread: on the I/O thread of the pool's connections.
        :raises PoolClosed: once the pool is closed.
        """
        container = self._container
        if container is not None and container.on_io_thread:
            raise WrongThread("waiting for a pool on the I/O thread of its connections: they could not be made")
        if lifetime.exiting:
            lifetime.hush()
            raise PoolClosed(f"the pool of {self._settings.shown} is closed, because the program ends")
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise PoolClosed(f"the pool of {self._settings.shown} is closed")

    def count(self, **more: float) -> None:
        """Add to counters."""
        with self._lock:
            for name, by in more.items():
                setattr(self.stats, name, getattr(self.stats, name) + by)

    # --- lending

    def ask(self) -> "Future[Member]":
        """A future for a connection; those who ask are served in order.

        :raises TooManyWaiting: if so many wait already.
        """
        future: "Future[Member]" = new_future()
        self.guard()
        with self._lock:
            self._check_open()
            if self._idle:
                self._lend(self._idle.pop(), future)
                return future
            most = self._settings.max_waiting
            if most and len(self._waiting) >= most:
                raise TooManyWaiting(f"max_waiting: {most} threads wait for the pool of {self._settings.shown} already")
            self._waiting.append(future)
            self.stats.requests_queued += 1
            self._hurry.notify_all()
            begun = self._grow()
        self._begin(begun)
        return future

    def exchange(self, member: Member, bad: bool) -> "Future[Member]":
        """Give back a connection that was of no use, and ask for another one before all others who wait.

        :param bad: it did not pass the check.
        """
        future: "Future[Member]" = new_future()
        try:
            self.guard()
            with self._lock:
                self._check_open()
                if self._idle:
                    self._lend(self._idle.pop(), future)
                else:
                    self._waiting.appendleft(future)
                    self._hurry.notify_all()
        finally:
            # Only now, as the place that it leaves is the next one's.
            self.give_back(member, bad)
        return future

    def withdraw(self, future: "Future[Member]") -> None:
        """The one who asked does not wait any more; if it got a connection meanwhile, that goes to others."""
        if future.cancel():
            with self._lock:
                if future in self._waiting:
                    self._waiting.remove(future)
        elif future.exception() is None:
            self.give_back(future.result())

    def give_back(self, member: Member, bad: bool = False) -> None:
        """A connection is free again.

        :param bad: it did not pass the check.
        """
        connection = member.connection
        if connection._driver.inherited:
            return  # It was lent before the fork that made this process.
        with self._lock:
            if self._lent.pop(connection, None) is None:
                return
            now = monotonic()
            self.stats.usage_ms += (now - member.since) * 1000
            member.since = now
            if bad:
                self.stats.connections_lost += 1
            elif connection.closed:
                self.stats.returns_bad += 1
            good = not (bad or self._closed or connection.closed or member.expired)
            if good:
                self._offer(member)
            begun = self._grow()
            last = self._is_over()
        if not good:
            self._end(member)
        self._begin(begun)
        if last:
            self._end_container(GRACE)

    def _offer(self, member: Member) -> None:
        """Hand a connection to the next one who waits, or keep it.  With the lock held."""
        while self._waiting:
            future = self._waiting.popleft()
            if start(future):
                self._lend(member, future)
                return
        member.since = monotonic()
        self._idle.append(member)
        self._plan_tidying()

    def _lend(self, member: Member, future: "Future[Member]") -> None:
        member.since = monotonic()
        self._lent[member.connection] = member
        if start(future):
            future.set_result(member)

    # --- making connections

    def fill(self) -> "Future[None]":
        """A future that completes when there are as many connections as there are to be at least."""
        future: "Future[None]" = new_future()
        self.guard()
        with self._lock:
            self._check_open()
            self._filling.add(future)
            self._check_filled()
            self._hurry.notify_all()
            begun = self._grow()
        self._begin(begun)
        return future

    def leave(self, future: "Future[None]") -> None:
        """The one who waited on :meth:`fill` has gone."""
        with self._lock:
            self._filling.discard(future)

    def _check_filled(self) -> None:
        if len(self._idle) + len(self._lent) >= self._settings.min_size:
            filling, self._filling = self._filling, set()
            for future in filling:
                if start(future):
                    future.set_result(None)

    def _wanted(self) -> int:
        """How many connections should be on the way.  With the lock held."""
        if self._closed or lifetime.exiting:
            return 0
        there = len(self._idle) + len(self._lent)
        return min(max(len(self._waiting), self._settings.min_size - there), self._settings.max_size - there)

    def _grow(self) -> int:
        """How many attempts to connect are to be begun; they count already.  With the lock held."""
        more = max(0, self._wanted() - self._opening)
        self._opening += more
        return more

    def _begin(self, attempts: int) -> None:
        """Begin attempts to connect, each on a thread of its own.  Without the lock."""
        for _ in range(attempts):
            try:
                _spawn("syncproton-pool-open", self._open)
            except RuntimeError as error:  # there are too many threads, or the program ends
                with self._lock:
                    self._opening -= 1
                    self.failure = error

    def _open(self) -> None:
        """Make one connection, trying until it is there or not wanted any more."""
        while True:
            begin = monotonic()
            try:
                connection = self._connect()
            except Exception as error:
                if self._failed(error):
                    return
            else:
                self._opened(connection, monotonic() - begin)
                return

    def _connect(self) -> Connection:
        settings = self._settings
        with self._lock:
            self._check_open()
            self.stats.connections_num += 1
            self._number += 1
            container = self._container
            if container is None or not container.in_background:
                # The first one, or the one before was ended by a handler.
                container = self._container = Container()
                container.start_background()
                self.containers[:] = [container]
                self._tidy_at = None
            # Some brokers take no two connections of one container.
            options = {"container_id": f"{container.container_id}-{self._number}", **settings.options}
        # An attempt has the time that one needs, however short those who ask are of it.
        connection = connect(settings.url, timeout=DEFAULT_TIMEOUT, container=container, **options)
        connection.timeout = settings.timeout
        return connection

    def _opened(self, connection: Connection, took: float) -> None:
        member = Member(connection, self._settings.max_lifetime)
        self._watch(member)
        with self._lock:
            self._opening -= 1
            self.failure = None
            self._delay = FIRST_DELAY
            self.stats.connections_ms += took * 1000
            wanted = not self._closed
            if wanted:
                self._offer(member)
                self._check_filled()
            # Others have given up while the peer was not there.
            begun = self._grow()
            last = self._is_over()
        if not wanted:
            self._end(member)
        self._begin(begun)
        if last:
            self._end_container(GRACE)

    def _failed(self, error: Exception) -> bool:
        """An attempt has failed.  Wait before the next one; true if there is to be none."""
        logger.info("a connection of the pool of %s could not be made: %s", self._settings.shown, one_line(error))
        with self._lock:
            self.failure = error
            self.stats.connections_errors += 1
            if not isinstance(error, ProtonException) or getattr(error, "condition", None) in FATAL_CONDITIONS:
                # Waiting does not make it better: say so at once.
                for future in self._leave_all():
                    fail(future, fresh(error))
                self._delay = LONGEST_IDLE_DELAY
            # While the peer is not there one goes on trying, and begins others when it is back.
            if self._opening == 1 and self._wanted():
                longest = LONGEST_DELAY if self._waiting or self._filling else LONGEST_IDLE_DELAY
                self._hurry.wait(min(self._delay, longest) * random.uniform(0.7, 1.0))
                self._delay = min(self._delay * 2, LONGEST_IDLE_DELAY)
                if self._wanted() >= self._opening:
                    return False
            self._opening -= 1
            last = self._is_over()
        if last:
            self._end_container(GRACE)
        return True

    # --- ending connections

    def _watch(self, member: Member) -> None:
        """Have :meth:`_lost` called, on the I/O thread, when the connection ends."""
        driver, store, watched = member.connection._driver, ref(self), ref(member)

        def add(future: "Future[None]") -> None:
            driver.waiters.add(future)

        def ended(_: "Future[None]") -> None:
            here, lost = store(), watched()
            if here is not None and lost is not None:
                here._lost(lost)

        driver.begin(add).add_done_callback(ended)

    def _lost(self, member: Member) -> None:
        with self._lock:
            if member not in self._idle:
                return  # Who has it lent will see.
            self._idle.remove(member)
            self.stats.connections_lost += 1
            begun = self._grow()
        logger.info("an idle connection of the pool of %s was lost", self._settings.shown)
        self._begin(begun)

    def _end(self, member: Member, timeout: Optional[float] = DEFAULT_TIMEOUT) -> Optional[threading.Thread]:
        """Close a connection, on a thread of its own."""
        if member.connection.closed:
            return None
        try:
            return _spawn("syncproton-pool-close", lambda: _close(member.connection, timeout))
        except RuntimeError:
            return None  # no more threads are to be had: it is closed once it is forgotten

    def _plan_tidying(self) -> None:
        """Have :meth:`_tidy` called when the next idle connection has become too old.  With the lock held."""
        due = self._next_due()
        container = self._container
        if due is None or container is None or (self._tidy_at is not None and self._tidy_at <= due):
            return
        self._tidy_at = due
        container.submit(container.schedule, max(0.0, due - monotonic()), _Tidying(self))

    def _next_due(self) -> Optional[float]:
        dues = [member.expires for member in self._idle if member.expires is not None]
        if self._settings.max_idle is not None and self.size > self._settings.min_size:
            dues += [member.since + self._settings.max_idle for member in self._idle]
        return min(dues, default=None)

    def tidy(self) -> None:
        """End the idle connections that are too old."""
        now, max_idle = monotonic(), self._settings.max_idle
        over: List[Member] = []
        with self._lock:
            self._tidy_at = None
            for member in list(self._idle):
                too_many = self.size > self._settings.min_size
                unused = max_idle is not None and too_many and now >= member.since + max_idle
                if unused or member.expired:
                    self._idle.remove(member)
                    over.append(member)
            begun = self._grow()
            self._plan_tidying()
        for member in over:
            self._end(member)
        self._begin(begun)

    def close(self, deadline: Deadline) -> None:
        """Close the idle connections and let no more be had; those lent are closed when they are given back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle, waiting = list(self._idle), self._leave_all()
            self._idle.clear()
            self._hurry.notify_all()
            none_lent = not self._lent
        for future in waiting:
            fail(future, PoolClosed(f"the pool of {self._settings.shown} was closed"))
        for thread in [self._end(member, deadline.remaining()) for member in idle]:
            if thread is not None:
                thread.join(deadline.remaining())
        if none_lent:
            # Attempts that are under way are given up.
            self._end_container(deadline.remaining())

    def _leave_all(self) -> "List[Future[Any]]":
        """Those who wait, who do not any more.  With the lock held."""
        waiting: "List[Future[Any]]" = [*self._waiting, *self._filling]
        self._waiting.clear()
        self._filling.clear()
        return waiting

    def _is_over(self) -> bool:
        """Whether this was the last connection of a closed pool.  With the lock held."""
        return self._closed and not self._lent and not self._opening

    def _end_container(self, timeout: Optional[float]) -> None:
        with self._lock:
            container, self._container = self._container, None
            self.containers.clear()
        if container is not None:
            container.close(GRACE if timeout is None else min(timeout, GRACE))


class _Tidying:
    """The timer of a store that may be forgotten meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = ref(store)

    def on_timer_task(self, event: Any) -> None:
        store = self._store()
        if store is not None:
            store.tidy()


def _spawn(name: str, work: Callable[[], None]) -> threading.Thread:
    if lifetime.exiting:
        raise RuntimeError("the program ends")
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _close(connection: Connection, timeout: Optional[float]) -> None:
    try:
        connection.close(timeout)
    except ProtonException:
        pass  # it is gone nevertheless
