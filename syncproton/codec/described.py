"""Described values and arrays (specification part 1, sections 1.1.2 and 1.6.24)."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Tuple, Union

from typing_extensions import Final, final

__all__ = ["UNDESCRIBED", "Array", "Described", "PythonAMQPData", "Undescribed"]


@final
class Undescribed:
    """The type of :data:`UNDESCRIBED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDESCRIBED"

    def __reduce__(self) -> str:
        return "UNDESCRIBED"


UNDESCRIBED: Final = Undescribed()
"""The descriptor of an :class:`Array` whose elements have no descriptor."""


class Described:
    """A value with a descriptor that says what it means.

    :ivar descriptor: usually a ``symbol`` or a ``ulong``, but any AMQP value will do.
    :ivar value: the value that is described.
    """

    __slots__ = ("descriptor", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, descriptor: Any, value: Any) -> None:
        self.descriptor = descriptor
        self.value = value

    def __repr__(self) -> str:
        return f"Described({self.descriptor!r}, {self.value!r})"

    def __eq__(self, o: object) -> bool:
        if isinstance(o, Described):
            return bool(self.descriptor == o.descriptor and self.value == o.value)
        return NotImplemented


class Array:
    """A sequence of values of one AMQP type.

    :ivar descriptor: what describes every element, or :data:`UNDESCRIBED`.
    :ivar type: the type of the elements, one of the constants of ``Data`` such as ``Data.INT``.
    :ivar elements: the values, without the descriptor.
    """

    __slots__ = ("descriptor", "elements", "type")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, descriptor: Any, type: int, *elements: Any) -> None:
        self.descriptor = descriptor
        self.type = type
        self.elements: Tuple[Any, ...] = elements

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def __repr__(self) -> str:
        elements = "".join(f", {element!r}" for element in self.elements)
        return f"Array({self.descriptor!r}, {self.type!r}{elements})"

    def __eq__(self, o: object) -> bool:
        if isinstance(o, Array):
            return bool(self.descriptor == o.descriptor and self.type == o.type and self.elements == o.elements)
        return NotImplemented


#: What AMQP values are in Python.  Those inside lists, maps and the like are again such values.
PythonAMQPData = Union[Dict[Any, Any], List[Any], Described, Array, int, float, str, bytes, None]
