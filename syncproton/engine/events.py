"""Events: what the engine tells the application, in the order in which it happened.

The engine puts an :class:`Event` on the connection's :class:`Collector`; whoever drives the engine takes them off and
dispatches each to handlers.  An event is a type and a context (the endpoint, delivery or transport it is about); all
else (``event.link``, ``event.connection`` ...) is found from the context when asked for.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Deque, Dict, Iterable, Iterator, List, Optional

if TYPE_CHECKING:
    from .connection import Connection
    from .delivery import Delivery
    from .link import Link
    from .receiver import Receiver
    from .sender import Sender
    from .session import Session
    from .transport import Transport

__all__ = ["Collector", "Event", "EventBase", "EventType", "Handler"]


class EventType:
    """A kind of event.

    :ivar name: how the type prints, such as ``PN_LINK_FLOW``.
    :ivar number: the type's number; numbers above 10,000 are not the engine's own.
    :ivar method: the name of the handler method that such an event calls, such as ``on_link_flow``.
    """

    __slots__ = ("name", "number", "method")

    TYPES: ClassVar[Dict[int, "EventType"]] = {}
    _by_name: ClassVar[Dict[str, "EventType"]] = {}
    _numbers: ClassVar[Iterator[int]] = itertools.count(10010)  # Those before are the reactor's own, below.

    name: str
    number: int
    method: str

    def __new__(
        cls, name: Optional[str] = None, number: Optional[int] = None, method: Optional[str] = None
    ) -> "EventType":
        if name is None and number is None:
            raise TypeError("an event type needs a name or a number")
        known = cls._by_name.get(name) if name is not None else None
        if known is not None and number in (None, known.number) and method in (None, known.method):
            return known
        self = super().__new__(cls)
        self.number = number if number is not None else next(cls._numbers)
        self.name = name if name is not None else f"PN_EVENT_{number}"
        self.method = method if method is not None else f"on_{self.name}"
        if known is None and number is None and method is None:
            # Threads may make a type of one name at the same time; they get the same one.
            self = cls._by_name.setdefault(self.name, self)
        cls._by_name[self.name] = cls.TYPES[self.number] = self
        return self

    def __init__(self, name: Optional[str] = None, number: Optional[int] = None, method: Optional[str] = None) -> None:
        """Make, or find again, the type called ``name``; its events call the method ``on_<name>``."""

    def __repr__(self) -> str:
        return f"EventType(name={self.name}, number={self.number})"

    def __str__(self) -> str:
        return self.name


def _core(number: int, name: str) -> EventType:
    return EventType("PN_" + name, number, "on_" + name.lower())


def _looped(number: int, name: str) -> EventType:
    """A type of the reactor's, whose name has another form."""
    return EventType(name.lower(), number)


class Handler:
    """An object whose ``on_...`` methods are called with events; its ``handlers`` are called after it."""

    #: Whether the class has ``on_unhandled`` and ``handlers`` from here, so that dispatching need not call them.
    _plain = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._plain = cls.on_unhandled is Handler.on_unhandled and cls.handlers is Handler.handlers

    @property
    def handlers(self) -> List[Any]:
        """The handlers called after this one, in order."""
        children: Optional[List[Any]] = self.__dict__.get("_handlers")
        if children is None:
            children = self.__dict__["_handlers"] = []
        return children

    @handlers.setter
    def handlers(self, handlers: List[Any]) -> None:
        self.__dict__["_handlers"] = handlers

    def add(self, handler: Any, on_error: Any = None) -> None:
        """Add a handler to be called after this one.

        :param handler: any object with ``on_...`` methods.
        :param on_error: called as ``on_error((type, value, traceback))`` when the handler raises, instead of letting
            the exception through.
        """
        self.handlers.append(handler if on_error is None else _Guarded(handler, on_error))

    def on_unhandled(self, method: str, *args: Any) -> None:
        """Called for an event for which this handler has no method of its own."""


class _Guarded:
    """A handler whose exceptions go to a function."""

    def __init__(self, handler: Any, on_error: Any) -> None:
        self._handler = handler
        self._on_error = on_error

    def on_unhandled(self, method: str, event: "EventBase") -> None:
        import sys

        try:
            event.dispatch(self._handler)
        except Exception:
            self._on_error(sys.exc_info())


class EventBase:
    """What every event has: a type, and a way to be dispatched to a handler."""

    __slots__ = ("_type", "__dict__")

    def __init__(self, type: EventType) -> None:
        self._type = type

    @property
    def type(self) -> EventType:
        """The type of the event."""
        return self._type

    @property
    def handler(self) -> Any:
        """The handler that this event goes to rather than the container's own, or ``None``."""
        return None

    def dispatch(self, handler: Any, type: Optional[EventType] = None) -> None:
        """Call ``handler``'s method for this event, then those of its ``handlers``.

        :param handler: any object; a method that is missing is skipped (``on_unhandled`` is called, if there is one).
        :param type: dispatch as if the event were of this type.
        :raises TypeError: if that is no type of events.
        """
        if type is None:
            type = self._type
        elif not isinstance(type, EventType):
            raise TypeError(f"an EventType is wanted, not {type!r}")
        dispatch(self, (handler,), type.method)


