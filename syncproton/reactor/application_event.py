"""Events of the application's own making."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..engine import Connection, Delivery, EventBase, EventType, Link, Session

__all__ = ["ApplicationEvent"]


class ApplicationEvent(EventBase):
    """An event that calls ``on_<typename>`` on the container's handlers.

    Push one with :meth:`EventInjector.trigger` from any thread, or with :meth:`Container.push_event`.

    :param typename: the name of the event.
    :param connection: a connection to associate with it.
    :param session: a session; brings its connection with it.
    :param link: a link; brings its session and connection with it.
    :param delivery: a delivery; brings its link, session and connection with it.
    :param subject: anything else.
    """

    TYPES: Dict[str, EventType] = {}

    def __init__(
        self,
        typename: str,
        connection: Optional[Connection] = None,
        session: Optional[Session] = None,
        link: Optional[Link] = None,
        delivery: Optional[Delivery] = None,
        subject: Any = None,
    ) -> None:
        etype = self.TYPES.get(typename)
        if etype is None:
            etype = self.TYPES[typename] = EventType(typename)
        super().__init__(etype)
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
        #: The container that dispatches the event.
        self.container: Any = None

    @property
    def reactor(self) -> Any:
        """The container that dispatches the event."""
        return self.container

    @property
    def context(self) -> "ApplicationEvent":
        """The event itself."""
        return self

    def __repr__(self) -> str:
        named = {
            "connection": self.connection,
            "session": self.session,
            "link": self.link,
            "delivery": self.delivery,
            "subject": self.subject,
        }
        words = ", ".join(str(value) for value in named.values() if value is not None)
        return f"{self.type}({words})"
