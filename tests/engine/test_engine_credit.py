"""Link credit: given, used, drained, echoed."""

from __future__ import annotations

from typing import Tuple

from wiring import Linked, ScriptedPeer, receive, receive_all, scripted, send

from syncproton.engine import Receiver, Sender
from syncproton.wire.performatives import Flow, Transfer


def sending(**fields: int) -> Tuple[ScriptedPeer, Sender]:
    """A sender whose scripted receiver gives it credit by hand."""
    peer = scripted()
    peer.begin()
    link = peer.attach(sends=False)
    assert isinstance(link, Sender)
    return peer, link


def test_credit_adds_up_and_is_told_once() -> None:
    linked = Linked(credit=0)
    linked.receiver.flow(2)
    linked.receiver.flow(3)
    assert linked.b.names() == ["TRANSPORT"]
    linked.pump()
    assert linked.a.names() == ["LINK_FLOW"]
    assert linked.sender.credit == linked.receiver.credit == 5
    assert linked.a.transport.frames_input == 4  # open, begin, attach, flow


def test_credit_is_used_by_deliveries() -> None:
    linked = Linked(credit=3)
    for number in range(5):
        send(linked.sender, b"%d" % number)
    assert linked.sender.credit == -2
    linked.pump()
    assert linked.sender.queued == 2
    assert linked.receiver.queued == 3
    assert [data for _, data in receive_all(linked.receiver)] == [b"0", b"1", b"2"]
    assert linked.receiver.credit == 0
    linked.receiver.flow(10)
    linked.pump()
    assert [data for _, data in receive_all(linked.receiver)] == [b"3", b"4"]
    assert linked.sender.credit == linked.receiver.credit == 8
    assert linked.sender.queued == 0


def test_the_peers_view_of_credit() -> None:
    linked = Linked(credit=10)
    send(linked.sender)
    assert (linked.sender.credit, linked.sender.remote_credit) == (9, 10)
    linked.pump()
    assert (linked.sender.credit, linked.sender.remote_credit) == (9, 9)
    assert (linked.receiver.credit, linked.receiver.remote_credit) == (10, 9)


def test_credit_may_be_taken_back() -> None:
    linked = Linked(credit=10)
    linked.receiver.flow(-4)
    linked.pump()
    assert linked.sender.credit == linked.receiver.credit == 6


def test_drain_gives_back_what_is_not_used() -> None:
    linked = Linked(credit=0)
    linked.receiver.drain(10)
    assert linked.receiver.draining() and linked.receiver.drain_mode
    linked.pump()
    assert linked.sender.drain_mode and linked.sender.credit == 10
    for _ in range(3):
        send(linked.sender)
    assert linked.sender.drained() == 7
    assert linked.sender.drained() == 0
    linked.pump()
    assert linked.receiver.queued == 3
    assert linked.receiver.credit == 3 and not linked.receiver.draining()
    assert linked.receiver.drained() == 7
    assert linked.receiver.drained() == 0
    assert linked.sender.credit == 0
    assert [data for _, data in receive_all(linked.receiver)] == [b"hello"] * 3
    assert linked.receiver.credit == 0


def test_a_drain_used_up_is_done() -> None:
    linked = Linked(credit=0)
    linked.receiver.drain(2)
    linked.pump()
    send(linked.sender)
    send(linked.sender)
    linked.pump()
    assert linked.sender.drained() == 0
    assert not linked.receiver.draining()
    assert linked.receiver.drained() == 0


def test_flow_after_a_drain_is_credit_again_and_drain_mode_stays_on() -> None:
    linked = Linked(credit=0)
    linked.receiver.drain(1)
    linked.pump()
    linked.sender.drained()
    linked.pump()
    linked.receiver.flow(1)
    assert not linked.receiver.drain_mode
    linked.receiver.drain_mode = True
    linked.receiver.flow(1)
    assert linked.receiver.drain_mode
    linked.pump()
    assert linked.sender.drain_mode and linked.sender.credit == 2
    linked.receiver.drain_mode = False
    linked.receiver.flow(1)
    linked.pump()
    assert not linked.sender.drain_mode
    assert linked.sender.drained() == 0


def test_a_drain_amid_a_message_leaves_the_credit_to_finish_it() -> None:
    linked = Linked(credit=5)
    linked.sender.delivery("long")
    linked.sender.stream(b"begun ")
    linked.pump()
    linked.receiver.drain(0)
    linked.pump()
    assert linked.sender.drained() == 4
    linked.pump()
    assert linked.receiver.drained() == 4 and not linked.receiver.draining()
    linked.sender.stream(b"and done")
    linked.sender.advance()
    linked.pump()
    assert receive(linked.receiver)[1] == b"begun and done"
    assert linked.sender.credit == linked.receiver.credit == 0
    assert not linked.receiver.draining()


