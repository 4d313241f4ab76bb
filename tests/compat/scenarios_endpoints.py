"""The engine by hand: sessions and links, how they are found, attached, detached, closed and freed."""

from __future__ import annotations

from typing import Any

import proton
from hand import Linked, Pair
from record import states
from scenario import Differs, scenario

ENDPOINT = proton.Endpoint
UNINIT = ENDPOINT.LOCAL_UNINIT


@scenario()
def a_session_opened_and_closed(run: Any) -> None:
    pair = Pair(run).open()
    session = pair.client.connection.session()
    pair.pump()
    session.open()
    pair.pump()
    far = pair.server.connection.session_head(UNINIT)
    far.open()
    pair.pump()
    session.close()
    pair.pump()
    far.close()
    pair.pump()
    run.note(states(session.state), states(far.state))


@scenario()
def a_session_closed_by_the_peer(run: Any) -> None:
    pair = Linked(run)
    pair.far_session.condition = proton.Condition("app:enough", "bye")
    pair.far_session.close()
    pair.pump()
    remote = pair.session.remote_condition
    run.note(remote.name, remote.description, states(pair.session.state), states(pair.sender.state))
    pair.session.close()
    pair.pump()


@scenario()
def a_new_session(run: Any) -> None:
    connection = proton.Connection()
    session = connection.session()
    run.note(states(session.state), session.incoming_capacity, session.outgoing_window, session.incoming_bytes)
    run.note(session.outgoing_bytes, session.condition, session.remote_condition, session.connection == connection)
    run.note(session.next(0))


@scenario()
def a_new_link(run: Any) -> None:
    session = proton.Connection().session()
    for link in (session.sender("out"), session.receiver("in")):
        run.note(states(link.state), link.name, link.is_sender, link.is_receiver, link.credit, link.queued)
        run.note(link.unsettled, link.available, link.drain_mode, link.current, int(link.snd_settle_mode))
        run.note(int(link.rcv_settle_mode), int(link.remote_snd_settle_mode), int(link.remote_rcv_settle_mode))
        run.note(link.max_message_size, link.remote_max_message_size, link.properties, link.remote_properties)
        for terminus in (link.source, link.target, link.remote_source, link.remote_target):
            run.note(int(terminus.type), terminus.address, int(terminus.durability), int(terminus.expiry_policy),
                     terminus.timeout, terminus.dynamic, int(terminus.distribution_mode))
        run.note(link.session == session, link.connection == session.connection, link.condition)


@scenario()
def a_link_attached_and_closed(run: Any) -> None:
    pair = Pair(run).open()
    session = pair.client.connection.session()
    session.open()
    link = session.sender("link")
    link.source.address, link.target.address = "from", "to"
    link.open()
    pair.pump()
    pair.server.connection.session_head(UNINIT).open()
    far = pair.server.connection.link_head(UNINIT)
    run.note(far.name, far.is_receiver, far.remote_source.address, far.remote_target.address, far.source.address)
    far.open()
    pair.pump()
    link.close()
    pair.pump()
    far.close()
    pair.pump()
    run.note(states(link.state), states(far.state))


@scenario(differs=Differs(
    "A link that was opened before its session is attached once the session is open",
    ours=["client says 0 Attach(name='link', handle=0, role=False, source=Source(), target=Target(), "
          "initial_delivery_count=0, max_message_size=0)", "server LINK_INIT AA UA UA",
          "server LINK_REMOTE_OPEN AA UA UA"]))
def a_link_of_a_session_that_is_not_open(run: Any) -> None:
    pair = Pair(run).open()
    session = pair.client.connection.session()
    link = session.sender("link")
    link.open()
    pair.pump()
    session.open()
    pair.pump()


@scenario()
def detached_and_attached_again(run: Any) -> None:
    pair = Linked(run)
    pair.sender.detach()
    pair.pump()
    run.note(states(pair.sender.state), states(pair.receiver.state))
    pair.receiver.detach()
    pair.pump()
    run.note(states(pair.sender.state), states(pair.receiver.state))
    again = pair.session.sender("link")
    again.open()
    pair.pump()


@scenario()
def closed_by_the_receiver_with_a_condition(run: Any) -> None:
    pair = Linked(run)
    pair.receiver.condition = proton.Condition("app:gone", "good-bye", {proton.symbol("n"): 1})
    pair.receiver.close()
    pair.pump()
    remote = pair.sender.remote_condition
    run.note(remote.name, remote.description, remote.info, pair.sender.credit)
    pair.sender.close()
    pair.pump()


@scenario()
def settle_modes(run: Any) -> None:
    link = proton.Link

    def near(sender: Any) -> None:
        sender.snd_settle_mode = link.SND_SETTLED
        sender.rcv_settle_mode = link.RCV_SECOND

    def far(receiver: Any) -> None:
        run.note(int(receiver.remote_snd_settle_mode), int(receiver.remote_rcv_settle_mode))
        receiver.snd_settle_mode = link.SND_UNSETTLED
    pair = Linked(run, near=near, far=far)
    run.note(int(pair.sender.remote_snd_settle_mode), int(pair.sender.remote_rcv_settle_mode))
    pair.send(b"x")
    pair.pump()
    run.note(pair.receiver.current.settled)


