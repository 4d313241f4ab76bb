"""The patterns of LIKE.

A pattern is cut at its ``%`` into pieces of a fixed length, which are then looked for one after another, each as far to
the left as it goes: that is never wrong, so there is no going back, and no pattern takes more steps than the product of
the lengths of text and pattern.
"""

from __future__ import annotations

import re
from typing import Any, Callable, List, Optional

__all__ = ["ANY", "matcher", "pattern_of"]

#: Stands in a pattern for any one character (``_``).
ANY = ""

Matcher = Callable[[str], bool]


def pattern_of(text: str, escape: str = "") -> List[Optional[str]]:
    """The elements of a pattern: a character, :data:`ANY`, or ``None`` for any number of characters.

    :param escape: the character that takes its meaning from ``%``, ``_`` and itself, if there is one.
    :raises ValueError: if it stands before anything else.
    """
    elements: List[Optional[str]] = []
    characters = iter(text)
    for character in characters:
        if escape and character == escape:
            following = next(characters, "")
            if following not in ("%", "_", escape):
                raise ValueError(f"in the pattern, {escape!r} must be followed by '%', '_' or {escape!r}")
            elements.append(following)
        elif character == "%":
            elements.append(None)
        else:
            elements.append(ANY if character == "_" else character)
    return elements


def matcher(pattern: List[Optional[str]]) -> Matcher:
    """A function that says whether all of a text matches."""
    pieces: List[List[str]] = [[]]
    for element in pattern:
        if element is None:
            pieces.append([])
        else:
            pieces[-1].append(element)
    if len(pieces) == 1:
        whole = _compiled(pieces[0]).fullmatch
        return lambda text: whole(text) is not None
    first, *middle, last = pieces
    return _Loose(first, [piece for piece in middle if piece], last)


def _compiled(piece: List[str]) -> Any:
    # Without repetition there is only one way to match.
    return re.compile("".join("." if element == ANY else re.escape(element) for element in piece), re.DOTALL)


class _Loose:
    """Matches pieces with anything between them."""

    __slots__ = ("_first", "_last", "_last_length", "_middle")

    def __init__(self, first: List[str], middle: List[List[str]], last: List[str]) -> None:
        self._first = _compiled(first).match
        self._last = _compiled(last).match
        self._last_length = len(last)
        self._middle = [_compiled(piece).search for piece in middle]

    def __call__(self, text: str) -> bool:
        found = self._first(text)
        if found is None:
            return False
        end = len(text) - self._last_length
        for search in self._middle:
            found = search(text, found.end(), max(end, 0))
            if found is None:
                return False
        return bool(found.end() <= end and self._last(text, end))
