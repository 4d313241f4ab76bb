"""A connection with a guard: what the wrong thread tries changes nothing."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest
from wiring import Linked, send

from syncproton.engine import Delivery


class Forbidden(Exception):
    pass


def forbid() -> None:
    raise Forbidden


def linked() -> Linked:
    """Links with something in every stage."""
    wired = Linked()
    send(wired.sender, b"sent")
    wired.pump()
    wired.sender.delivery("half")
    wired.sender.stream(b"half")
    wired.pump()
    send_ahead = wired.out.sender("closed")
    send_ahead.open()
    wired.pump()
    wired.a.events()
    wired.b.events()
    wired.receiver.drain(3)
    wired.pump()
    wired.a.events()
    wired.b.events()
    return wired


MUTATIONS: Dict[str, Callable[[Linked], Any]] = {
    "connection.open": lambda w: w.a.connection.__class__.open(w.fresh),  # type: ignore[attr-defined]
    "connection.close": lambda w: w.a.connection.close(),
    "connection.session": lambda w: w.a.connection.session(),
    "connection.free": lambda w: w.a.connection.free(),
    "session.open": lambda w: w.session.open(),  # type: ignore[attr-defined]
    "session.close": lambda w: w.out.close(),
    "session.sender": lambda w: w.out.sender("new"),
    "session.receiver": lambda w: w.out.receiver("new"),
    "session.free": lambda w: w.out.free(),
    "link.close": lambda w: w.sender.close(),
    "link.detach": lambda w: w.sender.detach(),
    "link.free": lambda w: w.sender.free(),
    "sender.delivery": lambda w: w.sender.delivery("new"),
    "sender.stream": lambda w: w.sender.stream(b"more"),
    "sender.advance": lambda w: w.sender.advance(),
    "sender.offered": lambda w: w.sender.offered(3),
    "sender.drained": lambda w: w.sender.drained(),
    "receiver.flow": lambda w: w.receiver.flow(3),
    "receiver.drain": lambda w: w.receiver.drain(3),
    "receiver.drain_mode": lambda w: setattr(w.receiver, "drain_mode", False),
    "receiver.recv": lambda w: w.receiver.recv(2),
    "receiver.advance": lambda w: w.receiver.advance(),
    "receiver.drained": lambda w: w.receiver.drained(),
    "receiver.free": lambda w: w.receiver.free(),
    "delivery.update": lambda w: w.receiver.current.update(Delivery.ACCEPTED),  # type: ignore[union-attr]
    "delivery.settle": lambda w: w.receiver.current.settle(),  # type: ignore[union-attr]
    "delivery.abort": lambda w: w.sender.current.abort(),  # type: ignore[union-attr]
    "transport.unbind": lambda w: w.a.transport.unbind(),
}


def snapshot(wired: Linked) -> List[Any]:
    """Everything about both ends that can be compared."""
    state: List[Any] = []
    for end in (wired.a, wired.b):
        connection = end.connection
        state += [connection.state, list(connection.sessions()), list(connection.links()), len(end.collector._events),
                  len(connection._work), len(connection._touched), connection.transport]
        for session in connection.sessions():
            state += [session.state, session.incoming_bytes, session.outgoing_bytes, session.links(),
                      dict(session._incoming), dict(session._outgoing)]
        for link in connection.links():
            state += [link.state, link.credit, link.queued, link.unsettled, link.available, link.drain_mode,
                      link.current, list(link._later), link._drained, link._detached]
            for delivery in (link.current, *link._later):
                if delivery is not None:
                    state += [delivery.pending, delivery.partial, delivery.aborted, delivery.local_state,
                              delivery._settled]
    return state


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_the_guard_forbids_changes_nothing(name: str) -> None:
    wired = linked()
    wired.session = wired.a.connection.session()  # type: ignore[attr-defined]
    wired.fresh = Linked().a.connection.__class__()  # type: ignore[attr-defined]
    wired.fresh._guard = forbid  # type: ignore[attr-defined]
    before = snapshot(wired)
    wired.a.connection._guard = wired.b.connection._guard = forbid
    with pytest.raises(Forbidden):
        MUTATIONS[name](wired)
    wired.a.connection._guard = wired.b.connection._guard = None
    assert snapshot(wired) == before
    assert not wired.fresh.state & wired.fresh.LOCAL_ACTIVE  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_the_guard_lets_through_happens(name: str) -> None:
    wired = linked()
    wired.session = wired.a.connection.session()  # type: ignore[attr-defined]
    wired.fresh = Linked().a.connection.__class__()  # type: ignore[attr-defined]
    calls = []
    wired.a.connection._guard = wired.b.connection._guard = lambda: calls.append(name)
    wired.fresh._guard = wired.a.connection._guard  # type: ignore[attr-defined]
    MUTATIONS[name](wired)
    assert calls
