"""What a transport shows of itself: frames, bytes and failures, and never a password."""

from __future__ import annotations

import re
from typing import Any, Callable, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_engine_sasl import Meeting
from test_engine_sasl import client as sasl_client
from test_engine_sasl import server as sasl_server
from test_engine_tls import Files
from test_engine_tls import client as tls_client
from test_engine_tls import files as files  # noqa: F401  a fixture
from test_engine_tls import server as tls_server
from wiring import End, Linked, pair, pump, receive, send

from syncproton import UNDESCRIBED, Array, Data, Described, symbol, timestamp, ubyte, uint, ulong
from syncproton.codec.types import char, decimal32, float32, int32
from syncproton.engine import Condition, Delivery, Transport
from syncproton.engine.trace_text import bytes_lines, frame_line
from syncproton.wire.frames import AMQP_HEADER, write_frame, write_transfer
from syncproton.wire.performatives import Close, Open
from syncproton.wire.sasl_frames import SaslChallenge, SaslInit, SaslOutcome, SaslResponse

VARIABLES = ("PN_LOG", "PN_TRACE_FRM", "PN_TRACE_RAW", "PN_TRACE_DRV")

Lines = List[str]


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for a trace, until a test does."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def tracing(how: int, lines: Lines) -> Callable[[End], None]:
    """Trace a transport from its beginning."""

    def prepare(end: End) -> None:
        end.transport.tracer = lambda transport, line: lines.append(line)
        end.transport.trace(how)

    return prepare


def frame(performative: Any, payload: bytes = b"") -> bytes:
    out = bytearray()
    write_frame(out, 0, performative, payload)
    return bytes(out)


# --- frames


def test_a_conversation_is_shown_in_both_directions_as_proton_does() -> None:
    lines: Lines = []
    linked = Linked(credit=3, client=tracing(Transport.TRACE_FRM, lines))
    delivery = send(linked.sender, b"\x00SpE\x00Sw\xa1\x02hi", tag="1")
    linked.pump()
    taken, _ = receive(linked.receiver)
    taken.update(Delivery.ACCEPTED)
    taken.settle()
    linked.pump()
    delivery.settle()
    linked.sender.close()
    linked.out.close()
    linked.a.connection.close()
    linked.pump()
    linked.b.connection.close()
    linked.pump()
    windows = "next-outgoing-id=0x0, incoming-window=0x7fffffff, outgoing-window=0x7fffffff, handle-max=0x7fffffff"
    modes = "snd-settle-mode=0x2, rcv-settle-mode=0x0"
    source = "source=@source(40) [durable=0x0, timeout=0x0, dynamic=false]"
    target = 'target=@target(41) [address="node", durable=0x0, timeout=0x0, dynamic=false]'
    rest = "initial-delivery-count=0x0, max-message-size=0x0"
    flow = "incoming-window=0x7fffffff, next-outgoing-id=0x0, outgoing-window=0x7fffffff"
    assert lines == [
        "FRAME:   -> AMQP",
        'FRAME: 0 -> @open(16) [container-id="client", max-frame-size=0x8000, channel-max=0x7fff]',
        "FRAME:   <- AMQP",
        'FRAME: 0 <- @open(16) [container-id="server", max-frame-size=0x8000, channel-max=0x7fff]',
        f"FRAME: 0 -> @begin(17) [{windows}]",
        f'FRAME: 0 -> @attach(18) [name="link", handle=0x0, role=false, {modes}, {source}, {target}, {rest}]',
        f"FRAME: 0 <- @begin(17) [remote-channel=0x0, {windows}]",
        f'FRAME: 0 <- @attach(18) [name="link", handle=0x0, role=true, {modes}, {target}, {rest}]',
        f"FRAME: 0 <- @flow(19) [next-incoming-id=0x0, {flow}, handle=0x0, delivery-count=0x0, link-credit=0x3, "
        "drain=false]",
        'FRAME: 0 -> @transfer(20) [handle=0x0, delivery-id=0x0, delivery-tag=b"1", message-format=0x0] (11) '
        "\\x00SpE\\x00Sw\\xa1\\x02hi",
        "FRAME: 0 <- @disposition(21) [role=true, first=0x0, settled=true, state=@accepted(36) []]",
        "FRAME: 0 -> @detach(22) [handle=0x0, closed=true]",
        "FRAME: 0 -> @end(23) []",
        "FRAME: 0 -> @close(24) []",
        "FRAME:   -> EOS",
        "FRAME: 0 <- @close(24) []",
        "FRAME:   <- EOS",
    ]


