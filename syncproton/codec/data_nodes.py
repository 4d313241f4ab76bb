"""The tree of values that the cursor of a ``Data`` walks over."""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from syncproton.codec.decoder import DECODERS, KINDS, hashable
from syncproton.codec.described import UNDESCRIBED, Array, Described
from syncproton.codec.encoder import encode, encode_into
from syncproton.codec.limits import MAX_NESTING
from syncproton.codec.typecodes import TypeCode
from syncproton.errors import DataException, DecodeError

__all__ = ["Node", "format_node", "make_node", "parse", "to_object", "write_node"]

_size_count32 = struct.Struct(">II").unpack_from
_size_count32_pack = struct.Struct(">II").pack
_pack_size = struct.Struct(">I").pack_into

# The constructors of array elements of variable size.
_WIDE = {
    TypeCode.BINARY: 0xB0,
    TypeCode.STRING: 0xB1,
    TypeCode.SYMBOL: 0xB3,
    TypeCode.LIST: 0xD0,
    TypeCode.MAP: 0xD1,
    TypeCode.ARRAY: 0xF0,
}


class Node:
    """One value of a tree.

    :ivar kind: its type.
    :ivar value: what a scalar is; for an array, whether it is described and the type of its elements.
    :ivar parent: the node it lies in, None at the top.
    :ivar index: its place among its siblings.
    :ivar children: the values in it.  A map's are its keys and values in turn; a described value's are descriptor and
        value; those of a described array begin with the descriptor.
    """

    __slots__ = ("children", "index", "kind", "parent", "value")

    def __init__(self, kind: TypeCode, value: Any = None, children: Sequence[Node] = ()) -> None:
        self.kind = kind
        self.value = value
        self.parent: Optional[Node] = None
        self.index = 0
        self.children: List[Node] = []
        self.adopt(children)

    def adopt(self, children: Sequence[Node]) -> None:
        """Make these the children of this node."""
        self.children = list(children)
        for index, child in enumerate(self.children):
            child.parent = self
            child.index = index

    def replace(self, other: Node) -> None:
        """Become what ``other``, which is given up, is; the place in the tree remains."""
        self.kind = other.kind
        self.value = other.value
        self.adopt(other.children)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order in which they are encoded."""
        yield self
        for child in self.children:
            yield from child.walk()


def make_node(value: Any) -> Node:
    """Make the node of a Python value.

    :raises DataException: if the value, or one inside it, has no AMQP encoding.
    """
    return parse(encode(value))[0]


def parse(encoded: bytes, pos: int = 0) -> Tuple[Node, int]:
    """Make the node of the encoded value at ``pos``, and tell the position after it.

    :raises DecodeError: if there is no whole, valid AMQP value there.
    """
    try:
        node, pos = _read(encoded, pos, MAX_NESTING)
    except (IndexError, struct.error, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"the bytes are no whole AMQP value: {error}") from error
    if pos > len(encoded):
        raise DecodeError("the bytes end before the value does")
    return node, pos


def _read(buf: bytes, pos: int, depth: int) -> Tuple[Node, int]:
    code = buf[pos]
    kind = KINDS.get(code)
    if kind is TypeCode.LIST or kind is TypeCode.MAP:
        return _read_items(kind, buf, pos, depth)
    if kind is TypeCode.DESCRIBED:
        if depth <= 0:
            raise DecodeError(f"nested more than {MAX_NESTING} deep")
        descriptor, pos = _read(buf, pos + 1, depth - 1)
        described, pos = _read(buf, pos, depth - 1)
        return Node(kind, None, (descriptor, described)), pos
    value, pos = DECODERS[code](buf, pos + 1, depth)
    if kind is TypeCode.ARRAY:
        children = [make_node(element) for element in value]
        if value.descriptor is not UNDESCRIBED:
            children.insert(0, make_node(value.descriptor))
        return Node(kind, (value.descriptor is not UNDESCRIBED, value.type), children), pos
    return Node(KINDS[code], value), pos


def _read_items(kind: TypeCode, buf: bytes, pos: int, depth: int) -> Tuple[Node, int]:
    if depth <= 0:
        raise DecodeError(f"nested more than {MAX_NESTING} deep")
    code = buf[pos]
    if code == 0x45:
        return Node(kind), pos + 1
    if code < 0xD0:
        stop = pos + 2 + buf[pos + 1]
        count = buf[pos + 2]
        pos += 3
    else:
        size, count = _size_count32(buf, pos + 1)
        stop = pos + 5 + size
        pos += 9
    if kind is TypeCode.MAP and count & 1:
        raise DecodeError("a map with a key and no value")
    children = []
    for _ in range(count):
        child, pos = _read(buf, pos, depth - 1)
        children.append(child)
    if pos != stop:
        raise DecodeError("the elements of a list or map do not fill its announced size")
    return Node(kind, None, children), pos


def to_object(node: Node) -> Any:
    """The Python value of a node.

    :raises DataException: if it is a map with a key that cannot be the key of a ``dict``.
    """
    kind = node.kind
    if kind is TypeCode.LIST:
        return [to_object(child) for child in node.children]
    if kind is TypeCode.MAP:
        return _to_dict(node)
    if kind is TypeCode.DESCRIBED:
        descriptor, value = ([to_object(child) for child in node.children[:2]] + [None, None])[:2]
        return Described(descriptor, value)
    if kind is TypeCode.ARRAY:
        described, element_type = node.value
        elements = [to_object(child) for child in node.children]
        descriptor = UNDESCRIBED
        if described:
            descriptor = elements.pop(0) if elements else None
        return Array(descriptor, element_type, *elements)
    return node.value


def _to_dict(node: Node) -> Dict[Any, Any]:
    values: Dict[Any, Any] = {}
    children = node.children
    for index in range(0, len(children), 2):
        key = hashable(to_object(children[index]))
        values[key] = to_object(children[index + 1]) if index + 1 < len(children) else None
    return values


def write_node(out: bytearray, node: Node) -> None:
    """Append the encoding of a node.  Lists, maps and arrays are given the wide form, byte for byte as proton does.

    :raises DataException: if it is not complete, or the elements of an array are not of its type.
    """
    kind = node.kind
    children = node.children
    if kind is TypeCode.DESCRIBED:
        if len(children) != 2:
            raise DataException("a described value has one descriptor and one value")
        out.append(0)
        write_node(out, children[0])
        write_node(out, children[1])
    elif kind is TypeCode.LIST and not children:
        out.append(0x45)
    elif kind is TypeCode.LIST or kind is TypeCode.MAP:
        if kind is TypeCode.MAP and len(children) & 1:
            raise DataException("a map with a key and no value")
        start = _open_compound(out, 0xD0 if kind is TypeCode.LIST else 0xD1, len(children))
        for child in children:
            write_node(out, child)
        _pack_size(out, start, len(out) - start - 4)
    elif kind is TypeCode.ARRAY:
        _write_array(out, node)
    else:
        encode_into(out, node.value)


def _open_compound(out: bytearray, code: int, count: int) -> int:
    """Write the head of a list, map or array; the size, at the position returned, is left open."""
    out.append(code)
    out += _size_count32_pack(0, count)
    return len(out) - 8


def _write_array(out: bytearray, node: Node) -> None:
    plain = encode(to_object(node))  # This also finds elements of a wrong type.
    described, kind = node.value
    elements = node.children[1:] if described else node.children
    start = _open_compound(out, 0xF0, len(elements))
    if described:
        out.append(0)
        write_node(out, node.children[0])
    if kind in _WIDE:
        out.append(_WIDE[kind])
        for element in elements:
            out += _wide_element(element)
    else:
        head = 3 if plain[0] == 0xE0 else 9
        out += plain[parse(plain, head + 1)[1] if described else head:]
    _pack_size(out, start, len(out) - start - 4)


def _wide_element(element: Node) -> bytes:
    """An element of variable size, without the constructor that the array has for all."""
    encoded = bytearray()
    write_node(encoded, element)
    code = encoded[0]
    if code == 0x45:
        return _size_count32_pack(4, 0)
    if code < 0xB0:  # one byte of size
        return encoded[1].to_bytes(4, "big") + encoded[2:]
    return bytes(encoded[1:])


def format_node(node: Node) -> str:
    """A node as text for people: ``[1, "string", :symbol, {"key"=true}, @:descriptor "value", @PN_INT[1, 2]]``."""
    kind = node.kind
    inner = [format_node(child) for child in node.children]
    if kind is TypeCode.LIST:
        return f"[{', '.join(inner)}]"
    if kind is TypeCode.MAP:
        pairs = ["=".join(inner[index:index + 2]) for index in range(0, len(inner), 2)]
        return f"{{{', '.join(pairs)}}}"
    if kind is TypeCode.DESCRIBED:
        return f"@{' '.join(inner)}"
    if kind is TypeCode.ARRAY:
        return f"@PN_{TypeCode(node.value[1]).name}[{', '.join(inner)}]"
    return _format_scalar(kind, node.value)


def _format_scalar(kind: TypeCode, value: Any) -> str:
    if kind is TypeCode.NULL:
        return "null"
    if kind is TypeCode.BOOL:
        return "true" if value else "false"
    if kind is TypeCode.STRING:
        return _quoted(value.encode())
    if kind is TypeCode.BINARY:
        return "b" + _quoted(value)
    if kind is TypeCode.SYMBOL:
        return ":" + (value if value and set(value) <= _BARE else _quoted(value.encode()))
    if kind is TypeCode.UUID:
        return f"UUID({value})"
    if kind is TypeCode.DECIMAL32 or kind is TypeCode.DECIMAL64:
        return f"D{kind.name[-2:]}({int(value)})"
    if kind is TypeCode.DECIMAL128:
        return f"D128({value.hex()})"
    if kind is TypeCode.CHAR:
        return str(value)
    if kind is TypeCode.FLOAT or kind is TypeCode.DOUBLE:
        return f"{float(value):g}"
    return str(int(value))


_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def _quoted(octets: bytes) -> str:
    return '"' + "".join([chr(o) if 32 <= o < 127 and o not in b'"\\\x27' else f"\\x{o:02x}" for o in octets]) + '"'
