"""The event loop under a container: it dispatches events, moves bytes and keeps time.

A turn of the loop is: run the calls that other threads queued, dispatch the events that have gathered, write what the
touched transports have to say; and, when all that has come to rest, wait for sockets and timers.  Dispatching comes
before writing, so that what the handlers did in a turn leaves in one piece for each connection, or in a few if there
was very much of it.

Nothing here knows of threads: :mod:`.runner` decides on which one the turns are taken.
"""

from __future__ import annotations

from time import monotonic, time
from typing import Any, Callable, Dict, List, Optional, Set

from ..engine import Collector, Connection, Delivery, Event, EventType, Handler, Transport
from ..engine.endpoint import boxed
from ..engine.events import dispatch
from ..errors import ProtonException
from . import lifetime
from .acceptor import Acceptor
from .call_queue import CallQueue, InternalCall
from .connector import Connector
from .io import Channel
from .loop import Loop
from .selectable import Selectable
from .timers import Timers

__all__ = ["Core"]

#: Events dispatched before the sockets get their turn again, however many more there are.  Many, because handlers look
#: at the states of endpoints: that one was opened here is to be told before the peer's answer is read.
_DISPATCH_BATCH = 10000

#: Events dispatched before what they led to is written, though there are more: so the peer has credit again, and hears
#: what was settled, while the rest of a long queue is worked off.  Each write costs as much as a few messages do.
_WRITE_EVERY = 128

#: So many events waiting are enough: a socket that would give more is not read again in the same turn.
_MANY = 1000


