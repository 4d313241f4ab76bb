"""Blocking senders."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Container as Collection
from typing import Optional, Type

from ..engine import Delivery
from ..errors import ProtonException, Timeout
from ..message import Message
from .deadline import Deadline
from .sender_driver import SenderDriver
from .waiting import wait

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Sender"]

#: The outcomes for which a send raises.
ERRORS = (Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)


class Sender:
    """A link on which to send.  Made by :meth:`Connection.create_sender`; usable from any thread.

    Messages that one thread sends keep their order.  As a context manager it closes itself at the end.
    """

    def __init__(self, connection: "Connection", driver: SenderDriver) -> None:
        self._connection = connection
        self._driver = driver

    @property
    def connection(self) -> "Connection":
        """The connection the sender is on."""
        return self._connection

    @property
    def name(self) -> str:
        """The link's name."""
        return self._driver.name

    @property
    def address(self) -> Optional[str]:
        """The target address, as the peer says."""
        return self._driver.address

    @property
    def closed(self) -> bool:
        """Whether the sender is over: closed from this side or the other."""
        return self._driver.ended is not None

    def send(self, message: Any, timeout: Optional[float] = False) -> Delivery:
        """Send a message and wait until the peer has accepted it.

        On a link that sends settled (:class:`~syncproton.reactor.AtMostOnce`) it waits until the message is on its way.

        :param message: a :class:`~syncproton.Message`, or what is to be the body of one.
        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :returns: the delivery; its ``remote_state`` is the outcome.
        :raises SendException: if the peer rejected, released or modified the message.
        :raises InDoubt: if the link ended before the peer said what became of it.  (A kind of ``SendException``.)
        :raises LinkDetached: if the link ended before the message was sent; likewise ``ConnectionException``.
        :raises Timeout: if time ran out; the text tells whether the message was sent.
        """
        deadline = Deadline(timeout, self._connection.timeout)
        return self._send(message, deadline, ERRORS)

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the link.  Closing again does nothing.

        :raises Timeout: if the peer does not answer in time.
        """
        deadline = Deadline(timeout, self._connection.timeout)
        driver = self._driver
        driver.connection.guard()
        if not self._connection.closed:
            self._connection._wait(driver.connection.begin(driver.close), deadline, f"Closing link {self.name}")

    def __enter__(self) -> "Sender":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        try:
            self.close()
        except ProtonException:
            if value is None:
                raise

    def __repr__(self) -> str:
        return f"<Sender {self.name!r} to {self.address!r}{', closed' if self.closed else ''}>"

    def _send(self, message: Any, deadline: Deadline, errors: Collection[int]) -> Delivery:
        driver = self._driver
        driver.connection.guard()
        if not isinstance(message, Message):
            message = Message(body=message)
        # Encoded here, so that a bad message is the caller's error, and the I/O thread is kept for I/O.
        future: "Future[Delivery]" = driver.connection.begin(driver.send, message.encode(), errors)

        def timed_out(taken_back: bool) -> BaseException:
            said = "it was not sent, for want of credit" if taken_back else "it was sent, and its outcome is in doubt"
            return Timeout(f"Connection {self._connection.url} timed out: Sending on sender {self.name}: {said}")

        return wait(future, deadline, timed_out)
