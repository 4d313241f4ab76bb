"""The states of a delivery as objects of their own: set one as ``delivery.local``, then call ``delivery.update()``.

proton's next version has these beside the plain attributes of :class:`Disposition`.
"""

from __future__ import annotations

from typing import Any, List, Optional, Union

from ..codec import Described
from ..codec.decoder import decode
from .condition import Condition
from .disposition import Disposition, DispositionType, wire_state

__all__ = [
    "CustomDisposition",
    "DeclaredDisposition",
    "ModifiedDisposition",
    "ReceivedDisposition",
    "RejectedDisposition",
    "TransactionalDisposition",
    "remote_disposition",
]


class ReceivedDisposition(Disposition):
    """How far a message has been received (part 3, section 3.4.1).

    :param section_number: the section received last.
    :param section_offset: how many bytes of it.
    """

    __slots__ = ()

    def __init__(self, section_number: Optional[int] = None, section_offset: Optional[int] = None) -> None:
        super().__init__(True, DispositionType.RECEIVED)
        self.section_number = section_number or 0
        self.section_offset = section_offset or 0


class RejectedDisposition(Disposition):
    """The message is invalid (part 3, section 3.4.3).

    :param condition: why.
    """

    __slots__ = ()

    def __init__(self, condition: Optional[Condition] = None) -> None:
        super().__init__(True, DispositionType.REJECTED)
        self.condition = condition


class ModifiedDisposition(Disposition):
    """The message goes back, changed (part 3, section 3.4.5).

    :param failed: count this as a failed attempt to deliver.
    :param undeliverable: do not send it to this link again.
    :param annotations: message annotations to be merged into its own.
    """

    __slots__ = ()

    def __init__(
        self, failed: Optional[bool] = None, undeliverable: Optional[bool] = None, annotations: Any = None
    ) -> None:
        super().__init__(True, DispositionType.MODIFIED)
        self.failed = bool(failed)
        self.undeliverable = bool(undeliverable)
        self.annotations = annotations


class DeclaredDisposition(Disposition):
    """A transaction is open (part 4, section 4.5.5).

    :param id: the transaction's.
    """

    __slots__ = ()

    def __init__(self, id: Optional[bytes] = None) -> None:
        super().__init__(True, DispositionType.DECLARED)
        self.data = [id]

    @property
    def id(self) -> Optional[bytes]:
        """The id of the transaction."""
        return self.data[0] if self.data else None


class TransactionalDisposition(Disposition):
    """What becomes of a message if a transaction succeeds (part 4, section 4.5.8).

    :param id: the transaction's.
    :param outcome: what the message is to be then; ``None`` for a message that is sent.
    :raises TypeError: if that is no outcome.
    """

    __slots__ = ()

    def __init__(
        self, id: Optional[bytes] = None, outcome: Union[Disposition, DispositionType, int, None] = None
    ) -> None:
        super().__init__(True, DispositionType.TRANSACTIONAL_STATE)
        if isinstance(outcome, int):
            outcome = Disposition(True, outcome)
        elif outcome is not None and not isinstance(outcome, Disposition):
            raise TypeError(f"a Disposition is wanted, not {outcome!r}")
        self.data = [id] if outcome is None else [id, _described(outcome)]

    @property
    def id(self) -> Optional[bytes]:
        """The id of the transaction."""
        return self.data[0] if self.data else None

    @property
    def outcome_type(self) -> Union[DispositionType, int]:
        """What the message is to be if the transaction succeeds; 0 for one that is sent."""
        outcome = self.data[1] if self.data and len(self.data) > 1 else None
        return DispositionType.or_int(int(outcome.descriptor)) if isinstance(outcome, Described) else 0


class CustomDisposition(Disposition):
    """A state that the specification does not have.

    :param type: the code of its descriptor.
    :param data: its fields.
    """

    __slots__ = ()

    def __init__(self, type: int, data: Optional[List[Any]] = None) -> None:
        super().__init__(True, type)
        self.data = data


def _described(outcome: Disposition) -> Any:
    """An outcome as a value, to be put in a list."""
    state = wire_state(int(outcome.type), outcome)
    if state is None or isinstance(state, Described):
        return state
    out = bytearray()
    state.encode_into(out)
    return decode(bytes(out))[0]


_CLASSES = {
    DispositionType.RECEIVED: ReceivedDisposition,
    DispositionType.REJECTED: RejectedDisposition,
    DispositionType.MODIFIED: ModifiedDisposition,
    DispositionType.DECLARED: DeclaredDisposition,
    DispositionType.TRANSACTIONAL_STATE: TransactionalDisposition,
}


def remote_disposition(type: int) -> Disposition:
    """Where the details of a state that the peer told are kept."""
    made = _CLASSES.get(type)  # type: ignore[call-overload]
    disposition: Disposition = Disposition(False, type) if made is None else made()
    disposition._local = False
    return disposition
