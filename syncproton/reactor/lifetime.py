"""What becomes of containers when the process forks or ends.

**Fork.**  Only the thread that forks goes on in the child.  So that it does not find there what another thread left
half done (a lock held by it, a socket that no list has yet, the middle of a TLS handshake), the I/O threads stand
still while the process forks: before, each comes to its *rest*, the wait for sockets, and waits at the gate until the
fork is done.  In the child everything the parent had opened is closed without a word, and whatever is asked of it is
refused.  Threads of the application cannot be stopped: they may hold any lock of ours.  So no such lock is ever taken
in the child: what is made anew there has new ones, and what was made before is told by its :data:`process`, and
refused, before its lock is touched.

**Exit.**  All connections are closed at once, and given a moment to take leave of the peers.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from time import monotonic, sleep
from typing import TYPE_CHECKING, Optional, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from .core import Core
    from .runner import Runner

__all__ = ["EXIT_GRACE", "Inherited", "exiting", "go_on", "hush", "inherit", "process", "remember"]

#: Seconds that the end of the program may be held up to take leave of the peers.
EXIT_GRACE = 1.0

#: Seconds for which a daemon thread is kept from telling of a failure that the end of the program brought about.
EXIT_HUSH = 2 * EXIT_GRACE

#: Seconds that a fork waits for I/O threads whose handlers are busy, before it is made regardless.
FORK_PATIENCE = 1.0

#: Seconds between two looks at an I/O thread that has not come to its rest.
_GLANCE = 0.0002

#: Seconds between two looks at the threads that a child of ``multiprocessing`` waits for at its end.
_LOOK = 0.01


class Inherited(Protocol):
    """What a child of a fork gets from its parent and has to make anew."""

    def after_fork(self) -> None:
        """Called in the child, on its only thread, once the parent's containers are let go of.  No lock can be had."""


#: Stands for this process: what was made in it keeps this object, and has another one than the child of a fork has.
process = object()

#: Whether the program is ending: connections close, and nothing is to be started or said about it any more.
exiting = False

# The lock guards the two sets.  In the child of a fork all of these are made anew.
_lock = threading.RLock()
_open: "WeakSet[Runner]" = WeakSet()
_inherited: "WeakSet[Inherited]" = WeakSet()
_forking = threading.Lock()
_forker: Optional[int] = None
_depth = 0
_gate: Optional[threading.Event] = None
_finalizer_set = False


def remember(reactor: "Runner") -> None:
    """Look after a reactor that has sockets."""
    with _lock:
        _open.add(reactor)
    _set_finalizer()


def inherit(heir: Inherited) -> None:
    """Have ``heir.after_fork`` called in children of forks, as long as it lives."""
    with _lock:
        _inherited.add(heir)


def go_on(reactor: "Core") -> None:
    """Leave the rest; if the process forks just now, not before that is done.  On the thread of the loop."""
    reactor.resting = False
    while True:
        # Whoever forks sets the gate and then looks who rests; here it is the other way round.  So either this thread
        # sees the gate, or it is seen to work.
        gate = _gate
        if gate is None:
            return
        reactor.resting = True
        gate.wait()
        reactor.resting = False


# --- fork


def _before_fork() -> None:
    global _depth, _forker, _gate
    me = threading.get_ident()
    if _forker == me:
        _depth += 1  # a signal handler that forks while its thread does
        return
    # Another thread may be forking; if it does not come to an end, this one does without the gate.
    if not _forking.acquire(timeout=FORK_PATIENCE):
        return
    _forker, _depth = me, 1
    _gate = threading.Event()
    with _lock:
        reactors = list(_open)
    deadline = monotonic() + FORK_PATIENCE
    for reactor in reactors:
        # A handler may be busy, or wait for something that the forking thread holds, or be what forks.
        while not reactor.resting and not reactor.on_io_thread and monotonic() < deadline:
            sleep(_GLANCE)


def _after_fork_in_parent() -> None:
    global _depth, _forker, _gate
    if _forker != threading.get_ident():
        return
    _depth -= 1
    if _depth:
        return
    gate, _gate, _forker = _gate, None, None
    _forking.release()
    if gate is not None:
        gate.set()


def _after_fork_in_child() -> None:
    global _depth, _finalizer_set, _forker, _forking, _gate, _inherited, _lock, _open, process
    process = object()
    reactors, heirs = list(_open), list(_inherited)
    _open, _inherited = WeakSet(), WeakSet()
    _lock, _forking, _forker, _depth, _gate = threading.RLock(), threading.Lock(), None, 0, None
    _finalizer_set = False
    for reactor in reactors:
        reactor.abandon()
    for heir in heirs:
        heir.after_fork()
        inherit(heir)


# --- exit


def _at_exit() -> None:
    global exiting
    exiting = True
    with _lock:
        reactors = list(_open)
    # All at once, so that together they take no longer than one.
    running = [reactor for reactor in reactors if reactor.in_background]
    for reactor in running:
        reactor.begin_close(EXIT_GRACE)
    deadline = monotonic() + EXIT_GRACE + 0.2
    for reactor in running:
        reactor.wait_ended(max(0.0, deadline - monotonic()))


def hush() -> None:
    """Called before a blocking call fails: if that is for the end of the program, let the program end first.

    A daemon thread is meant to be cut off there, in the middle of whatever it does.  It would only print a traceback,
    because its connection was closed a moment before.
    """
    if exiting and threading.current_thread().daemon:
        sleep(EXIT_HUSH)


def _set_finalizer() -> None:
    """Children that ``multiprocessing`` forked leave by ``os._exit``, past ``atexit``: they have a way of their own."""
    global _finalizer_set
    if _finalizer_set or "multiprocessing.util" not in sys.modules:
        return
    from multiprocessing import parent_process, util

    if parent_process() is not None:
        _finalizer_set = True
        util.Finalize(None, _at_end_of_child, exitpriority=0)


def _at_end_of_child() -> None:
    # Unlike atexit, this comes before the threads of the program have ended; but they are still waited for.
    working = [thread for thread in threading.enumerate() if not thread.daemon]
    if all(thread in (threading.main_thread(), threading.current_thread()) for thread in working):
        _at_exit()
        return

    def close() -> None:
        # They are not joined: whoever else joins a thread at the same time, as the end of the child does, may fail for
        # it on PyPy.
        others = set(working) - {threading.main_thread()}
        while not others.isdisjoint(threading.enumerate()):
            sleep(_LOOK)
        _at_exit()

    threading.Thread(target=close, name="syncproton-exit", daemon=False).start()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
