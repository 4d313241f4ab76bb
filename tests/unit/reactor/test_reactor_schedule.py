"""Tasks, and file descriptors of the application's own."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, List

import pytest

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

Run = Callable[[Container], None]


class Timed:
    def __init__(self, name: Any, log: List[Any]) -> None:
        self.name = name
        self.log = log

    def on_timer_task(self, event: Any) -> None:
        assert event.container.on_io_thread
        self.log.append(self.name)


def test_tasks_keep_the_container_running_and_come_in_order(run: Run) -> None:
    log: List[Any] = []
    container = Container()
    container.schedule(0.02, Timed("later", log))
    container.schedule(0, Timed("now", log))
    container.schedule(0.01, Timed("soon", log))
    run(container)
    assert log == ["now", "soon", "later"]


def test_task_without_a_handler_is_the_containers(run: Run) -> None:
    log: List[Any] = []
    container = Container(Timed("own", log))
    container.schedule(0, None)
    run(container)
    assert log == ["own"]


def test_recurring(run: Run) -> None:
    class Recurring(MessagingHandler):
        count = 0

        def on_start(self, event: Any) -> None:
            event.container.schedule(0.001, self)

        def on_timer_task(self, event: Any) -> None:
            self.count += 1
            if self.count < 20:
                event.container.schedule(0.001, self)

    recurring = Recurring()
    run(Container(recurring))
    assert recurring.count == 20


def test_cancel(run: Run) -> None:
    log: List[Any] = []
    container = Container()
    task = container.schedule(1000, Timed("never", log))
    container.schedule(0, Timed("now", log))
    task.cancel()
    task.cancel()
    run(container)
    assert log == ["now"]
    task.cancel()


def test_cancel_and_schedule_from_another_thread(background: Callable[..., Container]) -> None:
    container = background()
    log: List[Any] = []
    fired = threading.Event()

    class Last(Timed):
        def on_timer_task(self, event: Any) -> None:
            super().on_timer_task(event)
            fired.set()

    task = container.schedule(0.2, Timed("never", log))
    task.cancel()
    container.schedule(0.01, Last("fired", log))
    assert fired.wait(10) and log == ["fired"]


def test_twelve_thousand_tasks(run: Run) -> None:
    log: List[Any] = []
    container = Container()

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            tasks = [event.container.schedule(1000 + n, Timed(n, log)) for n in range(12000)]
            for task in tasks:
                task.cancel()
            for n in range(12000):
                event.container.schedule(0, Timed(n, log))

    container.handler.add(Program())
    run(container)
    assert log == list(range(12000))


def test_next_deadline_and_ticking_by_hand() -> None:
    log: List[Any] = []
    container = Container(Timed("due", log), io_thread=False)
    assert container.timer_deadline is None
    container.schedule(0, None)
    container.schedule(100, None).cancel()
    deadline = container.timer_deadline
    assert deadline is not None and abs(deadline - container.mark()) < 5
    container.timer_tick()
    assert container.timer_deadline is None and not container.quiesced
    container.stop_events()
    assert container.quiesced and log == []


@pytest.mark.parametrize("delay, error", [(-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError)])
def test_delays_that_cannot_be(delay: float, error: type) -> None:
    with pytest.raises(error, match="delay"):
        Container().schedule(delay, None)


@pytest.mark.parametrize("delay", ["1", None, True, [1]])
def test_delays_that_are_no_numbers(delay: Any) -> None:
    with pytest.raises(TypeError, match="delay"):
        Container().schedule(delay, None)


class Watching:
    """Reads from a socket in the loop."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.log: List[Any] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    def on_selectable_init(self, event: Any) -> None:
        self.log.append("init")
        event.context.reading = True
        event.context.writing = True
        event.context.update()

    def on_selectable_writable(self, event: Any) -> None:
        self.log.append("writable")
        event.context.writing = False
        event.container.update(event.context)

    def on_selectable_readable(self, event: Any) -> None:
        data = self.socket.recv(100)
        self.log.append(data)
        if not data:
            event.context.terminate()
            event.reactor.update(event.context)

    def on_selectable_final(self, event: Any) -> None:
        self.log.append("final")
        assert not event.context.is_registered and event.context.is_terminal


def test_selectable(run: Run) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watching = Watching(ours)
        container = Container()
        selectable = container.selectable(watching)
        assert selectable.fileno() == ours.fileno()
        theirs.send(b"hello")
        theirs.close()
        run(container)
    assert watching.log[0] == "init" and watching.log[-2:] == [b"", "final"]
    assert "writable" in watching.log and b"hello" in watching.log


def test_selectable_with_a_deadline(run: Run) -> None:
    class Impatient(Watching):
        def on_selectable_init(self, event: Any) -> None:
            event.context.reading = True
            event.context.expire_in(0.01)
            event.context.update()

        def on_selectable_expired(self, event: Any) -> None:
            self.log.append("expired")
            event.context.release()

    ours, theirs = socket.socketpair()
    with ours, theirs:
        impatient = Impatient(ours)
        container = Container()
        container.selectable(impatient)
        run(container)
    assert impatient.log == ["expired", "final"]


def test_delegate_has_the_descriptor(run: Run) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        log: List[Any] = []

        class Handler:
            def on_selectable_init(self, event: Any) -> None:
                log.append(event.context.fileno())
                event.context.release()

        container = Container()
        container.selectable(Handler(), ours)
        run(container)
        assert log == [ours.fileno()]
