"""Events of the application's own, and from other threads."""

from __future__ import annotations

import itertools
import signal
import threading
from typing import Any, Callable, Deque, Dict, List

import pytest

from syncproton.engine import Event, EventType
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


class Base:
    def __init__(self) -> None:
        self.log: List[str] = []


def test_dispatch_calls_the_handler_and_those_below_it() -> None:
    class Child(Base):
        def on_poke(self, event: Any) -> None:
            self.log.append(f"poke {event.subject}")

        def on_prod(self, event: Any) -> None:
            self.log.append(f"prod {event.subject}")

    class Parent(MessagingHandler):
        def on_unhandled(self, method: str, *args: Any) -> None:
            child.log.append(f"unhandled {method}")

    child, parent = Child(), Parent()
    parent.handlers = [child, object()]
    event = ApplicationEvent("poke", subject=1)
    event.dispatch(parent)
    event.dispatch(parent, EventType("prod"))
    event.dispatch(child, type=None)
    assert child.log == ["unhandled on_poke", "poke 1", "unhandled on_prod", "prod 1", "poke 1"]


def test_a_type_may_be_given_and_name_another_method() -> None:
    etype = EventType("named", method="on_another_name")
    event = ApplicationEvent(etype)
    assert event.type is etype and event.context is event
    called: List[Any] = []

    class Handler:
        def on_another_name(self, event: Any) -> None:
            called.append(event)

    event.dispatch(Handler())
    assert called == [event]


@pytest.mark.parametrize("name", [None, 5, b"poke", object()])
def test_names_that_are_none(name: Any) -> None:
    with pytest.raises(TypeError, match="typename"):
        ApplicationEvent(name)


@pytest.mark.parametrize("parameter", ["connection", "session", "link", "delivery"])
@pytest.mark.parametrize("garbage", ["text", 5, Container])
def test_associating_it_with_what_is_no_endpoint(parameter: str, garbage: Any) -> None:
    with pytest.raises(TypeError, match=parameter):
        ApplicationEvent("poke", **{parameter: garbage})


def test_names_made_by_many_threads_at_once_are_one_type() -> None:
    start = threading.Barrier(8)
    types: List[EventType] = []

    def make() -> None:
        start.wait()
        for number in range(200):
            types.append(ApplicationEvent(f"many_{number}").type)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(types) == 1600 and len(set(types)) == 200
    assert len({etype.number for etype in types}) == 200
    for etype in set(types):
        assert EventType.TYPES[etype.number] is etype is ApplicationEvent.TYPES[str(etype)]


def test_the_applications_types_take_no_number_of_the_reactors() -> None:
    own = ApplicationEvent("of_my_own").type
    assert own.number > Event.SELECTABLE_FINAL.number
    assert EventType.TYPES[Event.REACTOR_INIT.number] is Event.REACTOR_INIT


def test_injected_events_go_to_the_container_whatever_they_are_associated_with(run: Run) -> None:
    """As in proton 0.40, where neither link, session nor connection has its handler called."""
    seen: List[Any] = []

    class Named(MessagingHandler):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_poke(self, event: Any) -> None:
            seen.append((self.name, event.subject, event.connection, event.session, event.link, event.delivery))

    class Program(Named):
        def on_start(self, event: Any) -> None:
            self.acceptor = event.container.listen("127.0.0.1:0")
            self.connection = event.container.connect(f"127.0.0.1:{self.acceptor.port}", handler=Named("connection"))
            self.sender = event.container.create_sender(self.connection, "x", handler=Named("link"))
            self.sender.session.handler = Named("session")
            event.container.selectable(injector)
            self.delivery = self.sender.delivery("1")
            injector.trigger(ApplicationEvent("poke", subject="none"))
            injector.trigger(ApplicationEvent("poke", subject="connection", connection=self.connection))
            injector.trigger(ApplicationEvent("poke", subject="session", session=self.sender.session))
            injector.trigger(ApplicationEvent("poke", subject="link", link=self.sender))
            injector.trigger(ApplicationEvent("poke", subject="delivery", delivery=self.delivery))
            injector.trigger(ApplicationEvent("end"))
            injector.close()

        def on_end(self, event: Any) -> None:
            self.connection.close()
            self.acceptor.close()

    injector = EventInjector()
    program = Program("container")
    run(Container(program))
    connection, sender = program.connection, program.sender
    assert seen == [
        ("container", "none", None, None, None, None),
        ("container", "connection", connection, None, None, None),
        ("container", "session", connection, sender.session, None, None),
        ("container", "link", connection, sender.session, sender, None),
        ("container", "delivery", connection, sender.session, sender, program.delivery),
    ]


def test_the_global_handler_gets_them_too(run: Run) -> None:
    seen: List[Any] = []

    class Everything:
        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)

    injector = EventInjector()
    container = Container(global_handler=Everything())
    container.selectable(injector)
    injector.trigger(ApplicationEvent("poke", subject="hello"))
    injector.close()
    run(container)
    assert seen == ["hello"]


def test_pushed_event_goes_to_the_container_not_to_the_connection(run: Run) -> None:
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


def test_closed_injector_refuses(run: Run) -> None:
    injector = EventInjector()
    container = Container()
    container.selectable(injector)
    injector.close()
    injector.close()
    with pytest.raises(ProtonException, match="closed"):
        injector.trigger(ApplicationEvent("poke"))
    run(container)
    with pytest.raises(ProtonException, match="closed"):
        injector.trigger(ApplicationEvent("poke"))
    assert injector.fileno() == -1
    run(container)


def test_injector_of_an_ended_container_refuses(background: Callable[..., Container]) -> None:
    injector = EventInjector()
    container = background()
    container.selectable(injector)
    container.close()
    with pytest.raises(ProtonException, match="closed"):
        injector.trigger(ApplicationEvent("poke"))


