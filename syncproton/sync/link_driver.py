"""The I/O thread's half of a blocking link: what senders and receivers have in common."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from functools import partial
from typing import Any, Callable, List, Optional

from ..engine import Endpoint, Event, Handler, Link, Session, Terminus
from ..engine.trace_text import one_line
from ..errors import LinkException
from .connection_driver import ConnectionDriver
from .errors import LinkDetached, SessionEnded
from .waiting import Waiters, resolve, start

__all__ = ["REASON_TIMEOUT", "LinkDriver"]

logger = logging.getLogger("syncproton.sync")

#: How long to wait for the reason when a peer seems to refuse a link, in seconds.
REASON_TIMEOUT = 1.0


class _Later:
    """What calls a function when a scheduled task is due."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    def on_timer_task(self, event: Event) -> None:
        self._function()


class LinkDriver(Handler):
    """Carries out the operations of one link on the I/O thread, and completes their futures.

    :param connection: the driver of the connection.
    :param name: the link's name.
    :param children: handlers that get the link's events too.
    :ivar link: the engine's link, once it is attached.
    :ivar address: the address at the peer's end, as it said when it attached last.
    :ivar adopted: the future of :meth:`adopt`, if that was called.
    """

    kind = "link"

    def __init__(self, connection: ConnectionDriver, name: str, children: Optional[List[Any]] = None) -> None:
        self.connection = connection
        self.name = name
        self.handlers = children or []
        self.waiters = Waiters()
        self.link: Optional[Link] = None
        self.session: Optional[Session] = None
        self.address: Optional[str] = None
        self.adopted: Optional["Future[None]"] = None
        self._opening: Optional["Future[None]"] = None
        self._closing: List["Future[None]"] = []

    @property
    def ended(self) -> Optional[BaseException]:
        """Why the link has ended for good, or ``None``."""
        return self.connection.ended if self.connection.inherited else self.waiters.ended

    # --- operations

    def open(self, future: "Future[None]", attach: Callable[..., Link]) -> None:
        """Attach; completes when the peer has attached its side.

        :param attach: makes the link: called with a session, and the keywords ``name`` and ``handler``.
        """
        connection = self.connection
        if not connection.waiters.add(future) or future.done():
            return
        if connection.put_off(partial(self.open, future, attach)):
            return
        self.waiters.add(future)
        self._opening = future
        link = self.link = attach(self._find_session(), name=self.name, handler=self)
        self.session = link.session
        self.connection.links.add(self)

    def adopt(self, future: "Future[None]", link: Link) -> None:
        """Take over a link that is open on this side; completes when the peer has attached its side.

        The handler that the link has gets its events after this one, and before the other children.
        """
        self.adopted = future
        if not self.connection.waiters.add(future):
            return
        self.waiters.add(future)
        self._opening = future
        self.link = link
        self.session = link.session
        self.connection.links.add(self)
        if link.handler is not None:
            self.handlers.insert(0, link.handler)
        link.handler = self
        if link.state & Endpoint.REMOTE_CLOSED:
            self._leave(link, Link.close)
        elif link.session.state & (Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED):
            self.end(SessionEnded(link.session))
        elif link.state & Endpoint.REMOTE_ACTIVE:
            self._opened(link)

    def close(self, future: "Future[None]") -> None:
        """Close; completes when the peer has closed too, or the link is gone."""
        if not start(future):
            return
        link = self.link
        if link is None:
            self.connection.free_name(self.kind, self.name)
        if link is None or (self.ended is not None and not self._closing):
            resolve(future, None)
            return
        self._closing.append(future)
        if self.ended is None:
            self._fail_all(LinkException(f"{self.kind} {self.name} is closed"))
            # Not before the peer has attached: Artemis, for one, answers neither an attach nor the detach behind it.
            if not link.state & Endpoint.REMOTE_UNINIT:
                link.close()

    def end(self, error: BaseException) -> None:
        """The link is over: all that waits on it fails with ``error``."""
        self.connection.links.discard(self)
        self.connection.free_name(self.kind, self.name)
        if self.ended is None:
            self._fail_all(error)
        closing, self._closing = self._closing, []
        for future in closing:
            resolve(future, None)

    def interrupted(self, error: BaseException) -> None:
        """The connection was lost, and is being made anew; the link will be attached again, unless it was closing."""
        if self.ended is not None:
            if self.link is not None:
                self.link.close()
                self.link.free()
            self.end(error)

    def _fail_all(self, error: BaseException) -> None:
        self.waiters.end(error)

    def _find_session(self) -> Session:
        """The session to attach on."""
        return self.connection.session()

    # --- events

    def on_link_local_close(self, event: Event) -> None:
        if self.link is not None and self.link.remote_condition is not None:
            # The peer broke the link's rules.  It may or may not answer; nobody is to wait for that.
            self.end(LinkDetached(self.link))

    def on_link_remote_open(self, event: Event) -> None:
        if self.link is not None:
            self._opened(self.link)

    def on_link_remote_close(self, event: Event) -> None:
        if self.link is not None:
            self._leave(self.link, Link.close)

    def on_link_remote_detach(self, event: Event) -> None:
        if self.link is not None:
            self._leave(self.link, Link.detach)

    def _opened(self, link: Link) -> None:
        if link.state & Endpoint.REMOTE_CLOSED:
            return  # It was refused, and the next event tells why.
        if self._closing:
            link.close()
            return
        self.address = link.remote_target.address if link.is_sender else link.remote_source.address
        if self._opening is not None:
            if self._may_be_refused(link):
                self.connection.container.schedule(REASON_TIMEOUT, _Later(self._take_as_opened))
            else:
                self._take_as_opened()
        self._attached(link)

    def _take_as_opened(self) -> None:
        if self._opening is not None:
            resolve(self._opening, None)
            self._opening = None

    def _may_be_refused(self, link: Link) -> bool:
        """Whether the peer attached without the address asked for.

        So does one that refuses, before it detaches with the reason (section 2.6.3).  But some are merely careless:
        what comes next tells them apart, a detach or credit.
        """
        if link.is_sender:
            return link.target.address is not None and link.remote_target.address is None
        asked = link.source.address is not None or link.source.dynamic
        return asked and link.remote_source.type == Terminus.UNSPECIFIED

    def _attached(self, link: Link) -> None:
        """The peer has attached, for the first time or again."""

    def _leave(self, link: Link, answer: Callable[[Link], None]) -> None:
        """The peer has closed or detached; do likewise."""
        error = LinkDetached(link)
        if link.state & Endpoint.LOCAL_ACTIVE:
            logger.info("%s: %s", self.connection.url, one_line(error))
            answer(link)
        self.end(error)
        link.free()
