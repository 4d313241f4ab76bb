"""Composites: encoding rules, checks of what a peer sent, equality and repr."""

from __future__ import annotations

from typing import Any, List

import pytest

from syncproton.codec.described import UNDESCRIBED, Array, Described
from syncproton.codec.encoder import encode
from syncproton.codec.typecodes import TypeCode
from syncproton.codec.types import symbol, uint, ulong
from syncproton.errors import ProtocolError
from syncproton.wire.composite import Composite
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, Flow, Open, Transfer
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome, SaslResponse
from syncproton.wire.states import (
    ACCEPTED,
    RELEASED,
    Accepted,
    Declare,
    Declared,
    Discharge,
    Error,
    Modified,
    Received,
    Rejected,
    TransactionalState,
    read_state,
)
from syncproton.wire.termini import Coordinator, Source, Target


def encoded(value: Composite) -> bytes:
    out = bytearray()
    value.encode_into(out)
    return bytes(out)


def round_trip(value: Composite) -> Composite:
    octets = encoded(value)
    again, at = type(value).from_bytes(octets, 3, len(octets))
    assert at == len(octets)
    return again


def refusal(cls: Any, fields: List[Any]) -> ProtocolError:
    octets = encode(fields)
    with pytest.raises(ProtocolError) as caught:
        cls.from_bytes(octets, 0, len(octets))
    return caught.value


# Encoding


@pytest.mark.parametrize(
    "value, octets",
    [
        (Close(), "005318 45"),
        (Close(Error("x:y")), "005318 c00c01 00531d c00601 a303783a79"),
        (Detach(1, True, Error("x:y")), "005316 c00f03 5201 41 00531d c00601 a303783a79"),
        (Detach(0), "005316 c00201 43"),
        (ACCEPTED, "005324 45"),
        (RELEASED, "005326 45"),
        (Rejected(), "005325 45"),
        (Modified(), "005327 c00302 42 42"),
        (Modified(True, True), "005327 c00302 41 41"),
        (Received(0, 0), "005323 c00302 43 44"),
        (Received(300, 1 << 40), "005323 c00f02 700000012c 800000010000000000"),
        (TransactionalState(b"txn", ACCEPTED), "005334 c00a02 a00374786e 00532445"),
        (Declared(b"txn"), "005333 c00601 a00374786e"),
        (Begin(None, 0, 0x7FFFFFFF, 0x7FFFFFFF, 0x7FFFFFFF), "005311 c01205 40 43 707fffffff 707fffffff 707fffffff"),
        (Begin(3, 1, 2, 256), "005311 c00d04 600003 5201 5202 7000000100"),
        (Open("a", "h", 4096, 10, 5000), "005310 c01405 a10161 a10168 7000001000 60000a 7000001388"),
        (Open("a"), "005310 c00401 a10161"),
        (Target(), "005329 c00605 40 43 40 43 42"),
        (Source("q", timeout=7, dynamic=True, distribution_mode="move"),
         "005328 c01007 a10171 43 40 5207 41 40 a3046d6f7665"),
        (Coordinator(), "005330 45"),
        (SaslMechanisms(["ANONYMOUS"]), "005340 c00f01 e00c01a309414e4f4e594d4f5553"),
        (SaslOutcome(0), "005344 c00301 5000"),
        (Declare(), "005331 45"),
        (Discharge(b"t", True), "005332 c00502 a00174 41"),
    ],
)
def test_encodings(value: Composite, octets: str) -> None:
    assert encoded(value) == bytes.fromhex(octets)
    assert round_trip(value) == value


def test_a_list_of_255_bytes_or_more_takes_the_wide_form() -> None:
    # One byte of the size is the count, and two are the header of the string.
    assert encoded(Open("x" * 252))[3:6] == bytes.fromhex("c0 ff 01")
    assert encoded(Open("x" * 253))[3:12] == bytes.fromhex("d0 00000103 00000001")
    for length in (252, 253, 256, 70000):
        assert round_trip(Open("x" * length)) == Open("x" * length)


def test_multiple_symbols_are_an_array_and_one_symbol_may_stand_alone() -> None:
    assert encoded(Coordinator(["a", "b"])) == bytes.fromhex("005330 c00901 e00602a3 0161 0162")
    assert encoded(Coordinator(symbol("a"))) == bytes.fromhex("005330 c00401 a30161")
    as_given = Array(UNDESCRIBED, TypeCode.SYMBOL, symbol("a"))
    assert encoded(Coordinator(as_given)) == encoded(Coordinator(["a"]))  # type: ignore[arg-type]


