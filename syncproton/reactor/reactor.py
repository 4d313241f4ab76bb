"""The event loop under :class:`Container`: it moves bytes, dispatches events and keeps time, on one thread at a time.

A turn of the loop is: run the calls that other threads queued, dispatch the events that have gathered, write what the
touched transports have to say; and, when all that has come to rest, wait for sockets and timers.  Dispatching comes
before writing, so that everything the handlers did in a turn leaves in one piece for each connection.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from threading import get_ident
from time import monotonic, time
from typing import Any, Callable, Dict, List, Optional, Set

from ..engine import Collector, Connection, Event, EventBase, EventType, Handler, Transport
from ..engine.endpoint import boxed
from ..errors import ProtonException, WrongThread
from . import lifetime
from .acceptor import Acceptor
from .call_queue import Call, CallQueue, InternalCall
from .connector import Connector
from .io import Channel
from .io_thread import IoThread
from .loop import READ, WRITE, Loop
from .selectable import Selectable
from .timers import Task, Timers

__all__ = ["Reactor"]

logger = logging.getLogger("syncproton.reactor")

#: Events dispatched before the sockets get their turn again, however many more there are.
_DISPATCH_BATCH = 10000


class Reactor:
    """Base class of :class:`Container`."""

    def __init__(self, *handlers: Any, io_thread: bool = True, global_handler: Any = None, name: str = "") -> None:
        self._reactor = self
        self._name = name
        self._handler: Any = Handler()
        self._handler.handlers.extend(handlers)
        self._global_handler: Any = boxed(global_handler) if global_handler is not None else Handler()
        self._collector = Collector()
        self._events = self._collector._events
        self._calls = CallQueue(self._wake)
        self._loop: Optional[Loop] = None
        #: The timers of this reactor and its parts; for applications there is :meth:`schedule`.
        self.timers = Timers()
        self._tasks = 0
        self._connectors: Dict[Connection, Connector] = {}
        self._active: Set[Connector] = set()
        self._channels: Dict[Transport, Channel] = {}
        self._dirty: Dict[Channel, None] = {}
        self._over: List[Transport] = []
        self._acceptors: Set[Acceptor] = set()
        self._selectables: Set[Selectable] = set()
        self._use_io_thread = io_thread
        self._thread: Optional[IoThread] = None
        self._ident: Optional[int] = None
        self._background = False
        self._stopping = False
        self._yielding = False
        self._closing = False
        self._finished = False
        self._quiescent = False
        self._when_ended: List[Callable[[Optional[BaseException]], None]] = []
        self._timeout: Optional[float] = 0.0
        self._now = time()
        #: Exceptions of handlers that were added with ``on_error``, as ``sys.exc_info()`` gave them.
        self.errors: List[Any] = []
        self._hooks: Dict[EventType, Callable[[Any], None]] = {
            Event.CONNECTION_LOCAL_OPEN: self._on_local_open,
            Event.CONNECTION_LOCAL_CLOSE: self._on_local_close,
            Event.CONNECTION_REMOTE_OPEN: self._on_remote_open,
            Event.TRANSPORT: self._on_transport,
            Event.TRANSPORT_TAIL_CLOSED: self._on_tail_closed,
            Event.TRANSPORT_CLOSED: self._on_closed,
        }

    # --- handlers

    @property
    def handler(self) -> Any:
        """The handler of all events whose connection, session or link has none of its own."""
        return self._handler

    @handler.setter
    def handler(self, handler: Any) -> None:
        self._handler = boxed(handler) if handler is not None else Handler()

    @property
    def global_handler(self) -> Any:
        """The handler that gets every event, after those it is meant for."""
        return self._global_handler

    @global_handler.setter
    def global_handler(self, handler: Any) -> None:
        self._global_handler = boxed(handler) if handler is not None else Handler()

    def on_error(self, info: Any) -> None:
        """Have :meth:`process` or :meth:`run` raise an exception that a handler raised.

        :param info: what ``sys.exc_info()`` gave.
        """
        self.errors.append(info)
        self.yield_()

    # --- running

    def run(self) -> None:
        """Run until :meth:`stop` is called or nothing is left to do.

        The loop runs on its own thread, or on this one if the container was made with ``io_thread=False``.  An
        exception out of a handler ends the container and is raised here.  Ctrl-C ends the container, with its sockets
        closed, and ``KeyboardInterrupt`` is raised.

        :raises ProtonException: if the container is running already.
        """
        if not self._use_io_thread:
            self._check_idle()
            self._prepare_run(background=False)
            self._main()
            return
        thread = self._launch(background=False)
        try:
            thread.wait()
        except BaseException:
            self.stop()
            thread.wait()
            raise
        self._thread = None
        if thread.failure is not None:
            raise thread.failure

    def start(self) -> None:
        """Begin to step the loop with :meth:`process` on the caller's thread."""
        self._check_idle()
        self._prepare_run(background=False)
        self._thread = None
        self._collector.put(self, Event.REACTOR_INIT)

    def process(self) -> bool:
        """Do one step: dispatch what there is, or wait up to :attr:`timeout` seconds for something to come.

        :returns: whether there is, or may be, more to do.
        :raises ProtonException: if the container has a thread of its own.
        """
        self._check_idle()
        if self._finished:
            return False
        self._ident = get_ident()
        try:
            if self._turn(self._timeout):
                return True
            self._finish()
            self._teardown(None)
            return False
        finally:
            self._ident = None

    def stop(self) -> None:
        """End the loop once the events at hand are dispatched.  From any thread, and from signal handlers."""
        self._stopping = True
        self._wake()

    def wakeup(self) -> None:
        """Make the loop turn once.  From any thread."""
        self._wake()

    def yield_(self) -> None:
        """Have :meth:`process` return after the present event."""
        self._yielding = True

    @property
    def timeout(self) -> Optional[float]:
        """How long :meth:`process` waits at most, in seconds; ``None`` is without limit."""
        return self._timeout

    @timeout.setter
    def timeout(self, seconds: Optional[float]) -> None:
        self._timeout = None if seconds is None else max(0.0, float(seconds))

    @property
    def quiesced(self) -> bool:
        """Whether no event waits to be dispatched."""
        return not self._events

    def mark(self) -> float:
        """Take down the present time as :attr:`now`, in seconds since the epoch."""
        self._now = time()
        return self._now

    @property
    def now(self) -> float:
        """The time that :meth:`mark` last took down, in seconds since the epoch."""
        return self._now

    # --- running in the background

    def start_background(self) -> None:
        """Start the I/O thread and return.  It runs until :meth:`stop` or :meth:`close`, whether it has work or not.

        :raises ProtonException: if the container is running already.
        """
        self._launch(background=True)

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        """Call ``function`` on the I/O thread.  From any thread; on the I/O thread itself it is called at once.

        :returns: a future of the result.  If the container ends before, the future fails with a
            :class:`~syncproton.ProtonException` whose cause is what ended it.
        """
        call = Call(function, args, kwargs)
        if self.on_io_thread:
            call.run()
        else:
            self._calls.put(call)
        return call.future

    def submit_soon(self, function: Callable[..., Any], *args: Any) -> None:
        """Call ``function`` on the I/O thread, never from within this call.  What it raises ends the container."""
        self._calls.put(InternalCall(function, args))

    @property
    def on_io_thread(self) -> bool:
        """Whether the caller is on the thread that the loop runs on."""
        return self._ident == get_ident()

    @property
    def in_background(self) -> bool:
        """Whether the container was started with :meth:`start_background` and still runs."""
        return self._background and self._thread is not None and not self._thread.ended

    def when_ended(self, callback: Callable[[Optional[BaseException]], None]) -> None:
        """Have ``callback`` called on the I/O thread after the loop's end, with what a handler raised or ``None``."""
        self._when_ended.append(callback)

    def close(self, timeout: Optional[float] = None) -> None:
        """Stop listening, close all connections, end the loop and wait for it.  From any thread.

        On the I/O thread it does not wait.

        :param timeout: how long peers have to answer the close, in seconds; by default 1.
        """
        grace = lifetime.EXIT_GRACE if timeout is None else max(0.0, timeout)
        thread = self._thread
        if thread is not None and not thread.ended:
            self.begin_close(grace)
            if not thread.is_current:
                thread.wait(grace + 1.0)
        elif self.on_io_thread:
            self.begin_close(grace)
        else:
            self._teardown(None)

    def begin_close(self, grace: float) -> None:
        """Start what :meth:`close` does, without waiting.  From any thread."""
        self._calls.put(InternalCall(self._close_politely, (grace,)))

    def wait_ended(self, timeout: float) -> bool:
        """Wait for the I/O thread to end, at most ``timeout`` seconds, and say whether it has."""
        thread = self._thread
        return thread is None or thread.wait(timeout)

    def _close_politely(self, grace: float) -> None:
        self._closing = True
        for acceptor in list(self._acceptors):
            acceptor._close()
        for selectable in list(self._selectables):
            selectable.release()
        for connector in list(self._active):
            if not connector.established:
                connector.cancel()
                self._active.discard(connector)
        for transport in list(self._channels):
            if transport.connection is not None:
                transport.connection.close()
        self.timers.after(grace, self.stop)

    # --- the loop

    def _check_idle(self) -> None:
        if self._thread is not None and not self._thread.ended or self._ident is not None:
            raise ProtonException("the container is running already")

    def _prepare_run(self, background: bool) -> None:
        self._background = background
        self._stopping = self._closing = self._finished = self._yielding = self._quiescent = False
        self._calls.reopen()

    def _launch(self, background: bool) -> IoThread:
        self._check_idle()
        self._prepare_run(background)
        # The loop has to be there before other threads can wake it.
        self.loop
        self._thread = thread = IoThread(f"syncproton-{self._name}", self._main)
        thread.start()
        return thread

    def _main(self) -> None:
        """Run the loop from its beginning to its end, on the thread that owns everything meanwhile."""
        self._ident = get_ident()
        failure: Optional[BaseException] = None
        try:
            self._collector.put(self, Event.REACTOR_INIT)
            while self._turn(None):
                pass
            self._finish()
        except BaseException as error:
            failure = error
            if self._background:
                logger.exception("an exception out of a handler ended the container")
            raise
        finally:
            self._teardown(failure)
            self._ident = None

    def _turn(self, timeout: Optional[float]) -> bool:
        """One step of the loop; false when it is over."""
        if self._events or self._calls or self._dirty or self._over:
            self._work()
            if self._events or self._calls:
                self._poll(0.0)  # Work that makes work must not keep sockets and timers waiting.
            return True
        if self._stopping or not self._alive():
            return False
        if not self._quiescent:
            self._quiescent = True
            self._dispatch(Event(Event.REACTOR_QUIESCED, self))
            if self._events or self._calls or self._dirty or self._stopping:
                return True
        self._poll(timeout)
        self._work()
        return True

    def _poll(self, timeout: Optional[float]) -> None:
        """Wait up to ``timeout`` seconds (``None``: without limit) for sockets and timers, and serve those due."""
        deadline = self.timers.next_deadline
        if deadline is not None:
            left = max(0.0, deadline - monotonic())
            timeout = left if timeout is None else min(left, timeout)
        self.loop.poll(timeout)
        if deadline is not None:
            self.timers.expire(monotonic())
        self.mark()

    def _work(self) -> None:
        """Run calls, dispatch events, write."""
        self._calls.run()
        events = self._events
        if events:
            self._quiescent = False
            popleft = events.popleft
            dispatch = self._dispatch
            for _ in range(_DISPATCH_BATCH):
                if not events:
                    break
                dispatch(popleft())
                if self._yielding:
                    self._yielding = False
                    break
        if self.errors:
            raise self.errors.pop(0)[1]
        if self._over and not events:
            self._end_transports()
        if self._dirty:
            dirty, self._dirty = self._dirty, {}
            for channel in dirty:
                channel.flush()

    def _dispatch(self, event: Any) -> None:
        event.dispatch(event.handler or self._handler)
        hook = self._hooks.get(event._type)
        if hook is not None:
            hook(event)
        everything = self._global_handler
        if everything.__class__ is not Handler or everything.handlers:
            event.dispatch(everything)

    def _alive(self) -> bool:
        """Whether there is anything that could still happen."""
        if self._active or self._channels:
            return True
        if self._closing:
            return False
        return bool(self._background or self._tasks or self._acceptors or self._selectables)

    def _finish(self) -> None:
        """The loop is over: say so."""
        self._dispatch(Event(Event.REACTOR_FINAL, self))
        while self._events:
            self._dispatch(self._events.popleft())

    def _teardown(self, failure: Optional[BaseException]) -> None:
        """Let go of all descriptors and of everybody who waits."""
        self._finished = True
        for channel in list(self._channels.values()):
            if failure is None:
                channel.flush()
            channel.close()
        for connector in list(self._active):
            connector.cancel()
        self._active.clear()
        for acceptor in list(self._acceptors):
            acceptor._close()
        for selectable in self._selectables:
            selectable.container_ended()
        self._selectables.clear()
        self.timers.clear()
        self._tasks = 0
        self._dirty.clear()
        self._over.clear()
        self._events.clear()
        if self._loop is not None:
            self._loop.close()
            self._loop = None
        error = ProtonException("the container has ended")
        error.__cause__ = failure
        for call in self._calls.close(error):
            call.fail(error)
        callbacks, self._when_ended = self._when_ended, []
        for callback in callbacks:
            callback(failure)

    def abandon(self) -> None:
        """In the child of a fork: let go of what is the parent's, without a word on the wire."""
        for channel in self._channels.values():
            channel.abandon()
        for connector in self._active:
            connector.abandon()
        for acceptor in self._acceptors:
            acceptor.abandon()
        if self._loop is not None:
            self._loop.close()
        Reactor.__init__(
            self, io_thread=self._use_io_thread, global_handler=self._global_handler, name=self._name
        )
        self._calls.close(ProtonException("the container belongs to the parent process"))
        self._finished = True

    @property
    def loop(self) -> Loop:
        """The selector, made when first needed."""
        if self._loop is None:
            self._loop = Loop()
            lifetime.remember(self)
        return self._loop

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            loop.wake()

    def _carry(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``function`` where it may be called: here if no loop runs or this is its thread, else over there."""
        if self._ident is None and (self._thread is None or self._thread.ended) or self.on_io_thread:
            return function(*args, **kwargs)
        return self.submit(function, *args, **kwargs).result()

    def _check_thread(self) -> None:
        """Raise if the caller has no business with the connections of this container."""
        owner = self._ident
        if owner is not None and owner != get_ident():
            raise WrongThread("connections belong to their container's I/O thread: use container.submit()")

    # --- what the hooks do

    def _on_local_open(self, event: Any) -> None:
        connector = self._connectors.get(event._context)
        if connector is not None:
            connector.opened()

    def _on_local_close(self, event: Any) -> None:
        connector = self._connectors.get(event._context)
        if connector is not None:
            connector.closed()

    def _on_remote_open(self, event: Any) -> None:
        connector = self._connectors.get(event._context)
        if connector is not None:
            connector.answered()

    def _on_transport(self, event: Any) -> None:
        channel = self._channels.get(event._context)
        if channel is not None:
            self._dirty[channel] = None

    def _on_tail_closed(self, event: Any) -> None:
        transport = event._context
        connector = self._connectors.get(transport.connection) if transport.connection is not None else None
        if connector is not None:
            connector.tail_closed(transport)
        self._on_transport(event)

    def _on_closed(self, event: Any) -> None:
        # Handlers of events that are still to come want to find the connection on the transport.
        self._over.append(event._context)

    def _end_transports(self) -> None:
        over, self._over = self._over, []
        for transport in over:
            channel = self._channels.get(transport)
            if channel is not None:
                channel.flush()
                if transport in self._channels:
                    channel.close()
            self._transport_over(transport)

    def _transport_over(self, transport: Transport) -> None:
        """A transport has come to its end, and all handlers have heard of it."""
        connection = transport.connection
        if connection is None:
            return
        connector = self._connectors.get(connection)
        if connector is not None:
            connector.transport_closed(transport)
        else:
            transport.unbind()
            self._forget(connection)

    # --- what the parts tell

    def touch(self, channel: Channel) -> None:
        """A channel's transport may have something to say."""
        self._dirty[channel] = None

    def add_channel(self, channel: Channel) -> None:
        """A socket was connected."""
        self._channels[channel.transport] = channel

    def channel_closed(self, channel: Channel) -> None:
        """A channel closed its socket."""
        self._channels.pop(channel.transport, None)
        self._dirty.pop(channel, None)

    def connector_began(self, connector: Connector) -> None:
        """A connector has begun to try."""
        self._active.add(connector)

    def connector_ended(self, connector: Connector) -> None:
        """A connector will not try again."""
        self._active.discard(connector)
        self._forget(connector.connection)

    def _forget(self, connection: Connection) -> None:
        """A connection has come to its end: keep nothing that belongs to it."""
        self._connectors.pop(connection, None)

    def is_active(self, connection: Connection) -> bool:
        """Whether a connection that this container made is up, being made, or to be made again."""
        return self._connectors.get(connection) in self._active

    def acceptor_closed(self, acceptor: Acceptor) -> None:
        """An acceptor stopped listening."""
        self._acceptors.discard(acceptor)

    def prepare_server(self, transport: Transport) -> None:
        """Set up the transport of a connection that was accepted."""

    # --- what applications make

    def connection(self, handler: Any = None) -> Connection:
        """A new connection whose events this container dispatches.  It is not connected to anything.

        :param handler: gets its events instead of the container's handlers.
        """
        connection = Connection()
        connection._reactor = self
        connection._guard = self._check_thread
        if handler is not None:
            connection.handler = handler
        connection.collect(self._collector)
        return connection

    def acceptor(self, host: Optional[str], port: int, handler: Any = None) -> Acceptor:
        """Listen at a host and port.

        :param host: a host name or address; ``None`` is all addresses of this machine.
        :param port: the port; 0 lets the system choose one, see :attr:`Acceptor.port`.
        :param handler: gets the events of the connections accepted instead of the container's handlers.
        :raises ListenError: (an ``OSError``) if that is not possible.
        """
        result: Acceptor = self._carry(self._acceptor, host, port, handler)
        return result

    def _acceptor(self, host: Optional[str], port: int, handler: Any) -> Acceptor:
        acceptor = Acceptor(self, host, port, handler)
        acceptor.start()
        self._acceptors.add(acceptor)
        return acceptor

    def schedule(self, delay: float, handler: Any) -> Task:
        """Have ``handler.on_timer_task`` called in ``delay`` seconds.  From any thread.

        :param delay: seconds, not negative.
        :param handler: the handler; ``None`` is the container's own.
        :returns: a task that can be cancelled.
        :raises TypeError: if the delay is not a number.
        :raises ValueError: if it is negative or not finite.
        """
        if isinstance(delay, bool) or not isinstance(delay, (int, float)):
            raise TypeError(f"a delay is a number of seconds, not {delay!r}")
        if not 0 <= delay < float("inf"):
            raise ValueError(f"a delay is at least 0 seconds, not {delay!r}")
        result: Task = self._carry(self._schedule, monotonic() + delay, handler)
        return result

    def _schedule(self, deadline: float, handler: Any) -> Task:
        task = Task(self, boxed(handler))
        self._tasks += 1
        task._timer = self.timers.at(deadline, lambda: self._task_due(task))
        return task

    def _task_due(self, task: Task) -> None:
        self._tasks -= 1
        self._collector.put(task, Event.TIMER_TASK)

    def _cancel_task(self, task: Task) -> None:
        if task._timer is not None and task._timer.pending:
            task._timer.cancel()
            self._tasks -= 1

    def selectable(self, handler: Any = None, delegate: Any = None) -> Selectable:
        """Have the loop watch a file descriptor of the application's own; see :class:`Selectable`.

        :param handler: gets its events; an :class:`EventInjector`, for one.
        :param delegate: has the ``fileno`` method; by default the handler.
        """
        result: Selectable = self._carry(self._selectable, handler, delegate)
        return result

    def _selectable(self, handler: Any, delegate: Any) -> Selectable:
        selectable = Selectable(handler if delegate is None else delegate, self, boxed(handler))
        self._selectables.add(selectable)
        self._collector.put(selectable, Event.SELECTABLE_INIT)
        return selectable

    def update(self, selectable: Selectable) -> None:
        """Look again at what a selectable wants to be watched for.  On the I/O thread."""
        if selectable._timer is not None:
            selectable._timer.cancel()
            selectable._timer = None
        if selectable.is_terminal:
            mask = 0
        else:
            mask = (READ if selectable.reading else 0) | (WRITE if selectable.writing else 0)
            if selectable.deadline:
                selectable._timer = self.timers.at(
                    selectable.deadline, lambda: self._collector.put(selectable, Event.SELECTABLE_EXPIRED)
                )
        fd = selectable.fileno() if mask else selectable._watched
        if selectable._watched is not None and selectable._watched != fd:
            self.loop.watch(selectable._watched, 0, selectable)
        if fd is not None and fd >= 0:
            self.loop.watch(fd, mask, selectable)
        selectable._watched = fd if mask else None
        if selectable.is_terminal and selectable in self._selectables:
            self._selectables.discard(selectable)
            self._collector.put(selectable, Event.SELECTABLE_FINAL)
        elif not selectable.is_terminal:
            self._collector.put(selectable, Event.SELECTABLE_UPDATED)

    def push_event(self, obj: Any, etype: Optional[EventType] = None) -> None:
        """Have an event dispatched.  From any thread.

        :param obj: an :class:`ApplicationEvent`, or what an event of type ``etype`` is to be about.
        :param etype: the type of the event.
        """
        self._carry(self._push_event, obj, etype)

    def _push_event(self, obj: Any, etype: Optional[EventType]) -> None:
        if isinstance(obj, EventBase):
            event: Any = obj
            event.container = self
            self._events.append(event)
        elif etype is not None:
            self._collector.put(obj, etype)
        else:
            raise TypeError("push_event() needs an event, or an object and an event type")
