"""Events from other threads."""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import Any, Deque, Optional

from ..engine import EventBase
from ..errors import ProtonException

__all__ = ["EventInjector"]


class EventInjector:
    """Takes events from any thread and has them dispatched on the container's own.

    Pass it to :meth:`Container.selectable` to put it to work.  While it is open it keeps the container running.
    """

    def __init__(self) -> None:
        # Re-entrant, because a signal handler may trigger in the middle of a trigger.
        self._lock = threading.RLock()
        self._events: Deque[Any] = deque()
        self._closed = False
        self._released = False
        # The container is told over a socket pair, made when it first asks what to watch.
        self._receiver: Optional[socket.socket] = None
        self._sender: Optional[socket.socket] = None

    def trigger(self, event: Any) -> None:
        """Have ``event`` dispatched; events of one thread keep their order, and none is left out.

        :param event: usually an :class:`ApplicationEvent`; an event that a handler got, if it is to come once more.
        :raises TypeError: if it is no event.
        :raises ProtonException: if the injector was closed, or its container has ended.
        """
        if not isinstance(event, EventBase):
            raise TypeError(f"trigger() needs an event, not {type(event).__name__}")
        with self._lock:
            if self._closed:
                raise ProtonException("the injector is closed")
            # Asked before as well, because a signal handler may trigger right after the append.
            empty = not self._events
            self._events.append(event)
            if empty or len(self._events) == 1:
                self._wake()

    def close(self) -> None:
        """Take no more events.  Those already triggered are dispatched; then the container lets go of the injector."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._wake()

    def fileno(self) -> int:
        """The file descriptor that the container watches; -1 once it has let go of the injector."""
        with self._lock:
            if self._released:
                return -1
            if self._receiver is None:
                self._receiver, self._sender = socket.socketpair()
                self._receiver.setblocking(False)
                self._sender.setblocking(False)
                if self._events or self._closed:
                    self._wake()
            return self._receiver.fileno()

    def on_selectable_init(self, event: Any) -> None:
        """The container took the injector in: watch for what is triggered.

        :param event: its ``context`` is the :class:`Selectable`.
        """
        selectable = event.context
        selectable.reading = True
        event.reactor.update(selectable)

    def on_selectable_readable(self, event: Any) -> None:
        """Something was triggered, or the injector closed: pass the events on to the container.

        :param event: its ``context`` is the :class:`Selectable`.
        """
        receiver = self._receiver
        if receiver is None:
            return
        try:
            while receiver.recv(4096):
                pass
        except (BlockingIOError, InterruptedError):
            pass
        container = event.reactor
        events = self._events
        for _ in range(len(events)):
            container.push_event(events.popleft())
        with self._lock:
            if events:
                self._wake()
            elif self._closed:
                event.context.cancel()

    def on_selectable_final(self, event: Any) -> None:
        """The container let go of the injector.

        :param event: its ``context`` is the :class:`Selectable`.
        """
        self.release()

    def release(self) -> None:
        """Close the injector at once; what was triggered and not yet dispatched is dropped."""
        with self._lock:
            self._closed = self._released = True
            self._events.clear()
            for sock in (self._receiver, self._sender):
                if sock is not None:
                    sock.close()
            self._receiver = self._sender = None

    def abandon(self) -> None:
        """In the child of a fork: close the injector here; in the parent it goes on."""
        self._lock = threading.RLock()  # A thread that is not here may have held the other one.
        self.release()

    @property
    def released(self) -> bool:
        """Whether the container has let go of it: it can be used no more."""
        return self._released

    def _wake(self) -> None:
        if self._sender is None:
            return
        try:
            self._sender.send(b"\0")
        except (BlockingIOError, InterruptedError):
            pass  # the container has been told more often than it has looked
