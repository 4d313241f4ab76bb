"""The I/O thread's half of a blocking sender."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import Any, Container as Collection
from typing import Deque, Dict, List, Optional, Tuple

from ..engine import Delivery, DispositionType, Event, Link, Sender
from ..errors import TransactionError
from ..reactor import Transaction
from .connection_driver import ConnectionDriver
from .errors import InDoubt, SendException
from .link_driver import LinkDriver
from .waiting import fail, resolve, start

__all__ = ["SenderDriver"]

#: A message that waits for credit: its future, its bytes, the outcomes that are errors, and its transaction.
_Queued = Tuple["Future[Delivery]", bytes, Collection[int], Optional[Transaction]]


class SenderDriver(LinkDriver):
    """Sends encoded messages in the order they were given, as credit allows.

    The future of a send is started when the message is handed over to the link, and completes with the delivery when
    the peer has said what became of it; on a link that sends settled, when the bytes have been put into frames.
    """

    kind = "sender"

    def __init__(self, connection: ConnectionDriver, name: str, children: Optional[List[Any]] = None) -> None:
        super().__init__(connection, name, children)
        self._queue: Deque[_Queued] = deque()
        # Handed over and not settled by the peer; handed over settled and not yet put into frames.
        self._unsettled: Dict[Delivery, Tuple["Future[Delivery]", Collection[int]]] = {}
        self._unframed: Deque[Tuple["Future[Delivery]", Delivery]] = deque()

    def send(
        self, future: "Future[Delivery]", data: bytes, errors: Collection[int],
        transaction: Optional[Transaction] = None,
    ) -> None:
        """Send a message.

        :param data: the encoded message.
        :param errors: the outcomes for which the future fails with :class:`SendException`.
        :param transaction: under which to send it.
        """
        if self.ended is not None:
            self.waiters.add(future)
            return
        self._queue.append((future, data, errors, transaction))
        self._pump()

    def _pump(self) -> None:
        link = self.link
        if not isinstance(link, Sender):
            return
        settled = Link.SND_SETTLED in (link.snd_settle_mode, link.remote_snd_settle_mode)
        while self._queue and link.credit > 0:
            future, data, errors, transaction = self._queue.popleft()
            if not start(future):
                continue
            if transaction is not None:
                try:
                    transaction.check_open()
                except TransactionError as error:
                    fail(future, error)
                    continue
            delivery = link.delivery(link.delivery_tag())
            link.stream(data)
            link.advance()
            if transaction is not None:
                transaction.enlist(delivery)
            if settled:
                delivery.settle()
                self._unframed.append((future, delivery))
            else:
                self._unsettled[delivery] = (future, errors)

    def interrupted(self, error: BaseException) -> None:
        super().interrupted(error)
        self._doubt(error)

    def _fail_all(self, error: BaseException) -> None:
        super()._fail_all(error)
        queue, self._queue = self._queue, deque()
        for future, *_ in queue:
            fail(future, error)
        self._doubt(error)

    def _doubt(self, error: BaseException) -> None:
        """Nobody can tell any more what became of the messages under way."""
        unsettled, self._unsettled = self._unsettled, {}
        unframed, self._unframed = self._unframed, deque()
        for future in [future for future, _ in unsettled.values()] + [future for future, _ in unframed]:
            fail(future, InDoubt(error))

    def _attached(self, link: Link) -> None:
        self._pump()

    def on_link_flow(self, event: Event) -> None:
        link = self.link
        if link is None:
            return
        while len(self._unframed) > link.queued:
            future, delivery = self._unframed.popleft()
            resolve(future, delivery)
        self._pump()
        if link.drain_mode and link.credit > 0:
            # Nothing is left to send: the credit goes back, as the receiver asked.
            link.drained()

    def on_delivery(self, event: Event) -> None:
        delivery = event.delivery
        if delivery is None or not delivery.updated:
            return
        state = delivery.remote_state
        if state == DispositionType.TRANSACTIONAL_STATE:
            state = _outcome_of(delivery)
        if not delivery.settled and state not in _OUTCOMES:
            return
        delivery.settle()
        future, errors = self._unsettled.pop(delivery, (None, ()))
        if future is None:
            return
        if state in errors:
            fail(future, SendException(state, delivery))
        else:
            resolve(future, delivery)


def _outcome_of(delivery: Delivery) -> int:
    """The outcome that a delivery is to have if its transaction is committed; 0 if the peer has not said (4.5.8)."""
    data = delivery.remote.data or []
    descriptor = getattr(data[1], "descriptor", None) if len(data) > 1 else None
    return int(descriptor) if isinstance(descriptor, int) else 0


_OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)
