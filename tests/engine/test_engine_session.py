"""Sessions: begin and end from either side, channels, and what becomes of the links in them."""

from __future__ import annotations

import pytest
from wiring import Linked, ScriptedPeer, End, only, pair, pump, scripted, send

from syncproton.engine import Condition, Endpoint, Session
from syncproton.errors import SessionException
from syncproton.wire.performatives import Attach, Begin, Close, Detach, End as EndFrame

ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE
CLOSED = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


def test_begin_and_end_tell_events_in_order() -> None:
    a, b = pair()
    session = a.connection.session()
    session.open()
    assert a.names() == ["SESSION_INIT", "SESSION_LOCAL_OPEN", "TRANSPORT"]
    pump(a, b)
    assert b.names() == ["SESSION_INIT", "SESSION_REMOTE_OPEN"]
    other = only(b.connection.sessions())
    other.open()
    pump(a, b)
    assert b.names() == ["SESSION_LOCAL_OPEN", "TRANSPORT"]
    assert a.names() == ["SESSION_REMOTE_OPEN"]
    assert session.state == other.state == ACTIVE

    other.close()
    pump(a, b)
    assert a.names() == ["SESSION_REMOTE_CLOSE"]
    session.close()
    pump(a, b)
    assert b.names() == ["SESSION_LOCAL_CLOSE", "TRANSPORT", "SESSION_REMOTE_CLOSE"]
    assert session.state == other.state == CLOSED


def test_both_sides_may_begin_at_once() -> None:
    a, b = pair()
    ours, theirs = a.connection.session(), b.connection.session()
    ours.open()
    theirs.open()
    pump(a, b)
    assert len(list(a.connection.sessions())) == len(list(b.connection.sessions())) == 2
    for end in (a, b):
        for session in end.connection.sessions(Endpoint.LOCAL_UNINIT):
            session.open()
    pump(a, b)
    assert [s.state for s in a.connection.sessions()] == [s.state for s in b.connection.sessions()] == [ACTIVE] * 2


def test_answers_may_come_in_any_order() -> None:
    a, b = pair()
    sessions = [a.connection.session() for _ in range(5)]
    for session in sessions:
        session.open()
    pump(a, b)
    for session in reversed(list(b.connection.sessions())):
        session.open()
        pump(a, b)
    assert [s.state for s in sessions] == [ACTIVE] * 5


def test_channels_of_ended_sessions_are_used_again() -> None:
    peer = scripted()
    sessions = [peer.end.connection.session() for _ in range(4)]
    for session in sessions:
        session.open()
    assert [channel for channel, _, _ in peer.hears()] == [0, 1, 2, 3]
    for number in range(4):
        peer.say(Begin(number, 0, 10, 10), channel=40 - number)
    for number in (2, 1):
        peer.say(EndFrame(), channel=40 - number)
        sessions[number].close()
    peer.hears()
    again = peer.end.connection.session()
    again.open()
    assert [channel for channel, _, _ in peer.hears()] == [1]


def test_an_end_waits_for_the_answer_to_the_begin() -> None:
    peer = scripted()
    session = peer.end.connection.session()
    session.open()
    session.close()
    assert [type(p) for p in peer.performatives()] == [Begin]
    peer.say(Begin(0, 0, 10, 10), channel=9)
    assert [type(p) for p in peer.performatives()] == [EndFrame]
    peer.say(EndFrame(), channel=9)
    assert session.state == CLOSED
    assert peer.end.names()[-2:] == ["SESSION_REMOTE_OPEN", "SESSION_REMOTE_CLOSE"]


def test_the_reason_of_an_end_arrives() -> None:
    linked = Linked()
    linked.into.condition = Condition("amqp:session:errant-link", "no reason")
    linked.into.close()
    linked.pump()
    assert linked.out.remote_condition == Condition("amqp:session:errant-link", "no reason")


def test_ending_a_session_takes_its_links_along_without_detaches() -> None:
    linked = Linked()
    peer_sees = ScriptedPeer(linked.a)
    peer_sees._header = b"AMQP\x00\x01\x00\x00"
    linked.sender.close()
    linked.out.close()
    assert [type(p) for p in peer_sees.performatives()] == [Detach, EndFrame]


def test_a_session_ended_by_the_peer_lets_its_deliveries_be_settled() -> None:
    linked = Linked()
    delivery = send(linked.sender)
    linked.pump()
    linked.into.close()
    linked.pump()
    linked.out.close()
    delivery.settle()
    linked.pump()
    assert linked.sender.unsettled == 0
    assert not linked.out._outgoing
    assert linked.a.transport.condition is None and linked.b.transport.condition is None


