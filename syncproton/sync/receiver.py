"""Blocking receivers and the messages they give out."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterator, Optional, Type

from ..engine import Condition, Delivery
from ..errors import LinkException, MessageException, ProtonException, Timeout
from ..message import Message
from ..reactor import lifetime
from .deadline import Deadline
from .receiver_driver import Arrival, ReceiverDriver
from .waiting import fresh, wait

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["ReceivedMessage", "Receiver"]


class ReceivedMessage(Message):
    """A message that came over a :class:`Receiver`, which is told with :meth:`accept` and its kin what became of it.

    They may be called from any thread, in any order of messages, and do not wait for the peer.  A message that the
    sender had settled, or that is settled already, is left as it is.
    """

    __slots__ = ("_receiver", "_arrival")

    _receiver: "Receiver"
    _arrival: Arrival

    @property
    def delivery(self) -> Delivery:
        """The delivery the message came in.  To read from; change it with the methods of this message."""
        return self._arrival.delivery

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be told: the message was settled, from this side or by the sender."""
        return self._arrival.settled

    def accept(self) -> None:
        """The message was processed: its source may forget it.

        :raises ProtonException: if the link has ended since; the source may deliver the message again.
        """
        self._receiver._settle(self._arrival, Delivery.ACCEPTED)

    def reject(self, condition: Optional[str] = None, description: Optional[str] = None) -> None:
        """The message is invalid and cannot be processed.

        :param condition: the name of an error, such as ``amqp:not-allowed``.
        :param description: what is wrong, in words.
        :raises ProtonException: if the link has ended since.
        """
        error = Condition(condition, description) if condition is not None else None
        self._receiver._settle(self._arrival, Delivery.REJECTED, condition=error)

    def release(self) -> None:
        """The message was not processed and goes back: its source may deliver it again, as if it had not before.

        :raises ProtonException: if the link has ended since.
        """
        self._receiver._settle(self._arrival, Delivery.RELEASED)

    def modify(
        self, failed: bool = True, undeliverable: bool = False, annotations: Optional[Dict[str, Any]] = None
    ) -> None:
        """The message goes back, changed (section 3.4.5).

        :param failed: count this as a failed attempt to deliver it.
        :param undeliverable: do not deliver it to this receiver again.
        :param annotations: message annotations to merge into its own.
        :raises ProtonException: if the link has ended since.
        """
        self._receiver._settle(
            self._arrival, Delivery.MODIFIED, failed=failed, undeliverable=undeliverable, annotations=annotations
        )

    def settle(self) -> None:
        """Settle without an outcome.

        :raises ProtonException: if the link has ended since.
        """
        self._receiver._settle(self._arrival, None)


