"""Tasks: what schedule() makes."""

from __future__ import annotations

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


IMPOSSIBLE = [(-1, ValueError), (-1e-9, ValueError), (float("nan"), ValueError), (float("inf"), ValueError),
              (10 ** 400, ValueError), ("1", TypeError), (None, TypeError), (True, TypeError), ([1], TypeError)]


@pytest.mark.parametrize("delay, error", IMPOSSIBLE)
def test_delays_that_cannot_be(run: Run, delay: Any, error: type) -> None:
    log: List[Any] = []
    container = Container()
    with pytest.raises(error, match="delay"):
        container.schedule(delay, Timed("never", log))
    container.schedule(0, Timed("fine", log))
    run(container)
    assert log == ["fine"]


def test_delays_that_cannot_be_from_another_thread(background: Callable[..., Container]) -> None:
    container = background()
    for delay, error in IMPOSSIBLE:
        with pytest.raises(error, match="delay"):
            container.schedule(delay, None)
    assert container.submit(lambda: 1).result(10) == 1


def test_a_delay_longer_than_any_wait(run: Run) -> None:
    log: List[Any] = []
    container = Container()
    never = container.schedule(1e300, Timed("never", log))

    class Cancelling(Timed):
        def on_timer_task(self, event: Any) -> None:
            super().on_timer_task(event)
            never.cancel()

    container.schedule(0.02, Cancelling("soon", log))
    run(container)
    assert log == ["soon"]


def test_the_event_has_the_task_and_the_task_its_handler(run: Run) -> None:
    seen: List[Any] = []

    class Program:
        def on_timer_task(self, event: Any) -> None:
            seen.extend([event.task, event.context, event.handler, event.container, event.selectable])

    program = Program()
    container = Container()
    task = container.schedule(0, program)
    assert task.handler is program and task.container is container
    run(container)
    assert seen == [task, task, program, container, None]


def test_a_cancelled_task_does_not_keep_the_container_running(run: Run) -> None:
    container = Container()
    container.schedule(1000, None).cancel()
    run(container)


def test_tasks_scheduled_by_many_threads_all_come(background: Callable[..., Container]) -> None:
    container = background()
    log: List[Any] = []
    all_in = threading.Event()

    class Counting(Timed):
        def on_timer_task(self, event: Any) -> None:
            super().on_timer_task(event)
            if len(log) == 8 * 50:
                all_in.set()

    def schedule(number: int) -> None:
        for n in range(50):
            container.schedule(0.001 * (n % 3), Counting((number, n), log))

    threads = [threading.Thread(target=schedule, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all_in.wait(10)
    assert sorted(log) == [(number, n) for number in range(8) for n in range(50)]
