"""Blocking senders."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from ...engine import Delivery, Sender
from ...message import Message
from ..deadline import Deadline
from ..errors import InDoubt, SendException
from ..sender_driver import SenderDriver
from ..waiting import fresh
from .link import BlockingLink

if TYPE_CHECKING:
    from .connection import BlockingConnection

__all__ = ["BlockingSender"]


class BlockingSender(BlockingLink):
    """A sender whose calls block.  Made by :meth:`BlockingConnection.create_sender`.

    :param connection: the connection.
    :param sender: a sender of the engine, open on this side.
    :param driver: what has taken it over already, if anything.
    """

    _driver: SenderDriver

    def __init__(
        self, connection: "BlockingConnection", sender: Sender, driver: Optional[SenderDriver] = None
    ) -> None:
        super().__init__(connection, sender, driver or SenderDriver(connection._sync._driver, sender.name))

    def send(
        self, msg: Message, timeout: Optional[float] = False, error_states: Optional[Sequence[int]] = None
    ) -> Delivery:
        """Send a message and wait until the peer has settled it, or, on a link that sends settled, until it is sent.

        :param msg: the message.
        :param timeout: seconds; ``False`` for the connection's timeout; ``None`` for no limit.
        :param error_states: the outcomes to raise an exception for; ``REJECTED`` and ``RELEASED`` if not given.
        :returns: the delivery.
        :raises SendException: if the outcome is one of these.
        :raises LinkDetached: if the peer closes the link; likewise :class:`ConnectionClosed`.
        :raises Timeout: if it takes longer.
        :raises TypeError: if the arguments are not of these kinds; nothing is sent then.
        """
        connection = self.connection
        deadline = Deadline(timeout, connection.timeout)
        # A copy, as it is for the I/O thread to look at; of what holds no states there is none.
        states = (Delivery.REJECTED, Delivery.RELEASED) if error_states is None else tuple(error_states)
        if not isinstance(msg, Message):
            raise TypeError(f"expected a message, not {msg!r}")
        data = msg.encode()
        connection._guard()
        future: "Future[Delivery]" = self._driver.send(data, states)
        try:
            return connection._wait(future, deadline, f"Sending on sender {self.link.name}")
        except InDoubt as doubt:
            assert doubt.__cause__ is not None
            raise fresh(doubt.__cause__) from None
        except SendException as error:
            raise _plain(error) from None

    def _addresses(self) -> Tuple[Optional[str], Optional[str]]:
        return self.link.target.address, self._driver.address


def _plain(error: SendException) -> SendException:
    """The exception with the text that proton's has, which is that of its state."""
    plain = SendException(error.state)
    plain.condition = error.condition
    plain.description = error.description
    return plain
