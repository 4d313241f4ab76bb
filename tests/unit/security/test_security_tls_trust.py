"""Who trusts whom: certificates, names and anonymous TLS between two layers."""

from __future__ import annotations

import pytest
from security_peers import ANONYMOUS, VERIFY, VERIFY_NAME, Pump, client_domain, server_domain

from syncproton.security import SSLDomain, TlsLayer


def shake(client_domain, server_domain, host="server.example.com") -> Pump:
    client = TlsLayer(client_domain, False, host)
    client.send(b"only for those we trust")
    return Pump(client, TlsLayer(server_domain, True)).run()


def succeeded(pump: Pump) -> bool:
    if pump.client_error is None and pump.server_error is None:
        assert bytes(pump.at_server) == b"only for those we trust"
        return True
    assert not pump.at_server and pump.client_error is not None
    return False


@pytest.mark.parametrize(
    "host", ["server.example.com", "SERVER.Example.COM", "server.example.com.", "127.0.0.1", "::1"]
)
def test_the_host_wanted(pki, host):
    assert succeeded(shake(client_domain(pki), server_domain(pki), host))


@pytest.mark.parametrize("host", ["example.com", "x.server.example.com", "127.0.0.2", "localhost"])
def test_another_host(pki, host):
    pump = shake(client_domain(pki), server_domain(pki), host)
    assert not succeeded(pump)
    start, names = str(pump.client_error).split(", but for ")
    assert start == f"SSL Failure: certificate verify failed: hostname mismatch, it is not valid for {host!r}"
    assert "'server.example.com'" in names and "127.0.0.1" in names
    assert not pump.server.handshaken


@pytest.mark.parametrize("host", [None, ""])
def test_no_host_to_check_fails_closed(pki, host):
    pump = shake(client_domain(pki), server_domain(pki), host)
    assert not succeeded(pump) and "no host name to check" in str(pump.client_error)


def test_the_name_does_not_count_when_it_need_not(pki):
    assert succeeded(shake(client_domain(pki, VERIFY), server_domain(pki), "other.example.com"))
    assert succeeded(shake(client_domain(pki, VERIFY), server_domain(pki), None))


@pytest.mark.parametrize("mode", [VERIFY, VERIFY_NAME])
def test_an_authority_we_do_not_trust(pki, mode):
    pump = shake(client_domain(pki, mode, pki.other_ca), server_domain(pki))
    assert not succeeded(pump)
    assert pump.client_error == (
        "SSL Failure: certificate verify failed: unable to get local issuer certificate "
        "(its authority is not trusted here)"
    )
    assert pump.server_error == "SSL Failure: tlsv1 alert unknown ca (the peer does not trust our certificate)"


def test_first_settings_trust_the_system_only(pki):
    pump = shake(SSLDomain(SSLDomain.MODE_CLIENT), server_domain(pki))
    assert not succeeded(pump) and "certificate verify failed" in str(pump.client_error)


def test_an_anonymous_client_asks_for_nothing(pki):
    pump = shake(client_domain(pki, ANONYMOUS), server_domain(pki), "other.example.com")
    assert succeeded(pump) and pump.client.protocol_name == "TLSv1.3"


def test_a_common_name_without_alternative_names(pki):
    domain = client_domain(pki, VERIFY_NAME, pki.cn_only.cert)
    assert succeeded(shake(domain, server_domain(pki, pki.cn_only), "CN.example.com"))
    assert not succeeded(shake(domain, server_domain(pki, pki.cn_only), "cn2.example.com"))


def test_client_certificates(pki):
    pump = shake(client_domain(pki, identity=pki.client), server_domain(pki, mode=VERIFY))
    assert succeeded(pump)
    assert pump.server.peer is not None and pump.server.peer.subject == pump.server.external_identity
    assert pump.client.external_identity == pump.server.external_identity
    assert str(pump.server.external_identity).startswith("CN=joe,")
    assert str(pump.server.external_identity).endswith(",O=Client")


def test_no_client_certificate(pki):
    pump = shake(client_domain(pki), server_domain(pki, mode=VERIFY))
    assert pump.server_error == "SSL Failure: peer did not return a certificate"
    assert "certificate required (the peer wants a certificate of us)" in str(pump.client_error)
    assert not pump.at_server


def test_a_client_certificate_of_a_stranger(pki):
    pump = shake(client_domain(pki, identity=pki.cn_only), server_domain(pki, mode=VERIFY))
    assert "certificate verify failed: self" in str(pump.server_error) and not pump.at_server


def test_a_client_certificate_nobody_asked_for(pki):
    pump = shake(client_domain(pki, identity=pki.client), server_domain(pki))
    assert succeeded(pump) and pump.server.peer is None and pump.server.external_identity is None


def test_a_server_that_checks_a_name_it_does_not_know_fails_closed(pki):
    pump = shake(client_domain(pki, identity=pki.client), server_domain(pki, mode=VERIFY_NAME))
    assert "no host name to check" in str(pump.server_error) and not pump.at_server


def test_anonymous_tls_when_neither_has_credentials(pki):
    pump = shake(client_domain(pki, ANONYMOUS), SSLDomain(SSLDomain.MODE_SERVER))
    assert succeeded(pump)
    for layer in (pump.client, pump.server):
        assert layer.protocol_name == "TLSv1.2" and layer.peer is None and layer.external_identity is None
        assert "ADH" in str(layer.cipher_name) or "AECDH" in str(layer.cipher_name)


@pytest.mark.parametrize("mode", [VERIFY, VERIFY_NAME])
def test_a_client_that_verifies_does_no_anonymous_tls(pki, mode):
    pump = shake(client_domain(pki, mode), SSLDomain(SSLDomain.MODE_SERVER))
    assert not succeeded(pump)
    assert "no shared cipher" in str(pump.server_error) and "without a certificate" in str(pump.server_error)


def test_a_server_with_credentials_does_no_anonymous_tls(pki):
    assert not [c for c in server_domain(pki).context.get_ciphers() if "Au=None" in c["description"]]
    assert not [c for c in client_domain(pki).context.get_ciphers() if "Au=None" in c["description"]]
