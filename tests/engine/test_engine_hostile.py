"""Peers that break the rules: each is told so with the specification's condition, and can do no more harm."""

from __future__ import annotations

import time
from typing import Any, List

import pytest
from wiring import End, ScriptedPeer, receive, receive_all, scripted

from syncproton.codec import symbol, ulong
from syncproton.codec.described import Described
from syncproton.engine import Endpoint, Link, Receiver, Sender, Session
from syncproton.wire.frames import AMQP_HEADER, write_frame
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, Flow, Open, Transfer
from syncproton.wire.performatives import End as EndFrame
from syncproton.wire.states import Accepted
from syncproton.wire.termini import Source, Target

CLOSED = Endpoint.LOCAL_CLOSED


def closed_for(peer: ScriptedPeer, condition: str) -> None:
    """The connection has been closed with ``condition``, and the application told."""
    close = peer.performatives()[-1]
    assert isinstance(close, Close), close
    assert close.error.condition == condition
    assert peer.end.transport.condition is not None
    assert peer.end.transport.condition.name == condition
    names = peer.end.names()
    assert "TRANSPORT_ERROR" in names and names[-1] == "TRANSPORT_CLOSED"
    assert peer.end.transport.capacity() < 0


def ended_for(peer: ScriptedPeer, session: Session, condition: str) -> None:
    """The session has been ended with ``condition``, the application told, and the connection goes on."""
    end = peer.performatives()[-1]
    assert isinstance(end, EndFrame), end
    assert end.error.condition == condition
    assert session.condition is not None and session.condition.name == condition
    assert "SESSION_LOCAL_CLOSE" in peer.end.names()
    assert peer.end.transport.condition is None
    peer.say(EndFrame())
    assert session.state == CLOSED | Endpoint.REMOTE_CLOSED


def detached_for(peer: ScriptedPeer, link: Link, condition: str) -> None:
    """The link has been detached with ``condition``, the application told, and the session goes on."""
    detach = [p for p in peer.performatives() if isinstance(p, Detach)][-1]
    assert detach.closed and detach.error.condition == condition
    assert link.condition is not None and link.condition.name == condition
    assert "LINK_LOCAL_CLOSE" in peer.end.names()
    assert peer.end.transport.condition is None
    assert link.session.state & Endpoint.LOCAL_ACTIVE


def receiving(credit: int = 10, product: str = "", **fields: Any) -> Any:
    """A scripted sender, and the receiver it has to do with."""
    peer = scripted(properties={symbol("product"): product})
    peer.begin()
    link = peer.attach(**fields)
    assert isinstance(link, Receiver)
    if credit:
        link.flow(credit)
    peer.hears()
    peer.end.events()
    return peer, link


# --- the connection


def test_a_second_open() -> None:
    peer = scripted()
    peer.say(Open(container_id="again"))
    closed_for(peer, "amqp:not-allowed")


EARLY: List[Any] = [
    Begin(None, 0, 1, 1), Attach("a", 0, True), Flow(None, 1, 0, 1), Transfer(0, 0, b"t", 0),
    Disposition(True, 0), Detach(0), EndFrame(),
]


