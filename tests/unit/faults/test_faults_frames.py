"""Bytes and frames that break the rules once the connection is open: the peer is told why, and so is everybody here."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from bad_values import BAD_VALUES, composite, map_of
from faults_clients import within
from scripted_peer import (
    ATTACHED, BEGUN, FAREWELL, OPENED, RECEIVING, SENDING, Script, Step, answer_begin, attach_for, bytes_, drip, hear,
    leave, raw_frame, say, stay_silent, transfer,
)

import syncproton
from syncproton import ConnectionException, LinkException, ProtonException, SessionException
from syncproton.sync import InDoubt
from syncproton.utils import BlockingConnection
from syncproton.wire.frames import AMQP_HEADER
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from syncproton.wire.states import Accepted, Error
from syncproton.wire.termini import Source, Target

FRAMING_ERROR = "amqp:connection:framing-error"
DECODE_ERROR = "amqp:decode-error"
INVALID_FIELD = "amqp:invalid-field"
NOT_ALLOWED = "amqp:not-allowed"
UNATTACHED = "amqp:session:unattached-handle"


def send_sync(url: str, timeout: float) -> None:
    """Send a message, by ``syncproton.connect``."""
    with syncproton.connect(url, timeout=timeout) as connection:
        connection.create_sender("q").send("x")


def receive_sync(url: str, timeout: float) -> None:
    """Receive a message, by ``syncproton.connect``."""
    with syncproton.connect(url, timeout=timeout) as connection:
        connection.create_receiver("q").receive()


def send_like_proton(url: str, timeout: float) -> None:
    """Send a message, by ``BlockingConnection``."""
    with BlockingConnection(url, timeout=timeout) as connection:
        connection.create_sender("q").send(syncproton.Message("x"))


def receive_like_proton(url: str, timeout: float) -> None:
    """Receive a message, by ``BlockingConnection``."""
    with BlockingConnection(url, timeout=timeout) as connection:
        connection.create_receiver("q", credit=10).receive()


USES: Any = {
    ("sender", "sync"): send_sync, ("receiver", "sync"): receive_sync,
    ("sender", "proton"): send_like_proton, ("receiver", "proton"): receive_like_proton,
}


def after_open(words: bytes) -> Script:
    return [*OPENED, bytes_(words)]


def after_begin(words: bytes) -> Script:
    return [*BEGUN, bytes_(words)]


NUMBERS = dict(next_incoming_id=0, incoming_window=2048, next_outgoing_id=0, outgoing_window=2048)

#: What the client does, what the peer does, and the condition with which the client then ends the connection.
FATAL: Any = {
    "frame over the limit": ("sender", after_open(bytes.fromhex("00008001 0200 0000")), FRAMING_ERROR),
    "frame of four gigabytes": ("sender", after_open(bytes.fromhex("ffffffff 0200 0000")), FRAMING_ERROR),
    "frame shorter than its header": ("sender", after_open(bytes.fromhex("00000007 0200 0000")), FRAMING_ERROR),
    "frame of zero": ("sender", after_open(bytes.fromhex("00000000 0200 0000")), FRAMING_ERROR),
    "data offset of one": ("sender", after_open(bytes.fromhex("0000000c 0100 0000 00531145")), FRAMING_ERROR),
    "data offset past the end": ("sender", after_open(bytes.fromhex("0000000c ff00 0000 00531145")), FRAMING_ERROR),
    "a SASL frame": ("sender", after_open(raw_frame("005344 c00301 5000", 1)), FRAMING_ERROR),
    "a frame of unknown type": ("sender", after_open(raw_frame("00531145", 7)), FRAMING_ERROR),
    "a header": ("sender", after_open(AMQP_HEADER), FRAMING_ERROR),
    "text": ("sender", after_open(b"HTTP/1.1 408 Request Timeout\r\n\r\n"), FRAMING_ERROR),
    "an unknown performative": ("sender", after_open(raw_frame("00537745")), DECODE_ERROR),
    "an unknown symbolic performative": ("sender", after_open(raw_frame("00a303666f6f45")), DECODE_ERROR),
    "an outcome as a performative": ("sender", after_open(raw_frame("00532445")), DECODE_ERROR),
    "a performative that is no list": ("sender", after_open(raw_frame("00531140")), DECODE_ERROR),
    "a performative that is a map": ("sender", after_open(raw_frame("005311c10100")), DECODE_ERROR),
    "a body that is not described": ("sender", after_open(raw_frame("45")), DECODE_ERROR),
    "a body of one byte": ("sender", after_open(raw_frame("00")), DECODE_ERROR),
    "a descriptor without end": ("sender", after_open(raw_frame("00" * 20000)), DECODE_ERROR),
    "too many fields": ("sender", after_open(raw_frame(composite(0x11, *["40"] * 20))), INVALID_FIELD),
    "no mandatory field": ("sender", after_open(raw_frame(composite(0x11, "40"))), INVALID_FIELD),
    "a field of a wrong type": (
        "sender", after_open(raw_frame(composite(0x11, "600000", "a10130", "43", "43"))), INVALID_FIELD),
    "a number out of range": (
        "sender", after_open(raw_frame(composite(0x11, "70ffffffff", "43", "43", "43"))), INVALID_FIELD),
    "a second open": ("sender", [*OPENED, say(Open("again"))], NOT_ALLOWED),
    "a begin that answers nothing": (
        "receiver", [*OPENED, say(Begin(remote_channel=9, next_outgoing_id=0, incoming_window=1, outgoing_window=1))],
        INVALID_FIELD),
    "a second begin on the channel": ("receiver", [*BEGUN, answer_begin], NOT_ALLOWED),
    "a channel above channel-max": (
        "receiver",
        [*OPENED, say(Begin(next_outgoing_id=0, incoming_window=1, outgoing_window=1), channel=65535)], FRAMING_ERROR),
    "an end without a session": ("receiver", [*OPENED, say(End(), channel=5)], NOT_ALLOWED),
    "a transfer without a session": ("receiver", [*OPENED, say(Transfer(handle=0), channel=5)], NOT_ALLOWED),
    "an attach without a session": (
        "receiver", [*OPENED, say(Attach("n", 0, False, initial_delivery_count=0), channel=5)], NOT_ALLOWED),
    "a flow without a session": ("sender", [*OPENED, say(Flow(**NUMBERS), channel=5)], NOT_ALLOWED),
    "a disposition without a session": ("sender", [*OPENED, say(Disposition(True, 0), channel=5)], NOT_ALLOWED),
    "a second attach of a name": (
        "receiver", [*ATTACHED, lambda talk: talk.say(attach_for(talk.last(Attach), handle=7))], INVALID_FIELD),
    "a handle above handle-max": (
        "receiver", [*BEGUN, hear(Attach), lambda talk: talk.say(attach_for(talk.last(Attach), handle=0xFFFFFFFF))],
        FRAMING_ERROR),
    "a transfer to a sender": ("sender", [*ATTACHED, transfer(b"\x00SwA")], NOT_ALLOWED),
    "a transfer without delivery-id": ("receiver", [*RECEIVING, transfer(b"\x00SwA", delivery_id=None)], INVALID_FIELD),
    "a transfer without delivery-tag": (
        "receiver", [*RECEIVING, transfer(b"\x00SwA", delivery_tag=None)], INVALID_FIELD),
    "delivery-ids with a gap": (
        "receiver", [*RECEIVING, transfer(b"\x00SwA", more=True), transfer(b"", delivery_id=9)],
        "amqp:session:errant-link"),
    "a disposition that goes backwards": (
        "sender", [*SENDING, hear(Transfer), say(Disposition(True, 5, 3, True, Accepted()))], INVALID_FIELD),
    "a delivery-tag of five megabytes, or so it says": (
        "receiver", [*RECEIVING, bytes_(raw_frame("005314 c00c03 4343 b0004fffff 616263"))], DECODE_ERROR),
}


@pytest.fixture(params=["sync", "proton"])
def style(request: pytest.FixtureRequest) -> Any:
    """The two kinds of blocking calls."""
    return request.param


def fails_with(error: Any, kind: type, condition: str) -> None:
    """Check what a blocking call raised; of a message that was sent already it says that this is in doubt."""
    assert isinstance(error.__cause__ if isinstance(error, InDoubt) else error, kind)
    assert error.condition == condition and condition in str(error)
    assert error.description and error.description in str(error)


@pytest.mark.parametrize("case", FATAL)
def test_breach_ends_the_connection(case: str, style: str, peer: Any) -> None:
    role, script, condition = FATAL[case]
    bad = peer([*script, stay_silent])
    with within(0), pytest.raises(ProtonException) as info:
        USES[role, style](bad.url, 5)
    fails_with(info.value, ConnectionException, condition)
    assert bad.talk().told(Close) == condition


@pytest.mark.parametrize("case", FATAL)
def test_breach_by_callbacks(case: str, peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    role, script, condition = FATAL[case]
    bad = peer([*script, stay_silent])
    seen = client(bad.url, role)
    assert seen.callbacks == ["on_transport_error", "on_disconnected", "on_disconnected"]
    assert seen.errors[0][1] == condition
    assert seen.errors[0][2]
    assert bad.talk().told(Close) == condition
    still_works()


@pytest.mark.parametrize("case", FATAL)
def test_breach_byte_by_byte(case: str, peer: Any, client: Any) -> None:
    role, script, condition = FATAL[case]
    if case == "a descriptor without end":
        script = after_open(raw_frame("00" * 300))
    bad = peer([*script[:-1], drip, *script[-1:], stay_silent])
    assert client(bad.url, role).errors[0][1] == condition


def burst(count: int) -> Step:
    """So many messages at once, faster than any credit is renewed."""
    return say(*[Transfer(0, number, b"%d" % number, 0) for number in range(count)], payload=b"\x00S\x75\xa0\x01x")


#: What ends the session, or the link, and no more: the client's role, the script, what the client says, and why.
CONTAINED: Any = {
    "a transfer without attach": ("receiver", [*RECEIVING, transfer(b"\x00SwA", handle=7)], End, UNATTACHED),
    "a detach without attach": ("receiver", [*RECEIVING, say(Detach(7, True))], End, UNATTACHED),
    "a flow for a link without attach": ("sender", [*SENDING, say(Flow(handle=7, **NUMBERS))], End, UNATTACHED),
    "a second link on a handle": (
        "receiver", [*RECEIVING, say(Attach("other", 0, False, source=Source(), target=Target(),
                                            initial_delivery_count=0))], End, "amqp:session:handle-in-use"),
    "more than the credit": (
        "receiver", [*RECEIVING, burst(12)], Detach, "amqp:link:transfer-limit-exceeded"),
}


@pytest.mark.parametrize("case", [case for case in CONTAINED if CONTAINED[case][2] is End])
def test_breach_ends_the_link_or_session(case: str, style: str, peer: Any) -> None:
    role, script, performative, condition = CONTAINED[case]
    bad = peer([*script, hear(performative), say(End()), *FAREWELL])
    with within(0), pytest.raises(ProtonException) as info:
        USES[role, style](bad.url, 5)
    fails_with(info.value, SessionException, condition)
    assert bad.talk().told(performative) == condition
    assert bad.talk().told(Close) is None


def test_breach_ends_the_link_or_session_unanswered(style: str, peer: Any) -> None:
    role, script, performative, condition = CONTAINED["a transfer without attach"]
    bad = peer([*script, hear(performative), *FAREWELL])
    with within(0), pytest.raises(SessionException, match=condition):
        USES[role, style](bad.url, 5)


@pytest.mark.parametrize("answer", [[say(Detach(0, True))], []])
def test_more_than_the_credit(answer: Script, peer: Any) -> None:
    bad = peer([*RECEIVING, burst(2), hear(Detach), *answer, *FAREWELL])
    with syncproton.connect(bad.url, timeout=5) as connection:
        receiver = connection.create_receiver("q", credit=1)
        with within(0), pytest.raises(LinkException) as info:
            for _ in range(3):
                receiver.receive()
        fails_with(info.value, LinkException, "amqp:link:transfer-limit-exceeded")
        assert not connection.closed
    assert bad.talk().told(Detach) == "amqp:link:transfer-limit-exceeded"


@pytest.mark.parametrize("case", CONTAINED)
def test_contained_breach_by_callbacks(case: str, peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    role, script, performative, condition = CONTAINED[case]
    bad = peer([*script, hear(performative), leave])
    seen = client(bad.url, role)
    assert seen.errors[0][:2] == ("on_link_error" if performative is Detach else "on_session_error", condition)
    assert seen.errors[0][2]
    assert bad.talk().told(performative) == condition
    still_works()


def test_more_than_the_window(peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    violation = "amqp:session:window-violation"
    bad = peer([*RECEIVING, burst(9), hear(End), leave])
    seen = client(bad.url, "narrow receiver", max_frame_size=512)
    assert seen.errors[0][:2] == ("on_session_error", violation)
    assert bad.talk().told(End) == violation
    still_works()


def test_close_after_a_detach_with_an_error_is_no_breach(peer: Any, client: Any) -> None:
    error = Error("amqp:link:detach-forced", "later")
    seen = client(peer([*ATTACHED, say(Detach(0, False, error)), hear(Detach), leave]).url, "sender")
    assert "on_link_error" not in seen.callbacks


#: A performative with a value at some place, that the client's connection has come to the point for.
FIELDS: Any = {
    "open": ("sender", OPENED[:6], lambda value: composite(0x10, "a10470656572", *["40"] * 8, value)),
    "begin": ("sender", [*OPENED, hear(Begin)],
              lambda value: composite(0x11, "600000", "43", "43", "43", "40", "40", "40", value)),
    "attach": ("receiver", [*BEGUN, hear(Attach)],
               lambda value: composite(0x12, "a1016e", "43", "42", "40", "40", "40", "40", "40", "40", "43", "40", "40",
                                       "40", value)),
    "source": ("receiver", [*BEGUN, hear(Attach)],
               lambda value: composite(0x12, "a1016e", "43", "42", "40", "40", composite(0x28, *["40"] * 7, value))),
    "flow": ("sender", SENDING, lambda value: composite(0x13, "43", "43", "43", "43", *["40"] * 6, value)),
    "transfer": ("receiver", RECEIVING,
                 lambda value: composite(0x14, "43", "43", "a00130", "43", "40", "40", "40",
                                         composite(0x25, value))),
    "disposition": ("sender", [*SENDING, hear(Transfer)],
                    lambda value: composite(0x15, "41", "43", "43", "41", composite(0x27, "40", "40", value))),
    "detach": ("sender", ATTACHED,
               lambda value: composite(0x16, "43", "41", composite(0x1D, "a30161", "40", map_of("a3016b", value)))),
    "end": ("sender", ATTACHED, lambda value: composite(0x17, composite(0x1D, "a30161", "40", value))),
    "close": ("sender", ATTACHED, lambda value: composite(0x18, composite(0x1D, "a30161", "40", value))),
    "properties": ("sender", OPENED[:6],
                   lambda value: composite(0x10, "a10470656572", *["40"] * 8, map_of("a3016b", value))),
    "capabilities": ("sender", OPENED[:6],
                     lambda value: composite(0x10, "a10470656572", *["40"] * 7, value)),
}


@pytest.mark.parametrize("where", FIELDS)
def test_values_that_are_none(where: str, peer: Any, shared: Any, client: Any, still_works: Any) -> None:
    role, script, make = FIELDS[where]
    for name, value in BAD_VALUES.items():
        frame = raw_frame(make(value))
        assert len(frame) <= 32768
        bad = peer([*script, bytes_(frame), stay_silent])
        seen = client(bad.url, role)
        assert seen.errors[0][:2] == ("on_transport_error", DECODE_ERROR), name
        assert len(seen.errors[0][2]) < 300
        assert bad.talk().told() == DECODE_ERROR
    still_works()


@pytest.mark.parametrize("where", FIELDS)
def test_values_that_are_none_by_blocking_calls(where: str, style: str, peer: Any) -> None:
    role, script, make = FIELDS[where]
    for name in ("invalid UTF-8", "lists thousands deep", "four billion nulls", "a list larger than the bytes"):
        bad = peer([*script, bytes_(raw_frame(make(BAD_VALUES[name]))), stay_silent])
        with within(0), pytest.raises(ProtonException) as info:
            USES[role, style](bad.url, 5)
        fails_with(info.value, ConnectionException, DECODE_ERROR)
