"""The thread that a container's loop runs on."""

from __future__ import annotations

import contextvars
import sys
import threading
from typing import Callable, Optional

__all__ = ["IoThread"]

#: On Windows a wait on a lock cannot be interrupted by Ctrl-C, so there it is done in slices of so many seconds.
_SLICE = 0.2 if sys.platform == "win32" else None


class IoThread:
    """A daemon thread that runs ``main`` in a copy of the starter's context, and remembers how that ended.

    :ivar failure: what ``main`` raised, once it has ended.
    """

    def __init__(self, name: str, main: Callable[[], None]) -> None:
        self.failure: Optional[BaseException] = None
        self._main = main
        self._begun = threading.Event()
        self._ended = threading.Event()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller is on this thread."""
        return threading.current_thread() is self._thread

    def has_begun(self, timeout: float) -> bool:
        """Wait, at most ``timeout`` seconds, for ``main`` to be called; say whether it was."""
        return self._begun.wait(timeout)

    @property
    def ended(self) -> bool:
        """Whether ``main`` has ended."""
        return self._ended.is_set()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Wait, at most ``timeout`` seconds, for ``main`` to end; say whether it has."""
        if timeout is not None or _SLICE is None:
            return self._ended.wait(timeout)
        while not self._ended.wait(_SLICE):
            pass
        return True

    def _run(self) -> None:
        self._begun.set()
        try:
            self._main()
        except BaseException as error:
            self.failure = error
        finally:
            self._ended.set()
