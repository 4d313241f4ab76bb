"""Connections, sessions and links by hand, without sockets: opened, walked over, closed, detached and freed."""

from __future__ import annotations

from typing import Any

import proton
from proton import Condition, Endpoint
from pumping import Pair, attached, gone, line_of, opened, value
from record import events, states
from scenario import Differs, scenario

EVERY = (
    Endpoint.LOCAL_UNINIT, Endpoint.LOCAL_ACTIVE, Endpoint.LOCAL_CLOSED, Endpoint.REMOTE_UNINIT,
    Endpoint.REMOTE_ACTIVE, Endpoint.REMOTE_CLOSED,
)

WAITS = "A session is ended when the peer has begun it, too"


def walked(head: Any, mask: int) -> str:
    """What a walker finds."""
    found = []
    each = head(mask)
    while each:
        found.append(getattr(each, "name", "") + states(each.state))
        each = each.next(mask)
    return " ".join(found)


@scenario()
def opening_and_closing_everything(run: Any) -> None:
    pair = Pair(run)
    pair.events()
    ours = pair.a.connection
    ours.open()
    pair.pump()
    pair.b.connection.open()
    pair.pump()
    session = ours.session()
    session.open()
    link = session.sender("link")
    link.open()
    pair.pump()
    theirs = pair.b.connection.link_head(Endpoint.LOCAL_UNINIT | Endpoint.REMOTE_ACTIVE)
    run.note(theirs.name, theirs.is_receiver, theirs.is_sender, states(theirs.state), states(theirs.session.state))
    theirs.session.open()
    theirs.open()
    pair.pump()
    for each in (link, theirs, session, theirs.session):
        each.close()
        pair.pump()
    gone(pair)


@scenario()
def everything_opened_before_there_is_a_transport(run: Any) -> None:
    pair = Pair(run, bind=False)
    ours = pair.a.connection
    ours.open()
    session = ours.session()
    session.open()
    for link in (session.sender("out"), session.receiver("in")):
        link.source.address = "from"
        link.target.address = "to"
        link.open()
    pair.events()
    for end in pair.both:
        end.bind()
    pair.pump()
    run.note(walked(pair.b.connection.link_head, 0))


@scenario()
def opening_and_closing_before_binding(run: Any) -> None:
    pair = Pair(run, bind=False)
    ours = pair.a.connection
    ours.open()
    session = ours.session()
    session.open()
    link = session.sender("link")
    link.open()
    link.close()
    session.close()
    ours.close()
    pair.events()
    for end in pair.both:
        end.bind()
    pair.pump()
    pair.b.connection.open()
    pair.b.connection.close()
    pair.pump()


@scenario()
def masks_choose_endpoints(run: Any) -> None:
    pair = opened(run)
    ours = pair.a.connection
    sessions = [ours.session() for _ in range(4)]
    for session in sessions[1:]:
        session.open()
    links = [sessions[1].sender("one"), sessions[2].receiver("two"), sessions[1].sender("three"),
             sessions[2].sender("four")]
    for link in links[1:]:
        link.open()
    pair.pump()
    theirs = pair.b.connection
    theirs.session_head(0).open()
    theirs.link_head(0).open()
    pair.pump()
    sessions[1].close()
    links[3].close()
    pair.pump()
    for name, connection in (("ours", ours), ("theirs", theirs)):
        for mask in (0, *EVERY):
            run.note(name, int(mask), "sessions", walked(connection.session_head, mask), "links",
                     walked(connection.link_head, mask))
        for local in EVERY[:3]:
            for remote in EVERY[3:]:
                mask = local | remote
                run.note(name, int(mask), "sessions", walked(connection.session_head, mask), "links",
                         walked(connection.link_head, mask))


