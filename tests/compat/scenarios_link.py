"""Links and sessions: opened, refused, detached and ended by either side, with and without a reason."""

from __future__ import annotations

from typing import Any, Callable

import proton
from scenario import (
    AMQP, ATTACH_RECEIVER, ATTACH_SENDER, BEGIN, CLOSE, END, GREET, OPEN, error, expect, flow, frame, part, say,
    scenario,
)


def receiver(run: Any, **options: Any) -> Callable[[Any], Any]:
    """A callback that connects and makes a receiver."""
    def act(event: Any) -> None:
        run.connection = event.container.connect(run.url, reconnect=False)
        run.link = event.container.create_receiver(run.connection, "queue", name="link", **options)
    return act


def sender(run: Any, **options: Any) -> Callable[[Any], Any]:
    """A callback that connects and makes a sender."""
    def act(event: Any) -> None:
        run.connection = event.container.connect(run.url, reconnect=False)
        run.link = event.container.create_sender(run.connection, "queue", name="link", **options)
    return act


def close(event: Any) -> None:
    event.connection.close()


WHY = error("amqp:resource-deleted", "gone", since=7)
DETACH = frame("Detach", handle=0, closed=True)
DETACH_WHY = frame("Detach", handle=0, closed=True, error=WHY)
LEAVE = frame("Detach", handle=0, closed=False)
END_WHY = frame("End", error=error("amqp:session:errant-link", "confused"))
BYE = [*expect("Close"), *say(CLOSE)]

TO_SENDER = [GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, ATTACH_RECEIVER)]
TO_RECEIVER = [GREET, *expect("Open", "Begin", "Attach", "Flow"), *say(AMQP, OPEN, BEGIN, ATTACH_SENDER)]
#: Without prefetched messages.
TO_IDLE = [GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, ATTACH_SENDER)]
IDLE = {"prefetch": 0}


# --- the peer closes a link

@scenario([[*TO_SENDER, *say(flow(0)), *say(DETACH_WHY), *expect("Detach", "Close"), *say(CLOSE)]])
def sender_detached_with_an_error(run: Any) -> None:
    run.client(on_start=sender(run), on_link_error=close)


@scenario([[*TO_RECEIVER, *say(DETACH_WHY), *expect("Detach", "Close"), *say(CLOSE)]])
def receiver_detached_with_an_error(run: Any) -> None:
    run.client(on_start=receiver(run), on_link_error=close)


@scenario([[*TO_RECEIVER, *say(DETACH), *expect("Detach", "Close"), *say(CLOSE)]])
def receiver_closed(run: Any) -> None:
    run.client(on_start=receiver(run), on_link_closing=close)


@scenario([[*TO_RECEIVER, *say(DETACH), *expect("Detach", "Close"), *say(CLOSE)]])
def receiver_closed_which_is_an_error(run: Any) -> None:
    run.client({"peer_close_is_error": True}, on_start=receiver(run), on_link_error=close, on_link_closing=close)


@scenario([[*TO_RECEIVER, *say(LEAVE), *expect("Close"), *say(CLOSE)]])
def receiver_detached_but_not_closed(run: Any) -> None:
    run.client(on_start=receiver(run), on_link_remote_detach=close)


@scenario([[GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, frame(
    "Attach", name="link", handle=0, role=True, source=None, target=None), DETACH_WHY),
    *expect("Detach", "Close"), *say(CLOSE)]])
def sender_refused(run: Any) -> None:
    def opened(event: Any) -> None:
        remote = event.link.remote_target
        run.note("remote target", remote.type, remote.address)
    run.client(on_start=sender(run), on_link_opened=opened, on_link_error=close)


@scenario([[GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, frame(
    "Attach", name="link", handle=0, role=False, source=None, target=None, initial_delivery_count=0), DETACH_WHY),
    *expect("Detach", "Close"), *say(CLOSE)]])
def receiver_refused(run: Any) -> None:
    def opened(event: Any) -> None:
        remote = event.link.remote_source
        run.note("remote source", remote.type, remote.address)
    run.client(IDLE, on_start=receiver(run), on_link_opened=opened, on_link_error=close)


