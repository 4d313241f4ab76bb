"""The handlers that come with the library, alone and in trees, over connections of the program with itself."""

from __future__ import annotations

from typing import Any, List

import proton
from proton import Collector, Condition, Connection, Delivery, Endpoint, Event, Handler, Message
from proton.handlers import (
    EndpointStateHandler, FlowController, Handshaker, IncomingMessageHandler, MessagingHandler, OutgoingMessageHandler,
    Reject, Release, TransactionHandler,
)
from pumping import Pair, attempt, attached, opened
from record import CALLBACKS, states
from scenario import Differs, scenario


class Told:
    """Writes down each callback that it is asked for.

    :param acts: what to do in some of them.
    """

    def __init__(self, run: Any, mark: str = "", **acts: Any) -> None:
        self.run = run
        self.mark = mark
        self.acts = acts

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_") or name == "on_unhandled":
            raise AttributeError(name)

        def called(event: Any) -> None:
            self.run.note(self.mark, name, about(event))
            if name in self.acts:
                self.acts[name](event)
        return called


def about(event: Any) -> str:
    """What an event is about."""
    words: List[str] = []
    for name in ("connection", "session", "link"):
        endpoint = getattr(event, name)
        if endpoint is not None:
            words.append(f"{name} {states(endpoint.state)}")
    if event.delivery is not None:
        words.append(f"delivery {int(event.delivery.local_state)}/{int(event.delivery.remote_state)}"
                     f"{' settled' if event.delivery.settled else ''}")
    return ", ".join(words)


def dispatch(collector: Any, *handlers: Any) -> int:
    """Hand the events of a collector to handlers; how many there were."""
    count = 0
    while collector.peek():
        event = collector.peek()
        for handler in handlers:
            event.dispatch(handler)
        collector.pop()
        count += 1
    return count


def work(pair: Pair, ours: Any, theirs: Any) -> None:
    """Carry bytes and hand out events until nothing happens any more."""
    while True:
        moved = pair._move(pair.a, pair.b, None) | pair._move(pair.b, pair.a, None)
        if not (dispatch(pair.a.collector, ours) + dispatch(pair.b.collector, theirs) + moved):
            return


@scenario()
def handshaker_answers_everything(run: Any) -> None:
    pair = Pair(run)
    shaker = Handshaker()
    pair.a.connection.open()
    session = pair.a.connection.session()
    session.open()
    links = [session.sender("out"), session.receiver("in")]
    for link in links:
        link.source.address, link.target.address = "from", "to"
        link.open()
    work(pair, Handler(), shaker)
    run.note([states(each.state) for each in (pair.a.connection, session, *links)])
    run.note([(link.remote_source.address, link.remote_target.address) for link in links])
    for each in (*links, session, pair.a.connection):
        each.close()
        work(pair, Handler(), shaker)
        run.note(states(each.state))


@scenario()
def flow_controller_keeps_the_window_full(run: Any) -> None:
    pair, sender, receiver = attached(run)
    controller = FlowController(3)
    receiver.session.connection.link_head(0)
    event_taker = Handler()
    receiver.flow(0)
    again = sender.session.receiver("back")
    again.open()
    work(pair, controller, Handshaker())
    theirs = pair.b.connection.link_head(Endpoint.LOCAL_ACTIVE).next(Endpoint.LOCAL_ACTIVE)
    run.note(again.credit, theirs.name, theirs.credit)
    for number in range(5):
        theirs.delivery(str(number))
        theirs.stream(b"x")
        theirs.advance()
        work(pair, controller, event_taker)
        run.note(again.credit, again.queued, theirs.credit)
        while again.current:
            delivery = again.current
            again.advance()
            delivery.settle()
        work(pair, controller, event_taker)
        run.note(again.credit, again.queued, theirs.credit)


def shaken(run: Any, ours: Any, theirs: Any) -> Any:
    """A pair whose handlers have opened a session and a link to each other."""
    pair = Pair(run)
    pair.a.connection.open()
    session = pair.a.connection.session()
    session.open()
    link = session.sender("link")
    link.open()
    work(pair, ours, theirs)
    return pair, link


