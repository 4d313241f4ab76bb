"""The queues of a broker, by address."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Dict, List, Optional

from syncproton.broker.clock import Clock
from syncproton.broker.expiry import Expiry
from syncproton.broker.limits import Budget, Limits
from syncproton.broker.queue import Queue

if TYPE_CHECKING:
    from syncproton.engine import Connection

__all__ = ["Nodes"]


class Nodes:
    """Makes queues on demand, and forgets them when nobody would notice."""

    def __init__(self, limits: Limits) -> None:
        self.budget = Budget(limits.memory)
        self.clock = Clock()
        self._expiry = Expiry(self.clock)
        self._limits = limits
        self._queues: Dict[str, Queue] = {}
        self._owners: Dict[str, Connection] = {}

    def find(self, address: str) -> Optional[Queue]:
        """The queue with this address, made if there is none; ``None`` if there are too many."""
        queue = self._queues.get(address)
        if queue is None:
            if len(self._queues) >= self._limits.queues:
                self._sweep()
            if len(self._queues) >= self._limits.queues:
                return None
            queue = self._queues[address] = Queue(
                address, self.budget, self._limits.queue_depth, self._expiry)
        return queue

    def make_temporary(self, owner: Connection) -> Optional[Queue]:
        """A new queue that is to go with its owner; ``None`` if there are too many queues."""
        queue = self.find(f"temporary-{uuid.uuid4()}")
        if queue is not None:
            self._owners[queue.address] = owner
        return queue

    def drop_temporaries(self, owner: Connection) -> List[Queue]:
        """Remove the temporary queues of a connection.

        :returns: the queues that are gone.
        """
        addresses = [address for address, holder in self._owners.items() if holder == owner]
        dropped = [self._queues.pop(address) for address in addresses]
        for queue in dropped:
            del self._owners[queue.address]
            queue.delete()
        return dropped

    def depths(self) -> Dict[str, int]:
        """How many messages each queue in use holds, the ones being delivered included."""
        return {address: queue.depth for address, queue in self._queues.items() if not queue.is_idle}

    def _sweep(self) -> None:
        for address in [a for a, queue in self._queues.items() if queue.is_idle and a not in self._owners]:
            del self._queues[address]
