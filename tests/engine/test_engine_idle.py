"""Idle time-outs, both ways, by a clock that the test moves."""

from __future__ import annotations

from typing import Tuple

import pytest
from wiring import End, ScriptedPeer, pair, pump

from syncproton.engine import Collector, Connection, Transport
from syncproton.wire.frames import AMQP_HEADER, EMPTY_FRAME
from syncproton.wire.performatives import Close, Open


def limited(client: float = 0, server: float = 0) -> Tuple[End, End]:
    """Two ends, each with its idle time-out in seconds."""

    def prepare(timeout: float):  # type: ignore[no-untyped-def]
        def set_timeout(end: End) -> None:
            end.transport.idle_timeout = timeout

        return set_timeout

    return pair(prepare(client), prepare(server))


def test_without_time_outs_there_is_no_deadline() -> None:
    a, _ = pair()
    assert a.transport.tick(5) == 0
    assert a.transport.idle_timeout == a.transport.remote_idle_timeout == 0


def test_half_of_the_time_out_is_told() -> None:
    peer = ScriptedPeer(End("end", prepare=lambda end: setattr(end.transport, "idle_timeout", 10)))
    open, = peer.performatives()
    assert open.idle_time_out == 5000


@pytest.mark.parametrize("timeout, told", [(0.001, 1), (0.0005, 1), (1.5, 750)])
def test_small_time_outs_are_told_too(timeout: float, told: int) -> None:
    peer = ScriptedPeer(End("end", prepare=lambda end: setattr(end.transport, "idle_timeout", timeout)))
    assert peer.performatives()[0].idle_time_out == told


def test_heartbeats_go_out_at_half_the_time_the_peer_allows() -> None:
    a, b = limited(server=20)
    assert a.transport.remote_idle_timeout == 10
    assert a.transport.tick(100) == 105
    assert a.output() == b""
    assert a.transport.tick(104.9) == 105
    assert a.output() == b""
    assert a.transport.tick(105) == 110
    assert a.output() == EMPTY_FRAME
    assert a.transport.tick(110.5) == 115.5
    assert a.output() == EMPTY_FRAME


def test_frames_sent_meanwhile_put_a_heartbeat_off() -> None:
    a, b = limited(server=20)
    assert a.transport.tick(100) == 105
    a.connection.session().open()
    pump(a, b)
    assert a.transport.tick(104) == 109
    assert a.output() == b""
    assert a.transport.tick(108.9) == 109
    assert a.output() == b""
    a.transport.tick(109)
    assert a.output() == EMPTY_FRAME


def test_a_heartbeat_is_not_heaped_on_what_waits_to_be_sent() -> None:
    a, b = limited(server=20)
    a.transport.tick(100)
    a.connection.session().open()
    a.transport.pending()
    before = a.transport.pending()
    for now in (105, 110, 115):
        a.transport.tick(now)
    assert a.transport.pending() == before


def test_a_silent_peer_is_closed_with_its_reason() -> None:
    a, b = limited(client=10)
    assert a.transport.tick(50) == 60
    assert a.transport.tick(59.9) == 60
    a.transport.tick(60)
    assert a.names() == ["TRANSPORT_ERROR", "TRANSPORT_TAIL_CLOSED"]
    assert a.transport.condition is not None
    assert a.transport.condition.name == "amqp:resource-limit-exceeded"
    assert a.transport.condition.description == "local-idle-timeout expired"
    pump(a, b)
    assert b.connection.remote_condition == a.transport.condition
    assert a.names() == ["TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED"]
    assert a.transport.tick(70) == 0


def test_anything_from_the_peer_puts_the_end_off() -> None:
    a, b = limited(client=10)
    a.transport.tick(50)
    a.transport.push(EMPTY_FRAME)
    assert a.transport.tick(55) == 65
    a.transport.push(b"\0")
    assert a.transport.tick(64) == 74
    a.transport.tick(73)
    assert a.transport.condition is None
    a.transport.tick(74)
    assert a.transport.condition is not None


def test_the_nearer_of_two_deadlines_is_told() -> None:
    a, _ = limited(client=8, server=20)
    assert a.transport.tick(100) == 105
    assert a.transport.tick(105) == 108
    b, _ = limited(client=3, server=20)
    assert b.transport.tick(100) == 103


def test_both_ends_keep_each_other_alive() -> None:
    a, b = limited(client=10, server=4)
    now = 0.0
    for _ in range(200):
        deadlines = [end.transport.tick(now) for end in (a, b)]
        pump(a, b)
        deadlines = [end.transport.tick(now) for end in (a, b)]
        assert all(deadline > now for deadline in deadlines)
        now = min(deadlines)
    assert now > 100
    assert a.transport.condition is None and b.transport.condition is None


def test_no_heartbeat_before_the_open_or_after_the_close() -> None:
    end = End("end", open=False)
    end.transport.push(AMQP_HEADER)
    peer = ScriptedPeer(end)
    peer.say(Open(container_id="peer", idle_time_out=1000))
    end.transport.tick(1)
    end.transport.tick(10)
    assert end.output() == AMQP_HEADER
    end.connection.open()
    end.output()
    end.transport.tick(20)
    end.transport.tick(30)
    assert end.output() == EMPTY_FRAME
    end.connection.close()
    end.output()
    assert end.transport.tick(40) == 0
    peer.say(Close())
    assert end.transport.closed


def test_a_clock_that_starts_at_zero() -> None:
    a, b = limited(client=10)
    assert a.transport.tick(0.0) == 10
    a.transport.tick(10.0)
    assert a.transport.condition is not None


def test_a_silence_begins_with_the_first_word() -> None:
    transport = Transport()
    transport.idle_timeout = 5
    connection = Connection()
    connection.collect(Collector())
    transport.bind(connection)
    assert transport.tick(1) == 0
    transport.pop(transport.pending())
    assert transport.tick(2) == transport.tick(3) == 7
    transport.unbind()
    assert transport.pending() < 0
