"""Telling connections that the container they run on has ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Optional, Set
from weakref import WeakKeyDictionary, ref

from ..reactor import lifetime

if TYPE_CHECKING:
    from ..reactor import Container
    from .connection_driver import ConnectionDriver

__all__ = ["forget", "remember"]

_lock = threading.Lock()
_drivers: "WeakKeyDictionary[Container, Set[ConnectionDriver]]" = WeakKeyDictionary()


class _Heir:
    """Has the child of a fork begin with a lock that is free, and with no connections."""

    def after_fork(self) -> None:
        global _drivers, _lock
        _lock, _drivers = threading.Lock(), WeakKeyDictionary()


_heir = _Heir()
lifetime.inherit(_heir)


def remember(driver: "ConnectionDriver") -> None:
    """Have ``driver.container_ended`` called when its container ends.  On its I/O thread."""
    with _lock:
        drivers = _drivers.get(driver.container)
        if drivers is not None:
            drivers.add(driver)
            return
        _drivers[driver.container] = {driver}
    # One callback for all connections of a container, which may come and go by the thousand.
    reference = ref(driver.container)
    driver.container.when_ended(lambda failure: _ended(reference, failure))


def forget(driver: "ConnectionDriver") -> None:
    """The connection is over, whatever becomes of the container."""
    with _lock:
        _drivers.get(driver.container, set()).discard(driver)


def _ended(reference: "ref[Container]", failure: Optional[BaseException]) -> None:
    container = reference()
    if container is None:
        return
    with _lock:
        drivers = _drivers.pop(container, set())
    for driver in drivers:
        driver.container_ended(failure)
