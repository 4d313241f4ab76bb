"""How long to wait between attempts to connect."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Optional

__all__ = ["Backoff", "delay_source"]


class Backoff:
    """Delays that start at nothing and then double, up to a maximum.

    With the defaults: 0, 0.1, 0.2, 0.4 ... 6.4, 10, 10 ... seconds.  Iterating starts the sequence anew each time and
    leaves :meth:`next` alone, so one ``Backoff`` may serve several connections.

    :param initial: the second delay, in seconds; the first is 0.
    :param max_delay: the longest delay, in seconds.
    :param factor: what each delay is multiplied by to give the next.
    :param max_tries: how many delays there are; ``None`` is without end.
    :raises TypeError: for any other keyword.
    """

    def __init__(
        self,
        *,
        initial: float = 0.1,
        max_delay: float = 10.0,
        factor: float = 2.0,
        max_tries: Optional[int] = None,
    ) -> None:
        self.initial = initial
        self.max_delay = max_delay
        self.factor = factor
        self.max_tries = max_tries
        self._delays = iter(self)

    def __iter__(self) -> Iterator[float]:
        tries = 0
        delay = 0.0
        while self.max_tries is None or tries < self.max_tries:
            yield delay
            tries += 1
            delay = min(delay * self.factor if delay else self.initial, self.max_delay)

    def next(self) -> float:
        """The next delay, in seconds.

        :raises StopIteration: after ``max_tries`` delays.
        """
        return next(self._delays)

    def reset(self) -> None:
        """Let :meth:`next` begin again with 0."""
        self._delays = iter(self)


def delay_source(reconnect: Any) -> Optional[Callable[[], Iterator[float]]]:
    """Make of a ``reconnect`` argument a function that begins a round of delays; ``None`` for "do not reconnect".

    :param reconnect: ``None`` or ``True`` for the default :class:`Backoff`, ``False`` for no reconnecting, an iterable
        of delays in seconds, or an object with ``next`` and ``reset`` methods.
    :raises TypeError: for anything else.
    :raises ValueError: for a list with a delay that is infinite.
    """
    if reconnect is None or reconnect is True:
        reconnect = Backoff()
    if reconnect is False:
        return None
    if isinstance(reconnect, (list, tuple)):
        for delay in reconnect:
            if isinstance(delay, bool) or not isinstance(delay, (int, float)):
                raise TypeError(f"a delay between attempts to connect is a number of seconds, not {delay!r}")
            if not delay < float("inf"):
                raise ValueError(f"a delay between attempts to connect is a number of seconds, not {delay!r}")
    if isinstance(reconnect, Iterable) and not isinstance(reconnect, (str, bytes)):
        return _from_iterable(reconnect)
    if hasattr(reconnect, "next") and hasattr(reconnect, "reset"):
        return lambda: _from_counter(reconnect)
    raise TypeError(f"reconnect must be a Backoff, a list of delays, True or False, not {reconnect!r}")


def _from_iterable(delays: Iterable[float]) -> Callable[[], Iterator[float]]:
    return lambda: iter(delays)


def _from_counter(counter: Any) -> Iterator[float]:
    counter.reset()
    while True:
        try:
            delay = float(counter.next())
        except StopIteration:
            return
        yield delay
