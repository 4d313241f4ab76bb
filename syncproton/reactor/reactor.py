"""What applications make with a container besides connections and links to peers."""

from __future__ import annotations

import logging
from time import monotonic, time
from typing import Any, Optional

from ..engine import Connection, Event, EventBase, EventType
from ..errors import ProtonException
from ..security import SSLDomain
from .acceptor import Acceptor
from .application_event import ApplicationEvent
from .arguments import check_ssl_domain
from .injector import EventInjector
from .loop import READ, WRITE
from .runner import Runner
from .selectable import Selectable
from .timers import Task, check_seconds

__all__ = ["Reactor"]

logger = logging.getLogger("syncproton.reactor")


class Reactor(Runner):
    """Base class of :class:`Container`: connections in the raw, listeners, timers, descriptors, events."""

    def __init__(self, *handlers: Any, io_thread: bool = True, global_handler: Any = None, name: str = "") -> None:
        super().__init__(*handlers, io_thread=io_thread, global_handler=global_handler, name=name)
        self._hooks[Event.SELECTABLE_ERROR] = self._on_selectable_error
        self._hooks[Event.SELECTABLE_FINAL] = self._on_selectable_final

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

    def acceptor(
        self, host: Optional[str], port: int, handler: Any = None, ssl_domain: Optional[SSLDomain] = None
    ) -> Acceptor:
        """Listen at a host and port.  From any thread.

        :param host: a host name or address; ``None`` is all addresses of this machine.
        :param port: the port; 0 lets the system choose one, see :attr:`Acceptor.port`.
        :param handler: gets the events of the connections accepted instead of the container's handlers.
        :param ssl_domain: TLS settings; ``None`` is no TLS.
        :raises ListenError: (an ``OSError``) if that is not possible.
        :raises ValueError: if the port is none, or the settings were made for clients.
        """
        check_ssl_domain(ssl_domain, server=True)
        number = int(port)
        if not 0 <= number <= 65535:
            raise ValueError(f"a port is 0 to 65535, not {number}")
        # The host is looked up here, not on the I/O thread; and TLS is on before anybody can come in.
        acceptor = Acceptor(self, host, number, handler, ssl_domain)
        try:
            self._carry(self._accept, acceptor)
        except BaseException:
            acceptor.abandon()
            raise
        return acceptor

    def _accept(self, acceptor: Acceptor) -> None:
        acceptor.start()
        self._acceptors.add(acceptor)

    def schedule(self, delay: float, handler: Any) -> Task:
        """Have ``handler.on_timer_task`` called in ``delay`` seconds.  From any thread.

        :param delay: seconds, not negative.
        :param handler: the handler; ``None`` is the container's own.
        :returns: a task that can be cancelled.  It keeps the container running until its time has come.
        :raises TypeError: if the delay is not a number.
        :raises ValueError: if it is negative or not finite.
        """
        deadline = monotonic() + check_seconds(delay, "a delay")
        result: Task = self._carry(self._schedule, deadline, handler)
        return result

    def _schedule(self, deadline: float, handler: Any) -> Task:
        task = Task(self, handler)
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
        """Have the loop watch a file descriptor of the application's own; see :class:`Selectable`.  From any thread.

        It is watched once the handler has said for what, when ``on_selectable_init`` is called or later.

        :param handler: gets its events; an :class:`EventInjector`, for one.  ``None`` is the container's handlers.
        :param delegate: has the ``fileno`` method, a socket, for one; by default the handler.  Without such a method
            there is no descriptor, but there may be a deadline.
        :raises TypeError: if the delegate has no such method.
        :raises ProtonException: for an injector that some container has let go of.
        """
        if delegate is None:
            delegate = handler
        elif not callable(getattr(delegate, "fileno", None)):
            raise TypeError(f"a delegate has a fileno() method, and {type(delegate).__name__} has none")
        if isinstance(delegate, EventInjector) and delegate.released:
            raise ProtonException("the injector is closed")
        result: Selectable = self._carry(self._selectable, handler, delegate)
        return result

    def _selectable(self, handler: Any, delegate: Any) -> Selectable:
        selectable = Selectable(delegate, self, handler)
        self._selectables.add(selectable)
        self._collector.put(selectable, Event.SELECTABLE_INIT)
        return selectable

    def update(self, selectable: Selectable) -> None:
        """Look again at what a selectable wants to be watched for.  From any thread."""
        self._carry(self._update, selectable)

    def _update(self, selectable: Selectable) -> None:
        if selectable not in self._selectables:
            return  # let go of, by this container or by its last run
        self._unwatch(selectable)
        if selectable.is_terminal:
            self._selectables.discard(selectable)
            self._collector.put(selectable, Event.SELECTABLE_FINAL)
            return
        if selectable.deadline is not None:
            selectable._timer = self.timers.at(
                monotonic() + max(0.0, selectable.deadline - time()),
                lambda: self._collector.put(selectable, Event.SELECTABLE_EXPIRED),
            )
        mask = (READ if selectable.reading else 0) | (WRITE if selectable.writing else 0)
        selectable.error = None
        try:
            if mask:
                fd = selectable.fileno()
                self.loop.watch(fd, mask, selectable, afresh=True)
                selectable._watched = fd
        except (OSError, ValueError) as error:
            self._unwatchable(selectable, error)
        else:
            self._collector.put(selectable, Event.SELECTABLE_UPDATED)

    def _unwatch(self, selectable: Selectable) -> None:
        if selectable._timer is not None:
            selectable._timer.cancel()
            selectable._timer = None
        if selectable._watched is not None:
            self.loop.watch(selectable._watched, 0, selectable)
            selectable._watched = None

    def _unwatchable(self, selectable: Selectable, error: Exception) -> None:
        selectable.error = error
        self._collector.put(selectable, Event.SELECTABLE_ERROR)

    def selectable_lost(self, selectable: Selectable) -> None:
        """The delegate of a selectable closed its descriptor, or changed it, and did not say so."""
        self._unwatch(selectable)
        self._unwatchable(selectable, ValueError("the file descriptor that was watched is closed"))

    def _on_selectable_error(self, event: Any) -> None:
        selectable = event._context
        if selectable.error is not None and not selectable.is_terminal:
            logger.error("a file descriptor cannot be watched: %s", selectable.error)
            selectable.cancel()

    def _on_selectable_final(self, event: Any) -> None:
        event._context.close()

    def push_event(self, obj: Any, etype: Optional[EventType] = None) -> None:
        """Have an event dispatched.  From any thread.

        :param obj: an :class:`ApplicationEvent`, or what an event of type ``etype`` is to be about.
        :param etype: the type of the event.
        """
        self._carry(self._push_event, obj, etype)

    def _push_event(self, obj: Any, etype: Optional[EventType]) -> None:
        if isinstance(obj, Event):
            self._events.append(Event(obj.type, obj.context))
        elif isinstance(obj, EventBase):
            if isinstance(obj, ApplicationEvent):
                obj.container = self
            self._events.append(obj)  # type: ignore[arg-type]
        elif etype is not None:
            self._collector.put(obj, etype)
        else:
            raise TypeError("push_event() needs an event, or an object and an event type")

    @property
    def timer_deadline(self) -> Optional[float]:
        """When the next timer is due, in seconds since the epoch; ``None`` if there is none."""
        deadline = self.timers.next_deadline
        return None if deadline is None else time() + deadline - monotonic()

    def timer_tick(self) -> None:
        """Let what is due happen now.  The loop does that by itself."""
        self._carry(self.timers.expire, monotonic())

    def stop_events(self) -> None:
        """Drop the events that wait to be dispatched."""
        self._carry(self._events.clear)
