"""The engine by hand: messages in pieces and whole, their outcomes, credit, draining and settling."""

from __future__ import annotations

from typing import Any

import proton
from hand import Linked, drop
from record import states
from scenario import Differs, scenario

DELIVERY = proton.Delivery


def read(pair: Linked, size: int = 1000) -> bytes:
    """Read what there is of the current delivery."""
    data = b""
    while True:
        piece = pair.receiver.recv(size)
        if not piece:
            pair.run.note("read", data, "then", None if piece is None else bytes(piece))
            return data
        data += bytes(piece)


@scenario()
def sent_accepted_and_settled(run: Any) -> None:
    pair = Linked(run)
    pair.credits()
    delivery = pair.send(b"hello", "tag")
    pair.credits()
    pair.pump()
    pair.credits()
    current = pair.receiver.current
    run.note(current.tag, current.readable, current.partial, current.pending, current.settled, current.writable)
    read(pair)
    run.note(pair.receiver.advance())
    current.update(DELIVERY.ACCEPTED)
    current.settle()
    pair.pump()
    run.note(int(delivery.remote_state), delivery.settled, delivery.updated)
    delivery.settle()
    pair.pump()
    pair.credits()


@scenario()
def sent_settled(run: Any) -> None:
    pair = Linked(run)
    pair.send(b"hello", settled=True)
    pair.pump()
    current = pair.receiver.current
    run.note(current.settled, current.remote_state)
    read(pair)
    pair.receiver.advance()
    current.settle()
    pair.pump()
    pair.credits()


@scenario()
def the_other_way_round(run: Any) -> None:
    pair = Linked(run, outward=False)
    delivery = pair.send(b"hello", "tag")
    pair.pump()
    current = pair.receiver.current
    read(pair)
    pair.receiver.advance()
    current.update(DELIVERY.RELEASED)
    current.settle()
    pair.pump()
    run.note(int(delivery.remote_state), delivery.settled)
    pair.credits()


IN_ORDER = (
    "server says 0 Disposition(role=True, first=0, settled=True, state=Accepted())",
    "server says 0 Disposition(role=True, first=2, settled=True, state=Released())",
    "client DELIVERY AA AA AA 36 0/36 settled updated", "client DELIVERY AA AA AA 38 0/38 settled updated")


@scenario(differs=Differs(
    "Dispositions leave in the order in which they were made", proton=IN_ORDER, ours=IN_ORDER))
def every_outcome(run: Any) -> None:
    pair = Linked(run)
    codes = (DELIVERY.ACCEPTED, DELIVERY.REJECTED, DELIVERY.RELEASED, DELIVERY.MODIFIED, DELIVERY.RECEIVED)
    sent = [pair.send(b"x", str(int(code))) for code in codes]
    pair.pump()
    for code in codes:
        current = pair.receiver.current
        local = current.local
        if code == DELIVERY.REJECTED:
            local.condition = proton.Condition("app:bad", "sour", {proton.symbol("ph"): 2})
        if code == DELIVERY.MODIFIED:
            local.failed = local.undeliverable = True
            local.annotations = {proton.symbol("x-why"): "because"}
        if code == DELIVERY.RECEIVED:
            local.section_number, local.section_offset = 3, 5
        current.update(code)
        current.settle()
    pair.pump()
    for delivery in sent:
        remote = delivery.remote
        condition = remote.condition
        run.note(int(delivery.remote_state), int(remote.type), delivery.settled, remote.failed, remote.undeliverable,
                 remote.annotations, remote.section_number, remote.section_offset,
                 condition and (condition.name, condition.description, condition.info))


