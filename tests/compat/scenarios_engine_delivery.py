"""Deliveries by hand: sent in pieces, read in pieces, aborted, settled by either side, and with each outcome."""

from __future__ import annotations

from typing import Any, List, Optional

import proton
from proton import Condition, Delivery, Link, Message
from pumping import attached, gone, line_of, value
from record import states
from scenario import Differs, scenario

#: What is said of a delivery.
WORDS = ("tag", "readable", "writable", "updated", "partial", "aborted", "settled", "pending")

PASSED = ("tag='one' readable=False writable=False updated=False partial=False aborted=False settled=False pending={} "
          "0/0")


def shown(delivery: Any) -> str:
    """A delivery."""
    if delivery is None:
        return "None"
    flags = " ".join(f"{word}={getattr(delivery, word)!r}" for word in WORDS)
    return f"{flags} {int(delivery.local_state)}/{int(delivery.remote_state)}"


def detailed(disposition: Any) -> str:
    """What is told with an outcome."""
    return " ".join([
        f"{int(disposition.type)}", f"section {disposition.section_number} offset {disposition.section_offset}",
        f"failed {disposition.failed} undeliverable {disposition.undeliverable}",
        f"annotations {value(disposition.annotations)} data {value(disposition.data)}",
        f"condition {line_of(disposition.condition)}"])


def send(sender: Any, tag: str, data: bytes = b"data") -> Any:
    """Send bytes; the delivery."""
    delivery = sender.delivery(tag)
    sender.stream(data)
    sender.advance()
    return delivery


def read(receiver: Any, limit: int) -> Optional[bytes]:
    """What there is to read, as bytes."""
    data = receiver.recv(limit)
    return None if data is None else bytes(data)


def links(run: Any, sender: Any, receiver: Any) -> None:
    """The counters of both ends."""
    for name, link in (("sender", sender), ("receiver", receiver)):
        run.note(name, f"credit {link.credit} queued {link.queued} unsettled {link.unsettled}",
                 f"available {link.available} current {shown(link.current)}")


@scenario()
def sent_and_accepted(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5)
    ours = send(sender, "one")
    links(run, sender, receiver)
    pair.pump()
    links(run, sender, receiver)
    theirs = receiver.current
    run.note(bytes(receiver.recv(100)), receiver.recv(100), shown(theirs))
    run.note(receiver.advance(), receiver.advance())
    theirs.update(Delivery.ACCEPTED)
    pair.pump()
    run.note(shown(ours), shown(theirs), ours.link == sender, ours.session == sender.session)
    theirs.settle()
    pair.pump()
    run.note(shown(ours))
    ours.settle()
    pair.pump()
    links(run, sender, receiver)


@scenario()
def settled_by_the_sender_first(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5)
    ours = send(sender, "one")
    pair.pump()
    ours.settle()
    pair.pump()
    theirs = receiver.current
    run.note(shown(theirs))
    receiver.recv(10)
    theirs.update(Delivery.ACCEPTED)
    theirs.settle()
    pair.pump()
    links(run, sender, receiver)


@scenario()
def settled_before_it_is_sent(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5, snd_settle_mode=Link.SND_SETTLED)
    for tag in ("one", "two"):
        delivery = sender.delivery(tag)
        sender.stream(tag.encode())
        delivery.settle()
        links(run, sender, receiver)
    pair.pump()
    links(run, sender, receiver)
    while receiver.current:
        run.note(shown(receiver.current), bytes(receiver.recv(10)))
        receiver.current.settle()
        pair.pump()
    links(run, sender, receiver)


@scenario()
def a_message_in_pieces(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5)
    ours = sender.delivery("one")
    for piece in (b"first ", b"second ", b"third"):
        run.note(sender.stream(piece), shown(ours))
        pair.pump()
        current = receiver.current
        run.note(shown(current), read(receiver, 4), shown(current), read(receiver, 100), read(receiver, 100))
    sender.advance()
    pair.pump()
    run.note(shown(receiver.current), receiver.recv(100))
    links(run, sender, receiver)


@scenario(differs=Differs(
    "What comes of a message after its receiver has advanced past it is dropped",
    proton=["b event DELIVERY tag 'one' 0/0 partial pending 5", "b event DELIVERY tag 'one' 0/0 pending 5",
            "first: " + PASSED.format(5)],
    ours=["b event DELIVERY tag 'one' 0/0 partial pending 0", "b event DELIVERY tag 'one' 0/0 pending 0",
          "first: " + PASSED.format(0)]))
def advancing_past_what_is_not_complete(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5)
    sender.delivery("one")
    sender.stream(b"some")
    pair.pump()
    first = receiver.current
    run.note(receiver.advance(), receiver.current)
    sender.stream(b" more")
    pair.pump()
    sender.advance()
    second = send(sender, "two")
    pair.pump()
    run.note("first:", shown(first))
    run.note(shown(receiver.current), shown(second))
    links(run, sender, receiver)


