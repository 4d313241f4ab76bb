"""Deliveries in pieces: streamed, read as they come, aborted, cut off."""

from __future__ import annotations

from typing import Tuple

import pytest
from wiring import Linked, ScriptedPeer, receive, scripted, send

from syncproton.engine import Delivery, Endpoint, Receiver
from syncproton.errors import LinkException
from syncproton.wire.performatives import Detach, Disposition, Transfer
from syncproton.wire.performatives import End as EndFrame


def receiving(credit: int = 10, **fields: int) -> Tuple[ScriptedPeer, Receiver]:
    peer = scripted()
    peer.begin()
    link = peer.attach()
    assert isinstance(link, Receiver)
    link.flow(credit)
    peer.hears()
    peer.end.events()
    return peer, link


def test_a_message_is_streamed_and_read_piece_by_piece() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("long")
    got = b""
    for number in range(20):
        linked.sender.stream(b"piece %d;" % number)
        linked.pump()
        current = linked.receiver.current
        assert current is not None and current.partial and current.readable
        got += linked.receiver.recv(1000) or b""
        assert linked.receiver.recv(1000) == b""
    assert linked.sender.credit == 100 and linked.sender.queued == 0
    linked.sender.advance()
    linked.pump()
    assert not current.partial
    assert linked.receiver.recv(1000) is None
    linked.receiver.advance()
    assert got == b"".join(b"piece %d;" % number for number in range(20))
    assert linked.sender.credit == linked.receiver.credit == 99
    assert delivery.tag == current.tag


def test_every_piece_is_told() -> None:
    linked = Linked()
    linked.sender.delivery("long")
    for _ in range(3):
        linked.sender.stream(b"piece")
        linked.pump()
        assert linked.b.names() == ["DELIVERY"]


def test_pieces_written_together_go_in_one_frame() -> None:
    linked = Linked()
    linked.sender.delivery("short")
    for _ in range(3):
        linked.sender.stream(b"piece")
    linked.sender.advance()
    before = linked.a.transport.frames_output
    linked.pump()
    assert linked.a.transport.frames_output == before + 1


def test_a_message_begun_without_credit_waits_whole() -> None:
    linked = Linked(credit=0)
    linked.sender.delivery("long")
    linked.sender.stream(b"one,")
    linked.pump()
    linked.sender.stream(b"two,")
    linked.pump()
    assert linked.receiver.current is None
    linked.receiver.flow(1)
    linked.pump()
    assert linked.receiver.recv(100) == b"one,two,"
    linked.sender.stream(b"three")
    linked.sender.advance()
    linked.pump()
    assert linked.receiver.recv(100) == b"three"


def test_a_message_goes_on_though_its_credit_was_the_last() -> None:
    linked = Linked(credit=1)
    linked.sender.delivery("long")
    linked.sender.stream(b"one,")
    linked.pump()
    linked.sender.stream(b"two")
    linked.sender.advance()
    send(linked.sender, b"no credit")
    linked.pump()
    assert receive(linked.receiver)[1] == b"one,two"
    assert linked.receiver.current is None and linked.sender.queued == 1


def test_abort_takes_back_what_was_sent() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("oops")
    linked.sender.stream(b"half of a mess")
    linked.pump()
    linked.sender.stream(b"age")
    delivery.abort()
    delivery.abort()
    assert linked.out.outgoing_bytes == 0
    linked.pump()
    current = linked.receiver.current
    assert current is not None and current.aborted and not current.partial and current.settled
    assert current.pending == 1  # So that whoever does not ask whether it was aborted reads, and is told.
    with pytest.raises(LinkException):
        linked.receiver.recv(100)
    linked.receiver.advance()
    current.settle()
    send(linked.sender, b"next")
    linked.pump()
    assert receive(linked.receiver)[1] == b"next"
    assert linked.sender.credit == linked.receiver.credit == 98
    assert linked.sender.unsettled == 1 and linked.into.incoming_bytes == 0


def test_abort_of_what_was_not_sent_says_nothing() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("oops")
    linked.sender.stream(b"half")
    delivery.abort()
    assert linked.a.output() == b""
    assert linked.sender.credit == 100 and linked.sender.queued == 0 and linked.sender.unsettled == 0
    send(linked.sender, b"next")
    linked.pump()
    assert receive(linked.receiver)[1] == b"next"


