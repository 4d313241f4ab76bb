"""The functions that handle the messages of queues, and for which queue each is."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, TypeVar

from ..sync.receiver_driver import check_credit
from ._settings import ON_ERROR, Settings

__all__ = ["Consumer", "Consumers", "Handler"]

Handler = Callable[[Any], Any]
F = TypeVar("F", bound=Handler)


class Consumer(NamedTuple):
    """A function for the messages of one queue.

    :ivar address: the queue.
    :ivar function: called with each :class:`~syncproton.sync.ReceivedMessage`.
    :ivar threads: how many messages to handle at a time; ``None`` for what the settings say, and so below.
    :ivar credit: how many messages to have sent in advance.
    :ivar on_error: what becomes of a message when the function raises.
    """

    address: str
    function: Handler
    threads: Optional[int] = None
    credit: Optional[int] = None
    on_error: Optional[str] = None

    def completed(self, settings: Settings) -> Consumer:
        """The same with what the settings say for what it leaves open."""
        return self._replace(
            threads=self.threads if self.threads is not None else settings.threads,
            credit=self.credit if self.credit is not None else settings.credit,
            on_error=self.on_error if self.on_error is not None else settings.on_error)


class Consumers:
    """The consumers of a program, one for each queue."""

    def __init__(self) -> None:
        self._consumers: Dict[str, Consumer] = {}

    def consumer(self, address: str, *, threads: Optional[int] = None, credit: Optional[int] = None,
                 on_error: Optional[str] = None) -> Callable[[F], F]:
        """Register the decorated function for the messages of a queue.  The function stays as it is.

        :raises TypeError: for arguments of a wrong kind.
        :raises ValueError: if they make no sense, or the queue has a function.
        """
        if not isinstance(address, str):
            # Most likely the decorator without its parentheses.
            raise TypeError(f'a consumer needs the address of a queue, as in consumer("orders"), not {address!r}')
        if not address.strip():
            raise ValueError("a consumer needs the address of a queue, and this one is empty")
        if threads is not None:
            if isinstance(threads, bool) or not isinstance(threads, int):
                raise TypeError(f"threads is a whole number, not {threads!r}")
            if threads < 1:
                raise ValueError(f"threads is 1 or more, not {threads}")
        if credit is not None:
            check_credit(credit)
        if on_error is not None and on_error not in ON_ERROR:
            raise ValueError(f"on_error is one of {', '.join(map(repr, ON_ERROR))}, not {on_error!r}")

        def register(function: F) -> F:
            if not callable(function):
                raise TypeError(f"the consumer of {address!r} must be a function, not {function!r}")
            there = self._consumers.get(address)
            if there is not None:
                raise ValueError(f"the queue {address!r} has a consumer already: {_name(there.function)}")
            self._consumers[address] = Consumer(address, function, threads, credit, on_error)
            return function

        return register

    def chosen(self, addresses: Iterable[str] = ()) -> List[Consumer]:
        """The consumers of these queues, each once; all if none are named.

        :raises LookupError: if one has no consumer, or there are none at all; the text is for the user.
        """
        if not self._consumers:
            raise LookupError("there are no consumers: no function was registered for any queue")
        wanted = list(dict.fromkeys(addresses))
        for address in wanted:
            if address not in self._consumers:
                raise LookupError(f"there is no consumer for the queue {address!r}: there are some for "
                                  + ", ".join(sorted(self._consumers)))
        return [self._consumers[address] for address in wanted or self._consumers]

    def __len__(self) -> int:
        return len(self._consumers)

    def __repr__(self) -> str:
        return f"<Consumers of {', '.join(sorted(self._consumers)) or 'no queue'}>"


def _name(function: Any) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"