def test_an_end_waits_for_messages_that_wait_for_credit() -> None:
    linked = Linked(credit=0)
    send(linked.sender)
    linked.out.close()
    linked.pump()
    assert linked.into.state == ACTIVE
    linked.receiver.flow(1)
    linked.pump()
    assert linked.receiver.queued == 1
    assert linked.into.state & Endpoint.REMOTE_CLOSED


def test_a_close_does_not_wait_for_messages_that_wait_for_credit() -> None:
    linked = Linked(credit=0)
    send(linked.sender)
    linked.out.close()
    linked.a.connection.close()
    linked.pump()
    assert linked.b.connection.state & Endpoint.REMOTE_CLOSED


def test_more_sessions_than_both_sides_allow_are_refused_at_once() -> None:
    def two(end: End) -> None:
        end.transport.channel_max = 1

    a, _ = pair(server=two)
    a.connection.session()
    a.connection.session()
    with pytest.raises(SessionException):
        a.connection.session()


def test_sessions_asked_for_before_the_limit_was_known_are_refused_with_an_event() -> None:
    peer = ScriptedPeer(End("end"))
    sessions = [peer.end.connection.session() for _ in range(3)]
    peer.open(channel_max=1)
    for session in sessions:
        session.open()
    assert [type(p) for p in peer.performatives()] == [Begin, Begin]
    events = peer.end.events()
    refused = [event.session for event in events if str(event.type) == "PN_SESSION_REMOTE_CLOSE"]
    assert refused == [sessions[2]]
    assert sessions[2].remote_condition is not None
    assert sessions[2].remote_condition.name == "amqp:resource-limit-exceeded"
    sessions[2].close()
    assert peer.performatives() == []


def test_more_links_than_the_peers_handles_are_refused_with_an_event() -> None:
    peer = scripted()
    session = peer.begin(handle_max=1)
    peer.end.events()
    links = [session.sender(str(number)) for number in range(3)]
    for link in links:
        link.open()
    assert [type(p) for p in peer.performatives()] == [Attach, Attach]
    closed = [event.link for event in peer.end.events() if str(event.type) == "PN_LINK_REMOTE_CLOSE"]
    assert closed == [links[2]]
    assert links[2].remote_condition.name == "amqp:resource-limit-exceeded"


def test_walking_the_sessions_by_state() -> None:
    a, _ = pair()
    sessions = [a.connection.session() for _ in range(4)]
    sessions[1].open()
    sessions[3].open()
    head = a.connection.session_head(Endpoint.LOCAL_ACTIVE)
    assert head is sessions[1]
    assert head.next(Endpoint.LOCAL_ACTIVE) is sessions[3]
    assert sessions[3].next(Endpoint.LOCAL_ACTIVE) is None
    assert a.connection.session_head(Endpoint.LOCAL_UNINIT | Endpoint.REMOTE_UNINIT) is sessions[0]
    assert list(a.connection.sessions(Endpoint.LOCAL_ACTIVE)) == [sessions[1], sessions[3]]


def test_after_an_end_of_ours_the_peer_is_ignored_until_its_own() -> None:
    peer = scripted()
    session = peer.begin()
    session.close()
    assert [type(p) for p in peer.performatives()] == [EndFrame]
    peer.say(Attach("late", 0, True, initial_delivery_count=0), Detach(5, True))
    assert peer.end.connection.link_head(0) is None
    peer.say(EndFrame(), Close())
    assert session.state == CLOSED
    assert peer.end.transport.condition is None


def test_many_sessions_are_opened_and_ended_in_reasonable_time() -> None:
    a, b = pair()
    sessions = [a.connection.session() for _ in range(2000)]
    for session in sessions:
        session.open()
    pump(a, b)
    for session in b.connection.sessions():
        session.open()
        session.close()
    pump(a, b)
    for session in sessions:
        session.close()
        session.free()
    pump(a, b)
    for session in b.connection.sessions():
        session.free()
    assert a.connection._sessions == b.connection._sessions == []
    assert a.names().count("SESSION_FINAL") == b.names().count("SESSION_FINAL") == 2000


def test_windows_have_proton_s_defaults() -> None:
    session = Session(End("a").connection)
    assert session.outgoing_window == 2147483647
    assert session.incoming_capacity == 0
    assert session.incoming_bytes == session.outgoing_bytes == 0
