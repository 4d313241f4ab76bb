"""Messages of many frames: bounded in time and memory, interleaved over links."""

from __future__ import annotations

import time
from typing import List

import pytest
from bounds import MEGABYTE, spending_no_more_than, using_no_more_than
from wiring import End, Linked, ScriptedPeer, receive, scripted, send

from syncproton.engine import Receiver, Sender
from syncproton.engine.outgoing import HIGH_WATER
from syncproton.wire.performatives import Flow, Transfer


def frames_of(size: int):  # type: ignore[no-untyped-def]
    def prepare(end: End) -> None:
        end.transport.max_frame_size = size

    return prepare


@pytest.mark.parametrize("size", [0, 1, 400, 16 * 1024 - 40, 16 * 1024, 16 * 1024 + 1, 100_000])
def test_sizes_around_a_frame(size: int) -> None:
    linked = Linked(server=frames_of(16 * 1024))
    data = bytes(n & 0xFF for n in range(size))
    send(linked.sender, data)
    linked.pump()
    assert receive(linked.receiver)[1] == data
    assert linked.out.outgoing_bytes == linked.into.incoming_bytes == 0


def test_64_mib_through_16_kib_frames() -> None:
    linked = Linked(server=frames_of(16 * 1024))
    data = bytes(range(256)) * 4096 * 64
    # The bytes themselves, once at the receiver, room for them to grow, and little else.
    with spending_no_more_than(15), using_no_more_than(140 * MEGABYTE):
        send(linked.sender, data)
        while linked.a.transport.pending() > 0:
            piece = linked.a.transport.peek(256 * 1024)
            assert piece
            linked.a.transport.pop(len(piece))
            linked.b.transport.push(piece)
            assert len(linked.a.transport._out) < HIGH_WATER + 32 * 1024
        current = linked.receiver.current
        assert current is not None and current.pending == len(data)
    assert receive(linked.receiver)[1] == data


def test_a_long_message_is_read_as_it_comes_in_bounded_memory() -> None:
    linked = Linked(server=frames_of(16 * 1024))
    chunk = bytes(64 * 1024)
    delivery = linked.sender.delivery("long")
    read = 0
    with using_no_more_than(4 * MEGABYTE):
        for _ in range(256):
            linked.sender.stream(chunk)
            linked.pump()
            # A reader that always leaves something.
            piece = linked.receiver.recv(linked.receiver.current.pending - 100)  # type: ignore[union-attr]
            read += len(piece or b"")
    delivery.settle()
    linked.pump()
    read += len(linked.receiver.recv(1 << 20) or b"")
    assert read == 256 * len(chunk)


def test_writing_ahead_of_a_slow_peer_does_not_copy_it_all_each_time() -> None:
    peer = scripted(max_frame_size=512)
    peer.begin(incoming_window=1)
    link = peer.attach(sends=False)
    assert isinstance(link, Sender)
    peer.say(Flow(0, 1, 0, 100, handle=0, delivery_count=0, link_credit=1))
    link.delivery("slow")
    got = bytearray()
    for number in range(400):
        link.stream(b"%05d" % number * 1000)
        for _, performative, payload in peer.hears():
            assert type(performative) is Transfer
            got += payload
        peer.say(Flow(number + 1, 1, 0, 100))
    assert link.session.outgoing_bytes == 400 * 5000 - len(got)
    assert bytes(got) == b"".join(b"%05d" % number * 1000 for number in range(400))[:len(got)]


def test_messages_on_several_links_are_interleaved() -> None:
    linked = Linked(server=frames_of(16 * 1024))
    links = [linked.another(f"link {number}") for number in range(3)]
    size = 4 * MEGABYTE
    for sender, _ in links:
        send(sender, sender.name.encode() * (size // 6))
    for sender, _ in links:
        send(sender, b"after")
    finished: List[str] = []
    most_apart = 0
    while len(finished) < 3:
        linked.a.transport.pending()
        piece = linked.a.transport.peek(64 * 1024)
        assert piece
        linked.a.transport.pop(len(piece))
        linked.b.transport.push(piece)
        got = [receiver.current.pending if receiver.current else 0 for _, receiver in links]
        most_apart = max(most_apart, max(got) - min(got))
        for sender, receiver in links:
            if receiver.current and not receiver.current.partial and receiver.name not in finished:
                finished.append(receiver.name)
    assert most_apart < 3 * HIGH_WATER
    linked.pump()
    for sender, receiver in links:
        assert receive(receiver)[1] == sender.name.encode() * (size // 6)
        assert receive(receiver)[1] == b"after"


def test_a_small_message_is_not_kept_behind_a_long_one() -> None:
    linked = Linked(server=frames_of(16 * 1024))
    sender, receiver = linked.another("small")
    send(linked.sender, bytes(32 * MEGABYTE))
    linked.a.transport.pending()
    send(sender, b"quick")
    moved = 0
    while receiver.current is None:
        linked.a.transport.pending()
        piece = linked.a.transport.peek(64 * 1024)
        assert piece
        linked.a.transport.pop(len(piece))
        linked.b.transport.push(piece)
        moved += len(piece)
    assert moved < 4 * HIGH_WATER


def test_frames_of_several_links_may_come_mixed() -> None:
    peer = scripted()
    peer.begin()
    links = [peer.attach(f"link {number}", number) for number in range(3)]
    for link in links:
        assert isinstance(link, Receiver)
        link.flow(1)
    peer.hears()
    for number in range(3):
        peer.say(Transfer(number, number, b"%d" % number, 0, more=True), payload=b"begin %d," % number)
    for number in (2, 0, 1):
        peer.say(Transfer(number, more=True), payload=b"middle %d," % number)
    for number in (1, 2, 0):
        peer.say(Transfer(number), payload=b"end %d" % number)
    for number, link in enumerate(links):
        assert isinstance(link, Receiver)
        assert receive(link)[1] == b"begin %d,middle %d,end %d" % (number, number, number)


def test_every_frame_keeps_to_the_peers_limit() -> None:
    peer = ScriptedPeer(End("end", True)).open(max_frame_size=512)
    peer.begin(incoming_window=10000)
    link = peer.attach(sends=False)
    assert isinstance(link, Sender)
    peer.say(Flow(0, 10000, 0, 100, handle=0, delivery_count=0, link_credit=200))
    total = b""
    for size in (*range(400, 530), 5000):
        delivery = send(link, b"x" * size, "t" * 32)
        delivery.update(delivery.ACCEPTED)
        total += b"x" * size
    data = peer.end.output()
    got = b""
    while data:
        size = int.from_bytes(data[:4], "big")
        assert size <= 512
        peer._reader.feed(data[:size])
        got += b"".join(payload for _, _, payload in peer._reader)
        data = data[size:]
    assert got == total


def test_many_small_messages_at_once_take_time_in_proportion() -> None:
    def elapsed(count: int) -> float:
        linked = Linked(credit=count)
        started = time.process_time()
        for _ in range(count):
            send(linked.sender, bytes(200))
        while linked.a.transport.pending() > 0:
            piece = linked.a.transport.peek(65536)
            assert piece
            linked.a.transport.pop(len(piece))
            linked.b.transport.push(piece)
        assert linked.receiver.queued == count
        return time.process_time() - started

    few, many = min(elapsed(2000) for _ in range(3)), elapsed(20000)
    assert many < 60 * few
