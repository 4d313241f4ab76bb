"""The reactor below the container: stepping it, its handlers, timers and events of the program's own."""

from __future__ import annotations

import socket
from typing import Any, List

import proton
from proton import Event, EventType, Handler
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector
from pumping import attempt
from scenario import AMQP, ATTACH_SENDER, BEGIN, CLOSE, GREET, OPEN, Differs, expect, frame, hello, say, scenario


class Named:
    """Writes down its events, but for those that come as each loop sees fit, by descriptors of its own."""

    def __init__(self, run: Any, name: str) -> None:
        self.run = run
        self.name = name

    def on_unhandled(self, method: str, event: Any) -> None:
        if method not in ("on_reactor_quiesced", "on_transport") and "selectable" not in method:
            self.run.note(self.name, method)


def quiet(*handlers: Any) -> Any:
    """A container that calls these."""
    return Container(*handlers)


@scenario()
def a_container_with_nothing_to_do(run: Any) -> None:
    container = quiet(Named(run, "handler"))
    container.global_handler.add(Named(run, "global"))
    container.run()


@scenario(differs=Differs(
    "``on_reactor_final`` comes when ``process()`` finds nothing left to do",
    proton=["handler on_reactor_final"], ours=["handler on_reactor_final"]))
def started_and_stepped(run: Any) -> None:
    container = quiet(Named(run, "handler"))
    container.timeout = 0.01
    container.start()
    steps = 0
    while container.process():
        steps += 1
        assert steps < 100
    run.note("stopping")
    container.stop()
    run.note(bool(container.process()))


@scenario()
def two_handlers_and_a_third(run: Any) -> None:
    container = quiet(Named(run, "first"), Named(run, "second"))
    container.handler.add(Named(run, "third"))
    run.note(len(container.handler.handlers))
    container.run()


@scenario()
def another_global_handler(run: Any) -> None:
    class Global(Handler):  # type: ignore[misc]
        def on_reactor_init(self, event: Any) -> None:
            run.note("global init", event.reactor is event.container)

    container = quiet(Named(run, "handler"))
    run.note(isinstance(container.global_handler, Handler) or container.global_handler is not None)
    container.global_handler = Global()
    container.run()


@scenario()
def events_are_pushed(run: Any) -> None:
    class Pushing:
        def on_start(self, event: Any) -> None:
            run.note("start")

        def on_reactor_init(self, event: Any) -> None:
            container = event.container
            container.push_event(container, EventType("of_mine"))
            container.push_event(self, EventType("of_mine"))
            container.push_event(self, EventType("of_mine"))

        def on_of_mine(self, event: Any) -> None:
            run.note("mine", event.context is self, event.container is not None)

        def on_reactor_final(self, event: Any) -> None:
            run.note("final")

    quiet(Pushing()).run()


@scenario()
def application_events_alone(run: Any) -> None:
    event = ApplicationEvent("one", subject=5)
    run.note(str(event.type), event.type.method, event.subject, event.connection, event.session, event.link,
             event.delivery, event.context is event)
    connection = proton.Connection()
    link = connection.session().sender("x")
    event = ApplicationEvent("two", link=link)
    run.note(event.link == link, event.session == link.session, event.connection == connection)
    event = ApplicationEvent("three", connection=connection)
    run.note(event.link, event.session, event.connection == connection)