@pytest.mark.parametrize("value, text", [
    (None, "null"), (True, "true"), (ubyte(3), "0x3"), (ulong(300), "0x12c"), (-7, "-7"), (int32(-70000), "-70000"),
    (1.5, "1.5"), (1e300, "1e+300"), (float32(2.25), "2.25"), (timestamp(1234), "1234"), (char("a"), "a"),
    (decimal32(77), "D32(0000004d)"),
    ('x\x01y"\\é', '"x\\x01y\\x22\\x5c\\xc3\\xa9"'), (b"\x00\xffa'", 'b"\\x00\\xffa\\x27"'),
    (symbol("a-b"), ":a-b"), (symbol("a_b"), ':"a_b"'), (symbol("1a"), ':"1a"'), (symbol(""), ':""'),
    ([1, [None]], "[1, [null]]"), ({"a": {}}, '{"a"={}}'), (Array(UNDESCRIBED, Data.INT, 1, 2), "@<int>[1, 2]"),
    (Described(ulong(7), "v"), '@7 "v"'), (Described(symbol("a:b"), [1]), '@:"a:b" [1]'),
    (Described(ulong(0x24), []), "@accepted(36) []"), (Described(ulong(0x77), "hi"), '@amqp-value(119) "hi"'),
    (Described(ulong(0x1D), [symbol("x"), None, {symbol("i"): uint(1)}]), "@error(29) [condition=:x, info={:i=0x1}]"),
])
def test_each_type_has_its_form(value: Any, text: str) -> None:
    line = frame_line(frame(Open("a", properties={symbol("p"): value})), "->")
    assert line == f'0 -> @open(16) [container-id="a", properties={{:p={text}}}]'


def test_heartbeats_are_shown() -> None:
    lines: Lines = []

    def patient(end: End) -> None:
        end.transport.idle_timeout = 2

    a, b = pair(tracing(Transport.TRACE_FRM, lines), patient)
    del lines[:]
    a.transport.tick(1)
    a.transport.tick(2)
    assert lines == ["FRAME: 0 -> (EMPTY FRAME)"]


def test_of_a_large_message_the_beginning_is_shown() -> None:
    lines: Lines = []
    linked = Linked(client=tracing(Transport.TRACE_FRM, lines))
    send(linked.sender, b"x" * 100_000, tag="t")
    linked.pump()
    transfers = [line for line in lines if "@transfer" in line]
    assert [int(str(size)) for line in transfers for size in re.findall(r"\] \((\d+)\) x", line)][0] > 32_000
    assert len(transfers) == 4
    for line in transfers:
        assert len(line) == len("FRAME: ") + 1023 and line.endswith("xx ... (truncated)")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_input_is_shown_the_same_however_it_is_cut(size: int) -> None:
    whole: Lines = []
    pieces: Lines = []
    stream = AMQP_HEADER + frame(Open("p")) + frame(Close())
    for lines, step in ((whole, len(stream)), (pieces, size)):
        end = End("e", prepare=tracing(Transport.TRACE_FRM, lines))
        for start in range(0, len(stream), step):
            end.transport.push(stream[start:start + step])
    assert pieces == whole == [
        "FRAME:   <- AMQP", 'FRAME: 0 <- @open(16) [container-id="p"]', "FRAME: 0 <- @close(24) []", "FRAME:   <- EOS",
    ]


def test_a_trace_can_begin_in_the_middle_of_a_frame_and_end_at_any_time() -> None:
    lines: Lines = []
    a, b = pair()
    b.connection.session().open()
    data = b.output()
    a.transport.push(data[:5])
    tracing(Transport.TRACE_FRM, lines)(a)
    a.transport.push(data[5:])
    assert [line[:21] for line in lines] == ["FRAME: 0 <- @begin(17"]
    a.transport.trace(Transport.TRACE_OFF)
    a.connection.session().open()
    pump(a, b)
    assert len(lines) == 1
    a.transport.trace(Transport.TRACE_FRM)
    a.connection.close()
    pump(a, b)
    assert lines[1:] == ["FRAME: 0 -> @close(24) []", "FRAME:   -> EOS"]


