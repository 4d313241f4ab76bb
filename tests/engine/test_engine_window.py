"""Session windows: how many transfer frames may be under way, and how many bytes may be held."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from wiring import End, Linked, ScriptedPeer, receive, receive_all, scripted, send

from syncproton.engine import Receiver, Sender
from syncproton.wire.performatives import Begin, Flow, Transfer

FRAME = 512


def small_frames(end: End) -> None:
    end.transport.max_frame_size = FRAME


def sending(window: int) -> Tuple[ScriptedPeer, Sender]:
    """A sender with much credit and a window of ``window`` frames of 512 bytes."""
    peer = scripted(max_frame_size=FRAME)
    peer.begin(incoming_window=window)
    link = peer.attach(sends=False)
    assert isinstance(link, Sender)
    peer.say(Flow(0, window, 0, 100, handle=0, delivery_count=0, link_credit=1000))
    return peer, link


def payloads(peer: ScriptedPeer) -> List[bytes]:
    frames = peer.hears()
    assert all(type(p) is Transfer for _, p, _ in frames)
    return [payload for _, _, payload in frames]


def test_a_sender_sends_no_more_frames_than_the_window_allows() -> None:
    peer, link = sending(3)
    for number in range(5):
        send(link, b"%d" % number)
    assert payloads(peer) == [b"0", b"1", b"2"]
    assert link.queued == 2
    peer.say(Flow(3, 1, 0, 100))
    assert payloads(peer) == [b"3"]
    peer.say(Flow(3, 1, 0, 100))
    assert payloads(peer) == []
    peer.say(Flow(3, 2, 0, 100))
    assert payloads(peer) == [b"4"]
    assert link.queued == 0


def test_a_message_of_many_frames_goes_on_as_the_window_opens() -> None:
    peer, link = sending(1)
    data = bytes(range(256)) * 10
    send(link, data)
    got = b""
    for number in range(100):
        pieces = payloads(peer)
        if not pieces:
            break
        assert len(pieces) == 1
        got += pieces[0]
        peer.say(Flow(number + 1, 1, 0, 100))
    assert got == data


def test_two_links_starve_and_go_on_together() -> None:
    peer, link = sending(2)
    other = peer.attach("other", 1, sends=False)
    assert isinstance(other, Sender)
    peer.say(Flow(0, 2, 0, 100, handle=1, delivery_count=0, link_credit=1000))
    for sender in (link, other):
        send(sender, sender.name.encode() * 300)
    got = b"".join(payloads(peer))
    number = 2
    while link.queued or other.queued:
        peer.say(Flow(number, 2, 0, 100))
        pieces = payloads(peer)
        assert 0 < len(pieces) <= 2
        number += len(pieces)
        got += b"".join(pieces)
    assert got.count(b"link") == 300 and got.count(b"other") == 300


def test_a_window_without_limit_is_not_taken_for_none() -> None:
    peer, link = sending(0xFFFFFFFF)
    for _ in range(2):
        send(link, b"x")
        assert payloads(peer) == [b"x"]
    peer.say(Flow(2, 0xFFFFFFFF, 0, 100))
    send(link, b"y")
    assert payloads(peer) == [b"y"]


def test_a_window_told_before_our_begin_arrived() -> None:
    peer, link = sending(0)
    send(link)
    peer.say(Flow(None, 5, 0, 100))
    assert payloads(peer) == [b"hello"]


def test_window_numbers_go_over_the_end() -> None:
    peer, link = sending(5)
    link.session._next_outgoing_id = 0xFFFFFFFE
    peer.say(Flow(0xFFFFFFFE, 5, 0, 100))
    for _ in range(7):
        send(link, b"x")
    assert len(payloads(peer)) == 5
    assert link.session._next_outgoing_id == 3
    peer.say(Flow(1, 4, 0, 100))
    assert len(payloads(peer)) == 2


def test_the_window_told_follows_from_capacity_and_frame_size() -> None:
    peer = ScriptedPeer(End("end", True, small_frames)).open()
    for capacity, window in ((FRAME * 7, 7), (FRAME * 7 + 500, 7), (FRAME - 1, 1), (0, 2147483647)):
        session = peer.end.connection.session()
        session.incoming_capacity = capacity
        session.open()
        begin, = peer.performatives()
        assert isinstance(begin, Begin) and begin.incoming_window == window


@pytest.mark.parametrize("capacity", [FRAME, 3 * FRAME, 10 * FRAME])
def test_a_session_holds_no_more_than_its_capacity(capacity: int) -> None:
    linked = Linked(server=small_frames, capacity=capacity)
    for number in range(30):
        send(linked.sender, b"%c" % (65 + number) * 450)
    got = []
    while True:
        linked.pump()
        assert linked.into.incoming_bytes <= capacity
        if linked.receiver.current is None:
            break
        got.append(receive(linked.receiver)[1])
    assert got == [b"%c" % (65 + number) * 450 for number in range(30)]
    assert linked.into.incoming_bytes == linked.out.outgoing_bytes == 0
    assert linked.b.transport.condition is None


def test_a_message_larger_than_the_capacity_can_be_read_as_it_comes() -> None:
    linked = Linked(server=small_frames, capacity=4 * FRAME)
    data = bytes(range(251)) * 100
    send(linked.sender, data)
    got = b""
    while linked.receiver.current is None or linked.receiver.current.partial or linked.receiver.current.pending:
        linked.pump()
        assert linked.into.incoming_bytes <= 4 * FRAME
        piece = linked.receiver.recv(100)
        while piece:
            got += piece
            piece = linked.receiver.recv(100)
    assert got == data
    linked.receiver.advance()
    assert linked.into.incoming_bytes == 0


def test_the_window_is_reopened_by_dropping_unread_deliveries() -> None:
    linked = Linked(server=small_frames, capacity=2 * FRAME)
    for _ in range(6):
        send(linked.sender, b"x" * 450)
    for left in range(6, 0, -1):
        linked.pump()
        current = linked.receiver.current
        assert current is not None
        current.settle()
    linked.pump()
    assert linked.receiver.current is None
    assert linked.into.incoming_bytes == 0 and linked.receiver.unsettled == 0


def test_a_link_closed_with_unread_bytes_does_not_starve_the_others() -> None:
    linked = Linked(server=small_frames, capacity=2 * FRAME)
    for _ in range(2):
        send(linked.sender, b"x" * 450)
    linked.pump()
    sender, receiver = linked.another("other")
    linked.receiver.close()
    linked.pump()
    send(sender, b"through")
    linked.pump()
    assert receiver.current is None
    linked.receiver.free()
    linked.pump()
    assert receive(receiver)[1] == b"through"


def test_the_default_window_is_renewed_when_it_is_used_up() -> None:
    peer = scripted()
    session = peer.begin()
    link = peer.attach()
    assert isinstance(link, Receiver)
    link.flow(10)
    peer.hears()
    session._incoming_window = 2
    for number in range(2):
        peer.say(Transfer(0, number, b"%d" % number, 0), payload=b"x")
    flow, = peer.performatives()
    assert (flow.next_incoming_id, flow.incoming_window) == (2, 2147483647)
    assert len(list(receive_all(link))) == 2
