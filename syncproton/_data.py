"""The names that programs import from ``proton._data``, a private module of proton's."""

from __future__ import annotations

from syncproton.codec import (
    UNDESCRIBED, AnnotationDict, Array, Data, Described, PropertyDict, PythonAMQPData, RestrictedKeyDict,
    SymbolList, byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte, uint,
    ulong, ushort,
)

__all__ = [
    "AnnotationDict", "Array", "Data", "Described", "PropertyDict", "PythonAMQPData", "RestrictedKeyDict",
    "SymbolList", "UNDESCRIBED", "byte", "char", "decimal128", "decimal32", "decimal64", "float32", "int32",
    "short", "symbol", "timestamp", "ubyte", "uint", "ulong", "ushort",
]
