"""The connections of a process to the brokers of the setting ``AMQP``."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

from django.core.signals import setting_changed

from ...engine import Delivery
from ...sync import Connection
from .conf import DEFAULT, SETTING, read_broker
from .shared import SharedConnection

__all__ = ["close_connections", "connection", "deliver"]

#: How long closing waits for each broker to agree, in seconds.
GRACE = 2.0

_lock = threading.Lock()
_brokers: Dict[str, SharedConnection] = {}
_parents: List[Dict[str, SharedConnection]] = []


def _broker(using: str) -> SharedConnection:
    with _lock:
        found = _brokers.get(using)
        if found is None:
            settings = read_broker(using)
            found = SharedConnection(settings.url, settings.timeout, **settings.connect)
            _brokers[using] = found
        return found


@contextmanager
def connection(using: str = DEFAULT, timeout: Optional[float] = False) -> Iterator[Connection]:
    """A connection to a broker, for a ``with`` statement: made when it is first wanted, kept for the next who wants it.

    ::

        with connection() as c:
            with c.create_receiver("orders") as receiver:
                ...

    :param using: the alias of the broker in the setting ``AMQP``.
    :param timeout: how long to wait for it, in seconds; ``False`` for the setting's ``TIMEOUT``; ``None`` for no limit.
    :raises ImproperlyConfigured: naming the setting that is missing or wrong.
    :raises ConnectionException: if the broker cannot be reached, or refuses; :class:`~syncproton.Timeout` likewise.
    """
    with _broker(using).connection(timeout) as shared:
        yield shared


def deliver(using: str, address: str, message: Any, timeout: Optional[float]) -> Delivery:
    """Send a message now."""
    return _broker(using).send(address, message, timeout)


def close_connections(timeout: float = GRACE) -> None:
    """Close all connections of this process.  The next use makes new ones.

    They are closed by themselves when the process ends.

    :param timeout: how long to wait for each broker to agree, in seconds.
    """
    with _lock:
        closing = list(_brokers.values())
        _brokers.clear()
    for each in closing:
        each.close(timeout)


def _begin_anew() -> None:
    """In a forked child: what is there is the parent's.  It is kept, so that nothing of it is ended by being forgotten;
    and the lock may be held by a thread that is not here.
    """
    global _lock
    _lock = threading.Lock()
    _parents.append(dict(_brokers))
    _brokers.clear()


def _setting_changed(setting: str, **kwargs: Any) -> None:
    """Tests change settings."""
    if setting == SETTING:
        close_connections()


setting_changed.connect(_setting_changed, dispatch_uid="syncproton.contrib.django")
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