@scenario()
def what_open_tells_the_peer(run: Any) -> None:
    pair = Pair(run)
    ours, theirs = pair.a.connection, pair.b.connection
    for word in ("remote_container", "remote_hostname", "remote_offered_capabilities", "remote_desired_capabilities",
                 "remote_properties"):
        run.note("before", word, getattr(ours, word))
    ours.hostname = "example.org"
    ours.offered_capabilities = ["one", "two"]
    ours.desired_capabilities = proton.SymbolList(["three"])
    ours.properties = {"product": "test", "number": 5, proton.symbol("symbol"): True, "list": [1, "x", None]}
    theirs.properties = proton.PropertyDict(version="1")
    theirs.offered_capabilities = proton.Array(proton.UNDESCRIBED, proton.Data.SYMBOL, "four", "five")
    ours.open()
    theirs.open()
    pair.pump()
    for connection in (ours, theirs):
        for word in ("container", "hostname", "remote_container", "remote_hostname", "remote_offered_capabilities",
                     "remote_desired_capabilities", "offered_capabilities", "desired_capabilities"):
            run.note(word, repr(getattr(connection, word)))
        remote = connection.remote_properties
        run.note("remote_properties", type(remote).__name__, value(remote))
        run.note("properties", repr(connection.properties))


@scenario()
def attributes_of_a_connection_alone(run: Any) -> None:
    connection = proton.Connection()
    for word in ("container", "hostname", "user", "password", "authorization", "state", "error", "transport",
                 "condition", "remote_condition", "remote_container", "remote_hostname", "remote_offered_capabilities",
                 "remote_desired_capabilities", "remote_properties", "offered_capabilities", "desired_capabilities",
                 "properties", "handler", "session_head"):
        if word == "session_head":
            run.note(word, connection.session_head(0), connection.link_head(0))
        else:
            run.note(word, repr(getattr(connection, word)))
    run.note(connection.connection == connection)
    for word, wanted in (("container", "c"), ("hostname", "h"), ("user", "u"), ("password", "p"),
                         ("authorization", "z")):
        setattr(connection, word, wanted)
        run.note(word, repr(getattr(connection, word)))
        setattr(connection, word, None)
        run.note(word, repr(getattr(connection, word)))


@scenario()
def conditions_with_maps(run: Any) -> None:
    pair, sender, receiver = attached(run)
    for number, (each, other) in enumerate((
            (sender, receiver), (receiver.session, sender.session), (pair.a.connection, pair.b.connection))):
        run.note(each.condition, other.remote_condition)
        each.condition = Condition(f"app:number-{number}", "why", {"key": number, proton.symbol("s"): ["x", None]})
        run.note(each.condition)
        each.close()
        pair.pump()
        found = other.remote_condition
        run.note(repr(found), found == each.condition, found.name, found.description, value(found.info))
        other.close()
        pair.pump()
        run.note(other.condition, each.remote_condition)


@scenario()
def condition_of_no_words(run: Any) -> None:
    pair, sender, receiver = attached(run)
    sender.condition = Condition("app:bare")
    sender.close()
    receiver.condition = Condition("app:dict", info={})
    receiver.close()
    pair.pump()
    for each in (sender, receiver):
        found = each.remote_condition
        run.note(found.name, repr(found.description), repr(found.info), str(found))


@scenario()
def detaching_and_closing(run: Any) -> None:
    pair, sender, receiver = attached(run)
    sender.detach()
    run.note(states(sender.state))
    pair.pump()
    run.note(states(receiver.state))
    receiver.detach()
    pair.pump()
    run.note(states(sender.state), states(receiver.state))
    sender.close()
    receiver.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state))


@scenario()
def detached_answered_by_close(run: Any) -> None:
    pair, sender, receiver = attached(run)
    sender.detach()
    pair.pump()
    receiver.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state))


@scenario(differs=Differs(
    "``detach`` tells the peer the link's condition, as ``close`` does",
    proton=["b > 0 Detach(handle=0)", "a event LINK_REMOTE_DETACH AA link credit 0 queued 0 unsettled 0", "None",
            "a event LINK_LOCAL_DETACH AA link credit 0 queued 0 unsettled 0"],
    ours=["b > 0 Detach(handle=0, error=Error(condition=symbol('app:later'), description='come back'))",
          "a event LINK_REMOTE_DETACH AA link credit 0 queued 0 unsettled 0 (app:later, come back, None)",
          "(app:later, come back, None)",
          "a event LINK_LOCAL_DETACH AA link credit 0 queued 0 unsettled 0 (app:later, come back, None)"]))