@scenario()
def endpoint_states_told_to_a_delegate(run: Any) -> None:
    ours, theirs = (EndpointStateHandler(delegate=Told(run, mark)) for mark in ("a", "b"))
    pair, link = shaken(run, ours, theirs)
    for each in (link, link.session, pair.a.connection):
        each.close()
        work(pair, ours, theirs)
    run.note(states(pair.a.connection.state), states(pair.b.connection.state))


@scenario()
def endpoint_states_with_conditions(run: Any) -> None:
    ours, theirs = (EndpointStateHandler(delegate=Told(run, mark)) for mark in ("a", "b"))
    pair, link = shaken(run, ours, theirs)
    for each in (link, link.session, pair.a.connection):
        each.condition = Condition("app:bad", "words")
        each.close()
        work(pair, ours, theirs)
    run.note(states(pair.a.connection.state), states(pair.b.connection.state))


@scenario()
def a_close_by_the_peer_that_is_an_error(run: Any) -> None:
    ours = EndpointStateHandler(delegate=Told(run, "a"))
    theirs = EndpointStateHandler(peer_close_is_error=True, delegate=Told(run, "b"))
    pair, link = shaken(run, ours, theirs)
    for each in (link, link.session, pair.a.connection):
        each.close()
        work(pair, ours, theirs)


@scenario()
def endpoint_states_without_a_delegate(run: Any) -> None:
    ours, theirs = EndpointStateHandler(), EndpointStateHandler(peer_close_is_error=True)
    pair, link = shaken(run, ours, theirs)
    run.note(states(pair.b.connection.state), states(link.state))
    for each in (link, link.session, pair.a.connection):
        each.close()
        work(pair, ours, theirs)
        run.note(states(each.state))


@scenario()
def a_stream_that_ends_before_a_close(run: Any) -> None:
    told = Told(run, "a")
    ours, theirs = EndpointStateHandler(delegate=told), EndpointStateHandler(delegate=Told(run, "b"))
    pair, link = shaken(run, ours, theirs)
    pair.a.transport.close_tail()
    pair.b.transport.close_tail()
    work(pair, ours, theirs)
    run.note(states(pair.a.connection.state))


@scenario()
def states_asked_for(run: Any) -> None:
    connection = Connection()
    words = ("is_local_open", "is_local_uninitialised", "is_local_closed", "is_remote_open", "is_remote_closed")
    for step in (lambda: None, connection.open, connection.close):
        step()
        run.note([bool(getattr(EndpointStateHandler, word)(connection)) for word in words])


def sending(run: Any, incoming: Any, outgoing: Any, count: int = 1, credit: int = 5) -> Any:
    pair, sender, receiver = attached(run, credit=credit)
    work(pair, Handler(), Handler())
    ours = [sender.send(Message(body=f"message {number}")) for number in range(count)]
    del run.trace[:]
    work(pair, outgoing, incoming)
    return pair, sender, receiver, ours


@scenario()
def messages_accepted_by_themselves(run: Any) -> None:
    incoming = IncomingMessageHandler(delegate=Told(
        run, "b", on_message=lambda event: run.note(event.message.body, event.delivery == event.receiver.current)))
    outgoing = OutgoingMessageHandler(delegate=Told(run, "a"))
    pair, sender, receiver, ours = sending(run, incoming, outgoing, 2)
    run.note([(int(delivery.remote_state), delivery.settled) for delivery in ours], sender.unsettled,
             receiver.unsettled, sender.credit, receiver.credit)


@scenario()
def messages_left_alone(run: Any) -> None:
    kept: List[Any] = []
    incoming = IncomingMessageHandler(auto_accept=False, delegate=Told(
        run, "b", on_message=lambda event: kept.append(event.delivery)))
    outgoing = OutgoingMessageHandler(auto_settle=False, delegate=Told(run, "a"))
    pair, sender, receiver, ours = sending(run, incoming, outgoing, 5)
    run.note(len(kept), receiver.unsettled)
    for answer in (incoming.accept, incoming.reject, incoming.release,
                   lambda delivery: incoming.release(delivery, delivered=False), incoming.settle):
        answer(kept.pop(0))
        work(pair, outgoing, incoming)
    run.note([(int(delivery.remote_state), delivery.remote.failed) for delivery in ours], sender.unsettled,
             receiver.unsettled)
    for delivery in ours:
        delivery.settle()
    work(pair, outgoing, incoming)
    run.note(sender.unsettled)


