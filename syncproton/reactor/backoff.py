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
    :raises TypeError: for any other keyword, and for a value that is no number.
    :raises ValueError: for a number that makes no sense: a delay below 0, a factor below 1, less than no tries.
    """

    def __init__(
        self,
        *,
        initial: float = 0.1,
        max_delay: float = 10.0,
        factor: float = 2.0,
        max_tries: Optional[int] = None,
    ) -> None:
        _check_delay(initial, "initial")
        _check_delay(max_delay, "max_delay")
        if isinstance(factor, bool) or not isinstance(factor, (int, float)):
            raise TypeError(f"factor must be a number, not {factor!r}")
        if not 1 <= factor < float("inf"):
            raise ValueError(f"factor must be 1 or more, not {factor!r}")
        if max_tries is not None and (isinstance(max_tries, bool) or not isinstance(max_tries, int)):
            raise TypeError(f"max_tries must be a whole number or None, not {max_tries!r}")
        if max_tries is not None and max_tries < 0:
            raise ValueError(f"max_tries must be 0 or more, not {max_tries!r}")
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
            delay = min(delay * self.factor if delay else float(self.initial), float(self.max_delay))

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
        of delays in seconds, which is iterated anew for each round, or an object with ``next`` and ``reset`` methods.
    :raises TypeError: for anything else.
    :raises ValueError: for a list with a delay that is negative or infinite.
    """
    if reconnect is None or reconnect is True:
        reconnect = Backoff()
    if reconnect is False:
        return None
    if isinstance(reconnect, (list, tuple)):
        reconnect = tuple(reconnect)
        for delay in reconnect:
            _check_delay(delay)
    if not isinstance(reconnect, (str, bytes, bytearray, type)):
        if isinstance(reconnect, Iterable):
            return _from_iterable(reconnect)
        if callable(getattr(reconnect, "next", None)) and callable(getattr(reconnect, "reset", None)):
            return lambda: _from_counter(reconnect)
    raise TypeError(f"reconnect must be a Backoff, a list of delays, True or False, not {reconnect!r}")


def _check_delay(delay: Any, name: str = "a delay between attempts to connect") -> None:
    if isinstance(delay, bool) or not isinstance(delay, (int, float)):
        raise TypeError(f"{name} is a number of seconds, not {delay!r}")
    if not 0 <= delay < float("inf"):
        raise ValueError(f"{name} is 0 seconds or more, not {delay!r}")


def _checked(delay: Any) -> float:
    _check_delay(delay)
    return float(delay)


def _from_iterable(delays: Iterable[float]) -> Callable[[], Iterator[float]]:
    return lambda: map(_checked, delays)


def _from_counter(counter: Any) -> Iterator[float]:
    counter.reset()
    while True:
        try:
            delay = counter.next()
        except StopIteration:
            return
        yield _checked(delay)
