"""The negotiation: a client and a server against each other."""

from __future__ import annotations

import pytest

from syncproton.codec import symbol
from syncproton.security import Negotiation
from syncproton.security.sasl.negotiation import AUTH, OK, PERM, SYS
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome


def joe(mechanism: str, user: str, password: str) -> bool:
    return (user, password) == ("joe", "secret")


def make_client(user=None, password=None, mechs=None, insecure=False) -> Negotiation:
    client = Negotiation(server=False)
    client.user, client.password, client.allow_insecure_mechs = user, password, insecure
    client.allow(mechs)
    return client


def make_server(mechs=None, insecure=False, authenticator=None) -> Negotiation:
    server = Negotiation(server=True)
    server.allow_insecure_mechs, server.authenticator = insecure, authenticator
    server.allow(mechs)
    return server


def run(client: Negotiation, server: Negotiation) -> "list[object]":
    """Carry bodies both ways until neither has any; returns them all."""
    client.start()
    server.start()
    seen = []
    moved = True
    while moved:
        moved = False
        for sender, receiver in ((server, client), (client, server)):
            for body in sender.output():
                moved = True
                seen.append(body)
                receiver.receive(body)
    return seen


def test_anonymous_when_there_is_nothing_else():
    client, server = make_client(), make_server()
    seen = run(client, server)
    assert [type(body) for body in seen] == [SaslMechanisms, SaslInit, SaslOutcome]
    assert seen[0].sasl_server_mechanisms == ["ANONYMOUS"]
    for side in (client, server):
        assert side.done and side.outcome == OK and side.error is None and side.mechanism == "ANONYMOUS"
    assert (server.authenticated_user, server.authorization) == ("anonymous", "anonymous")
    assert client.authenticated_user is None


def test_anonymous_does_not_tell_the_host_or_the_user():
    seen = run(make_client("joe", "secret"), make_server())
    assert seen[1].initial_response == b"anonymous"


def test_plain():
    client, server = make_client("joe", "secret", insecure=True), make_server(None, True, joe)
    client.hostname = "virtual"
    seen = run(client, server)
    assert seen[0].sasl_server_mechanisms == ["PLAIN", "ANONYMOUS"]
    assert (seen[1].mechanism, seen[1].initial_response, seen[1].hostname) == ("PLAIN", b"\0joe\0secret", "virtual")
    assert client.outcome == server.outcome == OK
    assert (server.authenticated_user, server.authorization) == ("joe", "joe")


def test_plain_over_tls_needs_no_leave():
    client, server = make_client("joe", "secret"), make_server(None, False, joe)
    client.encrypted = server.encrypted = True
    run(client, server)
    assert client.mechanism == "PLAIN" and server.outcome == OK


def test_plain_for_somebody_else_is_told_to_the_program():
    client, server = make_client("joe", "secret", insecure=True), make_server(None, True, joe)
    client.authorization = "boss"
    run(client, server)
    assert (server.authenticated_user, server.authorization) == ("joe", "boss")


def test_wrong_password():
    client, server = make_client("joe", "wrong", insecure=True), make_server("PLAIN", True, joe)
    run(client, server)
    assert client.done and server.done
    assert client.outcome == server.outcome == AUTH
    assert client.error == ("amqp:unauthorized-access", "Authentication failed [mech=PLAIN]")
    assert server.error == (
        "amqp:unauthorized-access", "wrong user name or password (Failed to authenticate client [mech=PLAIN])"
    )
    assert server.authenticated_user is None


@pytest.mark.parametrize(
    "user, password, insecure, reason",
    [
        ("joe", "secret", False, "PLAIN (the password would travel in clear; use TLS or allow_insecure_mechs)"),
        ("joe", None, True, "PLAIN (no password)"),
        (None, None, True, "PLAIN (no user name)"),
        ("joe", "a\0b", True, "PLAIN (the user name or password has a NUL or is not Unicode text)"),
        ("joe", "\udc80", True, "PLAIN (the user name or password has a NUL or is not Unicode text)"),
    ],
)
def test_nothing_the_client_can_use(user, password, insecure, reason):
    client, server = make_client(user, password, None, insecure), make_server("PLAIN", True, joe)
    run(client, server)
    assert client.done and client.outcome == PERM and client.mechanism is None
    assert client.error == (
        "amqp:unauthorized-access", f"no usable mechanism: {reason} (Authentication failed [mech=none])"
    )
    assert not server.done and server.outcome is None


def test_falls_back_on_anonymous_when_plain_is_not_allowed():
    client, server = make_client("joe", "secret"), make_server(None, True, joe)
    run(client, server)
    assert client.mechanism == "ANONYMOUS" and client.outcome == OK


