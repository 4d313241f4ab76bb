"""``Data``: AMQP values that are written and read through a cursor."""

from __future__ import annotations

import uuid
from collections.abc import Mapping as MappingClass
from typing import Any, Callable, ClassVar, Dict, List, Mapping, Optional, Tuple, Type, Union

from syncproton.codec.containers import AnnotationDict, PropertyDict, SymbolList
from syncproton.codec.cursor import Cursor
from syncproton.codec.data_nodes import Node, make_node, to_object
from syncproton.codec.described import Array, Described
from syncproton.codec.typecodes import TypeCode
from syncproton.codec.types import (
    RangeError, byte, char, decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte, uint,
    ulong, ushort,
)
from syncproton.errors import DataException

__all__ = ["Data"]

# Of what class a value is that is put as one of these; values of other types are made so beforehand.
_CLASSES: Dict[TypeCode, type] = {
    TypeCode.ARRAY: Array,
    TypeCode.DESCRIBED: Described,
    TypeCode.MAP: MappingClass,
    TypeCode.UUID: uuid.UUID,
}


def _integer(value: Any) -> Any:
    if not isinstance(value, int):
        raise TypeError(f"an integer is wanted, not {value!r}")
    return value


def _real(value: Any) -> Any:
    if not isinstance(value, (int, float)):
        raise TypeError(f"a number is wanted, not {value!r}")
    return value


