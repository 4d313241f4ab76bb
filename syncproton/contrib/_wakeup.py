"""Waiting for other threads, and for signals."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType
from typing import Any, Dict, Optional

__all__ = ["Interrupted", "StopSignals", "Wakeup"]


class Wakeup:
    """Something to wait for that a signal handler may set off, which it may not do with a lock.

    That is a byte on a pair of sockets.  A wake-up before the wait is not lost; several may be one.
    """

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def fileno(self) -> int:
        """The descriptor on which a byte is a wake-up."""
        return self._write.fileno()

    def wake(self) -> None:
        """End the wait, or the next one.  For any thread and for signal handlers; after :meth:`close` it does nothing.
        """
        try:
            self._write.send(b"\0")
        except OSError:
            pass  # full, then it is awake anyway; or closed

    def wait(self, timeout: Optional[float]) -> None:
        """Wait until woken, or for so many seconds.  One thread at a time."""
        if select.select([self._read], [], [], timeout)[0]:
            try:
                self._read.recv(4096)
            except BlockingIOError:
                pass

    def close(self) -> None:
        """Let go of the sockets."""
        self._read.close()
        self._write.close()


class Interrupted(BaseException):
    """A signal to stop came while there was nothing to stop cleanly yet."""


class StopSignals:
    """Counts SIGINT and SIGTERM instead of ending the program.  A context manager, for the main thread.

    :param wakeup: is woken by each.
    :ivar count: how many came.
    :ivar at_once: whether :class:`Interrupted` is to be raised in the main thread by the next one.
    """

    def __init__(self, wakeup: Wakeup) -> None:
        self.count = 0
        self.at_once = False
        self._wakeup = wakeup
        self._before: Dict[int, Any] = {}
        self._descriptor = -1

    def __enter__(self) -> StopSignals:
        # Python calls a handler between two steps of the main thread only.  A signal that comes when it is about to
        # wait, or to another thread, would not end the wait; the byte that the C code writes to this at once does.
        self._descriptor = signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *exc: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(self._descriptor)

    def _came(self, number: int, frame: Optional[FrameType]) -> None:
        self.count += 1
        if self.at_once:
            raise Interrupted(number)
        self._wakeup.wake()
