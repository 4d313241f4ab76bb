"""However a conversation is cut into pieces, the engine hears the same and says the same."""

from __future__ import annotations

import random
from typing import Any, List, Tuple

from conversation import ACTS, Talker, record, small_frames, with_sasl
from hypothesis import given, settings
from hypothesis import strategies as st

from syncproton.engine import Event

TURNS = st.lists(st.tuples(st.booleans(), st.integers(0, len(ACTS) - 1)), max_size=12)


def hear(turns: List[bytes], server: bool, sasl: bool, pieces: Any) -> Tuple[List[bytes], List[str], List[Any]]:
    """Say the recorded turns to a fresh end, in pieces; what it answered, which events came, and what it got."""
    talker = Talker(server, with_sasl if sasl else small_frames)
    answers = []
    for turn in turns:
        for piece in pieces(turn):
            if talker.end.transport.capacity() > 0:
                talker.end.transport.push(piece)
        answers.append(talker.respond())
    return answers, talker.heard, talker.got


def whole(data: bytes) -> List[bytes]:
    return [data] if data else []


def single(data: bytes) -> List[bytes]:
    return [data[at:at + 1] for at in range(len(data))]


@settings(max_examples=60, deadline=None)
@given(turns=TURNS, sasl=st.booleans(), seed=st.integers(0, 1000))
def test_pieces_make_no_difference(turns: List[Tuple[bool, int]], sasl: bool, seed: int) -> None:
    said = record(turns, sasl)
    chance = random.Random(seed)

    def anyhow(data: bytes) -> List[bytes]:
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(5)))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)]) if start < end]

    for server in (True, False):
        expected = hear(said[0 if server else 1], server, sasl, whole)
        assert str(Event.CONNECTION_REMOTE_OPEN) in expected[1]
        assert hear(said[0 if server else 1], server, sasl, single) == expected
        assert hear(said[0 if server else 1], server, sasl, anyhow) == expected
