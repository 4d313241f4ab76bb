"""SASL under a connection: each mechanism, refusals, and the events they bring, between two transports."""

from __future__ import annotations

from typing import Callable, List, Optional

import pytest
from wiring import End, ScriptedPeer, pump

from syncproton.engine import Endpoint
from syncproton.security import SASL
from syncproton.wire.frames import AMQP_HEADER, SASL_HEADER, SASL_FRAME, FrameReader, write_frame
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome

ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE

Prepare = Callable[[End], None]


def client(
    mechanisms: Optional[str] = None, user: Optional[str] = None, password: Optional[str] = None, insecure: bool = True
) -> Prepare:
    def prepare(end: End) -> None:
        end.connection.user = user
        end.connection.password = password
        sasl = end.transport.sasl()
        sasl.allow_insecure_mechs = insecure
        sasl.allowed_mechs(mechanisms)

    return prepare


def server(mechanisms: Optional[str] = None, insecure: bool = True, require: bool = False) -> Prepare:
    def prepare(end: End) -> None:
        sasl = end.transport.sasl()
        sasl.authenticator = lambda mechanism, user, password: (user, password) == ("joe", "secret")
        sasl.allow_insecure_mechs = insecure
        sasl.allowed_mechs(mechanisms)
        end.transport.require_auth(require)

    return prepare


class Meeting:
    """A client and a server that have said all they have to say to each other."""

    def __init__(self, client: Optional[Prepare], server: Optional[Prepare], most: int = 1 << 20) -> None:
        self.client = End("client", False, client)
        self.server = End("server", True, server)
        pump(self.client, self.server, most)

    @property
    def met(self) -> bool:
        return self.client.connection.state == self.server.connection.state == ACTIVE

    def refused(self) -> List[str]:
        """The conditions of both ends, after both have come to an end."""
        assert self.client.transport.closed and self.server.transport.closed
        assert not self.client.connection.state & Endpoint.REMOTE_ACTIVE
        return [str(end.transport.condition and end.transport.condition.name) for end in (self.client, self.server)]


@pytest.mark.parametrize("most", [1, 7, 1 << 20])
def test_plain(most: int) -> None:
    meeting = Meeting(client("PLAIN", "joe", "secret"), server("PLAIN"), most)
    assert meeting.met
    for end in (meeting.client, meeting.server):
        assert end.transport.authenticated
        assert end.transport.user == "joe"
        assert (end.transport.sasl().outcome, end.transport.sasl().mech) == (SASL.OK, "PLAIN")
    assert "secret" not in repr(meeting.client.transport) + repr(meeting.client.connection)


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_anonymous(most: int) -> None:
    meeting = Meeting(client("ANONYMOUS"), server("ANONYMOUS"), most)
    assert meeting.met
    assert meeting.server.transport.user == "anonymous"
    assert meeting.server.transport.authenticated


def test_credentials_alone_turn_sasl_on() -> None:
    def only_credentials(end: End) -> None:
        end.connection.user, end.connection.password = "joe", "secret"

    end = End("client", False, only_credentials)
    assert end.output() == SASL_HEADER


def test_a_server_finds_sasl_by_itself() -> None:
    meeting = Meeting(client("ANONYMOUS"), None)
    assert meeting.met
    assert meeting.server.transport.sasl().mech == "ANONYMOUS"


def test_a_client_may_go_without() -> None:
    meeting = Meeting(None, server())
    assert meeting.met
    assert not meeting.server.transport.authenticated
    assert meeting.server.transport.user == "anonymous"


def test_a_server_may_require_it() -> None:
    meeting = Meeting(None, server(require=True))
    assert not meeting.met
    assert meeting.client.connection.remote_condition is not None
    assert meeting.client.connection.remote_condition.name == "amqp:connection:policy-error"


def test_who_authenticates_is_let_in_where_it_is_required() -> None:
    assert Meeting(client("PLAIN", "joe", "secret"), server(require=True)).met
    assert Meeting(client("ANONYMOUS"), server(require=True)).refused()[0] == "amqp:unauthorized-access"


def test_encryption_may_be_required() -> None:
    meeting = Meeting(client("ANONYMOUS"), lambda end: end.transport.require_encryption(True))
    assert not meeting.met
    assert meeting.server.transport.condition is not None
    assert meeting.server.transport.condition.name == "amqp:connection:policy-error"


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_a_wrong_password(most: int) -> None:
    meeting = Meeting(client("PLAIN", "joe", "wrong"), server("PLAIN"), most)
    assert meeting.refused() == ["amqp:unauthorized-access"] * 2
    assert meeting.client.transport.sasl().outcome == SASL.AUTH
    assert meeting.client.names()[-4:] == [
        "TRANSPORT_ERROR", "TRANSPORT_TAIL_CLOSED", "TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED",
    ]
    assert "wrong" not in str(meeting.client.transport.condition)


def test_no_mechanism_in_common() -> None:
    meeting = Meeting(client("PLAIN", "joe", "secret"), server("ANONYMOUS"))
    assert meeting.refused()[0] == "amqp:unauthorized-access"
    assert "PLAIN" in str(meeting.client.transport.condition)


@pytest.mark.parametrize("ours, theirs", [(False, True), (True, False), (False, False)])
def test_plain_in_clear_needs_both_sides_to_allow_it(ours: bool, theirs: bool) -> None:
    meeting = Meeting(client("PLAIN", "joe", "secret", insecure=ours), server("PLAIN", insecure=theirs))
    assert meeting.refused()[0] == "amqp:unauthorized-access"


