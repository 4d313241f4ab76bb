"""Who can ask for the trace of a transport, and where it goes: to a tracer, to standard error or to a log."""

from __future__ import annotations

import logging
import re
from typing import Any, Iterator

import pytest
from test_engine_trace import VARIABLES, Lines
from test_engine_trace import unasked as unasked  # noqa: F401  a fixture
from wiring import End, Linked, pair, pump, receive, send

from syncproton.codec.types import RangeError
from syncproton.engine import Transport, trace_levels
from syncproton.engine.trace_levels import from_environment


@pytest.fixture
def heard() -> Iterator[Lines]:
    """What is logged under ``syncproton`` at any level, as long as somebody listens."""
    lines: Lines = []
    log = logging.getLogger("syncproton")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(  # type: ignore[method-assign]
        f"{record.levelno} {record.name}: {re.sub('0x[0-9a-f]{6,}', 'ID', record.getMessage())}"
    )
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


def test_what_the_program_logs_reaches_the_tracer_untraced() -> None:
    lines: Lines = []
    transport = Transport()
    transport.tracer = lambda whose, line: lines.append((whose, line))  # type: ignore[arg-type]
    transport.log("one")
    transport.trace(Transport.TRACE_OFF)
    transport.log("two")
    assert lines == [(transport, "TRACE: one"), (transport, "TRACE: two")]


def test_a_tracer_that_raises_does_no_harm(heard: Lines) -> None:
    def broken(transport: Transport, line: str) -> None:
        raise ValueError(line)

    def prepare(end: End) -> None:
        end.transport.tracer = broken
        end.transport.trace(255)

    linked = Linked(client=prepare)
    send(linked.sender, b"hello")
    linked.pump()
    assert receive(linked.receiver)[1] == b"hello"
    assert heard[0].startswith("40 syncproton.engine: the tracer of <Transport client")


@pytest.mark.parametrize("wrong", [5, "print"])
def test_a_tracer_must_be_callable(wrong: Any) -> None:
    transport = Transport()
    with pytest.raises(TypeError, match="tracer"):
        transport.tracer = wrong
    assert transport.tracer is None


@pytest.mark.parametrize("wrong, error", [("x", TypeError), (None, TypeError), (1.5, TypeError), (1 << 40, RangeError)])
def test_trace_takes_a_small_number(wrong: Any, error: Any) -> None:
    with pytest.raises(error):
        Transport().trace(wrong)


@pytest.mark.parametrize("wrong", [1, b"bytes", None])
def test_log_takes_a_text(wrong: Any) -> None:
    with pytest.raises(TypeError, match="text"):
        Transport().log(wrong)


@pytest.mark.parametrize("value", ["1", "true", "on", "yes", "ON", " True "])
def test_a_variable_turns_frames_on_at_standard_error(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PN_TRACE_FRM", value)
    end = End("a")
    end.output()
    first, second = capsys.readouterr().err.splitlines()
    name = re.escape(f"[{id(end.transport):#x}]")
    assert re.fullmatch(name + ": AMQP:FRAME:  -> AMQP", first)
    assert re.fullmatch(name + r": AMQP:FRAME:0 -> @open\(16\) \[container-id=\"a\", .*\]", second)


@pytest.mark.parametrize("value", ["0", "false", "off", "no", "2", ""])
def test_a_variable_may_say_no(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in VARIABLES[1:]:
        monkeypatch.setenv(variable, value)
    pair()
    assert capsys.readouterr() == ("", "")


def test_the_variables_are_read_when_a_transport_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = End("a"), End("b", True)
    monkeypatch.setenv("PN_TRACE_FRM", "1")
    pump(a, b)
    assert capsys.readouterr().err == ""
    a.lose()
    a.new_transport()
    monkeypatch.delenv("PN_TRACE_FRM")
    a.output()
    assert "-> AMQP" in capsys.readouterr().err


def test_the_program_has_the_last_word_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PN_TRACE_FRM", "1")
    End("a", prepare=lambda end: end.transport.trace(Transport.TRACE_OFF)).output()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words, names", [
    ("frame", "FRAME"), ("RAW", "RAW"), ("frame,raw", "FRAME RAW"), ("all", "*"), ("All", "*"), ("nonsense", ""),
    ("frame raw", "FRAME RAW"), ("xframex", "FRAME"), ("frame+", "FRAME"), ("raw+", "RAW"), ("debug", "DEBUG"),
    ("info+", "INFO WARNING ERROR CRITICAL"), ("trace+", "TRACE DEBUG INFO WARNING ERROR CRITICAL"),
    ("warning error", "WARNING ERROR"), ("warn", "WARNING"), ("critical+", "CRITICAL"), ("", ""), ("+", ""),
])
def test_pn_log_names_levels(words: str, names: str) -> None:
    expected = 255 if names == "*" else sum(getattr(trace_levels, name) for name in names.split())
    assert from_environment({"PN_LOG": words}) == expected


def test_pn_log_and_the_other_variables_add_up() -> None:
    assert from_environment({"PN_LOG": "frame", "PN_TRACE_FRM": "0", "PN_TRACE_RAW": "1"}) == from_environment(
        {"PN_LOG": "frame raw"}
    )


def test_a_log_that_listens_gets_frames_at_debug_and_bytes_below(heard: Lines) -> None:
    log = logging.getLogger("syncproton")
    log.setLevel(logging.DEBUG)
    End("a").output()
    assert heard == [
        "10 syncproton.frames: [ID]   -> AMQP",
        '10 syncproton.frames: [ID] 0 -> @open(16) [container-id="a", max-frame-size=0x8000, channel-max=0x7fff]',
    ]
    del heard[:]
    log.setLevel(5)
    End("a").output()
    assert [line.split(":")[0] for line in heard] == ["10 syncproton.frames"] * 2 + ["5 syncproton.frames"] * 2


def test_a_log_at_info_gets_no_frames(heard: Lines) -> None:
    logging.getLogger("syncproton").setLevel(logging.INFO)
    a, b = pair()
    assert heard == [] and a.transport._trace is b.transport._trace is None
    a.transport.log("one")
    assert heard == ["20 syncproton.engine: [ID] one"]


def test_what_was_asked_for_goes_to_standard_error_if_no_log_listens(capsys: pytest.CaptureFixture[str]) -> None:
    end = End("a")
    end.transport.trace(Transport.TRACE_FRM)
    end.transport.log("one")
    end.output()
    lines = [line.split("]:")[1] for line in capsys.readouterr().err.splitlines()]
    assert lines[:2] == ["*ALL*:TRACE:one", " AMQP:FRAME:  -> AMQP"] and len(lines) == 3


@pytest.mark.parametrize("stderr", ["none", "closed"])
def test_a_lost_standard_error_does_no_harm(
    stderr: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    file = open(tmp_path / "stderr", "w")
    file.close()
    monkeypatch.setattr("sys.stderr", None if stderr == "none" else file)
    a, b = pair(lambda end: end.transport.trace(255))
    assert a.transport.frames_input == 1


def test_an_untraced_transport_pays_nothing_for_it() -> None:
    end = End("a")
    assert end.transport._trace is None
    assert type(end.transport._out) is type(end.transport._outgoing._out) is bytearray
    end.transport.trace(Transport.TRACE_OFF)
    end.transport.trace(Transport.TRACE_DRV)
    assert type(end.transport._out) is bytearray
