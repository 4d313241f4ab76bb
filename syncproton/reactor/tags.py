"""Delivery tags of an application's own making, checked as they are drawn (section 2.6.12)."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Optional, Set, Union

from ..engine import Sender
from ..errors import LinkException

__all__ = ["Tags", "check_tags"]

#: So many tags are remembered beyond those in use before the list is gone through.
_SPARE = 1000


def check_tags(tags: Any) -> None:
    """Check a ``tags`` argument: ``None``, an iterable of tags, a function that makes one, or a generator function.

    :raises TypeError: for anything else, such as a single tag.
    """
    if tags is None or isinstance(tags, Iterator) or callable(tags):
        return
    if not isinstance(tags, Iterable) or isinstance(tags, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"tags must be a function or an iterable, not {tags!r}")


class Tags:
    """An iterator over the tags of one sender.  The application's function is first called when a tag is needed.

    :param tags: what :func:`check_tags` finds good.
    """

    __slots__ = ("_sender", "_draw", "_drawn")

    def __init__(self, tags: Any, sender: Sender) -> None:
        self._sender = sender
        #: Tags given out that may be in use still.
        self._drawn: Set[bytes] = set()
        self._draw: Callable[[], Any]
        if callable(tags) and not isinstance(tags, Iterator):
            self._draw = lambda: self._first(tags)
        else:
            self._draw = iter(tags).__next__

    def __iter__(self) -> "Tags":
        return self

    def __next__(self) -> Union[str, bytes]:
        """The next tag.

        :raises LinkException: if there are no more, or the tag is that of a delivery that is not settled.
        :raises TypeError: if it is neither ``str`` nor ``bytes``.
        """
        try:
            tag = self._draw()
        except StopIteration:
            raise LinkException(f"the tags for sender {self._sender.name!r} have run out") from None
        encoded = tag.encode() if isinstance(tag, str) else tag
        if not isinstance(encoded, bytes):
            raise TypeError(f"a delivery tag is bytes, or a string, not {tag!r}")
        drawn = self._drawn
        in_use: Optional[Set[bytes]] = None
        if encoded in drawn:
            in_use = self._sender._unsettled_tags()
            if encoded in in_use:
                raise LinkException(f"the tag {tag!r} is that of an unsettled delivery of {self._sender.name!r}")
        if len(drawn) > 2 * self._sender.unsettled + _SPARE:
            drawn.intersection_update(in_use if in_use is not None else self._sender._unsettled_tags())
        drawn.add(encoded)
        result: Union[str, bytes] = tag
        return result

    def _first(self, function: Callable[[], Any]) -> Any:
        """Learn from the first call what kind of function it is."""
        result = function()
        if isinstance(result, Iterator):
            self._draw = result.__next__
            return self._draw()
        self._draw = function
        return result
