"""A transport is lost, the connection is bound to the next: what comes back, and what must not."""

from __future__ import annotations

from typing import Callable, Optional

import pytest
from wiring import End, Linked, only, pump, receive, receive_all, send

from syncproton.engine import Delivery, Endpoint, Link, Receiver, Sender, Transport
from syncproton.errors import LinkException

ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE


class Restarted:
    """The far end of a connection anew: it has forgotten everything, and answers what comes."""

    def __init__(self, near: End, credit: int = 100, prepare: Optional[Callable[[End], None]] = None) -> None:
        self.near = near
        self.end = End("restarted", not near.server, prepare)
        near.new_transport()
        self.pump()
        for session in self.end.connection.sessions(Endpoint.LOCAL_UNINIT):
            session.open()
        for link in self.end.connection.links(Endpoint.LOCAL_UNINIT):
            link.open()
            if credit and isinstance(link, Receiver):
                link.flow(credit)
        self.pump()

    def pump(self) -> None:
        pump(self.near, self.end)

    @property
    def receiver(self) -> Receiver:
        receiver = only(link for link in self.end.connection.links() if link.is_receiver)
        assert isinstance(receiver, Receiver)
        return receiver

    @property
    def sender(self) -> Sender:
        sender = only(link for link in self.end.connection.links() if link.is_sender)
        assert isinstance(sender, Sender)
        return sender


def test_connection_session_and_links_come_back() -> None:
    linked = Linked()
    receiver = linked.out.receiver("back")
    receiver.source.address = "there"
    receiver.open()
    linked.pump()
    linked.a.events()
    linked.a.lose()
    assert linked.a.names() == [
        "TRANSPORT_TAIL_CLOSED", "TRANSPORT_ERROR", "TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED",
        "CONNECTION_UNBOUND", "TRANSPORT",
    ]
    assert linked.a.connection.state == linked.out.state == linked.sender.state == ACTIVE, "kept, to be looked at"
    assert linked.a.connection.transport is None and linked.a.connection.remote_container is None

    bound = Transport()
    bound.bind(linked.a.connection)
    expected = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_UNINIT
    assert linked.a.connection.state == linked.out.state == linked.sender.state == expected
    bound.unbind()
    linked.a.names()

    again = Restarted(linked.a)
    assert linked.a.names() == [
        "CONNECTION_BOUND", "CONNECTION_REMOTE_OPEN", "SESSION_REMOTE_OPEN", "LINK_REMOTE_OPEN", "LINK_REMOTE_OPEN",
        "LINK_FLOW",
    ]
    assert linked.a.connection.state == linked.out.state == linked.sender.state == receiver.state == ACTIVE
    assert linked.a.connection.remote_container == "restarted"
    assert again.sender.remote_source.address == "there"
    assert again.receiver.remote_target.address == "node"


def test_a_link_comes_back_under_a_name_that_another_was_leaving() -> None:
    linked = Linked(credit=0)
    first = linked.sender
    first.close()
    second = linked.attach(first.name)
    linked.a.output()
    assert (first._local_handle, second._local_handle) == (-2, -1)
    linked.a.lose()
    again = Restarted(linked.a)
    left = again.receiver
    assert left.state & Endpoint.REMOTE_CLOSED
    left.close()
    left.free()
    again.pump()
    again.receiver.open()
    again.pump()
    assert second.state == ACTIVE
    assert first.state == Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def test_messages_flow_again_from_the_first_number() -> None:
    linked = Linked()
    for _ in range(5):
        send(linked.sender)
    linked.pump()
    linked.a.lose()
    again = Restarted(linked.a, 7)
    assert linked.sender.credit == 7
    delivery = send(linked.sender, b"anew")
    again.pump()
    arrived, data = receive(again.receiver)
    assert data == b"anew"
    arrived.update(Delivery.ACCEPTED)
    arrived.settle()
    again.pump()
    assert delivery.remote_state == Delivery.ACCEPTED
    assert again.receiver.credit == linked.sender.credit == 6


def test_what_was_not_sent_goes_out_on_the_next_transport() -> None:
    linked = Linked(credit=2)
    deliveries = [send(linked.sender, b"%d" % number) for number in range(5)]
    linked.pump()
    send(linked.sender, b"settled", settled=True)
    linked.a.lose()
    assert (linked.sender.credit, linked.sender.queued, linked.sender.unsettled) == (-4, 4, 5)
    assert linked.out.outgoing_bytes == 3 + 7
    again = Restarted(linked.a, 10)
    got = list(receive_all(again.receiver))
    assert [data for _, data in got] == [b"2", b"3", b"4", b"settled"]
    assert [delivery.settled for delivery, _ in got] == [False, False, False, True]
    assert (linked.sender.credit, linked.sender.queued, linked.out.outgoing_bytes) == (6, 0, 0)
    got[0][0].update(Delivery.ACCEPTED)
    again.pump()
    assert deliveries[2].remote_state == Delivery.ACCEPTED
    assert [delivery.remote_state for delivery in deliveries[:2]] == [0, 0]