@pytest.mark.parametrize("performative", EARLY, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("server", [False, True])
def test_frames_before_the_open(performative: Any, server: bool) -> None:
    peer = ScriptedPeer(End("end", server))
    peer.feed(AMQP_HEADER)
    peer.say(performative)
    closed_for(peer, "amqp:not-allowed")


@pytest.mark.parametrize("performative", EARLY[1:], ids=lambda p: type(p).__name__)
def test_frames_on_a_channel_without_a_session(performative: Any) -> None:
    peer = scripted()
    peer.say(performative, channel=5)
    closed_for(peer, "amqp:not-allowed")


@pytest.mark.parametrize("performative", EARLY, ids=lambda p: type(p).__name__)
def test_frames_after_the_close(performative: Any) -> None:
    peer = scripted()
    peer.begin()
    peer.say(Close())
    peer.say(performative)
    assert peer.end.transport.condition is None
    peer = scripted()
    peer.begin()
    data = bytearray()
    for each in (Close(), performative):
        write_frame(data, 0, each)
    peer.feed(bytes(data))
    assert peer.end.transport.condition is None
    assert peer.end.names()[-1] == "TRANSPORT_TAIL_CLOSED"


def test_a_channel_over_the_limit() -> None:
    peer = scripted()
    peer.say(Begin(None, 0, 1, 1), channel=32768)
    closed_for(peer, "amqp:connection:framing-error")


def test_a_channel_in_use() -> None:
    peer = scripted()
    peer.begin(channel=3)
    peer.say(Begin(None, 0, 1, 1), channel=3)
    closed_for(peer, "amqp:not-allowed")


@pytest.mark.parametrize("asked", [0, 7, 65535])
def test_an_answer_to_a_begin_that_was_not_there(asked: int) -> None:
    peer = scripted()
    peer.say(Begin(asked, 0, 1, 1))
    closed_for(peer, "amqp:invalid-field")


def test_two_answers_to_one_begin() -> None:
    peer = scripted()
    peer.end.connection.session().open()
    peer.hears()
    peer.say(Begin(0, 0, 1, 1), channel=1)
    peer.say(Begin(0, 0, 1, 1), channel=2)
    closed_for(peer, "amqp:invalid-field")


def test_a_frame_over_the_limit() -> None:
    peer = ScriptedPeer(End("end", True, lambda end: setattr(end.transport, "max_frame_size", 1000))).open()
    peer.end.events()
    peer.feed(b"\x00\x00\x03\xe9\x02\x00\x00\x00")
    closed_for(peer, "amqp:connection:framing-error")


@pytest.mark.parametrize("frame, condition", [
    ("00000007 0200 0000", "amqp:connection:framing-error"),
    ("00000000 0200 0000", "amqp:connection:framing-error"),
    ("00000008 0100 0000", "amqp:connection:framing-error"),
    ("00000008 ff00 0000", "amqp:connection:framing-error"),
    ("00000009 0200 0000 40", "amqp:decode-error"),
    ("0000000c 0200 0000 00535945", "amqp:decode-error"),
    ("0000000c 0200 0000 00531045", "amqp:invalid-field"),
    ("00000010 0200 0000 005310c0 ff020a00", "amqp:decode-error"),
    ("0000000d 0200 0000 0053 10 a101", "amqp:decode-error"),
])
def test_frames_that_are_none(frame: str, condition: str) -> None:
    peer = scripted()
    peer.feed(bytes.fromhex(frame.replace(" ", "")))
    closed_for(peer, condition)


# --- the session


def test_a_transfer_without_an_attach() -> None:
    peer = scripted()
    session = peer.begin()
    peer.say(Transfer(4, 0, b"t", 0), payload=b"x")
    ended_for(peer, session, "amqp:session:unattached-handle")


@pytest.mark.parametrize("performative", [Detach(9, True), Flow(0, 1, 0, 1, handle=9)], ids=["Detach", "Flow"])
def test_a_handle_that_is_not_attached(performative: Any) -> None:
    peer = scripted()
    session = peer.begin()
    peer.say(performative)
    ended_for(peer, session, "amqp:session:unattached-handle")


def test_a_handle_in_use() -> None:
    peer = scripted()
    session = peer.begin()
    peer.attach("one", 0)
    peer.say(Attach("two", 0, False, initial_delivery_count=0))
    ended_for(peer, session, "amqp:session:handle-in-use")


def test_a_handle_over_the_limit() -> None:
    peer = scripted()
    peer.begin()
    peer.say(Attach("link", 0x80000000, False, initial_delivery_count=0))
    closed_for(peer, "amqp:connection:framing-error")


def test_a_name_in_use() -> None:
    peer = scripted()
    peer.begin()
    peer.attach("name", 0)
    peer.say(Attach("name", 1, False, initial_delivery_count=0))
    closed_for(peer, "amqp:invalid-field")


def test_more_frames_than_the_window() -> None:
    peer, link = receiving(credit=1000)
    session = link.session
    session._incoming_window = 3
    for number in range(5):
        peer.say(Transfer(0, number, b"%d" % number, 0), payload=b"x")
    ended_for(peer, session, "amqp:session:window-violation")
    assert link.queued == 3


def test_frames_in_the_window_of_a_session_that_was_not_answered() -> None:
    peer = scripted()
    peer.say(
        Begin(None, 0, 1, 1), Attach("l", 0, False, source=Source(), target=Target(), initial_delivery_count=0),
        Transfer(0, 0, b"t", 0),
    )
    assert [type(p) for p in peer.performatives()] == [Begin, EndFrame]
    assert peer.end.transport.condition is None


def test_after_its_end_a_session_holds_no_more_than_its_credit() -> None:
    peer, link = receiving(credit=1000)
    peer.say(Transfer(7, 0, b"t", 0))
    peer.hears()
    for number in range(2000):
        peer.say(Attach(f"late {number}", number + 1, True), Transfer(0, number, b"%d" % number, 0), payload=b"x" * 100)
    assert link.session.links() == [link]
    assert link.session.incoming_bytes <= 1000 * 100
    assert peer.end.transport.condition is None


# --- the link


@pytest.mark.parametrize("credit, product, taken", [(0, "", 0), (2, "", 2), (2, "RabbitMQ", 202)])
def test_a_transfer_without_credit(credit: int, product: str, taken: int) -> None:
    peer, link = receiving(credit=credit, product=product)
    for number in range(taken + 1):
        assert link.condition is None
        peer.say(Transfer(0, number, b"%d" % number, 0), payload=b"x")
    detached_for(peer, link, "amqp:link:transfer-limit-exceeded")
    assert link.queued == taken
    assert len(list(receive_all(link))) == taken


def test_a_long_message_without_credit_is_not_kept() -> None:
    peer, link = receiving(credit=0)
    for _ in range(100):
        peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"x" * 1000)
    detached_for(peer, link, "amqp:link:transfer-limit-exceeded")
    assert link.session.incoming_bytes == 0 and link.current is None