@scenario()
def timers_in_their_order(run: Any) -> None:
    class Timed(MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            container = event.container
            for delay in (0.06, 0.02, 0.04):
                container.schedule(delay, Task(delay))
            task = container.schedule(0.03, Task("cancelled"))
            task.cancel()
            run.note(type(task).__name__)

    class Task:
        def __init__(self, name: Any) -> None:
            self.name = name

        def on_timer_task(self, event: Any) -> None:
            run.note("due", self.name, event.container is not None, event.connection, event.type == Event.TIMER_TASK)

    quiet(Timed()).run()


@scenario()
def a_timer_makes_another(run: Any) -> None:
    class Timed(MessagingHandler):  # type: ignore[misc]
        left = 3

        def on_start(self, event: Any) -> None:
            event.container.schedule(0, self)

        def on_timer_task(self, event: Any) -> None:
            run.note("left", self.left)
            self.left -= 1
            if self.left:
                event.container.schedule(0.001, self)

    quiet(Timed()).run()


@scenario()
def exceptions_leave_run(run: Any) -> None:
    class Bad:
        def on_reactor_init(self, event: Any) -> None:
            raise KeyError("mine")

    attempt(run, "run", quiet(Bad()).run, words=True)

    class Later(MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.schedule(0.001, self)

        def on_timer_task(self, event: Any) -> None:
            raise ValueError("later")

    attempt(run, "run", quiet(Later()).run, words=True)


@scenario()
def stopped_by_a_handler(run: Any) -> None:
    class Stopping(MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.schedule(30, self)
            event.container.schedule(0.001, Stop())

    class Stop:
        def on_timer_task(self, event: Any) -> None:
            run.note("stop")
            event.container.stop()

    quiet(Stopping(), Named(run, "handler")).run()


@scenario()
def an_injector_wakes_the_loop(run: Any) -> None:
    injector = EventInjector()

    class Injected(MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.selectable(injector)
            injector.trigger(ApplicationEvent("first", subject=1))
            injector.trigger(ApplicationEvent("second", subject=2))

        def on_first(self, event: Any) -> None:
            run.note("first", event.subject)

        def on_second(self, event: Any) -> None:
            run.note("second", event.subject)
            injector.close()

    quiet(Injected()).run()


@scenario()
def a_descriptor_of_the_programs_own(run: Any) -> None:
    near, far = socket.socketpair()
    far.sendall(b"x")

    class Reading:
        def fileno(self) -> int:
            return int(near.fileno())

        def close(self) -> None:
            run.note("close")

        def on_selectable_init(self, event: Any) -> None:
            run.note("init", type(event.context).__name__)
            event.context.reading = True
            container.update(event.context)

        def on_selectable_readable(self, event: Any) -> None:
            run.note("readable", near.recv(10))
            event.context.terminate()
            container.update(event.context)

        def on_selectable_final(self, event: Any) -> None:
            run.note("final")

    class Watching(MessagingHandler):  # type: ignore[misc]
        def on_reactor_init(self, event: Any) -> None:
            selectable = event.container.selectable(Reading())
            selectable._transport = None  # Proton looks for one.

    container = quiet(Watching())
    container.run()
    near.close()
    far.close()


TO_RECEIVER = [GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, ATTACH_SENDER)]
BYE = [*expect("Close"), *say(CLOSE)]


def taking(run: Any, answer: Any, **options: Any) -> None:
    """Receive a message and do something about it, then close."""
    class Taking(MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            connection = event.container.connect(run.url, reconnect=False)
            event.container.create_receiver(connection, "queue", name="link")

        def on_link_opened(self, event: Any) -> None:
            run.note("credit", event.receiver.credit)
            if not event.receiver.credit:
                event.receiver.flow(1)

        def on_message(self, event: Any) -> None:
            run.note(bytes(event.message.body), event.delivery.settled)
            answer(self, event)
            event.connection.close()

        def on_settled(self, event: Any) -> None:
            run.note("settled")

    container = quiet(Taking(**options))
    container.container_id = "client"
    container.run()


TAKE = [*TO_RECEIVER, *expect("Flow"), *say(hello())]


@scenario([[*TAKE, *expect("Disposition"), *BYE]])
def accepted_by_itself_without_prefetch(run: Any) -> None:
    taking(run, lambda handler, event: None, prefetch=0)


@scenario([[*TAKE, *expect("Disposition"), *BYE]])
def accepted_by_hand(run: Any) -> None:
    taking(run, lambda handler, event: handler.accept(event.delivery), prefetch=0, auto_accept=False)


@scenario([[*TAKE, *expect("Disposition"), *BYE]])
def released_by_hand(run: Any) -> None:
    taking(run, lambda handler, event: handler.release(event.delivery, delivered=False), prefetch=0, auto_accept=False)


@scenario([[*TAKE, *BYE]])
def left_alone(run: Any) -> None:
    taking(run, lambda handler, event: None, prefetch=0, auto_accept=False)


@scenario([[*TO_RECEIVER, *expect("Flow"), *say(hello(settled=True)), *BYE]])
def sent_settled(run: Any) -> None:
    taking(run, lambda handler, event: None, prefetch=0)


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, frame("Close")), *expect("Close")]])
def a_handler_of_a_connection_comes_first(run: Any) -> None:
    seen: List[str] = []

    class Own(MessagingHandler):  # type: ignore[misc]
        def on_connection_opened(self, event: Any) -> None:
            seen.append("own")

    class Root(MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.connect(run.url, reconnect=False, handler=Own())

        def on_connection_opened(self, event: Any) -> None:
            seen.append("root")

    container = quiet(Root())
    container.container_id = "client"
    container.run()
    run.note(seen)
