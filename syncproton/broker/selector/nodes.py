"""The parts of a parsed selector."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple, Union

__all__ = [
    "And", "Arithmetic", "Between", "Comparison", "Identifier", "In", "IsNull", "Like", "Literal", "Minus", "Node",
    "Not", "Or",
]


class Literal(NamedTuple):
    """A string, a number or a boolean."""

    value: Union[str, int, float, bool]


class Identifier(NamedTuple):
    """What stands for a value of the message."""

    name: str
    position: int


class Minus(NamedTuple):
    """A number with its sign changed."""

    operand: Node


class Arithmetic(NamedTuple):
    """Sums and differences, or products and quotients, from left to right."""

    first: Node
    rest: Tuple[Tuple[str, Node], ...]


class Comparison(NamedTuple):
    """``=``, ``<>``, ``<``, ``<=``, ``>`` or ``>=``."""

    operator: str
    left: Node
    right: Node


class Between(NamedTuple):
    """``BETWEEN low AND high``, the bounds included."""

    operand: Node
    low: Node
    high: Node
    negated: bool


class In(NamedTuple):
    """``IN ('one', 'two')``."""

    operand: Identifier
    values: Tuple[str, ...]
    negated: bool


class Like(NamedTuple):
    """``LIKE 'pattern'``; the pattern in pieces, see :mod:`~syncproton.broker.selector.like`."""

    operand: Identifier
    pattern: List[Optional[str]]
    negated: bool


class IsNull(NamedTuple):
    """``IS NULL``."""

    operand: Identifier
    negated: bool


class Not(NamedTuple):
    """The contrary; of unknown it is unknown."""

    operand: Node


class And(NamedTuple):
    """Whether all are true."""

    operands: Tuple[Node, ...]


class Or(NamedTuple):
    """Whether any is true."""

    operands: Tuple[Node, ...]


Node = Union[Literal, Identifier, Minus, Arithmetic, Comparison, Between, In, Like, IsNull, Not, And, Or]