class Data(Cursor):
    """A sequence of AMQP values, with a cursor to write and to read them.

    The cursor stands on a value, or before the first of them, and moves with :meth:`next` and :meth:`prev`.
    :meth:`enter` takes it into the list, map, array or described value that it stands on, before the first value
    there, and :meth:`exit` takes it out again.

    A ``put`` method writes a value after the cursor and moves onto it; a value that was there before is
    overwritten.  A ``get`` method reads the value under the cursor; if there is none or it is of another type the
    answer is a zero or empty value of the type asked for.

    The whole is turned to bytes by :meth:`encode`; :meth:`decode` writes values from bytes.

    :param capacity: has no meaning here.
    """

    NULL = TypeCode.NULL
    BOOL = TypeCode.BOOL
    UBYTE = TypeCode.UBYTE
    BYTE = TypeCode.BYTE
    USHORT = TypeCode.USHORT
    SHORT = TypeCode.SHORT
    UINT = TypeCode.UINT
    INT = TypeCode.INT
    CHAR = TypeCode.CHAR
    ULONG = TypeCode.ULONG
    LONG = TypeCode.LONG
    TIMESTAMP = TypeCode.TIMESTAMP
    FLOAT = TypeCode.FLOAT
    DOUBLE = TypeCode.DOUBLE
    DECIMAL32 = TypeCode.DECIMAL32
    DECIMAL64 = TypeCode.DECIMAL64
    DECIMAL128 = TypeCode.DECIMAL128
    UUID = TypeCode.UUID
    BINARY = TypeCode.BINARY
    STRING = TypeCode.STRING
    SYMBOL = TypeCode.SYMBOL
    DESCRIBED = TypeCode.DESCRIBED
    ARRAY = TypeCode.ARRAY
    LIST = TypeCode.LIST
    MAP = TypeCode.MAP

    type_names: ClassVar[Dict[int, str]] = {kind: kind.name.lower() for kind in TypeCode}
    put_mappings: ClassVar[Dict[Type[Any], Callable[..., None]]]
    get_mappings: ClassVar[Dict[int, Callable[..., Any]]]

    __slots__ = ()

    def __init__(self, capacity: int = 16) -> None:
        super().__init__()

    @classmethod
    def type_name(cls, amqptype: int) -> str:
        """The name of the type with this number, as ``Data.INT``.

        :raises KeyError: if there is no such type.
        """
        return cls.type_names[amqptype]

    # --- writing ---

    def _put_as(self, kind: TypeCode, value: Any) -> None:
        try:
            node = make_node(value)
        except DataException:
            if isinstance(value, _CLASSES.get(kind, object)):
                raise
            raise TypeError(f"{value!r} is no {kind.name.lower()}") from None
        if node.kind is not kind:
            raise TypeError(f"{value!r} is no {kind.name.lower()}")
        self._put(node)

    def put_list(self) -> None:
        """Put an empty list; its elements are put after :meth:`enter`."""
        self._put(Node(TypeCode.LIST))

    def put_map(self) -> None:
        """Put an empty map; its keys and values are put, in turn, after :meth:`enter`."""
        self._put(Node(TypeCode.MAP))

    def put_array(self, described: bool, element_type: int) -> None:
        """Put an empty array; its elements are put after :meth:`enter`, the descriptor first if there is one.

        :param described: whether the elements have a descriptor.
        :param element_type: their type, such as ``Data.INT``.
        :raises ValueError: if there is no such type.
        """
        self._put(Node(TypeCode.ARRAY, (bool(described), TypeCode(element_type))))

    def put_described(self) -> None:
        """Put a described value; its descriptor and its value are put after :meth:`enter`."""
        self._put(Node(TypeCode.DESCRIBED))

    def put_null(self) -> None:
        """Put a null."""
        self._put_as(TypeCode.NULL, None)

    def put_bool(self, b: Union[bool, int]) -> None:
        """Put a boolean, or 0 or 1.

        :raises TypeError: if it is no integer.
        :raises ValueError: if it is another number.
        """
        if _integer(b) not in (0, 1):
            raise RangeError(f"a boolean is 0 or 1, not {b!r}")
        self._put_as(TypeCode.BOOL, bool(b))

    def put_ubyte(self, ub: Union[ubyte, int]) -> None:
        """Put an unsigned 8-bit integer.

        :raises TypeError: if it is no integer.
        :raises ValueError: if it is out of range.
        """
        self._put_as(TypeCode.UBYTE, ubyte(_integer(ub)))

    def put_byte(self, b: Union[byte, int]) -> None:
        """Put a signed 8-bit integer.

        :raises TypeError: if it is no integer.
        :raises DataException: if it is out of range.
        """
        self._put_as(TypeCode.BYTE, byte(_integer(b)))

    def put_ushort(self, us: Union[ushort, int]) -> None:
        """Put an unsigned 16-bit integer.

        :raises TypeError: if it is no integer.
        :raises ValueError: if it is out of range.
        """
        self._put_as(TypeCode.USHORT, ushort(_integer(us)))

    def put_short(self, s: Union[short, int]) -> None:
        """Put a signed 16-bit integer.

        :raises TypeError: if it is no integer.
        :raises DataException: if it is out of range.
        """
        self._put_as(TypeCode.SHORT, short(_integer(s)))

    def put_uint(self, ui: Union[uint, int]) -> None:
        """Put an unsigned 32-bit integer.

        :raises TypeError: if it is no integer.
        :raises ValueError: if it is out of range.
        """
        self._put_as(TypeCode.UINT, uint(_integer(ui)))

    def put_int(self, i: Union[int32, int]) -> None:
        """Put a signed 32-bit integer.

        :raises TypeError: if it is no integer.
        :raises DataException: if it is out of range.
        """
        self._put_as(TypeCode.INT, int32(_integer(i)))

    def put_char(self, c: Union[char, str]) -> None:
        """Put a single character.

        :raises TypeError: if it is not just one.
        """
        self._put_as(TypeCode.CHAR, char(chr(ord(c))))

    def put_ulong(self, ul: Union[ulong, int]) -> None:
        """Put an unsigned 64-bit integer.

        :raises TypeError: if it is no integer.
        :raises ValueError: if it is out of range.
        """
        self._put_as(TypeCode.ULONG, ulong(_integer(ul)))

    def put_long(self, i64: int) -> None:
        """Put a signed 64-bit integer.

        :raises TypeError: if it is no integer.
        :raises DataException: if it is out of range.
        """
        self._put_as(TypeCode.LONG, int(_integer(i64)))

    def put_timestamp(self, t: Union[timestamp, int]) -> None:
        """Put a point in time, in milliseconds since the epoch.

        :raises TypeError: if it is no integer.
        :raises DataException: if it is out of range.
        """
        self._put_as(TypeCode.TIMESTAMP, timestamp(_integer(t)))

    def put_float(self, f: Union[float32, float, int]) -> None:
        """Put a single precision floating point number; the value is rounded to that."""
        self._put_as(TypeCode.FLOAT, float32(_real(f)))

    def put_double(self, d: Union[float, int]) -> None:
        """Put a double precision floating point number."""
        self._put_as(TypeCode.DOUBLE, float(_real(d)))

    def put_decimal32(self, d: Union[decimal32, int]) -> None:
        """Put a decimal32, given as its bits.

        :raises DataException: if they are not 32.
        """
        self._put_as(TypeCode.DECIMAL32, decimal32(_integer(d)))

    def put_decimal64(self, d: Union[decimal64, int]) -> None:
        """Put a decimal64, given as its bits.

        :raises DataException: if they are not 64.
        """
        self._put_as(TypeCode.DECIMAL64, decimal64(_integer(d)))

    def put_decimal128(self, d: Union[decimal128, bytes]) -> None:
        """Put a decimal128, given as its bytes.

        :raises DataException: if they are not 16.
        """
        self._put_as(TypeCode.DECIMAL128, decimal128(memoryview(d)))

    def put_uuid(self, u: uuid.UUID) -> None:
        """Put a UUID.

        :raises TypeError: if it is none.
        """
        self._put_as(TypeCode.UUID, u)

    def put_binary(self, b: Union[bytes, bytearray, memoryview, str]) -> None:
        """Put binary data; a string is put as its UTF-8.

        :raises TypeError: if it is none.
        """
        self._put_as(TypeCode.BINARY, b.encode() if isinstance(b, str) else bytes(memoryview(b)))

    def put_memoryview(self, mv: memoryview) -> None:
        """Put binary data.

        :raises TypeError: if it is none.
        """
        self.put_binary(mv)

    def put_string(self, s: str) -> None:
        """Put a string.

        :raises TypeError: if it is none.
        :raises DataException: if it cannot be written in UTF-8.
        """
        if not isinstance(s, str):
            raise TypeError(f"{s!r} is no string")
        self._put_as(TypeCode.STRING, str(s))

    def put_symbol(self, s: Union[str, symbol]) -> None:
        """Put a symbol.

        :raises TypeError: if it is no string.
        :raises DataException: if it is not ASCII.
        """
        if not isinstance(s, str):
            raise TypeError(f"{s!r} is no string")
        self._put_as(TypeCode.SYMBOL, symbol(s))

    def put_dict(self, d: Mapping[Any, Any]) -> None:
        """Put a map with the keys and values of a dictionary.

        :raises TypeError: if it is none.
        :raises DataException: if something in it has no AMQP encoding.
        """
        self._put_as(TypeCode.MAP, d)

    def put_sequence(self, s: Union[List[Any], Tuple[Any, ...]]) -> None:
        """Put a list with the elements of a Python list or tuple.

        :raises TypeError: if it is none.
        :raises DataException: if something in it has no AMQP encoding.
        """
        self._put_as(TypeCode.LIST, list(s))

    def put_py_described(self, d: Described) -> None:
        """Put a described value.

        :raises TypeError: if it is none.
        :raises DataException: if something in it has no AMQP encoding.
        """
        self._put_as(TypeCode.DESCRIBED, d)

    def put_py_array(self, a: Array) -> None:
        """Put an array.

        :raises TypeError: if it is none.
        :raises DataException: if its elements are not of its type.
        """
        self._put_as(TypeCode.ARRAY, a)

    def put_object(self, obj: Any) -> None:
        """Put the AMQP value that a Python object stands for.

        :raises DataException: if it stands for none, or something in it does not.
        """
        self._put(make_node(obj))

    # --- reading ---

    def _count(self, kind: TypeCode) -> int:
        current = self._current
        return len(current.children) if current is not None and current.kind is kind else 0

    def get_list(self) -> int:
        """How many elements the list under the cursor has."""
        return self._count(TypeCode.LIST)

    def get_map(self) -> int:
        """How many keys and values, together, the map under the cursor has."""
        return self._count(TypeCode.MAP)

    def get_array(self) -> Tuple[int, bool, Optional[TypeCode]]:
        """Of the array under the cursor: how many elements, whether they are described, and their type."""
        described, element_type = self._value(TypeCode.ARRAY, (False, None))
        count = self._count(TypeCode.ARRAY)
        return count - 1 if described and count else count, described, element_type

    def get_bool(self) -> bool:
        """The boolean under the cursor, else False."""
        return bool(self._value(TypeCode.BOOL, False))

    def get_ubyte(self) -> ubyte:
        """The unsigned 8-bit integer under the cursor, else 0."""
        found: ubyte = self._value(TypeCode.UBYTE, ubyte(0))
        return found

    def get_byte(self) -> byte:
        """The signed 8-bit integer under the cursor, else 0."""
        found: byte = self._value(TypeCode.BYTE, byte(0))
        return found

    def get_ushort(self) -> ushort:
        """The unsigned 16-bit integer under the cursor, else 0."""
        found: ushort = self._value(TypeCode.USHORT, ushort(0))
        return found

    def get_short(self) -> short:
        """The signed 16-bit integer under the cursor, else 0."""
        found: short = self._value(TypeCode.SHORT, short(0))
        return found

    def get_uint(self) -> uint:
        """The unsigned 32-bit integer under the cursor, else 0."""
        found: uint = self._value(TypeCode.UINT, uint(0))
        return found

    def get_int(self) -> int32:
        """The signed 32-bit integer under the cursor, else 0."""
        found: int32 = self._value(TypeCode.INT, int32(0))
        return found

    def get_char(self) -> char:
        """The character under the cursor, else NUL."""
        found: char = self._value(TypeCode.CHAR, char("\0"))
        return found

    def get_ulong(self) -> ulong:
        """The unsigned 64-bit integer under the cursor, else 0."""
        found: ulong = self._value(TypeCode.ULONG, ulong(0))
        return found

    def get_long(self) -> int:
        """The signed 64-bit integer under the cursor, else 0."""
        return int(self._value(TypeCode.LONG, 0))

    def get_timestamp(self) -> timestamp:
        """The point in time under the cursor, in milliseconds since the epoch, else 0."""
        found: timestamp = self._value(TypeCode.TIMESTAMP, timestamp(0))
        return found

    def get_float(self) -> float32:
        """The single precision number under the cursor, else 0."""
        found: float32 = self._value(TypeCode.FLOAT, float32(0))
        return found

    def get_double(self) -> float:
        """The double precision number under the cursor, else 0."""
        return float(self._value(TypeCode.DOUBLE, 0.0))

    def get_decimal32(self) -> decimal32:
        """The decimal32 under the cursor, as its bits, else 0."""
        found: decimal32 = self._value(TypeCode.DECIMAL32, decimal32(0))
        return found

    def get_decimal64(self) -> decimal64:
        """The decimal64 under the cursor, as its bits, else 0."""
        found: decimal64 = self._value(TypeCode.DECIMAL64, decimal64(0))
        return found

    def get_decimal128(self) -> decimal128:
        """The decimal128 under the cursor, as its bytes, else zeros."""
        found: decimal128 = self._value(TypeCode.DECIMAL128, decimal128(16))
        return found

    def get_uuid(self) -> Optional[uuid.UUID]:
        """The UUID under the cursor, else None."""
        found: Optional[uuid.UUID] = self._value(TypeCode.UUID, None)
        return found

    def get_binary(self) -> bytes:
        """The binary data under the cursor, else empty."""
        found: bytes = self._value(TypeCode.BINARY, b"")
        return found

    def get_string(self) -> str:
        """The string under the cursor, else empty."""
        found: str = self._value(TypeCode.STRING, "")
        return found

    def get_symbol(self) -> symbol:
        """The symbol under the cursor, else empty."""
        found: symbol = self._value(TypeCode.SYMBOL, symbol(""))
        return found

    def get_dict(self) -> Optional[Dict[Any, Any]]:
        """The map under the cursor as a dictionary, None if the cursor is on no value, else empty.

        :raises DataException: if it has a key that is a map, an array or a described value.
        """
        found: Optional[Dict[Any, Any]] = self._compound(TypeCode.MAP, {})
        return found

    def get_sequence(self) -> Optional[List[Any]]:
        """The list under the cursor as a Python list, None if the cursor is on no value, else empty."""
        found: Optional[List[Any]] = self._compound(TypeCode.LIST, [])
        return found

    def get_py_described(self) -> Optional[Described]:
        """The described value under the cursor, None if the cursor is on no value, else one of nulls."""
        found: Optional[Described] = self._compound(TypeCode.DESCRIBED, Described(None, None))
        return found

    def get_py_array(self) -> Optional[Array]:
        """The array under the cursor, else None."""
        found: Optional[Array] = self._compound(TypeCode.ARRAY, None)
        return found

    def _compound(self, kind: TypeCode, otherwise: Any) -> Any:
        if self._current is None:
            return None
        return self.get_object() if self._current.kind is kind else otherwise

    def get_object(self) -> Any:
        """The value under the cursor as a Python object, None if the cursor is on no value.

        :raises DataException: if there is a map in it with a key that is a map, an array or a described value.
        """
        if self._current is None:
            return None
        try:
            return to_object(self._current)
        except RecursionError:
            raise DataException("the values are nested too deeply") from None


