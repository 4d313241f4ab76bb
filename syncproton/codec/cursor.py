"""The cursor of ``Data``: its movements, and the values around it as bytes and as text."""

from __future__ import annotations

from typing import Any, List, Optional, Union

from syncproton.codec.data_nodes import Node, format_node, parse, write_node
from syncproton.codec.typecodes import TypeCode
from syncproton.errors import DataException

__all__ = ["Cursor"]


class Cursor:
    """A sequence of AMQP values and a place in it: on a value, or before the first one at its level."""

    __slots__ = ("_base_current", "_base_parent", "_current", "_parent", "_top")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Remove all values."""
        self._top: List[Node] = []
        self._parent: Optional[Node] = None
        self._current: Optional[Node] = None
        self._base_parent: Optional[Node] = None
        self._base_current: Optional[Node] = None

    def rewind(self) -> None:
        """Move the cursor to before the first value, or to where it was narrowed."""
        self._parent = self._base_parent
        self._current = self._base_current

    def next(self) -> Optional[TypeCode]:
        """Move to the next value at this level.

        :returns: its type, or None if there is none; then the cursor stays.
        """
        siblings = self._siblings()
        index = 0 if self._current is None else self._current.index + 1
        if index >= len(siblings):
            return None
        self._current = siblings[index]
        return self._current.kind

    def prev(self) -> Optional[TypeCode]:
        """Move to the previous value at this level.

        :returns: its type, or None if there is none; then the cursor stays.
        """
        if self._current is None or not self._current.index:
            return None
        self._current = self._siblings()[self._current.index - 1]
        return self._current.kind

    def enter(self) -> bool:
        """Move into the value under the cursor, to before the first value there.

        :returns: False if the cursor is on no value.
        """
        if self._current is None:
            return False
        self._parent = self._current
        self._current = None
        return True

    def exit(self) -> bool:
        """Move out, onto the value that was entered.

        :returns: False if the cursor is at the top already.
        """
        if self._parent is None:
            return False
        self._current = self._parent
        self._parent = self._current.parent
        return True

    def lookup(self, name: str) -> bool:
        """In an entered map, move to the value of the next key that is this string or symbol.

        :returns: False if no such key follows the cursor.
        """
        while self.next() is not None:
            found = name in (self._value(TypeCode.STRING), self._value(TypeCode.SYMBOL))
            moved = self.next() is not None
            if found:
                return moved
        return False

    def narrow(self) -> None:
        """Make this place of the cursor the one that :meth:`rewind` returns to."""
        self._base_parent = self._parent
        self._base_current = self._current

    def widen(self) -> None:
        """Make :meth:`rewind` return to the beginning again."""
        self._base_parent = None
        self._base_current = None

    def type(self) -> Optional[TypeCode]:
        """The type of the value under the cursor, or None if it is on no value."""
        return None if self._current is None else self._current.kind

    def is_described(self) -> bool:
        """Whether the cursor is on a described value."""
        return self.type() is TypeCode.DESCRIBED

    def is_null(self) -> bool:
        """Whether the cursor is on a null."""
        return self.type() is TypeCode.NULL

    def _siblings(self) -> List[Node]:
        return self._top if self._parent is None else self._parent.children

    def encode(self) -> bytes:
        """Encode all the values, wherever the cursor is.

        :raises DataException: if one of them is not complete, or the elements of an array are not of its type.
        """
        out = bytearray()
        try:
            for node in self._top:
                write_node(out, node)
        except RecursionError:
            raise DataException("the values are nested too deeply") from None
        return bytes(out)

    def encoded_size(self) -> int:
        """How many bytes :meth:`encode` gives."""
        return len(self.encode())

    def decode(self, encoded: Union[bytes, bytearray, memoryview]) -> int:
        """Write, as a ``put`` method does, the first value of some bytes.

        :returns: how many bytes it took.
        :raises TypeError: if it is no bytes.
        :raises DecodeError: if they do not begin with a whole, valid AMQP value; then nothing is written.
        """
        node, size = parse(bytes(memoryview(encoded)))
        self._put(node)
        return size

    def copy(self, src: Cursor) -> None:
        """Replace all the values by those of another, and move to before the first.

        :raises DataException: if those cannot be encoded.
        :raises TypeError: if that is no ``Data``.
        """
        if not isinstance(src, Cursor):
            raise TypeError(f"a Data is wanted, not {src!r}")
        encoded = src.encode()
        self.clear()
        pos = 0
        while pos < len(encoded):
            node, pos = parse(encoded, pos)
            self._put(node)
        self.rewind()

    def format(self) -> str:
        """The values as text for people."""
        return ", ".join([format_node(node) for node in self._top])

    def dump(self) -> None:
        """Print the tree of values, a line each, and where the cursor is."""
        nodes = [node for top in self._top for node in top.walk()]
        numbers = {id(node): number for number, node in enumerate(nodes, 1)}

        def number(node: Optional[Node]) -> int:
            return numbers.get(id(node), 0)

        print(f"{{current={number(self._current)}, parent={number(self._parent)}}}")
        for node in nodes:
            what = f"<{node.kind.name.lower()}>" if node.kind >= TypeCode.DESCRIBED else format_node(node)
            print(f"Node {number(node)}: parent={number(node.parent)}, children={len(node.children)}, "
                  f"type=PN_{node.kind.name} ({what})")

    def _value(self, kind: TypeCode, otherwise: Any = None) -> Any:
        """What the node under the cursor holds, if it is of this type."""
        current = self._current
        return current.value if current is not None and current.kind is kind else otherwise

    def _put(self, node: Node) -> None:
        """Write a value after the cursor, over the one there if there is one, and move onto it."""
        siblings = self._siblings()
        index = 0 if self._current is None else self._current.index + 1
        if index < len(siblings):
            siblings[index].replace(node)
        else:
            node.parent = self._parent
            node.index = index
            siblings.append(node)
        self._current = siblings[index]
