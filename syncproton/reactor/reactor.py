"""What applications make with a container besides connections and links to peers."""

from __future__ import annotations

from time import monotonic, time
from typing import Any, Optional

from ..engine import Connection, Event, EventBase, EventType
from ..engine.endpoint import boxed
from .acceptor import Acceptor
from .loop import READ, WRITE
from .runner import Runner
from .selectable import Selectable
from .timers import Task

__all__ = ["Reactor"]


class Reactor(Runner):
    """Base class of :class:`Container`: connections in the raw, listeners, timers, descriptors, events."""

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
