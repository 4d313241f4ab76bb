"""Deliveries: sent, received, given states and settled, in every settle mode."""

from __future__ import annotations

import pytest
from wiring import Linked, receive, receive_all, scripted, send

from syncproton.codec import symbol, ulong
from syncproton.engine import Condition, Delivery, Disposition, DispositionType, Link
from syncproton.errors import LinkException
from syncproton.message import Message
from syncproton.wire.performatives import Attach, Flow, Transfer


def test_a_message_goes_across_and_its_acceptance_back() -> None:
    linked = Linked()
    delivery = send(linked.sender, b"hello", "a tag")
    assert (linked.sender.credit, linked.sender.queued, linked.sender.unsettled) == (99, 1, 1)
    assert linked.out.outgoing_bytes == 5
    linked.pump()
    assert linked.a.names() == ["TRANSPORT", "LINK_FLOW"]
    assert linked.b.names() == ["DELIVERY"]
    assert (linked.sender.queued, linked.out.outgoing_bytes, linked.into.incoming_bytes) == (0, 0, 5)

    arrived = linked.receiver.current
    assert arrived is not None and arrived.readable and not arrived.partial and not arrived.settled
    assert arrived.tag == "a tag"
    assert arrived.pending == 5
    assert (linked.receiver.credit, linked.receiver.queued, linked.receiver.remote_credit) == (100, 1, 99)
    assert linked.receiver.recv(100) == b"hello"
    assert linked.receiver.recv(100) is None
    linked.receiver.advance()
    assert linked.into.incoming_bytes == 0
    assert linked.receiver.current is None
    arrived.update(Delivery.ACCEPTED)
    arrived.settle()
    linked.pump()
    assert [event.delivery for event in linked.a.events() if event.delivery] == [delivery]
    assert delivery.updated and delivery.settled and delivery.remote_state == Delivery.ACCEPTED
    assert arrived.local_state == Delivery.ACCEPTED
    assert linked.sender.unsettled == 1 and linked.receiver.unsettled == 0
    delivery.settle()
    linked.pump()
    assert linked.sender.unsettled == 0
    assert linked.maps_empty()
    assert linked.b.names() == ["TRANSPORT"]


def test_settled_at_once_by_the_sender() -> None:
    linked = Linked()
    delivery = send(linked.sender, settled=True)
    linked.pump()
    arrived, data = receive(linked.receiver)
    assert data == b"hello"
    assert arrived.settled and arrived.updated and arrived.remote_state == 0
    arrived.update(Delivery.ACCEPTED)
    arrived.settle()
    linked.b.events()
    linked.pump()
    assert not delivery.updated
    assert linked.maps_empty()


def test_settled_by_the_receiver_first_without_a_state() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.settle()
    linked.pump()
    assert delivery.settled and delivery.remote_state == 0


def test_settled_by_the_sender_after_the_receiver_s_state() -> None:
    def second(link: Link) -> None:
        link.rcv_settle_mode = Link.RCV_SECOND

    linked = Linked(sending=second, receiving=second)
    assert linked.receiver.remote_rcv_settle_mode == linked.sender.remote_rcv_settle_mode == Link.RCV_SECOND
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.update(Delivery.ACCEPTED)
    linked.pump()
    assert delivery.remote_state == Delivery.ACCEPTED and not delivery.settled
    assert linked.sender.unsettled == linked.receiver.unsettled == 1
    linked.b.events()
    delivery.update(Delivery.ACCEPTED)
    delivery.settle()
    linked.pump()
    assert linked.b.names() == ["DELIVERY"]
    assert arrived.settled and arrived.updated and arrived.remote_state == Delivery.ACCEPTED
    arrived.settle()
    linked.a.events()
    linked.pump()
    assert linked.a.events() == []
    assert linked.maps_empty()


def test_settled_by_the_sender_while_the_receiver_thinks() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    delivery.settle()
    linked.pump()
    assert arrived.settled and arrived.updated
    linked.b.output()
    arrived.update(Delivery.ACCEPTED)
    arrived.settle()
    assert linked.b.output() == b""
    assert linked.maps_empty()


def test_states_may_change_until_settlement() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    for state in (Delivery.RECEIVED, Delivery.RELEASED, Delivery.ACCEPTED):
        arrived.update(state)
        linked.pump()
        assert delivery.remote_state == state and not delivery.settled


