"""A queue: messages in order, and the consumers that share them."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Iterable, Optional, Sequence

from syncproton.broker.clock import Clock
from syncproton.broker.expiry import Expiry
from syncproton.broker.limits import Budget
from syncproton.broker.queued import MessageList, QueuedMessage
from syncproton.broker.sections import lifetime_of
from syncproton.broker.view import View

if TYPE_CHECKING:
    from syncproton.broker.consumer import Consumer

__all__ = ["Queue", "QueuedMessage"]

_log = logging.getLogger("syncproton.broker")

# So many messages are passed over for those that want the same; then the other connections have their turn.
_SLICE = 1000


class Queue:
    """Delivers each message to one consumer that wants it, and to all that only look; who has credit takes turns.

    :param address: the name of the queue.
    :param budget: what accounts for the memory of the messages.
    :param max_depth: the most messages to hold, the ones being delivered included.
    :param expiry: what sees to it that messages expire, if they are not looked at.
    """

    def __init__(self, address: str, budget: Budget, max_depth: int, expiry: Optional[Expiry] = None) -> None:
        self.address = address
        #: How many messages the queue holds, the ones being delivered included.
        self.depth = 0
        #: How many links are attached to the queue.
        self.links = 0
        self._deleted = False
        self._budget = budget
        self._max_depth = max_depth
        self._expiry = expiry or Expiry(Clock())
        self._clock = self._expiry.clock
        self._messages = MessageList()
        # Messages that are there and that some consumer does not want back, by sequence number.
        self._unwanted: Dict[int, QueuedMessage] = {}
        self._views: Dict[Any, View] = {}
        self._consumers: Dict[int, View] = {}
        # The views with consumers that can take a message, in the order of their turns.
        self._waiting: Deque[View] = deque()
        # Whether somebody will go on with a search that was broken off.
        self._to_be_resumed = False

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if the queue were gone."""
        return not self.links and not self.depth

    # --- messages

    def takers(self, payload: bytes) -> Sequence[Queue]:
        """The queues in which a message sent here is put: this one."""
        return (self,)

    def has_room(self, count: int) -> bool:
        """Whether so many more messages may be put; below zero is so many less."""
        return not self._deleted and self.depth + count <= self._max_depth

    def put(self, payload: bytes) -> bool:
        """Add a message at the end; one that has expired is dropped.

        :returns: whether there was room for it.
        """
        if self._deleted or self.depth >= self._max_depth:
            return False
        expires: Optional[float] = None
        lifetime = lifetime_of(payload)
        if lifetime.ttl is not None or lifetime.expiry_time is not None:
            now = self._clock.now()
            if lifetime.ttl is not None:
                expires = now + lifetime.ttl / 1000
            if lifetime.expiry_time is not None:
                left = lifetime.expiry_time / 1000 - self._clock.wall()
                expires = now + left if expires is None else min(expires, now + left)
            if expires is not None and expires <= now:
                return True
        if not self._budget.take(len(payload)):
            return False
        self.depth += 1
        message = self._messages.append(payload)
        if expires is not None:
            message.expires, message.ttl = expires, lifetime.ttl is not None
            self._expiry.watch(self, message)
        if self._waiting:
            self.dispatch()
        return True

    def put_back(self, messages: Iterable[QueuedMessage]) -> None:
        """Take back messages that were not consumed; they keep their places."""
        now = self._clock.now()
        for message in messages:
            message.acquired = False
            if self._deleted or message.expires is not None and message.expires <= now:
                self.remove(message)
                continue
            message.returned = True
            if message.unwanted_by:
                message.unwanted_by = message.unwanted_by.intersection(self._consumers)
            if message.unwanted_by:
                self._unwanted[message.sequence] = message
            for view in self._views.values():
                if not view.copies and view.has_passed(message) and self._is_wanted(message, view):
                    view.back(message)
        self.dispatch()

    def remove(self, message: QueuedMessage) -> None:
        """Forget a message that was taken out for delivery."""
        self._unlink(message)
        self.depth -= 1
        self._budget.give(message.size)
        if message.expires is not None:
            self._expiry.forget(self, message)

    def encoded(self, message: QueuedMessage) -> bytes:
        """The bytes of a message that is being delivered."""
        return message.payload if message.expires is None else message.deliverable(self._clock.now())

    def expire(self, message: QueuedMessage) -> None:
        """Forget a message that has expired; one that is being delivered has until it comes back."""
        if not message.acquired and message.next is not None:
            _log.debug("%s: message %d has expired and is dropped", self.address, message.sequence)
            self._drop(message)

    def delete(self) -> None:
        """Forget all messages, also those that will yet come back, and take no more."""
        self._deleted = True
        for message in self._messages:
            if message.acquired:
                self._unlink(message)
            else:
                self._drop(message)

    def _drop(self, message: QueuedMessage) -> None:
        if message.returned:
            self._no_more(message)
        self.remove(message)

    def _unlink(self, message: QueuedMessage) -> None:
        following = self._messages.remove(message)
        if following is not None:
            for view in self._views.values():
                if view.place is message:
                    view.place = following

    def _no_more(self, message: QueuedMessage) -> None:
        """A message that had come back is there no more."""
        self._unwanted.pop(message.sequence, None)
        for view in self._views.values():
            view.taken(message)

    # --- consumers

    def subscribe(self, consumer: Consumer) -> None:
        """Add a consumer; it gets nothing until it is :meth:`ready`."""
        key: Any = _key(consumer)
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(self._messages.first, consumer.selector, consumer.copies)
        view.consumers[consumer.serial] = consumer
        self._consumers[consumer.serial] = view
        for message in self._unwanted.values():
            if view.has_passed(message) and self._is_wanted(message, view):
                view.back_for(consumer.serial, message)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Remove a consumer."""
        view = self._consumers.pop(consumer.serial)
        del view.consumers[consumer.serial]
        view.own.pop(consumer.serial, None)
        if consumer.waiting:
            consumer.waiting = False
            view.waiting.remove(consumer)
            if not view.waiting:
                self._waiting.remove(view)
        if not view.consumers:
            del self._views[_key(consumer)]

    def ready(self, consumer: Consumer) -> bool:
        """Deliver what there is to a consumer that can take messages.

        :returns: whether it could take more than there is.  If not all could be looked at in one go, it is told later,
            by :meth:`~syncproton.broker.consumer.Consumer.idle`.
        """
        view = self._consumers[consumer.serial]
        if not consumer.waiting:
            consumer.waiting = True
            if not view.waiting:
                self._waiting.append(view)
            view.waiting.append(consumer)
        self.dispatch()
        return consumer.waiting and view.at_end

    # --- delivery

    def dispatch(self) -> None:
        """Deliver messages for as long as there are any, and consumers to take them."""
        now = self._clock.now()
        for view in self._waiting:
            view.patience = _SLICE
        done = []
        while self._waiting:
            view = self._waiting.popleft()
            if self._serve(view, now):
                self._waiting.append(view)
            elif view.waiting:
                done.append(view)
        self._waiting.extend(done)
        if not self._to_be_resumed and any(view.patience <= 0 and view.place.next is not None for view in done):
            self._to_be_resumed = True
            self._clock.later(0, self._resume)

    def _resume(self) -> None:
        self._to_be_resumed = False
        self.dispatch()
        for view in list(self._waiting):
            if view.at_end:
                for consumer in list(view.waiting):
                    consumer.idle()

    def _serve(self, view: View, now: float) -> bool:
        """Deliver a message to the next consumer in turn; who has had a turn goes to the end.

        :returns: whether there was a message, and who takes it.
        """
        waiting = view.waiting
        for _ in range(len(waiting)):
            consumer = waiting[0]
            if not consumer.can_take:
                consumer.waiting = False
                waiting.popleft()
                continue
            message = self._next(view, consumer.serial, now)
            if message is None and not view.own:
                return False
            waiting.rotate(-1)
            if message is not None:
                self._take(view, message)
                consumer.send(message)
                return True
        return False

    def _take(self, view: View, message: QueuedMessage) -> None:
        if message is view.place and message.next is not None:
            view.place = message.next
        if not view.copies:
            message.acquired = True
            if message.returned:
                self._no_more(message)

    def _next(self, view: View, serial: int, now: float) -> Optional[QueuedMessage]:
        """The oldest message there is for a consumer."""
        while True:
            message = view.behind.first()
            own = view.own.get(serial)
            only = own.first() if own is not None else None
            if message is None or only is not None and only.sequence < message.sequence:
                message = only
            if message is None:
                return self._ahead(view, now)
            if message.expires is None or message.expires > now:
                return message
            self.expire(message)

    def _ahead(self, view: View, now: float) -> Optional[QueuedMessage]:
        """The next message that was not looked at yet and is wanted; the place is then there."""
        message = view.place
        while message.next is not None and view.patience > 0:
            following = message.next
            if message.expires is not None and message.expires <= now:
                self.expire(message)
            elif (view.copies or not message.acquired) and self._is_wanted(message, view):
                return message
            view.place = message = following
            view.patience -= 1
        return None

    def _is_wanted(self, message: QueuedMessage, view: View) -> bool:
        return view.selector is None or view.selector.matches(message.sections(self._budget))


def _key(consumer: Consumer) -> Any:
    """What consumers have in common that share a view.  Who only looks shares with nobody."""
    if consumer.copies:
        return consumer.serial
    return None if consumer.selector is None else consumer.selector.key