@scenario()
def an_outcome_of_no_known_kind(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.send(b"x")
    pair.pump()
    current = pair.receiver.current
    current.local.data = [1, "two"]
    current.update(0x77)
    pair.pump()
    run.note(int(delivery.remote_state), delivery.remote.data)


@scenario()
def settled_by_the_sender_last(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.send(b"x")
    pair.pump()
    current = pair.receiver.current
    current.update(DELIVERY.ACCEPTED)
    pair.pump()
    delivery.settle()
    pair.pump()
    run.note(current.settled, int(current.remote_state))
    current.settle()
    pair.pump()
    pair.credits()


@scenario()
def the_sender_tells_a_state(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.send(b"x")
    pair.pump()
    delivery.update(DELIVERY.RELEASED)
    pair.pump()
    run.note(int(pair.receiver.current.remote_state), pair.receiver.current.updated)


@scenario()
def settled_without_a_state(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.send(b"x")
    pair.pump()
    pair.receiver.current.settle()
    pair.pump()
    run.note(delivery.settled, int(delivery.remote_state), delivery.remote_state == 0)


# --- in pieces

@scenario()
def in_pieces(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.sender.delivery("tag")
    pair.sender.stream(b"one,")
    pair.pump()
    run.note(pair.receiver.current.partial, pair.receiver.current.pending, delivery.partial)
    read(pair)
    pair.sender.stream(b"two,")
    pair.pump()
    read(pair)
    pair.sender.stream(b"three")
    pair.sender.advance()
    pair.pump()
    read(pair)
    run.note(pair.receiver.current.partial)
    pair.receiver.advance()
    pair.credits()


@scenario()
def larger_than_a_frame(run: Any) -> None:
    def small(end: Any) -> None:
        end.transport.max_frame_size = 512
    pair = Linked(run, client=small, server=small)
    pair.send(b"x" * 2000)
    pair.pump()
    run.note(pair.receiver.current.pending, pair.receiver.current.partial, len(read(pair, 300)))


@scenario()
def aborted_midway(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.sender.delivery("tag")
    pair.sender.stream(b"one,")
    pair.pump()
    delivery.abort()
    pair.pump()
    current = pair.receiver.current
    run.note(current.aborted, current.partial, current.settled)
    run.tried("read", lambda: pair.receiver.recv(100))
    current.settle()
    pair.pump()
    pair.credits()


@scenario()
def aborted_before_anything_went(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.sender.delivery("tag")
    pair.sender.stream(b"one,")
    delivery.abort()
    pair.pump()
    run.note(pair.receiver.current)
    pair.credits()


@scenario()
def advanced_past_half_a_message(run: Any) -> None:
    pair = Linked(run)
    pair.sender.delivery("tag")
    pair.sender.stream(b"one,")
    pair.pump()
    run.note(pair.receiver.advance(), pair.receiver.current)
    pair.sender.stream(b"two")
    pair.sender.advance()
    pair.send(b"next", "next")
    pair.pump()
    run.note(pair.receiver.current and pair.receiver.current.tag)
    pair.credits()


@scenario()
def an_empty_message(run: Any) -> None:
    pair = Linked(run)
    pair.sender.delivery("tag")
    run.note(pair.sender.advance())
    pair.pump()
    current = pair.receiver.current
    run.note(current.partial, current.pending, current.readable)
    read(pair)


# --- credit

@scenario()
def no_credit(run: Any) -> None:
    pair = Linked(run, credit=0)
    pair.send(b"one", "1")
    pair.send(b"two", "2")
    pair.pump()
    pair.credits()
    pair.receiver.flow(1)
    pair.pump()
    pair.credits()
    pair.receiver.flow(5)
    pair.pump()
    pair.credits()


@scenario()
def drained(run: Any) -> None:
    pair = Linked(run, credit=0)
    pair.receiver.drain(7)
    pair.pump()
    run.note(pair.sender.credit, pair.sender.drain_mode, pair.receiver.draining())
    pair.send(b"x")
    run.note(pair.sender.drained())
    pair.pump()
    run.note(pair.receiver.drained(), pair.receiver.draining())
    pair.credits()
    pair.receiver.advance()
    pair.receiver.drain(0)
    pair.receiver.flow(2)
    pair.pump()
    run.note(pair.sender.drain_mode)
    pair.credits()


@scenario()
def drain_mode_by_hand(run: Any) -> None:
    pair = Linked(run, credit=0)
    pair.receiver.drain_mode = True
    pair.receiver.flow(3)
    pair.pump()
    run.note(pair.sender.drain_mode, pair.sender.credit)
    run.note(pair.sender.drained(), pair.sender.credit)
    pair.pump()
    run.note(pair.receiver.credit)
    pair.receiver.drain_mode = False
    pair.pump()
    run.note(pair.sender.drain_mode)


@scenario()
def offered(run: Any) -> None:
    pair = Linked(run)
    pair.sender.offered(42)
    pair.pump()
    run.note(pair.receiver.available)
    pair.send(b"x")
    pair.pump()
    pair.credits()


@scenario(differs=Differs(
    "A session's window is opened again whenever there is room",
    ours=["server TRANSPORT AA", "server TRANSPORT AA", "client LINK_FLOW AA AA AA",
          "server says 0 Flow(next_incoming_id=4, incoming_window=2, next_outgoing_id=0, outgoing_window=2147483647, "
          "handle=0, delivery_count=4, link_credit=6)"]))
def the_window_of_a_session(run: Any) -> None:
    def small(end: Any) -> None:
        end.transport.max_frame_size = 512
    pair = Linked(run, credit=0, client=small, server=small)
    pair.far_session.incoming_capacity = 1024
    run.note(pair.far_session.incoming_capacity, pair.far_session.outgoing_window)
    pair.receiver.flow(10)
    for number in range(4):
        pair.send(bytes([65 + number]) * 450, str(number))
    pair.pump()
    run.note(pair.session.outgoing_bytes, pair.far_session.incoming_bytes)
    for _ in range(4):
        current = pair.receiver.current
        if not current:
            break
        read(pair)
        pair.receiver.advance()
        pair.pump()
    run.note(pair.session.outgoing_bytes, pair.far_session.incoming_bytes)


@scenario()
def several_at_once(run: Any) -> None:
    pair = Linked(run)
    sent = [pair.send(str(number).encode(), str(number)) for number in range(5)]
    pair.pump()
    run.note(pair.receiver.queued, pair.receiver.unsettled)
    for _ in range(5):
        current = pair.receiver.current
        current.update(DELIVERY.ACCEPTED)
        current.settle()
    pair.pump()
    run.note([int(delivery.remote_state) for delivery in sent], [delivery.settled for delivery in sent])
    for delivery in sent:
        delivery.settle()
    pair.pump()
    pair.credits()


@scenario()
def settled_one_after_another(run: Any) -> None:
    pair = Linked(run)
    sent = [pair.send(b"x", str(number)) for number in range(3)]
    pair.pump()
    run.note(pair.sender.unsettled)
    sent[1].settle()
    run.note(pair.sender.unsettled)
    pair.pump()
    run.note(pair.receiver.unsettled)


# --- losing it

@scenario()
def lost_with_messages_on_the_way(run: Any) -> None:
    pair = Linked(run, credit=2)
    sent = [pair.send(b"x", str(number)) for number in range(3)]
    pair.pump()
    drop(pair.client)
    run.note([(delivery.tag, delivery.settled, int(delivery.remote_state)) for delivery in sent])
    run.note(pair.sender.unsettled, states(pair.sender.state))


@scenario()
def the_link_is_closed_with_messages_unsettled(run: Any) -> None:
    pair = Linked(run)
    delivery = pair.send(b"x")
    pair.pump()
    pair.receiver.close()
    pair.pump()
    run.note(delivery.settled, delivery.updated, pair.sender.credit)
    pair.sender.close()
    pair.pump()
    pair.credits()


# --- what is wrong

@scenario()
def wrong_uses(run: Any) -> None:
    pair = Linked(run)
    run.tried("recv of a sender", lambda: pair.sender.recv(10))
    run.tried("send of a receiver", lambda: pair.receiver.send(b"x"))
    run.tried("stream of a receiver", lambda: pair.receiver.stream(b"x"))
    run.tried("flow of a sender", lambda: pair.sender.flow(1))
    run.tried("recv without a delivery", lambda: pair.receiver.recv(10))
    run.tried("advance without a delivery", pair.receiver.advance)
    run.tried("advance of a sender without a delivery", pair.sender.advance)
    run.tried("current", lambda: pair.receiver.current)
    run.tried("a tag that is no text", lambda: pair.sender.delivery(3))
    delivery = pair.send(b"x")
    pair.pump()
    run.tried("settle", delivery.settle)
    run.tried("settle again", delivery.settle)
    run.tried("a state that is none", lambda: pair.receiver.current.update("accepted"))


@scenario()
def the_same_tag_twice(run: Any) -> None:
    pair = Linked(run)
    pair.send(b"one", "tag")
    pair.send(b"two", "tag")
    pair.pump()
    pair.credits()


@scenario()
def names_of_dispositions(run: Any) -> None:
    for name in ("RECEIVED", "ACCEPTED", "REJECTED", "RELEASED", "MODIFIED"):
        value = getattr(DELIVERY, name)
        run.note(name, int(value), str(value), repr(value), value == int(value), hash(value) == hash(int(value)))