Data.get_mappings = {
    TypeCode.NULL: lambda data: None,
    TypeCode.BOOL: Data.get_bool,
    TypeCode.UBYTE: Data.get_ubyte,
    TypeCode.BYTE: Data.get_byte,
    TypeCode.USHORT: Data.get_ushort,
    TypeCode.SHORT: Data.get_short,
    TypeCode.UINT: Data.get_uint,
    TypeCode.INT: Data.get_int,
    TypeCode.CHAR: Data.get_char,
    TypeCode.ULONG: Data.get_ulong,
    TypeCode.LONG: Data.get_long,
    TypeCode.TIMESTAMP: Data.get_timestamp,
    TypeCode.FLOAT: Data.get_float,
    TypeCode.DOUBLE: Data.get_double,
    TypeCode.DECIMAL32: Data.get_decimal32,
    TypeCode.DECIMAL64: Data.get_decimal64,
    TypeCode.DECIMAL128: Data.get_decimal128,
    TypeCode.UUID: Data.get_uuid,
    TypeCode.BINARY: Data.get_binary,
    TypeCode.STRING: Data.get_string,
    TypeCode.SYMBOL: Data.get_symbol,
    TypeCode.DESCRIBED: Data.get_py_described,
    TypeCode.ARRAY: Data.get_py_array,
    TypeCode.LIST: Data.get_sequence,
    TypeCode.MAP: Data.get_dict,
}
Data.put_mappings = {
    type(None): lambda data, value: data.put_null(),
    bool: Data.put_bool,
    ubyte: Data.put_ubyte,
    byte: Data.put_byte,
    ushort: Data.put_ushort,
    short: Data.put_short,
    uint: Data.put_uint,
    int32: Data.put_int,
    char: Data.put_char,
    ulong: Data.put_ulong,
    int: Data.put_long,
    timestamp: Data.put_timestamp,
    float32: Data.put_float,
    float: Data.put_double,
    decimal32: Data.put_decimal32,
    decimal64: Data.put_decimal64,
    decimal128: Data.put_decimal128,
    uuid.UUID: Data.put_uuid,
    bytes: Data.put_binary,
    bytearray: Data.put_binary,
    memoryview: Data.put_memoryview,
    str: Data.put_string,
    symbol: Data.put_symbol,
    list: Data.put_sequence,
    tuple: Data.put_sequence,
    SymbolList: Data.put_sequence,
    dict: Data.put_dict,
    AnnotationDict: Data.put_dict,
    PropertyDict: Data.put_dict,
    Described: Data.put_py_described,
    Array: Data.put_py_array,
}
