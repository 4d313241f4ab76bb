"""A topic: what is sent there is put in the queue of every subscription that wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional

from syncproton.broker.sections import Sections, read_sections

if TYPE_CHECKING:
    from syncproton.broker.limits import Budget
    from syncproton.broker.queue import Queue
    from syncproton.broker.subscription import Subscription

__all__ = ["Topic"]


class Topic:
    """Hands each message to all who subscribe when it comes; holds none itself.

    :param address: its name.
    :param budget: what accounts for the memory of messages.
    """

    def __init__(self, address: str, budget: Budget) -> None:
        self.address = address
        #: How many links bring messages here.
        self.links = 0
        #: Who gets a copy of each message, in the order of coming.
        self.subscriptions: Dict[Subscription, None] = {}
        self._budget = budget

    @property
    def is_idle(self) -> bool:
        """Whether nobody would notice if the topic were gone."""
        return not self.links and not self.subscriptions

    def takers(self, payload: bytes) -> List[Queue]:
        """The queues of those who want a message."""
        sections: Optional[Sections] = None
        takers = []
        for subscription in self.subscriptions:
            selector = subscription.selector
            if selector is not None:
                if sections is None:
                    sections = read_sections(payload)
                if not selector.matches(sections):
                    continue
            takers.append(subscription.queue)
        return takers

    def put(self, payload: bytes) -> bool:
        """Give a message to all who want it, or to none if one of them has no room for it.

        :returns: whether there was room, which is so if nobody wants it.
        """
        takers = self.takers(payload)
        total = len(takers) * len(payload)
        if not self._budget.has(total) or not all(queue.has_room(1) for queue in takers):
            return False
        # Reserved for all, then given and taken one by one: others hold memory as messages are delivered.
        self._budget.take(total)
        for queue in takers:
            self._budget.give(len(payload))
            queue.put(payload)
        return True
