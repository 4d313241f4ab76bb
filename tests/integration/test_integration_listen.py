"""Other clients on a container of ours that listens."""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterator, List

import pytest

from fix_peers import Peer
from syncproton import Delivery, Message
from syncproton.handlers import MessagingHandler, Reject, Release
from syncproton.reactor import Container

COUNT = 1000
LARGE = 5 * 1024 * 1024


class Listener(MessagingHandler):
    """Listens for one connection; takes what is sent to it, and sends numbered messages to whoever receives."""

    def __init__(self) -> None:
        super().__init__(auto_accept=False)
        self.port = 0
        self.listening = threading.Event()
        self.received: List[Message] = []
        self.sent = 0
        self.accepted = 0
        self.acceptor: Any = None

    def on_start(self, event: Any) -> None:
        self.acceptor = event.container.listen("127.0.0.1:0")
        self.port = self.acceptor.port
        self.listening.set()

    def on_link_opening(self, event: Any) -> None:
        event.link.source.copy(event.link.remote_source)
        event.link.target.copy(event.link.remote_target)

    def on_message(self, event: Any) -> None:
        self.received.append(event.message)
        address = event.link.target.address
        if address == "reject":
            self.settle(event.delivery, Delivery.REJECTED)
        elif address == "release":
            self.release(event.delivery, delivered=False)
        elif address == "modify":
            self.release(event.delivery, delivered=True)
        else:
            self.accept(event.delivery)

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.sent < COUNT:
            event.sender.send(Message(body=f"number {self.sent}"))
            self.sent += 1

    def on_accepted(self, event: Any) -> None:
        self.accepted += 1

    def on_disconnected(self, event: Any) -> None:
        self.acceptor.close()

    def on_connection_closed(self, event: Any) -> None:
        self.acceptor.close()


class Raising(Listener):
    """Says no by raising, with the acknowledgements that the handler makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: Dict[str, Any] = {"reject": Reject, "release": Release}

    def on_message(self, event: Any) -> None:
        raise self.refusals[event.link.target.address]()


class Listening:
    """A container that listens on a thread of its own until its one client has gone."""

    def __init__(self, handler: Listener) -> None:
        self.handler = handler
        self._thread = threading.Thread(target=Container(handler).run, daemon=True)
        self._thread.start()
        assert handler.listening.wait(10), "it does not listen"

    def finish(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive(), "the container goes on after its client has gone and its acceptor is closed"


@pytest.fixture
def listener() -> Iterator[Listener]:
    handler = Listener()
    running = Listening(handler)
    yield handler
    running.finish()


def outcomes(**counts: int) -> Dict[str, int]:
    return {"accepted": 0, "rejected": 0, "released": 0, "modified": 0, **counts}


def test_a_peer_sends(listener: Listener, peer: Peer) -> None:
    result = peer.send(listener.port, "anything", COUNT)
    assert result == {"outcomes": outcomes(accepted=COUNT), "errors": []}
    assert [message.id for message in listener.received] == list(range(COUNT))
    assert [message.properties["number"] for message in listener.received] == list(range(COUNT))
    assert {message.body for message in listener.received} == {"x" * 10}


def test_a_peer_receives(listener: Listener, peer: Peer) -> None:
    result = peer.receive(listener.port, "anything", COUNT)
    assert result == {"bodies": [f"number {number}" for number in range(COUNT)], "errors": []}


def test_a_peer_sends_a_large_message(listener: Listener, peer: Peer) -> None:
    result = peer.send(listener.port, "anything", 1, LARGE)
    assert result == {"outcomes": outcomes(accepted=1), "errors": []}
    assert listener.received[0].body == "x" * LARGE


@pytest.mark.parametrize("address, outcome", [("reject", "rejected"), ("release", "released"), ("modify", "modified")])
def test_a_peer_is_told_the_outcome(listener: Listener, peer: Peer, address: str, outcome: str) -> None:
    result = peer.send(listener.port, address, 5)
    assert result == {"outcomes": outcomes(**{outcome: 5}), "errors": []}


@pytest.mark.parametrize("address, outcome", [("reject", "rejected"), ("release", "modified")])
def test_a_peer_is_told_what_a_handler_raised(peer: Peer, address: str, outcome: str) -> None:
    handler = Raising()
    running = Listening(handler)
    result = peer.send(handler.port, address, 5)
    running.finish()
    assert result == {"outcomes": outcomes(**{outcome: 5}), "errors": []}
