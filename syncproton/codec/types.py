"""The AMQP primitive types that Python has no type of its own for (specification part 1, section 1.6).

Each is a plain subclass of the Python type that holds its value, so it is used, compared and hashed as that; the
class only says how the value is encoded.  The rest of the mapping is: ``None`` is null, ``bool`` boolean, ``int`` long,
``float`` double, ``str`` string, ``bytes`` binary, ``uuid.UUID`` uuid, ``list`` list and ``dict`` map.
"""

from __future__ import annotations

from typing import ClassVar, List

__all__ = [
    "RangeError",
    "binary",
    "byte",
    "char",
    "decimal128",
    "decimal32",
    "decimal64",
    "float32",
    "int32",
    "short",
    "symbol",
    "timestamp",
    "ubyte",
    "uint",
    "ulong",
    "ushort",
]


class RangeError(ValueError, OverflowError, AssertionError):
    """A number outside its AMQP type.  Of three kinds, for proton raises now the one, now the other."""


class _Unsigned(int):
    """An unsigned integer, checked when a program makes one.

    The check is called by ``__init__`` so that the decoder, whose numbers are in range by construction, can build with
    ``int.__new__`` alone.
    """

    __slots__ = ()
    _limit: ClassVar[int]

    def _check(self) -> None:
        if not 0 <= self <= self._limit:
            problem = "negative value" if self < 0 else f"a value over {self._limit}:"
            raise RangeError(f"initializing {type(self).__name__} with {problem} {int(self)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int.__repr__(self)})"


class ubyte(_Unsigned):
    """An unsigned 8-bit integer.

    :raises ValueError: if the number is negative or too big.
    """

    __slots__ = ()
    _limit = 0xFF

    def __init__(self, i: int) -> None:
        self._check()


class ushort(_Unsigned):
    """An unsigned 16-bit integer.

    :raises ValueError: if the number is negative or too big.
    """

    __slots__ = ()
    _limit = 0xFFFF

    def __init__(self, i: int) -> None:
        self._check()


class uint(_Unsigned):
    """An unsigned 32-bit integer.

    :raises ValueError: if the number is negative or too big.
    """

    __slots__ = ()
    _limit = 0xFFFFFFFF

    def __init__(self, u32: int) -> None:
        self._check()


class ulong(_Unsigned):
    """An unsigned 64-bit integer.

    :raises ValueError: if the number is negative or too big.
    """

    __slots__ = ()
    _limit = 0xFFFFFFFFFFFFFFFF

    def __init__(self, u64: int) -> None:
        self._check()


class _Integer(int):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int.__repr__(self)})"


class byte(_Integer):
    """A signed 8-bit integer; the range is checked when it is encoded."""

    __slots__ = ()


class short(_Integer):
    """A signed 16-bit integer; the range is checked when it is encoded."""

    __slots__ = ()


class int32(_Integer):
    """A signed 32-bit integer (the AMQP type ``int``); the range is checked when it is encoded."""

    __slots__ = ()


class timestamp(_Integer):
    """A point in time: milliseconds since the Unix epoch, UTC, negative for times before it."""

    __slots__ = ()


class decimal32(_Integer):
    """The 32 bits of an IEEE 754-2008 decimal32, as an unsigned number."""

    __slots__ = ()


class decimal64(_Integer):
    """The 64 bits of an IEEE 754-2008 decimal64, as an unsigned number."""

    __slots__ = ()


class binary(bytes):
    """A sequence of bytes that was received.

    It is ``bytes``, and answers to what programs ask of the ``memoryview`` that proton hands out.
    """

    __slots__ = ()

    def tobytes(self) -> bytes:
        """The same as plain ``bytes``."""
        return bytes(self)

    def tolist(self) -> List[int]:
        """The bytes as numbers."""
        return list(self)

    @property
    def nbytes(self) -> int:
        """How many bytes there are."""
        return len(self)


class decimal128(bytes):
    """The 16 bytes of an IEEE 754-2008 decimal128, big-endian."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"decimal128({bytes.__repr__(self)})"

    __str__ = bytes.__repr__


class float32(float):
    """A single precision floating point number (the AMQP type ``float``); encoding rounds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"float32({float.__repr__(self)})"


class char(str):
    """One Unicode character."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"char({str.__repr__(self)})"


class symbol(str):
    """A symbolic value from a constrained domain: ASCII text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"symbol({str.__repr__(self)})"