def detaching_with_a_condition_and_attaching_again(run: Any) -> None:
    pair, sender, receiver = attached(run)
    receiver.condition = Condition("app:later", "come back")
    receiver.detach()
    pair.pump()
    run.note(line_of(sender.remote_condition))
    sender.detach()
    pair.pump()
    again = sender.session.sender("link")
    again.open()
    pair.pump()
    run.note(walked(pair.a.connection.link_head, 0), "|", walked(pair.b.connection.link_head, 0))


@scenario()
def closing_twice_and_opening_twice(run: Any) -> None:
    pair, sender, receiver = attached(run)
    for each in (sender, sender.session, pair.a.connection):
        each.open()
        each.open()
        pair.pump()
        each.close()
        each.close()
        pair.pump()
        run.note(states(each.state))


@scenario()
def closing_what_was_never_opened(run: Any) -> None:
    pair = opened(run)
    session = pair.a.connection.session()
    link = session.sender("link")
    session.open()
    link.close()
    pair.pump()
    run.note(states(link.state))
    pair = Pair(run)
    pair.a.connection.close()
    pair.pump()
    run.note(states(pair.a.connection.state), states(pair.b.connection.state))


@scenario()
def the_session_goes_with_its_links_open(run: Any) -> None:
    pair, sender, receiver = attached(run)
    sender.session.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state), states(receiver.session.state))
    receiver.session.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state), states(receiver.session.state))
    sender.close()
    receiver.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state))


@scenario()
def freeing_links_and_sessions(run: Any) -> None:
    pair, sender, receiver = attached(run)
    session = sender.session
    sender.close()
    receiver.close()
    pair.pump()
    sender.free()
    pair.pump()
    run.note(walked(pair.a.connection.link_head, 0), "|", walked(pair.b.connection.link_head, 0))
    session.close()
    receiver.session.close()
    pair.pump()
    session.free()
    pair.pump()
    run.note(walked(pair.a.connection.session_head, 0), "|", walked(pair.b.connection.session_head, 0))


@scenario()
def freeing_a_link_that_is_open(run: Any) -> None:
    pair, sender, receiver = attached(run)
    sender.free()
    pair.pump()
    run.note(walked(pair.a.connection.link_head, 0), "|", walked(pair.b.connection.link_head, 0))
    receiver.close()
    pair.pump()


@scenario()
def freeing_a_session_that_is_open(run: Any) -> None:
    pair, sender, receiver = attached(run)
    session = sender.session
    session.free()
    pair.pump()
    run.note(walked(pair.a.connection.session_head, 0), "|", walked(pair.b.connection.session_head, 0))
    run.note(walked(pair.a.connection.link_head, 0), "|", walked(pair.b.connection.link_head, 0))


@scenario()
def sessions_and_links_nobody_opened_are_freed(run: Any) -> None:
    pair = opened(run)
    session = pair.a.connection.session()
    link = session.receiver("link")
    pair.events()
    link.free()
    pair.events()
    session.free()
    pair.pump()
    run.note(walked(pair.a.connection.session_head, 0), "|", walked(pair.b.connection.session_head, 0))


@scenario()
def names_and_handles_of_many_links(run: Any) -> None:
    pair = opened(run)
    session = pair.a.connection.session()
    session.open()
    for name in ("x", "y"):
        session.sender(name).open()
        session.receiver(name).open()
    pair.pump()
    theirs = pair.b.connection
    theirs.session_head(0).open()
    link = theirs.link_head(0)
    while link:
        run.note(link.name, link.is_sender)
        link.open()
        link = link.next(0)
    pair.pump()
    first = pair.a.connection.link_head(0)
    first.close()
    theirs.link_head(0).close()
    pair.pump()
    session.sender("z").open()
    pair.pump()
    run.note(walked(pair.a.connection.link_head, 0), "|", walked(theirs.link_head, 0))