def test_what_was_sent_before_there_ever_was_a_peer_is_not_lost() -> None:
    end = End("lonely")
    session = end.connection.session()
    session.open()
    sender = session.sender("link")
    sender.open()
    for number in range(3):
        send(sender, b"%d" % number)
    for _ in range(3):
        end.transport.pending()
        end.lose()
        end.new_transport()
    end.lose()
    again = Restarted(end)
    assert [data for _, data in receive_all(again.receiver)] == [b"0", b"1", b"2"]


def test_a_message_not_begun_can_be_finished_after_the_loss() -> None:
    linked = Linked(credit=0)
    linked.sender.delivery("long")
    linked.sender.stream(b"half")
    linked.pump()
    linked.a.lose()
    again = Restarted(linked.a)
    linked.sender.stream(b" whole")
    linked.sender.advance()
    again.pump()
    assert receive(again.receiver)[1] == b"half whole"
    assert linked.out.outgoing_bytes == 0


def test_a_message_begun_is_lost_and_the_link_is_not() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("long")
    linked.sender.stream(b"half")
    linked.pump()
    linked.sender.stream(b", three quarters")
    linked.a.lose()
    assert linked.out.outgoing_bytes == 0
    again = Restarted(linked.a)
    assert linked.sender.stream(b" whole") == 6
    linked.sender.advance()
    send(linked.sender, b"next")
    again.pump()
    assert receive(again.receiver)[1] == b"next"
    assert linked.sender.credit == again.receiver.credit == 99
    assert (linked.sender.queued, linked.sender.unsettled, linked.out.outgoing_bytes) == (0, 2, 0)
    delivery.settle()
    assert linked.sender.unsettled == 1


def test_a_message_half_through_the_window_is_lost_and_those_after_it_are_not() -> None:
    def small(end: End) -> None:
        end.transport.max_frame_size = 512

    linked = Linked(server=small, capacity=1024)
    send(linked.sender, bytes(5000))
    send(linked.sender, b"next")
    linked.pump()
    assert linked.sender.queued == 2
    linked.a.lose()
    assert linked.sender.queued == 1 and linked.out.outgoing_bytes == 4
    again = Restarted(linked.a)
    assert [data for _, data in receive_all(again.receiver)] == [b"next"]


def test_settling_what_came_before_the_loss_does_not_touch_what_came_after() -> None:
    """Both deliveries have the number 0, each on its own transport."""
    linked = Linked()
    send(linked.sender, b"old")
    linked.pump()
    old, _ = receive(linked.receiver)
    linked.b.lose()

    again = Restarted(linked.b)
    fresh = send(again.sender, b"new")
    again.pump()
    new, data = receive(linked.receiver)
    assert data == b"new"
    old.update(Delivery.RELEASED)
    old.settle()
    again.pump()
    assert fresh.remote_state == 0 and not fresh.settled
    assert linked.receiver.unsettled == 1
    new.update(Delivery.ACCEPTED)
    new.settle()
    again.pump()
    assert fresh.remote_state == Delivery.ACCEPTED and fresh.settled


def test_updates_not_told_before_the_loss_are_not_told_after_it() -> None:
    linked = Linked()
    send(linked.sender, b"old")
    linked.pump()
    old, _ = receive(linked.receiver)
    old.update(Delivery.RELEASED)
    old.settle()
    linked.b.lose()
    again = Restarted(linked.b)
    fresh = send(again.sender, b"new")
    again.pump()
    assert fresh.remote_state == 0
    assert linked.receiver.unsettled == linked.receiver.queued == 1


def test_a_receivers_credit_comes_back() -> None:
    linked = Linked(credit=0)
    linked.receiver.flow(10)
    linked.pump()
    for _ in range(3):
        send(linked.sender)
    linked.pump()
    receive(linked.receiver)
    assert (linked.receiver.credit, linked.receiver.queued) == (9, 2)
    linked.b.lose()
    # What was not read will come again, so its credit stands.
    assert (linked.receiver.credit, linked.receiver.queued) == (9, 0)
    assert linked.receiver.current is None and linked.into.incoming_bytes == 0
    again = Restarted(linked.b)
    assert again.sender.credit == 9


