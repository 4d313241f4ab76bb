"""Writers: the exact bytes of frames, and the hand-packed writers against the general one."""

from __future__ import annotations

from itertools import product
from typing import Any, List

import pytest

from syncproton.codec.described import Described
from syncproton.codec.types import symbol, ulong
from syncproton.wire.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    SASL_HEADER,
    TLS_HEADER,
    FrameReader,
    transfer_overhead,
    write_disposition,
    write_flow,
    write_frame,
    write_transfer,
)
from syncproton.wire.performatives import Close, Disposition, Flow, Transfer
from syncproton.wire.sasl_frames import SaslOutcome
from syncproton.wire.states import ACCEPTED, RELEASED, Accepted, Error, Modified, Rejected, TransactionalState

UINTS = [0, 1, 255, 256, 0xFFFFFFFF]
BOOLS = [False, True]


def transfer(*args: Any, **kwargs: Any) -> bytes:
    out = bytearray()
    write_transfer(out, *args, **kwargs)
    return bytes(out)


def general(channel: int, performative: Any, payload: bytes = b"") -> bytes:
    out = bytearray()
    write_frame(out, channel, performative, payload)
    return bytes(out)


def test_headers() -> None:
    assert (AMQP_HEADER, TLS_HEADER, SASL_HEADER) == (
        b"AMQP\x00\x01\x00\x00",
        b"AMQP\x02\x01\x00\x00",
        b"AMQP\x03\x01\x00\x00",
    )


def test_an_empty_frame_is_a_header_alone() -> None:
    assert EMPTY_FRAME == bytes.fromhex("00000008 02 00 0000")


def test_a_frame_is_a_header_a_body_and_a_payload() -> None:
    assert general(3, Close()) == bytes.fromhex("0000000c 02 00 0003 005318 45")
    assert general(3, Transfer(0), b"abc") == bytes.fromhex("00000012 02 00 0003 005314 c00201 43 616263")


def test_the_type_of_a_frame_follows_from_its_body() -> None:
    assert general(0, SaslOutcome(0)) == bytes.fromhex("00000010 02 01 0000 005344 c00301 5000")


def test_writers_append() -> None:
    out = bytearray(b"before")
    write_transfer(out, 0, 0, 0, b"t", 0, False, False)
    write_disposition(out, 0, True, 0, 0, False, None)
    write_flow(out, 0, 0, 0, 0, 0)
    write_frame(out, 0, Close())
    assert out.startswith(b"before")
    reader = FrameReader()
    reader.feed(out[6:])
    assert [type(frame[1]) for frame in reader] == [Transfer, Disposition, Flow, Close]


@pytest.mark.parametrize(
    "arguments, octets",
    [
        ((0, 0, 0, b"t1", 0, False, False), "0000001502000000 005314 c00804 43 43 a0027431 43"),
        ((0, 0, 1, b"t2", 0, True, False), "0000001702000000 005314 c00a05 43 5201 a0027432 43 41"),
        ((0, 0, 2, b"t3", 0, False, True), "0000001802000000 005314 c00b06 43 5202 a0027433 43 40 41"),
        ((0, 0, 2, b"t3", 0, True, False, None, True),
         "0000001c02000000 005314 c00f0a 43 5202 a0027433 43 41 40 40 40 40 41"),
        ((0, 0, 9, b"q1", 0, False, False, TransactionalState(b"txn")),
         "0000002402000000 005314 c01708 43 5209 a0027131 43 40 40 40 005334 c00601 a00374786e"),
        ((1, 300, None, None, None, False, True), "0000001802000001 005314 c00b06 700000012c 40 40 40 40 41"),
    ],
)
def test_transfers_on_the_wire(arguments: Any, octets: str) -> None:
    assert transfer(*arguments) == bytes.fromhex(octets)


def test_every_mixture_of_fields_is_written_as_the_general_writer_does() -> None:
    states: List[Any] = [None, ACCEPTED, Described(symbol("x:y"), [1])]
    tags = [None, b"", b"tag", b"x" * 199, b"x" * 240, b"x" * 300]
    for handle, delivery_id, tag in product([0, 255, 256], [None, 255, 256, 0xFFFFFFFF], tags):
        for form, settled, more, state, aborted in product([None, 0, 1], BOOLS, BOOLS, states, BOOLS):
            expected = Transfer(handle, delivery_id, tag, form, settled, more, None, state, aborted=aborted)
            written = transfer(7, handle, delivery_id, tag, form, settled, more, state, aborted, b"pay")
            assert written == general(7, expected, b"pay")


