"""Tokens to a tree, by the strength with which operators bind: a recursive function for each would go eight deep for
every parenthesis.

What can be known to make no sense without a message is refused here: ``colour > 'red'``, ``NOT 5``.
"""

from __future__ import annotations

from typing import List, NoReturn, Tuple

from syncproton.broker.selector.errors import SelectorError
from syncproton.broker.selector.lexer import END, IDENTIFIER, KEYWORD, LITERAL, OPERATOR, Token, tokens_of
from syncproton.broker.selector.like import pattern_of
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

__all__ = ["MAX_NESTING", "parse"]

#: How deep parentheses, NOT and signs may be nested.
MAX_NESTING = 64

_OR, _AND, _NOT, _COMPARED, _SUM, _PRODUCT, _SIGN = range(1, 8)
_STRENGTHS = {
    "OR": _OR, "AND": _AND,
    "=": _COMPARED, "<>": _COMPARED, "<": _COMPARED, "<=": _COMPARED, ">": _COMPARED, ">=": _COMPARED,
    "IS": _COMPARED, "IN": _COMPARED, "LIKE": _COMPARED, "BETWEEN": _COMPARED, "NOT": _COMPARED,
    "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT,
}

# What an expression can be, as far as it is known: an identifier can be anything.
_BOOLEAN, _NUMBER, _STRING, _ANYTHING = "a condition", "a number", "a string", "anything"


def parse(text: str) -> Node:
    """Parse a selector.

    :raises SelectorError: if it is none.
    """
    return _Parser(tokens_of(text)).selector()


