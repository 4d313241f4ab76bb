"""Our frames against those of proton: two of its engines talk, and we read and rewrite every frame between them.

Maps, arrays and free-form lists proton writes in their wide form always, where ours are the shortest; frames with such
are compared by what proton makes of them.
"""

from __future__ import annotations

from typing import Callable, List, Tuple

import pytest
from proton import (
    Condition,
    Connection,
    Data,
    Delivery,
    Described,
    Endpoint,
    Link,
    Session,
    Terminus,
    Transport,
    symbol,
    ulong,
)

from syncproton.wire.frames import (
    AMQP_FRAME,
    AMQP_HEADER,
    SASL_FRAME,
    SASL_HEADER,
    FrameReader,
    write_disposition,
    write_flow,
    write_frame,
    write_transfer,
)
from syncproton.wire.performatives import Disposition, Flow, Transfer

Check = Callable[[bytes, bytes], None]


def rewritten(frame: bytes) -> bytes:
    """The frame read and written again, by the hand-packed writers where there is one for it."""
    kind = SASL_FRAME if frame[5] else AMQP_FRAME
    reader = FrameReader(kind)
    reader.feed(frame)
    read = reader.next_frame()
    assert read is not None and reader.buffered == 0
    channel, body, payload = read
    assert body is not None
    out = bytearray()
    write_frame(out, channel, body, payload)
    quick = bytearray()
    if type(body) is Transfer:
        assert (body.rcv_settle_mode, body.resume, body.batchable) == (None, False, False)
        write_transfer(
            quick,
            channel,
            body.handle,
            body.delivery_id,
            body.delivery_tag,
            body.message_format,
            body.settled,
            body.more,
            body.state,
            body.aborted,
            payload,
        )
        assert quick == out
    elif type(body) is Disposition:
        write_disposition(quick, channel, body.role, body.first, body.last, body.settled, body.state)
        assert quick == out
    elif type(body) is Flow:
        write_flow(
            quick,
            channel,
            body.next_incoming_id,
            body.incoming_window,
            body.next_outgoing_id,
            body.outgoing_window,
            body.handle,
            body.delivery_count,
            body.link_credit,
            body.available,
            body.drain,
            body.echo,
        )
        assert quick == out
    again = FrameReader(kind)
    again.feed(bytes(out))
    assert again.next_frame() == read
    return bytes(out)


def identical(ours: bytes, theirs: bytes) -> None:
    assert ours.hex(" ") == theirs.hex(" ")


def equivalent(ours: bytes, theirs: bytes) -> None:
    """The same header, and bodies that proton decodes to the same values."""
    assert ours[4:8] == theirs[4:8]
    # What get_object() gives points into its Data, which this tuple keeps until they are compared.
    bodies = Data(), Data()
    values = []
    for data, frame in zip(bodies, (ours, theirs)):
        at = data.decode(frame[8:])
        data.rewind()
        data.next()
        values.append((data.get_object(), frame[8 + at:]))
    assert values[0] == values[1]


class Conversation:
    """Two engines of proton with a rewriter of frames between them."""

    def __init__(self, check: Check, sasl: bool = False) -> None:
        self.check = check
        self.frames: List[Tuple[str, bytes]] = []
        self.client, self.server = Connection(), Connection()
        self.client.container, self.server.container = "client", "server"
        self.transports = Transport(), Transport(Transport.SERVER)
        if sasl:
            self.transports[0].sasl().allowed_mechs("ANONYMOUS")
            self.transports[1].sasl().allowed_mechs("ANONYMOUS")

    def open(self) -> None:
        self.transports[0].bind(self.client)
        self.transports[1].bind(self.server)
        self.client.open()
        self.server.open()
        self.pump()

    def session(self) -> Session:
        session = self.client.session()
        session.open()
        self.pump()
        self.server.session_head(0).open()
        self.pump()
        return session

    def answer(self) -> Link:
        """Attach the server's end of the link that the client has just opened, and give credit."""
        self.pump()
        link = self.server.link_head(Endpoint.LOCAL_UNINIT)
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        link.open()
        if link.is_receiver:
            link.flow(100)
        self.pump()
        return link

    def pump(self) -> None:
        client, server = self.transports
        moved = True
        while moved:
            moved = self._carry(client, server, "client") | self._carry(server, client, "server")

    def _carry(self, source: Transport, sink: Transport, name: str) -> bool:
        pending = source.pending()
        if pending <= 0:
            return False
        output = bytes(source.peek(pending))
        source.pop(pending)
        while output:
            if output[:4] == b"AMQP":
                assert output[:8] in (AMQP_HEADER, SASL_HEADER)
                sink.push(output[:8])
                output = output[8:]
                continue
            size = int.from_bytes(output[:4], "big")
            frame, output = output[:size], output[size:]
            ours = rewritten(frame)
            self.check(ours, frame)
            self.frames.append((name, frame))
            sink.push(ours)
        return True

    def bodies(self) -> List[int]:
        return [frame[10] for _, frame in self.frames]


