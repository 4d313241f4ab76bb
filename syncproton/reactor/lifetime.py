"""What becomes of containers when the process forks or ends."""

from __future__ import annotations

import atexit
import os
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from .runner import Runner

__all__ = ["remember"]

#: Seconds that the end of the program may be held up to take leave of the peers.
EXIT_GRACE = 1.0

_open: "WeakSet[Runner]" = WeakSet()


def remember(reactor: "Runner") -> None:
    """Look after a reactor that has sockets."""
    _open.add(reactor)


def _at_exit() -> None:
    # All at once, so that together they take no longer than one.
    running = [reactor for reactor in _open if reactor.in_background]
    for reactor in running:
        reactor.begin_close(EXIT_GRACE)
    deadline = monotonic() + EXIT_GRACE + 0.2
    for reactor in running:
        reactor.wait_ended(max(0.0, deadline - monotonic()))


def _in_forked_child() -> None:
    for reactor in list(_open):
        reactor.abandon()
    _open.clear()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
