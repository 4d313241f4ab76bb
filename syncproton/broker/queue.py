"""A queue: messages in order, and the consumers that share them."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Deque, FrozenSet, Iterable, List, Optional

from syncproton.broker.limits import Budget

if TYPE_CHECKING:
    from syncproton.broker.consumer import Consumer

__all__ = ["Queue", "QueuedMessage"]


class QueuedMessage:
    """A message in a queue, or on its way to a consumer and still of the queue."""

    __slots__ = ("payload", "sequence", "size", "unwanted_by")

    def __init__(self, payload: bytes, sequence: int) -> None:
        #: The encoded message, as it is to be delivered.
        self.payload = payload
        #: Its place in the queue: messages are delivered, and delivered again, in this order.
        self.sequence = sequence
        #: The bytes it is accounted for with.
        self.size = len(payload)
        #: The serial numbers of the consumers that said "undeliverable here".
        self.unwanted_by: FrozenSet[int] = frozenset()

    def __lt__(self, other: QueuedMessage) -> bool:
        return self.sequence < other.sequence


class Queue:
    """Delivers each message to one consumer; the consumers with credit take turns.

    :param address: the name of the queue.
    :param budget: what accounts for the memory of the messages.
    :param max_depth: the most messages to hold, the ones being delivered included.
    """

    def __init__(self, address: str, budget: Budget, max_depth: int) -> None:
        self.address = address
        #: How many messages the queue holds, the ones being delivered included.
        self.depth = 0
        #: How many links are attached to the queue.
        self.links = 0
        self._deleted = False
        self._budget = budget
        self._max_depth = max_depth
        self._sequence = 0
        self._fresh: Deque[QueuedMessage] = deque()
        # A heap of what came back.  As it is older than most, it is looked at first.
        self._returned: List[QueuedMessage] = []
        # What came back as undeliverable from every consumer there is: it waits for another one.
        self._parked: List[QueuedMessage] = []
        self._consumers: List[Consumer] = []
        # The consumers that can take a message, in the order of their turns.
        self._waiting: Deque[Consumer] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if the queue were gone."""
        return not self.links and not self.depth

    def put(self, payload: bytes) -> bool:
        """Add a message at the end.

        :returns: whether there was room for it.
        """
        if self._deleted or self.depth >= self._max_depth or not self._budget.take(len(payload)):
            return False
        self.depth += 1
        self._sequence += 1
        self._fresh.append(QueuedMessage(payload, self._sequence))
        if self._waiting:
            self.dispatch()
        return True

    def put_back(self, messages: Iterable[QueuedMessage]) -> None:
        """Take back messages that were not consumed; they keep their places."""
        if self._deleted:
            for message in messages:
                self.remove(message)
            return
        for message in messages:
            heapq.heappush(self._returned, message)
        self.dispatch()

    def remove(self, message: QueuedMessage) -> None:
        """Forget a message that was taken out for delivery."""
        self.depth -= 1
        self._budget.give(message.size)

    def delete(self) -> None:
        """Forget all messages, also those that will yet come back, and take no more."""
        self._deleted = True
        for messages in (self._fresh, self._returned, self._parked):
            for message in messages:
                self.remove(message)
            messages.clear()

    def subscribe(self, consumer: Consumer) -> None:
        """Add a consumer; it gets nothing until it is :meth:`ready`."""
        self._consumers.append(consumer)
        for message in self._parked:
            heapq.heappush(self._returned, message)
        self._parked.clear()

    def unsubscribe(self, consumer: Consumer) -> None:
        """Remove a consumer."""
        self._consumers.remove(consumer)
        if consumer.waiting:
            self._waiting.remove(consumer)
            consumer.waiting = False

    def ready(self, consumer: Consumer) -> bool:
        """Deliver what there is to a consumer that can take messages.

        :returns: whether it could take more than there is.
        """
        if not consumer.waiting:
            consumer.waiting = True
            self._waiting.append(consumer)
        self.dispatch()
        return consumer.waiting

    def dispatch(self) -> None:
        """Deliver messages for as long as there are any, and consumers to take them."""
        held_up: List[QueuedMessage] = []
        while self._waiting:
            message = self._next()
            if message is None:
                break
            consumer = self._turn(message)
            if consumer is not None:
                consumer.send(message)
            elif message.unwanted_by.issuperset([consumer.serial for consumer in self._consumers]):
                self._parked.append(message)
            else:
                held_up.append(message)
        for message in held_up:
            heapq.heappush(self._returned, message)

    def _next(self) -> Optional[QueuedMessage]:
        returned, fresh = self._returned, self._fresh
        if returned and (not fresh or returned[0] < fresh[0]):
            return heapq.heappop(returned)
        return fresh.popleft() if fresh else None

    def _turn(self, message: QueuedMessage) -> Optional[Consumer]:
        """The next consumer in turn that can take the message; who has had a turn goes to the end."""
        waiting = self._waiting
        for _ in range(len(waiting)):
            consumer = waiting.popleft()
            if not consumer.can_take:
                consumer.waiting = False
                continue
            waiting.append(consumer)
            if consumer.serial not in message.unwanted_by:
                return consumer
        return None
