"""Endpoints given up: what is settled, what can be found no more, and when the FINAL events come."""

from __future__ import annotations

import gc
import weakref
from typing import Any, List

from wiring import End, Linked, pair, pump, receive, send

from syncproton.engine import Collector, Connection, Delivery


def test_a_link_closed_by_both_is_final_when_freed() -> None:
    linked = Linked()
    linked.sender.close()
    linked.pump()
    linked.receiver.close()
    linked.pump()
    linked.a.events()
    linked.sender.free()
    assert linked.a.names() == ["LINK_FINAL"]
    linked.sender.free()
    assert linked.a.names() == []


def test_a_link_freed_first_is_final_when_the_peer_has_closed_it_too() -> None:
    linked = Linked()
    linked.sender.close()
    linked.sender.free()
    assert linked.a.names() == ["LINK_LOCAL_CLOSE", "TRANSPORT"]
    linked.pump()
    assert linked.a.names() == []
    linked.receiver.close()
    linked.pump()
    assert linked.a.names() == ["LINK_REMOTE_CLOSE", "LINK_FINAL"]


def test_the_freed_are_found_no_more_and_not_closed_by_it() -> None:
    linked = Linked()
    linked.sender.free()
    assert linked.a.connection.link_head(0) is None
    assert linked.out.links() == []
    linked.out.free()
    assert linked.a.connection.session_head(0) is None
    linked.pump()
    assert "LINK_REMOTE_CLOSE" not in linked.b.names()


def test_freeing_a_receiver_settles_what_it_has() -> None:
    linked = Linked()
    deliveries = [send(linked.sender) for _ in range(3)]
    linked.pump()
    receive(linked.receiver)
    linked.receiver.free()
    linked.pump()
    assert all(delivery.settled for delivery in deliveries)
    assert linked.receiver.unsettled == 0 and linked.into.incoming_bytes == 0
    assert not linked.into._incoming


def test_freeing_a_sender_settles_what_it_sent_and_is_to_send() -> None:
    linked = Linked(credit=1)
    for number in range(3):
        send(linked.sender, b"%d" % number)
    linked.pump()
    send(linked.sender, b"3")
    linked.sender.delivery("half")
    linked.sender.stream(b"half")
    linked.sender.free()
    assert linked.sender.unsettled == 0
    linked.receiver.flow(10)
    linked.pump()
    arrived = [receive(linked.receiver) for _ in range(4)]
    assert [data for _, data in arrived] == [b"0", b"1", b"2", b"3"]
    assert all(delivery.settled for delivery, _ in arrived)
    assert linked.receiver.current is None


def test_a_session_freed_ends_with_its_links_when_the_peer_is_done() -> None:
    linked = Linked()
    linked.out.close()
    linked.out.free()
    linked.pump()
    linked.a.events()
    linked.into.close()
    linked.pump()
    assert linked.a.names() == ["SESSION_REMOTE_CLOSE", "LINK_FINAL", "SESSION_FINAL"]


def test_a_connection_freed_ends_when_it_is_unbound() -> None:
    linked = Linked()
    send(linked.sender)
    linked.pump()
    linked.a.connection.free()
    linked.a.events()
    linked.a.transport.unbind()
    assert linked.a.names() == ["CONNECTION_UNBOUND", "LINK_FINAL", "SESSION_FINAL", "CONNECTION_FINAL"]


def test_a_connection_unbound_ends_when_it_is_freed() -> None:
    linked = Linked()
    linked.a.transport.unbind()
    linked.a.events()
    linked.a.connection.release()
    assert linked.a.names() == ["LINK_FINAL", "SESSION_FINAL", "CONNECTION_FINAL"]


def test_a_connection_never_bound_ends_when_it_is_freed() -> None:
    collector = Collector()
    connection = Connection()
    connection.collect(collector)
    connection.session().sender("link")
    connection.free()
    assert [str(event.type)[3:] for event in collector._events] == [
        "CONNECTION_INIT", "SESSION_INIT", "LINK_INIT", "LINK_FINAL", "SESSION_FINAL", "CONNECTION_FINAL",
    ]


def test_a_listener_s_endpoints_end_as_well() -> None:
    linked = Linked()
    linked.sender.close()
    linked.out.close()
    linked.pump()
    linked.receiver.close()
    linked.into.close()
    linked.receiver.free()
    linked.into.free()
    linked.b.events()
    linked.pump()
    assert linked.b.names()[-2:] == ["LINK_FINAL", "SESSION_FINAL"]


def test_settled_deliveries_are_kept_by_nobody() -> None:
    linked = Linked()
    alive: List[Any] = []
    for _ in range(50):
        delivery = send(linked.sender)
        linked.pump()
        arrived, _ = receive(linked.receiver)
        arrived.update(Delivery.ACCEPTED)
        arrived.settle()
        linked.pump()
        delivery.settle()
        alive += [weakref.ref(delivery), weakref.ref(arrived)]
    del delivery, arrived
    linked.pump()
    linked.a.events()
    linked.b.events()
    linked.a.told.clear()
    linked.b.told.clear()
    gc.collect()
    assert not [reference for reference in alive if reference() is not None]


def test_ended_endpoints_are_kept_by_nobody() -> None:
    a, b = pair()
    alive: List[Any] = []
    for _ in range(5):
        session = a.connection.session()
        session.open()
        sender = session.sender("link")
        sender.open()
        pump(a, b)
        for end in (a, b):
            for endpoint in [*end.connection.sessions(), *end.connection.links()]:
                endpoint.open()
                alive.append(weakref.ref(endpoint))
        pump(a, b)
        for end in (a, b):
            for endpoint in [*end.connection.links(), *end.connection.sessions()]:
                endpoint.close()
                endpoint.free()
            pump(a, b)
    del session, sender, endpoint
    for end in (a, b):
        end.events()
        end.told.clear()
    gc.collect()
    assert not [reference for reference in alive if reference() is not None]


def test_a_lost_transport_is_kept_by_nobody() -> None:
    linked = Linked()
    send(linked.sender)
    alive = weakref.ref(linked.a.transport)
    linked.a.lose()
    linked.a.events()
    linked.a.told.clear()
    linked.a.new_transport()
    gc.collect()
    assert alive() is None


def test_a_collector_released_takes_no_more() -> None:
    end = End("end")
    end.collector.release()
    end.connection.close()
    assert end.collector.peek() is None and not end.collector.more()
