"""Message selectors: the conditional expressions of SQL-92 that JMS defines (Jakarta Messaging 3.0, section 3.8.1).

A selector is compiled once, into closures; what an identifier stands for is the caller's to say.  Nothing here does
any I/O or knows of messages.
"""

from __future__ import annotations

from syncproton.broker.selector.errors import SelectorError
from syncproton.broker.selector.evaluator import OPAQUE, Resolver, Truth, compile_selector
from syncproton.broker.selector.lexer import MAX_LENGTH
from syncproton.broker.selector.parser import MAX_NESTING

__all__ = ["MAX_LENGTH", "MAX_NESTING", "OPAQUE", "Resolver", "SelectorError", "Truth", "compile_selector"]