@scenario()
def nothing_is_a_message_too(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5)
    run.note(sender.advance())
    sender.delivery("empty")
    pair.pump()
    run.note(sender.advance())
    pair.pump()
    run.note(shown(receiver.current), receiver.recv(10))
    links(run, sender, receiver)


@scenario()
def aborted_before_and_after_it_has_begun(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=5)
    first = sender.delivery("one")
    sender.stream(b"never sent")
    first.abort()
    run.note(shown(first))
    pair.pump()
    links(run, sender, receiver)
    second = sender.delivery("two")
    sender.stream(b"begun")
    pair.pump()
    second.abort()
    run.note(shown(second))
    pair.pump()
    theirs = receiver.current
    run.note(shown(theirs))
    run.tried("reading", receiver.recv, 10)
    if theirs:
        theirs.settle()
    third = send(sender, "three")
    pair.pump()
    run.note(shown(third))
    links(run, sender, receiver)


@scenario()
def many_frames_make_a_message(run: Any) -> None:
    def prepare(a: Any, b: Any) -> None:
        b.transport.max_frame_size = 512
    pair, sender, receiver = attached(run, prepare, credit=5)
    run.note(pair.a.transport.remote_max_frame_size, pair.b.transport.max_frame_size)
    ours = send(sender, "long", bytes(range(256)) * 8)
    run.note(sender.session.outgoing_bytes)
    pair.pump()
    run.note(receiver.session.incoming_bytes, shown(receiver.current))
    run.note(len(receiver.recv(5000)), receiver.recv(10), receiver.session.incoming_bytes, shown(ours))
    receiver.current.update(Delivery.ACCEPTED)
    receiver.current.settle()
    pair.pump()
    links(run, sender, receiver)


@scenario()
def outcomes_of_each_kind(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    kinds = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED, Delivery.RECEIVED)
    for kind in kinds:
        ours = send(sender, f"{int(kind)}")
        pair.pump()
        theirs = receiver.current
        receiver.recv(10)
        theirs.update(kind)
        receiver.advance()
        pair.pump()
        run.note(detailed(ours.remote), "|", detailed(theirs.local), ours.remote_state == kind, repr(ours.remote_state))
        theirs.settle()
        pair.pump()
        ours.settle()
        pair.pump()
    links(run, sender, receiver)


@scenario()
def outcomes_with_details(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)

    def rejected(local: Any) -> None:
        local.condition = Condition("app:bad", "why", {proton.symbol("key"): 1})

    def modified(local: Any) -> None:
        local.failed = True
        local.undeliverable = True
        local.annotations = {proton.symbol("x-opt"): "value"}

    def received(local: Any) -> None:
        local.section_number = 3
        local.section_offset = 1 << 33

    for kind, prepare in ((Delivery.REJECTED, rejected), (Delivery.MODIFIED, modified), (Delivery.RECEIVED, received)):
        ours = send(sender, f"{int(kind)}")
        pair.pump()
        theirs = receiver.current
        receiver.recv(10)
        prepare(theirs.local)
        theirs.update(kind)
        receiver.advance()
        pair.pump()
        run.note(detailed(ours.remote))
        run.note(detailed(theirs.local))
        theirs.settle()
        pair.pump()


