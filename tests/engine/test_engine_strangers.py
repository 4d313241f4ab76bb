"""Peers that speak something else, or fall silent: the first bytes, and the end of the stream at each stage."""

from __future__ import annotations

import pytest
from wiring import End, ScriptedPeer, pump, scripted

from syncproton.errors import TransportException
from syncproton.wire.frames import AMQP_HEADER, SASL_HEADER, TLS_HEADER
from syncproton.wire.performatives import Close, Open

FRAMING_ERROR = "amqp:connection:framing-error"

STRANGERS = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "AMQP 0-9-1": b"AMQP\x00\x00\x09\x01",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "TLS in AMQP": TLS_HEADER,
    "nothing": b"\x00" * 64,
    "noise": bytes(range(200, 256)),
}


@pytest.mark.parametrize("server", [False, True])
@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("step", [1, 1000])
def test_another_protocol_is_answered_with_ours_and_a_reason(stranger: str, server: bool, step: int) -> None:
    peer = ScriptedPeer(End("end", server))
    peer.hears()
    peer.end.events()
    data = STRANGERS[stranger]
    for start in range(0, len(data), step):
        peer.feed(data[start:start + step])
    assert peer.end.names() == ["TRANSPORT_ERROR", "TRANSPORT_TAIL_CLOSED"]
    condition = peer.end.transport.condition
    assert condition is not None and condition.name == FRAMING_ERROR
    assert condition.description is not None
    if stranger in ("HTTP", "AMQP 0-9-1") and step > 1:
        assert stranger in condition.description
    close = peer.performatives()[-1]
    assert isinstance(close, Close) and close.error.condition == FRAMING_ERROR
    assert peer.end.names() == ["TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED"]
    assert peer.end.transport.closed
    with pytest.raises(TransportException):
        peer.end.transport.push(b"more")


def test_an_end_that_never_opened_still_says_why_it_goes() -> None:
    end = End("end", open=False)
    end.transport.push(b"SSH-2.0-OpenSSH_9.6\r\n")
    heard = ScriptedPeer(end).performatives()
    assert [type(p) for p in heard] == [Open, Close]
    assert heard[0].container_id == ""


STAGES = {
    "at once": b"",
    "amid the header": b"AMQ",
    "after the header": AMQP_HEADER,
    "amid a frame": AMQP_HEADER + b"\x00\x00\x00\x20\x02\x00\x00",
}


@pytest.mark.parametrize("server", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_the_end_of_the_stream_at_each_stage(stage: str, server: bool) -> None:
    end = End("end", server)
    end.transport.pending()
    end.events()
    if STAGES[stage]:
        end.transport.push(STAGES[stage])
    end.transport.close_tail()
    end.transport.close_tail()
    assert end.names() == ["TRANSPORT_TAIL_CLOSED", "TRANSPORT_ERROR"]
    condition = end.transport.condition
    assert condition is not None and condition.name == FRAMING_ERROR
    assert "connection aborted" in str(condition.description)
    end.output()
    assert end.names() == ["TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED"]
    assert end.transport.capacity() < 0 and end.transport.pending() < 0


def test_the_end_of_the_stream_after_the_open() -> None:
    peer = scripted()
    peer.end.transport.close_tail()
    assert peer.end.names() == ["TRANSPORT_TAIL_CLOSED", "TRANSPORT_ERROR"]
    close, = peer.performatives()
    assert close.error.condition == FRAMING_ERROR
    assert peer.end.transport.condition is not None
    assert peer.end.transport.condition.description == "connection aborted"


def test_the_end_of_the_stream_after_the_close_is_no_error() -> None:
    peer = scripted()
    peer.say(Close())
    peer.end.transport.close_tail()
    peer.end.connection.close()
    peer.hears()
    assert "TRANSPORT_ERROR" not in peer.end.names()
    assert peer.end.transport.closed and peer.end.transport.condition is None


def test_the_output_may_end_first() -> None:
    peer = scripted()
    peer.end.transport.close_head()
    peer.end.transport.close_head()
    assert peer.end.transport.pending() < 0 and peer.end.transport.peek(10) is None
    assert peer.end.names() == ["TRANSPORT_HEAD_CLOSED"]
    peer.end.transport.close_tail()
    assert peer.end.names() == ["TRANSPORT_TAIL_CLOSED", "TRANSPORT_CLOSED", "TRANSPORT_ERROR"]


def test_bytes_after_the_close_are_ignored() -> None:
    for most in (1, 100, 1 << 20):
        a, b = End("a"), End("b", True)
        pump(a, b)
        a.connection.close()
        data = a.output() + b"\xff" * 100
        for start in range(0, len(data), most):
            if b.transport.capacity() > 0:
                b.transport.push(data[start:start + most])
        assert b.transport.condition is None and b.transport.capacity() < 0


@pytest.mark.parametrize("server", [False, True])
def test_a_frame_of_another_layer_is_an_error(server: bool) -> None:
    peer = ScriptedPeer(End("end", server))
    peer.feed(AMQP_HEADER + b"\x00\x00\x00\x08\x02\x01\x00\x00")
    assert peer.performatives()[-1].error.condition == FRAMING_ERROR


def test_a_client_without_sasl_does_not_take_it() -> None:
    peer = ScriptedPeer(End("end"))
    peer.feed(SASL_HEADER)
    condition = peer.end.transport.condition
    assert condition is not None and "SASL" in str(condition.description)