@scenario([[*TO_SENDER, *say(DETACH_WHY), *expect("Detach", "Close"), *say(CLOSE)]])
def link_error_without_a_callback(run: Any) -> None:
    class Plain(proton.handlers.MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            sender(run)(event)

        def on_unhandled(self, name: str, event: Any) -> None:
            if "link" in name or "connection" in name:
                run.note(name)
    run.run(Plain())


# --- we close a link

@scenario([[*TO_SENDER, *expect("Detach"), *say(DETACH), *BYE]])
def sender_closes(run: Any) -> None:
    run.client(on_start=sender(run), on_link_opened=lambda event: event.link.close(), on_link_closed=close)


@scenario([[*TO_IDLE, *expect("Detach"), *say(DETACH), *BYE]])
def receiver_closes(run: Any) -> None:
    run.client(IDLE, on_start=receiver(run), on_link_opened=lambda event: event.link.close(), on_link_closed=close)


@scenario([[*TO_SENDER, *expect("Detach"), *say(DETACH_WHY), *BYE]])
def sender_closes_and_the_answer_has_an_error(run: Any) -> None:
    run.client(on_start=sender(run), on_link_opened=lambda event: event.link.close(), on_link_error=close)


@scenario([[*TO_SENDER, *expect("Detach"), *say(DETACH), *BYE]])
def sender_closes_with_an_error(run: Any) -> None:
    def opened(event: Any) -> None:
        event.link.condition = proton.Condition("app:bored", "nothing to do", {"n": 1})
        event.link.close()
    run.client(on_start=sender(run), on_link_opened=opened, on_link_closed=close)


@scenario([[*TO_IDLE, *expect("Detach"), *say(LEAVE), *BYE]])
def receiver_detaches(run: Any) -> None:
    run.client(IDLE, on_start=receiver(run), on_link_opened=lambda event: event.link.detach(),
               on_link_remote_detach=close)


@scenario([[
    GREET, *expect("Open", "Begin", "Attach", "Detach"), *say(AMQP, OPEN, BEGIN, ATTACH_RECEIVER, DETACH), *BYE]])
def sender_closes_before_the_peer_attached(run: Any) -> None:
    def start(event: Any) -> None:
        sender(run)(event)
        run.link.close()
    run.client(on_start=start, on_link_closed=close)


# --- sessions

@scenario([[*TO_RECEIVER, *say(END_WHY), *expect("End", "Close"), *say(CLOSE)]])
def session_ended_with_an_error(run: Any) -> None:
    run.client(on_start=receiver(run), on_session_error=close)


@scenario([[*TO_RECEIVER, *say(END), *expect("End", "Close"), *say(CLOSE)]])
def session_ended(run: Any) -> None:
    run.client(on_start=receiver(run), on_session_closing=close)


@scenario([[*TO_RECEIVER, *say(END), *expect("End", "Close"), *say(CLOSE)]])
def session_ended_which_is_an_error(run: Any) -> None:
    run.client({"peer_close_is_error": True}, on_start=receiver(run), on_session_error=close, on_session_closing=close)


@scenario([[*TO_SENDER, *expect("End"), *say(END), *BYE]])
def session_closes(run: Any) -> None:
    run.client(on_start=sender(run), on_link_opened=lambda event: event.session.close(), on_session_closed=close)


@scenario([[*TO_SENDER, *expect("End"), *say(END_WHY), *BYE]])
def session_closes_and_the_answer_has_an_error(run: Any) -> None:
    run.client(on_start=sender(run), on_link_opened=lambda event: event.session.close(), on_session_error=close)


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN), *expect("Begin"), *say(BEGIN, END_WHY), *expect("End"), *BYE]])
def session_ended_before_links(run: Any) -> None:
    run.client(
        on_start=lambda event: event.container.connect(run.url, reconnect=False),
        on_connection_opened=lambda event: event.connection.session().open(), on_session_error=close)


