"""The state of a delivery at one end (part 3, section 3.4)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, List, Optional, Union

from ..codec import Described, symbol, ulong
from ..codec.decoder import decode
from ..errors import DataException
from ..wire import performatives as wire
from ..wire.composite import Composite
from ..wire.states import ACCEPTED, RELEASED, Modified, Received, Rejected
from .checks import UINT, ULONG, Checked, check_encodable, up_to
from .condition import Condition, a_condition

__all__ = ["Disposition", "DispositionType"]


class DispositionType(IntEnum):
    """The delivery states of the specification, by descriptor code."""

    RECEIVED = 0x23
    ACCEPTED = 0x24
    REJECTED = 0x25
    RELEASED = 0x26
    MODIFIED = 0x27
    DECLARED = 0x33
    TRANSACTIONAL_STATE = 0x34

    @classmethod
    def or_int(cls, i: int) -> Union[int, "DispositionType"]:
        """The member with the value ``i``, or ``i`` itself where there is none."""
        return _TYPES.get(i, i)


_TYPES = {int(t): t for t in DispositionType}


class Disposition:
    """The details of a delivery's state: set them before :meth:`Delivery.update` says which state it is."""

    RECEIVED = DispositionType.RECEIVED
    ACCEPTED = DispositionType.ACCEPTED
    REJECTED = DispositionType.REJECTED
    RELEASED = DispositionType.RELEASED
    MODIFIED = DispositionType.MODIFIED

    __slots__ = ("_type", "_local", "data", "_section_number", "_section_offset", "_condition", "failed",
                 "undeliverable", "annotations")

    #: With ``RECEIVED``: the section that was received last.
    section_number = Checked("_section_number", up_to(UINT))
    #: With ``RECEIVED``: how many bytes of that section.
    section_offset = Checked("_section_offset", up_to(ULONG))
    #: With ``REJECTED``: why; a :class:`Condition` or ``None``.
    condition = Checked("_condition", a_condition)

    def __init__(self, local: bool, type: int = 0) -> None:
        self._type = type
        self._local = local
        #: The fields of a state that is not one of the specification's outcomes, as a list.
        self.data: Optional[List[Any]] = None
        self._section_number = 0
        self._section_offset = 0
        self._condition: Optional[Condition] = None
        #: With ``MODIFIED``: count this as a failed attempt to deliver.
        self.failed = False
        #: With ``MODIFIED``: do not send the message to this link again.
        self.undeliverable = False
        #: With ``MODIFIED``: message annotations to be merged into the message's own.
        self.annotations: Any = None

    @property
    def type(self) -> Union[int, DispositionType]:
        """Which state it is, 0 while there is none."""
        return DispositionType.or_int(self._type)

    def _to_wire(self) -> Any:
        return wire_state(self._type, self)

    def _check(self, type: int) -> None:
        """Check that a peer can be told of these details with a state.

        :raises DataException: if not.
        """
        try:
            state = wire_state(type, self)
        except (TypeError, ValueError, AttributeError) as error:
            raise DataException(f"the peer cannot be told of state {type} with such details: {error}") from error
        check_encodable(wire.Disposition(True, 0, None, True, state))

    def _set_from_wire(self, state: Any) -> None:
        self._type = state_type(state)
        if isinstance(state, Rejected):
            self.condition = Condition._from_wire(state.error)
        elif isinstance(state, Modified):
            self.failed = bool(state.delivery_failed)
            self.undeliverable = bool(state.undeliverable_here)
            self.annotations = state.message_annotations
        elif isinstance(state, Received):
            self.section_number = state.section_number or 0
            self.section_offset = state.section_offset or 0
        else:
            self.data = _fields(state)

    def __repr__(self) -> str:
        return f"Disposition({self.type!r})"


def _fields(state: Any) -> Optional[List[Any]]:
    """The fields of a state that is no outcome, as the application of an extension wants them."""
    if isinstance(state, Described):
        return state.value if isinstance(state.value, list) else [state.value]
    if isinstance(state, Composite) and state.FIELDS:
        out = bytearray()
        state.encode_into(out)
        return list(decode(bytes(out))[0].value)
    return None


def state_type(state: Any) -> int:
    """The descriptor code of a delivery state as it came off the wire; 0 for none or one named by a symbol."""
    if state is None:
        return 0
    if isinstance(state, Described):
        return int(state.descriptor) if isinstance(state.descriptor, int) else 0
    return int(state.DESCRIPTOR)


def wire_state(type: int, details: Optional[Disposition]) -> Any:
    """The wire form of the state ``type``, with ``details`` where the application set any."""
    if type == 0x24:
        return ACCEPTED
    if type == 0x26:
        return RELEASED
    if type == 0:
        return None
    if type == 0x25:
        condition = details.condition if details is not None else None
        return Rejected(condition._to_wire() if condition is not None else None)
    if type == 0x27:
        if details is None:
            return Modified()
        annotations = details.annotations
        if annotations is not None:
            annotations = {symbol(k) if type_is_str(k) else k: v for k, v in annotations.items()}
        return Modified(details.failed, details.undeliverable, annotations)
    if type == 0x23:
        if details is None:
            return Received(0, 0)
        return Received(details.section_number, details.section_offset)
    data = details.data if details is not None else None
    return Described(ulong(type), list(data) if data is not None else [])


def type_is_str(key: Any) -> bool:
    """Whether a map key is a plain string, to be made a symbol."""
    return key.__class__ is str
