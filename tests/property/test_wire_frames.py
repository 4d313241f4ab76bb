"""Properties of the frame reader and writers over generated frames, cuts and damage."""

from __future__ import annotations

import random
from typing import Any, List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from syncproton.codec.described import Described
from syncproton.codec.types import symbol, ulong
from syncproton.errors import ProtocolError
from syncproton.wire.composite import Composite
from syncproton.wire.frames import Frame, FrameReader, write_frame
from syncproton.wire.hot_readers import read_disposition, read_flow, read_transfer
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from syncproton.wire.states import (
    Accepted,
    Declared,
    Error,
    Modified,
    Received,
    Rejected,
    Released,
    TransactionalState,
)
from syncproton.wire.termini import Coordinator, Source, Target

UINT = st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0, 1, 255, 256, 0x7FFFFFFF, 0xFFFFFFFF]))
ULONG = st.integers(0, (1 << 64) - 1)
USHORT = st.integers(0, 0xFFFF)
BOOL = st.booleans()
TEXT = st.text(max_size=20)
BINARY = st.binary(max_size=20)
SYMBOL = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12).map(symbol)
SYMBOLS = st.lists(SYMBOL, min_size=1, max_size=3)
MAP = st.dictionaries(SYMBOL, st.one_of(TEXT, BOOL, BINARY, st.lists(TEXT, max_size=2)), max_size=3)


def maybe(strategy: Any) -> Any:
    return st.one_of(st.none(), strategy)


ERROR = st.builds(Error, SYMBOL, maybe(TEXT), maybe(MAP))
OUTCOME = st.one_of(
    st.builds(Accepted),
    st.builds(Released),
    st.builds(Rejected, maybe(ERROR)),
    st.builds(Modified, BOOL, BOOL, maybe(MAP)),
    st.builds(Declared, BINARY),
    st.builds(Described, st.integers(0x80, 0xFF).map(ulong), st.lists(TEXT, max_size=2)),
)
STATE = st.one_of(OUTCOME, st.builds(Received, UINT, ULONG), st.builds(TransactionalState, BINARY, maybe(OUTCOME)))
SOURCE = st.builds(
    Source, maybe(TEXT), UINT, SYMBOL, UINT, BOOL, maybe(MAP), maybe(SYMBOL), maybe(MAP), maybe(OUTCOME),
    maybe(SYMBOLS), maybe(SYMBOLS),
)
TARGET = st.one_of(
    st.builds(Target, maybe(TEXT), UINT, SYMBOL, UINT, BOOL, maybe(MAP), maybe(SYMBOLS)),
    st.builds(Coordinator, maybe(SYMBOLS)),
)
LAST_THREE = (maybe(SYMBOLS), maybe(SYMBOLS), maybe(MAP))

TRANSFER = st.builds(
    Transfer, UINT, maybe(UINT), maybe(BINARY), maybe(st.one_of(st.just(0), UINT)), BOOL, BOOL,
    st.sampled_from([None, None, 0, 1]), st.one_of(st.none(), st.none(), STATE), BOOL, BOOL, BOOL,
)
DISPOSITION = st.builds(Disposition, BOOL, UINT, maybe(UINT), BOOL, maybe(STATE), BOOL)
FLOW = st.builds(
    Flow, maybe(UINT), UINT, UINT, UINT, maybe(UINT), maybe(UINT), maybe(UINT), maybe(UINT), BOOL, BOOL,
    st.one_of(st.none(), st.none(), MAP),
)
PERFORMATIVE = st.one_of(
    TRANSFER,
    DISPOSITION,
    FLOW,
    st.builds(Open, TEXT, maybe(TEXT), UINT, USHORT, maybe(UINT), maybe(SYMBOLS), maybe(SYMBOLS), *LAST_THREE),
    st.builds(Begin, maybe(USHORT), UINT, UINT, UINT, UINT, *LAST_THREE),
    st.builds(
        Attach, TEXT, UINT, BOOL, st.integers(0, 2), st.integers(0, 1), maybe(SOURCE), maybe(TARGET),
        maybe(st.dictionaries(BINARY, st.none(), max_size=2)), BOOL, maybe(UINT), maybe(ULONG), *LAST_THREE,
    ),
    st.builds(Detach, UINT, BOOL, maybe(ERROR)),
    st.builds(End, maybe(ERROR)),
    st.builds(Close, maybe(ERROR)),
)
HOT = st.one_of(TRANSFER, DISPOSITION, FLOW)
LIKELY_CODES = st.sampled_from([0x40, 0x41, 0x42, 0x43, 0x45, 0x50, 0x52, 0x56, 0x70, 0xA0])
READERS: Any = {Transfer: read_transfer, Disposition: read_disposition, Flow: read_flow}


def stream_of(frames: List[Tuple[int, Composite, bytes]]) -> bytes:
    out = bytearray()
    for channel, performative, payload in frames:
        write_frame(out, channel, performative, payload)
    return bytes(out)


def outcome_of(read: Any, buf: bytes, end: int) -> Any:
    try:
        return read(buf, 0, end)
    except ProtocolError as error:
        return error.condition, error.description


