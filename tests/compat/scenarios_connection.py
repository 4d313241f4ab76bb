"""Connections: opened and closed by either side, ended at each stage, and what handlers are told of it."""

from __future__ import annotations

from typing import Any, Callable, List

import proton
from scenario import (
    AMQP, ATTACH_SENDER, BEGIN, CLOSE, FIN, GREET, OPEN, RESET, Differs, credited, error, expect, frame, hello,
    parted, say, scenario,
)


def connect(run: Any, **options: Any) -> Callable[[Any], Any]:
    """A callback that connects, once."""
    return lambda event: event.container.connect(run.url, **{"reconnect": False, **options})


def close(event: Any) -> None:
    event.connection.close()


def closer(run: Any) -> Any:
    """The handler of a timer that closes the connection."""
    return run.handler({"on_timer_task": lambda event: run.connection.close()}, mark="timer")


def receive(run: Any, **options: Any) -> Callable[[Any], Any]:
    """A callback that connects and makes a receiver."""
    def act(event: Any) -> None:
        connection = event.container.connect(run.url, **{"reconnect": False, **options})
        event.container.create_receiver(connection, "queue", name="link")
    return act


FRAMING = "amqp:connection:framing-error"
FORCED = "(amqp:connection:forced, shutting down, None)"
GIVEN_UP = "A connection that is closed before its socket is connected is given up at once"


def told(condition: str, states: str, *lines: str) -> List[str]:
    """Lines of a trace, with a condition of the transport."""
    shown = f", transport ({condition})" if condition else ""
    return [f"{line} connection {states}{shown}" for line in lines]


#: What is told when a stream ends with an error: by proton if it is an error of the socket, and by syncproton.
ENDING = (
    "event on_transport_tail_closed", "callback on_transport_error", "event on_transport_head_closed",
    "callback on_transport_closed",
)
LOSING = ENDING + ("callback on_disconnected",) * 2

OPENED = [GREET, *expect("Open"), *say(AMQP, OPEN)]
ATTACHED = [GREET, *expect("Open", "Begin", "Attach", "Flow"), *say(AMQP, OPEN, BEGIN, ATTACH_SENDER)]


# --- the usual course

@scenario([[*OPENED, *expect("Close"), *say(CLOSE)]])
def opened_and_closed(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=close)


@scenario([[*OPENED, *expect("Close"), *say(frame("Close", error=error("app:good-bye", "and thanks")))]])
def the_answer_to_close_has_an_error(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=close)


@scenario([[*OPENED, *expect("Close"), FIN]], differs=parted("CA"))
def the_answer_to_close_is_the_end_of_the_stream(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=close)


@scenario([], differs=Differs(
    GIVEN_UP,
    proton=["event on_connection_bound connection CU", *told("io", "CU", *ENDING)],
    ours=told(FRAMING, "CU", "event on_connection_bound", *ENDING)))
def closed_before_it_was_made(run: Any) -> None:
    def start(event: Any) -> None:
        connect(run)(event).close()
    run.client(on_start=start)


@scenario([[*OPENED, *expect("Close"), *say(CLOSE)]], differs=Differs(
    GIVEN_UP,
    proton=[
        "event on_connection_remote_open connection CA", "global on_connection_remote_open",
        "event on_transport_head_closed connection CA", "event on_connection_remote_close connection CC",
        "callback on_connection_closed connection CC", "global on_connection_remote_close",
        "event on_transport_tail_closed connection CC", "callback on_transport_closed connection CC",
        "event on_connection_unbound connection CC", "global on_transport_tail_closed", "peer 1: connection 1",
        "peer 1: < 0 Open(container_id='client', hostname='127.0.0.1', max_frame_size=32768, channel_max=32767)",
        "peer 1: < 0 Close()", f"peer 1: > {AMQP!r}", "peer 1: > Open", "peer 1: > Close", "peer 1: < end of stream"],
    ours=[
        *told(FRAMING, "CU", *ENDING), "event on_connection_unbound connection CU", "global on_transport_error",
        "global on_transport_tail_closed"]))
def closed_while_it_is_being_made(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_bound=close)


@scenario([[*OPENED, *expect("Close"), *say(CLOSE)]])
def a_handler_of_the_connection_gets_its_events(run: Any) -> None:
    def start(event: Any) -> None:
        own = run.handler({"on_connection_opened": close}, mark="own")
        event.container.connect(run.url, reconnect=False, handler=own)
    run.client(on_start=start)


