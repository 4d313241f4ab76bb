"""How much a broker is ready to hold for its peers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Budget", "Limits"]


@dataclass(frozen=True)
class Limits:
    """The bounds of a :class:`~syncproton.broker.Broker`; what goes over one is refused, the broker carries on.

    A message that finds its queue or the memory full is rejected with ``amqp:resource-limit-exceeded``.
    """

    #: The most bytes of messages held at a time, over all queues and half-received messages.
    memory: int = 1 << 30
    #: The most messages held in one queue, the ones being delivered included.
    queue_depth: int = 1_000_000
    #: The most queues and topics at a time.  One that is empty and not in use does not count: it is gone.
    queues: int = 10_000
    #: The most subscriptions to topics at a time, also those that are kept while nobody is there.
    subscriptions: int = 10_000
    #: The most transactions that a connection may have open at a time.
    transactions: int = 100
    #: The largest message, in bytes.
    message_size: int = 256 << 20
    #: How many messages a sender may send ahead.
    credit: int = 1000


class Budget:
    """Counts the bytes that are held, against a limit."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Account for ``size`` more bytes, unless that goes over the limit.

        :returns: whether they may be held.
        """
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def has(self, size: int) -> bool:
        """Whether ``size`` more bytes may be held; below zero is so many less."""
        return self.used + size <= self.limit

    def give(self, size: int) -> None:
        """Account for ``size`` bytes being let go."""
        self.used -= size
