"""Which functions consume which queues of which broker."""

from __future__ import annotations

import threading
from typing import Callable, Dict, List, Optional, TypeVar

from django.utils.module_loading import autodiscover_modules

from .._registry import Consumer, Consumers, Handler
from .conf import DEFAULT

__all__ = ["autodiscover", "chosen", "consumer", "consumers"]

F = TypeVar("F", bound=Handler)

_lock = threading.Lock()
_of_broker: Dict[str, Consumers] = {}


def consumer(
    address: str,
    using: str = DEFAULT,
    *,
    threads: Optional[int] = None,
    credit: Optional[int] = None,
    on_error: Optional[str] = None,
) -> Callable[[F], F]:
    """Register the decorated function as the consumer of a queue; ``manage.py amqp_consume`` runs it.

    It gets each message, a :class:`~syncproton.sync.ReceivedMessage`.  When it returns the message is accepted, unless
    it settled the message by itself (``message.reject()`` and so on); when it raises, ``on_error`` says what becomes of
    the message.  The function itself stays as it is.

    Put consumers into a module ``consumers`` of an installed application: there they are found.

    :param address: the queue.
    :param using: the alias of the broker in the setting ``AMQP``.
    :param threads: how many messages to handle at a time; the setting ``CONSUMER_THREADS`` if not given.
    :param credit: how many messages to have sent in advance; the setting ``CONSUMER_CREDIT`` if not given.
    :param on_error: ``"modify"`` or ``"release"``: it comes again, with or without having this attempt counted;
        ``"reject"``: it does not.  The setting ``CONSUMER_ON_ERROR`` if not given.
    :raises TypeError: for arguments of a wrong kind.
    :raises ValueError: if they make no sense, or the queue has a function.
    """
    if not isinstance(using, str):
        raise TypeError(f"using is the alias of a broker, not {using!r}")
    with _lock:
        known = _of_broker.setdefault(using, Consumers())
    return known.consumer(address, threads=threads, credit=credit, on_error=on_error)


def consumers() -> Dict[str, List[Consumer]]:
    """All that are registered, by the alias of their broker."""
    with _lock:
        return {using: known.chosen() for using, known in _of_broker.items() if len(known)}


def chosen(addresses: List[str], using: str = DEFAULT) -> List[Consumer]:
    """The consumers of these queues of a broker; all if none are named.

    :raises LookupError: if one has no consumer, or there are none at all.
    """
    with _lock:
        known = _of_broker.get(using)
    if known is None or not len(known):
        others = ", ".join(repr(each) for each in sorted(consumers()))
        hint = f"; there are some of {others}" if others else (
            ": put functions with @consumer(\"queue\") into a module 'consumers' of an installed application")
        raise LookupError(f"there are no consumers of the broker {using!r}{hint}")
    return known.chosen(addresses)


def autodiscover() -> None:
    """Import the module ``consumers`` of each installed application that has one."""
    autodiscover_modules("consumers")
