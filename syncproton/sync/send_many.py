"""Many messages, a window of them on the way at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional

from ..engine import Delivery
from ..errors import MessageException, ProtonException, Timeout
from ..message import Message
from ..reactor import lifetime
from .deadline import Deadline
from .errors import InDoubt, SendException
from .sender_driver import SenderDriver
from .sending import Sending

__all__ = ["Failure", "SendManyError", "SendManyTimeout", "SendReport", "send_many"]


@dataclass(frozen=True)
class Failure:
    """A message that was not accepted, or of which nobody knows whether it was.

    :ivar index: its place in the iterable, beginning with 0.
    :ivar message: the message, as the iterable gave it.
    :ivar error: what :meth:`Sender.send` would have raised: a :class:`SendException` if it was rejected, released or
        modified; an :class:`InDoubt` if it was sent and nobody knows; else what kept it from being sent, such as a
        ``Timeout``.
    """

    index: int
    message: Any
    error: Exception


class SendReport:
    """What became of messages.

    :ivar count: how many were taken from the iterable.
    :ivar failures: those that were not accepted, or may not have been, by index.
    """

    def __init__(self) -> None:
        self.count = 0
        self.failures: List[Failure] = []

    @property
    def accepted(self) -> int:
        """How many the peer has accepted; on a link that sends settled, how many were sent."""
        return self.count - len(self.failures)

    def __repr__(self) -> str:
        return f"<SendReport: {self.accepted} of {self.count} messages accepted>"


class SendManyError(ProtonException):
    """Not all messages were accepted.  ``__cause__`` is the first reason, and what this says comes from it.

    :ivar report: what became of each message that was taken from the iterable.
    :ivar condition: the name of the peer's error condition where it gave one, else ``None``.
    :ivar description: the peer's own words, or ``None``.
    """

    def __init__(self, report: SendReport, cause: BaseException) -> None:
        super().__init__(report, cause)
        self.report = report
        self.__cause__ = cause
        self.condition: Optional[str] = getattr(cause, "condition", None)
        self.description: Optional[str] = getattr(cause, "description", None)

    def __str__(self) -> str:
        report = self.report
        return f"{len(report.failures)} of {report.count} messages were not accepted: {self.__cause__}"


class SendManyTimeout(SendManyError, Timeout):
    """Time ran out before all messages were accepted."""


class _One(Sending):
    """A message in a window."""

    __slots__ = ("window", "index", "message", "begun")

    def __init__(self, window: "_Window", index: int, message: Any, data: bytes) -> None:
        super().__init__(data)
        self.window = window
        self.index = index
        self.message = message
        self.begun = False

    def claim(self) -> bool:
        return self.window.claim(self)

    def done(self, delivery: Delivery) -> None:
        self.window.settle(self, None)

    def failed(self, error: BaseException) -> None:
        self.window.settle(self, error)


class _Window:
    """The messages under way: filled by the thread that sends, emptied by the I/O thread.

    :ivar ended: what keeps all further messages from being sent, once there is such a thing.
    """

    def __init__(self, driver: SenderDriver, most: int, most_bytes: int) -> None:
        self._driver = driver
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._emptied = threading.Condition(self._lock)
        self._given = self._given_bytes = 0
        self._settled = self._settled_bytes = 0
        self._under_way: Dict[int, _One] = {}
        self._failures: Dict[int, Failure] = {}
        # What the sending thread waits for: so few messages and bytes under way.
        self._awaited: Optional[int] = None
        self._awaited_bytes = 0
        self._over = False
        self.ended: Optional[BaseException] = None

    # --- on the thread that sends

    def put(self, message: Any, data: bytes, deadline: Deadline) -> bool:
        """Send a message as soon as there is room; false if there is none in time."""
        size = len(data)
        if self._given - self._settled >= self._most or not self._fits(size):
            # Down to half, so that the two threads do not take turns for every message.
            room = max(0, min(self._most_bytes // 2, self._most_bytes - size))
            if not self.wait(self._most // 2, room, deadline):
                return False
        one = _One(self, self._given, message, data)
        self._under_way[one.index] = one
        self._given += 1
        self._given_bytes += size
        self._driver.offer(one)
        return True

    def _fits(self, size: int) -> bool:
        under_way = self._given_bytes - self._settled_bytes
        return not under_way or under_way + size <= self._most_bytes

    def wait(self, most: int, most_bytes: int, deadline: Deadline) -> bool:
        """Wait until no more are under way; false if time runs out."""
        with self._lock:
            self._awaited_bytes = most_bytes
            self._awaited = most
            try:
                while not self._down_to(most, most_bytes):
                    remaining = deadline.remaining()
                    if remaining == 0.0:
                        return False
                    self._emptied.wait(remaining)
            finally:
                self._awaited = None
        return True

    def _down_to(self, most: int, most_bytes: int) -> bool:
        return self._given - self._settled <= most and self._given_bytes - self._settled_bytes <= most_bytes

    def skip(self, message: Any, error: Exception) -> None:
        """Count a message that cannot be sent."""
        with self._lock:
            self._failures[self._given] = Failure(self._given, message, error)
            self._given += 1
            self._settled += 1

    def close(self, unsent: Exception, sent: Exception) -> SendReport:
        """Take back what was not sent, and report.

        :param unsent: the reason for the failure of what was taken back.
        :param sent: the same for what was sent and not settled.
        """
        with self._lock:
            self._over = True
        for one in list(self._under_way.values()):
            self._failures[one.index] = Failure(one.index, one.message, sent if one.begun else unsent)
        report = SendReport()
        report.count = self._given
        report.failures = [self._failures[index] for index in sorted(self._failures)]
        return report

    # --- on the I/O thread

    def claim(self, one: _One) -> bool:
        with self._lock:
            if self._over:
                return False
            one.begun = True
        return True

    def settle(self, one: _One, error: Optional[BaseException]) -> None:
        with self._lock:
            if self._over:
                return
            del self._under_way[one.index]
            if isinstance(error, Exception):
                self._failures[one.index] = Failure(one.index, one.message, error)
                self._look_ended(error)
            self._settled += 1
            self._settled_bytes += len(one.data)
            awaited = self._awaited
            if awaited is not None and self._down_to(awaited, self._awaited_bytes):
                self._emptied.notify()

    def _look_ended(self, error: Exception) -> None:
        if not isinstance(error, SendException):
            self.ended = self.ended or error
        elif isinstance(error, InDoubt) and self._driver.ended is not None:
            self.ended = self.ended or error.__cause__


def send_many(
    driver: SenderDriver, messages: Iterable[Any], window: int, max_bytes: int, deadline: Deadline
) -> SendReport:
    """Do what :meth:`Sender.send_many` promises."""
    _check(window, "window", "messages")
    _check(max_bytes, "max_bytes", "bytes")
    under_way = _Window(driver, window, max_bytes)
    late = f"Connection {driver.connection.url} timed out: Sending on sender {driver.name}: "
    unsent = Timeout(late + "it was not sent, for want of credit")
    sent = InDoubt(Timeout(late + "it was sent, and its outcome is in doubt"))
    in_time = True
    broken: Optional[Exception] = None
    try:
        for message in messages:
            try:
                data = (message if isinstance(message, Message) else Message(body=message)).encode()
            except MessageException as error:
                under_way.skip(message, error)
                continue
            in_time = under_way.put(message, data, deadline)
            if not in_time:
                under_way.skip(message, unsent)
            if not in_time or under_way.ended is not None:
                break
    except Exception as error:
        broken = error  # the iterable's own: what it gave before is seen to first
    except BaseException:
        under_way.close(unsent, sent)
        raise
    in_time = under_way.wait(0, 0, deadline) and in_time
    report = under_way.close(unsent, sent)
    if broken is not None:
        raise broken
    if report.failures:
        lifetime.hush()
        if not in_time and under_way.ended is None:
            raise SendManyTimeout(report, report.failures[0].error)
        raise SendManyError(report, under_way.ended or report.failures[0].error)
    return report


def _check(number: Any, name: str, unit: str) -> None:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{name} is a number of {unit}, not {number!r}")
    if number < 1:
        raise ValueError(f"{name} is at least 1, not {number}")
