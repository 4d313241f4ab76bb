"""What a peer can make this end spend: memory and time stay in proportion to what it sends, and others get theirs."""

from __future__ import annotations

import time
from typing import Any, Callable

import pytest
from bad_values import BAD_VALUES, composite, list_of
from bounds import MEGABYTE, spending_no_more_than, using_no_more_than
from faults_clients import within
from scripted_peer import (
    BEGUN, FAREWELL, LIMIT, OPENED, RECEIVING, SENDING, Script, Talk, bytes_, hear, raw_frame, stay_silent, transfer,
)

import syncproton
from syncproton import MessageException, ProtonException
from syncproton.wire.frames import write_frame
from syncproton.wire.performatives import Attach, Begin, Detach, Disposition, End, Flow, Transfer
from syncproton.wire.states import Accepted
from syncproton.wire.termini import Source, Target

HUGE = [name for name in BAD_VALUES if "billion" in name or "deep" in name or "four" in name or "elements" in name]


def test_messages_that_stand_for_gigabytes(peer: Any) -> None:
    bodies = [bytes.fromhex("005377" + BAD_VALUES[name]) for name in HUGE] * 20
    bad = peer([*RECEIVING, *[transfer(body) for body in bodies], *FAREWELL])
    connection = syncproton.connect(bad.url, timeout=LIMIT)
    receiver = connection.create_receiver("q", credit=len(bodies))
    with spending_no_more_than(3), using_no_more_than(8 * MEGABYTE):
        for _ in bodies:
            with pytest.raises(MessageException):
                receiver.receive()
    connection.close()


@pytest.mark.parametrize("name", HUGE)
def test_fields_that_stand_for_gigabytes(name: str, peer: Any) -> None:
    frame = raw_frame(composite(0x10, "a10470656572", *["40"] * 8, BAD_VALUES[name]))
    bad = peer([*OPENED[:6], bytes_(frame), stay_silent])
    with spending_no_more_than(1), using_no_more_than(2 * MEGABYTE):
        with pytest.raises(ProtonException, match="amqp:decode-error"):
            syncproton.connect(bad.url, timeout=LIMIT)


def test_many_small_arrays(peer: Any) -> None:
    """Each within the limits, and all together a lot."""
    arrays = list_of(*["f000000005000000ff40"] * 2900)
    bad = peer([*RECEIVING, transfer(bytes.fromhex("005377" + arrays)), *FAREWELL])
    with syncproton.connect(bad.url, timeout=LIMIT) as connection:
        with spending_no_more_than(1), using_no_more_than(16 * MEGABYTE):
            body = connection.create_receiver("q").receive().body
        assert len(body) == 2900


def flood(make: Callable[[int], Any], count: int) -> Any:
    """Send so many frames, as fast as they are taken."""
    out = bytearray()
    for number in range(count):
        write_frame(out, *make(number))

    def step(talk: Talk) -> None:
        talk.send(out)

    return step


def begin(number: int) -> Any:
    return number, Begin(next_outgoing_id=0, incoming_window=1, outgoing_window=1)


def attach(number: int) -> Any:
    return 0, Attach(f"n{number}", number, False, source=Source(), target=Target(), initial_delivery_count=0)


def echo(number: int) -> Any:
    return 0, Flow(0, 1, 0, 1, echo=True)


def disposition(number: int) -> Any:
    return 0, Disposition(True, 0, 0x7FFFFFFF, True, Accepted())


def begin_and_end(number: int) -> Any:
    return (7, End()) if number % 2 else (7, begin(0)[1])


def attach_and_detach(number: int) -> Any:
    return (0, Detach(7, True)) if number % 2 else (0, Attach(
        f"n{number}", 7, False, source=Source(), target=Target(), initial_delivery_count=0))


def empty(number: int) -> Any:
    return 0, Flow(0, 1, 0, 1)


#: What the peer says without end, after what, and the memory that it may cost.
FLOODS: Any = {
    "sessions": ([*OPENED, flood(begin, 2000)], 10),
    "links": ([*BEGUN, flood(attach, 1500)], 12),
    "flows that want an answer": ([*BEGUN, flood(echo, 4000)], 3),
    "flows": ([*BEGUN, flood(empty, 4000)], 3),
    "dispositions": ([*SENDING, hear(Transfer), flood(disposition, 4000)], 3),
    "sessions begun and ended": ([*OPENED, flood(begin_and_end, 2000)], 6),
    "links attached and detached": ([*BEGUN, flood(attach_and_detach, 2000)], 6),
    "heartbeats": ([*OPENED, bytes_(bytes.fromhex("0000000802000000") * 20000)], 3),
}


@pytest.mark.parametrize("what", FLOODS)
def test_floods(
    what: str, peer: Any, shared: Any, still_works: Callable[[], None], background: Any, monkeypatch: Any
) -> None:
    """The others on the container get their turn meanwhile, and the end is an end."""
    monkeypatch.setattr("syncproton.reactor.io.ANSWER_TIME", 0.05)  # The peer never answers the close.
    script, megabytes = FLOODS[what]
    flooding = peer([*script, stay_silent])
    with spending_no_more_than(3), using_no_more_than(megabytes * MEGABYTE):
        connection = syncproton.connect(flooding.url, timeout=LIMIT, container=shared)
        waiting = background(lambda: connection.create_sender("q", timeout=LIMIT).send("x"))
        still_works()
        connection.close(timeout=LIMIT)
    assert isinstance(waiting.exception(LIMIT), ProtonException) or waiting.result() is not None


def test_peer_that_does_not_read(peer: Any, shared: Any, still_works: Callable[[], None]) -> None:
    """Messages that do not go out are kept once, and the one who waits for them is not kept for ever."""
    def never_read(talk: Talk) -> None:
        talk.over.wait(LIMIT)

    deaf = peer([*SENDING, never_read])
    body = b"x" * (20 * MEGABYTE)
    connection = syncproton.connect(deaf.url, timeout=LIMIT, container=shared)
    sender = connection.create_sender("q")
    with using_no_more_than(70 * MEGABYTE), within(0.5), pytest.raises(ProtonException):
        sender.send(body, timeout=0.5)
    still_works()
    with within(0.1):
        try:
            connection.close(timeout=0.1)
        except ProtonException:
            pass
    deaf.talk().over.set()


def test_time_of_a_message_in_tiny_frames(peer: Any) -> None:
    """A frame for every byte: slow, but in proportion."""
    def crumbs(size: int) -> Script:
        out = bytearray()
        payload = bytes.fromhex(f"005375b0{size:08x}") + b"x" * size
        for position in range(len(payload)):
            write_frame(out, 0, Transfer(0, 0, b"0", 0, more=position + 1 < len(payload)),
                        payload[position:position + 1])
        return [*RECEIVING, bytes_(bytes(out)), *FAREWELL]

    def took(size: int) -> float:
        with syncproton.connect(peer(crumbs(size)).url, timeout=LIMIT) as connection:
            receiver = connection.create_receiver("q")
            start = time.process_time()
            assert receiver.receive().body == b"x" * size
            return time.process_time() - start

    took(100)
    assert took(20000) < 1.0
