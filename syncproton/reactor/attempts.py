"""Which URL to try next, and how long to wait before."""

from __future__ import annotations

from typing import Callable, Iterator, List, Optional, Tuple

from ..url import Url

__all__ = ["Attempts"]


class Attempts:
    """The sequence of attempts to connect: for each delay, every URL in order, each after that delay.

    The very first attempt does not wait.  After :meth:`succeeded` the delays begin anew, and the URLs go on with the
    one that follows.

    :param urls: at least one.
    :param delays: begins a round of delays; ``None`` allows the first attempt only.
    """

    __slots__ = ("_urls", "_position", "_delays", "_round", "_delay", "_left")

    def __init__(self, urls: List[Url], delays: Optional[Callable[[], Iterator[float]]]) -> None:
        self._urls = urls
        self._position = 0
        self._delays = delays
        self._round: Iterator[float] = iter(())
        self._delay = 0.0
        #: How many URLs are still to be tried with the present delay.
        self._left = 0

    def first(self) -> Url:
        """Begin at the beginning, with the first URL."""
        self._position = 0
        self.succeeded()
        if self.next() is None:
            self._position = 1
        return self._urls[0]

    def next(self) -> Optional[Tuple[float, Url]]:
        """The seconds to wait and the URL to try then; ``None`` when there are to be no more attempts."""
        if self._left == 0:
            try:
                self._delay = next(self._round)
            except StopIteration:
                return None
            self._left = len(self._urls)
        self._left -= 1
        url = self._urls[self._position % len(self._urls)]
        self._position += 1
        return self._delay, url

    def succeeded(self) -> None:
        """The peer answered: the delays are to begin anew."""
        self._left = 0
        self._round = self._delays() if self._delays is not None else iter(())
