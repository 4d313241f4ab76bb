"""Request and response."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import Future
from typing import Any, Dict, Optional

from ...engine import Endpoint, Event
from ...handlers import IncomingMessageHandler
from ...message import Message
from ...reactor.futures import new_future
from ..deadline import Deadline
from ..waiting import resolve
from .connection import BlockingConnection

__all__ = ["AtomicCount", "SyncRequestResponse"]


class AtomicCount:
    """A counter that any thread may step.  What it gives first is one step beyond the start."""

    def __init__(self, start: int = 0, step: int = 1) -> None:
        self._numbers = itertools.count(start + step, step)

    def next(self) -> int:
        """The next number."""
        return next(self._numbers)


class SyncRequestResponse(IncomingMessageHandler):
    """Request and response over a blocking connection.  Any number of threads may call at once.

    :param connection: the connection.
    :param address: where requests go; if not given, each request has its own ``address``.
    :ivar response: the response that came last.
    :raises TypeError: if that is no connection.
    """

    correlation_id = AtomicCount()

    def __init__(self, connection: BlockingConnection, address: Optional[str] = None) -> None:
        super().__init__()
        if not hasattr(connection, "create_sender"):
            raise TypeError(f"a BlockingConnection is wanted, not {connection!r}")
        self.connection = connection
        self.address = address
        self.response: Optional[Message] = None
        self._lock = threading.Lock()
        self._calls: Dict[Any, "Future[Message]"] = {}
        self.sender = connection.create_sender(address)
        self.receiver = connection.create_receiver(None, dynamic=True, credit=1, handler=self)

    def call(self, request: Message) -> Message:
        """Send a request and wait for the response to it.

        :param request: its ``reply_to`` and ``correlation_id`` are set here.
        :raises ValueError: if neither it nor this object has an address.
        :raises LinkDetached: if the peer closes the link for requests, or that for responses.
        :raises Timeout: if no response comes within the connection's timeout.
        """
        if not self.address and not request.address:
            raise ValueError(f"Request message has no address: {request}")
        number = str(self.correlation_id.next())
        request.reply_to = self.reply_to
        request.correlation_id = number
        future: "Future[Message]" = new_future()
        with self._lock:
            self._calls[number] = future
        try:
            for driver in (self.receiver._driver, self.sender._driver):
                driver.connection.post(future, driver.waiters.add, future)
            self.sender.send(request)
            return self.connection._wait(future, Deadline(self.connection.timeout), "Waiting for response")
        finally:
            with self._lock:
                del self._calls[number]

    def on_delivery(self, event: Event) -> None:
        super().on_delivery(event)
        receiver = event.receiver
        if receiver is not None and receiver.state & Endpoint.LOCAL_ACTIVE and not receiver.credit:
            receiver.flow(1)  # What came was none, and was rejected; the next may be a response.

    @property
    def reply_to(self) -> Optional[str]:
        """The address for responses."""
        address: Optional[str] = self.receiver.remote_source.address
        return address

    def on_message(self, event: Event) -> None:
        """A response has come."""
        self.response = event.message
        with self._lock:
            future = self._calls.get(event.message.correlation_id)
        if future is not None:
            resolve(future, event.message)
        if event.receiver is not None:
            event.receiver.flow(1)
