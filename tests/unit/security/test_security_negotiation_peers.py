"""The negotiation against peers that keep to the letter, to other letters, or to none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncproton.codec import symbol
from syncproton.errors import ProtocolError
from syncproton.security import Negotiation
from syncproton.security.sasl.negotiation import AUTH, OK, State
from syncproton.wire.sasl_frames import SaslChallenge, SaslInit, SaslMechanisms, SaslOutcome, SaslResponse

BODIES = {
    SaslMechanisms: lambda: SaslMechanisms([symbol("ANONYMOUS")]),
    SaslInit: lambda: SaslInit(symbol("ANONYMOUS")),
    SaslChallenge: lambda: SaslChallenge(b""),
    SaslResponse: lambda: SaslResponse(b""),
    SaslOutcome: lambda: SaslOutcome(0),
}


def started(server: bool) -> Negotiation:
    negotiation = Negotiation(server)
    negotiation.start()
    return negotiation


@pytest.mark.parametrize("server, expected", [(False, SaslMechanisms), (True, SaslInit)])
@pytest.mark.parametrize("kind", list(BODIES))
def test_only_one_body_may_come_first(server, expected, kind):
    negotiation = started(server)
    if kind is expected:
        negotiation.receive(BODIES[kind]())
        return
    with pytest.raises(ProtocolError) as caught:
        negotiation.receive(BODIES[kind]())
    assert caught.value.condition == "amqp:connection:framing-error"
    assert kind.NAME in caught.value.description
    assert not negotiation.done


@pytest.mark.parametrize("server", [False, True])
@pytest.mark.parametrize("kind", list(BODIES))
def test_nothing_may_come_before_the_start_or_after_the_end(server, kind):
    negotiation = Negotiation(server)
    with pytest.raises(ProtocolError):
        negotiation.receive(BODIES[kind]())
    negotiation.start()
    for first in (SaslInit,) if server else (SaslMechanisms, SaslOutcome):
        negotiation.receive(BODIES[first]())
    assert negotiation.done
    with pytest.raises(ProtocolError):
        negotiation.receive(BODIES[kind]())


@given(st.booleans(), st.lists(st.sampled_from(list(BODIES)), max_size=8))
def test_any_order_ends_in_the_table_or_in_a_protocol_error(server, kinds):
    negotiation = started(server)
    for kind in kinds:
        try:
            negotiation.receive(BODIES[kind]())
        except ProtocolError:
            break
        negotiation.output()
    assert negotiation.done == (negotiation.state is State.ENDED)
    assert negotiation.done == (negotiation.outcome is not None)
    if negotiation.outcome not in (None, OK):
        assert negotiation.error is not None


@pytest.mark.parametrize("code, words", [(1, ""), (2, "system error "), (3, "permanent system error "), (77, "")])
def test_a_client_takes_any_bad_outcome_for_a_failure(code, words):
    client = started(False)
    client.receive(SaslMechanisms([symbol("ANONYMOUS")]))
    client.receive(SaslOutcome(code))
    assert client.done and client.outcome == code
    expected = "Authentication failed [mech=ANONYMOUS]"
    assert client.error == ("amqp:unauthorized-access", f"{words}({expected})" if words else expected)


def test_a_client_meets_mechanisms_it_never_heard_of():
    client = started(False)
    client.receive(SaslMechanisms([symbol("X-\nFORGED LOG LINE"), symbol("GSSAPI")] * 1000))
    assert client.error is not None
    assert "GSSAPI" in client.error.description and "\n" not in client.error.description
    assert len(client.error.description) < 2000


def test_a_client_is_offered_nothing():
    client = started(False)
    client.receive(SaslMechanisms([]))
    assert client.error is not None and "the server offers none" in client.error.description


def test_a_client_is_challenged_by_a_mechanism_without_challenges():
    client = started(False)
    client.receive(SaslMechanisms([symbol("ANONYMOUS")]))
    client.receive(SaslChallenge(b"who?"))
    assert client.done and client.outcome == AUTH
    assert client.error.description == (
        "the server sent a challenge, and ANONYMOUS knows none (Authentication failed [mech=ANONYMOUS])"
    )


def plain_server() -> Negotiation:
    server = Negotiation(server=True)
    server.allow_insecure_mechs = True
    server.authenticator = lambda mechanism, user, password: (user, password) == ("joe", "secret")
    server.start()
    server.output()
    return server


def test_a_server_asks_for_what_the_client_did_not_say_at_first():
    server = plain_server()
    server.receive(SaslInit(symbol("PLAIN")))
    assert [body.challenge for body in server.output()] == [b""]
    server.receive(SaslResponse(b"\0joe\0secret"))
    assert server.output()[0].code == OK and server.authenticated_user == "joe"


def test_external_without_an_initial_response():
    server = Negotiation(server=True)
    server.external_identity = "CN=joe"
    server.start()
    server.receive(SaslInit(symbol("EXTERNAL")))
    assert not server.done
    server.receive(SaslResponse(b""))
    assert server.authenticated_user == "CN=joe"


@pytest.mark.parametrize(
    "message",
    [b"", b"joe", b"joe\0secret", b"\0joe\0secret\0", b"\0\0secret", b"\0joe\0", b"\xff\0joe\0secret", b"a" * 5000],
)
def test_plain_messages_that_are_none(message):
    server = plain_server()
    server.receive(SaslInit(symbol("PLAIN"), message))
    assert server.output()[0].code == AUTH and server.outcome == AUTH
    assert "secret" not in server.error.description


def test_external_with_bytes_that_are_no_text():
    server = Negotiation(server=True)
    server.external_identity = "CN=joe"
    server.start()
    server.receive(SaslInit(symbol("EXTERNAL"), b"\xff"))
    assert server.outcome == AUTH


def test_a_mechanism_that_was_not_offered():
    server = started(True)
    server.output()
    server.receive(SaslInit(symbol("PLAIN"), b"\0joe\0secret"))
    assert server.output()[0].code == AUTH
    assert server.error.description == (
        "the client chose a mechanism that was not offered (Failed to authenticate client [mech=PLAIN])"
    )


def test_a_mechanism_in_lower_case():
    server = started(True)
    server.receive(SaslInit(symbol("anonymous")))
    assert server.outcome == OK


def test_starting_twice_offers_once():
    server = started(True)
    server.start()
    assert len(server.output()) == 1 and server.output() == []
