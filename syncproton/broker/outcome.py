"""What becomes of messages (specification part 3, section 3.4)."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from syncproton.broker.refused import Refused
from syncproton.codec import Described
from syncproton.engine import Condition, Delivery

__all__ = ["CONSUMED", "OUTCOMES", "Outcome", "outcome_of"]

#: The outcomes that receivers may give.
OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)

#: Those after which a message is no more.
CONSUMED = (Delivery.ACCEPTED, Delivery.REJECTED)


class Outcome(NamedTuple):
    """What is to become of a message."""

    #: One of :data:`OUTCOMES`; 0 for none.
    state: int = 0
    #: Of modified: whether the delivery counts as failed.
    failed: bool = False
    #: Of modified: whether the message is not for this consumer.
    undeliverable: bool = False
    #: Of modified: message annotations to add.
    annotations: Optional[Mapping[Any, Any]] = None
    #: Of rejected: why, as far as anybody said.
    condition: Optional[Condition] = None


def outcome_of(described: Any) -> Outcome:
    """The outcome inside of a transactional state (section 4.5.7).

    :raises Refused: if it is none that a message can have.
    """
    if described is None:
        return Outcome()
    if not isinstance(described, Described) or described.descriptor not in OUTCOMES:
        raise Refused("amqp:invalid-field", "a transactional state has an outcome that there is not")
    state = int(described.descriptor)
    if state == Delivery.REJECTED and described.value:
        error = described.value[0]
        fields = error.value if isinstance(error, Described) and isinstance(error.value, list) else []
        return Outcome(state, condition=Condition(*fields[:2]) if fields else None)
    if state != Delivery.MODIFIED:
        return Outcome(state)
    failed, undeliverable, annotations = (list(described.value) + [None] * 3)[:3]
    return Outcome(state, bool(failed), bool(undeliverable), annotations)