@scenario([[*OPENED, *expect("Close"), *say(CLOSE)]])
def a_handler_of_low_level_events_only(run: Any) -> None:
    class Low:
        def on_reactor_init(self, event: Any) -> None:
            event.container.connect(run.url, reconnect=False)

        def on_connection_remote_open(self, event: Any) -> None:
            run.note("remote open of", event.connection.remote_container)
            event.connection.close()

        def on_unhandled(self, name: str, event: Any) -> None:
            if name != "on_transport" and "selectable" not in name and "quiesced" not in name:
                run.note("unhandled", name)

    run.run(Low())


@scenario([[*OPENED, *expect("Close"), *say(CLOSE)]])
def a_handler_without_any_callback(run: Any) -> None:
    class Closer:
        def on_connection_opened(self, event: Any) -> None:
            raise AssertionError("nobody calls this: it is no MessagingHandler")

        def on_connection_remote_open(self, event: Any) -> None:
            event.connection.close()

    class Nothing(proton.handlers.MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.connect(run.url, reconnect=False, handler=Closer())

    run.run(Nothing())


@scenario([[*OPENED, *expect("Close"), *say(CLOSE)]])
def what_is_offered_and_asked_for(run: Any) -> None:
    def start(event: Any) -> None:
        event.container.connect(
            run.url, reconnect=False, virtual_host="vhost", offered_capabilities=proton.symbol("a"),
            desired_capabilities=[proton.symbol("b"), proton.symbol("c")], properties={proton.symbol("k"): "v"},
            max_frame_size=4096, heartbeat=60)
    run.client(on_start=start, on_connection_opened=close)


@scenario([[GREET, *expect("Open"), *say(AMQP, frame(
    "Open", container_id="peer", hostname="far", max_frame_size=1000, channel_max=3, idle_time_out=100000,
    offered_capabilities=["x", "y"], desired_capabilities=["z"], properties={"product": "script"},
)), *expect("Close"), *say(CLOSE)]])
def what_the_peer_offers_and_asks_for(run: Any) -> None:
    def opened(event: Any) -> None:
        connection, transport = event.connection, event.transport
        run.note(connection.remote_container, connection.remote_hostname)
        run.note(connection.remote_offered_capabilities, connection.remote_desired_capabilities)
        run.note(connection.remote_properties)
        run.note(transport.remote_max_frame_size, transport.remote_channel_max, transport.remote_idle_timeout)
        run.note(transport.max_frame_size, transport.channel_max, transport.user, transport.authenticated)
        close(event)
    run.client(on_start=connect(run), on_connection_opened=opened)


@scenario([[*OPENED, *expect("Begin", "Begin", "Attach", "Attach", "Close"), *say(CLOSE)]])
def closed_with_links_open(run: Any) -> None:
    def start(event: Any) -> None:
        connection = connect(run)(event)
        event.container.create_sender(connection, "one", name="one")
        session = connection.session()
        session.open()
        event.container.create_sender(session, "two", name="two")

    def opened(event: Any) -> None:
        event.container.schedule(0.1, closer(run))
        run.connection = event.connection
    run.client(on_start=start, on_connection_opened=opened)


# --- the peer closes

@scenario([[*OPENED, *expect("Begin"), *say(CLOSE), *expect("Close")]])
def peer_closes(run: Any) -> None:
    run.client(on_start=connect(run), on_connection_opened=lambda event: event.connection.session().open())


@scenario([[*OPENED, *say(CLOSE), *expect("Close")]])
def peer_closes_which_is_an_error(run: Any) -> None:
    run.client({"peer_close_is_error": True}, on_start=connect(run))


OUT_OF_LUCK = frame("Close", error=error("amqp:internal-error", "out of luck", code=7))


@scenario([[*OPENED, *say(OUT_OF_LUCK), *expect("Close")]])
def peer_closes_with_an_error(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, frame("Close", error=error("amqp:not-allowed", "no"))),
            *expect("Close")]])
def peer_opens_and_closes_in_one_breath(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[GREET, *expect("Open", "Begin", "Attach", "Flow"),
            *say(AMQP, OPEN, frame("Close", error=error("amqp:unauthorized-access", "no"))), *expect("Close")]])
def peer_closes_before_a_session_began(run: Any) -> None:
    run.client(on_start=receive(run))


@scenario([[*ATTACHED, *say(frame("Close", error=error("amqp:internal-error", "boom"))), *expect("Close")]])
def peer_closes_with_a_link_open(run: Any) -> None:
    run.client(on_start=receive(run))


SHUT_DOWN = frame("Close", error=error("amqp:connection:forced", "shutting down"))


