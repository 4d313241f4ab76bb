"""Which thread a container's loop runs on, how it begins and how it ends."""

from __future__ import annotations

import logging
import threading
import traceback
from concurrent.futures import Future
from threading import get_ident
from typing import Any, Callable, Optional

from ..engine import Event
from ..errors import ProtonException, WrongThread
from . import lifetime
from .call_queue import Call, InternalCall
from .core import Core
from .io_thread import IoThread
from .timers import check_seconds

__all__ = ["Runner"]

logger = logging.getLogger("syncproton.reactor")

#: How long it may take a thread to begin that was being started when Ctrl-C came, in seconds.
STARTING = 1.0


class Runner(Core):
    """A loop that runs on a thread of its own, in the background, or step by step."""

    def __init__(self, *handlers: Any, io_thread: bool = True, global_handler: Any = None, name: str = "") -> None:
        super().__init__(*handlers, global_handler=global_handler)
        self._name = name
        self._use_io_thread = io_thread
        self._thread: Optional[IoThread] = None
        #: The thread that takes the turns just now.
        self._ident: Optional[int] = None
        #: Held while that changes, and by who does something in the loop's place while there is no such thread.
        self._turns = threading.RLock()
        self._timeout: Optional[float] = 0.0

    def on_error(self, info: Any) -> None:
        """Have :meth:`process` or :meth:`run` raise an exception that a handler raised.

        :param info: what ``sys.exc_info()`` gave.
        """
        self.errors.append(info)
        self.yield_()

    def run(self) -> None:
        """Run until :meth:`stop` is called or nothing is left to do.

        The loop runs on its own thread, or on this one if the container was made with ``io_thread=False``.  An
        exception out of a handler ends the container and is raised here.  Ctrl-C ends the container, with its sockets
        closed, and ``KeyboardInterrupt`` is raised.

        :raises ProtonException: if the container is running already.
        """
        if not self._use_io_thread:
            self._check_idle()
            self._prepare_run(background=False)
            self._main()
            return
        self._check_idle()
        self._thread = None
        try:
            thread = self._launch(background=False)
            thread.wait()
        except BaseException:
            # Ctrl-C may come while the thread is being started, and may keep it from that.
            begun = self._thread
            if begun is not None and begun.has_begun(STARTING):
                self.stop()
                begun.wait()
            else:
                self._thread = None
            raise
        self._thread = None
        if thread.failure is not None:
            raise thread.failure

    def start(self) -> None:
        """Begin to step the loop with :meth:`process` on the caller's thread."""
        self._check_idle()
        self._prepare_run(background=False)
        self._thread = None
        self._collector.put(self, Event.REACTOR_INIT)

    def process(self) -> bool:
        """Do one step: dispatch what there is, or wait up to :attr:`timeout` seconds for something to come.

        :returns: whether there is, or may be, more to do.
        :raises ProtonException: if the container has a thread of its own.
        """
        with self._turns:
            self._check_idle()
            if self._finished:
                return False
            self._ident = get_ident()
        lifetime.go_on(self)
        try:
            if self._turn(self._timeout):
                return True
            self._finish()
            self._teardown(None)
            return False
        finally:
            self._ident = None
            self.resting = True

    def stop(self) -> None:
        """End the loop once the events at hand are dispatched.  From any thread, and from signal handlers."""
        self._stopping = True
        self._wake()

    def wakeup(self) -> None:
        """Make the loop turn once.  From any thread."""
        self._wake()

    def yield_(self) -> None:
        """Have :meth:`process` return after the present event."""
        self._yielding = True

    @property
    def timeout(self) -> Optional[float]:
        """How long :meth:`process` waits at most, in seconds; ``None`` is without limit.

        :raises TypeError: if it is set to what is no number.
        :raises ValueError: if it is set to what is negative or not finite.
        """
        return self._timeout

    @timeout.setter
    def timeout(self, seconds: Optional[float]) -> None:
        self._timeout = None if seconds is None else check_seconds(seconds, "a timeout")

    @property
    def quiesced(self) -> bool:
        """Whether no event waits to be dispatched."""
        return not self._events

    def start_background(self) -> None:
        """Start the I/O thread and return.  It runs until :meth:`stop` or :meth:`close`, whether it has work or not.

        :raises ProtonException: if the container is running already.
        """
        self._launch(background=True)

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        """Call ``function`` on the I/O thread.  From any thread; on the I/O thread itself it is called at once.

        :returns: a future of the result.  If the container ends before, the future fails with a
            :class:`~syncproton.ProtonException` whose cause is what ended it.
        """
        call = Call(function, args, kwargs)
        if self.on_io_thread:
            call.run()
        else:
            self._calls.put(call)
        return call.future

    @property
    def on_io_thread(self) -> bool:
        """Whether the caller is on the thread that the loop runs on."""
        return self._ident == get_ident()

    @property
    def in_background(self) -> bool:
        """Whether the container was started with :meth:`start_background` and still runs."""
        return self._background and self._thread is not None and not self._thread.ended

    def when_ended(self, callback: Callable[[Optional[BaseException]], None]) -> None:
        """Have ``callback`` called on the I/O thread after the loop's end, with what a handler raised or ``None``."""
        self._when_ended.append(callback)

    def close(self, timeout: Optional[float] = None) -> None:
        """Stop listening, close all connections, end the loop and wait for it.  From any thread.

        On the I/O thread it does not wait.

        :param timeout: how long peers have to answer the close, in seconds; by default 1.
        """
        grace = lifetime.EXIT_GRACE if timeout is None else max(0.0, timeout)
        thread = self._thread
        if thread is not None and not thread.ended:
            self.begin_close(grace)
            if not thread.is_current:
                thread.wait(grace + 1.0)
        elif self.on_io_thread:
            self.begin_close(grace)
        else:
            self._teardown(None)

    def begin_close(self, grace: float) -> None:
        """Start what :meth:`close` does, without waiting.  From any thread."""
        self._calls.put(InternalCall(self._close_politely, (grace,)))

    def wait_ended(self, timeout: float) -> bool:
        """Wait for the I/O thread to end, at most ``timeout`` seconds, and say whether it has."""
        thread = self._thread
        return thread is None or thread.wait(timeout)

    def _close_politely(self, grace: float) -> None:
        self._closing = True
        for acceptor in list(self._acceptors):
            acceptor._close()
        for selectable in list(self._selectables):
            selectable.cancel()
        for connector in list(self._active):
            if not connector.established:
                connector.cancel()
                self._active.discard(connector)
        for transport in list(self._channels):
            if transport.connection is not None:
                transport.connection.close()
        self.timers.after(grace, self.stop)

    def _check_idle(self) -> None:
        if self._thread is not None and not self._thread.ended or self._ident is not None:
            raise ProtonException("the container is running already")

    def _prepare_run(self, background: bool) -> None:
        self._background = background
        self._stopping = self._closing = self._finished = self._yielding = self._quiescent = False
        self._calls.reopen()

    def _launch(self, background: bool) -> IoThread:
        self._check_idle()
        self._prepare_run(background)
        # The loop has to be there before other threads can wake it.
        self.loop
        self._thread = thread = IoThread(f"syncproton-{self._name}", self._main)
        thread.start()
        return thread

    def _main(self) -> None:
        """Run the loop from its beginning to its end, on the thread that owns everything meanwhile."""
        with self._turns:
            self._ident = get_ident()
        lifetime.go_on(self)
        failure: Optional[BaseException] = None
        try:
            self._collector.put(self, Event.REACTOR_INIT)
            while self._turn(None):
                pass
            self._finish()
        except BaseException as error:
            failure = error
            if self._background:
                logger.exception("an exception out of a handler ended the container")
                if not _heard(logger):
                    traceback.print_exc()  # Nobody waits for this thread: who would learn of it?
            raise
        finally:
            self._teardown(failure)
            self._ident = None
            self.resting = True

    def abandon(self) -> None:
        """In the child of a fork: let go of what is the parent's, without a word on the wire."""
        for channel in self._channels.values():
            channel.abandon()
        for connector in self._active:
            connector.abandon()
        for acceptor in self._acceptors:
            acceptor.abandon()
        for selectable in self._selectables:
            selectable.abandon()
        if self._loop is not None:
            self._loop.close()
        # If it was a handler that forked, the loop goes on after it: there must be nothing left to do.
        self._events.clear()
        self._calls.forget()
        self._reset()
        self._thread = None
        self._ident = None
        self._turns = threading.RLock()  # A thread that is not here may hold the other one.
        self._calls.close(ProtonException("the container belongs to the parent process"))
        self._finished = self._stopping = True

    def _carry(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``function`` where it may be called: here if no loop runs or this is its thread, else over there."""
        if self.on_io_thread:
            return function(*args, **kwargs)
        if self._ident is None:
            with self._turns:
                if self._ident is None and (self._thread is None or self._thread.ended):
                    return function(*args, **kwargs)
        return self.submit(function, *args, **kwargs).result()

    def _check_thread(self) -> None:
        """Raise if the caller has no business with the connections of this container."""
        owner = self._ident
        if owner is not None and owner != get_ident():
            raise WrongThread("connections belong to their container's I/O thread: use container.submit()")

    def _has_descriptors(self) -> None:
        lifetime.remember(self)


def _heard(log: Optional[logging.Logger]) -> bool:
    """Whether the program sends what is logged anywhere."""
    while log is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in log.handlers):
            return True
        log = log.parent if log.propagate else None
    return False
