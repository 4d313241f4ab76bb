"""Links: attach, detach and close from either side, names and handles, what each side says of its termini."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from wiring import Linked, only, pair, pump, scripted, send

from syncproton.codec import UNDESCRIBED, Array, Data, symbol
from syncproton.engine import Condition, Endpoint, Link, Receiver, Sender, Terminus
from syncproton.errors import LinkException
from syncproton.wire.performatives import Attach, Begin, Close, Detach, End, Flow, Transfer
from syncproton.wire.termini import Source, Target

ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE
CLOSED = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def test_attach_and_close_tell_events_in_order() -> None:
    linked = Linked(credit=0)
    sender = linked.attach("second")
    assert linked.a.names() == ["LINK_INIT", "LINK_LOCAL_OPEN", "TRANSPORT"]
    linked.pump()
    assert linked.b.names() == ["LINK_INIT", "LINK_REMOTE_OPEN"]
    receiver = linked.answer()
    linked.pump()
    assert linked.b.names() == ["LINK_LOCAL_OPEN", "TRANSPORT"]
    assert linked.a.names() == ["LINK_REMOTE_OPEN"]
    assert sender.state == receiver.state == ACTIVE

    sender.close()
    linked.pump()
    assert linked.a.names() == ["LINK_LOCAL_CLOSE", "TRANSPORT"]
    assert linked.b.names() == ["LINK_REMOTE_CLOSE"]
    receiver.close()
    linked.pump()
    assert linked.b.names() == ["LINK_LOCAL_CLOSE", "TRANSPORT"]
    assert linked.a.names() == ["LINK_REMOTE_CLOSE"]
    assert sender.state == receiver.state == CLOSED


def test_detach_is_not_close() -> None:
    linked = Linked(credit=0)
    linked.sender.detach()
    linked.sender.detach()
    linked.pump()
    assert linked.a.names() == ["LINK_LOCAL_DETACH", "TRANSPORT"]
    assert linked.b.names() == ["LINK_REMOTE_DETACH"]
    assert linked.receiver.state == ACTIVE
    linked.receiver.detach()
    linked.pump()
    assert linked.a.names() == ["LINK_REMOTE_DETACH"]


def test_the_listener_may_open_links_too() -> None:
    linked = Linked(credit=0)
    receiver = linked.into.receiver("theirs")
    sender = linked.into.sender("theirs")  # The same name in the other direction is another link.
    receiver.open()
    sender.open()
    linked.pump()
    links = list(linked.a.connection.links(Endpoint.LOCAL_UNINIT))
    assert [(type(link), link.name) for link in links] == [(Sender, "theirs"), (Receiver, "theirs")]
    for link in reversed(links):
        link.open()
    links[1].flow(2)
    receiver.flow(3)
    linked.pump()
    assert receiver.state == sender.state == ACTIVE
    assert links[0].credit == 3 and sender.credit == 2


def test_an_attach_of_both_sides_at_once_makes_one_link() -> None:
    linked = Linked(credit=0)
    sender, receiver = linked.out.sender("crossing"), linked.into.receiver("crossing")
    sender.open()
    receiver.open()
    linked.pump()
    assert sender.state == receiver.state == ACTIVE
    assert len(linked.out.links()) == len(linked.into.links()) == 2


def held(data: Data) -> Any:
    """The value that ``data`` holds."""
    data.rewind()
    assert data.next() is not None
    return data.get_object()


def test_what_is_said_of_the_link_arrives() -> None:
    def describe(link: Link) -> None:
        link.snd_settle_mode = Link.SND_SETTLED
        link.rcv_settle_mode = Link.RCV_SECOND
        link.max_message_size = 12345
        link.properties = {"key": "value"}
        source, target = link.source, link.target
        source.address = "from"
        source.durability = Terminus.DELIVERIES
        source.expiry_policy = Terminus.EXPIRE_NEVER
        source.timeout = 7
        source.distribution_mode = Terminus.DIST_MODE_COPY
        source.filter.put_dict({symbol("selector"): "x = 1"})
        source.outcomes.put_object([symbol("amqp:accepted:list")])
        source.capabilities.put_object(symbol("queue"))
        target.dynamic = True
        target.address = None
        target.properties.put_dict({symbol("lifetime-policy"): "short"})

    linked = Linked(credit=0, sending=describe)
    receiver = linked.receiver
    assert receiver.remote_snd_settle_mode == Link.SND_SETTLED
    assert receiver.remote_rcv_settle_mode == Link.RCV_SECOND
    assert receiver.remote_max_message_size == 12345
    assert receiver.remote_properties == {"key": "value"}
    source, target = receiver.remote_source, receiver.remote_target
    assert (source.type, source.address) == (Terminus.SOURCE, "from")
    assert (source.durability, source.expiry_policy, source.timeout) == (2, 3, 7)
    assert source.distribution_mode == Terminus.DIST_MODE_COPY
    assert held(source.filter) == {"selector": "x = 1"}
    assert held(source.outcomes) == Array(UNDESCRIBED, Data.SYMBOL, symbol("amqp:accepted:list"))
    assert held(source.capabilities) == Array(UNDESCRIBED, Data.SYMBOL, symbol("queue"))
    assert target.dynamic and target.address is None
    assert held(target.properties) == {"lifetime-policy": "short"}
    assert linked.sender.remote_source.address == "from"  # The listener copied it.


def test_a_refused_link_has_no_source_and_then_its_reason() -> None:
    linked = Linked(credit=0)
    receiver = linked.out.receiver("refused")
    receiver.source.address = "nowhere"
    receiver.open()
    linked.pump()
    link = linked.b.connection.link_head(Endpoint.LOCAL_UNINIT)
    assert link is not None
    link.source.type = Terminus.UNSPECIFIED
    link.condition = Condition("amqp:not-found", "no such node")
    link.open()
    link.close()
    linked.a.events()
    linked.pump()
    assert linked.a.names() == ["LINK_REMOTE_OPEN", "LINK_REMOTE_CLOSE"]
    assert receiver.remote_source.type == Terminus.UNSPECIFIED
    assert receiver.remote_source.address is None
    assert receiver.remote_condition == Condition("amqp:not-found", "no such node")


def test_handles_of_the_peer_come_in_any_order_and_channels_too() -> None:
    peer = scripted()
    session = peer.begin(channel=17)
    for handle in (9, 2, 2147483647, 0):
        peer.attach(f"link {handle}", handle, channel=17)
    links = session.links()
    assert [link.name for link in links] == ["link 9", "link 2", "link 2147483647", "link 0"]
    for link in links:
        link.flow(1)
    flows = [p for p in peer.performatives() if isinstance(p, Flow)]
    assert [flow.handle for flow in flows] == [0, 1, 2, 3]
    peer.say(Transfer(2147483647, 0, b"t", 0), channel=17, payload=b"x")
    assert [link.queued for link in links] == [0, 0, 1, 0]


def test_our_lowest_free_handle_is_used_again() -> None:
    peer = scripted()
    session = peer.begin()
    links = [session.sender(str(number)) for number in range(4)]
    for link in links:
        link.open()
    assert [p.handle for p in peer.performatives()] == [0, 1, 2, 3]
    for link in (links[2], links[0]):
        link.close()
    assert [p.handle for p in peer.performatives()] == [2, 0]
    again = [session.receiver(name) for name in ("x", "y", "z")]
    for link in again:
        link.open()
    assert [p.handle for p in peer.performatives()] == [0, 2, 4]


def test_a_name_may_be_used_again_once_its_link_is_closed() -> None:
    linked = Linked(credit=0)
    for _ in range(3):
        linked.sender.close()
        linked.receiver.close()
        linked.pump()
        linked.sender = linked.attach("link")
        linked.pump()
        linked.receiver = linked.answer()
        linked.receiver.flow(5)
        linked.pump()
        assert linked.sender.credit == 5
    assert linked.a.transport.condition is None


@pytest.mark.parametrize("leave, closed", [(Link.close, True), (Link.detach, False)])
def test_a_name_is_used_again_once_the_peer_has_left_its_link(leave: Callable[[Link], None], closed: bool) -> None:
    """Of two links of a name at once peers make one, or an error of the connection."""
    peer = scripted()
    session = peer.begin()
    first = session.sender("name")
    first.open()
    peer.say(Attach("name", 5, True))
    peer.hears()
    leave(first)
    second = session.sender("name")
    second.open()
    other = session.receiver("name")  # In the other direction it is another name.
    other.open()
    assert [(type(p), p.handle) for p in peer.performatives()] == [(Attach, 1), (Detach, 0)]
    peer.say(Detach(5, closed))
    assert [(type(p), p.handle) for p in peer.performatives()] == [(Attach, 0)]
    peer.end.events()
    peer.say(Attach("name", 5, True), Flow(1, 100, 0, 100, 5, 0, 10))
    assert [(str(e.type), e.link) for e in peer.end.events()] == [
        ("PN_LINK_REMOTE_OPEN", second), ("PN_LINK_FLOW", second)]
    assert second.credit == 10


def test_a_name_is_used_again_after_the_peer_left_first() -> None:
    peer = scripted()
    session = peer.begin()
    first = session.sender("name")
    first.open()
    peer.say(Attach("name", 5, True), Detach(5, True))
    peer.hears()
    second = session.sender("name")
    second.open()
    first.close()
    assert [type(p) for p in peer.performatives()] == [Detach, Attach]


def test_a_name_may_be_used_again_before_the_peer_has_answered_at_all() -> None:
    """Artemis never answers the attach of a link that it finds detached already."""
    peer = scripted()
    session = peer.begin()
    first = session.sender("name")
    first.open()
    peer.hears()
    first.close()
    second = session.sender("name")
    second.open()
    assert peer.performatives() == []
    first.free()
    peer.end.events()
    peer.say(Attach("name", 5, True), Flow(5, 100, 0, 100, 5, 0, 10))
    assert [type(p) for p in peer.performatives()] == [Detach]
    peer.say(Detach(5, True))
    assert peer.end.names()[-1] == "LINK_FINAL"
    assert [type(p) for p in peer.performatives()] == [Attach]
    peer.say(Attach("name", 6, True))
    assert [(str(e.type), e.link) for e in peer.end.events()] == [("PN_LINK_REMOTE_OPEN", second)]
    assert second.state == ACTIVE
    assert session.links() == [second]


def test_a_name_that_is_waited_for_keeps_neither_session_nor_connection_open() -> None:
    peer = scripted()
    session = peer.begin()
    for _ in range(2):
        link = session.sender("name")
        link.open()
        link.close()
    session.close()
    assert [type(p) for p in peer.performatives()] == [Attach, End]
    session = peer.begin(channel=1)
    for _ in range(2):
        link = session.sender("name")
        link.open()
        link.close()
    peer.end.connection.close()
    assert [type(p) for p in peer.performatives()] == [Attach, Close]


def test_the_answer_to_a_link_given_up_makes_no_new_link() -> None:
    peer = scripted()
    session = peer.begin()
    link = session.receiver("gone")
    link.open()
    peer.hears()
    link.flow(1)
    peer.hears()
    link.detach()
    link.free()
    assert [type(p) for p in peer.performatives()] == [Detach]
    assert peer.end.names()[-1] == "LINK_FINAL"
    peer.say(Attach("gone", 3, False, initial_delivery_count=0))
    assert session.links() == []
    peer.say(Transfer(3, 0, b"t"), Detach(3, True))
    assert peer.end.names() == []
    assert session.incoming_bytes == 0


def test_a_detach_waits_for_messages_that_wait_for_credit() -> None:
    linked = Linked(credit=0)
    send(linked.sender, b"late")
    linked.sender.close()
    linked.pump()
    assert linked.receiver.state == ACTIVE
    linked.receiver.flow(1)
    linked.pump()
    assert linked.receiver.queued == 1
    assert linked.receiver.state & Endpoint.REMOTE_CLOSED


def test_a_detach_does_not_wait_for_what_the_peer_will_never_take() -> None:
    linked = Linked(credit=0)
    send(linked.sender, b"late")
    linked.sender.close()
    linked.pump()
    linked.receiver.close()
    linked.pump()
    assert linked.sender.state == linked.receiver.state == CLOSED
    assert linked.sender._local_handle == -2


def test_walking_the_links_by_state() -> None:
    linked = Linked(credit=0)
    links: List[Link] = [linked.out.sender(str(number)) for number in range(3)]
    assert linked.a.connection.link_head(Endpoint.LOCAL_UNINIT) is links[0]
    assert links[0].next(Endpoint.LOCAL_UNINIT) is links[1]
    assert links[2].next(0) is None
    assert linked.out.links() == [linked.sender, *links]
    assert list(linked.a.connection.links(Endpoint.LOCAL_UNINIT)) == links


def test_names_are_strings() -> None:
    session = pair()[0].connection.session()
    with pytest.raises(TypeError):
        session.receiver(None)  # type: ignore[arg-type]
    assert session.links() == []


def test_a_link_is_a_sender_or_a_receiver() -> None:
    linked = Linked(credit=0)
    assert linked.sender.is_sender and not linked.sender.is_receiver
    assert linked.receiver.is_receiver and not linked.receiver.is_sender
    with pytest.raises(LinkException):
        Link.advance(linked.sender)


def test_links_attached_before_we_answered_the_begin() -> None:
    peer = scripted()
    peer.say(
        Begin(None, 0, 100, 100),
        Attach("one", 0, False, source=Source(address="s"), target=Target(address="t"), initial_delivery_count=4),
        Attach("two", 1, True, source=Source(address="s"), target=Target(address="t")),
        Flow(0, 100, 0, 100, handle=1, delivery_count=0, link_credit=3),
    )
    session = only(peer.end.connection.sessions())
    session.open()
    for link in session.links():
        link.open()
    receiver, sender = session.links()
    assert sender.credit == 3
    receiver.flow(1)
    send(sender, b"now")
    heard = peer.performatives()
    assert [type(p) for p in heard] == [Begin, Attach, Attach, Flow, Transfer]
    assert heard[3].delivery_count == 4


def test_many_links_are_closed_and_freed_in_reasonable_time() -> None:
    linked = Linked(credit=0)
    senders = [linked.attach(f"link {number}") for number in range(3000)]
    linked.pump()
    for receiver in linked.b.connection.links(Endpoint.LOCAL_UNINIT):
        receiver.open()
    linked.pump()
    for sender in senders:
        sender.close()
    linked.pump()
    for receiver in linked.b.connection.links(Endpoint.REMOTE_CLOSED):
        receiver.close()
        receiver.free()
    linked.pump()
    for sender in reversed(senders):
        sender.free()
    linked.pump()
    assert linked.out.links() == [linked.sender]
    assert linked.into.links() == [linked.receiver]
    assert linked.a.names().count("LINK_FINAL") == linked.b.names().count("LINK_FINAL") == 3000
    pump(linked.a, linked.b)


def test_what_names_no_node_is_a_target_but_no_source() -> None:
    linked = Linked(credit=0)
    sender = linked.out.sender("anywhere")
    sender.open()
    linked.pump()
    link = linked.b.connection.link_head(Endpoint.LOCAL_UNINIT)
    assert link is not None
    assert (link.remote_source.type, link.remote_target.type) == (Terminus.UNSPECIFIED, Terminus.TARGET)
    assert link.remote_target.address is None
