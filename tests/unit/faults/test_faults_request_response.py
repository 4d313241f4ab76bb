"""Requests whose responses do not come: the call ends in time and says why, and the next one is answered."""

from __future__ import annotations

from typing import Any, Iterator

import pytest
from faults_clients import within
from scripted_peer import (
    BEGUN, FAREWELL, Script, Talk, answer_attach, attach_for, close, grant, hear, leave, reset, say, transfer,
)

from syncproton import ConnectionException, Message, ProtonException, Timeout
from syncproton.utils import BlockingConnection, LinkDetached, SyncRequestResponse
from syncproton.wire.performatives import Attach, Detach, Disposition, Transfer
from syncproton.wire.states import Accepted, Error, Rejected
from syncproton.wire.termini import Source

SHORT = 0.1
ERROR = Error("amqp:not-allowed", "by the peer")


def dynamic(talk: Talk) -> None:
    """Attach the link for responses."""
    talk.say(attach_for(talk.last(Attach), source=Source(address="replies")))


def outcome(state: Any, number: int = 0) -> Any:
    """Tell what became of a request."""
    return say(Disposition(True, number, None, True, state))


#: The links are there, and a request has come.
ASKED: Script = [*BEGUN, hear(Attach), answer_attach, grant(), hear(Attach), dynamic, hear(Transfer)]


@pytest.fixture
def requests(peer: Any) -> Iterator[Any]:
    """Makes what sends requests to a peer with a script."""
    made = []

    def make(script: Script) -> SyncRequestResponse:
        connection = BlockingConnection(peer(script).url, timeout=5)
        made.append(connection)
        made_requests = SyncRequestResponse(connection, "q")
        connection.timeout = SHORT
        return made_requests

    yield make
    for connection in made:
        try:
            connection.close()
        except ProtonException:
            pass  # it has ended already


def test_no_response(requests: Any) -> None:
    with within(SHORT), pytest.raises(Timeout, match="Waiting for response"):
        requests([*ASKED, outcome(Accepted()), *FAREWELL]).call(Message("x"))


def test_request_not_taken(requests: Any) -> None:
    with within(SHORT), pytest.raises(Timeout, match="Sending"):
        requests([*ASKED, *FAREWELL]).call(Message("x"))


def test_request_rejected(requests: Any) -> None:
    with within(0), pytest.raises(ProtonException):
        requests([*ASKED, outcome(Rejected(ERROR)), *FAREWELL]).call(Message("x"))


@pytest.mark.parametrize("handle", [0, 1])
def test_either_link_is_closed(handle: int, requests: Any) -> None:
    script = [*ASKED, outcome(Accepted()), say(Detach(handle, True, ERROR)), *FAREWELL]
    with within(0), pytest.raises(LinkDetached, match="by the peer"):
        requests(script).call(Message("x"))


@pytest.mark.parametrize("end", [leave, reset, close(ERROR)])
def test_connection_ends(end: Any, requests: Any) -> None:
    with within(0), pytest.raises(ConnectionException):
        requests([*ASKED, outcome(Accepted()), end]).call(Message("x"))


@pytest.mark.parametrize("first", ["00537713", "005377a10178"])
def test_response_that_is_none(first: str, requests: Any) -> None:
    """It cannot be decoded, or is to no request.  The one to the next request is taken nevertheless."""
    asking = requests([
        *ASKED, outcome(Accepted()), transfer(bytes.fromhex(first), handle=1),
        hear(Transfer), outcome(Accepted(), 1), answer, *FAREWELL])
    with within(SHORT), pytest.raises(Timeout, match="Waiting for response"):
        asking.call(Message("x"))
    asking.connection.timeout = 5
    assert asking.call(Message("y")).body == "good"


def answer(talk: Talk) -> None:
    """Respond to the last request."""
    request = Message()
    request.decode([payload for _, performative, payload in talk.heard if isinstance(performative, Transfer)][-1])
    response = Message("good", correlation_id=request.correlation_id)
    transfer(response.encode(), handle=1)(talk)
