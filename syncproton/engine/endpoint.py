"""What connections, sessions and links have in common: two half-states, a condition, a handler.

An endpoint has a local and a remote half, each uninitialised, then active, then closed.  The application moves the
local half, the peer's frames move the remote half.  A change of the local half is told to the connection
(:meth:`Endpoint._touch`), which remembers the endpoint until its transport next writes frames.

An endpoint lives until it was freed by the application *and* nothing on the wire names it any more; then its
``..._FINAL`` event is put.  ``_refs`` counts those reasons: one for the application, one for each local and remote
channel or handle, and one for each child endpoint.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any, List, Optional

from .condition import Condition, a_condition
from .events import EventType, Handler

if TYPE_CHECKING:
    from .connection import Connection
    from .transport import Transport

__all__ = ["Endpoint", "EndpointState"]


class EndpointState(IntFlag):
    """The half-states of an endpoint; its :attr:`Endpoint.state` is the sum of a local and a remote one."""

    LOCAL_UNINIT = 1
    LOCAL_ACTIVE = 2
    LOCAL_CLOSED = 4
    REMOTE_UNINIT = 8
    REMOTE_ACTIVE = 16
    REMOTE_CLOSED = 32


LOCAL_UNINIT = 1
LOCAL_ACTIVE = 2
LOCAL_CLOSED = 4
REMOTE_UNINIT = 8
REMOTE_ACTIVE = 16
REMOTE_CLOSED = 32
LOCAL_MASK = LOCAL_UNINIT | LOCAL_ACTIVE | LOCAL_CLOSED
REMOTE_MASK = REMOTE_UNINIT | REMOTE_ACTIVE | REMOTE_CLOSED


class _HandlerBox(Handler):
    """Gives ``add`` to a handler that has none of its own."""

    def __init__(self, handler: Any) -> None:
        self.handlers.append(handler)


def boxed(handler: Any) -> Any:
    """``handler`` itself, or, if it has no ``add``, something that has and passes events on to it."""
    return handler if handler is None or hasattr(handler, "add") else _HandlerBox(handler)


class Endpoint:
    """One end of a connection, session or link."""

    LOCAL_UNINIT = LOCAL_UNINIT
    LOCAL_ACTIVE = LOCAL_ACTIVE
    LOCAL_CLOSED = LOCAL_CLOSED
    REMOTE_UNINIT = REMOTE_UNINIT
    REMOTE_ACTIVE = REMOTE_ACTIVE
    REMOTE_CLOSED = REMOTE_CLOSED

    __slots__ = ("_state", "_handler", "_refs", "_modified", "_freed", "_order", "_condition", "_remote_condition",
                 "__dict__", "__weakref__")

    _event_init: EventType
    _event_open: EventType
    _event_close: EventType
    _event_final: EventType
    _clazz: str

    def __init__(self) -> None:
        self._state = LOCAL_UNINIT | REMOTE_UNINIT
        self._handler: Any = None
        self._refs = 1
        self._modified = False
        self._freed = False
        self._order = 0
        self._condition: Optional[Condition] = None
        self._remote_condition: Optional[Condition] = None

    # --- the public half

    @property
    def connection(self) -> "Connection":
        """The connection this endpoint belongs to (a connection: itself)."""
        raise AttributeError("connection")

    @property
    def transport(self) -> Optional["Transport"]:
        """The transport the connection is bound to, or ``None``."""
        return self.connection._transport

    @property
    def state(self) -> int:
        """The local and the remote half-state, as a sum of one ``LOCAL_`` and one ``REMOTE_`` constant."""
        return self._state

    @property
    def condition(self) -> Optional[Condition]:
        """The error to send when this endpoint is closed, or ``None``."""
        return self._condition

    @condition.setter
    def condition(self, condition: Optional[Condition]) -> None:
        self._condition = a_condition(condition)

    @property
    def remote_condition(self) -> Optional[Condition]:
        """The error with which the peer closed this endpoint, or ``None``.

        Where the peer broke the rules of a session or link, so that it was closed from this end, it is what the peer
        was told; that can be told apart by the peer's half being open still.
        """
        return self._remote_condition

    @property
    def handler(self) -> Any:
        """The handler that gets the events of this endpoint instead of the container's own, or ``None``."""
        return self._handler

    @handler.setter
    def handler(self, handler: Any) -> None:
        self._handler = boxed(handler)

    def open(self) -> None:
        """Open the local half.  The peer is told when the transport next writes.

        :raises DataException: if what was said of this endpoint cannot be told to the peer; then nothing is done.
        """
        state = self._state
        if not state & LOCAL_ACTIVE:
            connection = self.connection
            connection._check()
            self._check_open()
            self._state = state & REMOTE_MASK | LOCAL_ACTIVE
            connection._put(self, self._event_open)
            connection._touch(self)

    def close(self) -> None:
        """Close the local half, with :attr:`condition` if set.  The peer is told when the transport next writes.

        :raises DataException: if the peer cannot be told the condition; then nothing is done.
        """
        state = self._state
        if not state & LOCAL_CLOSED:
            connection = self.connection
            connection._check()
            if self._condition is not None:
                self._condition._check()
            self._state = state & REMOTE_MASK | LOCAL_CLOSED
            connection._put(self, self._event_close)
            connection._touch(self)

    # --- the engine's half

    def _check_open(self) -> None:
        """Check that the peer can be told of this endpoint."""

    def _set_remote(self, state: int) -> None:
        self._state = self._state & LOCAL_MASK | state

    def _incref(self) -> None:
        self._refs += 1

    def _decref(self) -> None:
        self._refs -= 1
        if self._refs == 0:
            connection = self.connection
            if self._modified and connection._transport is None:
                self._modified = False  # There is no peer to be told of it.
                connection._touched.remove(self)
            self._end_if_unused()  # Unless the peer has to be told something first.

    def _end_if_unused(self) -> None:
        """Come to an end if nothing refers to this endpoint any more."""
        if self._refs == 0 and not self._modified:
            self._refs = -1
            self.connection._put(self, self._event_final)
            self._finalize()

    def _release(self) -> bool:
        """The application's share of the references goes; true the first time."""
        if self._freed:
            return False
        self._freed = True
        self._decref()
        return True

    def _is_changing(self) -> bool:
        """Whether the peer is still to be told that this end has opened the endpoint, or left it."""
        return False

    def _finalize(self) -> None:
        """Leave the lists of the parent endpoint."""

    def _matches(self, mask: int) -> bool:
        state = self._state
        if not mask & REMOTE_MASK or not mask & LOCAL_MASK:
            return bool(state & mask) if mask else True
        return state & mask == state

    def __repr__(self) -> str:
        words = [_WORDS[bit] for bit in _WORDS if self._state & bit]
        return f"<{self.__class__.__name__} {self._label()} {', '.join(words)}>"

    def _label(self) -> str:
        return ""


_WORDS = {
    LOCAL_UNINIT: "local uninitialised",
    LOCAL_ACTIVE: "local active",
    LOCAL_CLOSED: "local closed",
    REMOTE_UNINIT: "remote uninitialised",
    REMOTE_ACTIVE: "remote active",
    REMOTE_CLOSED: "remote closed",
}


def first_match(endpoints: List[Any], mask: int, after: int = -1) -> Any:
    """The first endpoint of an ordered list, made later than number ``after``, whose state matches ``mask``."""
    for index in range(_index(endpoints, after + 1), len(endpoints)):
        if endpoints[index]._matches(mask):
            return endpoints[index]
    return None


def leave(endpoints: List[Any], endpoint: Any) -> None:
    """Take an endpoint out of an ordered list, if it is there."""
    index = _index(endpoints, endpoint._order)
    if index < len(endpoints) and endpoints[index] is endpoint:
        del endpoints[index]


def _index(endpoints: List[Any], order: int) -> int:
    """Where in an ordered list the endpoints numbered ``order`` or later begin."""
    low, high = 0, len(endpoints)
    while low < high:
        middle = (low + high) // 2
        if endpoints[middle]._order < order:
            low = middle + 1
        else:
            high = middle
    return low
