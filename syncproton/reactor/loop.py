"""Waiting for sockets: a selector and the socket pair that wakes it."""

from __future__ import annotations

import selectors
import socket
from typing import Any, Dict, Optional, Protocol

__all__ = ["READ", "WRITE", "Loop", "Watcher"]

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Watcher(Protocol):
    """What wants to know that a file descriptor is ready."""

    def on_ready(self, mask: int) -> None:
        """Called with :data:`READ`, :data:`WRITE` or both."""


class Loop:
    """A selector whose :meth:`poll` calls the watchers of what is ready.

    :meth:`wake` may be called from any thread and from signal handlers; all else belongs to the thread of the loop.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._interest: Dict[int, int] = {}
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._wake_sender.setblocking(False)
        self._selector.register(self._wake_receiver, READ, None)
        self._closed = False

    def watch(self, fd: int, mask: int, watcher: Watcher) -> None:
        """Call ``watcher`` whenever ``fd`` is ready for what ``mask`` says; a mask of 0 means no longer."""
        before = self._interest.get(fd, 0)
        if mask == before:
            return
        if not mask:
            self._selector.unregister(fd)
            del self._interest[fd]
            return
        if before:
            self._selector.modify(fd, mask, watcher)
        else:
            self._selector.register(fd, mask, watcher)
        self._interest[fd] = mask

    def poll(self, timeout: Optional[float]) -> None:
        """Wait up to ``timeout`` seconds (``None``: without limit) and call the watchers of what is ready."""
        for key, mask in self._selector.select(timeout):
            watcher: Any = key.data
            if watcher is None:
                self._drain_wakeups()
            # A watcher that ran before this one may have taken this one's descriptor away.
            elif self._interest.get(key.fd):
                watcher.on_ready(mask)

    def wake(self) -> None:
        """Make :meth:`poll` return at once, or the next one if none is waiting."""
        try:
            self._wake_sender.send(b"\0")
        except (BlockingIOError, InterruptedError):
            pass  # so many wake-ups are waiting that one more makes no difference
        except OSError:
            if not self._closed:
                raise

    def close(self) -> None:
        """Close the selector and the pair; the watched descriptors are their owners' affair."""
        self._closed = True
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()
        self._interest.clear()

    def _drain_wakeups(self) -> None:
        try:
            while len(self._wake_receiver.recv(4096)) == 4096:
                pass
        except (BlockingIOError, InterruptedError):
            pass