@scenario([[*OPENED, *say(SHUT_DOWN), FIN]], differs=Differs(
    "After the peer closed with ``amqp:connection:forced`` the socket is let go of",
    proton=[
        f"event on_connection_local_close connection CC {FORCED}",
        f"callback on_connection_closed connection CC {FORCED}",
        f"event on_transport_head_closed connection CC {FORCED}", "global on_transport_head_closed",
        f"callback on_transport_closed connection CC {FORCED}", "global on_transport_closed",
        "event on_connection_unbound connection CC", "global on_connection_unbound", "peer 1: < 0 Close()"],
    ours=[
        f"event on_transport_head_closed connection AC {FORCED}", "global on_transport_head_closed",
        f"callback on_transport_closed connection AC {FORCED}", f"callback on_disconnected connection AC {FORCED}",
        "global on_transport_closed", "event on_connection_unbound connection AC", "global on_connection_unbound",
        "event on_connection_local_close connection CC", "callback on_connection_closed connection CC"]))
def peer_closes_by_force(run: Any) -> None:
    def start(event: Any) -> None:
        run.connection = connect(run)(event)
        # Proton waits for ever.
        event.container.schedule(0.3, closer(run))
    run.client(on_start=start)


@scenario([[*OPENED, *expect("Begin"), *say(CLOSE), *expect("Close")]])
def a_handler_of_low_level_events_sees_the_peer_close(run: Any) -> None:
    class Low:
        def on_reactor_init(self, event: Any) -> None:
            connection = event.container.connect(run.url, reconnect=False)
            connection.session().open()

        def on_connection_remote_close(self, event: Any) -> None:
            event.connection.close()

        def on_unhandled(self, name: str, event: Any) -> None:
            if name != "on_transport" and "selectable" not in name and "quiesced" not in name:
                run.note("unhandled", name)

    run.run(Low())


# --- the stream ends

@scenario([[*expect("header"), FIN]], differs=parted("AU"))
def ended_before_the_header(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[*expect("header"), *say(b"AMQP\x03\x01\x00\x00"), FIN]], differs=parted("AU"))
def ended_within_the_login(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[GREET, FIN]], differs=parted("AU"))
def ended_after_the_login(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[GREET, *expect("Open"), *say(AMQP), FIN]], differs=parted("AU"))
def ended_before_open(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[*OPENED, FIN]], differs=parted("AA"))
def ended_after_open(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[GREET, *expect("Open", "Begin", "Attach", "Flow"), *say(AMQP, OPEN, BEGIN), FIN]], differs=parted("AA"))
def ended_after_begin(run: Any) -> None:
    run.client(on_start=receive(run))


@scenario([[*ATTACHED, FIN]], differs=parted("AA"))
def ended_after_attach(run: Any) -> None:
    run.client(on_start=receive(run))


@scenario([[*ATTACHED, *say(b"\x00\x00\x00\x20\x02\x00\x00\x00\x00\x53"), FIN]], differs=Differs(
    "A stream that ends within a frame is a transport error, too",
    proton=told("", "AA", *(line for line in LOSING if line != "callback on_transport_error")),
    ours=[*told(FRAMING, "AA", *LOSING), "global on_transport_error"]))
def ended_within_a_frame(run: Any) -> None:
    run.client(on_start=receive(run))


@scenario([[*ATTACHED, *say(hello(more=True)), FIN]], differs=parted("AA"))
def ended_within_a_message(run: Any) -> None:
    run.client(on_start=receive(run))


@scenario([[*ATTACHED, *say(hello()), *expect("Disposition"), FIN]], differs=[parted("AA"), credited(1)])
def ended_after_a_message(run: Any) -> None:
    run.client(on_start=receive(run))


@scenario([[*OPENED, RESET]], differs=Differs(
    "where the socket failed while it was used, ``amqp:connection:framing-error``",
    proton=told(FRAMING, "AA", *LOSING), ours=told("io", "AA", *LOSING)))
def reset_after_open(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[*OPENED, *say(frame("Close", error=error("amqp:internal-error", "boom"))), FIN]])
def closed_with_an_error_and_ended(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[*expect("header"), *say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), FIN]])
def the_peer_speaks_something_else(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, b"\x00\x00\x00\x07\x02\x00\x00\x00"), *expect("Close"), FIN]])
def a_frame_that_is_none(run: Any) -> None:
    run.client(on_start=connect(run))


# --- no connection at all

@scenario([])
def refused(run: Any) -> None:
    run.client(on_start=connect(run))


@scenario([], differs=Differs("the transport's condition is ``proton:io``, where proton has ``proton.pythonio``",
                              proton=["proton.pythonio"], ours=["proton:io"]))
def refused_and_what_it_is_called(run: Any) -> None:
    class Plain(proton.handlers.MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            event.container.connect(run.url, reconnect=False)

        def on_transport_error(self, event: Any) -> None:
            run.note(event.transport.condition.name)

    run.run(Plain())


@scenario([])
def refused_with_links_wanted(run: Any) -> None:
    run.client(on_start=receive(run))