@pytest.mark.parametrize("length", [0, 1, 150, 16384])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_payloads_of_any_size_and_kind(length: int, kind: Any) -> None:
    payload = bytes(range(256)) * 64
    written = transfer(0, 0, 0, b"t", 0, False, False, payload=kind(payload[:length]))
    assert written == transfer(0, 0, 0, b"t", 0, False, False)[4:].join(
        [(21 - 1 + length).to_bytes(4, "big"), payload[:length]]
    )


def test_dispositions_are_written_as_the_general_writer_does() -> None:
    states: List[Any] = [None, ACCEPTED, Accepted(), RELEASED, Modified(True), Rejected(Error("a:b", "c" * 300))]
    states.append(Described(ulong(0x99), []))
    for role, first, last, settled, state in product([False, True], UINTS, [None] + UINTS, [False, True], states):
        out = bytearray()
        write_disposition(out, 9, role, first, last, settled, state)
        expected = Disposition(role, first, None if last == first else last, settled, state)
        assert bytes(out) == general(9, expected)


def test_dispositions_on_the_wire() -> None:
    out = bytearray()
    write_disposition(out, 0, True, 0, 0, True, ACCEPTED)
    assert out == bytes.fromhex("0000001602000000 005315 c00905 41 43 40 41 00532445")


@pytest.mark.parametrize(
    "arguments, octets",
    [
        ((0, 1, 2, 3), "c00804 43 5201 5202 5203"),
        ((None, 1, 2, 3), "c00804 40 5201 5202 5203"),
        ((0, 1, 2, 3, 0, 0, 10), "c00e09 43 5201 5202 5203 43 43 520a 40 42"),
        ((0, 1, 2, 3, 0, 0, 10, 4, True), "c00f09 43 5201 5202 5203 43 43 520a 5204 41"),
        ((0, 1, 2, 3, 0, None, None, None, False, True), "c00e0a 43 5201 5202 5203 43 40 40 40 42 41"),
        ((0, 1, 2, 3, None, None, None, None, False, True), "c00e0a 43 5201 5202 5203 40 40 40 40 40 41"),
        ((0, 1, 2, 3, None, None, None, None, False, False, {symbol("k"): True}),
         "c0150b 43 5201 5202 5203 40 40 40 40 40 40 c10502a3016b41"),
    ],
)
def test_flows_on_the_wire(arguments: Any, octets: str) -> None:
    out = bytearray()
    write_flow(out, 2, *arguments)
    body = bytes.fromhex(octets)
    assert out == (len(body) + 11).to_bytes(4, "big") + bytes.fromhex("02000002 005313") + body
    assert general(2, Flow(*arguments)) == bytes(out)


@pytest.mark.parametrize("number", [-1, 1 << 32])
def test_a_number_out_of_range_leaves_nothing_behind(number: int) -> None:
    out = bytearray()
    with pytest.raises(ValueError):
        write_transfer(out, 0, number, 0, b"t", 0, False, False)
    with pytest.raises(ValueError):
        write_transfer(out, 0, 0, number, b"t", 0, False, False)
    with pytest.raises(ValueError):
        write_disposition(out, 0, True, number, None, False, None)
    with pytest.raises(ValueError):
        write_flow(out, 0, None, 0, number, 0)
    assert not out


def test_the_overhead_is_all_of_a_transfer_but_its_payload() -> None:
    state = TransactionalState(b"txn", ACCEPTED)
    for handle, delivery_id, tag in product(UINTS, UINTS, [b"", b"tag", b"x" * 32]):
        for settled, with_state in product([False, True], [None, state]):
            overhead = transfer_overhead(handle, delivery_id, tag, 0, settled, with_state)
            room = 512 - overhead
            written = transfer(
                0, handle, delivery_id, tag, 0, settled, True, with_state, payload=b"x" * room
            )
            assert len(written) == 512
            assert overhead <= 64 + len(tag) + (0 if with_state is None else 20)
