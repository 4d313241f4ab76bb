"""Error conditions (part 2, section 2.8.14)."""

from __future__ import annotations

from typing import Any, Optional

from ..codec import symbol
from ..errors import DataException
from ..wire.performatives import Close
from ..wire.states import Error
from .checks import check_encodable

__all__ = ["Condition", "a_condition"]


class Condition:
    """Why an endpoint was closed, a message rejected or a transport ended.

    :ivar name: a symbol such as ``amqp:not-found``.
    :ivar description: words for people, or ``None``.
    :ivar info: a map with more, or ``None``.
    """

    def __init__(self, name: Optional[str], description: Optional[str] = None, info: Any = None) -> None:
        self.name = name
        self.description = description
        self.info = info

    def __repr__(self) -> str:
        given = [repr(x) for x in (self.name, self.description, self.info) if x]
        return f"Condition({', '.join(given)})"

    def __eq__(self, o: object) -> bool:
        if not isinstance(o, Condition):
            return NotImplemented
        return self.name == o.name and self.description == o.description and self.info == o.info

    def __hash__(self) -> int:
        return hash((self.name, self.description))

    @classmethod
    def _from_wire(cls, error: Optional[Error]) -> Optional["Condition"]:
        if error is None:
            return None
        return cls(str(error.condition), error.description, error.info or None)

    def _to_wire(self) -> Error:
        return Error(symbol(self.name), self.description, self.info or None)

    def _check(self) -> None:
        """Check that a peer can be told.

        :raises DataException: if not.
        """
        if self.name is not None and not isinstance(self.name, str):
            raise DataException(f"the name of a condition is a symbol, not {self.name!r}")
        if self.info is not None and not isinstance(self.info, dict):
            raise DataException(f"the info of a condition is a map, not {self.info!r}")
        if self.name:
            check_encodable(Close(self._to_wire()))


def a_condition(value: Any) -> Optional[Condition]:
    """Check a condition that is set.

    :raises TypeError: if it is neither a :class:`Condition` nor ``None``.
    """
    if value is None or isinstance(value, Condition):
        return value
    raise TypeError(f"a Condition is wanted, not {value!r}")