@scenario()
def a_state_of_the_applications_own(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    ours = send(sender, "one")
    pair.pump()
    theirs = receiver.current
    theirs.local.data = [1, "two", None]
    theirs.update(0x99)
    pair.pump()
    run.note(repr(ours.remote_state), detailed(ours.remote))
    theirs.update(Delivery.ACCEPTED)
    theirs.settle()
    pair.pump()
    run.note(repr(ours.remote_state), value(ours.remote.data))


@scenario()
def the_sender_says_how_it_sees_a_delivery(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    first = sender.delivery("one")
    first.local.section_number = 1
    first.update(Delivery.RECEIVED)
    sender.stream(b"x")
    sender.advance()
    pair.pump()
    theirs = receiver.current
    run.note(shown(theirs))
    receiver.recv(10)
    receiver.advance()
    first.update(Delivery.ACCEPTED)
    first.settle()
    pair.pump()
    run.note(shown(theirs))


@scenario()
def one_disposition_for_many(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    ours = [send(sender, str(number)) for number in range(6)]
    pair.pump()
    theirs: List[Any] = []
    while receiver.current:
        theirs.append(receiver.current)
        receiver.recv(10)
        receiver.advance()
    for delivery in theirs[:3]:
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()
    theirs[4].update(Delivery.RELEASED)
    theirs[5].update(Delivery.RELEASED)
    pair.pump()
    run.note([int(delivery.remote_state) for delivery in ours], [delivery.settled for delivery in ours])
    for delivery in theirs[3:]:
        delivery.settle()
    pair.pump()
    for delivery in ours:
        delivery.settle()
    pair.pump()
    links(run, sender, receiver)


@scenario()
def updates_of_what_is_settled(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    ours = send(sender, "one")
    pair.pump()
    theirs = receiver.current
    theirs.update(Delivery.RELEASED)
    theirs.update(Delivery.ACCEPTED)
    pair.pump()
    run.note(int(ours.remote_state))
    theirs.settle()
    pair.pump()
    ours.update(Delivery.ACCEPTED)
    pair.pump()
    run.note(shown(ours))
    ours.settle()
    pair.pump()


@scenario()
def tags_of_both_kinds(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    for tag in ("text", "x" * 32, "\u00e9"):
        delivery = run.tried(f"tag of {len(tag)}", lambda: sender.delivery(tag).tag)
        sender.stream(b"x")
        sender.advance()
        run.note(repr(delivery))
    pair.pump()
    while receiver.current:
        run.note(repr(receiver.current.tag))
        receiver.advance()
    run.note(repr(sender.delivery_tag()), repr(sender.delivery_tag()))


@scenario()
def messages_by_send_and_recv(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    message = Message(body="hello", subject="greeting")
    ours = sender.send(message)
    run.note(repr(ours.tag), shown(ours))
    again = message.send(sender, tag="mine")
    run.note(repr(again.tag))
    run.tried("bytes without a delivery", sender.send, b"bytes")
    sender.delivery("raw")
    run.tried("bytes", sender.send, b"bytes")
    sender.advance()
    pair.pump()
    got = Message()
    delivery = got.recv(receiver)
    run.note(shown(delivery), got.body, got.subject)
    run.note(shown(receiver.current))
    run.note(got.recv(receiver) is None, got.body)
    run.note(shown(receiver.current))
    links(run, sender, receiver)


@scenario()
def the_link_closes_with_deliveries_open(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    ours = [send(sender, str(number)) for number in range(3)]
    pair.pump()
    theirs = receiver.current
    receiver.advance()
    receiver.close()
    pair.pump()
    sender.close()
    pair.pump()
    links(run, sender, receiver)
    theirs.update(Delivery.ACCEPTED)
    theirs.settle()
    for delivery in ours:
        delivery.settle()
        pair.pump()
    run.note([shown(delivery) for delivery in ours])
    receiver.free()
    sender.free()
    pair.pump()


@scenario(differs=Differs(
    "Messages that were not read go with the transport that brought them",
    proton=["receiver credit 2 queued 2 unsettled 2 available 0 current " + PASSED.format(4).replace(
        "one", "0").replace("readable=False", "readable=True")],
    ours=["receiver credit 2 queued 0 unsettled 2 available 0 current None"]))
def the_connection_closes_with_deliveries_open(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=2)
    ours = [send(sender, str(number)) for number in range(3)]
    pair.pump()
    gone(pair)
    links(run, sender, receiver)
    run.note([shown(delivery) for delivery in ours])


@scenario()
def closing_waits_for_what_can_be_sent(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    for number in range(3):
        send(sender, str(number))
    sender.close()
    sender.session.close()
    pair.a.connection.close()
    pair.pump()
    run.note(states(sender.state), states(receiver.state))
    links(run, sender, receiver)


@scenario()
def settling_second(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10, rcv_settle_mode=Link.RCV_SECOND)
    run.note(int(receiver.remote_rcv_settle_mode), int(sender.remote_rcv_settle_mode))
    ours = send(sender, "one")
    pair.pump()
    theirs = receiver.current
    receiver.advance()
    theirs.update(Delivery.ACCEPTED)
    pair.pump()
    ours.settle()
    pair.pump()
    run.note(shown(theirs))
    theirs.settle()
    pair.pump()
    links(run, sender, receiver)


@scenario()
def deliveries_keep_what_is_set_on_them(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    ours = send(sender, "one")
    ours.mark = 5
    pair.pump()
    receiver.current.mark = 7
    receiver.current.update(Delivery.ACCEPTED)
    receiver.current.settle()
    pair.a.transport.push(pair.b.output())
    while pair.a.collector.peek():
        event = pair.a.collector.peek()
        if event.delivery is not None:
            run.note(event.delivery.mark, event.delivery == ours, event.link == sender)
        pair.a.collector.pop()


@scenario(differs=Differs(
    "``condition``, ``annotations`` and ``data`` of ``Delivery.remote`` can be set",
    proton=[f"setting {word} raises AttributeError" for word in ("condition", "annotations", "data")],
    ours=[f"setting {word} -> None" for word in ("condition", "annotations", "data")]))
def things_that_cannot_be_done(run: Any) -> None:
    pair, sender, receiver = attached(run, credit=10)
    run.tried("reading without a message", receiver.recv, 10)
    run.tried("streaming without a delivery", sender.stream, b"x")
    ours = send(sender, "one")
    pair.pump()
    run.tried("aborting what was sent", ours.abort)
    pair.pump()
    theirs = receiver.current
    run.tried("setting failed", setattr, theirs.remote, "failed", True)
    run.tried("setting condition", setattr, theirs.remote, "condition", Condition("a"))
    run.tried("setting annotations", setattr, theirs.remote, "annotations", {})
    run.tried("setting data", setattr, theirs.remote, "data", [])
    run.note(shown(theirs))
    theirs.settle()
    theirs.settle()
    pair.pump()
    links(run, sender, receiver)
