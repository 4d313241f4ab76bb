"""``SSLDomain``: settings that are taken, and settings that are refused with the reason."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from syncproton.errors import SSLException, TransportException
from syncproton.security import SSLDomain, SSLSessionDetails

CLIENT, SERVER = SSLDomain.MODE_CLIENT, SSLDomain.MODE_SERVER
ANONYMOUS, VERIFY, VERIFY_NAME = SSLDomain.ANONYMOUS_PEER, SSLDomain.VERIFY_PEER, SSLDomain.VERIFY_PEER_NAME


def test_constants_are_those_of_proton():
    assert (CLIENT, SERVER) == (1, 2)
    assert (VERIFY, ANONYMOUS, VERIFY_NAME) == (1, 2, 3)
    assert issubclass(SSLException, TransportException)


def test_first_settings():
    client, server = SSLDomain(CLIENT), SSLDomain(SERVER)
    assert client.verifies and client.verifies_name and not client.server
    assert not server.verifies and not server.verifies_name and server.server
    assert client.context.verify_mode is ssl.CERT_REQUIRED and server.context.verify_mode is ssl.CERT_NONE
    for domain in (client, server):
        assert domain.context.minimum_version is ssl.TLSVersion.TLSv1_2 and not domain.unsecured_allowed


@pytest.mark.parametrize("mode", [0, 3, None, "client"])
def test_a_mode_that_is_none(mode):
    with pytest.raises(ValueError):
        SSLDomain(mode)


def test_every_setting_answers_nought(pki):
    client, server = SSLDomain(CLIENT), SSLDomain(SERVER)
    assert client.set_trusted_ca_db(pki.ca) == 0
    assert [client.set_peer_authentication(mode) for mode in (VERIFY, VERIFY_NAME, ANONYMOUS)] == [0, 0, 0]
    assert server.set_credentials(pki.server.cert, pki.server.key, None) == 0
    assert server.set_peer_authentication(VERIFY, pki.ca) == 0
    assert server.allow_unsecured_client() == 0 and server.unsecured_allowed


@pytest.mark.parametrize("mode", [VERIFY, VERIFY_NAME])
def test_a_server_needs_credentials_and_authorities_to_verify(pki, mode):
    server = SSLDomain(SERVER)
    with pytest.raises(SSLException, match="before set_credentials"):
        server.set_peer_authentication(mode, pki.ca)
    server.set_credentials(pki.server.cert, pki.server.key, None)
    with pytest.raises(SSLException, match="needs trusted_CAs"):
        server.set_peer_authentication(mode)
    assert not server.verifies


@pytest.mark.parametrize(
    "setting",
    [
        lambda domain, pki: domain.set_credentials("nowhere.pem", pki.client.key, None),
        lambda domain, pki: domain.set_credentials(pki.client.cert, "nowhere.key", None),
        lambda domain, pki: domain.set_credentials(pki.client.cert, pki.server.key, None),
        lambda domain, pki: domain.set_credentials(pki.client.key, pki.client.key, None),
        lambda domain, pki: domain.set_trusted_ca_db("nowhere.pem"),
        lambda domain, pki: domain.set_trusted_ca_db(pki.server.key),
        lambda domain, pki: domain.set_peer_authentication(ANONYMOUS, "nowhere.pem"),
        lambda domain, pki: domain.set_peer_authentication(9),
        lambda domain, pki: domain.allow_unsecured_client(),
    ],
)
def test_what_is_refused_leaves_the_settings_alone(pki, setting):
    domain = SSLDomain(CLIENT)
    domain.set_credentials(pki.client.cert, pki.client.key, None)
    subject, context = domain.own_subject, domain.context
    with pytest.raises(SSLException):
        setting(domain, pki)
    assert domain.own_subject == subject and domain.context is context and domain.verifies_name
    assert not domain.unsecured_allowed


def test_authorities_only_told_of_must_be_readable_too(pki):
    domain = SSLDomain(SERVER)
    domain.set_credentials(pki.server.cert, pki.server.key, None)
    domain.set_trusted_ca_db(pki.ca)
    with pytest.raises(SSLException, match="nowhere.pem"):
        domain.set_peer_authentication(VERIFY, "nowhere.pem")
    domain.set_peer_authentication(VERIFY, pki.other_ca)
    authorities = domain.context.get_ca_certs(binary_form=True)
    assert len(authorities) == 1 and ssl.DER_cert_to_PEM_cert(authorities[0]).strip() == (
        Path(pki.ca).read_text("ascii").strip()
    )


def test_the_reason_names_the_file(pki):
    with pytest.raises(SSLException, match="nowhere.pem: No such file or directory"):
        SSLDomain(CLIENT).set_trusted_ca_db("nowhere.pem")
    with pytest.raises(SSLException, match="client.pem, .*server.key: key values mismatch"):
        SSLDomain(CLIENT).set_credentials(pki.client.cert, pki.server.key, None)


def test_a_directory_of_authorities(pki, tmp_path):
    assert SSLDomain(CLIENT).set_trusted_ca_db(str(tmp_path)) == 0


def test_key_and_certificate_in_one_file(pki, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(Path(pki.client.key).read_bytes() + Path(pki.client.cert).read_bytes())
    domain = SSLDomain(CLIENT)
    domain.set_credentials(str(both))
    assert str(domain.own_subject).startswith("CN=joe,")


def test_an_encrypted_key(pki):
    key = pki.encrypted_key(pki.client, b"hunter2")
    domain = SSLDomain(CLIENT)
    domain.set_credentials(pki.client.cert, key, "hunter2")
    assert "hunter2" not in repr(domain)
    with pytest.raises(SSLException) as caught:
        SSLDomain(CLIENT).set_credentials(pki.client.cert, key, "hunter3")
    assert "hunter" not in str(caught.value)
    with pytest.raises(SSLException, match="encrypted and there is no password"):
        SSLDomain(CLIENT).set_credentials(pki.client.cert, key, None)
    assert SSLDomain(CLIENT).set_credentials(pki.client.cert, pki.client.key, "not needed") == 0


def test_the_system_is_asked_only_when_needed(pki, monkeypatch):
    asked = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda self, purpose: asked.append(purpose))
    client = SSLDomain(CLIENT)
    assert not asked
    client.context, client.context
    assert asked == [ssl.Purpose.SERVER_AUTH]
    client.set_trusted_ca_db(pki.ca)
    client.context
    SSLDomain(SERVER).context
    assert len(asked) == 1


def test_session_details():
    assert SSLSessionDetails("host:5671").get_session_id() == "host:5671"
