"""Blocking receivers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Deque, Optional, Tuple

from ...engine import Condition, Delivery, Receiver
from ...errors import LinkException, MessageException, Timeout
from ...message import Message
from ..deadline import Deadline
from ..connection_driver import ConnectionDriver
from ..link_driver import LinkDriver
from ..receiver_driver import Arrival, ReceiverDriver
from ..waiting import fresh
from .link import BlockingLink

if TYPE_CHECKING:
    from .connection import BlockingConnection

__all__ = ["BlockingReceiver", "Fetcher", "NothingUnsettled", "make_driver"]


class NothingUnsettled(LinkException, IndexError):
    """There is no received message that is not settled.  (Also the ``IndexError`` that proton raises.)"""


class Fetcher:
    """The messages of a :class:`BlockingReceiver` that were not asked for yet, and those that are to be settled.

    :ivar connection: the connection.
    """

    def __init__(self, connection: "BlockingConnection", prefetch: int) -> None:
        self.connection = connection
        self._given: Deque[Arrival] = deque()
        self._prefetch = prefetch
        self._driver: Optional[ReceiverDriver] = None

    @property
    def incoming(self) -> Deque[Arrival]:
        """What came and was not asked for yet."""
        return self._driver.inbox if self._driver is not None else deque()

    @property
    def has_message(self) -> int:
        """How many messages came and were not asked for yet."""
        return len(self.incoming)

    @property
    def unsettled(self) -> Deque[Delivery]:
        """The deliveries of messages given out and not settled, oldest first."""
        return deque(arrival.delivery for arrival in self._given)

    def settle(self, state: Optional[int] = None) -> None:
        """Settle the oldest unsettled delivery.

        :param state: the outcome to tell the peer first; none if not given.
        :raises NothingUnsettled: (an ``IndexError``) if there is none.
        """
        try:
            arrival = self._given.popleft()
        except IndexError:
            raise NothingUnsettled("no message that was received is unsettled") from None
        assert self._driver is not None
        if self._driver.ended is not None:
            raise fresh(self._driver.ended)
        self._driver.settle(arrival, state)


def make_driver(connection: ConnectionDriver, name: str, fetcher: Optional[Fetcher]) -> LinkDriver:
    """What drives a receiver: for a fetcher, or, if there is none, for a handler."""
    if fetcher is not None:
        fetcher._driver = ReceiverDriver(connection, name, fetcher._prefetch)
        return fetcher._driver
    driver = LinkDriver(connection, name)
    driver.kind = "receiver"
    return driver


class BlockingReceiver(BlockingLink):
    """A receiver whose calls block.  Made by :meth:`BlockingConnection.create_receiver`.

    :param connection: the connection.
    :param receiver: a receiver of the engine, open on this side.
    :param fetcher: what keeps its messages; ``None`` if a handler gets them.
    :param credit: with a handler, how much credit to give the peer at first.
    :param driver: what has taken the receiver over already, if anything.
    """

    def __init__(
        self, connection: "BlockingConnection", receiver: Receiver, fetcher: Optional[Fetcher], credit: int = 1,
        driver: Optional[LinkDriver] = None,
    ) -> None:
        self.fetcher = fetcher
        self.container = connection.container
        super().__init__(connection, receiver, driver or make_driver(connection._sync._driver, receiver.name, fetcher))
        if fetcher is None and credit:
            self.flow(credit)

    def receive(self, timeout: Optional[float] = False) -> Message:
        """Wait for the next message.  Without credit given in advance, the peer is asked for one message now.

        :param timeout: seconds; ``False`` for the connection's timeout; ``None`` for no limit.
        :raises Timeout: if none comes in time.
        :raises LinkDetached: if the peer closes the link; likewise :class:`ConnectionClosed`.
        :raises Exception: if the receiver was made with a handler of its own.
        """
        fetcher = self.fetcher
        if fetcher is None or fetcher._driver is None:
            raise Exception("Can't call receive on this receiver as a handler was not provided")
        driver = fetcher._driver
        connection = self.connection
        deadline = Deadline(timeout, connection.timeout)
        connection._guard()
        arrivals = driver.get(1, deadline)
        if not arrivals:
            raise Timeout(f"Connection {connection._sync.url} timed out: Receiving on receiver {self.link.name}")
        arrival = arrivals[0]
        message = Message()
        try:
            message.decode(arrival.data)
        except MessageException as error:
            driver.settle(arrival, Delivery.REJECTED, Condition("amqp:decode-error", str(error)))
            raise
        arrival.data = b""
        if not arrival.settled:
            fetcher._given.append(arrival)
        return message

    def accept(self) -> None:
        """Accept and settle the oldest unsettled message."""
        self.settle(Delivery.ACCEPTED)

    def reject(self) -> None:
        """Reject and settle the oldest unsettled message."""
        self.settle(Delivery.REJECTED)

    def release(self, delivered: bool = True) -> None:
        """Give back and settle the oldest unsettled message.

        :param delivered: whether the outcome is *modified* rather than *released*.
        """
        self.settle(Delivery.MODIFIED if delivered else Delivery.RELEASED)

    def settle(self, state: Optional[int] = None) -> None:
        """Settle the oldest unsettled message.

        :param state: the outcome to tell the peer first; none if not given.
        :raises IndexError: if there is none.
        :raises Exception: if the receiver was made with a handler of its own.
        """
        if self.fetcher is None:
            raise Exception("Can't call accept/reject etc on this receiver as a handler was not provided")
        self.fetcher.settle(state)

    def __iter__(self) -> "BlockingReceiver":
        return self

    def __next__(self) -> Message:
        return self.receive(None)

    def _addresses(self) -> Tuple[Optional[str], Optional[str]]:
        link = self.link
        return None if link.source.dynamic else link.source.address, self._driver.address