@scenario([[*TO_SENDER, *say(END_WHY), *expect("End", "Close"), *say(CLOSE)]])
def session_error_without_a_callback(run: Any) -> None:
    class Plain(proton.handlers.MessagingHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            sender(run)(event)

        def on_unhandled(self, name: str, event: Any) -> None:
            if "link" in name or "connection" in name or "session" in name:
                run.note(name)
    run.run(Plain())


# --- the peer begins

@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, frame(
    "Begin", next_outgoing_id=0, incoming_window=2048, outgoing_window=2048), ATTACH_SENDER),
    *expect("Begin", "Attach", "Flow"), *say(DETACH, END), *expect("Detach", "End"), *BYE]])
def peer_begins_and_attaches(run: Any) -> None:
    run.client(on_start=lambda event: event.container.connect(run.url, reconnect=False), on_session_closing=close)


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, frame(
    "Begin", next_outgoing_id=0, incoming_window=2048, outgoing_window=2048), ATTACH_RECEIVER),
    *expect("Begin", "Attach"), *say(flow(0)), *expect("Close"), *say(CLOSE)]])
def peer_wants_to_receive(run: Any) -> None:
    run.client(on_start=lambda event: event.container.connect(run.url, reconnect=False), on_sendable=close)


@scenario([[GREET, *expect("Open"), *say(AMQP, OPEN, frame(
    "Begin", next_outgoing_id=0, incoming_window=2048, outgoing_window=2048), ATTACH_RECEIVER),
    *expect("Begin", "Attach"), *BYE]])
def opening_copies_the_termini(run: Any) -> None:
    def opening(event: Any) -> None:
        link = event.link
        run.note(link.remote_source.address, link.remote_target.address, link.source.address, link.target.address)
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        link.open()
        event.connection.close()
    run.client(on_start=lambda event: event.container.connect(run.url, reconnect=False), on_link_opening=opening)


# --- what attach tells

@scenario([[GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, frame(
    "Attach", name="link", handle=0, role=False, snd_settle_mode=1, rcv_settle_mode=1, initial_delivery_count=5,
    max_message_size=1000, offered_capabilities=["a"], desired_capabilities=["b", "c"], properties={"p": 1},
    source=part("Source", address="other", durable=2, expiry_policy="never", timeout=9, dynamic=True,
                dynamic_node_properties={"lifetime": 1}, distribution_mode="copy", capabilities=["queue"],
                outcomes=["amqp:accepted:list"]),
    target=part("Target", address="here", capabilities=["x"]))), *BYE]])
def all_that_an_attach_may_tell(run: Any) -> None:
    def opened(event: Any) -> None:
        link = event.link
        run.note(int(link.remote_snd_settle_mode), int(link.remote_rcv_settle_mode), link.remote_max_message_size)
        run.note(link.remote_properties)
        for terminus in (link.remote_source, link.remote_target):
            run.note(int(terminus.type), terminus.address, int(terminus.durability), int(terminus.expiry_policy),
                     terminus.timeout, terminus.dynamic, int(terminus.distribution_mode))
            for data in (terminus.properties, terminus.capabilities, terminus.outcomes, terminus.filter):
                data.rewind()
                value = data.get_object() if data.next() else None
                run.note(getattr(value, "elements", value))
        close(event)
    run.client(IDLE, on_start=receiver(run), on_link_opened=opened)


@scenario([[GREET, *expect("Open", "Begin", "Attach", "Attach", "Attach", "Attach", "Attach"), *say(AMQP, OPEN, BEGIN),
            *BYE]])
def what_options_tell_the_peer(run: Any) -> None:
    from proton.reactor import AtLeastOnce, AtMostOnce, Copy, DurableSubscription, DynamicNodeProperties, Selector

    def start(event: Any) -> None:
        container = event.container
        run.connection = container.connect(run.url, reconnect=False)
        container.create_sender(run.connection, "a", name="1", options=AtMostOnce())
        container.create_sender(run.connection, "b", name="2", options=AtLeastOnce())
        container.create_receiver(run.connection, "c", name="3", options=[Copy(), Selector("colour = 'green'")])
        container.create_receiver(run.connection, "d", name="4", options=DurableSubscription())
        container.create_receiver(run.connection, None, name="5", dynamic=True, options=DynamicNodeProperties(
            {"x-opt": 1}))
    run.client(IDLE, on_start=start, on_session_opened=close)