def test_credit_taken_while_the_link_was_closing_is_no_fault() -> None:
    peer, link = receiving(credit=5)
    link.close()
    peer.hears()
    peer.say(Transfer(0, 0, b"t", 0), payload=b"x")
    assert link.condition is None and link.session.state & Endpoint.LOCAL_ACTIVE
    assert link.current is None and link.session.incoming_bytes == 0


def test_a_transfer_to_a_link_not_opened_here() -> None:
    peer = scripted()
    session = peer.begin()
    peer.say(Attach("l", 0, False, source=Source(), target=Target(), initial_delivery_count=0))
    peer.say(Transfer(0, 0, b"t", 0), payload=b"x")
    link = session.links()[0]
    detached_for(peer, link, "amqp:link:transfer-limit-exceeded")


def test_a_transfer_to_a_sender() -> None:
    peer = scripted()
    session = peer.begin()
    assert isinstance(peer.attach(sends=False), Sender)
    peer.say(Transfer(0, 0, b"t", 0))
    closed_for(peer, "amqp:not-allowed")
    assert session.incoming_bytes == 0


@pytest.mark.parametrize("step", [10, 1000, 5000])
def test_more_without_end(step: int) -> None:
    peer = scripted()
    peer.begin()
    peer.say(Attach("l", 0, False, source=Source(), target=Target(), initial_delivery_count=0))
    link = peer.end.connection.link_head(Endpoint.LOCAL_UNINIT)
    assert isinstance(link, Receiver)
    link.max_message_size = 2000
    link.open()
    link.flow(5)
    peer.hears()
    peer.end.events()
    for _ in range(2 * (4000 // step) + 2):
        peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"x" * step)
        assert link.session.incoming_bytes <= 2000
    detached_for(peer, link, "amqp:link:message-size-exceeded")
    current = link.current
    assert current is not None and current.aborted and current.pending == 1
    peer.say(Transfer(0), payload=b"the end at last")
    assert link.session.incoming_bytes == 0 and link.queued == 1


def test_a_message_of_just_the_limit_is_taken() -> None:
    peer = scripted()
    peer.begin()
    peer.say(Attach("l", 0, False, source=Source(), target=Target(), initial_delivery_count=0))
    link = peer.end.connection.link_head(Endpoint.LOCAL_UNINIT)
    assert isinstance(link, Receiver)
    link.max_message_size = 2000
    link.open()
    link.flow(5)
    peer.hears()
    peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"x" * 1500)
    peer.say(Transfer(0), payload=b"x" * 500)
    assert receive(link)[1] == b"x" * 2000


