"""FrameReader: any split of the stream, bad frames, bounded memory."""

from __future__ import annotations

from typing import Any, List

import pytest

from syncproton.errors import ProtocolError
from syncproton.wire.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    SASL_FRAME,
    Frame,
    FrameReader,
    write_disposition,
    write_flow,
    write_frame,
    write_transfer,
)
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome
from syncproton.wire.states import ACCEPTED, Error, Rejected
from syncproton.wire.termini import Source, Target

CLOSE = bytes.fromhex("0000000c 02 00 0000 005318 45")


def conversation() -> bytes:
    out = bytearray()
    write_frame(out, 0, Open("container", "host", properties={"product": "x"}))
    write_frame(out, 1, Begin(None, 0, 100, 100))
    write_frame(out, 1, Attach("link", 0, False, source=Source("q"), target=Target("q")))
    write_flow(out, 1, 0, 100, 0, 100, 0, 0, 10)
    out += EMPTY_FRAME
    write_transfer(out, 1, 0, 0, b"0", 0, False, True, payload=b"a" * 1000)
    write_transfer(out, 1, 0, 0, b"0", 0, False, False, payload=b"b")
    write_disposition(out, 1, True, 0, 4, True, ACCEPTED)
    write_disposition(out, 1, True, 5, 5, True, Rejected(Error("a:b", "words")))
    write_frame(out, 1, Detach(0, True))
    write_frame(out, 1, End())
    write_frame(out, 0, Close(Error("amqp:connection:forced")))
    return bytes(out)


FRAMES: List[Frame] = [
    (0, Open("container", "host", properties={"product": "x"}), b""),
    (1, Begin(None, 0, 100, 100), b""),
    (1, Attach("link", 0, False, source=Source("q"), target=Target("q")), b""),
    (1, Flow(0, 100, 0, 100, 0, 0, 10), b""),
    (0, None, b""),
    (1, Transfer(0, 0, b"0", 0, False, True), b"a" * 1000),
    (1, Transfer(0, 0, b"0", 0), b"b"),
    (1, Disposition(True, 0, 4, True, ACCEPTED), b""),
    (1, Disposition(True, 5, None, True, Rejected(Error("a:b", "words"))), b""),
    (1, Detach(0, True), b""),
    (1, End(), b""),
    (0, Close(Error("amqp:connection:forced")), b""),
]


def read(stream: bytes, step: int, **options: Any) -> List[Frame]:
    reader = FrameReader(**options)
    frames: List[Frame] = []
    for start in range(0, len(stream), step):
        reader.feed(stream[start:start + step])
        frames.extend(reader)
    assert reader.buffered == 0
    return frames


@pytest.mark.parametrize("step", [1, 2, 3, 7, 8, 9, 64, 1000, 1 << 20])
def test_frames_are_the_same_however_the_stream_is_cut(step: int) -> None:
    assert read(conversation(), step) == FRAMES


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_may_be_fed_and_changed_afterwards(kind: Any) -> None:
    reader = FrameReader()
    buffer = bytearray(conversation())
    reader.feed(kind(buffer))
    buffer[:] = b"\xff" * len(buffer)
    frames = list(reader)
    assert frames == FRAMES
    assert all(type(payload) is bytes for _, _, payload in frames)


def test_feeding_everything_before_reading_gives_the_same() -> None:
    reader = FrameReader()
    for octet in conversation():
        reader.feed(bytes((octet,)))
    assert list(reader) == FRAMES


def test_what_follows_the_last_frame_is_kept_for_the_next() -> None:
    reader = FrameReader()
    reader.feed(CLOSE + AMQP_HEADER[:6])
    assert reader.next_frame() == (0, Close(), b"")
    assert reader.buffered == 6
    assert reader.take_rest() == AMQP_HEADER[:6]
    assert reader.buffered == 0 and reader.next_frame() is None


def test_the_rest_is_whole_though_it_came_in_pieces() -> None:
    reader = FrameReader(SASL_FRAME)
    out = bytearray()
    write_frame(out, 0, SaslOutcome(0))
    reader.feed(out[:10])
    assert reader.next_frame() is None
    reader.feed(out[10:] + AMQP_HEADER)
    reader.feed(CLOSE)
    assert reader.next_frame() == (0, SaslOutcome(0), b"")
    assert reader.take_rest() == AMQP_HEADER + CLOSE


def test_an_extended_header_is_skipped() -> None:
    extended = bytes.fromhex("00000014 04 00 0005 ffffffffffffffff 005318 45")
    assert read(extended + CLOSE, 1) == read(extended + CLOSE, 99) == [(5, Close(), b""), (0, Close(), b"")]
    assert read(bytes.fromhex("0000000c 03 00 0005 ffffffff"), 99) == [(5, None, b"")]


def test_symbolic_and_wide_descriptors_are_understood() -> None:
    named = b"\x00\xa3\x0famqp:close:list\x45"
    wide = bytes.fromhex("00 800000000000000018 45")
    for body in (named, wide):
        assert read((8 + len(body)).to_bytes(4, "big") + b"\x02\x00\x00\x00" + body, 99) == [(0, Close(), b"")]


