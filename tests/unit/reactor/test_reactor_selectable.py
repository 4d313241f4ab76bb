"""File descriptors of the application's own in the container's loop."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import threading
from time import time
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from syncproton.errors import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, EventInjector

Run = Callable[[Container], None]
Pair = Tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


class Watching:
    """Reads from a socket in the loop until the end of the stream, and writes down what it is told."""

    def __init__(self, sock: Any) -> None:
        self.socket = sock
        self.log: List[Any] = []

    def fileno(self) -> int:
        return int(self.socket.fileno())

    def on_selectable_init(self, event: Any) -> None:
        self.log.append("init")
        event.selectable.reading = True
        event.selectable.update()

    def on_selectable_updated(self, event: Any) -> None:
        self.log.append("updated")

    def on_selectable_readable(self, event: Any) -> None:
        data = self.socket.recv(100)
        self.log.append(data)
        if not data:
            event.selectable.terminate()
            event.selectable.update()

    def on_selectable_final(self, event: Any) -> None:
        self.log.append("final")
        assert not event.selectable.is_registered and event.selectable.is_terminal


def test_events_come_in_the_order_they_have_in_proton(run: Run, pair: Pair) -> None:
    class Writing(Watching):
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.writing = True
            super().on_selectable_init(event)

        def on_selectable_writable(self, event: Any) -> None:
            self.log.append("writable")
            event.selectable.writing = False
            event.container.update(event.selectable)

    ours, theirs = pair
    watching = Writing(ours)
    container = Container()
    selectable = container.selectable(watching)
    assert selectable.fileno() == ours.fileno() and selectable.handler is watching
    assert selectable.container is container and not selectable.is_registered
    theirs.send(b"hello")
    theirs.close()
    run(container)
    assert watching.log == ["init", "updated", b"hello", "writable", "updated", b"", "final"]


def test_the_event_has_the_selectable_and_the_container(run: Run, pair: Pair) -> None:
    seen: List[Any] = []

    class Looking(Watching):
        def on_selectable_init(self, event: Any) -> None:
            seen.extend([event.selectable, event.context, event.container, event.reactor, event.handler, event.task])
            seen.extend([event.connection, event.link, event.session, event.delivery, event.transport])
            event.selectable.cancel()

    looking = Looking(pair[0])
    looking.connection = looking.link = looking.transport = looking  # type: ignore[attr-defined]
    container = Container()
    selectable = container.selectable(looking)
    run(container)
    assert seen == [selectable, selectable, container, container, looking, None] + [None] * 5


def test_the_containers_handlers_hear_of_one_without_a_handler(run: Run, pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    watching = Watching(ours)
    container = Container(watching)
    assert container.selectable(None, ours).handler is None
    run(container)
    assert watching.log == ["init", "updated", b"", "final"]


def test_a_delegate_has_the_descriptor_and_what_else_is_asked(run: Run, pair: Pair) -> None:
    ours, theirs = pair
    seen: List[Any] = []

    class Handler(MessagingHandler):
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.reading = True
            event.selectable.update()

        def on_selectable_readable(self, event: Any) -> None:
            assert event.selectable.fileno() == ours.fileno()
            seen.append(event.selectable.recv(100))
            with pytest.raises(AttributeError, match="'nonsense'"):
                event.selectable.nonsense
            event.selectable.cancel()

    container = Container()
    container.selectable(Handler(), ours)
    theirs.send(b"hello")
    run(container)
    assert seen == [b"hello"]


@pytest.mark.parametrize("released", [False, True])
def test_the_delegate_is_closed_in_the_end_unless_it_was_released(run: Run, pair: Pair, released: bool) -> None:
    ours, theirs = pair
    theirs.close()
    watching = Watching(ours)
    container = Container()
    selectable = container.selectable(watching, ours)
    if released:
        selectable.release()
    run(container)
    assert watching.log[-1] == "final" and (ours.fileno() >= 0) is released


def test_a_deadline_passes_once(run: Run, pair: Pair) -> None:
    class Impatient(Watching):
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.reading = True
            event.selectable.expire_in(0.01)
            assert 0 < event.selectable.deadline - time() < 1
            event.selectable.update()

        def on_selectable_expired(self, event: Any) -> None:
            self.log.append("expired")
            event.container.schedule(0.03, self)

        def on_timer_task(self, event: Any) -> None:
            selectable.cancel()

    impatient = Impatient(pair[0])
    container = Container()
    selectable = container.selectable(impatient)
    run(container)
    assert impatient.log == ["updated", "expired", "final"]


def test_a_deadline_is_counted_as_the_containers_time_is(run: Run) -> None:
    log: List[str] = []

    class Clock:
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.deadline = event.container.mark() + 0.01
            event.selectable.update()

        def on_selectable_expired(self, event: Any) -> None:
            log.append("expired")
            event.selectable.deadline = None
            event.selectable.cancel()

    container = Container()
    assert container.selectable(Clock()).fileno() == -1
    run(container)
    assert log == ["expired"]


def test_a_deadline_put_off_does_not_pass(run: Run, pair: Pair) -> None:
    class Patient(Watching):
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.expire_in(0.02)
            event.selectable.update()
            event.selectable.deadline = 0
            assert event.selectable.deadline is None
            event.selectable.update()
            event.container.schedule(0.04, self)

        def on_timer_task(self, event: Any) -> None:
            selectable.cancel()

        def on_selectable_expired(self, event: Any) -> None:
            self.log.append("expired")

    patient = Patient(pair[0])
    container = Container()
    selectable = container.selectable(patient)
    run(container)
    assert "expired" not in patient.log and patient.log[-1] == "final"


@pytest.mark.parametrize("seconds, error", [
    (-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), ("1", TypeError), (True, TypeError),
])
def test_moments_that_cannot_be(seconds: Any, error: type) -> None:
    selectable = Container().selectable(object())
    with pytest.raises(error, match="deadline"):
        selectable.deadline = seconds
    with pytest.raises(error, match="delay"):
        selectable.expire_in(seconds)
    assert selectable.deadline is None


@pytest.mark.parametrize("delegate", [object(), "text", 5])
def test_a_delegate_without_a_descriptor_is_refused(delegate: Any) -> None:
    with pytest.raises(TypeError, match="fileno"):
        Container().selectable(object(), delegate)


class Failing(Watching):
    def on_selectable_error(self, event: Any) -> None:
        self.log.append(event.selectable.error)


@pytest.mark.parametrize("reading, writing", [(True, False), (False, True)])
def test_a_closed_descriptor_is_an_error_and_ends_it(
    run: Run, pair: Pair, caplog: pytest.LogCaptureFixture, reading: bool, writing: bool
) -> None:
    class Asking(Failing):
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.reading, event.selectable.writing = reading, writing
            event.selectable.update()

    pair[0].close()
    failing = Asking(pair[0])
    container = Container()
    container.selectable(failing)
    with caplog.at_level(logging.ERROR, "syncproton.reactor"):
        run(container)
    error, final = failing.log
    assert isinstance(error, ValueError) and final == "final"
    assert "cannot be watched" in caplog.text


def test_what_cannot_be_waited_for_is_an_error(run: Run) -> None:
    with tempfile.TemporaryFile() as file:
        failing = Failing(file)
        container = Container()
        container.selectable(failing)

        class Ending:
            def on_timer_task(self, event: Any) -> None:
                event.container.stop()

        container.schedule(0.05, Ending())
        failing.on_selectable_readable = lambda event: event.selectable.cancel()  # type: ignore[method-assign]
        run(container)
    # Where the system can wait for files they are always ready.
    assert failing.log[0] == "init" and failing.log[-1] == "final"
    assert isinstance(failing.log[1], OSError) or failing.log[1] == "updated"


def test_a_handler_can_mend_an_error(run: Run, pair: Pair) -> None:
    class Mending(Watching):
        def on_selectable_error(self, event: Any) -> None:
            self.log.append("error")
            self.socket = pair[0]
            event.selectable.update()

    pair[1].close()
    gone = socket.socket()
    gone.close()
    mending = Mending(gone)
    container = Container()
    container.selectable(mending)
    run(container)
    assert mending.log == ["init", "error", "updated", b"", "final"]


def test_closing_it_in_a_callback_and_saying_nothing_is_an_error(run: Run, pair: Pair) -> None:
    class Closing(Failing):
        def on_selectable_readable(self, event: Any) -> None:
            self.socket.close()

    closing = Closing(pair[0])
    pair[1].send(b"x")
    container = Container()
    container.selectable(closing)
    run(container)
    assert closing.log[:2] == ["init", "updated"] and closing.log[3:] == ["final"]
    assert "closed" in str(closing.log[2])


def test_a_connection_that_gets_the_number_of_a_closed_descriptor_works(run: Run) -> None:
    log: List[str] = []

    class Careless(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.mine, self.other = socket.socketpair()
            self.acceptor = event.container.listen("127.0.0.1:0")
            event.container.selectable(self)

        def fileno(self) -> int:
            return self.mine.fileno()

        def on_selectable_init(self, event: Any) -> None:
            event.selectable.reading = True
            event.selectable.update()
            number = self.mine.fileno()
            self.mine.close()
            # The next socket made gets that number, and the loop knows it as another's.
            event.container.connect(f"127.0.0.1:{self.acceptor.port}", handler=Client(number))

        def on_selectable_error(self, event: Any) -> None:
            log.append("error")

        def on_connection_closing(self, event: Any) -> None:
            self.other.close()
            self.acceptor.close()

    class Client(MessagingHandler):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def on_connection_opened(self, event: Any) -> None:
            numbers = [channel._fd for channel in event.container._channels.values()]
            assert self.number in numbers
            log.append("opened")
            event.connection.close()

    run(Container(Careless()))
    assert sorted(log) == ["error", "opened"]


def test_one_descriptor_may_be_watched_twice(run: Run, pair: Pair) -> None:
    ours, theirs = pair
    log: List[str] = []

    class Reader(Watching):
        def on_selectable_readable(self, event: Any) -> None:
            log.append("readable")
            event.selectable.release()
            event.selectable.cancel()

    class Writer(Watching):
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.writing = True
            event.selectable.update()

        def on_selectable_writable(self, event: Any) -> None:
            log.append("writable")
            event.selectable.release()
            event.selectable.cancel()
            theirs.send(b"now")

    container = Container()
    container.selectable(Reader(ours), ours)
    container.selectable(Writer(ours), ours)
    run(container)
    assert log == ["writable", "readable"] and ours.fileno() >= 0


def test_update_and_cancel_from_another_thread(background: Callable[..., Container], pair: Pair) -> None:
    ours, theirs = pair
    steps = {name: threading.Event() for name in ("init", "readable", "final")}

    class Silent:
        def on_selectable_init(self, event: Any) -> None:
            steps["init"].set()

        def on_selectable_readable(self, event: Any) -> None:
            assert event.container.on_io_thread
            ours.recv(100)
            steps["readable"].set()

        def on_selectable_final(self, event: Any) -> None:
            steps["final"].set()

    theirs.send(b"hello")
    selectable = background().selectable(Silent(), ours)
    assert steps["init"].wait(10) and not selectable.is_registered
    selectable.reading = True
    selectable.update()
    assert selectable.is_registered and steps["readable"].wait(10)
    selectable.cancel()
    assert steps["final"].wait(10) and not selectable.is_registered
    selectable.update()


def test_it_keeps_the_container_running_until_it_ends(run: Run) -> None:
    class Idle:
        def on_timer_task(self, event: Any) -> None:
            selectable.cancel()

    container = Container()
    selectable = container.selectable(Idle())
    container.schedule(0.01, Idle())
    run(container)
    assert selectable.is_terminal


def test_a_pipe(run: Run) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as file:
        seen: List[bytes] = []

        class Handler:
            def on_selectable_init(self, event: Any) -> None:
                event.selectable.reading = True
                event.selectable.update()
                os.write(writer, b"through the pipe")
                os.close(writer)

            def on_selectable_readable(self, event: Any) -> None:
                seen.append(file.read(100))
                if not seen[-1]:
                    event.selectable.cancel()

        container = Container()
        container.selectable(Handler(), file)
        run(container)
    assert seen == [b"through the pipe", b""]


def test_what_is_pushed_by_hand_comes(run: Run) -> None:
    log: List[str] = []

    class Handler:
        def on_selectable_init(self, event: Any) -> None:
            event.selectable.readable()
            event.selectable.writable()
            event.selectable.expired()

        def on_unhandled(self, name: str, event: Any) -> None:
            log.append(name)
            if name == "on_selectable_expired":
                event.selectable.cancel()

    container = Container()
    container.selectable(Handler())
    run(container)
    assert log == [f"on_selectable_{word}" for word in ("readable", "writable", "expired", "final")]


def test_the_handler_can_be_changed(run: Run, pair: Pair) -> None:
    pair[1].close()
    watching = Watching(pair[0])
    container = Container()
    container.selectable(None, pair[0]).handler = watching
    run(container)
    assert watching.log == ["init", "updated", b"", "final"]


def test_an_injector_let_go_of_is_refused(run: Run) -> None:
    injector = EventInjector()
    injector.close()
    container = Container()
    container.selectable(injector)
    run(container)
    with pytest.raises(ProtonException, match="closed"):
        container.selectable(injector)
