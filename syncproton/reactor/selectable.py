"""File descriptors of the application's own in the container's loop."""

from __future__ import annotations

from time import time
from typing import Any, Optional

from ..engine import Event, EventType
from ..engine.events import _selectable_kind
from .injector import EventInjector
from .loop import READ, WRITE
from .timers import Timer, check_seconds

__all__ = ["Selectable"]


class Selectable:
    """A file descriptor that the container watches, and the handler that hears of it.

    Set :attr:`reading`, :attr:`writing` and :attr:`deadline`, then call :meth:`update`.  The handler's methods are
    ``on_selectable_init``, ``on_selectable_updated``, ``on_selectable_readable``, ``on_selectable_writable``,
    ``on_selectable_expired``, ``on_selectable_error`` and ``on_selectable_final``; ``event.selectable``, which is also
    ``event.context``, is this.  It keeps the container running until :meth:`terminate` and :meth:`update`, or
    :meth:`cancel`.

    ``on_selectable_error`` is called if the descriptor cannot be watched, because it was closed, for one;
    :attr:`error` says why.  If the handler does not then call :meth:`update` with one that can, the container lets go
    of the selectable.

    Attributes that are not here are looked for on the delegate: ``event.selectable.recv(4096)``.

    :ivar reading: whether to watch for something to read.
    :ivar writing: whether to watch for room to write.
    :ivar error: why the descriptor could not be watched, an exception; ``None`` if it can.
    """

    # What events ask of their context.  A delegate may well have such attributes, but they are not the events'.
    connection = session = link = delivery = transport = None

    def __init__(self, delegate: Any, container: Any, handler: Any = None) -> None:
        self._delegate = delegate
        self._reactor = container
        self._handler = handler
        self.reading = False
        self.writing = False
        self.error: Optional[Exception] = None
        self._deadline: Optional[float] = None
        self._timer: Optional[Timer] = None
        self._watched: Optional[int] = None
        self._terminal = False
        self._released = False

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            try:
                return getattr(self._delegate, name)
            except AttributeError:
                pass
        raise AttributeError(f"neither a selectable nor its delegate has an attribute {name!r}")

    @property
    def handler(self) -> Any:
        """The handler that gets the events of this selectable; without one the container's handlers do."""
        return self._handler

    @handler.setter
    def handler(self, handler: Any) -> None:
        self._handler = handler

    @property
    def container(self) -> Any:
        """The container that watches it."""
        return self._reactor

    @property
    def deadline(self) -> Optional[float]:
        """When ``on_selectable_expired`` is to be called, in seconds since the epoch, as :attr:`Container.now` is.

        ``None`` is never, and so is 0.  It is called once for each :meth:`update`.

        :raises TypeError, ValueError: for what is no moment.
        """
        return self._deadline

    @deadline.setter
    def deadline(self, deadline: Optional[float]) -> None:
        self._deadline = check_seconds(deadline, "a deadline") if deadline is not None and deadline != 0 else None

    @property
    def is_terminal(self) -> bool:
        """Whether :meth:`terminate` was called."""
        return self._terminal

    @property
    def is_registered(self) -> bool:
        """Whether the container watches its descriptor."""
        return self._watched is not None

    def fileno(self) -> int:
        """The file descriptor, or -1 if there is none."""
        fileno = getattr(self._delegate, "fileno", None)
        return int(fileno()) if fileno is not None else -1

    def expire_in(self, delay: float) -> None:
        """Set :attr:`deadline` to ``delay`` seconds from now."""
        self.deadline = time() + check_seconds(delay, "a delay")

    def update(self) -> None:
        """Have the container look again at what is to be watched.  From any thread."""
        self._reactor.update(self)

    def terminate(self) -> None:
        """Watch no more.  With the next :meth:`update` the container lets go of it and closes the delegate."""
        self._terminal = True

    def cancel(self) -> None:
        """Watch no more, from now on: :meth:`terminate` and :meth:`update`.  From any thread."""
        self.terminate()
        self.update()

    def release(self) -> None:
        """Leave the delegate open when the container lets go of this."""
        self._released = True

    def close(self) -> None:
        """Close the delegate, if it can be closed and was not released.  The container does so in the end."""
        close = getattr(self._delegate, "close", None)
        if close is not None and not self._released:
            close()

    def push_event(self, context: Any, etype: EventType) -> None:
        """Have the container dispatch an event; see :meth:`Container.push_event`."""
        self._reactor.push_event(context, etype)

    def readable(self) -> None:
        """Have ``on_selectable_readable`` called."""
        self.push_event(self, Event.SELECTABLE_READABLE)

    def writable(self) -> None:
        """Have ``on_selectable_writable`` called."""
        self.push_event(self, Event.SELECTABLE_WRITABLE)

    def expired(self) -> None:
        """Have ``on_selectable_expired`` called."""
        self.push_event(self, Event.SELECTABLE_EXPIRED)

    # What the container calls.

    def on_ready(self, mask: int) -> None:
        """Turn readiness into events."""
        if not self.is_sound():
            return
        if mask & READ:
            self.readable()
        if mask & WRITE:
            self.writable()

    def is_sound(self) -> bool:
        """Whether the descriptor that is watched is still the delegate's; if not, say so by an event."""
        if self._watched is None:
            return True
        try:
            if self._watched == self.fileno():
                return True
        except (OSError, ValueError):
            pass  # so says a closed file
        self._reactor.selectable_lost(self)
        return False

    def container_ended(self) -> None:
        """The container ended before it let go of this: an :class:`EventInjector` has nobody to tell any more."""
        self._watched = None
        if isinstance(self._delegate, EventInjector):
            self._delegate.release()

    def abandon(self) -> None:
        """In the child of a fork: the descriptor and the selector are the parent's."""
        self._watched = None
        if isinstance(self._delegate, EventInjector):
            self._delegate.abandon()


_selectable_kind.append(Selectable)
