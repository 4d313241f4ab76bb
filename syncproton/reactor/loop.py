"""Waiting for sockets: a selector and the socket pair that wakes it."""

from __future__ import annotations

import selectors
import socket
from typing import Any, Dict, List, Optional, Protocol, Tuple

__all__ = ["READ", "WRITE", "Loop", "Watcher"]

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

#: What a wait for sockets ends in.
Ready = List[Tuple[selectors.SelectorKey, int]]


class Watcher(Protocol):
    """What wants to know that a file descriptor is ready."""

    def on_ready(self, mask: int) -> None:
        """Called with :data:`READ`, :data:`WRITE` or both."""


#: The longest single wait, in seconds: selectors refuse much longer ones, and the loop waits again anyway.
_LONGEST_WAIT = 86400.0


class Loop:
    """A selector whose :meth:`poll` calls the watchers of what is ready.

    :meth:`wake` may be called from any thread and from signal handlers; all else belongs to the thread of the loop.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        #: Who watches a descriptor for what.  Mostly it is one; but applications may watch one of theirs twice.
        self._watchers: Dict[int, Dict[Watcher, int]] = {}
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._wake_sender.setblocking(False)
        self._woken = False
        self._selector.register(self._wake_receiver, READ, None)
        self._closed = False

    def watch(self, fd: int, mask: int, watcher: Watcher, afresh: bool = False) -> None:
        """Call ``watcher`` whenever ``fd`` is ready for what ``mask`` says; a mask of 0 means no longer.

        :param afresh: the descriptor may have been closed, and be another file by now.
        :raises OSError, ValueError: if it cannot be watched.
        """
        watchers = self._watchers.get(fd)
        if watchers is None:
            if mask:
                watchers = {watcher: mask}
                self._selector.register(fd, mask, watchers)
                self._watchers[fd] = watchers
            return
        before = watchers.get(watcher, 0)
        if mask == before and not afresh:
            return
        if mask:
            watchers[watcher] = mask
        else:
            watchers.pop(watcher, None)
        together = 0
        for each in watchers.values():
            together |= each
        # Somebody new: it may well be that the one before has closed the descriptor and said nothing.
        if not together or not before or afresh:
            self._selector.unregister(fd)
            del self._watchers[fd]
            if together:
                self._selector.register(fd, together, watchers)
                self._watchers[fd] = watchers
        else:
            self._selector.modify(fd, together, watchers)

    def poll(self, timeout: Optional[float]) -> None:
        """Wait up to ``timeout`` seconds (``None``: without limit) and call the watchers of what is ready."""
        self.serve(self.wait(timeout))

    def wait(self, timeout: Optional[float]) -> Ready:
        """Wait up to ``timeout`` seconds (``None``: without limit), and return what is ready."""
        if timeout is not None and timeout > _LONGEST_WAIT:
            timeout = _LONGEST_WAIT
        return self._selector.select(timeout)

    def serve(self, ready: Ready) -> None:
        """Call the watchers of what is ready."""
        for key, mask in ready:
            watchers: Any = key.data
            if watchers is None:
                self._drain_wakeups()
                continue
            for watcher in tuple(watchers):
                # One that ran before this one may have taken this one's descriptor away.
                wanted = mask & watchers.get(watcher, 0)
                if wanted:
                    watcher.on_ready(wanted)

    def wake(self) -> None:
        """Make :meth:`poll` return at once, or the next one if none is waiting.

        What the loop is woken for has to be there before this is called: however many wake it, one byte does it.
        """
        if self._woken:
            return
        try:
            self._woken = True
            self._wake_sender.send(b"\0")
        except (BlockingIOError, InterruptedError):
            pass  # so many wake-ups are waiting that one more makes no difference
        except OSError:
            if not self._closed:
                raise
        except BaseException:
            self._woken = False  # Ctrl-C, say: the next one is not to rely on this one
            raise

    def close(self) -> None:
        """Close the selector and the pair; the watched descriptors are their owners' affair."""
        self._closed = True
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()
        self._watchers.clear()

    def _drain_wakeups(self) -> None:
        try:
            while len(self._wake_receiver.recv(4096)) == 4096:
                pass
        except (BlockingIOError, InterruptedError):
            pass
        # After the bytes are gone, or one that came in between would be taken for one that is still there.  Whoever
        # sends none meanwhile is served all the same: this turn of the loop looks for work after this.
        self._woken = False
