"""``SASL``, what a program sees."""

from __future__ import annotations

import pytest

from syncproton.security import SASL, Negotiation


class FakeTransport:
    def __init__(self, server: bool = False) -> None:
        self.negotiation = Negotiation(server)

    def _sasl_negotiation(self) -> Negotiation:
        return self.negotiation


def test_constants_are_those_of_the_specification():
    assert (SASL.OK, SASL.AUTH, SASL.SYS, SASL.PERM, SASL.TEMP) == (0, 1, 2, 3, 4)
    assert SASL.extended() is True


def test_a_transport_has_one():
    transport = FakeTransport()
    assert SASL(transport) is SASL(transport)
    assert SASL(transport) != SASL(FakeTransport()) and SASL(transport) != "sasl"


def test_before_anything_has_happened():
    sasl = SASL(FakeTransport())
    assert (sasl.user, sasl.authorization, sasl.mech, sasl.outcome) == (None, None, None, None)
    assert sasl.allow_insecure_mechs is False and sasl.authenticator is None


def test_settings_reach_the_negotiation():
    transport = FakeTransport(server=True)
    sasl = SASL(transport)
    sasl.allow_insecure_mechs = True
    sasl.allowed_mechs("plain anonymous")
    sasl.config_path("/etc/somewhere")
    sasl.config_name("mine")
    sasl.authenticator = lambda mechanism, user, password: True
    negotiation = transport.negotiation
    assert sasl.allow_insecure_mechs and negotiation.allow_insecure_mechs
    assert negotiation.allowed_mechs == ["PLAIN", "ANONYMOUS"]
    assert (negotiation.config_path, negotiation.config_name) == ("/etc/somewhere", "mine")
    assert sasl.authenticator is negotiation.authenticator
    sasl.allowed_mechs(None)
    assert negotiation.allowed_mechs is None
    sasl.done(SASL.AUTH)
    assert sasl.outcome == SASL.AUTH


@pytest.mark.parametrize("names", [5, b"PLAIN", ["PLAIN", 5], object()])
def test_mechanisms_are_called_by_strings(names):
    sasl = SASL(FakeTransport())
    sasl.allowed_mechs("PLAIN")
    with pytest.raises(TypeError):
        sasl.allowed_mechs(names)
    assert sasl._negotiation.allowed_mechs == ["PLAIN"]


def test_users_of_both_sides():
    client, server = FakeTransport(), FakeTransport(server=True)
    client.negotiation.user = "joe"
    client.negotiation.authorization = "boss"
    assert SASL(client).user == "joe" and SASL(client).authorization is None
    client.negotiation.allow_insecure_mechs = server.negotiation.allow_insecure_mechs = True
    client.negotiation.password = "secret"
    server.negotiation.authenticator = lambda mechanism, user, password: password == "secret"
    client.negotiation.start()
    server.negotiation.start()
    for sender, receiver in ((server, client), (client, server), (server, client)):
        for body in sender.negotiation.output():
            receiver.negotiation.receive(body)
    for transport in (client, server):
        assert (SASL(transport).mech, SASL(transport).outcome) == ("PLAIN", SASL.OK)
    assert (SASL(server).user, SASL(server).authorization) == ("joe", "boss")
