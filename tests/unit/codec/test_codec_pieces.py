"""A queue of bytes that come piece by piece."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncproton.codec.pieces import Pieces

SIZES = [0, 1, 7, 4095, 4096, 5000, 70000]


def filler(size: int, start: int) -> bytes:
    """Bytes of which no two places near each other are alike."""
    return bytes((start + n) % 251 for n in range(size))


@given(
    st.sampled_from(SIZES),
    st.lists(st.tuples(st.sampled_from(["append", "take", "peek", "piece"]), st.sampled_from(SIZES)), max_size=12),
)
def test_bytes_come_out_in_the_order_in_which_they_went_in(first: int, steps: List[Tuple[str, int]]) -> None:
    expected = filler(first, 0)
    pieces = Pieces(expected)
    for step, size in steps:
        if step == "append":
            data = filler(size, len(expected))
            pieces.append(data)
            expected += data
        elif step == "take":
            assert pieces.take(size) == expected[:size]
            expected = expected[size:]
        elif step == "peek":
            head = pieces.peek(size)
            assert expected[:size].startswith(head) and (head or not size or not expected)
        elif expected:
            piece, start = pieces.take_piece()
            taken = piece[start:]
            assert taken and expected.startswith(taken)
            expected = expected[len(taken):]
        assert len(pieces) == pieces.size == len(expected)
    assert pieces.take_all() == expected
    assert not pieces and pieces.take_all() == b""


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [3, 5000])
def test_what_was_added_may_change_afterwards(kind: type, size: int) -> None:
    source = bytearray(b"x" * size)
    pieces = Pieces()
    pieces.append(kind(source))
    source[0] = 0
    assert pieces.take_all() == b"x" * size


def test_long_pieces_are_kept_as_they_are() -> None:
    piece = b"x" * 5000
    pieces = Pieces()
    pieces.append(b"abc")
    pieces.append(piece)
    pieces.take(3)
    assert pieces.take_piece()[0] is piece


def test_many_small_pieces_are_not_an_object_each() -> None:
    pieces = Pieces()
    for _ in range(100000):
        pieces.append(b"x")
    assert len(pieces._pieces) <= 100000 // 4096 + 1