@pytest.mark.parametrize(
    ("user", "password", "mechanism"),
    [("joe", "secret", None), ("joe", None, "ANONYMOUS"), (None, None, "ANONYMOUS")],
)
def test_a_login_does_not_become_anonymous_where_other_logins_are_offered(user, password, mechanism):
    client = make_client(user, password)
    client.start()
    client.receive(SaslMechanisms([symbol("SCRAM-SHA-256"), symbol("ANONYMOUS")]))
    assert client.mechanism == mechanism
    if mechanism is None:
        assert client.outcome == PERM and client.error is not None
        assert "ANONYMOUS (a login was asked for, and of SCRAM-SHA-256 none can be spoken)" in client.error.description


def test_no_shared_mechanism():
    client, server = make_client("joe", "secret", "PLAIN", True), make_server("ANONYMOUS")
    run(client, server)
    assert client.error is not None and client.error.description == (
        "no shared mechanism: the server offers ANONYMOUS, we allow PLAIN (Authentication failed [mech=none])"
    )


@pytest.mark.parametrize("mechs", [["plain", "Anonymous"], "plain Anonymous", ("PLAIN", "ANONYMOUS")])
def test_allowed_mechanisms_may_be_written_anyhow(mechs):
    client, server = make_client("joe", "secret", mechs, True), make_server(mechs, True, joe)
    run(client, server)
    assert client.mechanism == "PLAIN"


def test_plain_is_not_offered_in_clear_without_leave():
    server = make_server(None, False, joe)
    server.start()
    assert server.output()[0].sasl_server_mechanisms == ["ANONYMOUS"]


def test_plain_is_not_offered_without_users():
    server = make_server(None, True)
    server.start()
    assert server.output()[0].sasl_server_mechanisms == ["ANONYMOUS"]


def test_anonymous_is_not_offered_when_authentication_is_required():
    server = make_server()
    server.require_auth = True
    server.start()
    assert server.output()[0].sasl_server_mechanisms == []


def test_external():
    client, server = make_client("joe", "secret", None, True), make_server(None, True, joe)
    client.external_identity = server.external_identity = "CN=joe,O=Client"
    client.encrypted = server.encrypted = True
    seen = run(client, server)
    assert seen[0].sasl_server_mechanisms == ["EXTERNAL", "PLAIN", "ANONYMOUS"]
    assert client.mechanism == server.mechanism == "EXTERNAL" and seen[1].initial_response == b""
    assert (server.authenticated_user, server.authorization) == ("CN=joe,O=Client", "CN=joe,O=Client")


def test_external_needs_a_certificate_of_the_client():
    client, server = make_client(mechs="EXTERNAL"), make_server()
    client.encrypted = server.encrypted = True
    server.external_identity = "CN=joe"
    run(client, server)
    assert client.error is not None and "EXTERNAL (no client certificate)" in client.error.description


def test_external_for_somebody_else_is_told_to_the_program():
    client, server = make_client(), make_server()
    client.external_identity = server.external_identity = "CN=joe"
    client.authorization = "boss"
    run(client, server)
    assert (server.authenticated_user, server.authorization) == ("CN=joe", "boss")


def test_an_authenticator_that_raises_refuses_the_client_and_says_so(caplog):
    def broken(mechanism, user, password):
        raise KeyError(user)

    client, server = make_client("joe", "secret", None, True), make_server(None, True, broken)
    run(client, server)
    assert client.outcome == server.outcome == SYS
    assert client.error.description == "system error (Authentication failed [mech=PLAIN])"
    assert server.error.description.startswith("the authenticator raised KeyError")
    assert "the authenticator failed" in caplog.text and "secret" not in caplog.text


def test_a_program_can_refuse_a_client_before_it_speaks():
    client, server = make_client(), make_server()
    server.refuse(AUTH)
    assert server.outcome == AUTH
    run(client, server)
    assert client.outcome == server.outcome == AUTH
    assert server.error.description == "refused by the program (Failed to authenticate client [mech=ANONYMOUS])"


def test_a_program_cannot_let_anyone_in():
    client, server = make_client("joe", "wrong", None, True), make_server(None, True, joe)
    server.refuse(OK)
    run(client, server)
    assert server.outcome == AUTH


def test_secrets_are_not_shown_and_forgotten_at_the_end():
    client, server = make_client("joe", "hunter2", None, True), make_server(None, True, joe)
    assert "hunter2" not in repr(client)
    seen = run(client, server)
    assert client.password is None
    assert "hunter2" not in repr([client, server, client.error, server.error, seen])