@settings(max_examples=75)
@given(st.lists(st.tuples(USHORT, PERFORMATIVE, BINARY), max_size=6), st.integers(0, 1 << 32), BINARY)
def test_frames_survive_any_cut_and_what_trails_them(
    frames: List[Tuple[int, Composite, bytes]], seed: int, trailing: bytes
) -> None:
    stream = stream_of(frames)
    trailing = (b"\x00\x00\x01\x00\x02\x00" + trailing)[:20]  # the start of a longer frame
    cuts = random.Random(seed)
    reader = FrameReader()
    got: List[Frame] = []
    at = 0
    whole = stream + trailing
    while at < len(whole):
        step = cuts.choice([1, 2, 5, 17, 100, len(whole)])
        reader.feed(whole[at:at + step])
        at += step
        if cuts.random() < 0.7:
            got.extend(reader)
    got.extend(reader)
    assert got == frames
    assert reader.take_rest() == trailing


@settings(max_examples=120)
@given(HOT, BINARY, st.booleans())
def test_the_quick_readers_agree_with_the_general_one(performative: Composite, after: bytes, cut: bool) -> None:
    out = bytearray()
    performative.encode_into(out)
    body = bytes(out[3:])
    buf = body + after
    end = len(buf) - (len(after) + 1 if cut else 0)
    quick = outcome_of(READERS[type(performative)], buf, end)
    assert quick == outcome_of(type(performative).from_bytes, buf, end)
    if not cut:
        assert quick == (performative, len(body))


@settings(max_examples=150)
@given(HOT, st.data())
def test_they_agree_on_damaged_bytes_too(performative: Composite, data: st.DataObject) -> None:
    out = bytearray()
    performative.encode_into(out)
    body = bytearray(out[3:])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.one_of(LIKELY_CODES, st.integers(0, 255)))
    buf = bytes(body)
    end = data.draw(st.integers(0, len(buf)))
    quick = outcome_of(READERS[type(performative)], buf, end)
    assert quick == outcome_of(type(performative).from_bytes, buf, end)


WHOLE = st.builds(
    lambda number, tag, settled: Transfer(0, number, tag, 0, settled), st.integers(256, 0xFFFFFFFF), BINARY, BOOL,
)


def all_of(stream: bytes, quick: bool, limit: int) -> List[Any]:
    """The frames of a stream, and the error that it ends in."""
    reader = FrameReader(max_frame_size=limit)
    reader.feed(stream)
    got: List[Any] = []

    def take(channel: int, number: int, tag: bytes, settled: bool, payload: bytes) -> None:
        assert payload
        got.append((channel, Transfer(0, number, tag, 0, settled), payload))

    try:
        while True:
            if quick:
                reader.take_whole_transfers(take)
            frame = reader.next_frame()
            assert reader.frames == len(got) + (frame is not None)
            if frame is None:
                return got + [reader.take_rest()]
            got.append(frame)
    except ProtocolError as error:
        return got + [error.condition, error.description]


@settings(max_examples=150)
@given(st.lists(st.tuples(USHORT, st.one_of(WHOLE, WHOLE, TRANSFER), BINARY), min_size=1, max_size=5), st.data())
def test_whole_transfers_are_the_same_as_frame_by_frame(
    frames: List[Tuple[int, Composite, bytes]], data: st.DataObject
) -> None:
    stream = bytearray(stream_of(frames))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at] = data.draw(st.one_of(LIKELY_CODES, st.integers(0, 255)))
    cut = bytes(stream[:data.draw(st.integers(0, len(stream)))])
    limit = data.draw(st.sampled_from([40, 1 << 20]))
    for each in (cut, bytes(stream)):
        assert all_of(each, True, limit) == all_of(each, False, limit)


def test_whole_transfers_of_the_usual_form_are_taken() -> None:
    frames = [(3, Transfer(0, 256 + n, b"t" * n, 0, n % 2 == 1), b"x" * (n + 1)) for n in range(200)]
    reader = FrameReader()
    reader.feed(stream_of([*frames, (0, Transfer(1, 999, b"t", 0), b"x")]))
    taken: List[Any] = []
    reader.take_whole_transfers(lambda *whole: taken.append(whole))
    assert taken == [(3, each.delivery_id, each.delivery_tag, each.settled, payload) for _, each, payload in frames]
    assert reader.next_frame() == (0, Transfer(1, 999, b"t", 0), b"x")


@settings(max_examples=120)
@given(PERFORMATIVE, st.data())
def test_damage_gives_frames_or_a_protocol_error_and_nothing_else(
    performative: Composite, data: st.DataObject
) -> None:
    stream = bytearray(stream_of([(0, performative, b"payload")]))
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    reader = FrameReader()
    reader.feed(bytes(stream))
    try:
        for _ in reader:
            pass
    except ProtocolError as error:
        assert error.condition in ("amqp:connection:framing-error", "amqp:decode-error", "amqp:invalid-field")


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_noise_in_a_frame_gives_a_frame_or_a_protocol_error(noise: bytes) -> None:
    reader = FrameReader()
    reader.feed((8 + len(noise)).to_bytes(4, "big") + b"\x02\x00\x00\x00" + noise)
    try:
        list(reader)
    except ProtocolError:
        pass