def test_everything_in_an_attach_survives() -> None:
    attach = Attach(
        "näme",
        70000,
        True,
        1,
        1,
        Source(
            "src",
            2,
            "never",
            9,
            False,
            {symbol("lifetime-policy"): Described(ulong(0x2B), [])},
            "copy",
            {symbol("f"): Described(symbol("apache.org:selector-filter:string"), "a = 1")},
            Modified(True, False, {symbol("k"): 1}),
            [symbol("amqp:accepted:list")],
            [symbol("queue"), symbol("topic")],
        ),
        Coordinator([symbol("amqp:local-transactions")]),
        {b"tag": None},
        True,
        5,
        1 << 33,
        [symbol("a")],
        [symbol("b")],
        {symbol("p"): [1, "two", None]},
    )
    assert round_trip(attach) == attach


@pytest.mark.parametrize(
    "value",
    [Open("a", max_frame_size=1 << 32), Open("a", channel_max=-1), Attach("a", 0, False, 256), Received(0, 1 << 64)],
)
def test_our_own_number_out_of_range_is_a_value_error(value: Composite) -> None:
    with pytest.raises(ValueError, match="out of the range"):
        encoded(value)


def test_described_gives_a_value_for_a_message_body() -> None:
    assert Declare().described() == Described(ulong(0x31), [])
    assert Discharge(b"t", False).described() == Described(ulong(0x32), [b"t", False])
    assert Rejected(Error("a:b")).described() == Described(ulong(0x25), [Described(ulong(0x1D), [symbol("a:b")])])


# Decoding


def test_nulls_and_missing_fields_mean_the_defaults() -> None:
    octets = encode(["c", None, None])
    opened, _ = Open.from_bytes(octets, 0, len(octets))
    assert opened == Open("c", None, 4294967295, 65535)
    octets = encode(["n", uint(0), False])
    attached, _ = Attach.from_bytes(octets, 0, len(octets))
    assert (attached.snd_settle_mode, attached.rcv_settle_mode, attached.incomplete_unsettled) == (2, 0, False)
    octets = encode([uint(4)])
    assert Transfer.from_bytes(octets, 0, len(octets))[0] == Transfer(4, None, None, None, False, False)


def test_numbers_are_plain_and_symbols_are_symbols() -> None:
    attached = round_trip(Attach("n", 1, True, source=Source("q", 2, "never", 3)))
    assert isinstance(attached, Attach) and isinstance(attached.source, Source)
    assert type(attached.handle) is type(attached.source.durable) is type(attached.source.timeout) is int
    assert type(attached.source.expiry_policy) is symbol
    closed = round_trip(Close(Error("x:y", "words")))
    assert isinstance(closed, Close) and closed.error is not None
    assert type(closed.error.condition) is symbol and type(closed.error.description) is str


def test_a_single_symbol_is_a_list_of_one() -> None:
    octets = encode([symbol("PLAIN")])
    assert SaslMechanisms.from_bytes(octets, 0, len(octets))[0] == SaslMechanisms([symbol("PLAIN")])


def test_a_string_passes_for_a_symbol() -> None:
    octets = encode([Described(ulong(0x1D), ["amqp:not-found"])])
    closed, _ = Close.from_bytes(octets, 0, len(octets))
    assert closed == Close(Error("amqp:not-found"))
    assert type(closed.error.condition) is symbol  # type: ignore[union-attr]


def test_symbolic_descriptors_are_as_good_as_numeric_ones() -> None:
    error = Described(symbol("amqp:error:list"), [symbol("a:b")])
    assert read_state(Described(symbol("amqp:rejected:list"), [error])) == Rejected(Error("a:b"))


@pytest.mark.parametrize(
    "unknown",
    [
        Described(ulong(0x99), ["x"]),
        Described(symbol("com.example:state"), None),
        Described(True, []),
        Described(["not", "hashable"], []),
        Described(None, []),
    ],
)
def test_a_state_of_an_unknown_kind_is_kept_and_sent_as_it_is(unknown: Described) -> None:
    assert read_state(unknown) is unknown
    disposition = round_trip(Disposition(True, 1, None, True, unknown))
    assert isinstance(disposition, Disposition) and disposition.state == unknown


def test_only_outcomes_are_known_inside_a_transactional_state() -> None:
    nested = Described(ulong(0x34), [b"a", Described(ulong(0x34), [b"b"])])
    state = read_state(nested)
    assert state == TransactionalState(b"a", Described(ulong(0x34), [b"b"]))


