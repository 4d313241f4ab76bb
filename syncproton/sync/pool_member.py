"""A connection of a pool, and what the pool knows about it."""

from __future__ import annotations

import random
from collections import OrderedDict
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Collection, Optional, Tuple

from ..reactor.futures import new_future
from .deadline import Deadline
from .link_driver import LinkDriver
from .waiting import resolve

if TYPE_CHECKING:
    from .connection import Connection
    from .requests import Requests
    from .sender import Sender

__all__ = ["Member"]

#: How many senders are kept open on one connection.
MOST_SENDERS = 64

#: By how much a lifetime is cut short at most, so that connections made together are not all made anew together.
JITTER = 0.1


class Member:
    """A connection of a pool.

    Only who has it lent uses it; what the pool changes it does with its lock held.

    :param max_lifetime: after how many seconds it is to be replaced; ``None`` for never.
    :ivar expires: when that is, on the monotonic clock.
    :ivar since: since when it is lent, or idle.
    :ivar used: whether it was ever lent.
    :ivar suspect: whether the peer was last found not to answer in time.
    """

    def __init__(self, connection: "Connection", max_lifetime: Optional[float]) -> None:
        self.connection = connection
        self.since = monotonic()
        self.expires: Optional[float] = None
        if max_lifetime is not None:
            self.expires = self.since + max_lifetime * (1 - random.uniform(0, JITTER))
        self.used = False
        self.suspect = False
        self._senders: "OrderedDict[str, Sender]" = OrderedDict()

    @property
    def expired(self) -> bool:
        """Whether it has lived long enough."""
        return self.expires is not None and monotonic() >= self.expires

    def sender(self, address: str, deadline: Deadline) -> Tuple["Sender", bool]:
        """A sender to an address, and whether it was made for this call."""
        sender = self._senders.pop(address, None)
        fresh = sender is None or sender.closed
        if sender is None or fresh:
            sender = self.connection.create_sender(address, timeout=deadline.remaining())
        self._senders[address] = sender
        if len(self._senders) > MOST_SENDERS:
            _, oldest = self._senders.popitem(last=False)
            driver = self.connection._driver
            driver.begin(oldest._driver.close)
        return sender, fresh

    def tidy(self) -> None:
        """Close the links that who had it left open, and with them give up what was left undone.

        This does not wait: what is done on the connection next comes after it.
        """
        kept = [sender._driver for sender in self._senders.values()]
        self.connection._driver.begin(self._tidy, kept, self.connection._requests)

    def _tidy(self, future: "Future[None]", kept: Collection[LinkDriver], requests: "Requests") -> None:
        driver = self.connection._driver
        if driver.ended is None:
            for link in list(driver.links):
                if link not in kept and link not in requests.links:
                    link.close(new_future())
            if driver.connection is not None:
                driver.container._coordinators.give_up(driver.connection)
        resolve(future, None)