def test_tracing_does_not_change_the_bytes() -> None:
    def talk(prepare: Optional[Callable[[End], None]]) -> bytes:
        a = End("a", prepare=prepare)
        session = a.connection.session()
        session.open()
        sender = session.sender("l")
        sender.open()
        a.connection.close()
        a.transport.push(AMQP_HEADER + frame(Open("p")))
        return a.output()

    lines: Lines = []
    assert talk(tracing(255, lines)) == talk(None) and len(lines) > 5


# --- bytes


def test_bytes_are_shown_in_lines_of_sixteen() -> None:
    lines: Lines = []
    end = End("a", prepare=tracing(Transport.TRACE_RAW, lines))
    end.output()
    assert lines == [
        "RAW: ->0000/001a: 00 00 00 1a 02 00 00 00 00 53 10 c0 0d 04 a1 01 .........S......",
        "RAW: ->0010/001a: 61 40 70 00 00 80 00 60 7f ff                   a@p....`..",
    ]


def test_frames_and_bytes_can_be_shown_together() -> None:
    lines: Lines = []
    pair(tracing(Transport.TRACE_RAW | Transport.TRACE_FRM, lines))
    assert [line[:9] for line in lines] == [
        "FRAME:   ", "FRAME: 0 ", "RAW: ->00", "RAW: ->00", "FRAME:   ", "FRAME: 0 ", "RAW: <-00", "RAW: <-00",
    ]


# --- what must not be seen


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_no_trace_shows_a_password(mechanism: str) -> None:
    lines: Lines = []

    def both(first: Callable[[End], None]) -> Callable[[End], None]:
        def prepare(end: End) -> None:
            tracing(255, lines)(end)
            first(end)

        return prepare

    meeting = Meeting(both(sasl_client(mechanism, "joe", "secret")), both(sasl_server("PLAIN")))
    assert meeting.met is (mechanism == "PLAIN")
    text = "\n".join(lines)
    assert "@sasl-mechanisms(64) [sasl-server-mechanisms=" in text
    assert "secret" not in text and "73 65 63" not in text
    if mechanism == "PLAIN":
        assert "@sasl-init(65) [mechanism=:PLAIN, initial-response=<11 bytes>]" in text
        assert "SASL" in text and "FRAME: 0 <- @sasl-outcome(68) [code=0x0]" in text


@pytest.mark.parametrize("body", [
    SaslInit("X", b"secret", "h"), SaslChallenge(b"secret"), SaslResponse(b"secret"), SaslOutcome(0, b"secret"),
])
def test_each_sasl_frame_keeps_its_secret(body: Any) -> None:
    whole = frame(body)
    shown = frame_line(whole, "->") + "".join(bytes_lines(whole, "->"))
    assert "<6 bytes>" in shown and "secret" not in shown and "73" not in shown
    # The same under its symbolic descriptor, and with something in it that does not belong there.
    symbolic = b"\x00\xa3" + bytes([len(body.NAME)]) + body.NAME.encode()
    for old, new in ((whole[8:11], symbolic), (b"secret", b"\xffecret")):
        odd = bytearray(whole.replace(old, new, 1))
        odd[:4] = len(odd).to_bytes(4, "big")
        shown = frame_line(bytes(odd), "->") + "".join(bytes_lines(bytes(odd), "->"))
        assert "ecret" not in shown and "63 72 65" not in shown


@pytest.mark.parametrize("length", [0, 900, 1000, 1010, 2000, 2030, 5000])
def test_a_password_in_a_url_is_not_shown_wherever_it_stands(length: int) -> None:
    line = frame_line(frame(Open("a" * length, "amqp://joe:se/cret@host:5672/q")), "->")
    assert "se/c" not in line and "cret" not in line
    if length < 900:
        assert 'hostname="amqp://joe:***@host:5672/q"' in line


