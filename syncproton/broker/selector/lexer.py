"""Selector text to tokens."""

from __future__ import annotations

import re
from typing import Any, List, NamedTuple

from syncproton.broker.selector.errors import SelectorError

__all__ = ["END", "IDENTIFIER", "KEYWORD", "LITERAL", "MAX_LENGTH", "OPERATOR", "Token", "tokens_of"]

#: The longest selector, in characters.
MAX_LENGTH = 16384

_MAX_INTEGER = (1 << 64) - 1  # the largest number that AMQP has an integer type for

KEYWORD, IDENTIFIER, LITERAL, OPERATOR, END = "keyword", "identifier", "literal", "operator", "end"

_KEYWORDS = frozenset(["AND", "BETWEEN", "ESCAPE", "FALSE", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "TRUE"])

# Every alternative is told from the others by how it starts and none can match in two ways, so that a match takes
# time in proportion to its length.
_TOKEN = re.compile(r"""
    (?P<space> [ \t\n\r\f]+ )
  | (?P<approximate> (?: [0-9]+ \. [0-9]* | \. [0-9]+ ) (?: [eE] [+-]? [0-9]+ )? | [0-9]+ [eE] [+-]? [0-9]+ )
  | (?P<hex> 0[xX] [0-9a-fA-F]+ [lL]? )
  | (?P<exact> [0-9]+ [lL]? )
  | (?P<string> ' (?: [^'] | '' )* ' (?! ') )
  | (?P<quoted> " (?: [^"] | "" )+ " (?! ") )
  | (?P<name> [^\W\d] [\w$]* (?: \. [\w$]+ )* | \$ [\w$]* (?: \. [\w$]+ )* )
  | (?P<operator> <> | <= | >= | [=<>()+*/,-] )
""", re.VERBOSE)

_HINTS = {"!": "'not equal' is written <>", '"': "the quoted identifier is empty, or not closed",
          "'": "the string is not closed", "%": "there is no remainder operator"}


class Token(NamedTuple):
    """A word of a selector."""

    #: ``KEYWORD``, ``IDENTIFIER``, ``LITERAL``, ``OPERATOR`` or ``END``.
    kind: str
    #: A keyword in upper case, an identifier, an operator, or what a literal stands for.
    value: Any
    #: Where it starts.
    position: int

    def __str__(self) -> str:
        if self.kind == END:
            return "the end"
        if self.kind == LITERAL and isinstance(self.value, str):
            return "a string"
        return repr(self.value) if self.kind == LITERAL else f"'{_short(self.value)}'"


def tokens_of(text: str) -> List[Token]:
    """The tokens of a selector, the end included.

    :raises SelectorError: if something in it is no token, or it is too long.
    """
    if len(text) > MAX_LENGTH:
        raise SelectorError(f"it has {len(text)} characters, more than the {MAX_LENGTH} allowed", MAX_LENGTH)
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            character = text[position]
            problem = _HINTS.get(character, f"{character!r} does not belong here")
            raise SelectorError(problem, position)
        if match.lastgroup != "space":
            tokens.append(_token(match.lastgroup, match.group(), position))
        position = match.end()
    tokens.append(Token(END, None, position))
    return tokens


def _token(group: str, text: str, position: int) -> Token:
    if group == "operator":
        return Token(OPERATOR, text, position)
    if group == "string":
        return Token(LITERAL, text[1:-1].replace("''", "'"), position)
    if group == "quoted":
        return Token(IDENTIFIER, text[1:-1].replace('""', '"'), position)
    if group == "name":
        keyword = text.upper()
        return Token(KEYWORD, keyword, position) if keyword in _KEYWORDS else Token(IDENTIFIER, text, position)
    return Token(LITERAL, _number(group, text, position), position)


def _number(group: str, text: str, position: int) -> Any:
    if group == "approximate":
        number = float(text)
        if number == float("inf"):
            raise SelectorError(f"the number {_short(text)} is too large", position)
        return number
    digits = text.rstrip("lL")
    base = 10
    if group == "hex":
        digits, base = digits[2:], 16
    elif len(digits) > 1 and digits[0] == "0":
        base = 8  # as in Java, whose literals these are
    # int() of very many digits is slow, and may be refused.
    digits = digits.lstrip("0") or "0"
    try:
        integer = int(digits, base) if len(digits) <= 22 else _MAX_INTEGER + 1
    except ValueError:
        raise SelectorError(f"{_short(text)} is no octal number, which the leading 0 makes it", position) from None
    if integer > _MAX_INTEGER:
        raise SelectorError(f"the number {_short(text)} is too large for 64 bits", position)
    return integer


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