@scenario()
def all_that_an_attach_tells(run: Any) -> None:
    def near(sender: Any) -> None:
        source = sender.source
        source.durability = source.DELIVERIES
        source.expiry_policy = source.EXPIRE_NEVER
        source.timeout = 7
        source.distribution_mode = source.DIST_MODE_COPY
        source.filter.put_dict({proton.symbol("selector"): "x = 1"})
        source.capabilities.put_object(proton.symbol("queue"))
        source.outcomes.put_array(False, proton.Data.SYMBOL)
        source.outcomes.enter()
        source.outcomes.put_symbol("amqp:accepted:list")
        source.outcomes.exit()
        sender.target.dynamic = True
        sender.target.address = None
        sender.target.properties.put_dict({proton.symbol("lifetime"): 3})
        sender.properties = {proton.symbol("key"): 3}
        sender.max_message_size = 1000

    def far(receiver: Any) -> None:
        remote = receiver.remote_source
        run.note(int(remote.durability), int(remote.expiry_policy), remote.timeout, int(remote.distribution_mode))
        for data in (remote.filter, remote.capabilities, remote.outcomes, receiver.remote_target.properties):
            data.rewind()
            value = data.get_object() if data.next() else None
            run.note(getattr(value, "elements", value))
        run.note(receiver.remote_target.dynamic, receiver.remote_properties, receiver.remote_max_message_size)
    Linked(run, near=near, far=far)


@scenario()
def finding_endpoints(run: Any) -> None:
    pair = Pair(run).open()
    connection = pair.client.connection
    for name in ("a", "b", "c"):
        session = connection.session()
        if name != "c":
            session.open()
        session.sender(name + "1").open()
        session.receiver(name + "2")
    for mask in (0, UNINIT, ENDPOINT.LOCAL_ACTIVE, ENDPOINT.REMOTE_UNINIT, ENDPOINT.LOCAL_CLOSED,
                 ENDPOINT.LOCAL_ACTIVE | ENDPOINT.REMOTE_UNINIT):
        link, names = connection.link_head(mask), []
        while link:
            names.append(link.name)
            link = link.next(mask)
        session, count = connection.session_head(mask), 0
        while session:
            count += 1
            session = session.next(mask)
        run.note(int(mask), names, count)


@scenario()
def the_same_name_both_ways(run: Any) -> None:
    pair = Pair(run).open()
    session = pair.client.connection.session()
    session.open()
    session.sender("same").open()
    session.receiver("same").open()
    pair.pump()


@scenario()
def two_looks_at_one_thing(run: Any) -> None:
    pair = Linked(run)
    first, second = pair.client.connection.link_head(0), pair.client.connection.link_head(0)
    run.note(first == second, hash(first) == hash(second), first == pair.sender, first != pair.session)
    first.mark = "seen"
    run.note(second.mark, pair.sender.mark)
    delivery = pair.send(b"x")
    pair.pump()
    delivery.mark = 1
    run.note(pair.receiver.current == pair.receiver.current)


@scenario()
def freed(run: Any) -> None:
    pair = Linked(run)
    pair.sender.close()
    pair.receiver.close()
    pair.pump()
    pair.sender.free()
    pair.session.close()
    pair.far_session.close()
    pair.pump()
    pair.session.free()
    pair.client.connection.close()
    pair.pump()
    pair.client.connection.free()
    pair.client.events()


@scenario()
def closing_from_the_outside_in(run: Any) -> None:
    pair = Linked(run)
    pair.client.connection.close()
    pair.client.connection.session_head(0).close()
    pair.sender.close()
    pair.pump()


@scenario()
def closing_from_the_inside_out(run: Any) -> None:
    pair = Linked(run)
    pair.sender.close()
    pair.session.close()
    pair.client.connection.close()
    pair.pump()
    pair.client.show()


@scenario()
def twice_and_out_of_turn(run: Any) -> None:
    pair = Linked(run)
    for word, function in (
        ("open a link again", pair.sender.open), ("close it", pair.sender.close), ("close it again", pair.sender.close),
        ("detach it then", pair.sender.detach), ("open the session again", pair.session.open),
        ("close it", pair.session.close), ("close it again", pair.session.close),
    ):
        run.tried(word, function)
        pair.pump()


@scenario()
def conditions(run: Any) -> None:
    condition = proton.Condition("name", "description", {"a": 1})
    run.note(condition.name, condition.description, condition.info)
    run.note(condition == proton.Condition("name", "description", {"a": 1}), condition == proton.Condition("name"))
    run.note(proton.Condition("name").description, proton.Condition("name").info)
    run.note(repr(condition), str(condition))
    connection = proton.Connection()
    run.note(connection.condition)
    connection.condition = condition
    run.note(connection.condition == condition)
    connection.condition = None
    run.note(connection.condition)


@scenario()
def names_of_events(run: Any) -> None:
    from proton import Event, EventType
    for number in range(1, 60):
        kind = EventType.TYPES.get(number) if isinstance(EventType.TYPES, dict) else None
        if kind is not None:
            run.note(number, kind.name, kind.method, str(kind), repr(kind))
    for name in sorted(dir(Event)):
        if name.isupper():
            kind = getattr(Event, name)
            run.note(name, kind.name, kind.number, kind.method, str(kind))


@scenario()
def a_collector(run: Any) -> None:
    from proton import Collector, Event
    collector = Collector()
    connection = proton.Connection()
    run.note(collector.peek(), collector.more(), bool(collector.pop()))
    connection.collect(collector)
    run.note(collector.peek().type, collector.more(), collector.peek().context == connection)
    collector.put(connection, Event.CONNECTION_FINAL)
    run.note(collector.more())
    run.note(bool(collector.pop()), collector.peek().type, collector.more())
    collector.release()