def test_a_plain_conversation_is_identical_byte_for_byte() -> None:
    talk = Conversation(identical, sasl=True)
    talk.client.hostname = "host"
    talk.transports[0].max_frame_size = 4096
    talk.transports[0].channel_max = 10
    talk.transports[0].idle_timeout = 10
    talk.transports[1].max_frame_size = 512
    talk.open()
    session = talk.session()

    sender = session.sender("sender")
    sender.target.address = "queue"
    sender.source.address = "source"
    sender.open()
    receiver = talk.answer()
    for size in (0, 1, 150, 255, 256, 480, 500, 1200, 5000):
        delivery = sender.delivery(f"tag{size}")
        sender.stream(b"x" * size)
        sender.advance()
        talk.pump()
        remote = receiver.current
        assert remote.pending == size
        receiver.recv(size)
        receiver.advance()
        remote.update(Delivery.ACCEPTED)
        talk.pump()
        assert delivery.remote_state == Delivery.ACCEPTED
        remote.settle()
        delivery.settle()
        talk.pump()
    for tag in range(300):
        delivery = sender.delivery(str(tag))
        sender.stream(b"y")
        sender.advance()
        if tag % 2:
            delivery.settle()
        if tag % 50 == 0:
            receiver.flow(100)
            talk.pump()
    talk.pump()

    part = sender.delivery("aborted")
    sender.stream(b"part")
    talk.pump()
    part.abort()
    talk.pump()
    assert set(talk.bodies()) >= {0x40, 0x41, 0x44, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15}

    sender.detach()
    talk.pump()
    session.close()
    talk.pump()
    talk.client.close()
    talk.server.close()
    talk.pump()
    assert set(talk.bodies()) >= {0x16, 0x17, 0x18}
    assert talk.client.state & Endpoint.REMOTE_CLOSED


@pytest.mark.parametrize("snd", [Link.SND_UNSETTLED, Link.SND_SETTLED, Link.SND_MIXED])
@pytest.mark.parametrize("rcv", [Link.RCV_FIRST, Link.RCV_SECOND])
def test_attaches_are_identical_for_every_settle_mode(snd: int, rcv: int) -> None:
    talk = Conversation(identical)
    talk.open()
    link = talk.session().receiver("receiver")
    link.snd_settle_mode = snd
    link.rcv_settle_mode = rcv
    link.max_message_size = 1 << 33
    link.source.dynamic = True
    link.source.durability = Terminus.DELIVERIES
    link.source.expiry_policy = Terminus.EXPIRE_NEVER
    link.source.timeout = 3600
    link.source.distribution_mode = Terminus.DIST_MODE_COPY
    link.open()
    link.flow(5)
    answer = talk.answer()
    assert answer.remote_source.expiry_policy == Terminus.EXPIRE_NEVER
    assert (answer.remote_snd_settle_mode, answer.remote_rcv_settle_mode) == (snd, rcv)
    link.drain(7)
    talk.pump()
    assert answer.credit == 12 and answer.drain_mode
    answer.drained()
    talk.pump()
    assert link.credit == 0


