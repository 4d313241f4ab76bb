"""Messages that are none: whoever receives is told, the peer is told, and the next message comes as ever."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Tuple

import pytest
from bad_values import BAD_VALUES, composite, list_of, map_of, nested
from faults_clients import Client, within
from scripted_peer import (
    AMQP_HEADER, FAREWELL, LOGIN, OPENED, RECEIVING, SENDING, Open, Script, Step, Talk, header, hear, leave, reset, say,
    stay_silent, transfer,
)

import syncproton
from syncproton import ConnectionException, MessageException, ProtonException
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection
from syncproton.wire.performatives import Detach, Disposition, Flow, Transfer
from syncproton.wire.states import Accepted, Rejected

SHORT = 0.1

GOOD = bytes.fromhex("005377a104 676f6f64")


def described(section: int, value: str) -> bytes:
    """A section of a message, with a value in hexadecimal."""
    return bytes.fromhex(f"0053{section:02x}" + value)


#: Where in a message a value may be, as a function of the value.
PLACES: Any = {
    "header": lambda value: bytes.fromhex(composite(0x70, "41", value)) + GOOD,
    "delivery annotations": lambda value: described(0x71, map_of("a30178", value)) + GOOD,
    "annotations": lambda value: described(0x72, map_of("a30178", value)) + GOOD,
    "properties": lambda value: bytes.fromhex(composite(0x73, value)) + GOOD,
    "application properties": lambda value: described(0x74, map_of("a10178", value)) + GOOD,
    "data": lambda value: described(0x75, value),
    "sequence": lambda value: described(0x76, list_of(value)),
    "value": lambda value: described(0x77, value),
    "value in a list": lambda value: described(0x77, list_of(value)),
    "footer": lambda value: GOOD + described(0x78, map_of("a30178", value)),
}

#: Messages that are wrong as a whole.
WHOLE: Any = {
    "no descriptor": b"\x40",
    "half a descriptor": b"\x00",
    "unknown section": described(0x79, "45"),
    "unknown symbolic section": bytes.fromhex("00a303 666f6f 45"),
    "text": b"hello",
    "noise": bytes((7 * n * n + 13 * n + 200) & 0xFF for n in range(20000)),
    "header that is no list": described(0x70, "c10100"),
    "properties that are a map": described(0x73, "c10100"),
    "annotations that are a list": described(0x72, "45"),
    "data that is a string": described(0x75, "a10178"),
    "sequence that is a map": described(0x76, "c10100"),
    "rubbish after the body": GOOD + b"\xff\xff",
    "a body cut short": GOOD[:-1],
    "an AMQP frame": bytes.fromhex("0000000c 0200 0000 00531145"),
}


def transfers(*payloads: bytes) -> Step:
    """Send messages, at once."""
    def step(talk: Talk) -> None:
        for payload in payloads:
            # Large ones in several frames, as every peer does it.
            for start in range(0, len(payload) or 1, 30000):
                transfer(payload[start:start + 30000], more=start + 30000 < len(payload))(talk)

    return step


def bad_messages() -> Iterator[Tuple[str, bytes]]:
    """All of them."""
    for place, make in PLACES.items():
        for name, value in BAD_VALUES.items():
            yield f"{place}: {name}", make(value)
    yield from WHOLE.items()


ALL = dict(bad_messages())


def outcomes(talk: Talk) -> List[Any]:
    """What the client has told the peer of its messages, in their order."""
    found: Any = {}
    for _, performative, _ in talk.heard:
        if isinstance(performative, Disposition):
            last = performative.first if performative.last is None else performative.last
            for number in range(performative.first, last + 1):
                found[number] = performative.state
    return [found[number] for number in sorted(found)]


def await_outcomes(talk: Talk) -> None:
    """Read until all messages that were sent have an outcome."""
    while len(outcomes(talk)) < talk.sent_transfers:
        talk.hear(Disposition)


def check_outcomes(talk: Talk, bad: int) -> None:
    """All but the last were rejected, with the reason, and the last was accepted."""
    talk.told()
    *rejected, accepted = outcomes(talk)
    assert len(rejected) == bad
    for outcome in rejected:
        assert isinstance(outcome, Rejected)
        assert outcome.error.condition == "amqp:decode-error" and outcome.error.description
    assert isinstance(accepted, Accepted)


def receive_sync(url: str) -> Any:
    """A receiver and its connection."""
    connection = syncproton.connect(url, timeout=5)
    receiver = connection.create_receiver("q", credit=1000)
    return receiver, connection


def receive_like_proton(url: str) -> Any:
    """A receiver and its connection, of the other kind."""
    connection = BlockingConnection(url, timeout=5)
    return connection.create_receiver("q", credit=1000), connection


@pytest.mark.parametrize("open_receiver", [receive_sync, receive_like_proton])
def test_receive_says_so_and_goes_on(open_receiver: Any, peer: Any) -> None:
    bad = peer([*RECEIVING, transfers(*ALL.values(), GOOD), *FAREWELL])
    receiver, connection = open_receiver(bad.url)
    for name in ALL:
        with pytest.raises(MessageException) as info:
            receiver.receive()
        assert 0 < len(str(info.value)) < 300, name
    assert receiver.receive().body == "good"
    receiver.accept()
    connection.close()
    check_outcomes(bad.talk(), len(ALL))


@pytest.mark.parametrize("open_receiver", [receive_sync, receive_like_proton])
def test_the_error_says_what_is_wrong(open_receiver: Any, peer: Any) -> None:
    bad = peer([*RECEIVING, transfers(ALL["value: invalid UTF-8"], ALL["unknown section"]), *FAREWELL])
    receiver, connection = open_receiver(bad.url)
    with pytest.raises(MessageException, match="utf-8"):
        receiver.receive()
    with pytest.raises(MessageException, match="section|descriptor"):
        receiver.receive()
    connection.close()


def test_receive_of_one_message(peer: Any) -> None:
    bad = peer([*RECEIVING, transfers(ALL["value: invalid UTF-8"]), hear(Disposition), *FAREWELL])
    with within(0), pytest.raises(MessageException):
        syncproton.receive(f"{bad.url}/q", timeout=5)
    bad.talk().told()
    assert isinstance(outcomes(bad.talk())[0], Rejected)


class Receiving(Client):
    """Closes its connection after the good message."""

    def on_message(self, event: Any) -> None:
        super().on_message(event)
        self.accept(event.delivery)
        event.connection.close()


def test_callbacks_go_on(peer: Any, shared: Container, caplog: Any, still_works: Callable[[], None]) -> None:
    bad = peer([*RECEIVING, *[
        each for start in range(0, len(ALL), 5)
        for each in (transfers(*list(ALL.values())[start:start + 5]), await_outcomes)
    ], transfers(GOOD), *FAREWELL])
    seen = Receiving(bad.url, "receiver")
    shared.submit(seen.begin, shared).result(5)
    assert seen.over.wait(10)
    assert seen.messages == ["good"]
    assert not seen.errors
    check_outcomes(bad.talk(), len(ALL))
    assert "rejected a message" in caplog.text
    still_works()


def test_a_body_within_the_limits_of_nesting_is_fine(peer: Any) -> None:
    good = peer([*RECEIVING, transfers(described(0x77, nested(list_of, 60))), *FAREWELL])
    with syncproton.connect(good.url, timeout=5) as connection:
        body = connection.create_receiver("q").receive().body
    depth = 0
    while body:
        body, depth = body[0], depth + 1
    assert depth == 60


def test_message_without_a_body(peer: Any) -> None:
    """Not allowed (section 3.2), and yet what some peers send: there is nothing in it."""
    odd = peer([*RECEIVING, transfers(b"", described(0x70, "45")), *FAREWELL])
    with syncproton.connect(odd.url, timeout=5) as connection:
        receiver = connection.create_receiver("q")
        assert receiver.receive().body is None
        assert receiver.receive().body is None


#: How a message is broken off: what happens after its first part.
BROKEN_OFF: Any = {
    "leaves": [leave],
    "resets": [reset],
    "detaches": [say(Detach(0, True)), hear(Detach), *FAREWELL],
    "aborts": [say(Transfer(0, aborted=True)), stay_silent],
    "goes silent": [stay_silent],
}


@pytest.mark.parametrize("end", BROKEN_OFF)
@pytest.mark.parametrize("open_receiver", [receive_sync, receive_like_proton])
def test_message_broken_off(open_receiver: Any, end: str, peer: Any) -> None:
    bad = peer([*RECEIVING, transfer(GOOD[:5], more=True), *BROKEN_OFF[end]])
    receiver, connection = open_receiver(bad.url)
    with within(SHORT), pytest.raises(ProtonException) as info:
        receiver.receive(timeout=SHORT if end in ("goes silent", "aborts") else 5)
    assert not isinstance(info.value, MessageException)
    with within(SHORT), pytest.raises(ProtonException):
        receiver.receive(timeout=SHORT)
    connection.timeout = SHORT
    with within(SHORT):
        try:
            connection.close()
        except ProtonException:
            pass


@pytest.mark.parametrize("end", ["leaves", "resets", "detaches"])
def test_message_broken_off_by_callbacks(
    end: str, peer: Any, client: Any, still_works: Callable[[], None]
) -> None:
    seen = client(peer([*RECEIVING, transfer(GOOD[:5], more=True), *BROKEN_OFF[end]]).url, "receiver")
    assert not seen.messages
    assert seen.callbacks[0] == {"detaches": "on_link_closing"}.get(end, seen.callbacks[0])
    assert seen.callbacks
    still_works()


def test_message_taken_back(peer: Any) -> None:
    """An aborted delivery is none, and its credit is given again."""
    aborting: Script = [*RECEIVING, *[
        step for number in range(20)
        for step in (transfer(GOOD[:5], more=True), transfer(delivery_id=None, delivery_tag=None, aborted=True))
    ], hear(Flow), transfer(GOOD), *FAREWELL]
    with syncproton.connect(peer(aborting).url, timeout=5) as connection:
        assert connection.create_receiver("q", credit=20).receive().body == "good"


def within_a_frame(talk: Talk) -> None:
    """A part of a frame has come; the rest is not to be taken for frames."""
    talk.read(100_000)
    talk.stop_framing()


def after_a_frame(talk: Talk) -> None:
    """One frame of many has come."""
    talk.hear(Transfer)
    assert talk.last(Transfer).more


def before_an_answer(talk: Talk) -> None:
    """All has come."""
    talk.hear(Transfer, more=False)


@pytest.mark.parametrize("end", [leave, reset])
@pytest.mark.parametrize("so_far, frame_size, size", [
    (within_a_frame, 0xFFFFFFFF, 15_000_000),
    (after_a_frame, 16384, 15_000_000),
    (before_an_answer, 0xFFFFFFFF, 3_000_000),
    (before_an_answer, 16384, 3_000_000),
])
def test_sending_is_broken_off(so_far: Step, frame_size: int, size: int, end: Step, peer: Any) -> None:
    """The peer goes while a message is on its way, or before it has said anything to it."""
    opened = [*LOGIN, header(AMQP_HEADER), hear(Open), say(Open("peer", max_frame_size=frame_size))]
    bad = peer([*opened, *SENDING[len(OPENED):], so_far, end])
    connection = syncproton.connect(bad.url, timeout=5)
    sender = connection.create_sender("q")
    with within(0), pytest.raises(ProtonException) as info:
        sender.send(b"x" * size)
    assert getattr(info.value, "condition", None) in ("proton:io", "amqp:connection:framing-error")
    with within(0), pytest.raises(ConnectionException):
        sender.send("y")
    connection.close()