def test_a_drain_comes_back() -> None:
    linked = Linked(credit=3)
    linked.receiver.drain(2)
    linked.b.lose()
    again = Restarted(linked.b)
    assert again.sender.credit == 5 and again.sender.drain_mode
    again.sender.drained()
    again.pump()
    assert linked.receiver.drained() == 5 and not linked.receiver.draining()


def test_what_both_sides_had_closed_does_not_come_back() -> None:
    linked = Linked()
    sender, receiver = linked.another("closed")
    sender.close()
    linked.pump()
    receiver.close()
    linked.pump()
    linked.sender.detach()
    linked.pump()
    linked.receiver.detach()
    linked.pump()
    session = linked.a.connection.session()
    session.open()
    linked.pump()
    other = linked.b.connection.session_head(Endpoint.LOCAL_UNINIT)
    assert other is not None
    other.open()
    other.close()
    session.close()
    linked.pump()
    linked.a.lose()
    again = Restarted(linked.a)
    assert len(list(again.end.connection.sessions())) == 1
    assert list(again.end.connection.links()) == []
    assert sender.state == session.state == Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def test_what_only_this_side_had_closed_is_closed_again() -> None:
    linked = Linked()
    linked.sender.close()
    linked.pump()
    linked.a.lose()
    again = Restarted(linked.a)
    again.receiver.close()
    again.pump()
    assert linked.sender.state == Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def test_what_only_the_peer_had_closed_comes_back() -> None:
    linked = Linked()
    linked.receiver.close()
    linked.pump()
    linked.a.lose()
    Restarted(linked.a)
    assert linked.sender.state == ACTIVE and linked.sender.remote_condition is None


def test_freed_endpoints_end_with_the_transport() -> None:
    linked = Linked()
    sender, _ = linked.another("freed")
    sender.free()
    linked.a.events()
    linked.a.lose()
    assert linked.a.names()[-3:] == ["CONNECTION_UNBOUND", "TRANSPORT", "LINK_FINAL"]
    again = Restarted(linked.a)
    assert again.receiver.name == "link"


def test_a_new_transport_has_its_own_limits() -> None:
    def small(end: End) -> None:
        end.transport.max_frame_size = 600
        end.transport.channel_max = 3

    linked = Linked()
    linked.a.lose()
    again = Restarted(linked.a, prepare=small)
    assert linked.a.transport.remote_max_frame_size == 600
    assert linked.a.transport.channel_max == 3
    send(linked.sender, bytes(5000))
    again.pump()
    assert receive(again.receiver)[1] == bytes(5000)


def test_the_lost_transport_does_nothing_more() -> None:
    linked = Linked()
    lost = linked.a.transport
    send(linked.sender)
    linked.a.transport.unbind()
    linked.a.events()
    assert lost.pending() < 0
    linked.b.connection.close()
    lost.push(linked.b.output())
    again = Restarted(linked.a)
    assert linked.a.connection.state == ACTIVE
    assert receive(again.receiver)[1] == b"hello"
    lost.unbind()
    assert linked.a.connection.transport is linked.a.transport


def test_many_losses_leave_nothing_behind() -> None:
    linked = Linked()
    end = linked.a
    for round in range(20):
        send(linked.sender, b"x" * 100)
        end.lose()
        again = Restarted(end)
        send(linked.sender, b"y" * 100)
        again.pump()
        assert [data[:1] for _, data in receive_all(again.receiver)] == [b"x", b"y"]
    assert linked.out.outgoing_bytes == 0 and linked.sender.queued == 0
    assert end.connection._work == [] and end.connection._ready == {}
    assert len(linked.out._outgoing) == 2
    end.lose()
    assert linked.out._outgoing == {} and linked.sender.unsettled == 40


def test_stream_without_a_delivery_after_the_loss() -> None:
    linked = Linked()
    send(linked.sender)
    linked.a.lose()
    with pytest.raises(LinkException):
        linked.sender.stream(b"x")


def test_a_closed_connection_closes_again() -> None:
    linked = Linked()
    linked.a.connection.close()
    linked.a.lose()
    again = Restarted(linked.a)
    assert again.end.connection.state & Endpoint.REMOTE_CLOSED


def test_settle_modes_and_names_are_told_again() -> None:
    def settled(link: Sender) -> None:
        link.snd_settle_mode = Link.SND_SETTLED
        link.properties = {"key": 1}

    linked = Linked(sending=settled)
    linked.a.lose()
    again = Restarted(linked.a)
    assert again.receiver.remote_snd_settle_mode == Link.SND_SETTLED
    assert again.receiver.remote_properties == {"key": 1}
