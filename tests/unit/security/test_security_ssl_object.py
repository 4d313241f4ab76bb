"""``SSL``, what a program sees, and the certificate behind it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Optional

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import SignatureAlgorithmOID
from security_peers import ANONYMOUS, Pump, client_domain, make_certificate, server_domain

from syncproton.errors import SSLException
from syncproton.security import SSL, SSLDomain, SSLSessionDetails, TlsHolder
from syncproton.security.certificate import CertificateView


class FakeTransport:
    def __init__(self, server: bool = False) -> None:
        self.server = server
        self.holder = TlsHolder()

    def _attach_tls(self, domain: Optional[SSLDomain], session_details: Optional[SSLSessionDetails]) -> TlsHolder:
        self.holder.attach(domain, session_details, self.server)
        return self.holder


class BareTransport:
    def _attach_tls(self, domain: Optional[SSLDomain], session_details: Optional[SSLSessionDetails]) -> TlsHolder:
        return TlsHolder()


SUBFIELDS = (
    "get_cert_common_name", "get_cert_organization", "get_cert_organization_unit", "get_cert_locality_or_city",
    "get_cert_country", "get_cert_state_or_province",
)
FINGERPRINTS = {
    "get_cert_fingerprint_sha1": hashes.SHA1(),
    "get_cert_fingerprint_sha256": hashes.SHA256(),
    "get_cert_fingerprint_sha512": hashes.SHA512(),
    "get_cert_fingerprint_md5": hashes.MD5(),
}


def test_constants_are_those_of_proton():
    assert (SSL.SHA1, SSL.SHA256, SSL.SHA512, SSL.MD5) == (0, 1, 2, 3)
    assert (SSL.RESUME_UNKNOWN, SSL.RESUME_NEW, SSL.RESUME_REUSED) == (0, 1, 2)
    assert (
        SSL.CERT_COUNTRY_NAME, SSL.CERT_STATE_OR_PROVINCE, SSL.CERT_CITY_OR_LOCALITY, SSL.CERT_ORGANIZATION_NAME,
        SSL.CERT_ORGANIZATION_UNIT, SSL.CERT_COMMON_NAME,
    ) == (0, 1, 2, 3, 4, 5)
    assert SSL.present() is True


@pytest.mark.parametrize("transport", [FakeTransport(), BareTransport()], ids=["unspoken", "off"])
def test_before_the_handshake(transport):
    view = SSL(transport)
    for name in SUBFIELDS + tuple(FINGERPRINTS) + ("cipher_name", "protocol_name", "get_cert_subject"):
        assert getattr(view, name)() is None
    assert view.remote_subject is None and view.peer_hostname == ""


def test_resume_status_before_the_handshake():
    assert SSL(FakeTransport()).resume_status() == SSL.RESUME_NEW
    assert SSL(BareTransport()).resume_status() == SSL.RESUME_UNKNOWN


def test_the_host_name():
    transport = FakeTransport()
    view = SSL(transport)
    view.peer_hostname = "host"
    assert view.peer_hostname == "host" and transport.holder.layer.hostname == "host"
    view.peer_hostname = None
    assert view.peer_hostname == ""
    off = SSL(BareTransport())
    off.peer_hostname = "host"
    assert off.peer_hostname == ""


def test_two_of_one_transport(pki):
    transport, domain = FakeTransport(), client_domain(pki)
    view = SSL(transport, domain)
    assert SSL(transport, domain) == view and hash(SSL(transport)) == hash(view)
    assert view != SSL(FakeTransport(), domain) and view != "ssl"
    with pytest.raises(SSLException):
        SSL(transport, client_domain(pki))


def test_after_the_handshake(pki):
    client, server = FakeTransport(), FakeTransport(server=True)
    details = SSLSessionDetails("s")
    view = SSL(client, client_domain(pki), details)
    view.peer_hostname = "server.example.com"
    other = SSL(server, server_domain(pki))
    Pump(client.holder.layer, server.holder.layer).run()
    assert view.protocol_name() == other.protocol_name() == "TLSv1.3"
    assert view.cipher_name() == other.cipher_name() != ""
    assert view.resume_status() == SSL.RESUME_NEW
    assert view.remote_subject == view.get_cert_subject() and "O=trustme" in view.remote_subject
    assert view.get_cert_organization().startswith("trustme") and view.get_cert_country() is None
    assert other.remote_subject is None and other.get_cert_common_name() is None
    certificate = x509.load_pem_x509_certificate(Path(pki.server.cert).read_bytes())
    for name, algorithm in FINGERPRINTS.items():
        assert getattr(view, name)() == certificate.fingerprint(algorithm).hex()
    assert view.get_cert_fingerprint(40, SSL.SHA1) is None
    assert view.get_cert_fingerprint(41, 9) is None
    assert view.get_cert_subject_subfield(9) is None
    for wrong in ("CN", None, 1.5):
        with pytest.raises(TypeError):
            view.get_cert_subject_subfield(wrong)
        with pytest.raises(TypeError):
            view.get_cert_fingerprint(wrong, SSL.SHA1)
        with pytest.raises(TypeError):
            view.get_cert_fingerprint(41, wrong)

    again = FakeTransport()
    resumed = SSL(again, client.holder.layer.domain, details)
    resumed.peer_hostname = "server.example.com"
    peer = FakeTransport(server=True)
    SSL(peer, server.holder.layer.domain)
    Pump(again.holder.layer, peer.holder.layer).run()
    assert resumed.resume_status() == SSL.RESUME_REUSED
    assert resumed.remote_subject == view.remote_subject


def test_anonymous_tls_has_no_certificate(pki):
    client, server = FakeTransport(), FakeTransport(server=True)
    view = SSL(client, client_domain(pki, ANONYMOUS))
    SSL(server)
    Pump(client.holder.layer, server.holder.layer).run()
    assert view.protocol_name() == "TLSv1.2" and view.remote_subject is None
    assert view.get_cert_fingerprint_sha256() is None


def view_of(certificate: x509.Certificate) -> CertificateView:
    return CertificateView(certificate.public_bytes(serialization.Encoding.DER))


def test_a_subject_is_told_last_part_first():
    view = view_of(make_certificate("host", organization="Client, Inc.")[0])
    assert view.subject == "CN=host,O=Client\\, Inc."
    assert view.subfield("2.5.4.10") == "Client, Inc."
    assert view.subfield("2.5.4.6") is None


def test_a_certificate_that_cannot_be_parsed():
    view = CertificateView(b"no certificate")
    assert view.subject is None and view.subfield("2.5.4.3") is None
    assert view.fingerprint("sha1") == hashlib.sha1(b"no certificate").hexdigest()


def sequence(content: bytes) -> bytes:
    """DER of at least 128 bytes."""
    size = len(content)
    return b"\x30" + (bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")) + content


def test_an_elliptic_curve_certificate_as_older_java_writes_it():
    certificate = make_certificate("host", organization="Java")[0]
    assert certificate.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    older = bytes.fromhex("300c06082a8648ce3d0403020500")
    signed = certificate.tbs_certificate_bytes
    der = sequence(
        sequence(signed[2 + (signed[1] & 127):].replace(algorithm, older))
        + older + certificate.public_bytes(serialization.Encoding.DER).rpartition(algorithm)[2]
    )
    view = CertificateView(der)
    assert view.subject == "CN=host,O=Java"
    assert view.fingerprint("sha1") == hashlib.sha1(der).hexdigest()
