"""The I/O thread's half of a blocking receiver."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Callable, Deque, List, NamedTuple, Optional, Tuple

from ..engine import Condition, Delivery, Disposition, Event, Link, Receiver
from ..errors import ProtonException
from ..reactor import lifetime
from ..reactor.call_queue import InternalCall
from ..reactor.futures import new_future
from .connection_driver import ConnectionDriver
from .deadline import Deadline
from .inlet import Inlet
from .link_driver import LinkDriver
from .waiting import fail, fresh, resolve, start

__all__ = ["Arrival", "ReceiverDriver", "check_credit"]

logger = logging.getLogger("syncproton.sync")


def check_credit(credit: Any) -> None:
    """Check how many messages a peer may send in advance.

    :raises TypeError: if it is not a number.
    :raises ValueError: if it is negative, or more than the protocol can say.
    """
    if isinstance(credit, bool) or not isinstance(credit, int):
        raise TypeError(f"credit is a number of messages, not {credit!r}")
    if not 0 <= credit <= 4294967295:
        raise ValueError(f"credit is 0 to 4294967295 messages, not {credit}")


class Arrival:
    """A message that came, still encoded.

    :ivar data: its bytes.
    :ivar delivery: its delivery.
    :ivar life: which life of the connection it came in: after how many losses.
    :ivar settled: whether the sender settled it already, or this side has since.
    """

    __slots__ = ("data", "delivery", "life", "settled")

    def __init__(self, data: bytes, delivery: Delivery, life: int) -> None:
        self.data = data
        self.delivery = delivery
        self.life = life
        self.settled = delivery.settled


class _Verdict(NamedTuple):
    """What became of a message, on its way to the peer."""

    arrival: Arrival
    state: Optional[int]
    details: Optional[Disposition]


def _same(arrival: Arrival) -> Arrival:
    return arrival


class ReceiverDriver(LinkDriver):
    """Keeps messages that came until threads ask for them, and hands each to exactly one.

    :meth:`take`, :meth:`leave`, :meth:`get` and :meth:`settle` are for any thread.  The lock guards the inbox and what
    is known of those who wait.

    :param prefetch: how many messages may be on their way or waiting here; 0 asks for one for each that is waited for.
    """

    kind = "receiver"

    def __init__(
        self, connection: ConnectionDriver, name: str, prefetch: int, children: Optional[List[Any]] = None
    ) -> None:
        super().__init__(connection, name, children)
        self.prefetch = prefetch
        self.inbox: Deque[Arrival] = deque()
        self._lock = threading.Lock()
        self._came = threading.Condition(self._lock)
        # Futures that wait for a message, and what makes their results of it.
        self._waiting: Deque[Tuple["Future[Any]", Callable[[Arrival], Any]]] = deque()
        # How many messages threads wait for.
        self._sought = 0
        # How much credit to ask for without prefetch.  Who has asked and given up leaves it: the next may come for it.
        self._wanted = 0
        self._refilling = False
        # After a drain no credit is given until somebody waits again.
        self._paused = False
        self._draining: List["Future[None]"] = []
        self._verdicts: "Inlet[_Verdict]" = Inlet(connection.container, self._tell, lambda verdict, error: None)
        self._refill_call = InternalCall(self._refill, ())

    # --- for any thread

    def take(self, convert: Callable[[Arrival], Any] = _same) -> "Future[Any]":
        """A future for the next message; done already if there is one here.

        :param convert: makes the result of it, on the thread that completes the future.
        """
        future: "Future[Any]" = new_future(self.connection.container)
        arrival: Optional[Arrival] = None
        with self._lock:
            if self.inbox:
                arrival = self._pick()
            elif self.ended is None:
                self._waiting.append((future, convert))
                self._paused = False
            refill = self._begin_refill()
        if refill:
            self.connection.container._calls.put(self._refill_call)
        if arrival is not None:
            _complete(future, convert, arrival)
        elif self.ended is not None:
            fail(future, fresh(self.ended))
        return future

    def _pick(self) -> Arrival:
        """Take a message out of the inbox; so one less is wanted of the peer.  With the lock held."""
        self._wanted = max(self._wanted - 1, 0)
        return self.inbox.popleft()

    def leave(self, future: "Future[Any]") -> None:
        """A future that :meth:`take` gave was cancelled."""
        with self._lock:
            self._waiting = deque(entry for entry in self._waiting if entry[0] is not future)

    def get(self, count: int, deadline: Deadline) -> List[Arrival]:
        """Wait for messages.

        :param count: how many, at most.
        :returns: so many; fewer, or none, if time runs out or the link ends first.
        :raises ProtonException: if the link has ended and there are none.
        """
        got: List[Arrival] = []
        sought = 0
        try:
            while True:
                with self._lock:
                    while self.inbox and len(got) < count:
                        got.append(self._pick())
                    self._sought -= sought
                    missing = sought = count - len(got)
                    ended = self.ended
                    if missing and ended is None:
                        self._sought += missing
                        if deadline.timeout != 0:
                            self._paused = False
                    else:
                        sought = 0
                    refill = self._begin_refill()
                    if sought and not refill:
                        remaining = deadline.remaining()
                        if remaining == 0.0:
                            return got
                        self._came.wait(remaining)
                        continue
                if refill:
                    # Not with the lock held, which whoever serves the queue wants too.
                    self.connection.container._calls.put(self._refill_call)
                    continue
                if ended is not None and not got:
                    lifetime.hush()
                    raise fresh(ended)
                return got
        except ProtonException:
            raise
        except BaseException:
            # Ctrl-C, say: another thread is to have what this one will not.
            with self._lock:
                self.inbox.extendleft(reversed(got))
                self._came.notify(len(self.inbox))
            raise
        finally:
            if sought:
                with self._lock:
                    self._sought -= sought

    def settle(
        self,
        arrival: Arrival,
        state: Optional[int],
        condition: Optional[Condition] = None,
        failed: bool = False,
        undeliverable: bool = False,
        annotations: Any = None,
    ) -> None:
        """Tell the peer what became of a message, unless that has been done.  This does not wait.

        :param state: one of the constants of :class:`Delivery`, or ``None`` to settle without.
        :raises ProtonException: if the link has ended.
        :raises DataException: if the peer cannot be told of the condition or the annotations.
        """
        if arrival.settled:
            return
        if self.ended is not None:
            raise fresh(self.ended)
        details: Optional[Disposition] = None
        if condition is not None or failed or undeliverable or annotations is not None:
            details = Disposition(True)
            details.condition = condition
            details.failed = failed
            details.undeliverable = undeliverable
            details.annotations = annotations
            details._check(state or 0)
        arrival.settled = True
        self._verdicts.put(_Verdict(arrival, state, details))

    # --- on the I/O thread

    def _tell(self, verdict: _Verdict) -> None:
        arrival, state, details = verdict
        delivery = arrival.delivery
        if delivery._settled:
            return  # two threads said it at once
        if self.ended is not None or arrival.life != self.connection.losses:
            # As if it had been said a moment after the loss, rather than before: the source delivers it again.
            logger.debug("%s: the link %s was lost before a message could be settled", self.connection.url, self.name)
            return
        try:
            if state is not None:
                if details is not None:
                    local = delivery.local
                    local.condition = details.condition
                    local.failed = details.failed
                    local.undeliverable = details.undeliverable
                    local.annotations = details.annotations
                delivery.update(state)
            if state is None or delivery.link.rcv_settle_mode != Link.RCV_SECOND:
                delivery.settle()
            # Else the sender settles first (section 2.6.12), and on_delivery follows it.
        except ProtonException as error:
            logger.warning("%s: a message on link %s could not be settled: %s", self.connection.url, self.name, error)

    # --- credit

    def _begin_refill(self) -> bool:
        """Whether the I/O thread is to be asked for credit.  With the lock held; then whoever is told has to do it."""
        if self.ended is not None:
            return False
        self._wanted = max(self._wanted, self._sought + len(self._waiting))
        if self._refilling:
            return False  # Whoever was told has not looked yet, and will find this.
        self._refilling = self._shortage() > 0
        return self._refilling

    def _shortage(self) -> int:
        """How much credit to add; 0 while it is not worth a frame.  With the lock held."""
        link = self.link
        if link is None or self.ended is not None or self._paused or self._draining:
            return 0
        if not self.prefetch:
            return max(0, self._wanted - len(self.inbox) - link.credit)
        shortage = self.prefetch - len(self.inbox) - link.credit
        return shortage if shortage * 2 >= self.prefetch else 0

    def _refill(self) -> None:
        with self._lock:
            self._refilling = False
            shortage = self._shortage()
        if shortage and isinstance(self.link, Receiver):
            self.link.flow(shortage)

    def drain(self, future: "Future[None]") -> None:
        """Have the peer use up or give back its credit; completes when it has done so."""
        if not self.waiters.add(future) or future.done():
            return
        with self._lock:
            self._draining.append(future)
        future.add_done_callback(self._drain_over)
        if isinstance(self.link, Receiver):
            self.link.drain(0)
        self._look_drained()

    def _drain_over(self, future: "Future[None]") -> None:
        """The peer has answered, or is not waited for any more: credit may be given again.  On any thread."""
        with self._lock:
            if future in self._draining:
                self._draining.remove(future)

    def _look_drained(self) -> None:
        link = self.link
        if not self._draining or not isinstance(link, Receiver) or link.draining():
            return
        link.drained()
        link.drain_mode = False
        with self._lock:
            draining, self._draining = self._draining, []
            self._wanted = self._sought + len(self._waiting)
            self._paused = not self._wanted
        for future in draining:
            resolve(future, None)
        self._refill()

    # --- events

    def _attached(self, link: Link) -> None:
        self._look_drained()
        self._refill()

    def on_link_flow(self, event: Event) -> None:
        self._look_drained()

    def on_delivery(self, event: Event) -> None:
        delivery = event.delivery
        link = self.link
        if delivery is None or not isinstance(link, Receiver):
            return
        if delivery.aborted:
            delivery.settle()
        elif delivery.readable and not delivery.partial:
            data = link.recv(delivery.pending) or b""
            link.advance()
            arrival = Arrival(data, delivery, self.connection.losses)
            if arrival.settled:
                delivery.settle()
            self._hand_out(arrival)
        elif delivery.updated and delivery.settled and not delivery.partial:
            # The sender gave it up, or completed the exchange: there is nothing left to tell it.
            delivery.settle()
        if self._draining:
            self._look_drained()
        self._refill()

    def _hand_out(self, arrival: Arrival) -> None:
        taker: Optional["Future[Any]"] = None
        with self._lock:
            while self._waiting and taker is None:
                future, convert = self._waiting.popleft()
                taker = future if start(future) else None
            if taker is None:
                self.inbox.append(arrival)
                if self._sought:
                    self._came.notify()
            self._wanted = self._sought + len(self._waiting)
        if taker is not None:
            # Not with the lock held: whoever is called back may want the next message.
            _complete(taker, convert, arrival)

    def interrupted(self, error: BaseException) -> None:
        super().interrupted(error)
        self._drop_unsettled()

    def _fail_all(self, error: BaseException) -> None:
        super()._fail_all(error)
        self._drop_unsettled()
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
            self._came.notify_all()
        for future, _ in waiting:
            fail(future, fresh(error))

    def _drop_unsettled(self) -> None:
        """What the peer still counts as its own it will deliver again; what it settled is ours alone."""
        with self._lock:
            before = len(self.inbox)
            self.inbox = deque(arrival for arrival in self.inbox if arrival.settled)
            dropped = before - len(self.inbox)
        if dropped:
            logger.debug("%s: %d messages that waited on link %s are left to the peer to deliver again",
                         self.connection.url, dropped, self.name)


def _complete(future: "Future[Any]", convert: Callable[[Arrival], Any], arrival: Arrival) -> None:
    try:
        result = convert(arrival)
    except ProtonException as error:
        fail(future, error)
    else:
        resolve(future, result)
