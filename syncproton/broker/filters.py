"""The filters that the peer at the other end of a link asks for (section 3.5.8).

Of all the filters there are, the broker knows selectors, under the names that Apache has registered for them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from syncproton.broker.fields import resolve
from syncproton.broker.sections import Sections
from syncproton.broker.selector import SelectorError, compile_selector
from syncproton.codec import Described
from syncproton.engine import Terminus

__all__ = ["FilterError", "Filters", "Selector", "filters_of"]

_SELECTOR = ("apache.org:selector-filter:string", 0x0000468C00000004)


class FilterError(ValueError):
    """A filter that can't be applied."""


class Selector:
    """Says which messages a receiver wants.

    :param text: the selector expression.
    :raises SelectorError: if it is none.
    """

    __slots__ = ("key", "_conditions")

    def __init__(self, text: str) -> None:
        #: Equal for selectors that choose the same messages for being written the same.
        self.key: Tuple[str, ...] = (text,)
        self._conditions = [compile_selector(text, resolve)]

    @classmethod
    def all_of(cls, selectors: Sequence[Selector]) -> Selector:
        """A selector that wants what all of some selectors want."""
        joined = cls.__new__(cls)
        joined.key = tuple(key for selector in selectors for key in selector.key)
        joined._conditions = [condition for selector in selectors for condition in selector._conditions]
        return joined

    def matches(self, sections: Sections) -> bool:
        """Whether a message is wanted."""
        for condition in self._conditions:
            if not condition(sections):
                return False
        return True


class Filters:
    """The filters of a link that are applied.

    :ivar selector: what chooses messages, or ``None`` if all are wanted.
    :ivar applied: the filters as the peer wrote them, by name; what it is told are applied.
    """

    __slots__ = ("applied", "selector")

    def __init__(self, selector: Optional[Selector], applied: Dict[Any, Any]) -> None:
        self.selector = selector
        self.applied = applied

    def confirm(self, source: Terminus) -> None:
        """Let the peer see from a source which of its filters are applied."""
        source.filter.clear()
        if self.applied:
            source.filter.put_dict(self.applied)


def filters_of(source: Terminus) -> Filters:
    """The filters of a source which the broker knows; it goes by their descriptors, and passes over the others.

    :raises FilterError: if one of them makes no sense.
    """
    data = source.filter
    data.rewind()
    wanted = data.get_object() if data.next() is not None else None
    applied: Dict[Any, Any] = {}
    selectors: List[Selector] = []
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            if isinstance(value, Described) and value.descriptor in _SELECTOR:
                selectors.append(_selector(name, value.value))
                applied[name] = value
    return Filters(Selector.all_of(selectors) if selectors else None, applied)


def _selector(name: Any, text: Any) -> Selector:
    if not isinstance(text, str):
        raise FilterError(f"the filter '{name}': a selector is a string, not {type(text).__name__}")
    try:
        return Selector(str(text))
    except SelectorError as error:
        raise FilterError(f"the filter '{name}': {error}") from error
