"""The numbers by which ``Data`` and ``Array`` name the AMQP types."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["TypeCode"]


class TypeCode(IntEnum):
    """An AMQP type, as ``Data.type()`` answers it and as ``Array.type`` holds it.  The values are proton's.

    A member reads, prints and compares as its plain number.
    """

    NULL = 1
    BOOL = 2
    UBYTE = 3
    BYTE = 4
    USHORT = 5
    SHORT = 6
    UINT = 7
    INT = 8
    CHAR = 9
    ULONG = 10
    LONG = 11
    TIMESTAMP = 12
    FLOAT = 13
    DOUBLE = 14
    DECIMAL32 = 15
    DECIMAL64 = 16
    DECIMAL128 = 17
    UUID = 18
    BINARY = 19
    STRING = 20
    SYMBOL = 21
    DESCRIBED = 22
    ARRAY = 23
    LIST = 24
    MAP = 25

    def __repr__(self) -> str:
        return int.__repr__(self)

    def __str__(self) -> str:
        return int.__repr__(self)
