"""Reconnecting to a peer that breaks again and again: no storm, no hang, and all is well once the peer is."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from faults_clients import within
from scripted_peer import (
    FAREWELL, LIMIT, LOGIN, OPENED, RECEIVING, ClientWent, Script, Talk, bytes_, leave, reset, say, stay_silent,
    transfer,
)

import syncproton
from syncproton import Timeout
from syncproton.utils import BlockingConnection
from syncproton.wire.performatives import Close
from syncproton.wire.states import Error

SHORT = 0.2
MESSAGE = transfer(bytes.fromhex("005377a104676f6f64"))

#: How a peer breaks after it has let the client in.
BREAKS: Any = {
    "leaves": [*OPENED, leave],
    "resets": [*OPENED, reset],
    "says nonsense": [*OPENED, bytes_(b"\xff" * 100), stay_silent],
    "forces it closed": [*OPENED, say(Close(Error("amqp:connection:forced", "shutting down"))), leave],
}


def receive_sync(url: str, timeout: float) -> Any:
    """Receive a message, over a connection that reconnects."""
    with syncproton.connect(url, timeout=timeout, reconnect=True) as connection:
        return connection.create_receiver("q").receive().body


def receive_like_proton(url: str, timeout: float) -> Any:
    """The same, of the other kind."""
    with BlockingConnection(url, timeout=timeout, reconnect=True) as connection:
        return connection.create_receiver("q", credit=10).receive().body


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("receive", [receive_sync, receive_like_proton])
def test_no_storm(breaks: str, receive: Callable[..., Any], peer: Any) -> None:
    given_up: List[Talk] = []

    def breaking(talk: Talk) -> None:
        try:
            for step in BREAKS[breaks]:
                step(talk)
        except ClientWent:
            given_up.append(talk)

    bad = peer([breaking])
    with within(2 * SHORT), pytest.raises(Timeout, match="Opening"):
        receive(bad.url, SHORT)
    assert 2 <= len(bad.talks) <= 9
    for talk in bad.talks:
        assert talk.over.wait(LIMIT)
    # The time may have run out in the midst of the last attempt, and of no other.
    assert given_up in ([], bad.talks[-1:])


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("receive", [receive_sync, receive_like_proton])
def test_the_peer_recovers(breaks: str, receive: Callable[..., Any], peer: Any) -> None:
    good: Script = [*RECEIVING, MESSAGE, *FAREWELL]
    recovering = peer(BREAKS[breaks], LOGIN[:1] + [leave], BREAKS[breaks], good)
    with within(5):
        assert receive(recovering.url, 5.0) == "good"
    assert len(recovering.talks) == 4


def test_the_link_comes_back_and_the_message_with_it(peer: Any) -> None:
    """The connection breaks while a call waits, which does not notice."""
    for end in (leave, reset):
        breaking = peer([*RECEIVING, end], [*RECEIVING, MESSAGE, *FAREWELL])
        with within(5):
            assert receive_sync(breaking.url, 5.0) == "good"


def test_closing_between_two_attempts(peer: Any) -> None:
    bad = peer(BREAKS["leaves"])
    for connect in (syncproton.connect, BlockingConnection):
        connection: Any = connect(bad.url, timeout=5, reconnect=[60, 60])
        with within(0):
            connection.close()