def test_a_drain_waits_for_messages_handed_over_before() -> None:
    """A window of no frames holds the message back, and so the credit that it uses."""
    peer, link = sending()
    peer.say(Flow(0, 0, 0, 100, handle=0, delivery_count=0, link_credit=5, drain=True))
    send(link)
    assert link.drained() == 4
    assert peer.performatives() == []
    peer.say(Flow(0, 100, 0, 100))
    transfer, flow = peer.performatives()
    assert isinstance(transfer, Transfer)
    assert (flow.delivery_count, flow.link_credit, flow.drain) == (5, 0, True)


def test_credit_that_came_while_a_drain_was_answered_can_be_used() -> None:
    peer, link = sending()
    peer.say(Flow(0, 0, 0, 100, handle=0, delivery_count=0, link_credit=5, drain=True))
    assert link.drained() == 5
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=8, drain=True))
    flow, = peer.performatives()
    assert (flow.delivery_count, flow.link_credit) == (5, 3)
    assert link.credit == 3
    for _ in range(3):
        send(link)
    assert [type(p) for p in peer.performatives()] == [Transfer] * 3


def test_messages_without_credit_do_not_keep_a_drain_from_being_answered() -> None:
    peer, link = sending()
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=1, drain=True))
    assert link.drained() == 1
    send(link)
    flow, = peer.performatives()
    assert (flow.delivery_count, flow.link_credit) == (1, 0)
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=1, link_credit=1))
    assert [type(p) for p in peer.performatives()] == [Transfer]


def test_an_echo_on_a_link_is_answered() -> None:
    linked = Linked(credit=4)
    peer = ScriptedPeer(linked.a)
    peer._header = b"AMQP\x00\x01\x00\x00"
    linked.sender.offered(17)
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=4, echo=True))
    flow, = peer.performatives()
    assert (flow.handle, flow.delivery_count, flow.link_credit, flow.available, flow.echo) == (0, 0, 4, 17, False)
    assert peer.performatives() == []


def test_an_echo_to_a_receiver_is_answered_with_its_credit() -> None:
    peer = scripted()
    peer.begin()
    link = peer.attach()
    assert isinstance(link, Receiver)
    link.flow(4)
    peer.hears()
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=4, available=9, echo=True))
    flow, = peer.performatives()
    assert (flow.handle, flow.link_credit) == (0, 4)
    assert link.available == 9


def test_an_echo_on_the_session_is_answered_without_a_link() -> None:
    peer = scripted()
    peer.begin()
    peer.end.events()
    peer.say(Flow(0, 100, 0, 100, echo=True))
    flow, = peer.performatives()
    assert flow.handle is None and flow.next_incoming_id == 0
    assert "LINK_FLOW" not in peer.end.names()


def test_counts_go_over_the_end_of_the_numbers() -> None:
    peer = scripted()
    peer.begin()
    link = peer.attach(initial_delivery_count=0xFFFFFFFE)
    assert isinstance(link, Receiver)
    link.flow(5)
    flow, = peer.performatives()
    assert (flow.delivery_count, flow.link_credit) == (0xFFFFFFFE, 5)
    for number in range(4):
        peer.say(Transfer(0, number, b"%d" % number, 0), payload=b"x")
        receive(link)
    link.flow(1)
    flow, = peer.performatives()
    assert (flow.delivery_count, flow.link_credit) == (2, 2)


def test_credit_without_limit_is_not_taken_for_none() -> None:
    peer, link = sending()
    peer.say(Flow(0, 0xFFFFFFFF, 0, 100, handle=0, delivery_count=0, link_credit=0xFFFFFFFF))
    assert link.credit == 0xFFFFFFFF
    send(link)
    assert [type(p) for p in peer.performatives()] == [Transfer]
    peer.say(Flow(1, 0xFFFFFFFF, 0, 100, handle=0, delivery_count=1, link_credit=0xFFFFFFFF))
    assert link.credit == 0xFFFFFFFF


def test_credit_counted_from_before_our_attach_came() -> None:
    peer, link = sending()
    peer.say(Flow(None, 100, 0, 100, handle=0, delivery_count=None, link_credit=3))
    assert link.credit == 3
    send(link)
    assert [type(p) for p in peer.performatives()] == [Transfer]


def test_a_late_flow_does_not_give_credit_twice() -> None:
    peer, link = sending()
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=3))
    send(link)
    send(link)
    peer.hears()
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=3))
    assert link.credit == 1
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=1))
    assert link.credit == 0


def test_a_sender_that_counts_wrong_takes_no_more_than_it_has() -> None:
    peer = scripted()
    peer.begin()
    link = peer.attach()
    assert isinstance(link, Receiver)
    link.flow(4)
    peer.hears()
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=1000, link_credit=0))
    assert link.credit == 0
    assert link.drained() == 4
    link.flow(2)
    flow, = peer.performatives()
    assert (flow.delivery_count, flow.link_credit) == (1000, 2)


def test_every_flow_of_the_peer_is_told() -> None:
    peer, link = sending()
    peer.end.events()
    for credit in (1, 2, 2):
        peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=credit))
        assert peer.end.names() == ["LINK_FLOW"]