def test_rejected_carries_its_reason() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.local.condition = Condition("app:bad", "too sour", {symbol("ph"): 2})
    arrived.update(Delivery.REJECTED)
    arrived.settle()
    linked.pump()
    assert delivery.remote_state == Delivery.REJECTED
    assert delivery.remote.type == Disposition.REJECTED
    assert delivery.remote.condition == Condition("app:bad", "too sour", {symbol("ph"): 2})


def test_modified_carries_its_details() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.local.failed = True
    arrived.local.undeliverable = True
    arrived.local.annotations = {"x-reason": "because", symbol("x-count"): 3}
    arrived.update(Delivery.MODIFIED)
    arrived.settle()
    linked.pump()
    remote = delivery.remote
    assert remote.type == Delivery.MODIFIED
    assert (remote.failed, remote.undeliverable) == (True, True)
    assert remote.annotations == {"x-reason": "because", "x-count": 3}
    assert all(isinstance(key, symbol) for key in remote.annotations)


def test_received_carries_how_far() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.local.section_number = 3
    arrived.local.section_offset = 1 << 40
    arrived.update(Delivery.RECEIVED)
    linked.pump()
    assert delivery.remote_state == Delivery.RECEIVED
    assert (delivery.remote.section_number, delivery.remote.section_offset) == (3, 1 << 40)


def test_released_says_no_more() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.update(Delivery.RELEASED)
    arrived.settle()
    linked.pump()
    assert delivery.remote_state == Delivery.RELEASED
    assert delivery.remote.condition is None and not delivery.remote.failed


@pytest.mark.parametrize("state", [DispositionType.DECLARED, DispositionType.TRANSACTIONAL_STATE, 0x77])
def test_states_of_extensions_carry_their_fields(state: int) -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    arrived, _ = receive(linked.receiver)
    arrived.local.data = [b"txn-id"]
    arrived.update(state)
    arrived.settle()
    linked.pump()
    assert delivery.remote_state == state
    assert delivery.remote.data is not None and delivery.remote.data[0] == b"txn-id"


def test_a_transfer_carries_its_state() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("in a transaction")
    delivery.local.data = [b"txn-id"]
    delivery.update(DispositionType.TRANSACTIONAL_STATE)
    linked.sender.stream(b"hello")
    linked.sender.advance()
    linked.pump()
    arrived, data = receive(linked.receiver)
    assert data == b"hello"
    assert arrived.remote_state == DispositionType.TRANSACTIONAL_STATE
    assert arrived.remote.data is not None and arrived.remote.data[0] == b"txn-id"


def test_states_of_no_known_number_are_numbers() -> None:
    assert DispositionType.or_int(0x24) is DispositionType.ACCEPTED
    assert DispositionType.or_int(1234) == 1234
    assert Disposition(True, int(ulong(77))).type == 77


def test_tags_are_text_where_they_can_be() -> None:
    linked = Linked()
    for tag in ("text", b"bytes", b"\xff\xfe"):
        linked.sender.delivery(tag)
        linked.sender.stream(b"x")
        linked.sender.advance()
    linked.pump()
    assert [delivery.tag for delivery, _ in receive_all(linked.receiver)] == ["text", "bytes", b"\xff\xfe"]


def test_tags_are_numbers_unless_generated() -> None:
    sender = Linked().sender
    assert [sender.delivery_tag(), sender.delivery_tag()] == ["1", "2"]
    sender.tag_generator = iter([b"mine"])
    assert sender.delivery_tag() == b"mine"


def test_deliveries_prepared_ahead_go_in_their_order() -> None:
    linked = Linked()
    deliveries = [linked.sender.delivery(str(number)) for number in range(3)]
    assert linked.sender.current is deliveries[0]
    assert [delivery.writable for delivery in deliveries] == [True, False, False]
    for number in range(3):
        linked.sender.stream(b"%d" % number)
        linked.sender.advance()
    linked.pump()
    assert [data for _, data in receive_all(linked.receiver)] == [b"0", b"1", b"2"]


