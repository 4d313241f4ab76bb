"""Damaged conversations: whatever comes, the engine takes it, refuses it as AMQP says, or ignores it."""

from __future__ import annotations

import random
from typing import List, Tuple

from conversation import ACTS, Talker, record, small_frames
from hypothesis import given, settings
from hypothesis import strategies as st

from syncproton.wire.frames import AMQP_HEADER, FrameReader
from syncproton.wire.performatives import Close

TURNS = st.lists(st.tuples(st.booleans(), st.integers(0, len(ACTS) - 1)), max_size=8)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, dropped, doubled or moved."""
    out = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        if not out:
            break
        at = chance.randrange(len(out))
        size = chance.choice((1, 1, 4, 40))
        kind = chance.randrange(4)
        if kind == 0:
            out[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, out[at] ^ 1 << chance.randrange(8)))
        elif kind == 1:
            del out[at:at + size]
        elif kind == 2:
            out[at:at] = out[at:at + size]
        else:
            out[at:at + size] = bytes(chance.randrange(256) for _ in range(size))
    return bytes(out)


def swapped(turns: List[bytes], chance: random.Random) -> List[bytes]:
    """Whole frames left out, doubled, or come in another order; the frames themselves are sound."""
    frames: List[bytes] = []
    for turn in turns:
        while turn[:4] == b"AMQP":
            frames.append(turn[:8])
            turn = turn[8:]
        while turn:
            size = int.from_bytes(turn[:4], "big")
            frames.append(turn[:size])
            turn = turn[size:]
    for _ in range(chance.randrange(1, 4)):
        first, second = (chance.randrange(2, len(frames)) for _ in range(2))
        kind = chance.randrange(3)
        if kind == 0:
            frames[first], frames[second] = frames[second], frames[first]
        elif kind == 1:
            frames.insert(first, frames[second])
        else:
            del frames[first]
            frames.append(frames[chance.randrange(len(frames))])
    return frames


def survive(talker: Talker, turns: List[bytes]) -> None:
    """Nothing is raised, what is said is well-formed, and a failure is told to both sides."""
    said = b""
    for turn in turns:
        if turn and talker.end.transport.capacity() > 0:
            talker.end.transport.push(turn)
        said += talker.respond()
    if talker.end.transport.capacity() > 0:
        talker.end.transport.close_tail()
    said += talker.respond()
    said += talker.respond()
    assert said[:8] in (AMQP_HEADER, b"")
    reader = FrameReader()
    reader.feed(said[8:])
    performatives = [performative for _, performative, _ in reader]
    assert reader.buffered == 0
    condition = talker.end.transport.condition
    if condition is not None:
        assert condition.name is not None and condition.name.startswith("amqp:")
        assert talker.heard.count("PN_TRANSPORT_ERROR") == 1
        assert isinstance(performatives[-1], Close)
    talker.end.connection.close()
    talker.respond()
    assert talker.end.transport.closed
    talker.end.transport.unbind()
    talker.end.connection.free()
    talker.respond()
    for kind in ("SESSION", "LINK"):
        assert talker.heard.count(f"PN_{kind}_INIT") == talker.heard.count(f"PN_{kind}_FINAL")


@settings(max_examples=150, deadline=None)
@given(turns=TURNS, server=st.booleans(), seed=st.integers(0, 1 << 30))
def test_damaged_bytes(turns: List[Tuple[bool, int]], server: bool, seed: int) -> None:
    chance = random.Random(seed)
    said = record(turns)[0 if server else 1]
    spoilt = chance.randrange(len(said))
    talker = Talker(server, small_frames)
    if not server:
        talker.attach()
    survive(talker, [damaged(turn, chance) if index == spoilt else turn for index, turn in enumerate(said)])


@settings(max_examples=150, deadline=None)
@given(turns=TURNS, server=st.booleans(), seed=st.integers(0, 1 << 30))
def test_frames_out_of_place(turns: List[Tuple[bool, int]], server: bool, seed: int) -> None:
    chance = random.Random(seed)
    talker = Talker(server, small_frames)
    if not server:
        talker.attach()
    survive(talker, swapped(record(turns)[0 if server else 1], chance))