@scenario()
def a_link_keeps_what_is_set_on_it(run: Any) -> None:
    session = proton.Connection().session()
    for link in (session.sender("s"), session.receiver("r")):
        for word in ("name", "state", "credit", "queued", "available", "unsettled", "is_sender", "is_receiver",
                     "snd_settle_mode", "rcv_settle_mode", "remote_snd_settle_mode", "remote_rcv_settle_mode",
                     "max_message_size", "remote_max_message_size", "properties", "remote_properties", "condition",
                     "remote_condition", "current", "drain_mode", "transport", "handler"):
            shown = getattr(link, word)
            run.note(word, int(shown) if isinstance(shown, int) else repr(shown))
        link.snd_settle_mode = proton.Link.SND_SETTLED
        link.rcv_settle_mode = proton.Link.RCV_SECOND
        link.max_message_size = 12345
        link.properties = {"p": 1}
        run.note(link.snd_settle_mode, link.rcv_settle_mode, link.max_message_size, value(dict(link.properties)))
        run.note(link.session == session, link.connection == session.connection, link.advance(), bool(link.next(0)))
        link.mark = "here"
    head = session.connection.link_head(0)
    run.note(head.mark, head.next(0).mark, head == head.session.connection.link_head(0))


@scenario(differs=Differs(
    "A single symbol, where a peer says what capabilities or outcomes a terminus has, is read as an array of one",
    proton=["symbol('amqp:accepted:list')", "symbol('alone')"],
    ours=["Array(UNDESCRIBED, 21, symbol('amqp:accepted:list'))", "Array(UNDESCRIBED, 21, symbol('alone'))"]))
def what_attach_tells_the_peer(run: Any) -> None:
    pair = opened(run)
    session = pair.a.connection.session()
    session.open()
    link = session.receiver("link")
    link.snd_settle_mode = proton.Link.SND_SETTLED
    link.rcv_settle_mode = proton.Link.RCV_SECOND
    link.max_message_size = 1 << 40
    link.properties = {proton.symbol("p"): [1, 2]}
    source = link.source
    source.address = "here"
    source.durability = proton.Terminus.DELIVERIES
    source.expiry_policy = proton.Terminus.EXPIRE_WITH_CONNECTION
    source.timeout = 77
    source.distribution_mode = proton.Terminus.DIST_MODE_COPY
    source.properties.put_object({proton.symbol("node"): 1})
    source.capabilities.put_array(False, proton.Data.SYMBOL)
    source.capabilities.enter()
    source.capabilities.put_symbol("queue")
    source.capabilities.put_symbol("topic")
    source.outcomes.put_object(proton.symbol("amqp:accepted:list"))
    source.filter.put_object({proton.symbol("f"): proton.Described(proton.symbol("d"), "x")})
    link.target.address = "there"
    link.target.capabilities.put_symbol("alone")
    link.open()
    pair.pump()
    theirs = pair.b.connection.link_head(0)
    run.note(int(theirs.remote_snd_settle_mode), int(theirs.remote_rcv_settle_mode), theirs.remote_max_message_size,
             value(theirs.remote_properties))
    for terminus in (theirs.remote_source, theirs.remote_target, theirs.source):
        run.note(int(terminus.type), terminus.address, int(terminus.durability), int(terminus.expiry_policy),
                 terminus.timeout, terminus.dynamic, int(terminus.distribution_mode))
        for data in (terminus.properties, terminus.capabilities, terminus.outcomes, terminus.filter):
            data.rewind()
            run.note(value(data.get_object()) if data.next() else None)
    theirs.source.copy(theirs.remote_source)
    theirs.target.copy(theirs.remote_target)
    theirs.snd_settle_mode = theirs.remote_snd_settle_mode
    theirs.open()
    theirs.session.open()
    pair.pump()
    run.note(int(link.remote_snd_settle_mode), int(link.remote_rcv_settle_mode), link.remote_max_message_size)


@scenario()
def a_dynamic_address_and_a_coordinator(run: Any) -> None:
    pair = opened(run)
    session = pair.a.connection.session()
    session.open()
    link = session.receiver("dynamic")
    link.source.dynamic = True
    link.open()
    control = session.sender("control")
    control.target.type = proton.Terminus.COORDINATOR
    control.target.capabilities.put_object(proton.symbol("amqp:local-transactions"))
    control.open()
    pair.pump()
    theirs = pair.b.connection.link_head(0)
    run.note(theirs.remote_source.dynamic, theirs.remote_source.address)
    theirs.source.address = "made"
    theirs.source.dynamic = True
    theirs.session.open()
    theirs.open()
    second = theirs.next(0)
    run.note(int(second.remote_target.type))
    second.target.copy(second.remote_target)
    second.open()
    pair.pump()
    run.note(link.remote_source.address, int(control.remote_target.type))