class _Parser:

    def __init__(self, tokens: List[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def selector(self) -> Node:
        if self._peek.kind == END:
            self._fail("the selector is empty")
        node = self._condition(_OR)
        if self._peek.kind != END:
            self._fail(f"{self._peek} does not follow")
        return node

    # --- tokens

    @property
    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _take(self, value: str) -> bool:
        """Go past a keyword or an operator, if it is there."""
        token = self._peek
        if token.kind in (KEYWORD, OPERATOR) and token.value == value:
            self._at += 1
            return True
        return False

    def _need(self, value: str) -> None:
        if not self._take(value):
            self._fail(f"expected '{value}', not {self._peek}")

    def _string(self, what: str) -> str:
        token = self._peek
        if token.kind != LITERAL or not isinstance(token.value, str):
            self._fail(f"{what} must be a string in single quotes, not {token}")
        self._at += 1
        return str(token.value)

    def _fail(self, problem: str) -> NoReturn:
        raise SelectorError(problem, self._peek.position)

    # --- expressions

    def _expression(self, strength: int) -> Node:
        """An expression of operators that bind at least so strongly."""
        start = self._peek.position
        node = self._operand()
        while True:
            token = self._peek
            found = _STRENGTHS.get(token.value, 0) if token.kind in (KEYWORD, OPERATOR) else 0
            if found < strength or not found:
                return node
            if found >= _SUM:
                node = self._arithmetic(node, found, start)
            elif found == _COMPARED:
                node = self._compared(node, start)
                # The result of a comparison is not compared again, unless it is in parentheses.
                after = self._peek
                if after.kind in (KEYWORD, OPERATOR) and _STRENGTHS.get(after.value, 0) >= _COMPARED:
                    self._fail(f"{after} does not follow")
            else:
                node = self._joined(node, found, start)

    def _condition(self, strength: int) -> Node:
        start = self._peek.position
        node = self._expression(strength)
        self._check(node, _BOOLEAN, "a condition is needed here", start)
        return node

    def _number(self, strength: int, what: str) -> Node:
        start = self._peek.position
        node = self._expression(strength)
        self._check(node, _NUMBER, what, start)
        return node

    @staticmethod
    def _check(node: Node, kind: str, what: str, position: int) -> None:
        found = _kind(node)
        if found not in (kind, _ANYTHING):
            raise SelectorError(f"{what}, not {found}", position)

    def _operand(self) -> Node:
        """An expression without operators, or one with those that stand before it."""
        token = self._next()
        if token.kind == LITERAL:
            return Literal(token.value)
        if token.kind == IDENTIFIER:
            return Identifier(token.value, token.position)
        if token.kind == KEYWORD and token.value in ("TRUE", "FALSE"):
            return Literal(token.value == "TRUE")
        if token.kind == END or token.value not in ("(", "NOT", "+", "-"):
            self._at -= 1
            self._fail(f"a value is needed here, not {token}")
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise SelectorError(f"it is nested more than {MAX_NESTING} deep", token.position)
        if token.value == "(":
            node = self._expression(_OR)
            self._need(")")
        elif token.value == "NOT":
            node = Not(self._condition(_NOT))
        else:
            node = self._number(_SIGN, f"'{token.value}' is for numbers")
            if token.value == "-":
                node = Minus(node)
            elif isinstance(node, Identifier):
                node = Arithmetic(node, ())  # A sign makes a number of it.
        self._depth -= 1
        return node

    def _arithmetic(self, first: Node, strength: int, start: int) -> Node:
        self._check(first, _NUMBER, f"{self._peek} is for numbers", start)
        rest: List[Tuple[str, Node]] = []
        while self._peek.kind == OPERATOR and _STRENGTHS.get(self._peek.value) == strength:
            operator = self._next().value
            rest.append((operator, self._number(strength + 1, f"'{operator}' is for numbers")))
        return Arithmetic(first, tuple(rest))

    def _joined(self, first: Node, strength: int, start: int) -> Node:
        token = self._peek
        self._check(first, _BOOLEAN, f"{token} joins conditions", start)
        operands = [first]
        while self._take(token.value):
            operands.append(self._condition(strength + 1))
        return Or(tuple(operands)) if strength == _OR else And(tuple(operands))

    # --- comparisons

    def _compared(self, left: Node, start: int) -> Node:
        operator = self._next()
        if operator.kind == OPERATOR:
            return self._comparison(left, operator.value, start)
        negated = operator.value == "NOT"
        if negated:
            operator = self._next()
        if operator.kind == KEYWORD and operator.value == "BETWEEN":
            return self._between(left, negated, start)
        if operator.kind == KEYWORD and operator.value in ("IN", "LIKE", "IS") and (
                operator.value != "IS" or not negated):
            if not isinstance(left, Identifier):
                raise SelectorError(f"{operator} needs an identifier before it, not {_kind(left)}", start)
            if operator.value == "IN":
                return In(left, self._strings(), negated)
            if operator.value == "LIKE":
                return self._like(left, negated)
            negated = self._take("NOT")
            self._need("NULL")
            return IsNull(left, negated)
        self._at -= 1
        self._fail(f"expected BETWEEN, IN or LIKE, not {operator}")

    def _comparison(self, left: Node, operator: str, start: int) -> Node:
        position = self._peek.position
        right = self._expression(_SUM)
        if operator not in ("=", "<>"):
            self._check(left, _NUMBER, f"'{operator}' compares numbers", start)
            self._check(right, _NUMBER, f"'{operator}' compares numbers", position)
        return Comparison(operator, left, right)

    def _between(self, operand: Node, negated: bool, start: int) -> Node:
        self._check(operand, _NUMBER, "BETWEEN compares numbers", start)
        low = self._number(_SUM, "BETWEEN compares numbers")
        self._need("AND")
        high = self._number(_SUM, "BETWEEN compares numbers")
        return Between(operand, low, high, negated)

    def _strings(self) -> Tuple[str, ...]:
        self._need("(")
        values = [self._string("each value of IN")]
        while self._take(","):
            values.append(self._string("each value of IN"))
        self._need(")")
        return tuple(values)

    def _like(self, operand: Identifier, negated: bool) -> Node:
        position = self._peek.position
        text = self._string("the pattern of LIKE")
        escape = ""
        if self._take("ESCAPE"):
            escape_position = self._peek.position
            escape = self._string("what follows ESCAPE")
            if len(escape) != 1:
                raise SelectorError("what follows ESCAPE must be a single character", escape_position)
        try:
            return Like(operand, pattern_of(text, escape), negated)
        except ValueError as error:
            raise SelectorError(str(error), position) from None


def _kind(node: Node) -> str:
    if isinstance(node, Identifier):
        return _ANYTHING
    if isinstance(node, (Minus, Arithmetic)):
        return _NUMBER
    if isinstance(node, Literal) and not isinstance(node.value, bool):
        return _STRING if isinstance(node.value, str) else _NUMBER
    return _BOOLEAN
