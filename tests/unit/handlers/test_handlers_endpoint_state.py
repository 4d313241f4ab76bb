"""Which callbacks the halves' events lead to, checked against what proton was seen to do."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, List, Optional, Tuple

import pytest

from syncproton.engine import Condition, Endpoint
from syncproton.handlers import EndpointStateHandler, Handshaker, MessagingHandler

UNINIT, ACTIVE, CLOSED = Endpoint.LOCAL_UNINIT, Endpoint.LOCAL_ACTIVE, Endpoint.LOCAL_CLOSED
R_UNINIT, R_ACTIVE, R_CLOSED = Endpoint.REMOTE_UNINIT, Endpoint.REMOTE_ACTIVE, Endpoint.REMOTE_CLOSED
KINDS = ["connection", "session", "link"]


class FakeEndpoint:
    def __init__(self, kind: str, state: int, condition: Optional[Condition], log: List[str]) -> None:
        self.kind = kind
        self.state = state
        self.remote_condition = condition
        self.log = log

    def open(self) -> None:
        self.log.append(f"{self.kind}.open")
        self.state = self.state & ~UNINIT | ACTIVE

    def close(self) -> None:
        self.log.append(f"{self.kind}.close")
        self.state = self.state & ~ACTIVE | CLOSED


class Recorder:
    def __init__(self, log: List[str]) -> None:
        self.log = log

    def on_unhandled(self, method: str, event: Any) -> None:
        self.log.append(method)


def make_event(state: int, condition: Optional[Condition] = None) -> Tuple[SimpleNamespace, List[str]]:
    log: List[str] = []
    return SimpleNamespace(**{kind: FakeEndpoint(kind, state, condition, log) for kind in KINDS}), log


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "half, state, expected",
    [
        ("local_open", ACTIVE | R_UNINIT, []),
        ("local_open", ACTIVE | R_ACTIVE, ["opened"]),
        ("remote_open", UNINIT | R_ACTIVE, ["opening", "open"]),
        ("remote_open", ACTIVE | R_ACTIVE, ["opened"]),
        ("remote_open", CLOSED | R_ACTIVE, []),
        ("local_close", CLOSED | R_ACTIVE, []),
        ("local_close", CLOSED | R_CLOSED, ["closed"]),
        ("remote_close", ACTIVE | R_CLOSED, ["closing", "close"]),
        ("remote_close", CLOSED | R_CLOSED, ["closed", "close"]),
    ],
)
def test_halves_become_moments(kind: str, half: str, state: int, expected: List[str]) -> None:
    event, log = make_event(state)
    getattr(EndpointStateHandler(delegate=Recorder(log)), f"on_{kind}_{half}")(event)
    assert log == [f"{kind}.{word}" if word in ("open", "close") else f"on_{kind}_{word}" for word in expected]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("local", [ACTIVE, CLOSED])
def test_close_with_condition_is_an_error(kind: str, local: int) -> None:
    event, log = make_event(local | R_CLOSED, Condition("amqp:internal-error", "broken"))
    getattr(EndpointStateHandler(delegate=Recorder(log)), f"on_{kind}_remote_close")(event)
    assert log == [f"on_{kind}_error", f"{kind}.close"]


def test_forced_close_is_left_to_reconnect() -> None:
    event, log = make_event(ACTIVE | R_CLOSED, Condition("amqp:connection:forced", "shutting down"))
    EndpointStateHandler(delegate=Recorder(log)).on_connection_remote_close(event)
    assert log == []


@pytest.mark.parametrize("kind", KINDS)
def test_callback_that_closes_is_not_overridden(kind: str) -> None:
    event, log = make_event(UNINIT | R_ACTIVE)

    class Closer:
        def on_unhandled(self, method: str, event: Any) -> None:
            endpoint = getattr(event, kind)
            endpoint.open()
            endpoint.close()

    getattr(EndpointStateHandler(delegate=Closer()), f"on_{kind}_remote_open")(event)
    assert log == [f"{kind}.open", f"{kind}.close"]


@pytest.mark.parametrize("kind", ["session", "link"])
def test_without_delegate_an_error_is_logged_and_closes(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    event, log = make_event(ACTIVE | R_CLOSED, Condition("amqp:not-found", "no such node"))
    with caplog.at_level(logging.ERROR, "syncproton.handlers"):
        getattr(EndpointStateHandler(), f"on_{kind}_remote_close")(event)
    assert log == ["connection.close", f"{kind}.close"]
    assert "no such node" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_peer_close_is_error_without_delegate(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    event, log = make_event(ACTIVE | R_CLOSED)
    getattr(EndpointStateHandler(peer_close_is_error=True), f"on_{kind}_remote_close")(event)
    assert f"{kind} closed by peer" in caplog.text


@pytest.mark.parametrize("method", ["on_transport_closed", "on_transport_tail_closed"])
@pytest.mark.parametrize("state, expected", [(ACTIVE | R_ACTIVE, ["on_disconnected"]), (CLOSED | R_ACTIVE, [])])
def test_disconnected_only_while_we_are_open(method: str, state: int, expected: List[str]) -> None:
    event, log = make_event(state)
    getattr(EndpointStateHandler(delegate=Recorder(log)), method)(event)
    assert log == expected


def test_transport_of_no_connection_is_ignored() -> None:
    EndpointStateHandler(delegate=object()).on_transport_closed(SimpleNamespace(connection=None))


@pytest.mark.parametrize("kind", ["connection", "session"])
def test_handshaker_answers_in_kind(kind: str) -> None:
    event, log = make_event(UNINIT | R_ACTIVE)
    getattr(Handshaker(), f"on_{kind}_remote_open")(event)
    getattr(Handshaker(), f"on_{kind}_remote_open")(event)
    getattr(Handshaker(), f"on_{kind}_remote_close")(event)
    getattr(Handshaker(), f"on_{kind}_remote_close")(event)
    assert log == [f"{kind}.open", f"{kind}.close"]


@pytest.mark.parametrize("name, closes", [("amqp:unauthorized-access", True), ("amqp:internal-error", False)])
def test_fatal_transport_conditions_close_the_connection(name: str, closes: bool) -> None:
    event, log = make_event(ACTIVE | R_UNINIT)
    event.transport = SimpleNamespace(condition=Condition(name, "no"))
    MessagingHandler().on_transport_error(event)
    assert log == (["connection.close"] if closes else [])


@pytest.mark.parametrize("kind", ["session", "link"])
def test_default_errors_close_the_connection(kind: str) -> None:
    event, log = make_event(ACTIVE | R_CLOSED, Condition("amqp:not-found", "no such node"))
    getattr(MessagingHandler(), f"on_{kind}_error")(event)
    assert log == ["connection.close"]