@scenario(differs=Differs(
    "A session with an ``incoming_capacity`` tells it by its begin; proton repeats it by a flow",
    proton=["a > 0 Flow(incoming_window=10, next_outgoing_id=0, outgoing_window=55)"]))
def sessions_with_the_windows_of_their_own(run: Any) -> None:
    def prepare(a: Any, b: Any) -> None:
        a.transport.max_frame_size = 1024
    pair = opened(run, prepare)
    session = pair.a.connection.session()
    run.note(session.incoming_capacity, session.outgoing_window, session.incoming_bytes, session.outgoing_bytes)
    session.incoming_capacity = 10240
    session.outgoing_window = 55
    run.note(session.incoming_capacity, session.outgoing_window)
    session.open()
    pair.pump()
    theirs = pair.b.connection.session_head(0)
    theirs.outgoing_window = 77
    theirs.open()
    pair.pump()
    run.note(states(session.state), states(theirs.state), session.transport == pair.a.transport)


@scenario(differs=Differs(
    WAITS,
    proton=["a > 0 End()", "b event SESSION_INIT UC", "b event SESSION_REMOTE_OPEN UC",
            "b event SESSION_REMOTE_CLOSE UC"],
    ours=["b event SESSION_INIT UA", "b event SESSION_REMOTE_OPEN UA"]))
def a_session_that_was_never_opened_is_closed(run: Any) -> None:
    pair = opened(run)
    pair.a.connection.session().close()
    pair.pump()


@scenario()
def the_collector_alone(run: Any) -> None:
    collector = proton.Collector()
    run.note(collector.peek(), collector.more(), collector.pop())
    connection = proton.Connection()
    connection.collect(collector)
    connection.open()
    session = connection.session()
    event = collector.peek()
    run.note(str(event.type), event.context == connection, event.connection == connection, event.session, event.link,
             event.delivery, event.transport, collector.more(), type(event.context).__name__)
    collector.pop()
    run.note(str(collector.peek().type), collector.more())
    session.open()
    run.note(events(collector), collector.more())
    collector.put(connection, proton.EventType("of-my-own"))
    mine = collector.peek()
    run.note(str(mine.type), mine.type.method, mine.context == connection)
    run.note(events(collector))
    collector.put(session, proton.Event.SESSION_LOCAL_OPEN)
    collector.put(session, proton.Event.SESSION_LOCAL_OPEN)
    run.note(events(collector))
    session.close()
    collector.release()
    run.note(events(collector))


@scenario()
def events_of_one_endpoint_follow_each_other(run: Any) -> None:
    collector = proton.Collector()
    connection = proton.Connection()
    run.note("opened before it is collected")
    connection.open()
    session = connection.session()
    connection.collect(collector)
    run.note(events(collector))
    link = session.sender("link")
    link.open()
    link.detach()
    link.close()
    run.note(events(collector))
    link.free()
    run.note(events(collector))
    session.close()
    session.free()
    run.note(events(collector))
    connection.close()
    connection.free()
    run.note(events(collector))


@scenario()
def a_link_of_a_closed_connection(run: Any) -> None:
    pair, sender, receiver = attached(run)
    pair.a.connection.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state), states(pair.b.connection.state))
    sender.close()
    receiver.close()
    late = sender.session.sender("late")
    late.open()
    pair.pump()
    pair.b.connection.close()
    pair.pump()
    run.note(states(late.state), states(sender.state))


@scenario()
def both_close_at_once(run: Any) -> None:
    pair, sender, receiver = attached(run)
    for one, other in ((sender, receiver), (sender.session, receiver.session),
                       (pair.a.connection, pair.b.connection)):
        one.condition = Condition("app:me-first", "a")
        other.condition = Condition("app:me-first", "b")
        one.close()
        other.close()
        pair.pump()
        run.note(states(one.state), states(other.state), line_of(one.remote_condition),
                 line_of(other.remote_condition))
