"""The life of a connection: open, close, what each side tells the other, and in which order."""

from __future__ import annotations

import pytest
from wiring import End, pair, pump

from syncproton.codec import symbol
from syncproton.engine import Collector, Condition, Connection, Endpoint, Transport
from syncproton.errors import SessionException, TransportException
from syncproton.wire.frames import AMQP_HEADER, write_frame
from syncproton.wire.performatives import Attach, Begin, Open

ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE
CLOSED = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def test_open_and_close_tell_events_in_order() -> None:
    a, b = End("a", open=False), End("b", True, open=False)
    assert a.names() == ["CONNECTION_INIT", "CONNECTION_BOUND"]
    a.connection.open()
    assert a.names() == ["CONNECTION_LOCAL_OPEN", "TRANSPORT"]
    pump(a, b)
    assert b.names() == ["CONNECTION_INIT", "CONNECTION_BOUND", "CONNECTION_REMOTE_OPEN"]
    b.connection.open()
    pump(a, b)
    assert a.names() == ["CONNECTION_REMOTE_OPEN"]
    assert a.connection.state == b.connection.state == ACTIVE
    b.events()

    a.connection.close()
    pump(a, b)
    assert a.names() == ["CONNECTION_LOCAL_CLOSE", "TRANSPORT", "TRANSPORT_HEAD_CLOSED"]
    assert b.names() == ["CONNECTION_REMOTE_CLOSE", "TRANSPORT_TAIL_CLOSED"]
    b.connection.close()
    pump(a, b)
    assert b.names() == ["CONNECTION_LOCAL_CLOSE", "TRANSPORT", "TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED"]
    assert a.names() == ["CONNECTION_REMOTE_CLOSE", "TRANSPORT_TAIL_CLOSED", "TRANSPORT_CLOSED"]
    assert a.connection.state == b.connection.state == CLOSED
    assert a.transport.closed and b.transport.closed
    assert a.transport.pending() < 0 and a.transport.capacity() < 0


def test_what_one_side_says_of_itself_the_other_reads() -> None:
    a, b = End("a", open=False), End("b", True)
    a.connection.hostname = "example.com"
    a.connection.offered_capabilities = ["one", symbol("two")]
    a.connection.desired_capabilities = [symbol("three")]
    a.connection.properties = {"product": "test", symbol("version"): 3}
    a.transport.channel_max = 7
    a.transport.max_frame_size = 4096
    a.transport.idle_timeout = 30
    a.connection.open()
    pump(a, b)
    remote = b.connection
    assert remote.remote_container == "a"
    assert remote.remote_hostname == "example.com"
    assert remote.remote_offered_capabilities == ["one", "two"]
    assert remote.remote_desired_capabilities == ["three"]
    assert remote.remote_properties == {"product": "test", "version": 3}
    assert b.transport.remote_max_frame_size == 4096
    assert b.transport.remote_channel_max == 7
    assert b.transport.remote_idle_timeout == 15


def test_little_said_is_read_as_nothing() -> None:
    a, b = pair()
    assert b.connection.remote_hostname is None
    assert b.connection.remote_offered_capabilities is None
    assert b.connection.remote_desired_capabilities is None
    assert b.connection.remote_properties is None
    assert b.transport.remote_idle_timeout == 0


def test_the_reason_of_a_close_arrives() -> None:
    a, b = pair()
    condition = Condition("amqp:connection:forced", "maintenance", {symbol("until"): 5})
    a.connection.condition = condition
    a.connection.close()
    pump(a, b)
    assert b.connection.remote_condition == condition
    assert type(b.connection.remote_condition.name) is str
    assert b.transport.condition is None
    assert a.connection.remote_condition is None


def test_a_close_before_the_peers_open_waits_for_it() -> None:
    a, b = End("a"), End("b", True, open=False)
    a.connection.close()
    pump(a, b)
    assert b.connection.state == Endpoint.LOCAL_UNINIT | Endpoint.REMOTE_ACTIVE
    b.connection.open()
    pump(a, b)
    assert b.connection.state == Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_CLOSED


def test_opening_or_closing_twice_says_it_once() -> None:
    a, b = pair()
    a.connection.open()
    assert a.names() == [] and a.output() == b""
    a.connection.close()
    a.connection.close()
    assert a.names() == ["CONNECTION_LOCAL_CLOSE", "TRANSPORT"]


def test_nothing_is_said_before_the_connection_opens() -> None:
    end = End("a", open=False)
    end.connection.session().open()
    assert end.output() == b"AMQP\x00\x01\x00\x00"


def test_a_listener_waits_for_the_clients_header() -> None:
    end = End("b", True)
    assert end.output() == b""
    end.transport.push(b"AMQP\x00\x01\x00\x00")
    assert end.output().startswith(b"AMQP\x00\x01\x00\x00\x00\x00\x00")


def test_peek_takes_nothing_and_pop_no_more_than_there_is() -> None:
    end = End("a")
    size = end.transport.pending()
    assert end.transport.peek(size) == end.transport.peek(size) == end.transport.peek(size * 2)
    assert end.transport.peek(3) == b"AMQ"
    end.transport.pop(3)
    assert end.transport.peek(1) == b"P"
    with pytest.raises(TransportException):
        end.transport.pop(size)


