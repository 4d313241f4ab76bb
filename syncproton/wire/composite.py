"""Composite types: described lists of named fields (part 1, section 1.4).

A composite is a slotted class that says its descriptor and its fields; writing, checking, comparing and showing are the
same for all and live here.  The three performatives of the hot path have writers and readers of their own besides.
"""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union, cast

from ..codec.decoder import decode, decode_fields
from ..codec.described import Described
from ..errors import DecodeError, ProtocolError
from .fields import Field

__all__ = ["Composite", "DECODE_ERROR", "INVALID_FIELD", "Registry", "lookup", "nested_reader", "registry"]

DECODE_ERROR = "amqp:decode-error"
INVALID_FIELD = "amqp:invalid-field"

_LISTS = frozenset((0x45, 0xC0, 0xD0))

C = TypeVar("C", bound="Composite")


class Composite:
    """The base of every performative, delivery state and terminus.

    :cvar NAME: the symbolic descriptor.
    :cvar DESCRIPTOR: the numeric descriptor.
    :cvar FIELDS: the fields in the order of the specification.
    """

    __slots__ = ()

    NAME: ClassVar[str]
    DESCRIPTOR: ClassVar[int]
    FIELDS: ClassVar[Tuple[Field, ...]] = ()

    def encode_into(self, out: bytearray) -> None:
        """Append the encoding: nulls at the end are dropped, everything has its shortest form.

        :raises ValueError: a number is out of range.
        :raises DataException: a value has no AMQP encoding.
        """
        body = bytearray()
        count = end = 0
        for position, field in enumerate(self.FIELDS, 1):
            value = getattr(self, field.name)
            if value is None or (field.terse and not field.mandatory and value == field.default):
                body.append(0x40)
            else:
                field.write(body, value)
                count, end = position, len(body)
        del body[end:]
        out += b"\x00\x53"
        out.append(self.DESCRIPTOR)
        if not count:
            out.append(0x45)
        elif end < 255:
            out += bytes((0xC0, end + 1, count))
            out += body
        else:
            out.append(0xD0)
            out += (end + 4).to_bytes(4, "big")
            out += count.to_bytes(4, "big")
            out += body

    def described(self) -> Described:
        """The same as a value of the codec, fit for a message body or a ``Data``."""
        out = bytearray()
        self.encode_into(out)
        return cast(Described, decode(bytes(out))[0])

    @classmethod
    def from_list(cls: Type[C], values: Sequence[Any]) -> C:
        """Make an object of decoded fields; trailing ones may be missing.

        :raises ProtocolError: ``amqp:invalid-field`` for too many fields, a mandatory one that is missing, or a value
            of a wrong type.
        """
        fields = cls.FIELDS
        if len(values) > len(fields):
            raise ProtocolError(INVALID_FIELD, f"{cls.NAME} has {len(values)} fields, at most {len(fields)} are known")
        arguments: List[Any] = []
        given = len(values)
        for position, field in enumerate(fields):
            value = values[position] if position < given else None
            if value is None:
                if field.mandatory:
                    raise ProtocolError(INVALID_FIELD, f"{cls.NAME} lacks its mandatory field {field.name}")
                arguments.append(field.default)
                continue
            try:
                arguments.append(field.read(value))
            except ValueError as expected:
                raise ProtocolError(
                    INVALID_FIELD, f"{field.name} of {cls.NAME} must be {expected}, not {type(value).__name__}"
                ) from None
        make: Callable[..., C] = cls
        return make(*arguments)

    @classmethod
    def from_bytes(cls: Type[C], buf: bytes, pos: int, end: int) -> Tuple[C, int]:
        """Read the list that follows the descriptor; answer the object and the position after it.

        :raises ProtocolError: ``amqp:decode-error`` if there is no well-formed list; else as :meth:`from_list`.
        """
        if pos >= end or buf[pos] not in _LISTS:
            raise ProtocolError(DECODE_ERROR, f"the descriptor of {cls.NAME} is not followed by a list")
        try:
            values, pos = decode_fields(buf, pos, end)
        except DecodeError as error:
            raise ProtocolError(DECODE_ERROR, f"{cls.NAME}: {error}") from error
        return cls.from_list(values), pos

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, field.name) == getattr(other, field.name) for field in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        shown = []
        for field in self.FIELDS:
            value = getattr(self, field.name)
            if value is not None and (field.mandatory or value != field.default):
                shown.append(f"{field.name}=<hidden>" if field.secret else f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


Registry = Mapping[Union[int, str], Type[Composite]]


def registry(*classes: Type[Composite]) -> Registry:
    """The classes by numeric and by symbolic descriptor: a peer may send either."""
    table: Dict[Union[int, str], Type[Composite]] = {}
    for cls in classes:
        table[cls.DESCRIPTOR] = cls
        table[cls.NAME] = cls
    return table


def lookup(classes: Registry, descriptor: object) -> Optional[Type[Composite]]:
    """The class of a decoded descriptor, or None if it is of no known class."""
    if isinstance(descriptor, (int, str)) and not isinstance(descriptor, bool):
        return classes.get(descriptor)
    return None


def nested_reader(expected: str, classes: Registry) -> Callable[[Any], Any]:
    """A field reader for a nested composite.  A described value of an unknown kind is kept as it is."""

    def read(value: Any) -> Any:
        if not isinstance(value, Described):
            raise ValueError(expected)
        cls = lookup(classes, value.descriptor)
        if cls is None:
            return value
        if not isinstance(value.value, list):
            raise ProtocolError(DECODE_ERROR, f"the descriptor of {cls.NAME} is not followed by a list")
        return cls.from_list(value.value)

    return read