@pytest.mark.parametrize(
    "cls, fields, words",
    [
        (Open, [], "lacks its mandatory field container_id"),
        (Open, [None, "host"], "container_id"),
        (Begin, [None, uint(1), uint(1)], "outgoing_window"),
        (Attach, ["n", uint(0)], "role"),
        (Flow, [None, None, uint(0), uint(0)], "incoming_window"),
        (Transfer, [], "handle"),
        (Disposition, [True], "first"),
        (Close, [Described(ulong(0x1D), [])], "condition"),
        (SaslMechanisms, [None], "sasl_server_mechanisms"),
        (Close, [None, None], "2 fields, at most 1"),
        (Transfer, [uint(0)] + [None] * 11, "12 fields"),
        (Open, [1], "container_id of amqp:open:list must be a string, not int"),
        (Open, ["a", "b", -1], "max_frame_size .* must be a uint"),
        (Open, ["a", "b", 1 << 32], "must be a uint"),
        (Open, ["a", "b", True], "must be a uint, not bool"),
        (Open, ["a", "b", None, 65536], "must be a ushort"),
        (Open, ["a", "b", None, None, 1.5], "must be a uint, not float"),
        (Open, ["a"] + [None] * 8 + [["k", "v"]], "must be a map, not list"),
        (Open, ["a"] + [None] * 6 + [5], "must be an array of symbols"),
        (Open, ["a"] + [None] * 6 + [Array(UNDESCRIBED, TypeCode.INT, 1)], "must be a symbol"),
        (Attach, ["n", uint(0), uint(1)], "role .* must be a boolean"),
        (Attach, ["n", uint(0), True, None, None, "source"], "source .* must be a source, not str"),
        (Attach, ["n", uint(0), True, None, None, Described(ulong(0x28), [None, "2"])], "durable .* must be a uint"),
        (Attach, ["n", uint(0), True, None, None, None, Described(ulong(0x29), [None] * 8)], "8 fields, at most 7"),
        (Transfer, [uint(0), uint(0), "tag"], "delivery_tag .* must be a binary, not str"),
        (Disposition, [True, uint(0), None, None, "accepted"], "must be a delivery state"),
        (Close, [Described(ulong(0x24), [])], "must be an error"),
        (Close, ["error"], "must be an error"),
        (SaslInit, [b"PLAIN"], "mechanism .* must be a symbol"),
        (SaslOutcome, [256], "must be a ubyte"),
    ],
)
def test_bad_fields_are_named(cls: Any, fields: List[Any], words: str) -> None:
    error = refusal(cls, fields)
    assert error.condition == "amqp:invalid-field"
    with pytest.raises(ProtocolError, match=words):
        raise error


@pytest.mark.parametrize(
    "octets",
    ["", "40", "c1 01 00", "a10161", "c0", "c0 05 01 43", "d0 00 00 00 08 00 00", "c0 02 02 43", "c0 03 01 43 43",
     "d0 ffffffff ffffffff 43", "c0 02 01 3f"],
)
def test_what_is_not_a_whole_list_is_a_decode_error(octets: str) -> None:
    for cls in (Close, Transfer, Disposition, Flow):
        with pytest.raises(ProtocolError) as caught:
            cls.from_bytes(bytes.fromhex(octets), 0, len(bytes.fromhex(octets)))
        assert caught.value.condition == "amqp:decode-error"


def test_a_known_nested_descriptor_must_be_followed_by_a_list() -> None:
    error = refusal(Disposition, [True, uint(0), None, None, Described(ulong(0x24), "yes")])
    assert error.condition == "amqp:decode-error"


# Objects


def test_equality_is_by_kind_and_fields() -> None:
    assert Accepted() == ACCEPTED != RELEASED
    assert Received(1, 2) == Received(1, 2) != Received(1, 3)
    assert Received(1, 2) != (1, 2)
    with pytest.raises(TypeError):
        hash(Received(1, 2))


def test_repr_shows_what_differs_from_the_defaults() -> None:
    assert repr(Transfer(1, 2, b"t")) == "Transfer(handle=1, delivery_id=2, delivery_tag=b't')"
    assert repr(Disposition(True, 0, state=ACCEPTED)) == "Disposition(role=True, first=0, state=Accepted())"


def test_repr_hides_credentials() -> None:
    assert "secret" not in repr(SaslInit("PLAIN", b"\0user\0secret", "host"))
    assert repr(SaslResponse(b"secret")) == "SaslResponse(response=<hidden>)"
