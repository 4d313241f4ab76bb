"""What is sent and what becomes of messages under a transaction (specification part 4, section 4.4).

Until the transaction is discharged nobody sees any of it: the messages are held here, and accounted for; what was to
be retired stays with whom it was delivered to.  A commit first sees whether all of it can be done, and then does it
within one turn of the loop: others see all of it or nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Counter as CounterType, Dict, List, Optional, Tuple

from syncproton.broker.outcome import CONSUMED, Outcome
from syncproton.broker.refused import Refused
from syncproton.broker.sections import returned
from syncproton.engine import Condition, Delivery

if TYPE_CHECKING:
    from syncproton.broker.consumer import Consumer
    from syncproton.broker.limits import Budget
    from syncproton.broker.nodes import Node
    from syncproton.broker.queue import Queue
    from syncproton.broker.queued import QueuedMessage

__all__ = ["ROLLBACK", "Transaction"]

_log = logging.getLogger("syncproton.broker")

#: The condition of a commit that could not be done.
ROLLBACK = "amqp:transaction:rollback"


class _Retirement:
    """What is to become of a message that was delivered to a consumer."""

    __slots__ = ("consumer", "delivery", "message", "outcome")

    def __init__(self, consumer: Consumer, delivery: Delivery, message: QueuedMessage, outcome: Outcome) -> None:
        self.consumer = consumer
        self.delivery = delivery
        self.message = message
        self.outcome = outcome

    @property
    def is_live(self) -> bool:
        """Whether the peer may yet say something of it."""
        return not self.delivery.settled and not self.consumer.stopped


class Transaction:
    """A transaction that is open.

    :param id: what the peer calls it by.
    :param owner: the link it was declared on, as the one that may not go before it.
    :param budget: accounts for the messages held.
    :param max_posts: how many messages may be held.
    """

    def __init__(self, id: bytes, owner: Any, budget: Budget, max_posts: int) -> None:
        self.id = id
        self.owner = owner
        self._budget = budget
        self._max_posts = max_posts
        self._posts: List[Tuple[Node, bytes]] = []
        self._retirements: Dict[Delivery, _Retirement] = {}
        # Why it can't be committed any more.
        self._doom: Optional[Condition] = None

    # --- work

    def post(self, node: Node, payload: bytes) -> None:
        """Hold a message for a node.

        :raises Refused: if there is no room for it, or for one before it; then there is nothing left to commit.
        """
        if self._doom is not None:
            raise Refused(ROLLBACK, f"the transaction can only be rolled back: {self._doom.description}")
        if len(self._posts) >= self._max_posts:
            self._refuse("there are too many messages in the transaction")
        if not self._budget.take(len(payload)):
            self._refuse("the broker's memory is full")
        node.links += 1  # Lest it goes before the message comes.
        self._posts.append((node, payload))

    def _refuse(self, why: str) -> None:
        refusal = Refused("amqp:resource-limit-exceeded", why)
        self.doom(refusal.condition)
        raise refusal

    def doom(self, condition: Condition) -> None:
        """Something of it can't be done, so nothing of it is to be.  What it holds is let go."""
        self._doom = self._doom or condition
        self._drop_posts()

    def retire(self, consumer: Consumer, delivery: Delivery, message: QueuedMessage, outcome: Outcome) -> None:
        """Keep in mind what is to become of a message."""
        self._retirements[delivery] = _Retirement(consumer, delivery, message, outcome)

    def amend(self, delivery: Delivery, outcome: Outcome) -> None:
        """The peer thought otherwise of a message."""
        self._retirements[delivery].outcome = outcome

    def withdraw(self, delivery: Delivery) -> QueuedMessage:
        """A message has nothing to do with the transaction any more."""
        return self._retirements.pop(delivery).message

    @property
    def deliveries(self) -> List[Delivery]:
        """The deliveries that have an outcome under it."""
        return list(self._retirements)

    # --- discharge

    def commit(self) -> None:
        """Do all of it.

        :raises Refused: if that can't be; it is rolled back then.
        """
        if self._doom is not None:
            self.roll_back()
            raise Refused(ROLLBACK, f"nothing was done: {self._doom.description}")
        puts = [(queue, payload) for node, payload in self._posts for queue in node.takers(payload)]
        consumed = [each for each in self._retirements.values() if each.outcome.state in CONSUMED]
        obstacle = self._obstacle(puts, consumed)
        if obstacle is not None:
            _log.debug("transaction %r is rolled back: %s", self.id, obstacle)
            self.roll_back()
            raise Refused(ROLLBACK, f"nothing was done: {obstacle}")
        for each in consumed:
            each.consumer.finish(each.message, each.outcome)
        # What was reserved is given piece by piece, right before it is taken: nobody can come between.
        self._drop_posts()
        total = sum(len(payload) for _, payload in puts)
        self._budget.take(total)
        for queue, payload in puts:
            self._budget.give(len(payload))
            queue.put(payload)
        for each in self._retirements.values():
            if not each.outcome.state and each.is_live:
                each.consumer.restore(each.delivery, each.message, self.id)
                continue
            if each.outcome.state not in CONSUMED:
                each.consumer.finish(each.message, each.outcome)
            if not each.consumer.stopped:
                each.delivery.settle()
        self._retirements.clear()

    def _obstacle(self, puts: List[Tuple[Queue, bytes]], consumed: List[_Retirement]) -> Optional[str]:
        """Why it can't all be done; what it takes out makes room for what it puts in."""
        growth: CounterType[Queue] = Counter(queue for queue, _ in puts)
        freed: CounterType[Queue] = Counter(each.consumer.queue for each in consumed)
        for queue, count in growth.items():
            if not queue.has_room(count - freed[queue]):
                return f"{queue.address!r} is full"
        size = sum(len(payload) for _, payload in puts)
        held = sum(len(payload) for _, payload in self._posts) + sum(each.message.size for each in consumed)
        return None if self._budget.has(size - held) else "the broker's memory is full"

    def roll_back(self) -> None:
        """Do nothing of it.

        What the peer has not settled stays with it: it is to say again what becomes of that (section 4.4.2).  The rest
        goes back to where it came from.  What was given another outcome than released counts as delivered in vain.
        """
        self._drop_posts()
        back: Dict[Queue, List[QueuedMessage]] = {}
        for each in self._retirements.values():
            if each.outcome.state != Delivery.RELEASED:
                each.message.change(returned(each.message.payload, True), False)
            if each.is_live:
                each.consumer.restore(each.delivery, each.message, self.id)
                continue
            back.setdefault(each.consumer.queue, []).append(each.message)
            if not each.consumer.stopped:
                each.delivery.settle()
        self._retirements.clear()
        for queue, messages in back.items():
            queue.put_back(messages)

    def _drop_posts(self) -> None:
        for node, payload in self._posts:
            self._budget.give(len(payload))
            node.links -= 1
        self._posts.clear()
