"""What is wrong with a selector."""

from __future__ import annotations

__all__ = ["SelectorError"]


class SelectorError(ValueError):
    """A selector that cannot be understood.

    :ivar position: the character at which the problem is, counted from 0.
    :ivar problem: what is wrong, in words.
    """

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"bad selector, at character {position + 1}: {problem}")
        self.position = position
        self.problem = problem