@scenario()
def messages_refused_by_exceptions(run: Any) -> None:
    def message(event: Any) -> None:
        body = event.message.body
        if body == "message 0":
            raise Reject("no")
        if body == "message 1":
            raise Release("not now")
    incoming = IncomingMessageHandler(delegate=Told(run, "b", on_message=message))
    outgoing = OutgoingMessageHandler(delegate=Told(run, "a"))
    pair, sender, receiver, ours = sending(run, incoming, outgoing, 3)
    run.note([int(delivery.remote_state) for delivery in ours])


@scenario()
def messages_settled_by_the_handler_itself(run: Any) -> None:
    def message(event: Any) -> None:
        event.delivery.update(Delivery.RELEASED)
        event.delivery.settle()
    incoming = IncomingMessageHandler(delegate=Told(run, "b", on_message=message))
    outgoing = OutgoingMessageHandler(delegate=Told(run, "a"))
    pair, sender, receiver, ours = sending(run, incoming, outgoing, 2)
    run.note([int(delivery.remote_state) for delivery in ours], receiver.unsettled)


@scenario()
def a_sender_that_settles_first_is_noticed(run: Any) -> None:
    kept: List[Any] = []
    incoming = IncomingMessageHandler(auto_accept=False, delegate=Told(
        run, "b", on_message=lambda event: kept.append(event.delivery)))
    outgoing = OutgoingMessageHandler(delegate=Told(run, "a"))
    pair, sender, receiver, ours = sending(run, incoming, outgoing, 1)
    ours[0].settle()
    work(pair, outgoing, incoming)
    run.note(kept[0].settled)


@scenario()
def messages_on_a_link_that_is_closed(run: Any) -> None:
    def message(event: Any) -> None:
        event.link.close()
    incoming = IncomingMessageHandler(delegate=Told(run, "b", on_message=message))
    outgoing = OutgoingMessageHandler(delegate=Told(run, "a"))
    pair, sender, receiver, ours = sending(run, incoming, outgoing, 3)
    run.note([int(delivery.remote_state) for delivery in ours])


@scenario()
def aborted_messages_are_told(run: Any) -> None:
    incoming = IncomingMessageHandler(delegate=Told(run, "b"))
    pair, sender, receiver = attached(run, credit=5)
    delivery = sender.delivery("1")
    sender.stream(b"half")
    work(pair, Handler(), incoming)
    delivery.abort()
    work(pair, Handler(), incoming)
    run.note(receiver.current is None, receiver.credit, receiver.unsettled)


@scenario()
def credit_makes_a_sender_sendable(run: Any) -> None:
    def sendable(event: Any) -> None:
        if event.sender.credit:
            event.sender.send(Message(body="x"))
    outgoing = OutgoingMessageHandler(delegate=Told(run, "a", on_sendable=sendable))
    pair, sender, receiver = attached(run)
    receiver.flow(3)
    work(pair, outgoing, Handler())
    run.note(sender.credit, receiver.queued)
    receiver.drain(2)
    work(pair, outgoing, Handler())
    run.note(sender.credit, receiver.queued)


@scenario(differs=Differs(
    "it is topped up as soon as a message was handled",
    ours=["b > 0 Flow(next_incoming_id=1, incoming_window=2147483647, next_outgoing_id=0, outgoing_window=2147483647, "
          "handle=0, delivery_count=1, link_credit=10)", "a on_sendable connection AA, session AA, link AA"]))
def a_messaging_handler_on_events_of_its_own(run: Any) -> None:
    class Both(MessagingHandler, TransactionHandler):  # type: ignore[misc]
        pass

    def callback(name: str) -> Any:
        return lambda self, event: run.note(self.mark, name, about(event))
    for name in CALLBACKS:
        setattr(Both, name, callback(name))
    ours, theirs = Both(), Both()
    ours.mark, theirs.mark = "a", "b"
    run.note([type(handler).__name__ for handler in ours.handlers])
    run.note([type(handler).__name__ for handler in MessagingHandler(prefetch=0).handlers])
    run.note([type(handler).__name__ for handler in MessagingHandler(auto_accept=False, auto_settle=False).handlers])
    pair, link = shaken(run, ours, theirs)
    run.note(link.credit)
    link.send(Message(body="x"))
    work(pair, ours, theirs)
    link.close()
    work(pair, ours, theirs)
    pair.a.connection.close()
    work(pair, ours, theirs)


