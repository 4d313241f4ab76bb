"""The session endpoint and its windows (part 2, section 2.5)."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Deque, Dict, List, Optional

from . import events
from .checks import UINT, ULONG, number
from .endpoint import LOCAL_CLOSED, LOCAL_MASK, LOCAL_UNINIT, REMOTE_UNINIT, Endpoint, first_match, leave
from .events import Event

if TYPE_CHECKING:
    from .connection import Connection
    from .delivery import Delivery
    from .link import Link
    from .receiver import Receiver
    from .sender import Sender

__all__ = ["Session"]

MAX_WINDOW = 2147483647
HANDLE_MAX = 2147483647


class Session(Endpoint):
    """One end of a session: a conversation on a connection, in which deliveries are numbered and windows kept."""

    __slots__ = (
        "_connection", "_links", "_local_channel", "_remote_channel", "_local_handles", "_remote_handles",
        "_free_handles", "_next_handle", "_by_name", "_attached", "_unanswered",
        "_incoming", "_outgoing", "_next_incoming_delivery", "_next_outgoing_delivery",
        "_next_incoming_id", "_next_outgoing_id", "_incoming_window", "_remote_incoming_window", "_outgoing_window",
        "_incoming_capacity", "_incoming_bytes", "_outgoing_bytes", "_starved", "_echo", "remote_handle_max",
    )

    _event_init = Event.SESSION_INIT
    _event_open = Event.SESSION_LOCAL_OPEN
    _event_close = Event.SESSION_LOCAL_CLOSE
    _event_final = Event.SESSION_FINAL
    _clazz = "pn_session"

    def __init__(self, connection: "Connection") -> None:
        super().__init__()
        self._connection = connection
        self._links: List["Link"] = []
        # Links that may still be named on the wire, by name and direction; the peer's attach looks here.
        self._by_name: Dict[object, "Link"] = {}
        self._outgoing_window = MAX_WINDOW
        self._incoming_capacity = 0
        self._incoming_bytes = 0
        self._outgoing_bytes = 0
        self._reset()
        connection._add(self, connection._sessions)
        connection._incref()
        connection._put(self, Event.SESSION_INIT)

    def _reset(self) -> None:
        """The state that belongs to one transport."""
        self._local_channel = -1
        self._remote_channel = -1
        self._local_handles: Dict[int, "Link"] = {}
        self._remote_handles: Dict[int, "Link"] = {}
        self._free_handles: List[int] = []
        self._next_handle = 0
        # The link that was attached last under a name, by name and direction.
        self._attached: Dict[object, "Link"] = {}
        # Links whose attach the peer has yet to answer, by name and direction, in the order in which it will answer.
        self._unanswered: Dict[object, Deque["Link"]] = {}
        # Deliveries that the peer may still name, by delivery-id.
        self._incoming: Dict[int, "Delivery"] = {}
        self._outgoing: Dict[int, "Delivery"] = {}
        self._next_incoming_delivery = -1
        self._next_outgoing_delivery = 0
        # Windows, in transfer frames.
        self._next_incoming_id = 0
        self._next_outgoing_id = 0
        self._incoming_window = 0
        self._remote_incoming_window = 0
        # Links with something to send that wait for the window to open.
        self._starved: Dict["Link", None] = {}
        self._echo = False
        self.remote_handle_max = 4294967295

    # --- the public half

    @property
    def connection(self) -> "Connection":
        """The connection of the session."""
        return self._connection

    @property
    def incoming_capacity(self) -> int:
        """How many bytes of undelivered messages the session may hold; 0 means no limit of the session's own."""
        return self._incoming_capacity

    @incoming_capacity.setter
    def incoming_capacity(self, capacity: int) -> None:
        self._incoming_capacity = number(capacity, ULONG)

    @property
    def outgoing_window(self) -> int:
        """The outgoing window told to the peer, in transfer frames."""
        return self._outgoing_window

    @outgoing_window.setter
    def outgoing_window(self, window: int) -> None:
        self._outgoing_window = number(window, UINT)

    @property
    def outgoing_bytes(self) -> int:
        """Bytes of messages waiting to be sent."""
        return self._outgoing_bytes

    @property
    def incoming_bytes(self) -> int:
        """Bytes of messages received and not yet read."""
        return self._incoming_bytes

    def sender(self, name: str) -> "Sender":
        """A new link named ``name`` on which to send."""
        from .sender import Sender

        self._connection._check()
        return Sender(self, name)

    def receiver(self, name: str) -> "Receiver":
        """A new link named ``name`` on which to receive."""
        from .receiver import Receiver

        self._connection._check()
        return Receiver(self, name)

    def next(self, mask: int) -> Optional["Session"]:
        """The next session of the connection whose state matches ``mask``, or ``None``."""
        session: Optional["Session"] = first_match(self._connection._sessions, mask, self._order)
        return session

    def links(self, mask: int = 0) -> List["Link"]:
        """The session's links whose state matches ``mask``, oldest first."""
        return [link for link in self._links if link._matches(mask)]

    def free(self) -> None:
        """Give up the session and its links, whose unsettled deliveries are settled.  It is not ended by this."""
        if not self._freed:
            self._connection._check()
            for link in list(self._links):
                link.free()
            leave(self._connection._sessions, self)
            self._release()

    # --- the engine's half

    def _nearest_handler(self) -> Any:
        return self._handler if self._handler is not None else self._connection._handler

    def _window(self, max_frame_size: int) -> int:
        """The incoming window that the capacity leaves, in frames."""
        if not self._incoming_capacity:
            return MAX_WINDOW
        if not self._incoming_bytes:
            return max(self._incoming_capacity // (max_frame_size or 32768), 1)  # Else nothing could ever come.
        left = self._incoming_capacity - self._incoming_bytes
        return max(left // (max_frame_size or 32768), 0)

    def _take_handle(self) -> int:
        """The lowest free handle."""
        if self._free_handles:
            return heappop(self._free_handles)
        self._next_handle += 1
        return self._next_handle - 1

    def _return_handle(self, handle: int) -> None:
        heappush(self._free_handles, handle)

    def _name_taken(self, link: "Link") -> bool:
        """Whether the name of ``link`` is that of one that leaves, and that one of the two ends has not detached yet.

        A link in one direction between two containers is known by its name: a peer that hears of the second one too
        early takes it for the first one, and detaches both or none.
        """
        holder = self._attached.get((link._name, link.is_sender))
        return holder is not None and self._remote_channel != -2 and holder._is_leaving()

    def _is_succeeded(self, link: "Link") -> bool:
        """Whether the peer has yet to answer the attach of ``link``, for whose name another one is waiting.

        Artemis does not answer a link that it finds detached already, and the other one would wait for ever.
        """
        return link._remote_handle == -1 and self._by_name.get((link._name, link.is_sender), link) is not link

    def _await_attach(self, link: "Link") -> None:
        """Expect an answer to the attach of ``link``, even should the link be closed and freed before it comes."""
        self._unanswered.setdefault((link._name, link.is_sender), deque()).append(link)

    def _answered(self, name: str, sender: bool) -> Optional["Link"]:
        """The link whose attach the peer answers; ``None`` if it attaches of its own accord."""
        waiting = self._unanswered.get((name, sender))
        if waiting is None:
            return None
        link = waiting.popleft()
        if not waiting:
            del self._unanswered[name, sender]
        return link

    def _unbound(self) -> None:
        """The transport is gone: what only it and the peer knew goes too."""
        local, remote = self._local_channel, self._remote_channel
        for link in dict.fromkeys([*self._links, *self._local_handles.values(), *self._remote_handles.values()]):
            link._unbound()
        for deliveries in (self._incoming, self._outgoing):
            for delivery in deliveries.values():
                delivery._strand()
        self._reset()
        if local == remote == -2:
            self._local_channel = self._remote_channel = -2  # Both ends had done with it: it does not come back.
        else:
            self._remote_condition = None
        if local >= 0:
            self._decref()
        if remote >= 0:
            self._decref()

    def _expect_peer(self) -> None:
        if self._local_channel != -2:
            self._state = self._state & LOCAL_MASK | REMOTE_UNINIT

    def _is_changing(self) -> bool:
        if self._local_channel >= 0:
            return bool(self._state & LOCAL_CLOSED)
        return self._local_channel == -1 and not self._state & LOCAL_UNINIT

    def _finalize(self) -> None:
        leave(self._connection._sessions, self)
        self._connection._decref()

    def _label(self) -> str:
        return f"channel {self._local_channel}"


events._session_kind.append(Session)
