"""Dispositions on the wire: runs of deliveries told in one frame, and ranges a peer may name."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest
from wiring import ScriptedPeer, receive_all, scripted, send

from syncproton.engine import Delivery, Receiver, Sender
from syncproton.wire.performatives import Attach, Disposition, Flow, Transfer
from syncproton.wire.states import Accepted, Modified, Rejected, Released


def receiving(count: int) -> Tuple[ScriptedPeer, Receiver, List[Delivery]]:
    """An end that has got deliveries with the ids from 0 on from a scripted sender."""
    peer = scripted()
    peer.begin()
    link = peer.attach()
    assert isinstance(link, Receiver)
    link.flow(count)
    peer.hears()
    for number in range(count):
        peer.say(Transfer(0, number, b"%d" % number, 0), payload=b"x")
    deliveries = [delivery for delivery, _ in receive_all(link)]
    peer.end.events()
    return peer, link, deliveries


def sending(count: int) -> Tuple[ScriptedPeer, Sender, List[Delivery]]:
    """An end that has sent deliveries with the ids from 0 on to a scripted receiver."""
    peer = scripted()
    peer.begin(incoming_window=1 << 20)
    link = peer.attach(sends=False)
    assert isinstance(link, Sender)
    peer.say(Flow(0, 1 << 20, 0, 100, handle=0, delivery_count=0, link_credit=count))
    deliveries = [send(link) for _ in range(count)]
    peer.hears()
    peer.end.events()
    return peer, link, deliveries


def ranges(peer: ScriptedPeer) -> List[Tuple[int, Any, bool, type]]:
    return [(d.first, d.last, d.settled, type(d.state)) for d in peer.performatives()]


def test_a_run_of_acceptances_is_one_frame() -> None:
    peer, _, deliveries = receiving(50)
    for delivery in deliveries:
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()
    assert ranges(peer) == [(0, 49, True, Accepted)]


def test_a_run_told_backwards_is_one_frame() -> None:
    peer, _, deliveries = receiving(5)
    for delivery in reversed(deliveries):
        delivery.update(Delivery.RELEASED)
        delivery.settle()
    assert ranges(peer) == [(0, 4, True, Released)]


def test_gaps_and_other_outcomes_divide_a_run() -> None:
    peer, _, deliveries = receiving(8)
    states = [Delivery.ACCEPTED] * 2 + [Delivery.RELEASED] * 2 + [Delivery.ACCEPTED] * 4
    for number, (delivery, state) in enumerate(zip(deliveries, states)):
        if number != 5:
            delivery.update(state)
            delivery.settle()
    assert ranges(peer) == [
        (0, 1, True, Accepted), (2, 3, True, Released), (4, None, True, Accepted), (6, 7, True, Accepted),
    ]


def test_settled_and_unsettled_divide_a_run() -> None:
    peer, _, deliveries = receiving(4)
    for delivery in deliveries:
        delivery.update(Delivery.ACCEPTED)
    for delivery in deliveries[:2]:
        delivery.settle()
    assert ranges(peer) == [(0, 1, True, Accepted), (2, 3, False, Accepted)]


def test_details_are_each_their_own() -> None:
    peer, _, deliveries = receiving(2)
    for delivery in deliveries:
        delivery.local.failed = True
        delivery.update(Delivery.MODIFIED)
        delivery.settle()
    assert ranges(peer) == [(0, None, True, Modified), (1, None, True, Modified)]


def test_a_delivery_that_is_told_again_before_it_is_written_is_told_once() -> None:
    peer, _, deliveries = receiving(1)
    deliveries[0].update(Delivery.ACCEPTED)
    deliveries[0].update(Delivery.REJECTED)
    deliveries[0].settle()
    assert ranges(peer) == [(0, None, True, Rejected)]


def test_runs_go_over_the_end_of_the_numbers() -> None:
    peer = scripted()
    peer.begin()
    link = peer.attach()
    assert isinstance(link, Receiver)
    link.flow(4)
    peer.hears()
    first = 0xFFFFFFFE
    for number in range(4):
        peer.say(Transfer(0, (first + number) & 0xFFFFFFFF, b"%d" % number, 0), payload=b"x")
    for delivery, _ in list(receive_all(link)):
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()
    assert ranges(peer) == [(first, 1, True, Accepted)]


@pytest.mark.parametrize("last", [None, 0])
def test_one_delivery(last: Any) -> None:
    peer, link, deliveries = sending(3)
    peer.say(Disposition(True, 0, last, True, Accepted()))
    assert [delivery.settled for delivery in deliveries] == [True, False, False]
    assert [event.delivery for event in peer.end.events()] == deliveries[:1]


def test_a_range_tells_of_each_in_order() -> None:
    peer, link, deliveries = sending(10)
    peer.say(Disposition(True, 2, 7, False, Released()))
    assert [event.delivery for event in peer.end.events()] == deliveries[2:8]
    peer.say(Disposition(True, 0, 9, True, Accepted()))
    assert [event.delivery for event in peer.end.events()] == deliveries
    assert all(delivery.settled and delivery.remote_state == Delivery.ACCEPTED for delivery in deliveries)
    assert not link.session._outgoing


@pytest.mark.timeout(5)
@pytest.mark.parametrize("first, last", [(0, 0x7FFFFFFE), (0xFFFFFF00, 0x7FFFFE00)])
def test_a_huge_range_costs_no_more_than_the_deliveries_there_are(first: int, last: int) -> None:
    peer, link, deliveries = sending(10)
    for _ in range(1000):
        peer.say(Disposition(True, first, last, False, Released()))
    peer.say(Disposition(True, first, last, True, Accepted()))
    assert all(delivery.settled for delivery in deliveries)
    events = [event.delivery for event in peer.end.events()]
    assert events[-10:] == deliveries
    assert peer.end.transport.condition is None


def test_a_range_that_runs_backwards_is_an_error() -> None:
    peer, _, deliveries = sending(3)
    peer.say(Disposition(True, 2, 0, True, Accepted()))
    assert peer.performatives()[-1].error.condition == "amqp:invalid-field"
    assert not any(delivery.settled for delivery in deliveries)


def test_what_is_not_there_any_more_is_ignored() -> None:
    peer, _, deliveries = sending(2)
    for _ in range(2):
        peer.say(Disposition(True, 0, None, True, Accepted()), Disposition(True, 77, None, True, Accepted()))
        peer.say(Disposition(False, 0, 5, True, Accepted()))
    assert [event.delivery for event in peer.end.events()] == deliveries[:1]
    assert peer.end.transport.condition is None


def test_dispositions_tell_of_the_side_they_name() -> None:
    """Both sides number their deliveries from 0; the role tells whose are meant."""
    peer, link, deliveries = sending(1)
    peer.say(Attach("back", 1, False, initial_delivery_count=0))
    back = link.session.links()[1]
    assert isinstance(back, Receiver)
    back.open()
    back.flow(1)
    peer.hears()
    peer.say(Transfer(1, 0, b"t", 0), payload=b"x")
    (arrived, _), = receive_all(back)
    peer.say(Disposition(False, 0, None, True))
    assert arrived.settled and not deliveries[0].settled
    peer.say(Disposition(True, 0, None, True, Accepted()))
    assert deliveries[0].settled


def test_a_peer_that_settles_half_a_delivery_hears_the_rest() -> None:
    peer, link, _ = sending(0)
    peer.say(Flow(0, 100, 0, 100, handle=0, delivery_count=0, link_credit=5))
    delivery = link.delivery("half")
    link.stream(b"half")
    assert [p.more for p in peer.performatives()] == [True]
    peer.say(Disposition(True, 0, None, True, Rejected()))
    assert delivery.settled and delivery.remote_state == Delivery.REJECTED
    link.stream(b"whole")
    delivery.settle()
    heard = peer.hears()
    assert [(p.more, payload) for _, p, payload in heard] == [(False, b"whole")]
    assert link.session._outgoing == {} and link.unsettled == 0
