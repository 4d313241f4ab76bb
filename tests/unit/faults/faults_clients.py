"""Users of the library, as they write their programs: by blocking calls, proton's blocking calls, and callbacks."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Tuple

import syncproton
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection

#: How much longer than its timeout a call may take, in seconds.
GRACE = 1.0


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done in here takes no longer than so many seconds and the grace."""
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert took < seconds + GRACE, f"took {took:.2f} seconds, and {seconds} were given"


def connect_blocking(url: str, timeout: float, **options: Any) -> None:
    """``syncproton.connect``."""
    syncproton.connect(url, timeout=timeout, **options).close()


def connect_like_proton(url: str, timeout: float, **options: Any) -> None:
    """``BlockingConnection``."""
    BlockingConnection(url, timeout=timeout, **options).close()


def send(url: str, timeout: float, **options: Any) -> None:
    """``syncproton.send``."""
    syncproton.send(f"{url}/q", "x", timeout=timeout, **options)


def receive(url: str, timeout: float, **options: Any) -> None:
    """``syncproton.receive``."""
    syncproton.receive(f"{url}/q", timeout=timeout, **options)


class Client(MessagingHandler):
    """Connects, once, and makes links; takes down which callbacks told of errors, with the condition of each.

    :param links: ``"sender"``, ``"receiver"``, ``"narrow receiver"`` (with a small session window) or none.
    :ivar errors: callback, name and description, in order.
    :ivar messages: what came.
    :ivar outcomes: the callbacks that told what became of sent messages.
    """

    def __init__(self, url: str, links: str = "", **options: Any) -> None:
        super().__init__()
        self.url = url
        self.links = links
        self.options = options
        self.errors: List[Tuple[str, Optional[str], Optional[str]]] = []
        self.messages: List[Any] = []
        self.outcomes: List[str] = []
        self.over = threading.Event()

    @property
    def callbacks(self) -> List[str]:
        """The names of the callbacks in :attr:`errors`."""
        return [name for name, _, _ in self.errors]

    def begin(self, container: Container) -> None:
        """Connect, on the I/O thread."""
        connection = container.connect(self.url, handler=self, reconnect=False, **self.options)
        if self.links == "sender":
            container.create_sender(connection, "q")
        elif self.links == "receiver":
            container.create_receiver(connection, "q")
        elif self.links == "narrow receiver":
            session = connection.session()
            session.incoming_capacity = 1024  # bytes: two frames of the smallest size
            session.open()
            container.create_receiver(session, "q")

    def _note(self, callback: str, condition: Any) -> None:
        name, description = (condition.name, condition.description) if condition is not None else (None, None)
        self.errors.append((callback, name, description))

    def on_transport_error(self, event: Any) -> None:
        self._note("on_transport_error", event.transport.condition)

    def on_connection_error(self, event: Any) -> None:
        self._note("on_connection_error", event.connection.remote_condition)

    def on_connection_closing(self, event: Any) -> None:
        self._note("on_connection_closing", None)

    def on_session_error(self, event: Any) -> None:
        self._note("on_session_error", event.session.remote_condition)
        event.connection.close()

    def on_session_closing(self, event: Any) -> None:
        self._note("on_session_closing", None)
        event.connection.close()

    def on_link_error(self, event: Any) -> None:
        self._note("on_link_error", event.link.remote_condition)
        event.connection.close()

    def on_link_closing(self, event: Any) -> None:
        self._note("on_link_closing", None)
        event.connection.close()

    def on_link_remote_detach(self, event: Any) -> None:
        event.link.close()

    def on_disconnected(self, event: Any) -> None:
        self._note("on_disconnected", event.transport.condition)

    def on_sendable(self, event: Any) -> None:
        if not self.outcomes:
            self.outcomes.append("sent")
            event.sender.send(syncproton.Message(body="x"))

    def on_accepted(self, event: Any) -> None:
        self.outcomes.append("accepted")
        event.connection.close()

    def on_message(self, event: Any) -> None:
        self.messages.append(event.message.body)

    def on_transport_closed(self, event: Any) -> None:
        self.over.set()
