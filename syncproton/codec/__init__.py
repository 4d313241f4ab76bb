"""The AMQP 1.0 type system: Python values to bytes and back (specification part 1)."""

from __future__ import annotations

from syncproton.codec.containers import AnnotationDict, PropertyDict, RestrictedKeyDict, SymbolList
from syncproton.codec.data import Data
from syncproton.codec.decoder import DECODERS, decode, decode_fields
from syncproton.codec.described import UNDESCRIBED, Array, Described, PythonAMQPData
from syncproton.codec.encoder import ENCODERS, encode, encode_into
from syncproton.codec.limits import MAX_NESTING, MAX_ZERO_WIDTH
from syncproton.codec.typecodes import TypeCode
from syncproton.codec.types import (
    byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte, uint, ulong, ushort,
)

__all__ = [
    "DECODERS",
    "ENCODERS",
    "MAX_NESTING",
    "MAX_ZERO_WIDTH",
    "UNDESCRIBED",
    "AnnotationDict",
    "Array",
    "Data",
    "Described",
    "PropertyDict",
    "PythonAMQPData",
    "RestrictedKeyDict",
    "SymbolList",
    "TypeCode",
    "byte",
    "char",
    "decimal128",
    "decimal32",
    "decimal64",
    "decode",
    "decode_fields",
    "encode",
    "encode_into",
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
