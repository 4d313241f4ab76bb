"""Refusing what the peer could not be told, where the application says it: when frames are written it is too late."""

from __future__ import annotations

from typing import Any, Callable, Generic, Optional, TypeVar, Union, overload

from ..codec import PropertyDict
from ..codec.types import RangeError
from ..errors import DataException, ProtonException
from ..wire.frames import write_frame

__all__ = ["Checked", "check_encodable", "number", "property_map", "text", "up_to"]

_Value = TypeVar("_Value")

UBYTE = 0xFF
USHORT = 0xFFFF
UINT = 0xFFFFFFFF
ULONG = 0xFFFFFFFFFFFFFFFF


def text(value: Any) -> Optional[str]:
    """Check a name or an address.

    :raises TypeError: if it is neither a string nor ``None``.
    """
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"a string is wanted, not {value!r}")


def number(value: Any, limit: int) -> int:
    """Check a number.

    :raises TypeError: if it is no integer.
    :raises ValueError: if it is negative or above ``limit``.
    """
    if not isinstance(value, int):
        raise TypeError(f"an integer is wanted, not {value!r}")
    if not 0 <= value <= limit:
        raise RangeError(f"a number from 0 to {limit} is wanted, not {value!r}")
    return value


def property_map(value: Any) -> Optional[PropertyDict]:
    """Check the properties of a connection or a link.

    :raises TypeError: if they are neither a map with symbols for keys nor ``None``.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError(f"a map is wanted, not {value!r}")
    try:
        return PropertyDict(value)
    except KeyError as error:
        raise TypeError(f"the keys of properties are symbols: {error.args[0]}") from None


def up_to(limit: int) -> Callable[[Any], int]:
    """A :func:`number` check."""
    return lambda value: number(value, limit)


def check_encodable(performative: Any) -> None:
    """Check that a frame can be made of a performative.

    :raises DataException: if not.
    """
    try:
        write_frame(bytearray(), 0, performative)
    except ProtonException:
        raise
    except Exception as error:
        raise DataException(f"the peer cannot be told of {performative!r}: {error}") from error


class Checked(Generic[_Value]):
    """An attribute whose values are checked when they are set.

    :param slot: where the value is kept.
    :param check: gives back the value, or raises.
    """

    def __init__(self, slot: str, check: Callable[[Any], _Value]) -> None:
        self._slot = slot
        self._check = check

    @overload
    def __get__(self, instance: None, owner: Any) -> "Checked[_Value]": ...

    @overload
    def __get__(self, instance: object, owner: Any) -> _Value: ...

    def __get__(self, instance: Optional[object], owner: Any) -> Union[_Value, "Checked[_Value]"]:
        if instance is None:
            return self
        value: _Value = getattr(instance, self._slot)
        return value

    def __set__(self, instance: object, value: Any) -> None:
        setattr(instance, self._slot, self._check(value))
