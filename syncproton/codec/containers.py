"""Containers that hold their contents to the types AMQP asks for, making symbols of plain strings."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Type, Union

from typing_extensions import SupportsIndex

from syncproton.codec.described import UNDESCRIBED, Array
from syncproton.codec.typecodes import TypeCode
from syncproton.codec.types import symbol, ulong

__all__ = ["AnnotationDict", "PropertyDict", "RestrictedKeyDict", "SymbolList"]

_Items = Union[Mapping[Any, Any], Iterable[Tuple[Any, Any]]]


class RestrictedKeyDict(Dict[Any, Any]):
    """A ``dict`` whose keys are symbols, or of other types that a subclass allows.  A ``str`` key becomes a symbol.

    :param e: what to fill it with: a mapping, or pairs.
    :param raise_on_error: whether a key of another type is refused; otherwise it is kept as it is.
    :raises KeyError: for a key of another type.
    """

    _also: Tuple[Type[Any], ...] = ()
    _raise_on_error = True  # for a copy or pickle, whose items are set before its attributes

    def __init__(self, e: Optional[_Items] = None, raise_on_error: bool = True, **kwargs: Any) -> None:
        super().__init__()
        self._raise_on_error = raise_on_error
        self.update(e, **kwargs)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._checked(key), value)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return super().setdefault(self._checked(key), default)

    def update(self, e: Optional[_Items] = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Set the keys of ``e``, a mapping or pairs, and of the keywords.

        :raises KeyError: for a key of another type.
        """
        if e is not None:
            for key, value in (e.items() if isinstance(e, Mapping) else e):
                self[key] = value
        for key, value in kwargs.items():
            self[key] = value

    def _checked(self, key: Any) -> Any:
        if isinstance(key, (symbol,) + self._also):
            return key
        if isinstance(key, str):
            return symbol(key)
        if self._raise_on_error:
            raise KeyError(f"invalid non-symbol key: {type(key)}: {key!r}")
        return key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"


class PropertyDict(RestrictedKeyDict):
    """The properties of a connection, session or link: a ``dict`` whose keys are symbols.

    :param e: what to fill it with: a mapping, or pairs.
    :param raise_on_error: whether a key that is neither symbol nor string is refused; otherwise it is kept as it is.
    :raises KeyError: for such a key.
    """


class AnnotationDict(RestrictedKeyDict):
    """Annotations (specification part 3, section 3.2.10): a ``dict`` whose keys are symbols or ``ulong``.

    :param e: what to fill it with: a mapping, or pairs.
    :param raise_on_error: whether a key that is no symbol, string or ulong is refused; otherwise it is kept as it is.
    :raises KeyError: for such a key.
    """

    _also = (ulong,)


class SymbolList(List[Any]):
    """A list of symbols, such as the capabilities of a connection.  A ``str`` put in becomes a symbol.

    It equals a list of the same symbols, and an :class:`Array` of them.

    :param t: what to fill it with: one string, or an iterable of them.
    :param raise_on_error: whether an element that is no string is refused; otherwise it is kept as it is.
    :raises TypeError: for an element that is no string.
    """

    _raise_on_error = True  # as in RestrictedKeyDict

    def __init__(self, t: Optional[Iterable[Any]] = None, raise_on_error: bool = True) -> None:
        super().__init__()
        self._raise_on_error = raise_on_error
        if isinstance(t, str):
            self.append(t)
        elif t is not None:
            self.extend(t)

    def to_array(self) -> Array:
        """The symbols as an AMQP array."""
        return Array(UNDESCRIBED, TypeCode.SYMBOL, *self)

    def append(self, v: Any) -> None:
        super().append(self._checked(v))

    def extend(self, t: Iterable[Any]) -> None:
        super().extend([self._checked(v) for v in t])

    def insert(self, i: SupportsIndex, v: Any) -> None:
        super().insert(i, self._checked(v))

    def __setitem__(self, i: Any, t: Any) -> None:
        super().__setitem__(i, [self._checked(v) for v in t] if isinstance(i, slice) else self._checked(t))

    def __add__(self, t: Iterable[Any]) -> SymbolList:
        total = SymbolList(self, self._raise_on_error)
        total.extend(t)
        return total

    def __iadd__(self, t: Iterable[Any]) -> SymbolList:
        self.extend(t)
        return self

    def __eq__(self, other: object) -> bool:
        return self.to_array() == other if isinstance(other, Array) else super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def _checked(self, value: Any) -> Any:
        if isinstance(value, symbol):
            return value
        if isinstance(value, str):
            return symbol(value)
        if self._raise_on_error:
            raise TypeError(f"Non-symbol type {type(value)}: {value!r}")
        return value

    def __repr__(self) -> str:
        return f"SymbolList({super().__repr__()})"