@pytest.mark.parametrize("garbage", [None, "poke", 5, EventType("poke"), object()])
def test_triggering_what_is_no_event(run: Run, garbage: Any) -> None:
    seen: List[Any] = []

    class Program:
        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)

    injector = EventInjector()
    container = Container(Program())
    container.selectable(injector)
    with pytest.raises(TypeError, match="event"):
        injector.trigger(garbage)
    injector.trigger(ApplicationEvent("poke", subject="fine"))
    injector.close()
    run(container)
    assert seen == ["fine"]


def test_close_lets_the_queued_events_through_from_a_handler_too(run: Run) -> None:
    seen: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.selectable(injector)
            for number in range(5):
                injector.trigger(ApplicationEvent("poke", subject=number))
            injector.close()
            assert seen == []

        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)

    injector = EventInjector()
    run(Container(Program()))
    assert seen == [0, 1, 2, 3, 4]


def test_triggering_in_a_handler_and_in_that_of_the_event(run: Run) -> None:
    seen: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.selectable(injector)
            injector.trigger(ApplicationEvent("poke", subject=3))

        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)
            if event.subject:
                injector.trigger(ApplicationEvent("poke", subject=event.subject - 1))
            else:
                injector.close()

    injector = EventInjector()
    run(Container(Program()))
    assert seen == [3, 2, 1, 0]


def test_one_event_triggered_thrice_comes_thrice(run: Run) -> None:
    seen: List[Any] = []

    class Program:
        def on_poke(self, event: Any) -> None:
            seen.append(event)

    injector = EventInjector()
    event = ApplicationEvent("poke")
    for _ in range(3):
        injector.trigger(event)
    injector.close()
    container = Container(Program())
    container.selectable(injector)
    run(container)
    assert seen == [event] * 3


def test_an_event_of_the_engine_can_come_once_more(run: Run) -> None:
    seen: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect("127.0.0.1:1", reconnect=False, handler=self.Own())
            event.container.selectable(injector)

        class Own(MessagingHandler):
            def on_connection_local_open(self, event: Any) -> None:
                seen.append((event.type, event.connection, event.container))
                if len(seen) == 1:
                    injector.trigger(event)
                    injector.close()

            def on_transport_error(self, event: Any) -> None:
                pass

    injector = EventInjector()
    program = Program()
    container = Container(program)
    run(container)
    assert seen == [(Event.CONNECTION_LOCAL_OPEN, program.connection, container)] * 2


def test_one_injector_serves_two_handlers_and_two_injectors_one(run: Run) -> None:
    seen: List[Any] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def on_poke(self, event: Any) -> None:
            seen.append((self.name, event.subject))

    container = Container(Named("a"), Named("b"))
    injectors = [EventInjector(), EventInjector()]
    for number, injector in enumerate(injectors):
        container.selectable(injector)
        injector.trigger(ApplicationEvent("poke", subject=number))
        injector.close()
    run(container)
    assert sorted(seen) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_a_derived_injector_sees_the_wake_ups(run: Run) -> None:
    log: List[str] = []

    class Loud(EventInjector):
        def on_selectable_init(self, event: Any) -> None:
            assert not event.selectable.is_registered
            super().on_selectable_init(event)
            assert event.selectable.is_registered and event.selectable.fileno() == self.fileno() >= 0
            log.append("init")

        def on_selectable_readable(self, event: Any) -> None:
            super().on_selectable_readable(event)
            log.append("readable")

    class Program:
        def on_poke(self, event: Any) -> None:
            log.append("poke")
            injector.close()

    injector = Loud()
    injector.trigger(ApplicationEvent("poke"))
    container = Container(Program())
    container.selectable(injector)
    run(container)
    assert log == ["init", "readable", "poke", "readable"]


def test_a_signal_handler_that_triggers_right_after_the_append_leaves_nobody_asleep(run: Run) -> None:
    seen: List[Any] = []

    class Interrupted(Deque[Any]):
        def append(self, event: Any) -> None:
            super().append(event)
            if event.subject == "main":
                injector.trigger(ApplicationEvent("poke", subject="signal"))

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.selectable(injector)
            event.container.schedule(0.01, self)

        def on_timer_task(self, event: Any) -> None:
            injector.trigger(ApplicationEvent("poke", subject="main"))

        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)
            if len(seen) == 2:
                injector.close()

    injector = EventInjector()
    injector._events = Interrupted()
    run(Container(Program()))
    assert seen == ["main", "signal"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer signals")
def test_triggering_in_a_signal_handler_amid_a_trigger(run: Run) -> None:
    seen: List[Any] = []
    fired: List[int] = []

    class Program:
        def on_poke(self, event: Any) -> None:
            seen.append(event.subject)

    injector = EventInjector()
    container = Container(Program())
    container.selectable(injector)

    numbers = itertools.count()

    def on_signal(*_: Any) -> None:
        # Taken at one go: the next signal may come anywhere in here.
        number = next(numbers)
        fired.append(number)
        injector.trigger(ApplicationEvent("poke", subject=("signal", number)))

    previous = signal.signal(signal.SIGALRM, on_signal)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        count = 0
        while len(fired) < 20:
            injector.trigger(ApplicationEvent("poke", subject=("main", count)))
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    injector.close()
    run(container)
    # A signal may come while the one before it is handled, and is then first.
    assert sorted(number for origin, number in seen if origin == "signal") == list(range(len(fired)))
    assert [number for origin, number in seen if origin == "main"] == list(range(count))


def test_nothing_is_lost_and_each_thread_keeps_its_order(run: Run) -> None:
    threads, each = 8, 4000
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
