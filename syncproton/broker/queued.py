"""The messages of a queue, in order."""

from __future__ import annotations

from typing import FrozenSet, Iterator, Optional

from syncproton.broker.limits import Budget
from syncproton.broker.sections import Sections, read_sections, with_ttl

__all__ = ["MessageList", "QueuedMessage"]

# What decoded sections are accounted for with: a generous guess at how much bigger than their encoding they are.
_DECODED_BASE = 500
_DECODED_FACTOR = 20


class QueuedMessage:
    """A message in a queue, or on its way to a consumer and still of the queue."""

    __slots__ = ("acquired", "expires", "next", "payload", "previous", "returned", "sequence", "size", "ttl",
                 "unwanted_by", "_charged", "_sections")

    def __init__(self, sequence: int, payload: bytes = b"") -> None:
        #: The encoded message.
        self.payload = payload
        #: Its place in the queue: messages are delivered, and delivered again, in this order.
        self.sequence = sequence
        #: The bytes it is accounted for with.
        self.size = len(payload)
        #: The serial numbers of the consumers that said "undeliverable here".
        self.unwanted_by: FrozenSet[int] = frozenset()
        #: Whether it is with a consumer.
        self.acquired = False
        #: Whether it ever came back from a consumer.
        self.returned = False
        #: When it expires, on the clock that never jumps; ``None`` for never.
        self.expires: Optional[float] = None
        #: Whether its header tells of its time to live.
        self.ttl = False
        #: Its neighbours, for the list it is in; ``None`` once it is out of it.
        self.next: Optional[QueuedMessage] = None
        self.previous: Optional[QueuedMessage] = None
        self._charged = False
        self._sections: Optional[Sections] = None

    def deliverable(self, now: float) -> bytes:
        """The encoded message as it is delivered: its time to live is what is left of it (section 3.2.1)."""
        if not self.ttl or self.expires is None:
            return self.payload
        return with_ttl(self.payload, max(1, round((self.expires - now) * 1000)))

    def change(self, payload: bytes, annotated: bool) -> None:
        """Give it another encoding; it stays accounted for as before.

        :param annotated: whether its annotations have changed; of what selectors look at nothing else does.
        """
        self.payload = payload
        if annotated:
            self._sections = None

    def sections(self, budget: Budget) -> Sections:
        """The sections that selectors look at.  They are decoded once, and kept if there is memory for that."""
        sections = self._sections
        if sections is None:
            sections = read_sections(self.payload)
            cost = _DECODED_BASE + _DECODED_FACTOR * sections.size
            if not self._charged and budget.take(cost):
                self._charged = True
                self.size += cost
            if self._charged:
                self._sections = sections
        return sections


class MessageList:
    """Messages in the order of their sequence numbers.

    The last one is always empty and waits to be filled: so what stands at the end of the list stands at the next
    message when that comes.
    """

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        #: The first message; the same as ``last`` if there is none.
        self.first = self.last = QueuedMessage(1)

    def append(self, payload: bytes) -> QueuedMessage:
        """Add a message at the end."""
        message = self.last
        message.payload = payload
        message.size = len(payload)
        self.last = message.next = QueuedMessage(message.sequence + 1)
        self.last.previous = message
        return message

    def remove(self, message: QueuedMessage) -> Optional[QueuedMessage]:
        """Take a message out.

        :returns: the one after it; ``None`` if it is out already.
        """
        following, preceding = message.next, message.previous
        if following is None:
            return None
        message.next = message.previous = None
        following.previous = preceding
        if preceding is None:
            self.first = following
        else:
            preceding.next = following
        return following

    def __iter__(self) -> Iterator[QueuedMessage]:
        message = self.first
        while message.next is not None:
            following = message.next
            yield message
            message = following
