"""Deliveries taken in pieces, and what is counted of them."""

from __future__ import annotations

from typing import Any, Tuple

import pytest
from wiring import scripted

from syncproton.wire.frames import write_frame
from syncproton.wire.performatives import Transfer


def receiving() -> Tuple[Any, Any]:
    peer = scripted()
    peer.begin()
    link: Any = peer.attach()
    link.flow(10)
    peer.hears()
    return peer, link


def test_frames_that_came_are_counted_though_the_last_of_them_is_refused() -> None:
    peer, _ = receiving()
    before = peer.end.transport.frames_input
    out = bytearray()
    for number in (0, 1, 2, 7):
        write_frame(out, 0, Transfer(0, 256 + number, b"t", 0), b"x")
    peer.feed(bytes(out))
    assert peer.end.transport.frames_input == before + 4


@pytest.mark.parametrize("size", [500, 600, 10000])
def test_what_was_read_of_a_message_counts_for_its_size_too(size: int) -> None:
    peer, link = receiving()
    link.max_message_size = 1000
    peer.say(Transfer(0, 0, b"t", 0, None, True), payload=b"x" * 600)
    assert len(link.recv(size)) == min(size, 600)
    peer.say(Transfer(0, more=False), payload=b"x" * 600)
    assert link.condition is not None and link.condition.name == "amqp:link:message-size-exceeded"


def test_a_limit_that_is_no_integer_does_no_harm() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"t", 0), payload=b"x" * 100)
    with pytest.raises(TypeError):
        link.recv(10.5)
    assert link.current.pending == 100 and link.recv(1000) == b"x" * 100


def test_what_came_so_far_can_be_taken_before_the_rest() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"t", 0, None, True), payload=b"abc")
    assert link.recv(10) == b"abc" and link.recv(10) == b""
    assert link.current.pending == 0 and link.session.incoming_bytes == 0
    peer.say(Transfer(0, more=True), payload=b"d")
    peer.say(Transfer(0, more=False), payload=b"ef")
    assert link.recv(2) == b"de" and link.recv(2) == b"f" and link.recv(2) is None
