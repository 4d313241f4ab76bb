"""The I/O thread's half of a blocking receiver."""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Deque, List, Optional

from ..engine import Condition, Delivery, Event, Link, Receiver
from ..errors import LinkException
from ..reactor.futures import new_future
from .connection_driver import ConnectionDriver
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


class ReceiverDriver(LinkDriver):
    """Keeps messages that came until threads ask for them, and hands each to exactly one.

    :meth:`take` and :meth:`settle` are for any thread.  The lock guards the inbox and the queue of those who wait.

    :param prefetch: how many messages may be on their way or waiting here; 0 asks for one for each waiting thread.
    """

    kind = "receiver"

    def __init__(
        self, connection: ConnectionDriver, name: str, prefetch: int, children: Optional[List[Any]] = None
    ) -> None:
        super().__init__(connection, name, children)
        self.prefetch = prefetch
        self.inbox: Deque[Arrival] = deque()
        self._lock = threading.Lock()
        self._waiting: Deque["Future[Arrival]"] = deque()
        # How much credit to ask for without prefetch.  Who has asked and given up leaves it: the next may come for it.
        self._wanted = 0
        self._refilling = False

    # --- for any thread

    def take(self) -> "Future[Arrival]":
        """A future for the next message; done already if there is one here."""
        future: "Future[Arrival]" = new_future()
        with self._lock:
            if self.inbox:
                resolve(future, self.inbox.popleft())
            elif self.ended is not None:
                fail(future, fresh(self.ended))
                return future
            else:
                self._waiting.append(future)
                self._wanted = max(self._wanted, len(self._waiting))
            refill = not self._refilling and self._shortage() > 0
            if refill:
                self._refilling = True
        if refill:
            self.connection.post(future, self._refill)
        return future

    def leave(self, future: "Future[Arrival]") -> None:
        """A future that :meth:`take` gave was cancelled."""
        with self._lock:
            if future in self._waiting:
                self._waiting.remove(future)

    def settle(
        self,
        arrival: Arrival,
        state: Optional[int],
        condition: Optional[Condition] = None,
        failed: bool = False,
        undeliverable: bool = False,
        annotations: Any = None,
    ) -> "Future[None]":
        """Tell the peer what became of a message; the future completes when it is as good as told.

        :param state: one of the constants of :class:`Delivery`, or ``None`` to settle without.
        """
        future: "Future[None]" = new_future()
        if arrival.settled:
            future.set_result(None)
            return future
        arrival.settled = True

        def tell() -> None:
            delivery = arrival.delivery
            if self.ended is not None:
                raise fresh(self.ended)
            if arrival.life != self.connection.losses:
                raise LinkException("the connection was lost since the message came; the peer will deliver it again")
            if state is not None:
                local = delivery.local
                local.condition = condition
                local.failed = failed
                local.undeliverable = undeliverable
                local.annotations = annotations
                delivery.update(state)
            if state is None or delivery.link.rcv_settle_mode != Link.RCV_SECOND:
                delivery.settle()
            # Else the sender settles first (section 2.6.12), and on_delivery follows it.
            resolve(future, None)

        self.connection.post(future, tell)
        return future

    # --- credit

    def _shortage(self) -> int:
        """How much credit to add; 0 while it is not worth a frame.  With the lock held."""
        link = self.link
        if link is None or self.ended is not None:
            return 0
        if not self.prefetch:
            return max(0, self._wanted - link.credit)
        shortage = self.prefetch - len(self.inbox) - link.credit
        return shortage if shortage * 2 >= self.prefetch else 0

    def _refill(self) -> None:
        with self._lock:
            self._refilling = False
            shortage = self._shortage()
        if shortage and isinstance(self.link, Receiver):
            self.link.flow(shortage)

    # --- events

    def _attached(self, link: Link) -> None:
        self._refill()

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
        self._refill()

    def _hand_out(self, arrival: Arrival) -> None:
        taker: Optional["Future[Arrival]"] = None
        with self._lock:
            while self._waiting and taker is None:
                future = self._waiting.popleft()
                taker = future if start(future) else None
            if taker is None:
                self.inbox.append(arrival)
            self._wanted = len(self._waiting)
        if taker is not None:
            # Not with the lock held: whoever is called back may want the next message.
            taker.set_result(arrival)

    def interrupted(self, error: BaseException) -> None:
        super().interrupted(error)
        self._drop_unsettled()

    def _fail_all(self, error: BaseException) -> None:
        super()._fail_all(error)
        self._drop_unsettled()
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for future in waiting:
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