def test_sasl_frames_are_read_by_a_reader_of_sasl_frames() -> None:
    out = bytearray()
    write_frame(out, 0, SaslMechanisms(["ANONYMOUS", "PLAIN"]))
    write_frame(out, 0, SaslInit("PLAIN", b"\0u\0p"))
    frames = read(bytes(out), 5, frame_type=SASL_FRAME)
    assert [frame[1] for frame in frames] == [SaslMechanisms(["ANONYMOUS", "PLAIN"]), SaslInit("PLAIN", b"\0u\0p")]


# Bad input


def refusal(stream: bytes, **options: Any) -> ProtocolError:
    """The error, which must be the same at any cut, must come after the good frames, and must stay."""
    errors = []
    for step in (1, 3, 1 << 20):
        reader = FrameReader(**options)
        frames: List[Frame] = []
        with pytest.raises(ProtocolError) as caught:
            for start in range(0, len(stream) + len(CLOSE), step):
                reader.feed((CLOSE + stream)[start:start + step])
                for frame in reader:
                    frames.append(frame)
        assert frames == [(0, Close(), b"")]
        reader.feed(b"x" * 1000)
        assert reader.buffered == 0
        with pytest.raises(ProtocolError):
            reader.next_frame()
        errors.append((caught.value.condition, caught.value.description))
    assert len(set(errors)) == 1
    return ProtocolError(*errors[0])


@pytest.mark.parametrize(
    "stream, words",
    [
        ("00000000 02000000", "0 bytes is too short"),
        ("00000007 02000000", "too short"),
        ("00000007", "too short"),
        ("00000008 01000000", "data offset of 1"),
        ("00000008 00000000", "data offset of 0"),
        ("00000008 03000000", "data offset of 3"),
        ("0000000c ff000000 00000000", "data offset of 255"),
        ("0000000c 02010000 00531845", "frame of type 1"),
        ("0000000c 02020000 00531845", "frame of type 2"),
        ("00000201", "513 bytes is over the limit of 512"),
        ("ffffffff 02000000", "over the limit"),
        (b"HTTP/1.1 400 Bad Request\r\n".hex(), "over the limit"),
        (AMQP_HEADER.hex(), "over the limit"),
    ],
)
def test_bad_frame_headers_are_framing_errors(stream: str, words: str) -> None:
    error = refusal(bytes.fromhex(stream), max_frame_size=512)
    assert error.condition == "amqp:connection:framing-error"
    assert words in error.description


@pytest.mark.parametrize(
    "body",
    [
        "00",
        "0053",
        "005318",
        "00531840",
        "00531899",
        "005318c0",
        "005318c00401",
        "005318d0ffffffff00000001",
        "53184500",
        "4000000000",
        "00530045",
        "00532445",
        "00534045",
        "0053ff45",
        "00a30178 45",
        "00a3ff78",
        "004045",
        "00c0",
        "005314c00101",
        "005314c0ff04 43434043",
        "005314c00804 43 43 a0ff7431 43",
        "005313c00301 70",
        "005315c00505 41 43 40 40",
    ],
)
def test_bad_bodies_are_decode_errors(body: str) -> None:
    octets = bytes.fromhex(body)
    stream = (8 + len(octets)).to_bytes(4, "big") + b"\x02\x00\x00\x00" + octets
    assert refusal(stream).condition == "amqp:decode-error"
    # A frame must not borrow from the next one.
    reader = FrameReader()
    reader.feed(stream + conversation())
    with pytest.raises(ProtocolError):
        reader.next_frame()


def test_bad_fields_are_invalid_fields() -> None:
    assert refusal(bytes.fromhex("0000000f 02000000 005314 c00201 40")).condition == "amqp:invalid-field"


def test_every_truncation_of_every_performative_is_refused() -> None:
    reader = FrameReader()
    stream = conversation()
    at = 0
    for _, performative, payload in FRAMES:
        size = int.from_bytes(stream[at:at + 4], "big")
        body = stream[at + 8:at + size - len(payload)]
        for length in range(1, len(body)):
            reader = FrameReader()
            reader.feed((8 + length).to_bytes(4, "big") + stream[at + 4:at + 8] + body[:length])
            with pytest.raises(ProtocolError) as caught:
                reader.next_frame()
            assert caught.value.condition == "amqp:decode-error", performative
        at += size


def test_a_lower_limit_holds_from_the_next_frame_on() -> None:
    reader = FrameReader(max_frame_size=4096)
    out = bytearray()
    write_transfer(out, 0, 0, 0, b"", 0, False, False, payload=b"x" * 1000)
    reader.feed(bytes(out) * 2)
    assert reader.next_frame() is not None
    reader.max_frame_size = 512
    with pytest.raises(ProtocolError, match="over the limit of 512"):
        reader.next_frame()


def test_no_more_is_held_than_a_frame_and_a_feed() -> None:
    reader = FrameReader(max_frame_size=1000)
    out = bytearray()
    write_transfer(out, 0, 0, 0, b"", 0, False, False, payload=b"x" * 900)
    stream = bytes(out) * 50
    frames = 0
    for start in range(0, len(stream), 100):
        reader.feed(stream[start:start + 100])
        assert reader.buffered <= 1100
        frames += sum(1 for _ in reader)
        assert reader.buffered < 1000
    assert frames == 50
