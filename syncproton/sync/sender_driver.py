"""The I/O thread's half of a blocking sender."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from typing import Any, Container as Collection
from typing import Deque, Dict, List, Optional, Tuple

from ..engine import Delivery, DispositionType, Endpoint, Event, Link, Sender
from ..errors import LinkException, TransactionError
from ..reactor import Transaction
from ..reactor.futures import new_future
from .connection_driver import ConnectionDriver
from .errors import InDoubt, SendException
from .inlet import Inlet
from .link_driver import LinkDriver
from .sending import ERRORS, FutureSending, Sending
from .waiting import fresh

__all__ = ["SenderDriver"]


class SenderDriver(LinkDriver):
    """Sends encoded messages in the order they were given, as credit allows.

    A message is :meth:`claimed <Sending.claim>` when it is handed over to the link, and done with when the peer has
    said what became of it; on a link that sends settled, when its bytes have been put into frames.

    :meth:`offer` and :meth:`send` are for any thread.
    """

    kind = "sender"

    def __init__(self, connection: ConnectionDriver, name: str, children: Optional[List[Any]] = None) -> None:
        super().__init__(connection, name, children)
        self._inlet: "Inlet[Sending]" = Inlet(connection.container, self.enqueue, self._refuse)
        # What waits for credit.
        self._queue: Deque[Sending] = deque()
        # Handed over and not settled by the peer; handed over settled and not yet put into frames.
        self._unsettled: Dict[Delivery, Sending] = {}
        self._unframed: Deque[Tuple[Sending, Delivery]] = deque()

    # --- for any thread

    def offer(self, sending: Sending) -> None:
        """Send a message.  What one thread offers keeps its order."""
        self._inlet.put(sending)

    def send(self, data: bytes, errors: Collection[int] = ERRORS) -> "Future[Delivery]":
        """Send a message; a future of its delivery.

        :param data: the encoded message.
        :param errors: the outcomes for which the future fails with :class:`SendException`.
        """
        future: "Future[Delivery]" = new_future(self.connection.container)
        self._inlet.put(FutureSending(future, data, errors))
        return future

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not (len(self._inlet) or self._queue or self._unsettled or self._unframed)

    # --- on the I/O thread

    def enqueue(self, sending: Sending) -> None:
        """Send a message, after those that were given before."""
        if self.ended is not None:
            sending.failed(fresh(self.ended))
            return
        if sending.transaction is not None and not self._may(sending, sending.transaction):
            return
        self._queue.append(sending)
        link = self.link
        if link is not None and link.credit > 0:
            self._pump()

    def _refuse(self, sending: Sending, error: BaseException) -> None:
        sending.failed(self.connection.why(error))

    def _pump(self) -> None:
        link = self.link
        if not isinstance(link, Sender):
            return
        settled = Link.SND_SETTLED in (link.snd_settle_mode, link.remote_snd_settle_mode)
        queue = self._queue
        while queue and link.credit > 0:
            sending = queue.popleft()
            if not sending.claim():
                continue
            transaction = sending.transaction
            if transaction is not None and not self._may(sending, transaction):
                continue
            try:
                delivery = link._send_whole(sending.data, link.delivery_tag())
            except LinkException as error:
                sending.failed(error)  # the program's own tags have come to an end, say
                continue
            if transaction is not None:
                transaction.enlist(delivery)
            if settled:
                delivery.settle()
                self._unframed.append((sending, delivery))
            else:
                self._unsettled[delivery] = sending

    def _may(self, sending: Sending, transaction: Transaction) -> bool:
        """Whether the transaction of a message is still open; if not, it has failed."""
        try:
            transaction.check_open()
        except TransactionError as error:
            sending.failed(error)
            return False
        return True

    def interrupted(self, error: BaseException) -> None:
        super().interrupted(error)
        self._doubt(error)

    def _fail_all(self, error: BaseException) -> None:
        super()._fail_all(error)
        queue, self._queue = self._queue, deque()
        for sending in queue:
            sending.failed(fresh(error))
        self._doubt(error)

    def _doubt(self, error: BaseException) -> None:
        """Nobody can tell any more what became of the messages under way."""
        unsettled, self._unsettled = self._unsettled, {}
        unframed, self._unframed = self._unframed, deque()
        for sending in [*unsettled.values(), *(sending for sending, _ in unframed)]:
            sending.failed(InDoubt(error))

    def _attached(self, link: Link) -> None:
        self._pump()

    def on_link_flow(self, event: Event) -> None:
        link = self.link
        if link is None:
            return
        while len(self._unframed) > link.queued:
            sending, delivery = self._unframed.popleft()
            sending.done(delivery)
        if link.credit > 0 and not link.state & Endpoint.REMOTE_CLOSED:
            # Without an address perhaps, as a listener's that cares for none; but nobody gives credit to refuse.
            self._take_as_opened()
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
        sending = self._unsettled.pop(delivery, None)
        if sending is None:
            return
        if state in sending.errors:
            sending.failed(SendException(state, delivery))
        else:
            sending.done(delivery)


def _outcome_of(delivery: Delivery) -> int:
    """The outcome that a delivery is to have if its transaction is committed; 0 if the peer has not said (4.5.8)."""
    data = delivery.remote.data or []
    descriptor = getattr(data[1], "descriptor", None) if len(data) > 1 else None
    return int(descriptor) if isinstance(descriptor, int) else 0


_OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)
