"""How far the consumers of a queue have come.

Consumers that want the same share a view: a place in the queue before which there is nothing left for them.  Every view
looks at every message once, when its place moves past it; so a message that nobody wants costs no more than that,
however long it stays.  What comes back to a place that was passed already is kept beside.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Deque, Dict, List, Optional

from syncproton.broker.queued import QueuedMessage

if TYPE_CHECKING:
    from syncproton.broker.consumer import Consumer
    from syncproton.broker.filters import Selector

__all__ = ["Backlog", "View"]

_SPARE = 32  # so many numbers of messages that are gone are borne before they are cleared away


class Backlog:
    """Messages that came back, by age."""

    __slots__ = ("_messages", "_order")

    def __init__(self) -> None:
        self._messages: Dict[int, QueuedMessage] = {}
        self._order: List[int] = []

    def add(self, message: QueuedMessage) -> None:
        """Add a message."""
        if message.sequence not in self._messages:
            self._messages[message.sequence] = message
            heapq.heappush(self._order, message.sequence)

    def discard(self, message: QueuedMessage) -> None:
        """Remove a message, if it is there."""
        if self._messages.pop(message.sequence, None) is not None:
            if len(self._order) > 2 * len(self._messages) + _SPARE:
                self._order = sorted(self._messages)

    def first(self) -> Optional[QueuedMessage]:
        """The oldest message, ``None`` if there is none."""
        order = self._order
        while order:
            message = self._messages.get(order[0])
            if message is not None:
                return message
            heapq.heappop(order)
        return None


class View:
    """A queue as some consumers see it.

    :param place: where it begins.
    :param selector: what they want; ``None`` for everything.
    :param copies: whether messages stay in the queue, and are seen even if they are with another consumer.
    """

    __slots__ = ("behind", "consumers", "copies", "own", "patience", "place", "selector", "waiting")

    def __init__(self, place: QueuedMessage, selector: Optional[Selector], copies: bool) -> None:
        #: The first message that was not looked at yet; the empty one at the end of the queue if there is none.
        self.place = place
        self.selector = selector
        self.copies = copies
        #: What came back to before the place.
        self.behind = Backlog()
        #: What came back to there and is not for all consumers, by the serial numbers of those it is for.
        self.own: Dict[int, Backlog] = {}
        #: How many more messages may be passed over before the others have their turn.
        self.patience = 0
        self.consumers: Dict[int, Consumer] = {}
        #: The consumers that can take a message, in the order of their turns.
        self.waiting: Deque[Consumer] = deque()

    @property
    def at_end(self) -> bool:
        """Whether it has looked at everything there is, and nothing came back."""
        return self.place.next is None and self.behind.first() is None

    def has_passed(self, message: QueuedMessage) -> bool:
        """Whether it looked at a message already."""
        return message.sequence < self.place.sequence

    def back(self, message: QueuedMessage) -> None:
        """A message it wants has come back to before its place."""
        if message.unwanted_by.isdisjoint(self.consumers):
            self.behind.add(message)
            return
        for serial in self.consumers:
            self.back_for(serial, message)

    def back_for(self, serial: int, message: QueuedMessage) -> None:
        """A message it wants, but not all of its consumers, is there for one of them, if that has not refused it."""
        if serial not in message.unwanted_by:
            self.own.setdefault(serial, Backlog()).add(message)

    def taken(self, message: QueuedMessage) -> None:
        """A message that had come back is there no more."""
        self.behind.discard(message)
        for serial, backlog in list(self.own.items()):
            backlog.discard(message)
            if backlog.first() is None:
                del self.own[serial]