class Receiver:
    """A link on which to receive.  Made by :meth:`Connection.create_receiver`; usable from any thread.

    Several threads may share one: each message goes to exactly one of them.  It can be iterated over: that waits for
    messages without limit, and ends when the receiver is closed from this side.  As a context manager it closes itself
    at the end.
    """

    def __init__(self, connection: "Connection", driver: ReceiverDriver) -> None:
        self._connection = connection
        self._driver = driver
        # What each thread has received and not settled, oldest first, for settling without naming the message.
        self._unsettled: Dict[int, Deque[Arrival]] = {}
        self._came_settled = False
        self._closed = False

    @property
    def connection(self) -> "Connection":
        """The connection the receiver is on."""
        return self._connection

    @property
    def name(self) -> str:
        """The link's name."""
        return self._driver.name

    @property
    def address(self) -> Optional[str]:
        """The source address, as the peer says: that of the new node if it was to be dynamic."""
        return self._driver.address

    @property
    def closed(self) -> bool:
        """Whether the receiver is over: closed from this side or the other."""
        return self._driver.ended is not None

    def receive(self, timeout: Optional[float] = False) -> ReceivedMessage:
        """Wait for the next message.

        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit; 0 takes only what is
            here already.
        :raises Timeout: if none came in time.
        :raises LinkDetached: if the peer closed the link; likewise ``ConnectionException`` for the connection.
        :raises MessageException: if what came is not a message.  It was rejected.
        """
        return self._receive(Deadline(timeout, self._connection.timeout))

    def accept(self, message: Optional[ReceivedMessage] = None) -> None:
        """Accept a message.

        :param message: which; if not given, the oldest one that this thread received here and has not settled.
        :raises LinkException: if there is none, unless the sender settles messages by itself.
        """
        self._settle(self._pick(message), Delivery.ACCEPTED)

    def reject(self, message: Optional[ReceivedMessage] = None) -> None:
        """Reject a message, chosen as by :meth:`accept`: it is invalid."""
        self._settle(self._pick(message), Delivery.REJECTED)

    def release(self, message: Optional[ReceivedMessage] = None, delivered: bool = True) -> None:
        """Give back a message, chosen as by :meth:`accept`.

        :param delivered: whether this counts as an attempt to deliver it.  If so the outcome is *modified*, with
            *delivery-failed* set, else *released*.
        """
        if delivered:
            self._settle(self._pick(message), Delivery.MODIFIED, failed=True)
        else:
            self._settle(self._pick(message), Delivery.RELEASED)

    def settle(self, message: Optional[ReceivedMessage] = None, state: Optional[int] = None) -> None:
        """Settle a message, chosen as by :meth:`accept`.

        :param state: the outcome, one of the constants of :class:`~syncproton.Delivery`; none if not given.
        """
        self._settle(self._pick(message), state)

    def close(self, timeout: Optional[float] = False) -> None:
        """Close the link.  Closing again does nothing.  What was received and not settled goes back to its source.

        :raises Timeout: if the peer does not answer in time.
        """
        deadline = Deadline(timeout, self._connection.timeout)
        driver = self._driver
        driver.connection.guard()
        self._closed = True
        if not self._connection.closed:
            self._connection._wait(driver.connection.begin(driver.close), deadline, f"Closing link {self.name}")

    def __iter__(self) -> Iterator[ReceivedMessage]:
        return self

    def __next__(self) -> ReceivedMessage:
        try:
            return self._receive(Deadline(None))
        except ProtonException:
            if self._closed or lifetime.exiting:
                raise StopIteration from None
            raise

    def __enter__(self) -> "Receiver":
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
        return f"<Receiver {self.name!r} from {self.address!r}{', closed' if self.closed else ''}>"

    # --- the way to the driver

    def _receive(self, deadline: Deadline) -> ReceivedMessage:
        driver = self._driver
        driver.connection.guard()
        future = driver.take()

        def timed_out(taken_back: bool) -> BaseException:
            return Timeout(f"Connection {self._connection.url} timed out: Receiving on receiver {self.name}")

        try:
            arrival = wait(future, deadline, timed_out)
        finally:
            if future.cancelled():
                driver.leave(future)
        return self._unpack(arrival)

    def _unpack(self, arrival: Arrival) -> ReceivedMessage:
        message = ReceivedMessage()
        message._receiver = self
        message._arrival = arrival
        try:
            message.decode(arrival.data)
        except MessageException as error:
            self._driver.settle(arrival, Delivery.REJECTED, Condition("amqp:decode-error", str(error)))
            raise
        arrival.data = b""
        self._remember(arrival)
        return message

    def _remember(self, arrival: Arrival) -> None:
        if arrival.settled:
            self._came_settled = True
            return
        mine = self._unsettled.setdefault(threading.get_ident(), deque())
        while mine and mine[0].settled:
            mine.popleft()
        mine.append(arrival)

    def _pick(self, message: Optional[ReceivedMessage]) -> Optional[Arrival]:
        if message is not None:
            if not isinstance(message, ReceivedMessage) or message._receiver is not self:
                raise LinkException(f"this message did not come over receiver {self.name}")
            return message._arrival
        mine = self._unsettled.get(threading.get_ident(), deque())
        while mine:
            arrival = mine.popleft()
            if not arrival.settled:
                return arrival
        if self._came_settled:
            return None
        raise LinkException(f"this thread has received no message on receiver {self.name} that is not settled")

    def _settle(self, arrival: Optional[Arrival], state: Optional[int], **details: Any) -> None:
        if arrival is None or arrival.settled:
            return
        ended = self._driver.ended
        if ended is not None:
            lifetime.hush()
            raise fresh(ended)
        self._driver.settle(arrival, state, **details)
