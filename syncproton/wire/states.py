"""Errors, delivery states and the bodies of transaction requests (part 2, section 2.8.14; part 3, section 3.4; part 4).

The table of fields of each class follows the specification; what a delivery state means is told there.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Union

from ..codec.described import Described
from .composite import Composite, nested_reader, registry
from .fields import field

__all__ = [
    "ACCEPTED",
    "Accepted",
    "Declare",
    "Declared",
    "DeliveryState",
    "Discharge",
    "Error",
    "Modified",
    "RELEASED",
    "Received",
    "Rejected",
    "Released",
    "TransactionalState",
    "read_error",
    "read_outcome",
    "read_state",
]


class Error(Composite):
    """Why something was closed or rejected: a symbolic condition, words for people, a map of details."""

    __slots__ = ("condition", "description", "info")
    NAME, DESCRIPTOR = "amqp:error:list", 0x1D
    FIELDS = (field("condition", "symbol", mandatory=True), field("description", "string"), field("info", "map"))

    def __init__(
        self, condition: str, description: Optional[str] = None, info: Optional[Dict[Any, Any]] = None
    ) -> None:
        self.condition = condition
        self.description = description
        self.info = info


_read_error = nested_reader("an error", registry(Error))


def read_error(value: Any) -> Error:
    """Field reader: an :class:`Error` and nothing else."""
    error = _read_error(value)
    if not isinstance(error, Error):
        raise ValueError("an error")
    return error


class Received(Composite):
    """How far a receiver got; not an outcome."""

    __slots__ = ("section_number", "section_offset")
    NAME, DESCRIPTOR = "amqp:received:list", 0x23
    FIELDS = (field("section_number", "uint", mandatory=True), field("section_offset", "ulong", mandatory=True))

    def __init__(self, section_number: int = 0, section_offset: int = 0) -> None:
        self.section_number = section_number
        self.section_offset = section_offset


class Accepted(Composite):
    """The receiver has processed the message."""

    __slots__ = ()
    NAME, DESCRIPTOR = "amqp:accepted:list", 0x24


class Rejected(Composite):
    """The receiver found the message invalid."""

    __slots__ = ("error",)
    NAME, DESCRIPTOR = "amqp:rejected:list", 0x25
    FIELDS = (field("error", "error", read=read_error),)

    def __init__(self, error: Optional[Error] = None) -> None:
        self.error = error


class Released(Composite):
    """The receiver will not process the message, which is as it was before."""

    __slots__ = ()
    NAME, DESCRIPTOR = "amqp:released:list", 0x26


class Modified(Composite):
    """The receiver will not process the message, and something is to be changed about it."""

    __slots__ = ("delivery_failed", "undeliverable_here", "message_annotations")
    NAME, DESCRIPTOR = "amqp:modified:list", 0x27
    FIELDS = (
        field("delivery_failed", "boolean", default=False, terse=False),
        field("undeliverable_here", "boolean", default=False, terse=False),
        field("message_annotations", "map"),
    )

    def __init__(
        self,
        delivery_failed: bool = False,
        undeliverable_here: bool = False,
        message_annotations: Optional[Dict[Any, Any]] = None,
    ) -> None:
        self.delivery_failed = delivery_failed
        self.undeliverable_here = undeliverable_here
        self.message_annotations = message_annotations


class Declared(Composite):
    """Outcome of a declare: the transaction is open and this is its id."""

    __slots__ = ("txn_id",)
    NAME, DESCRIPTOR = "amqp:declared:list", 0x33
    FIELDS = (field("txn_id", "*", mandatory=True),)

    def __init__(self, txn_id: bytes) -> None:
        self.txn_id = txn_id


_OUTCOMES = registry(Accepted, Rejected, Released, Modified, Declared)
read_outcome = nested_reader("an outcome", _OUTCOMES)


class TransactionalState(Composite):
    """The delivery belongs to a transaction, with the outcome it is to have if that succeeds."""

    __slots__ = ("txn_id", "outcome")
    NAME, DESCRIPTOR = "amqp:transactional-state:list", 0x34
    FIELDS = (field("txn_id", "*", mandatory=True), field("outcome", "outcome", read=read_outcome))

    def __init__(self, txn_id: bytes, outcome: Optional[Union[Composite, Described]] = None) -> None:
        self.txn_id = txn_id
        self.outcome = outcome


class Declare(Composite):
    """Message body that asks a coordinator for a new transaction."""

    __slots__ = ("global_id",)
    NAME, DESCRIPTOR = "amqp:declare:list", 0x31
    FIELDS = (field("global_id", "*"),)

    def __init__(self, global_id: Any = None) -> None:
        self.global_id = global_id


class Discharge(Composite):
    """Message body that asks a coordinator to commit, or with ``fail`` to roll back, a transaction."""

    __slots__ = ("txn_id", "fail")
    NAME, DESCRIPTOR = "amqp:discharge:list", 0x32
    FIELDS = (field("txn_id", "*", mandatory=True), field("fail", "boolean", default=False, terse=False))

    def __init__(self, txn_id: bytes, fail: bool = False) -> None:
        self.txn_id = txn_id
        self.fail = fail


#: A delivery state as the wire gives it: one of the classes above, or the described value of a kind unknown here.
DeliveryState = Union[Received, Accepted, Rejected, Released, Modified, Declared, TransactionalState, Described]

#: The two states without fields, shared by all deliveries that have them.
ACCEPTED = Accepted()
RELEASED = Released()

read_state = nested_reader(
    "a delivery state", registry(Received, Accepted, Rejected, Released, Modified, Declared, TransactionalState)
)