def test_nor_is_the_beginning_of_a_long_one() -> None:
    line = frame_line(frame(Open("a", "amqp://joe:" + "secret" * 1000 + "@host")), "->")
    assert "amqp://joe:***" in line and "secret" not in line


# --- the end, and failures


def test_driver_lines_tell_what_was_recognised_and_frames_do_not() -> None:
    lines: Lines = []
    pair(server=tracing(Transport.TRACE_DRV, lines))
    assert lines == ["DEBUG: AMQP layer detected"]


def test_a_failure_is_shown_to_those_who_asked_for_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PN_LOG", "error")
    end = End("a")
    end.transport.push(b"HTTP/1.0 200 OK\r\n\r\n")
    [line] = capsys.readouterr().err.splitlines()
    assert re.match(r"\[0x[0-9a-f]+\]: AMQP:ERROR:amqp:connection:framing-error .*HTTP", line)


def test_a_frame_that_ends_the_connection_is_shown_first() -> None:
    lines: Lines = []
    end = End("a", prepare=tracing(Transport.TRACE_FRM, lines))
    end.transport.push(AMQP_HEADER + frame(Open("p")) + bytes.fromhex("0000000c0200000000537745"))
    assert lines[2] == "FRAME: 0 <- @amqp-value(119) []"
    assert "FRAME: 0 -> @close(24) [error=@error(29) [condition=:\"amqp:decode-error\"" in "\n".join(lines)


@given(st.binary(max_size=60), st.booleans())
def test_whatever_comes_has_a_text_on_one_line(body: bytes, sasl: bool) -> None:
    whole = (8 + len(body)).to_bytes(4, "big") + bytes([2, sasl, 0, 0]) + body
    line = frame_line(whole, "<-")
    assert line.isascii() and line.isprintable() and len(line) <= 1023
    assert all(each.isascii() and each.isprintable() for each in bytes_lines(whole, "<-"))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_a_traced_transport_takes_any_input_like_another(data: bytes, step: int) -> None:
    def states(prepare: Optional[Callable[[End], None]]) -> Tuple[Any, ...]:
        end = End("a", prepare=prepare)
        for start in range(0, len(data), step):
            if end.transport.capacity() > 0:
                end.transport.push(data[start:start + step])
        condition = end.transport.condition
        return end.names(), condition and (condition.name, condition.description), end.output()

    assert states(tracing(255, [])) == states(None)


# --- under TLS, and by every writer


def test_under_tls_what_is_inside_is_shown(files: Files) -> None:  # noqa: F811
    lines: Lines = []

    def prepare(end: End) -> None:
        tls_client(files, files.authority)(end)
        tracing(Transport.TRACE_FRM | Transport.TRACE_DRV, lines)(end)

    a, b = End("client", False, prepare), End("server", True, tls_server(files))
    pump(a, b)
    assert lines[0] == "FRAME:   -> AMQP" and "FRAME:   <- AMQP" in lines
    assert any(re.fullmatch(r"TRACE: the peers have agreed on TLSv1\.[23]", line) for line in lines), lines


def test_every_writer_is_seen_by_the_trace() -> None:
    """Dispositions, flows and transfers are packed by hand, past the writer that the other frames go by."""
    lines: Lines = []
    linked = Linked(server=tracing(Transport.TRACE_FRM, lines))
    out = bytearray()
    write_transfer(out, 0, 0, 0, b"t", 0, False, False, None, False, b"x")
    send(linked.sender, b"x", tag="t")
    linked.pump()
    delivery, _ = receive(linked.receiver)
    delivery.local.condition = Condition("a:b", "why", {symbol("i"): 1})
    delivery.update(Delivery.REJECTED)
    delivery.settle()
    linked.receiver.drain(5)
    linked.pump()
    assert f"FRAME: {frame_line(bytes(out), '<-')}" in lines
    text = "\n".join(lines)
    error = '@error(29) [condition=:"a:b", description="why", info={:i=1}]'
    state = f"@rejected(37) [error={error}]"
    assert f"FRAME: 0 -> @disposition(21) [role=true, first=0x0, settled=true, state={state}]" in text
    assert re.search(r"FRAME: 0 -> @flow\(19\) .*drain=true\]", text)