# --- trees of handlers

@scenario()
def trees_are_walked_from_the_root(run: Any) -> None:
    class Named(Handler):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self.name = name

        def on_connection_init(self, event: Any) -> None:
            run.note(self.name, "init")

        def on_unhandled(self, method: str, event: Any) -> None:
            run.note(self.name, "unhandled", method)

    root, child, leaf = Named("root"), Named("child"), Named("leaf")
    run.note(root.handlers)
    root.add(child)
    child.add(leaf)
    root.add(leaf)
    run.note(len(root.handlers), len(leaf.handlers))
    collector = Collector()
    connection = Connection()
    connection.collect(collector)
    connection.open()
    dispatch(collector, root)


@scenario()
def what_is_a_handler(run: Any) -> None:
    class Plain:
        def on_connection_init(self, event: Any) -> None:
            run.note("plain init")

    class WithOthers:
        handlers = [Plain(), Plain()]

        def on_unhandled(self, method: str, event: Any) -> None:
            run.note("others", method)

    collector = Collector()
    connection = Connection()
    connection.collect(collector)
    connection.open()
    connection.session()
    dispatch(collector, Plain(), WithOthers(), Handler())
    connection.handler = Plain()
    connection.handler.add(Plain())
    run.note(isinstance(connection.handler, Handler), len(connection.handler.handlers))
    connection.handler = None
    run.note(connection.handler)


@scenario(differs=Differs(
    "``Handler.add(handler, on_error)`` gives ``on_error`` the exceptions of that handler",
    proton=["dispatched raises KeyError", "[]"], ours=["dispatched -> None", "['KeyError']"]))
def exceptions_of_handlers(run: Any) -> None:
    class Bad:
        def on_connection_init(self, event: Any) -> None:
            raise KeyError("mine")

    root = Handler()
    root.add(Bad())
    connection = Connection()
    collector = Collector()
    connection.collect(collector)
    attempt(run, "dispatched", collector.peek().dispatch, root)
    caught: List[Any] = []
    root = Handler()
    root.add(Bad(), lambda info: caught.append(info[0].__name__))
    attempt(run, "dispatched", collector.peek().dispatch, root)
    run.note(caught)


@scenario(differs=Differs(
    "An attribute that an event does not have is an ``AttributeError``",
    proton=["an attribute that is not there -> None"], ours=["an attribute that is not there raises AttributeError"]))
def events_dispatched_as_others(run: Any) -> None:
    connection = Connection()
    collector = Collector()
    connection.collect(collector)
    event = collector.peek()
    told = Told(run, "x")
    event.dispatch(told)
    event.dispatch(told, proton.EventType("custom"))
    event.dispatch(told, Event.LINK_FLOW)
    run.note(str(event.type), event.handler, event.context == connection)
    run.note(event.connection == connection, event.session, event.link, event.sender, event.receiver, event.delivery,
             event.transport, event.reactor, event.container)
    attempt(run, "an attribute that is not there", lambda: event.nothing)
    run.note(type(event.clazz).__name__, repr(event)[:20] == repr(event)[:20])


@scenario()
def events_find_what_they_are_about(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=1)
    sender.send(Message(body="x"))
    taken: List[str] = []

    class Look:
        def on_unhandled(self, name: str, event: Any) -> None:
            if name == "on_transport":
                return
            taken.append(name)
            run.note(name, event.connection == pair.b.connection, event.session == receiver.session,
                     event.link == receiver, event.receiver == receiver, event.sender, event.delivery is not None,
                     event.transport == pair.b.transport)
    work(pair, Handler(), Look())
    run.note(taken)


@scenario()
def opening_endpoints_in_a_tree(run: Any) -> None:
    pair = opened(run)
    told = Told(run, "child")
    root = Handler()
    root.add(Handshaker())
    root.add(told)
    session = pair.a.connection.session()
    session.open()
    session.sender("link").open()
    work(pair, Handler(), root)