# --- deliveries


def test_a_gap_in_the_delivery_ids() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 5, b"a", 0), payload=b"x")
    peer.say(Transfer(0, 7, b"b", 0), payload=b"x")
    closed_for(peer, "amqp:invalid-field")
    assert link.queued == 1


def test_another_delivery_id_amid_a_message() -> None:
    peer, link = receiving()
    peer.say(Transfer(0, 0, b"a", 0, more=True), payload=b"x")
    peer.say(Transfer(0, 1, b"b", 0, more=True), payload=b"x")
    closed_for(peer, "amqp:session:errant-link")


@pytest.mark.parametrize("transfer", [Transfer(0), Transfer(0, 0), Transfer(0, None, b"t")])
def test_a_first_frame_without_its_names(transfer: Transfer) -> None:
    peer, link = receiving()
    peer.say(transfer, payload=b"x")
    closed_for(peer, "amqp:invalid-field")
    assert link.current is None


def test_a_state_nobody_knows() -> None:
    peer, link = receiving()
    for number, state in enumerate((Described(symbol("app:odd"), []), Described(ulong(0xBEEF), "text"))):
        peer.say(Transfer(0, number, b"%d" % number, 0, state=state), payload=b"x")
    first, second = (delivery for delivery, _ in receive_all(link))
    assert first.remote_state == 0 and second.remote_state == 0xBEEF
    assert second.remote.data == ["text"]


# --- bounded time


@pytest.mark.timeout(10)
def test_a_stream_of_tiny_frames_takes_time_in_proportion() -> None:
    def elapsed(count: int) -> float:
        peer, link = receiving(credit=count)
        out = bytearray()
        for number in range(count):
            write_frame(out, 0, Transfer(0, number, b"%d" % number, 0))
        started = time.process_time()
        peer.feed(bytes(out))
        assert link.queued == count
        return time.process_time() - started

    # The least of a few: a compiler or a collector may be at work in any of them.
    few, many = (min(elapsed(count) for _ in range(3)) for count in (1000, 10000))
    assert many < 60 * few


@pytest.mark.timeout(10)
def test_a_long_message_in_tiny_frames_takes_time_in_proportion() -> None:
    peer, link = receiving()
    for _ in range(20000):
        peer.say(Transfer(0, 0, b"t", 0, more=True), payload=b"x")
    peer.say(Transfer(0), payload=b"y")
    assert receive(link)[1] == b"x" * 20000 + b"y"


@pytest.mark.timeout(10)
def test_dispositions_of_much_that_is_unsettled() -> None:
    peer = scripted()
    peer.begin(incoming_window=1 << 20)
    link = peer.attach(sends=False)
    assert isinstance(link, Sender)
    peer.say(Flow(0, 1 << 20, 0, 1, handle=0, delivery_count=0, link_credit=20000))
    deliveries = []
    for number in range(20000):
        deliveries.append(link.delivery(b"%d" % number))
        link.advance()
    peer.hears()
    for number in reversed(range(20000)):
        peer.say(Disposition(True, number, None, True, Accepted()))
    assert all(delivery.settled for delivery in deliveries)
    assert not link.session._outgoing
