"""Events of the application's own making."""

from __future__ import annotations

from typing import Any, Dict, Optional, Union

from ..engine import Connection, Delivery, EventBase, EventType, Link, Session

__all__ = ["ApplicationEvent"]


class ApplicationEvent(EventBase):
    """An event that calls ``on_<typename>`` on the container's handlers.

    Push one with :meth:`EventInjector.trigger` from any thread, or with :meth:`Container.push_event`.  It goes to the
    container's own handlers, whatever it is associated with: handlers of connections, sessions and links do not get it.

    :param typename: the name of the event; or an :class:`~syncproton.EventType`, which may name another method.
    :param connection: a connection to associate with it.
    :param session: a session; brings its connection with it.
    :param link: a link; brings its session and connection with it.
    :param delivery: a delivery; brings its link, session and connection with it.
    :param subject: anything else.
    :raises TypeError: if the name or an associated object is of a wrong kind.

    :ivar connection: the connection, or ``None``.
    :ivar session: the session, or ``None``.
    :ivar link: the link, or ``None``.
    :ivar delivery: the delivery, or ``None``.
    :ivar subject: the subject.
    :ivar container: the container that dispatches the event; ``None`` until it was pushed.
    """

    #: The types of the application's events made so far, by name.
    TYPES: Dict[str, EventType] = {}

    def __init__(
        self,
        typename: Union[str, EventType],
        connection: Optional[Connection] = None,
        session: Optional[Session] = None,
        link: Optional[Link] = None,
        delivery: Optional[Delivery] = None,
        subject: Any = None,
    ) -> None:
        super().__init__(_type_of(typename))
        _check(connection, "connection", Connection)
        _check(session, "session", Session)
        _check(link, "link", Link)
        _check(delivery, "delivery", Delivery)
        if delivery is not None:
            link = delivery.link
        if link is not None:
            session = link.session
        if session is not None:
            connection = session.connection
        self.connection = connection
        self.session = session
        self.link = link
        self.delivery = delivery
        self.subject = subject
        self.container: Any = None

    @property
    def reactor(self) -> Any:
        """The same as :attr:`container`."""
        return self.container

    @property
    def context(self) -> "ApplicationEvent":
        """The event itself."""
        return self

    def __repr__(self) -> str:
        named = (self.connection, self.session, self.link, self.delivery, self.subject)
        words = ", ".join(str(value) for value in named if value is not None)
        return f"{self.type}({words})"


def _type_of(typename: Any) -> EventType:
    if isinstance(typename, EventType):
        return typename
    if not isinstance(typename, str):
        raise TypeError(f"typename must be a string or an EventType, not {type(typename).__name__}")
    etype = ApplicationEvent.TYPES.get(typename)
    if etype is None:
        # Threads may come by at once with the same new name.
        etype = ApplicationEvent.TYPES.setdefault(typename, EventType(typename))
    return etype


def _check(value: Any, name: str, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")
