"""The connection endpoint (part 2, section 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from ..codec import SymbolList
from ..errors import SessionException
from ..wire.performatives import Open
from . import events
from .checks import check_encodable, property_map, text
from .endpoint import LOCAL_CLOSED, LOCAL_MASK, LOCAL_UNINIT, REMOTE_UNINIT, Endpoint, first_match
from .events import Collector, Event, EventType

if TYPE_CHECKING:
    from .delivery import Delivery
    from .link import Link
    from .session import Session
    from .transport import Transport

__all__ = ["Connection"]


class Connection(Endpoint):
    """One end of an AMQP connection: what is to be told to, and what is known of, the peer.

    A connection says nothing by itself: bind it to a :class:`Transport` that makes bytes of it.
    """

    __slots__ = (
        "_transport", "_collector", "_reactor", "_guard", "_sessions", "_links", "_endpoint_count", "_touched",
        "_work", "_ready", "_holds",
        "_container", "_hostname", "_user", "_password", "_authorization", "_offered", "_desired", "_properties",
        "_remote_container", "_remote_hostname", "_remote_offered", "_remote_desired", "_remote_properties", "url",
    )

    _event_init = Event.CONNECTION_INIT
    _event_open = Event.CONNECTION_LOCAL_OPEN
    _event_close = Event.CONNECTION_LOCAL_CLOSE
    _event_final = Event.CONNECTION_FINAL
    _clazz = "pn_connection"

    def __init__(self, impl: Any = None) -> None:
        super().__init__()
        self._transport: Optional["Transport"] = None
        self._collector: Optional[Collector] = None
        self._reactor: Any = None
        #: Called before every change; raises where the caller's thread has no business with the connection.
        self._guard: Optional[Callable[[], None]] = None
        self._sessions: List["Session"] = []
        self._links: List["Link"] = []
        self._endpoint_count = 0
        self._touched: List[Endpoint] = []
        self._work: List["Delivery"] = []
        # Senders with waiting deliveries that got credit, or whose session's window opened.
        self._ready: Dict["Link", None] = {}
        # While there is anything here, more is to be said before an end or the close.
        self._holds: Dict[object, None] = {}
        self._container: Optional[str] = None
        self._hostname: Optional[str] = None
        self._user: Optional[str] = None
        self._password: Optional[str] = None
        self._authorization: Optional[str] = None
        self._offered: Any = None
        self._desired: Any = None
        self._properties: Any = None
        self._forget_peer()
        #: The URL the connection was made to, where a container made it.
        self.url: Any = None

    # --- what we tell the peer

    @property
    def connection(self) -> "Connection":
        """The connection itself."""
        return self

    @property
    def transport(self) -> Optional["Transport"]:
        """The transport that the connection is bound to, or ``None``."""
        return self._transport

    @property
    def container(self) -> Optional[str]:
        """The container id sent to the peer."""
        return self._container

    @container.setter
    def container(self, name: Optional[str]) -> None:
        self._container = text(name)

    @property
    def hostname(self) -> Optional[str]:
        """The virtual host asked for."""
        return self._hostname

    @hostname.setter
    def hostname(self, name: Optional[str]) -> None:
        self._hostname = text(name)

    @property
    def user(self) -> Optional[str]:
        """The user to log in as."""
        return self._user

    @user.setter
    def user(self, name: Optional[str]) -> None:
        self._user = text(name)

    @property
    def authorization(self) -> Optional[str]:
        """The user to act as, where that is another than the one who logs in."""
        return self._authorization

    @authorization.setter
    def authorization(self, name: Optional[str]) -> None:
        self._authorization = text(name)

    @property
    def password(self) -> Optional[str]:
        """The password to log in with.  It can be set and never read: it always reads ``None``."""
        return None

    @password.setter
    def password(self, name: Optional[str]) -> None:
        self._password = text(name)

    @property
    def connected_address(self) -> Optional[str]:
        """The URL the connection was made to; of one that was accepted the peer's; ``None`` before."""
        return str(self.url) if self.url is not None else None

    @property
    def offered_capabilities(self) -> Any:
        """Capabilities offered to the peer: a list of symbols, or ``None``."""
        return self._offered

    @offered_capabilities.setter
    def offered_capabilities(self, capabilities: Any) -> None:
        self._offered = _symbols(capabilities)

    @property
    def desired_capabilities(self) -> Any:
        """Capabilities wished of the peer: a list of symbols, or ``None``."""
        return self._desired

    @desired_capabilities.setter
    def desired_capabilities(self, capabilities: Any) -> None:
        self._desired = _symbols(capabilities)

    @property
    def properties(self) -> Any:
        """Connection properties told to the peer: a map with symbol keys, or ``None``."""
        return self._properties

    @properties.setter
    def properties(self, properties: Any) -> None:
        self._properties = property_map(properties)

    # --- what the peer told

    @property
    def remote_container(self) -> Optional[str]:
        """The peer's container id, once it has opened."""
        return self._remote_container

    @property
    def remote_hostname(self) -> Optional[str]:
        """The virtual host that the peer asked for."""
        return self._remote_hostname

    @property
    def remote_offered_capabilities(self) -> Any:
        """The capabilities that the peer offers."""
        return self._remote_offered

    @property
    def remote_desired_capabilities(self) -> Any:
        """The capabilities that the peer wishes for."""
        return self._remote_desired

    @property
    def remote_properties(self) -> Any:
        """The peer's connection properties."""
        return self._remote_properties

    @property
    def error(self) -> int:
        """Always 0: what goes wrong is raised, or is a condition."""
        return 0

    def session(self) -> "Session":
        """A new session on this connection.

        :raises SessionException: if the connection already has as many sessions as its ``channel_max`` allows.
        """
        from .session import Session

        self._check()
        transport = self._transport
        if transport is not None and len(self._sessions) > transport._negotiated_channel_max():
            raise SessionException(f"too many sessions: channel_max is {transport._negotiated_channel_max()}")
        return Session(self)

    def session_head(self, mask: int) -> Optional["Session"]:
        """The oldest session whose state matches ``mask``, or ``None``."""
        session: Optional["Session"] = first_match(self._sessions, mask)
        return session

    def link_head(self, mask: int) -> Optional["Link"]:
        """The oldest link whose state matches ``mask``, or ``None``."""
        link: Optional["Link"] = first_match(self._links, mask)
        return link

    def sessions(self, mask: int = 0) -> Any:
        """The sessions whose state matches ``mask``, oldest first."""
        return iter([s for s in self._sessions if s._matches(mask)])

    def links(self, mask: int = 0) -> Any:
        """The links whose state matches ``mask``, oldest first."""
        return iter([link for link in self._links if link._matches(mask)])

    def collect(self, collector: Optional[Collector]) -> None:
        """Put this connection's events on ``collector`` from now on, first that it and what it has were made.

        :raises TypeError: if it is no collector.
        """
        if collector is not None and not isinstance(collector, Collector):
            raise TypeError(f"a Collector is wanted, not {collector!r}")
        first = self._collector is None and collector is not None
        self._collector = collector
        if first:
            self._put(self, Event.CONNECTION_INIT)
            for endpoint in sorted([*self._sessions, *self._links], key=lambda endpoint: endpoint._order):
                self._put(endpoint, endpoint._event_init)

    def free(self) -> None:
        """Give up the connection and all that is in it.  It is not closed by this."""
        if not self._freed:
            self._check()
            for session in list(self._sessions):
                session.free()
            self._release()

    release = free

    # --- the engine's half

    def _open_frame(self, **more: Any) -> Open:
        """What the peer is told of the connection, and of its transport."""
        return Open(
            container_id=self._container or "",
            hostname=self._hostname,
            offered_capabilities=self._offered,
            desired_capabilities=self._desired,
            properties=self._properties,
            **more,
        )

    def _check_open(self) -> None:
        check_encodable(self._open_frame())

    def _is_steady(self) -> bool:
        """Whether the peer has been told of all that this end has opened or closed, and not of the connection's end."""
        opened = self._transport is not None and self._transport._open_sent
        return opened and not self._state & (LOCAL_UNINIT | LOCAL_CLOSED) and not any(
            [endpoint._is_changing() for endpoint in self._touched])

    def _check(self) -> None:
        if self._guard is not None:
            self._guard()

    def _put(self, obj: Any, etype: EventType) -> None:
        if self._collector is not None:
            self._collector._put(obj, etype)

    def _touch(self, endpoint: Endpoint) -> None:
        """Remember that ``endpoint`` has something to tell the peer."""
        if not endpoint._modified:
            endpoint._modified = True
            self._touched.append(endpoint)
        self._stirred()

    def _has_work(self, delivery: "Delivery") -> None:
        """Remember that ``delivery`` has something to tell the peer."""
        if not delivery._working:
            delivery._working = True
            self._work.append(delivery)
        self._stirred()

    def _stirred(self) -> None:
        """Tell that something was changed."""
        transport = self._transport
        collector = self._collector
        if transport is not None and collector is not None:
            last = collector._events[-1] if collector._events else None
            # As the collector would find out by itself, but this is called time and again.
            if last is None or last._type is not Event.TRANSPORT or last._context is not transport:
                collector._put(transport, Event.TRANSPORT)

    def _forget_peer(self) -> None:
        self._remote_container: Optional[str] = None
        self._remote_hostname: Optional[str] = None
        self._remote_offered: Any = None
        self._remote_desired: Any = None
        self._remote_properties: Any = None

    def _bound(self, transport: "Transport") -> None:
        self._transport = transport
        self._incref()
        self._put(self, Event.CONNECTION_BOUND)
        self._expect_peer()
        # What was opened before, perhaps on another transport, is told to the new peer.
        for endpoint in [self, *self._sessions, *self._links]:
            if not endpoint._modified:
                endpoint._modified = True
                self._touched.append(endpoint)

    def _unbound(self, transport: "Transport", sessions: List["Session"]) -> None:
        """The transport is gone.

        :param sessions: those that were on its channels, of which the application may have freed some.
        """
        self._transport = None
        self._put(self, Event.CONNECTION_UNBOUND)
        if not self._freed:
            self._put(transport, Event.TRANSPORT)
        self._remote_condition = None
        self._forget_peer()
        touched, self._touched = self._touched, []
        for endpoint in touched:
            endpoint._modified = False
        for delivery in self._work:
            delivery._working = False
            if not delivery._link.is_sender or delivery._id >= 0 or delivery._sent:
                delivery._strand()
            elif not delivery._parked:
                delivery._link._park(delivery)
        self._work = []
        self._ready = {}
        for session in dict.fromkeys([*self._sessions, *sessions]):
            session._unbound()
        for endpoint in touched:
            endpoint._end_if_unused()
        self._decref()

    def _expect_peer(self) -> None:
        """There is to be another peer, which has opened nothing yet.

        Until then endpoints keep the states that the last one left them in, for whoever looks at them afterwards.
        """
        self._state = self._state & LOCAL_MASK | REMOTE_UNINIT
        for session in self._sessions:
            session._expect_peer()
        for link in self._links:
            link._expect_peer()

    def _add(self, endpoint: Any, siblings: List[Any]) -> None:
        """Number a new session or link and put it in the list of its kind."""
        self._endpoint_count += 1
        endpoint._order = self._endpoint_count
        siblings.append(endpoint)

    def _label(self) -> str:
        names: Dict[str, Any] = {"to": self._remote_container, "host": self._hostname}
        return " ".join(f"{key} {value!r}" for key, value in names.items() if value)


def _symbols(capabilities: Any) -> Optional[SymbolList]:
    """One symbol, or any sequence of them, as a list."""
    return None if capabilities is None else SymbolList(capabilities)


events._connection_kind.append(Connection)
