"""Blocking senders."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterable, Optional, Type

from ..engine import Delivery
from ..errors import ProtonException, Timeout
from ..message import Message
from .deadline import Deadline
from .send_many import SendReport, send_many
from .sender_driver import SenderDriver
from .waiting import wait

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["DEFAULT_MAX_BYTES", "DEFAULT_WINDOW", "Sender"]

#: How many messages :meth:`Sender.send_many` has under way at most, unless told otherwise.
DEFAULT_WINDOW = 1000

#: How many bytes of messages :meth:`Sender.send_many` has under way at most, unless told otherwise.
DEFAULT_MAX_BYTES = 8 * 1024 * 1024


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
        self._driver.connection.guard()
        return wait(self._driver.send(_encoded(message)), deadline, partial(_timed_out, self._driver))

    def submit_send(self, message: Any, timeout: Optional[float] = False) -> "Future[Delivery]":
        """What :meth:`send` does, as a future, which fails as that raises.

        It can be cancelled as long as the message waits for credit; it is not sent then.  Nothing limits how many
        messages may wait: see :meth:`send_many` for that.

        :raises MessageException: if the message cannot be encoded.
        """
        driver = self._driver
        deadline = Deadline(timeout, self._connection.timeout)
        driver.connection.check_process()
        future = driver.send(_encoded(message))
        driver.connection.expiry.add(future, deadline, partial(_timed_out, driver))
        return future

    def send_many(
        self,
        messages: Iterable[Any],
        *,
        window: int = DEFAULT_WINDOW,
        max_bytes: int = DEFAULT_MAX_BYTES,
        timeout: Optional[float] = False,
    ) -> SendReport:
        """Send messages, many under way at a time, and wait until the peer has accepted all of them.

        The next message is taken from ``messages`` when there is room for it, so it may be a generator, of any length.
        Messages that the peer does not accept do not keep the others from being sent.

        :param messages: an iterable of messages, or of what are to be their bodies.
        :param window: how many messages may wait, for credit or to be settled, at a time.
        :param max_bytes: how many bytes of encoded messages may do so; a message larger than that goes alone.
        :param timeout: seconds, for all of them; ``False`` for the connection's default; ``None`` for no limit.
        :returns: how many there were.
        :raises SendManyError: if not all of them were accepted; its ``report`` has which, and why.  It is raised once
            nothing is under way any more.  If the link ends, no more messages are taken.
        :raises SendManyTimeout: (also a ``Timeout``) if time runs out.
        """
        self._driver.connection.guard()
        return send_many(self._driver, messages, window, max_bytes, Deadline(timeout, self._connection.timeout))

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the link.  Closing again does nothing.

        :raises Timeout: if the peer does not answer in time; the link is closed nevertheless.
        """
        self._connection._close_link(self._driver, timeout)

    def submit_close(self, timeout: Optional[float] = False) -> "Future[None]":
        """What :meth:`close` does, as a future, which fails as that raises."""
        return self._connection._submit_close_link(self._driver, timeout)

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


def _encoded(message: Any) -> bytes:
    """Encoded on the caller's thread, so that a bad message is his error, and the I/O thread is kept for I/O."""
    return (message if isinstance(message, Message) else Message(body=message)).encode()


def _timed_out(driver: SenderDriver, taken_back: bool) -> Timeout:
    said = "it was not sent, for want of credit" if taken_back else "it was sent, and its outcome is in doubt"
    return Timeout(f"Connection {driver.connection.url} timed out: Sending on sender {driver.name}: {said}")
