"""From what a program sets an attribute of a message to, to what the message keeps."""

from __future__ import annotations

import operator
from numbers import Number
from typing import Any, Optional, Union
from uuid import UUID

from typing_extensions import Final

from syncproton.codec.containers import AnnotationDict
from syncproton.codec.types import symbol, timestamp

__all__ = [
    "NO_SYMBOL",
    "annotation_dict",
    "instant",
    "integer",
    "message_id",
    "milliseconds",
    "optional_symbol",
    "symbol_or_stand_in",
    "text",
]

NO_SYMBOL: Final = symbol(None)
"""Reads ``"None"``: what proton answers for a content type or content encoding that is not set."""


def integer(value: Any, limit: int) -> int:
    """An integer from 0 to ``limit``."""
    number = int(operator.index(value))  # Before Python 3.10 the index of a bool is a bool.
    if not 0 <= number <= limit:
        raise OverflowError(f"{number} is not between 0 and {limit}")
    return number


def milliseconds(seconds: Any) -> int:
    """A time in seconds, cut to whole milliseconds."""
    if not isinstance(seconds, Number):
        raise TypeError(f"a number of seconds is expected, not {type(seconds).__name__}")
    return int(seconds * 1000)  # type: ignore[operator]


def instant(seconds: Any) -> Optional[timestamp]:
    """A point in time given in seconds; ``None`` for 0, which means that it is not set."""
    moment = milliseconds(seconds)
    if not -2**63 <= moment < 2**63:
        raise OverflowError(f"{seconds} seconds are out of the range of a timestamp")
    return timestamp(moment) if moment else None


def text(value: Any) -> Optional[str]:
    """A plain ``str``, or ``None``."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a string is expected, not {type(value).__name__}")


def optional_symbol(value: Any) -> Optional[symbol]:
    """A symbol, or ``None``."""
    # The stand-in for an unset one may come back here when one message is filled from another.
    if value is None or value is NO_SYMBOL:
        return None
    if isinstance(value, str):
        return symbol(value)
    raise TypeError(f"a string is expected, not {type(value).__name__}")


def symbol_or_stand_in(value: Optional[symbol]) -> symbol:
    """What a symbol attribute reads as."""
    return NO_SYMBOL if value is None else value


def message_id(value: Any) -> Union[str, bytes, int, UUID, None]:
    """One of the types a message id may have, or ``None``."""
    kind = type(value)
    if kind is int and 0 <= value <= 0xFFFFFFFFFFFFFFFF or value is None or kind is str or kind is bytes:
        return value  # type: ignore[no-any-return]
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, int):
        return integer(value, 0xFFFFFFFFFFFFFFFF)
    raise TypeError(f"a message id is a string, binary, uuid or number, not {type(value).__name__}")


def annotation_dict(value: Any) -> Any:
    """A copy with symbols for keys; what is no ``dict`` is kept, to be refused when it is encoded."""
    return AnnotationDict(value, raise_on_error=False) if isinstance(value, dict) else value