def test_push_takes_any_bytes_like_object() -> None:
    a, b = End("a"), End("b", True)
    data = a.output()
    for kind, piece in zip((bytes, bytearray, memoryview), (data[:3], data[3:9], data[9:])):
        b.transport.push(kind(piece))
    assert b.connection.state & Endpoint.REMOTE_ACTIVE


def test_binding_twice_is_refused() -> None:
    end = End("a")
    with pytest.raises(TransportException):
        end.transport.bind(Connection())
    with pytest.raises(TransportException):
        Transport().bind(end.connection)
    other = Connection()
    end.transport.bind_nothrow(other)
    assert other.transport is None and end.transport.connection is end.connection


def test_a_transport_of_no_known_mode_is_refused() -> None:
    with pytest.raises(TransportException):
        Transport(7)


def test_a_connection_bound_after_the_peer_spoke_hears_it_then() -> None:
    a = End("a")
    transport = Transport(Transport.SERVER)
    transport.push(a.output())
    connection = Connection()
    collector = Collector()
    connection.collect(collector)
    transport.bind(connection)
    assert connection.remote_container == "a"
    assert [str(event.type) for event in collector._events][-1] == "PN_CONNECTION_REMOTE_OPEN"


def test_channel_max_is_what_both_allow_and_fixed_by_the_open() -> None:
    def few(end: End) -> None:
        end.transport.channel_max = 3

    a, b = pair(server=few)
    assert a.transport.channel_max == b.transport.channel_max == 3
    assert a.transport.remote_channel_max == 3
    with pytest.raises(SessionException):
        a.transport.channel_max = 9
    fresh = Transport()
    fresh.channel_max = 65535
    assert fresh.channel_max == 32767


def test_max_frame_size_has_a_least_value() -> None:
    transport = Transport()
    assert transport.max_frame_size == 32768
    transport.max_frame_size = 10
    assert transport.max_frame_size == 512
    transport.max_frame_size = 0
    assert transport.max_frame_size == 0


def test_max_frame_size_is_settled_by_the_open() -> None:
    a, b = pair()
    told = b.transport.remote_max_frame_size
    a.transport.max_frame_size = told * 2
    assert a.transport.max_frame_size == told


def test_program_set_attributes_and_identity_last() -> None:
    a, _ = pair()
    a.connection.session().flavour = "sour"
    session = a.connection.session_head(Endpoint.LOCAL_UNINIT)
    assert session is not None and session.flavour == "sour"
    assert session == a.connection.session_head(0)
    assert session.connection is a.connection and session.transport is a.transport


def test_password_is_written_and_never_read() -> None:
    connection = Connection()
    connection.password = "secret"
    assert connection.password is None
    assert "secret" not in repr(connection)


def test_what_follows_an_open_waits_for_a_connection_to_be_bound() -> None:
    out = bytearray(AMQP_HEADER)
    write_frame(out, 0, Open(container_id="peer", hostname="here"))
    write_frame(out, 0, Begin())
    write_frame(out, 0, Attach("link", 0, False, initial_delivery_count=0))
    transport = Transport(Transport.SERVER)
    for byte in bytes(out):
        transport.push(bytes([byte]))
    assert transport.condition is None
    connection = Connection()
    collector = Collector()
    connection.collect(collector)
    transport.bind(connection)
    assert (connection.remote_container, connection.remote_hostname) == ("peer", "here")
    assert connection.link_head(0).name == "link"
    names = []
    while collector.peek():
        names.append(collector.peek().type.name)
        collector.pop()
    assert names == [
        "PN_CONNECTION_INIT", "PN_CONNECTION_BOUND", "PN_CONNECTION_REMOTE_OPEN", "PN_SESSION_INIT",
        "PN_SESSION_REMOTE_OPEN", "PN_LINK_INIT", "PN_LINK_REMOTE_OPEN",
    ]


def test_a_fault_after_an_open_is_found_once_a_connection_is_bound() -> None:
    out = bytearray(AMQP_HEADER)
    write_frame(out, 0, Open(container_id="peer"))
    write_frame(out, 0, Begin(remote_channel=9))
    transport = Transport(Transport.SERVER)
    transport.push(bytes(out))
    assert transport.condition is None
    transport.bind(Connection())
    assert transport.condition is not None and transport.condition.name == "amqp:invalid-field"
    assert transport.capacity() < 0


def test_a_late_collector_hears_that_all_there_is_was_made() -> None:
    connection = Connection()
    first = connection.session()
    sender = first.sender("a")
    second = connection.session()
    receiver = first.receiver("b")
    collector = Collector()
    connection.collect(collector)
    made = []
    while collector.peek():
        made.append((collector.peek().type.name, collector.peek().context))
        collector.pop()
    assert made == [
        ("PN_CONNECTION_INIT", connection), ("PN_SESSION_INIT", first), ("PN_LINK_INIT", sender),
        ("PN_SESSION_INIT", second), ("PN_LINK_INIT", receiver),
    ]
