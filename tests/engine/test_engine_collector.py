"""What is put on a collector: by the engine, and by programs."""

from __future__ import annotations

from typing import List

from wiring import Linked

from syncproton.engine import Collector, Connection, Event


def names(collector: Collector) -> List[str]:
    """Take the events."""
    taken = []
    while True:
        event = collector.peek()
        if event is None:
            return taken
        taken.append(str(event.type)[3:])
        collector.pop()


def test_what_a_program_puts_is_not_dropped_for_being_the_same() -> None:
    collector = Collector()
    connection = Connection()
    for _ in range(2):
        collector.put(connection, Event.CONNECTION_LOCAL_OPEN)
    assert names(collector) == ["CONNECTION_LOCAL_OPEN"] * 2


def test_what_is_freed_without_a_transport_comes_to_its_end_at_once() -> None:
    collector = Collector()
    connection = Connection()
    connection.collect(collector)
    connection.open()
    session = connection.session()
    session.open()
    link = session.sender("link")
    link.open()
    names(collector)
    link.free()
    assert names(collector) == ["LINK_FINAL"]
    session.free()
    assert names(collector) == ["SESSION_FINAL"]
    connection.free()
    assert names(collector) == ["CONNECTION_FINAL"]


def test_aborting_what_was_not_sent_tells_that_the_link_can_send() -> None:
    linked = Linked()
    linked.pump()
    linked.a.events()
    linked.sender.delivery("oops")
    linked.sender.stream(b"half")
    linked.sender.current.abort()
    assert linked.a.names() == ["TRANSPORT"]
    linked.pump()
    assert "LINK_FLOW" in linked.a.names()


def test_credit_outlives_the_detach() -> None:
    linked = Linked()
    linked.pump()
    credit = linked.sender.credit
    assert credit
    linked.sender.close()
    linked.pump()
    assert linked.sender.credit == credit


def test_a_connection_has_no_errors_but_those_that_are_raised() -> None:
    assert Connection().error == 0
