"""Blocking receivers and the messages they give out."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterator, List, Optional, Type

from ..engine import Condition, Delivery
from ..errors import LinkException, MessageException, ProtonException, Timeout
from ..message import Message
from ..reactor import lifetime
from .deadline import Deadline
from .receiver_driver import Arrival, ReceiverDriver
from .waiting import fresh

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["ReceivedMessage", "Receiver"]

#: How many of its messages a thread has before those that are settled are looked for among them.
SWEEP_AT = 64


class ReceivedMessage(Message):
    """A message that came over a :class:`Receiver`, which is told with :meth:`accept` and its kin what became of it.

    They may be called from any thread, in any order of messages, and do not wait for the peer.  A message that the
    sender had settled, or that is settled already, is left as it is.  So is one that came before its connection was
    lost and made again: its source delivers it anew.
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


class _Mine(threading.local):
    """What a thread has received and not settled, oldest first, for settling without naming the message."""

    def __init__(self) -> None:
        self.arrivals: Deque[Arrival] = deque()
        self.sweep_at = SWEEP_AT


class Receiver:
    """A link on which to receive.  Made by :meth:`Connection.create_receiver`; usable from any thread.

    Several threads may share one: each message goes to exactly one of them.  It can be iterated over: that waits for
    messages without limit, and ends when the receiver, or its connection, is closed from this side.  As a context
    manager it closes itself at the end.
    """

    def __init__(self, connection: "Connection", driver: ReceiverDriver) -> None:
        self._connection = connection
        self._driver = driver
        self._mine = _Mine()
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

    def submit_receive(self, timeout: Optional[float] = False) -> "Future[ReceivedMessage]":
        """What :meth:`receive` does, as a future, which fails as that raises.

        It can be cancelled as long as there is no message.  The message is none of those that :meth:`accept` takes
        without naming it, for no thread has received it.
        """
        deadline = Deadline(timeout, self._connection.timeout)
        driver = self._driver
        driver.connection.check_process()
        future: "Future[ReceivedMessage]" = driver.take(partial(self._unpack, remember=False))
        if not future.done():
            future.add_done_callback(partial(_gave_up, driver))
            driver.connection.expiry.add(future, deadline, partial(_timed_out, driver.connection.url, self.name))
        return future

    def receive_many(self, n: int, timeout: Optional[float] = False) -> List[ReceivedMessage]:
        """Wait until ``n`` messages are here, or time is up.

        :param n: how many messages are wanted, at least 1.
        :param timeout: seconds, for all of them; ``False`` for the connection's default; ``None`` for no limit; 0 takes
            only what is here already.
        :returns: ``n`` messages, in the order they came; fewer if there were no more in time, or before the link ended.
        :raises Timeout: if none came in time.
        :raises LinkDetached: if the peer closed the link and none was left; likewise ``ConnectionException``.

        What comes and is not a message is rejected, and left out.
        """
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError(f"n is a number of messages, not {n!r}")
        if n < 1:
            raise ValueError(f"n is at least 1 message, not {n}")
        deadline = Deadline(timeout, self._connection.timeout)
        self._driver.connection.guard()
        messages: List[ReceivedMessage] = []
        while not messages:
            arrivals = self._driver.get(n, deadline)
            if not arrivals:
                raise _timed_out(self._driver.connection.url, self.name)
            for arrival in arrivals:
                try:
                    messages.append(self._unpack(arrival))
                except MessageException:
                    pass  # it has been rejected
        return messages

    def drain(self, timeout: Optional[float] = False) -> None:
        """Have the peer send what it has for the credit it was given, and give back the rest of that.

        After this, what can be received without waiting (``receive(0)``) is all that there was.  Credit is given again
        once a thread waits for more.

        :param timeout: seconds; ``False`` for the connection's default; ``None`` for no limit.
        :raises Timeout: if the peer does not answer in time.
        :raises LinkDetached: if the peer closed the link; likewise ``ConnectionException``.
        """
        driver = self._driver
        deadline = Deadline(timeout, self._connection.timeout)
        driver.connection.guard()
        future = driver.connection.begin(driver.drain)
        self._connection._wait(future, deadline, f"Draining receiver {self.name}")

    def submit_drain(self, timeout: Optional[float] = False) -> "Future[None]":
        """What :meth:`drain` does, as a future, which fails as that raises."""
        return self._connection._submit(self._driver.drain, timeout, f"Draining receiver {self.name}")

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

        :raises Timeout: if the peer does not answer in time; the link is closed nevertheless.
        """
        Deadline(timeout)
        self._driver.connection.guard()
        self._closed = True
        self._connection._close_link(self._driver, timeout)

    def submit_close(self, timeout: Optional[float] = False) -> "Future[None]":
        """What :meth:`close` does, as a future, which fails as that raises."""
        self._closed = True
        return self._connection._submit_close_link(self._driver, timeout)

    def __iter__(self) -> Iterator[ReceivedMessage]:
        return self

    def __next__(self) -> ReceivedMessage:
        try:
            return self._receive(Deadline(None))
        except ProtonException:
            if self._closed or self._connection._left or lifetime.exiting:
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
        arrivals = driver.get(1, deadline)
        if not arrivals:
            raise _timed_out(driver.connection.url, self.name)
        return self._unpack(arrivals[0])

    def _unpack(self, arrival: Arrival, remember: bool = True) -> ReceivedMessage:
        message = ReceivedMessage()
        message._receiver = self
        message._arrival = arrival
        try:
            message.decode(arrival.data)
        except MessageException as error:
            self._reject(arrival, error)
            raise
        arrival.data = b""
        if arrival.settled:
            self._came_settled = True
        elif remember:
            self._remember(arrival)
        return message

    def _reject(self, arrival: Arrival, error: MessageException) -> None:
        try:
            self._driver.settle(arrival, Delivery.REJECTED, Condition("amqp:decode-error", str(error)))
        except ProtonException:
            pass  # the link has ended meanwhile: what came over it does not matter to the peer any more

    def _remember(self, arrival: Arrival) -> None:
        mine = self._mine
        arrivals = mine.arrivals
        while arrivals and arrivals[0].settled:
            arrivals.popleft()
        arrivals.append(arrival)
        if len(arrivals) >= mine.sweep_at:
            # The first is kept for long, and those after it are not.
            mine.arrivals = deque(each for each in arrivals if not each.settled)
            mine.sweep_at = max(SWEEP_AT, 2 * len(mine.arrivals))

    def _pick(self, message: Optional[ReceivedMessage]) -> Optional[Arrival]:
        if message is not None:
            if not isinstance(message, ReceivedMessage) or message._receiver is not self:
                raise LinkException(f"this message did not come over receiver {self.name}")
            return message._arrival
        mine = self._mine.arrivals
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


def _timed_out(url: str, name: str, taken_back: bool = True) -> Timeout:
    return Timeout(f"Connection {url} timed out: Receiving on receiver {name}")


def _gave_up(driver: ReceiverDriver, future: "Future[ReceivedMessage]") -> None:
    if future.cancelled() or future.exception() is not None:
        driver.leave(future)