def dispatch(event: EventBase, handlers: Iterable[Any], name: str) -> None:
    """Call the method ``name`` of handlers, and of their handlers, with an event: :meth:`EventBase.dispatch`."""
    for handler in handlers:
        method = getattr(handler, name, None)
        children: Any
        if getattr(handler, "_plain", False):
            # Most handlers have nothing to say to most events, so that has to be quick.
            own = handler.__dict__
            if method is not None:
                method(event)
            elif "on_unhandled" in own:
                own["on_unhandled"](name, event)
            children = own.get("_handlers")
        else:
            if method is None:
                method = getattr(handler, "on_unhandled", None)
                if method is not None:
                    method(name, event)
            else:
                method(event)
            children = getattr(handler, "handlers", None)
        if children:
            dispatch(event, children, name)


class Event(EventBase):
    """Something that happened to the endpoint, delivery or transport that is the event's ``context``."""

    __slots__ = ("_context",)

    TIMER_TASK = _core(4, "TIMER_TASK")
    CONNECTION_INIT = _core(5, "CONNECTION_INIT")
    CONNECTION_BOUND = _core(6, "CONNECTION_BOUND")
    CONNECTION_UNBOUND = _core(7, "CONNECTION_UNBOUND")
    CONNECTION_LOCAL_OPEN = _core(8, "CONNECTION_LOCAL_OPEN")
    CONNECTION_REMOTE_OPEN = _core(9, "CONNECTION_REMOTE_OPEN")
    CONNECTION_LOCAL_CLOSE = _core(10, "CONNECTION_LOCAL_CLOSE")
    CONNECTION_REMOTE_CLOSE = _core(11, "CONNECTION_REMOTE_CLOSE")
    CONNECTION_FINAL = _core(12, "CONNECTION_FINAL")
    SESSION_INIT = _core(13, "SESSION_INIT")
    SESSION_LOCAL_OPEN = _core(14, "SESSION_LOCAL_OPEN")
    SESSION_REMOTE_OPEN = _core(15, "SESSION_REMOTE_OPEN")
    SESSION_LOCAL_CLOSE = _core(16, "SESSION_LOCAL_CLOSE")
    SESSION_REMOTE_CLOSE = _core(17, "SESSION_REMOTE_CLOSE")
    SESSION_FINAL = _core(18, "SESSION_FINAL")
    LINK_INIT = _core(19, "LINK_INIT")
    LINK_LOCAL_OPEN = _core(20, "LINK_LOCAL_OPEN")
    LINK_REMOTE_OPEN = _core(21, "LINK_REMOTE_OPEN")
    LINK_LOCAL_CLOSE = _core(22, "LINK_LOCAL_CLOSE")
    LINK_REMOTE_CLOSE = _core(23, "LINK_REMOTE_CLOSE")
    LINK_LOCAL_DETACH = _core(24, "LINK_LOCAL_DETACH")
    LINK_REMOTE_DETACH = _core(25, "LINK_REMOTE_DETACH")
    LINK_FLOW = _core(26, "LINK_FLOW")
    LINK_FINAL = _core(27, "LINK_FINAL")
    DELIVERY = _core(28, "DELIVERY")
    TRANSPORT = _core(29, "TRANSPORT")
    TRANSPORT_ERROR = _core(31, "TRANSPORT_ERROR")
    TRANSPORT_HEAD_CLOSED = _core(32, "TRANSPORT_HEAD_CLOSED")
    TRANSPORT_TAIL_CLOSED = _core(33, "TRANSPORT_TAIL_CLOSED")
    TRANSPORT_CLOSED = _core(34, "TRANSPORT_CLOSED")
    REACTOR_INIT = _looped(10000, "REACTOR_INIT")
    REACTOR_QUIESCED = _looped(10001, "REACTOR_QUIESCED")
    REACTOR_FINAL = _looped(10002, "REACTOR_FINAL")
    SELECTABLE_INIT = _looped(10003, "SELECTABLE_INIT")
    SELECTABLE_UPDATED = _looped(10004, "SELECTABLE_UPDATED")
    SELECTABLE_READABLE = _looped(10005, "SELECTABLE_READABLE")
    SELECTABLE_WRITABLE = _looped(10006, "SELECTABLE_WRITABLE")
    SELECTABLE_EXPIRED = _looped(10007, "SELECTABLE_EXPIRED")
    SELECTABLE_ERROR = _looped(10008, "SELECTABLE_ERROR")
    SELECTABLE_FINAL = _looped(10009, "SELECTABLE_FINAL")

    # What handlers put on an event for the handlers after them; unset unless the event is of that kind.
    message: Any = None
    subject: Any = None
    offset: Any = None
    data: Any = None

    #: The transaction that the event, or its delivery, belongs to; ``None`` for most.
    transaction: Any

    def __init__(self, type: EventType, context: Any) -> None:
        self._type = type
        self._context = context

    @property
    def context(self) -> Any:
        """The object the event is about."""
        return self._context

    @property
    def clazz(self) -> str:
        """The kind of the context, such as ``pn_connection``."""
        return getattr(self._context, "_clazz", "pn_void")

    @property
    def handler(self) -> Any:
        """The handler of the nearest endpoint that has one: the link's, else the session's, else the connection's."""
        context = self._context
        nearest = getattr(context, "_nearest_handler", None)
        if nearest is not None:
            return nearest()
        if getattr(context, "_handler", None) is not None:
            return context._handler
        connection = getattr(context, "connection", None)
        return getattr(connection, "_handler", None)

    @property
    def reactor(self) -> Any:
        """The container the event belongs to, or ``None`` where the engine is driven by hand."""
        context = self._context
        reactor = getattr(context, "_reactor", None)
        if reactor is None:
            connection = self.connection
            reactor = connection._reactor if connection is not None else None
        return reactor

    @property
    def container(self) -> Any:
        """The container the event belongs to, or ``None`` where the engine is driven by hand."""
        return self.reactor

    # An application knows which endpoints an event has, and should not have to tell its type checker each time; so the
    # types leave out that a property is ``None`` for an event that has no such endpoint.

    @property
    def connection(self) -> "Connection":
        """The connection of the event, or ``None``."""
        found: "Connection" = self._find("connection", _connection_kind)
        return found

    @property
    def session(self) -> "Session":
        """The session of the event, or ``None``."""
        found: "Session" = self._find("session", _session_kind)
        return found

    @property
    def link(self) -> "Link":
        """The link of the event, or ``None``."""
        context = self._context
        kind = context.__class__
        found: "Link"
        if kind is _delivery_kind[0]:
            found = context._link
        elif kind is _sender_kind[0]:
            found = context
        else:
            found = self._find("link", _link_kind)
        return found

    @property
    def sender(self) -> "Sender":
        """The link of the event if it is a sender, else ``None``."""
        found: Any = self._context
        kind = found.__class__
        if kind is not _sender_kind[0]:
            found = self.link
            if found is not None and not found.is_sender:
                found = None
        sender: "Sender" = found
        return sender

    @property
    def receiver(self) -> "Receiver":
        """The link of the event if it is a receiver, else ``None``."""
        link = self.link
        return link if link is not None and link.is_receiver else None  # type: ignore[return-value]

    @property
    def delivery(self) -> "Delivery":
        """The delivery of the event, or ``None``."""
        context = self._context
        kind = context.__class__
        found: "Delivery" = context if kind is _delivery_kind[0] else self._find("delivery", _delivery_kind)
        return found

    @property
    def transport(self) -> "Transport":
        """The transport of the event, or ``None``."""
        found: "Transport" = self._find("transport", _transport_kind)
        return found

    @property
    def task(self) -> Any:
        """The task of an event that came of :meth:`Container.schedule`, or ``None``."""
        return self._find("task", _task_kind)

    @property
    def selectable(self) -> Any:
        """The selectable of an event about one of the application's file descriptors, or ``None``."""
        return self._find("selectable", _selectable_kind)

    def _find(self, name: str, kind: List[type]) -> Any:
        context = self._context
        if kind and isinstance(context, kind[0]):
            return context
        value = getattr(context, name, None)
        return None if callable(value) else value

    def __getattr__(self, name: str) -> Any:
        """An attribute that the program, or a container, put on the event's context."""
        if not name.startswith("_"):
            try:
                return getattr(self._context, name)
            except AttributeError:
                pass
        if name == "transaction":
            return None
        raise AttributeError(f"a {self._type} event has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"{self._type}({self._context!r})"


# Filled by the modules that define the classes, which import this one.
_connection_kind: List[type] = []
_session_kind: List[type] = []
_link_kind: List[type] = []
_sender_kind: List[type] = []
_delivery_kind: List[type] = []
_transport_kind: List[type] = []
_task_kind: List[type] = []
_selectable_kind: List[type] = []


class Collector:
    """A queue of events.

    Of the engine's own events one that repeats the one before it (same type, same context, not yet taken) is dropped,
    so that a run of changes to one object is told once.
    """

    __slots__ = ("_events", "_released")

    def __init__(self) -> None:
        self._events: Deque[Event] = deque()
        self._released = False

    def put(self, obj: Any, etype: EventType) -> None:
        """Add an event of type ``etype`` about ``obj``."""
        if not self._released:
            self._events.append(Event(etype, obj))

    def _put(self, obj: Any, etype: EventType) -> None:
        """Add an event, unless it would only repeat the last one."""
        if self._released:
            return
        events = self._events
        if events:
            last = events[-1]
            if last._type is etype and last._context is obj:
                return
        events.append(Event(etype, obj))

    def peek(self) -> Optional[Event]:
        """The oldest event, left on the queue; ``None`` when there is none."""
        return self._events[0] if self._events else None

    def pop(self) -> None:
        """Drop the oldest event, if there is one."""
        if self._events:
            self._events.popleft()

    def more(self) -> bool:
        """Whether there is an event after the oldest one."""
        return len(self._events) > 1

    def release(self) -> None:
        """Drop all events and take no more."""
        self._released = True
        self._events.clear()