def test_abort_in_the_only_frame() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"t", 0, aborted=True, more=True), payload=b"junk")
    current = link.current
    assert current is not None and current.aborted and not current.partial
    assert link.session.incoming_bytes == 0
    peer.say(Transfer(0, 1, b"u", 0), payload=b"good")
    link.advance()
    assert receive(link)[1] == b"good"


def test_the_rest_of_what_was_read_enough_of_is_dropped() -> None:
    linked = Linked()
    linked.sender.delivery("long")
    linked.sender.stream(b"enough")
    linked.pump()
    half = linked.receiver.current
    assert half is not None
    half.update(Delivery.REJECTED)
    half.settle()
    assert linked.receiver.current is None
    for _ in range(3):
        linked.sender.stream(b"too much")
        linked.pump()
    linked.sender.advance()
    send(linked.sender, b"next")
    linked.pump()
    assert half.pending == 0 and linked.into.incoming_bytes == 8 - 4
    assert receive(linked.receiver)[1] == b"next"
    assert linked.receiver.credit == linked.sender.credit == 98


def test_advancing_past_half_a_message() -> None:
    linked = Linked()
    linked.sender.delivery("long")
    linked.sender.stream(b"half")
    linked.pump()
    half = linked.receiver.current
    linked.receiver.advance()
    linked.sender.stream(b"rest")
    linked.sender.advance()
    linked.pump()
    assert linked.receiver.current is None
    assert half is not None and not half.readable and not half.partial and half.pending == 0
    assert linked.into.incoming_bytes == 0


def test_settling_half_a_message_that_is_not_current() -> None:
    linked = Linked()
    send(linked.sender, b"first")
    linked.sender.delivery("second")
    linked.sender.stream(b"half")
    linked.pump()
    linked.receiver._later[0].settle()
    linked.sender.stream(b" and half")
    linked.sender.advance()
    linked.pump()
    assert receive(linked.receiver)[1] == b"first"
    assert receive(linked.receiver)[1] == b"half and half"
    assert linked.receiver.credit == 98 and linked.into.incoming_bytes == 0


def test_a_detach_cuts_off_the_message_under_way() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"half")
    current = link.current
    assert current is not None and current.partial
    peer.say(Detach(0, True))
    assert current.aborted and not current.partial
    assert link.session.incoming_bytes == 0
    with pytest.raises(LinkException):
        link.recv(100)


def test_an_end_cuts_off_the_message_under_way() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"half")
    current = link.current
    assert current is not None
    peer.say(EndFrame())
    assert current.aborted and not current.partial
    assert link.session.incoming_bytes == 0


def test_a_sender_closed_amid_a_message() -> None:
    linked = Linked()
    linked.sender.delivery("long")
    linked.sender.stream(b"half")
    linked.pump()
    linked.sender.close()
    linked.pump()
    assert linked.receiver.state & Endpoint.REMOTE_CLOSED
    current = linked.receiver.current
    assert current is not None and current.aborted


def test_settled_may_be_said_by_the_last_frame() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("long")
    linked.sender.stream(b"half")
    linked.pump()
    current = linked.receiver.current
    assert current is not None and not current.settled
    linked.sender.stream(b" whole")
    delivery.settle()
    linked.pump()
    assert current.settled
    assert receive(linked.receiver)[1] == b"half whole"
    current.settle()
    linked.pump()
    assert linked.maps_empty()


def test_a_state_before_the_end_of_the_message() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"half")
    current = link.current
    assert current is not None
    current.update(Delivery.REJECTED)
    disposition, = peer.performatives()
    assert isinstance(disposition, Disposition) and not disposition.settled
    peer.say(Transfer(0, aborted=True))
    assert current.aborted


def test_tag_and_number_may_be_repeated_or_left_out() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 5, b"t", 0, more=True), payload=b"one,")
    peer.say(Transfer(0, 5, b"t", 0, more=True), payload=b"two,")
    peer.say(Transfer(0, None, None, None, more=True), payload=b"")
    peer.say(Transfer(0), payload=b"three")
    assert receive(link)[1] == b"one,two,three"