class Core:
    """What a container is made of, and one turn of its loop."""

    def __init__(self, *handlers: Any, global_handler: Any = None) -> None:
        self._reactor = self
        self._handler: Any = Handler()
        self._handler.handlers.extend(handlers)
        self._global_handler: Any = boxed(global_handler) if global_handler is not None else Handler()
        #: Exceptions of handlers that were added with ``on_error``, as ``sys.exc_info()`` gave them.
        self.errors: List[Any] = []
        self._now = time()
        self._hooks: Dict[EventType, Callable[[Any], None]] = {
            Event.CONNECTION_LOCAL_OPEN: self._on_local_open,
            Event.CONNECTION_LOCAL_CLOSE: self._on_local_close,
            Event.CONNECTION_REMOTE_OPEN: self._on_remote_open,
            Event.TRANSPORT: self._on_transport,
            Event.TRANSPORT_TAIL_CLOSED: self._on_tail_closed,
            Event.TRANSPORT_CLOSED: self._on_closed,
        }
        self._reset()

    def _reset(self) -> None:
        """Begin with nothing: no connections, no events, no descriptors."""
        self._collector = Collector()
        self._events = self._collector._events
        self._calls = CallQueue(self._wake)
        self._loop: Optional[Loop] = None
        #: The timers of the container and its parts; for applications there is ``schedule``.
        self.timers = Timers()
        self._tasks = 0
        self._connectors: Dict[Connection, Connector] = {}
        self._active: Set[Connector] = set()
        self._channels: Dict[Transport, Channel] = {}
        self._dirty: Dict[Channel, None] = {}
        self._over: List[Transport] = []
        self._acceptors: Set[Acceptor] = set()
        self._selectables: Set[Selectable] = set()
        self._when_ended: List[Callable[[Optional[BaseException]], None]] = []
        self._background = False
        self._stopping = False
        self._yielding = False
        self._closing = False
        self._finished = False
        self._quiescent = False
        #: Whether nothing of this is being changed just now, so that the process may fork; see :mod:`.lifetime`.
        self.resting = True

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

    def mark(self) -> float:
        """Take down the present time as :attr:`now`, in seconds since the epoch."""
        self._now = time()
        return self._now

    @property
    def now(self) -> float:
        """The time that :meth:`mark` last took down, in seconds since the epoch."""
        return self._now

    @property
    def loop(self) -> Loop:
        """The selector, made when first needed."""
        if self._loop is None:
            self._loop = Loop()
            self._has_descriptors()
        return self._loop

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            loop.wake()

    def _turn(self, timeout: Optional[float]) -> bool:
        """One step of the loop; false when it is over."""
        if self._events or self._calls or self._dirty or self._over:
            self._work()
            if self._stopping:
                return False
            if len(self._events) >= _DISPATCH_BATCH:
                self._expire()  # Nothing more is read until there is room for what that would make.
            elif self._events or self._calls:
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
        if self._selectables:
            for selectable in tuple(self._selectables):
                if not selectable.is_sound():
                    timeout = 0.0  # There is an event about that.
        deadline = self.timers.next_deadline
        if deadline is not None:
            left = max(0.0, deadline - monotonic())
            timeout = left if timeout is None else min(left, timeout)
        loop = self.loop
        self.resting = True
        ready = loop.wait(timeout)
        lifetime.go_on(self)
        loop.serve(ready)
        if deadline is not None:
            self._expire()
        self.mark()

    def _expire(self) -> None:
        self.timers.expire(monotonic())

    @property
    def busy(self) -> bool:
        """Whether very many events wait to be dispatched."""
        return len(self._events) >= _MANY

    def _work(self) -> None:
        """Run calls, dispatch events, write."""
        self._calls.run()
        if self._events:
            self._tell()
        if self._over and not self._events:
            self._end_transports()
        if self._dirty:
            dirty, self._dirty = self._dirty, {}
            for channel in dirty:
                channel.flush()
            if self._events:
                # Before the sockets are read again: handlers are to find the states that the writing led to.
                self._tell()

    def _tell(self) -> None:
        """Dispatch the events that have gathered."""
        self._quiescent = False
        events = self._events
        popleft = events.popleft
        dispatch = self._dispatch
        for count in range(1, _DISPATCH_BATCH + 1):
            if not events:
                break
            event = popleft()
            dispatch(event)
            if self._yielding:
                self._yielding = False
                break
            if not count % _WRITE_EVERY and events:
                # What comes by the hundred is deliveries, and mostly those of one connection.
                self._write_meanwhile(event._context if event.__class__ is Event else None)
        if self.errors:
            raise self.errors.pop(0)[1]

    def _write_meanwhile(self, context: Any) -> None:
        """Write for the connection of a delivery."""
        transport = context.transport if isinstance(context, Delivery) else None
        channel = self._channels.get(transport) if transport is not None else None
        if channel is not None:
            channel.write_meanwhile()

    def _dispatch(self, event: Any) -> None:
        etype = event._type
        if event.__class__ is Event:
            # The same as the event's handler, with a step less for what most events are about.
            nearest = getattr(event._context, "_nearest_handler", None)
            handler = (nearest() if nearest is not None else event.handler) or self._handler
            own = handler.__dict__ if handler.__class__ is Handler else ()
            # The handler of a container is a plain one, which only has others.
            dispatch(event, own["_handlers"] if len(own) == 1 and "_handlers" in own else (handler,), etype.method)
        else:
            event.dispatch(event.handler or self._handler)
        hook = self._hooks.get(etype)
        if hook is not None:
            hook(event)
        everything = self._global_handler
        if everything.__class__ is not Handler or everything.__dict__:
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
        for _ in range(len(self._events)):
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

    @property
    def closing(self) -> bool:
        """Whether all connections were closed, for the container to end."""
        return self._closing

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

    def submit_soon(self, function: Callable[..., Any], *args: Any) -> None:
        """Call ``function`` on the I/O thread, never from within this call.  What it raises ends the container."""
        self._calls.put(InternalCall(function, args))

    def prepare_server(self, transport: Transport) -> None:
        """Set up the transport of a connection that was accepted."""

    def _has_descriptors(self) -> None:
        """The loop was made."""
