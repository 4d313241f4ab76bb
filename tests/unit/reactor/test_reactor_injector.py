"""Events of the application's own, and from other threads."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List

import pytest

from syncproton.engine import EventType
from syncproton.errors import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, EventInjector

Run = Callable[[Container], None]


def test_event_reaches_the_containers_handlers(run: Run) -> None:
    seen: List[Any] = []

    class Child:
        def on_greeting(self, event: Any) -> None:
            seen.append(("child", event.subject))

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.push_event(ApplicationEvent("greeting", subject="hello"))

        def on_greeting(self, event: Any) -> None:
            assert event.container is event.reactor is container
            assert event.context is event and str(event.type) == "greeting" and event.type.method == "on_greeting"
            seen.append(("program", event.subject))

    program = Program()
    program.add(Child())
    container = Container(program)
    run(container)
    assert seen == [("program", "hello"), ("child", "hello")]


def test_associations_bring_those_above_them() -> None:
    container = Container()
    connection = container.connect("127.0.0.1:1")
    sender = container.create_sender(connection, "x")
    delivery = sender.delivery("1")
    of_delivery = ApplicationEvent("e", delivery=delivery)
    assert (of_delivery.link, of_delivery.session, of_delivery.connection) == (sender, sender.session, connection)
    of_session = ApplicationEvent("e", session=sender.session)
    assert (of_session.link, of_session.connection) == (None, connection)
    assert ApplicationEvent("e", connection=connection).connection is connection
    assert ApplicationEvent("e").connection is None
    assert "e(" in repr(of_delivery)


def test_one_type_a_name() -> None:
    assert ApplicationEvent("same").type is ApplicationEvent("same").type
    assert isinstance(ApplicationEvent.TYPES["same"], EventType)


def test_injected_event_goes_to_the_container_not_to_the_connection(run: Run) -> None:
    seen: List[str] = []

    class Named(MessagingHandler):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_poke(self, event: Any) -> None:
            seen.append(self.name)

        def on_transport_error(self, event: Any) -> None:
            pass

    class Program(Named):
        def on_start(self, event: Any) -> None:
            connection = event.container.connect("127.0.0.1:1", handler=Named("connection"), reconnect=False)
            event.container.push_event(ApplicationEvent("poke", connection=connection))

    run(Container(Program("container")))
    assert seen == ["container"]


def test_injector_keeps_the_container_running_until_closed(run: Run) -> None:
    seen: List[Any] = []
    injector = EventInjector()

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.selectable(injector)
            worker.start()

        def on_poke(self, event: Any) -> None:
            assert event.container.on_io_thread
            seen.append(event.subject)

    def work() -> None:
        for n in range(3):
            injector.trigger(ApplicationEvent("poke", subject=n))
        injector.close()

    worker = threading.Thread(target=work)
    run(Container(Program()))
    worker.join()
    assert seen == [0, 1, 2]


def test_what_is_triggered_before_the_container_runs_waits(run: Run) -> None:
    seen: List[Any] = []

    class Program:
        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)

    injector = EventInjector()
    injector.trigger(ApplicationEvent("poke", subject="early"))
    injector.close()
    container = Container(Program())
    container.selectable(injector)
    run(container)
    assert seen == ["early"]
    injector.close()


def test_closed_injector_refuses() -> None:
    injector = EventInjector()
    injector.close()
    with pytest.raises(ProtonException, match="closed"):
        injector.trigger(ApplicationEvent("poke"))
    injector.on_selectable_final(None)


def test_nothing_is_lost_and_each_thread_keeps_its_order(run: Run) -> None:
    threads, each = 8, 10000
    seen: Dict[int, List[int]] = {n: [] for n in range(threads)}

    class Program(MessagingHandler):
        def on_count(self, event: Any) -> None:
            thread, number = event.subject
            seen[thread].append(number)

    injector = EventInjector()
    container = Container(Program())
    container.selectable(injector)

    def trigger(thread: int) -> None:
        for number in range(each):
            injector.trigger(ApplicationEvent("count", subject=(thread, number)))

    workers = [threading.Thread(target=trigger, args=(n,)) for n in range(threads)]

    def finish() -> None:
        for worker in workers:
            worker.join()
        injector.close()

    closer = threading.Thread(target=finish)
    for thread in (*workers, closer):
        thread.start()
    run(container)
    closer.join()
    assert all(numbers == list(range(each)) for numbers in seen.values())


def test_exception_out_of_an_injected_event_comes_out_of_run(run: Run) -> None:
    class Program:
        def on_poke(self, event: Any) -> None:
            raise ZeroDivisionError

    injector = EventInjector()
    injector.trigger(ApplicationEvent("poke"))
    container = Container(Program())
    container.selectable(injector)
    with pytest.raises(ZeroDivisionError):
        run(container)


@pytest.mark.parametrize("arguments", [("text",), (object(),)])
def test_pushing_what_is_no_event(arguments: Any) -> None:
    with pytest.raises(TypeError, match="event"):
        Container().push_event(*arguments)


def test_pushing_an_event_of_a_type_about_something(run: Run) -> None:
    seen: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.push_event(self, EventType("poke"))

        def on_poke(self, event: Any) -> None:
            seen.append(event.context)

    program = Program()
    run(Container(program))
    assert seen == [program]
