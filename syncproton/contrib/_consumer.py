"""A worker: takes messages from queues, calls the functions that are for them, and stops cleanly.

A :class:`Worker` has one connection, that comes back by itself, and for each consumer as many threads as it wants, each
with a receiver of its own.  A thread takes a message, calls the function, and tells the broker what became of it:

- the function returned: *accepted*, unless it settled the message by itself;
- the function raised: what ``on_error`` says, and the reason is logged.  After a message that will come back the thread
  pauses, longer each time in a row, lest one that can never be handled keeps the processor busy and fills the log.

To stop is to take no more: the threads finish what is in hand; what has arrived and nobody has begun goes back to its
queue when the receivers are closed; what is still in hand after ``stop_timeout`` is released, and goes back, too.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Dict, Iterable, List, Optional, Tuple

from ..errors import MessageException, ProtonException, Timeout
from ..sync import Connection, Deadline, ReceivedMessage, Receiver, connect
from ._registry import Consumer
from ._settings import Settings
from ._wakeup import Interrupted, StopSignals, Wakeup

__all__ = ["Worker"]

#: How often a thread without work looks whether it is to stop, in seconds.
LOOK = 0.25

#: How long to pause after a failure, and at most after many in a row, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0

#: How long the broker may take to answer a goodbye, in seconds.
CLOSE_TIMEOUT = 5.0


class Worker:
    """Handles the messages of some queues until it is stopped.

    :param settings: how to connect, and what the consumers leave open.
    :param consumers: the functions, and their queues.
    :param around: makes a context in which each message is handled: an application's, say.
    :param log: where to tell what goes wrong.
    """

    def __init__(self, settings: Settings, consumers: Iterable[Consumer],
                 around: Callable[[], ContextManager[Any]] = nullcontext,
                 log: logging.Logger = logging.getLogger("syncproton.contrib")) -> None:
        self.settings = settings
        self._log = log
        self.consumers = [consumer.completed(settings) for consumer in consumers]
        self._around = around
        self._wakeup = Wakeup()
        self._stopping = threading.Event()
        self._connecting = threading.Lock()  # held by the one thread that makes the connection
        self._connection: Optional[Connection] = None
        self._lock = threading.Lock()  # guards what follows, held for moments only
        self._running = 0
        self._in_hand: Dict[int, Tuple[Consumer, ReceivedMessage]] = {}
        self._failure: Optional[BaseException] = None

    def run(self, started: Callable[[], None] = lambda: None, stopping: Callable[[], None] = lambda: None) -> None:
        """Work until SIGTERM or SIGINT comes, or :meth:`stop` is called; then stop cleanly.  On the main thread.

        Another such signal meanwhile ends the wait for what is in hand.

        :param started: called once the broker has agreed to everything.
        :param stopping: called when it begins to stop.
        :raises ProtonException: as :meth:`start`.
        :raises BaseException: what a function raised to end the program, such as ``SystemExit``.
        """
        try:
            with StopSignals(self._wakeup) as signals:
                try:
                    signals.at_once = True
                    try:
                        slots = self._attached()
                    finally:
                        signals.at_once = False
                    started()
                    self._begin(slots)
                    while not (signals.count or self._stopping.is_set()):
                        self._wakeup.wait(None)
                except Interrupted:
                    pass
                enough = max(signals.count, 1)
                stopping()
                self._finish(lambda: signals.count > enough)
        finally:
            self._wakeup.close()

    def start(self) -> None:
        """Connect, attach the receivers, and begin.

        :raises ProtonException: if the broker is not there in time, or refuses.
        """
        try:
            self._begin(self._attached())
        except ProtonException:
            self._wakeup.close()
            raise

    def _attached(self) -> List[Tuple[Consumer, Receiver]]:
        """A receiver for each thread that there is to be."""
        try:
            connection = self._connected()
            return [(consumer, _attach(connection, consumer))
                    for consumer in self.consumers for _ in range(consumer.threads or 1)]
        except ProtonException:
            self._disconnect()
            raise

    def _begin(self, slots: List[Tuple[Consumer, Receiver]]) -> None:
        self._running = len(slots)
        for number, (consumer, receiver) in enumerate(slots):
            threading.Thread(target=self._serve, args=(consumer, receiver), daemon=True,
                             name=f"amqp-consumer-{number}-{consumer.address}").start()

    def stop(self) -> None:
        """Take no more messages.  Does not wait.  For any thread."""
        self._stopping.set()
        self._wakeup.wake()

    def finish(self, give_up: Callable[[], bool] = lambda: False) -> None:
        """Stop, wait for what is in hand, give back the rest, and disconnect.

        :param give_up: whether to wait no longer; asked when something happens.
        :raises BaseException: what a function raised to end the program, such as ``SystemExit``.
        """
        try:
            self._finish(give_up)
        finally:
            self._wakeup.close()

    def _finish(self, give_up: Callable[[], bool]) -> None:
        self._stopping.set()
        deadline = Deadline(self.settings.stop_timeout)
        while self._running and not deadline.passed and not give_up():
            self._wakeup.wait(deadline.remaining())
        with self._lock:
            left_over = list(self._in_hand.values())
        for consumer, message in left_over:
            self._log.warning("a message from %s was not done with in time: it goes back", consumer.address)
            self._tell(consumer, message.release)
        self._disconnect()
        if self._failure is not None:
            raise self._failure

    # --- the threads

    def _serve(self, consumer: Consumer, receiver: Receiver) -> None:
        """Handle messages until it is time to stop; attach anew where a link or the connection has ended."""
        losses = 0
        attached = time.monotonic()
        try:
            while not self._stopping.is_set():
                try:
                    if receiver.closed:
                        receiver = _attach(self._connected(), consumer)
                        attached = time.monotonic()
                        self._log.info("consuming from %s again", consumer.address)
                    self._take(consumer, receiver)
                except ProtonException as error:
                    if self._stopping.is_set():
                        break
                    self._log.warning("cannot consume from %s, will try again: %s", consumer.address, error)
                    # What lasts for moments only is not tried over and over without a pause.
                    losses = 1 if time.monotonic() - attached > LONGEST_PAUSE else losses + 1
                    self._pause(losses)
            # What has arrived, and no thread has begun, goes back with that.
            receiver.close(CLOSE_TIMEOUT)
        except ProtonException as error:
            self._log.debug("closing the receiver of %s: %s", consumer.address, error)
        except BaseException as error:
            self._failure = error
            self._stopping.set()
        finally:
            with self._lock:
                self._running -= 1
            self._wakeup.wake()

    def _take(self, consumer: Consumer, receiver: Receiver) -> None:
        """Handle messages of one receiver until it is time to stop.

        :raises ProtonException: if the link, or the connection, has ended.
        """
        failures = 0
        while not self._stopping.is_set():
            try:
                message = receiver.receive(LOOK)
            except Timeout:
                continue
            except MessageException as error:
                self._log.error("what came from %s is no message, and was rejected: %s", consumer.address, error)
                continue
            if self._handle(consumer, message):
                failures = 0
            elif consumer.on_error != "reject":
                failures += 1
                self._pause(failures)

    def _handle(self, consumer: Consumer, message: ReceivedMessage) -> bool:
        """Call the function, and tell the broker what became of the message; whether it went well."""
        thread = threading.get_ident()
        with self._lock:
            self._in_hand[thread] = consumer, message
        try:
            with self._around():
                consumer.function(message)
        except Exception:
            self._log.exception("handling a message from %s failed: %s it", consumer.address, consumer.on_error)
            self._tell(consumer, getattr(message, consumer.on_error or "release"))
            return False
        except BaseException:
            self._tell(consumer, message.release)
            raise
        else:
            self._tell(consumer, message.accept)
            return True
        finally:
            with self._lock:
                del self._in_hand[thread]

    def _pause(self, failures: int) -> None:
        self._stopping.wait(min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE))

    def _tell(self, consumer: Consumer, outcome: Callable[[], None]) -> None:
        """Say what became of a message; if there is nobody to tell any more, the broker delivers it again."""
        try:
            outcome()
        except ProtonException as error:
            self._log.warning("what became of a message from %s cannot be told, it will come again: %s",
                              consumer.address, error)

    # --- the connection

    def _connected(self) -> Connection:
        """The connection, made anew if it has ended for good."""
        with self._connecting:
            if self._connection is None or self._connection.closed:
                settings = self.settings
                self._connection = connect(settings.url, timeout=settings.timeout, reconnect=True, **settings.connect)
            return self._connection

    def _disconnect(self) -> None:
        connection = self._connection
        if connection is not None:
            try:
                connection.close(CLOSE_TIMEOUT)
            except ProtonException as error:
                self._log.debug("closing the connection: %s", error)


def _attach(connection: Connection, consumer: Consumer) -> Receiver:
    return connection.create_receiver(consumer.address, credit=consumer.credit or 0)
