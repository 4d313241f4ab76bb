"""A parsed selector to closures.

A condition is true, false or unknown (``None``).  Unknown is what comes of a value that is not there.  Values of
different kinds are not equal, not unequal, not greater and not less: that is false, as JMS has it.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

from syncproton.broker.selector.like import matcher
from syncproton.broker.selector.nodes import (
    And,
    Arithmetic,
    Between,
    Comparison,
    Identifier,
    In,
    IsNull,
    Like,
    Literal,
    Minus,
    Node,
    Not,
    Or,
)
from syncproton.broker.selector.parser import parse

__all__ = ["OPAQUE", "Resolver", "Truth", "compile_selector"]

#: True, false, or ``None``: unknown.
Truth = Optional[bool]
Getter = Callable[[Any], Any]
Condition = Callable[[Any], Truth]
#: Gives what reads the value of an identifier off a message: a ``str``, ``int``, ``float``, ``bool``, ``None`` if
#: there is none, or :data:`OPAQUE`.  It may raise ``ValueError`` if there is no such identifier.
Resolver = Callable[[str, int], Getter]


class _Opaque:
    """The type of :data:`OPAQUE`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "OPAQUE"


#: A value that is there, but of a kind that selectors know nothing of.
OPAQUE = _Opaque()


def compile_selector(text: str, resolve: Resolver) -> Condition:
    """Make a function of a selector.

    :param text: the selector.
    :param resolve: gives a function that reads an identifier's value off a message; it is told the identifier and
        its position.
    :returns: a function that takes a message and says whether the selector is true of it; it raises nothing that the
        functions of ``resolve`` do not.
    :raises SelectorError: if the text is no selector.
    """
    return _Compiler(resolve).condition(parse(text))


class _Compiler:

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve

    def _get(self, identifier: Identifier) -> Getter:
        return self._resolve(identifier.name, identifier.position)

    # --- conditions

    def condition(self, node: Node) -> Condition:
        compiled: Condition = _CONDITIONS[type(node)](self, node)
        return compiled

    def _constant(self, node: Literal) -> Condition:
        value = bool(node.value)
        return lambda message: value

    def _flag(self, node: Identifier) -> Condition:
        get = self._get(node)

        def flag(message: Any) -> Truth:
            value = get(message)
            return value if value is True or value is False else None

        return flag

    def _not(self, node: Not) -> Condition:
        inner = self.condition(node.operand)

        def negated(message: Any) -> Truth:
            truth = inner(message)
            return None if truth is None else not truth

        return negated

    def _all(self, node: And) -> Condition:
        return _joined([self.condition(operand) for operand in node.operands], False)

    def _any(self, node: Or) -> Condition:
        return _joined([self.condition(operand) for operand in node.operands], True)

    def _comparison(self, node: Comparison) -> Condition:
        compare = _COMPARE[node.operator]
        left, right = self._value(node.left), self._value(node.right)
        if isinstance(node.right, Literal) and isinstance(node.right.value, str):
            # By far the most usual: a property and a string.
            wanted, equal = node.right.value, node.operator == "="

            def is_string(message: Any) -> Truth:
                value = left(message)
                if isinstance(value, str):
                    return (value == wanted) is equal
                return None if value is None else False

            return is_string
        numbers_only = node.operator not in ("=", "<>")
        return lambda message: _compared(compare, left(message), right(message), numbers_only)

    def _between(self, node: Between) -> Condition:
        value, low, high = self._value(node.operand), self._value(node.low), self._value(node.high)

        def between(message: Any) -> Truth:
            number = value(message)
            return _and(_compared(operator.ge, number, low(message), True),
                        _compared(operator.le, number, high(message), True))

        def outside(message: Any) -> Truth:
            number = value(message)
            return _or(_compared(operator.lt, number, low(message), True),
                       _compared(operator.gt, number, high(message), True))

        return outside if node.negated else between

    def _in(self, node: In) -> Condition:
        get = self._get(node.operand)
        values = frozenset(node.values)
        found = not node.negated

        def member(message: Any) -> Truth:
            value = get(message)
            return (value in values) is found if isinstance(value, str) else None

        return member

    def _like(self, node: Like) -> Condition:
        get = self._get(node.operand)
        matches = matcher(node.pattern)
        found = not node.negated

        def like(message: Any) -> Truth:
            value = get(message)
            if value is None:
                return None
            return (isinstance(value, str) and matches(value)) is found

        return like

    def _is_null(self, node: IsNull) -> Condition:
        get = self._get(node.operand)
        if node.negated:
            return lambda message: get(message) is not None
        return lambda message: get(message) is None

    # --- values

    def _value(self, node: Node) -> Getter:
        if isinstance(node, Literal):
            value = node.value
            return lambda message: value
        if isinstance(node, Identifier):
            return self._get(node)
        if isinstance(node, Minus):
            return self._minus(node)
        if isinstance(node, Arithmetic):
            return self._arithmetic(node)
        return self.condition(node)

    def _minus(self, node: Minus) -> Getter:
        inner = self._value(node.operand)

        def minus(message: Any) -> Any:
            value = inner(message)
            return _bounded(-value) if _is_number(value) else None

        return minus

    def _arithmetic(self, node: Arithmetic) -> Getter:
        first = self._value(node.first)
        steps: List[Tuple[Callable[[Any, Any], Any], Getter]] = [
            (_ARITHMETIC[symbol], self._value(operand)) for symbol, operand in node.rest]

        def calculate(message: Any) -> Any:
            result = first(message)
            if not _is_number(result):
                return None
            for apply, get in steps:
                value = get(message)
                if not _is_number(value):
                    return None
                result = _bounded(apply(result, value))
            return result

        return calculate


_CONDITIONS: Dict[Type[Any], Callable[[_Compiler, Any], Condition]] = {
    Literal: _Compiler._constant,
    Identifier: _Compiler._flag,
    Not: _Compiler._not,
    And: _Compiler._all,
    Or: _Compiler._any,
    Comparison: _Compiler._comparison,
    Between: _Compiler._between,
    In: _Compiler._in,
    Like: _Compiler._like,
    IsNull: _Compiler._is_null,
}


# --- truth

def _joined(conditions: List[Condition], decisive: bool) -> Condition:
    """All of them (false is decisive) or any of them (true is)."""

    def joined(message: Any) -> Truth:
        result: Truth = not decisive
        for condition in conditions:
            truth = condition(message)
            if truth is decisive:
                return decisive
            if truth is None:
                result = None
        return result

    return joined


def _and(left: Truth, right: Truth) -> Truth:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(left: Truth, right: Truth) -> Truth:
    if left or right:
        return True
    return None if left is None or right is None else False


# --- comparison

_COMPARE: Dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and value is not True and value is not False


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any, numbers_only: bool) -> Truth:
    if left is None or right is None:
        return None
    if _is_number(left):
        alike = _is_number(right)
    elif numbers_only or left is OPAQUE:
        alike = False
    else:
        alike = isinstance(right, str) if isinstance(left, str) else isinstance(right, bool)
    return bool(compare(left, right)) if alike else False


# --- arithmetic

def _bounded(number: Any) -> Any:
    """Whole numbers that do not fit into 64 bits go on as approximate ones, lest they grow for ever."""
    return number if isinstance(number, float) or -1 << 63 <= number < 1 << 64 else float(number)


def _divided(left: Any, right: Any) -> float:
    """The quotient, always an approximate number; what is divided by zero is as of IEEE 754."""
    if right:
        return float(left / right)
    if not left or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


_ARITHMETIC: Dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided,
}