def test_a_server_that_takes_no_sasl() -> None:
    end = End("client", False, client("ANONYMOUS"))
    end.output()
    end.transport.push(AMQP_HEADER)
    condition = end.transport.condition
    assert condition is not None and condition.name == "amqp:connection:framing-error"
    assert "SASL" in str(condition.description)
    assert end.output() == b"" and end.transport.pending() < 0


def sasl(*frames: object) -> bytes:
    out = bytearray()
    for frame in frames:
        write_frame(out, 0, frame)  # type: ignore[arg-type]
    return bytes(out)


def test_an_outcome_before_any_mechanisms() -> None:
    end = End("client", False, client("ANONYMOUS"))
    end.transport.push(SASL_HEADER + sasl(SaslOutcome(0)))
    assert end.transport.condition is not None
    assert not end.transport.authenticated
    end.output()
    assert end.transport.closed


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_each_outcome_but_ok_is_a_refusal(code: int) -> None:
    end = End("client", False, client("ANONYMOUS"))
    end.transport.push(SASL_HEADER + sasl(SaslMechanisms(["ANONYMOUS"]), SaslOutcome(code)))
    assert end.transport.sasl().outcome == code
    condition = end.transport.condition
    assert condition is not None and condition.name == "amqp:unauthorized-access"
    end.output()
    assert end.transport.closed


def test_a_client_that_chooses_what_was_not_offered() -> None:
    end = End("server", True, server("ANONYMOUS"))
    end.transport.push(SASL_HEADER + sasl(SaslInit("PLAIN", b"\0joe\0secret")))
    data = end.output()
    assert data.startswith(SASL_HEADER)
    reader = FrameReader(SASL_FRAME)
    reader.feed(data[8:])
    assert [type(frame[1]) for frame in reader] == [SaslMechanisms, SaslOutcome]
    assert end.transport.closed
    assert end.transport.condition is not None
    assert end.transport.condition.name == "amqp:unauthorized-access"


def test_frames_of_amqp_amid_sasl() -> None:
    end = End("server", True, server("ANONYMOUS"))
    end.transport.push(SASL_HEADER + b"\x00\x00\x00\x08\x02\x00\x00\x00")
    end.output()
    assert end.transport.closed
    assert end.transport.condition is not None
    assert end.transport.condition.name == "amqp:connection:framing-error"


def test_a_huge_sasl_frame_is_not_awaited() -> None:
    end = End("server", True, server("ANONYMOUS"))
    end.transport.push(SASL_HEADER + b"\x7f\xff\xff\xff\x02\x01\x00\x00")
    assert end.transport.capacity() < 0


def test_a_second_sasl_exchange_is_refused() -> None:
    end = End("server", True, server("ANONYMOUS"))
    end.transport.push(SASL_HEADER + sasl(SaslInit("ANONYMOUS", b"")) + SASL_HEADER)
    assert end.transport.condition is not None
    assert end.transport.capacity() < 0


@pytest.mark.parametrize("stage", [b"", SASL_HEADER[:4], SASL_HEADER, SASL_HEADER + b"\0\0\0"])
@pytest.mark.parametrize("listens", [False, True])
def test_the_end_of_the_stream_amid_sasl(stage: bytes, listens: bool) -> None:
    end = End("end", listens, server("ANONYMOUS") if listens else client("ANONYMOUS"))
    end.output()
    if stage:
        end.transport.push(stage)
        end.output()
    end.transport.close_tail()
    end.output()
    assert end.transport.closed
    assert end.transport.condition is not None
    assert end.transport.condition.name == "amqp:connection:framing-error"
    assert end.names()[-1] in ("TRANSPORT_CLOSED", "TRANSPORT_ERROR")


def test_all_of_the_clients_part_may_come_in_one_piece() -> None:
    """A client may pipeline (section 5.3.2); what follows the SASL frames is AMQP."""
    end = End("server", True, server("ANONYMOUS"))
    hello = End("client").output()
    end.transport.push(SASL_HEADER + sasl(SaslInit("ANONYMOUS", b"")) + hello)
    assert end.connection.state == ACTIVE
    assert end.transport.user == "anonymous"


def test_the_order_of_a_good_exchange_s_events() -> None:
    meeting = Meeting(client("ANONYMOUS"), server("ANONYMOUS"))
    assert meeting.client.names()[:3] == ["CONNECTION_INIT", "CONNECTION_BOUND", "CONNECTION_LOCAL_OPEN"]
    for end in (meeting.client, meeting.server):
        assert [str(event.type) for event in end.told].count("PN_CONNECTION_REMOTE_OPEN") <= 1


def test_a_scripted_server_after_sasl() -> None:
    end = End("client", False, client("ANONYMOUS"))
    end.output()
    end.transport.push(SASL_HEADER + sasl(SaslMechanisms(["ANONYMOUS"]), SaslOutcome(0)))
    peer = ScriptedPeer(end)
    data = end.output()
    assert AMQP_HEADER in data
    peer._header = AMQP_HEADER
    peer._reader.feed(data[data.index(AMQP_HEADER) + 8:])
    assert [type(p).__name__ for _, p, _ in peer._reader] == ["Open"]