def test_outcomes_and_errors_are_identical() -> None:
    talk = Conversation(identical)
    talk.open()
    session = talk.session()
    sender = session.sender("sender")
    sender.open()
    receiver = talk.answer()

    def delivered() -> Tuple[Delivery, Delivery]:
        delivery = sender.delivery(f"tag{len(talk.frames)}")
        sender.stream(b"x")
        sender.advance()
        talk.pump()
        remote = receiver.current
        receiver.advance()
        return delivery, remote

    def outcome(state: int, remote: Delivery) -> None:
        remote.update(state)
        talk.pump()
        remote.settle()
        talk.pump()

    for failed in (False, True):
        for undeliverable in (False, True):
            delivery, remote = delivered()
            remote.local.failed = failed
            remote.local.undeliverable = undeliverable
            outcome(Delivery.MODIFIED, remote)
            assert (delivery.remote.failed, delivery.remote.undeliverable) == (failed, undeliverable)
    for state in (Delivery.RELEASED, Delivery.REJECTED, Delivery.ACCEPTED, Delivery.RECEIVED):
        delivery, remote = delivered()
        outcome(state, remote)
        assert delivery.remote_state == state
    delivery, remote = delivered()
    remote.local.section_number = 5
    remote.local.section_offset = 1 << 40
    outcome(Delivery.RECEIVED, remote)
    assert delivery.remote.section_offset == 1 << 40
    delivery, remote = delivered()
    remote.local.condition = Condition("app:bad", "wörds")
    outcome(Delivery.REJECTED, remote)
    assert delivery.remote.condition == Condition("app:bad", "wörds")

    receiver.condition = Condition("amqp:link:detach-forced", "link")
    receiver.close()
    talk.server.session_head(0).condition = Condition("amqp:session:errant-link")
    talk.server.session_head(0).close()
    talk.server.condition = Condition("amqp:connection:forced", "d" * 300)
    talk.server.close()
    talk.pump()
    assert sender.remote_condition.name == "amqp:link:detach-forced"
    assert talk.client.remote_condition.description == "d" * 300


def test_maps_and_arrays_are_equivalent_and_understood() -> None:
    talk = Conversation(equivalent, sasl=True)
    talk.client.offered_capabilities = [symbol("x"), symbol("y")]
    talk.client.desired_capabilities = symbol("one")
    talk.client.properties = {symbol("k"): "v", symbol("nested"): {"list": [1, 2.5, None, True]}}
    talk.open()
    assert talk.server.remote_properties == talk.client.properties
    session = talk.session()
    sender = session.sender("sender")
    sender.source.filter.put_dict({symbol("f"): Described(symbol("apache.org:selector-filter:string"), "a = 1")})
    sender.source.outcomes.put_array(False, Data.SYMBOL)
    sender.source.outcomes.enter()
    sender.source.outcomes.put_symbol(symbol("amqp:accepted:list"))
    sender.source.outcomes.exit()
    sender.source.properties.put_dict({symbol("lifetime-policy"): Described(ulong(0x2B), [])})
    sender.target.capabilities.put_array(False, Data.SYMBOL)
    sender.target.capabilities.enter()
    sender.target.capabilities.put_symbol(symbol("queue"))
    sender.target.capabilities.put_symbol(symbol("topic"))
    sender.target.capabilities.exit()
    sender.properties = {symbol("paired"): True, symbol("big"): "z" * 500}
    sender.open()
    receiver = talk.answer()
    assert receiver.remote_properties == sender.properties

    sender.delivery("a")
    sender.stream(b"x")
    sender.advance()
    delivery = sender.delivery("b")
    delivery.local.data = [b"txn"]
    delivery.update(0x34)
    sender.stream(b"x")
    sender.advance()
    talk.pump()
    remote = receiver.current
    remote.local.failed = True
    remote.local.annotations = {symbol("x-opt-a"): [1, 2]}
    remote.update(Delivery.MODIFIED)
    talk.pump()
    receiver.advance()
    remote = receiver.current
    remote.local.data = [b"txn", Described(ulong(0x24), [])]
    remote.update(0x34)
    talk.pump()
    assert delivery.remote_state == 0x34
    talk.client.condition = Condition("amqp:not-allowed", "why", {symbol("info"): ulong(5)})
    talk.client.close()
    talk.pump()
    assert talk.server.remote_condition.info == {symbol("info"): ulong(5)}


def test_a_single_symbol_where_many_may_be_becomes_an_array_of_one() -> None:
    frames: List[Tuple[bytes, bytes]] = []
    talk = Conversation(lambda ours, theirs: frames.append((ours, theirs)))
    talk.open()
    link = talk.session().sender("coordinator")
    link.target.type = Terminus.COORDINATOR
    link.target.capabilities.put_object(symbol("amqp:local-transactions"))
    link.open()
    assert talk.answer().remote_target.type == Terminus.COORDINATOR
    attach = next(ours for ours, _ in frames if ours[10] == 0x12)
    assert b"\xe0\x1a\x01\xa3\x17amqp:local-transactions" in attach