def test_a_delivery_prepared_and_settled_before_its_turn_is_never_sent() -> None:
    linked = Linked()
    first, second, third = (linked.sender.delivery(tag) for tag in "123")
    second.settle()
    for data in (b"one", b"three"):
        linked.sender.stream(data)
        linked.sender.advance()
    linked.pump()
    assert [(delivery.tag, data) for delivery, data in receive_all(linked.receiver)] == [("1", b"one"), ("3", b"three")]
    assert linked.sender.unsettled == 2
    assert first.writable is third.writable is False


def test_writing_and_reading_without_a_delivery_are_refused() -> None:
    linked = Linked()
    with pytest.raises(LinkException):
        linked.sender.stream(b"x")
    assert not linked.sender.advance()
    assert not linked.receiver.advance()
    with pytest.raises(LinkException):
        linked.receiver.recv(10)


def test_an_empty_delivery_is_a_delivery() -> None:
    linked = Linked()
    linked.sender.delivery("empty")
    linked.sender.advance()
    linked.pump()
    arrived = linked.receiver.current
    assert arrived is not None and not arrived.partial and arrived.pending == 0
    assert linked.receiver.recv(10) is None


def test_what_was_not_read_is_dropped_with_the_advance() -> None:
    linked = Linked()
    send(linked.sender, b"0123456789")
    send(linked.sender, b"next")
    linked.pump()
    assert linked.receiver.recv(4) == b"0123"
    assert linked.into.incoming_bytes == 10
    linked.receiver.advance()
    assert linked.into.incoming_bytes == 4
    assert receive(linked.receiver)[1] == b"next"


def test_a_negative_number_of_bytes_is_refused() -> None:
    linked = Linked()
    send(linked.sender, b"0123456789")
    linked.pump()
    with pytest.raises(ValueError, match="-1 bytes"):
        linked.receiver.recv(-1)
    assert linked.receiver.recv(100) == b"0123456789"


def test_settling_the_current_delivery_goes_on_to_the_next() -> None:
    linked = Linked()
    send(linked.sender, b"one")
    send(linked.sender, b"two")
    linked.pump()
    current = linked.receiver.current
    assert current is not None
    current.settle()
    current.settle()
    assert receive(linked.receiver)[1] == b"two"
    assert linked.receiver.credit == 98
    assert linked.into.incoming_bytes == 0


def test_settling_a_delivery_before_it_is_read() -> None:
    linked = Linked()
    for data in (b"one", b"two"):
        send(linked.sender, data)
    linked.pump()
    later = linked.receiver._later[0]
    later.update(Delivery.ACCEPTED)
    later.settle()
    linked.pump()
    assert [data for _, data in receive_all(linked.receiver)] == [b"one", b"two"]
    assert linked.receiver.unsettled == 1
    assert linked.into.incoming_bytes == 0


def test_messages_are_sent_and_received_whole() -> None:
    linked = Linked()
    delivery = linked.sender.send(Message(body={"key": [1, 2, 3]}))
    assert isinstance(delivery, Delivery)
    linked.pump()
    message = Message()
    arrived = message.recv(linked.receiver)
    assert arrived is not None and arrived.tag == "1"
    assert message.body == {"key": [1, 2, 3]}
    linked.sender.delivery("raw")
    assert linked.sender.send(b"raw bytes") == 9


def test_a_settled_link_settles_what_it_sends() -> None:
    def settled(link: Link) -> None:
        link.snd_settle_mode = Link.SND_SETTLED

    linked = Linked(sending=settled)
    linked.sender.send(Message(body="x"))
    linked.pump()
    arrived, _ = receive(linked.receiver)
    assert arrived.settled
    assert linked.sender.unsettled == 0 and not linked.out._outgoing


def test_endpoints_of_a_delivery() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    assert delivery.link is linked.sender
    assert delivery.session is linked.out
    assert delivery.connection is linked.a.connection
    assert delivery.transport is linked.a.transport
    delivery.note = "mine"  # type: ignore[attr-defined]
    assert delivery.note == "mine"  # type: ignore[attr-defined]


def test_what_was_handed_over_before_the_link_was_opened_goes_out_once_it_is() -> None:
    peer = scripted()
    session = peer.begin()
    sender = session.sender("link")
    peer.say(Attach("link", 0, True), Flow(0, 10, 0, 10, 0, 0, 5))
    send(sender, b"early")
    assert peer.performatives() == []
    sender.open()
    attach, transfer = peer.performatives()
    assert isinstance(attach, Attach) and isinstance(transfer, Transfer)
    assert sender.queued == 0
