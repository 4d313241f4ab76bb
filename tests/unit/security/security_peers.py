"""Certificates and pairs of TLS layers for the tests of security."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncproton.errors import SSLException
from syncproton.security import SSLDomain, TlsLayer

ANONYMOUS, VERIFY, VERIFY_NAME = SSLDomain.ANONYMOUS_PEER, SSLDomain.VERIFY_PEER, SSLDomain.VERIFY_PEER_NAME


class Identity(NamedTuple):
    cert: str
    key: str


def make_certificate(
    common_name: Optional[str], names: Optional[List[str]] = None, organization: Optional[str] = None
) -> Tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A self-signed certificate with exactly these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = []
    if organization is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    if common_name is not None:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    subject = x509.Name(attributes)
    now = datetime.datetime(2024, 1, 1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36500))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return builder.sign(key, hashes.SHA256()), key


class Pki:
    """An authority, what it has certified, and a stranger's authority."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority = trustme.CA()
        self.ca = str(directory / "ca.pem")
        authority.cert_pem.write_to_path(self.ca)
        self.other_ca = str(directory / "other_ca.pem")
        trustme.CA().cert_pem.write_to_path(self.other_ca)
        self.server = self._save("server", authority.issue_cert("server.example.com", "127.0.0.1", "::1"))
        self.client = self._save(
            "client", authority.issue_cert("c@example.com", common_name="joe", organization_name="Client")
        )
        self.cn_only = self.self_signed("cn_only", "cn.example.com")

    def self_signed(self, name: str, common_name: str) -> Identity:
        certificate, key = make_certificate(common_name)
        identity = Identity(str(self.directory / f"{name}.pem"), str(self.directory / f"{name}.key"))
        Path(identity.cert).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        Path(identity.key).write_bytes(self.private_bytes(key, serialization.NoEncryption()))
        return identity

    def encrypted_key(self, identity: Identity, password: bytes) -> str:
        """The path of the same private key, encrypted."""
        key = serialization.load_pem_private_key(Path(identity.key).read_bytes(), None)
        path = self.directory / "encrypted.key"
        path.write_bytes(self.private_bytes(key, serialization.BestAvailableEncryption(password)))
        return str(path)

    @staticmethod
    def private_bytes(key: object, encryption: serialization.KeySerializationEncryption) -> bytes:
        return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )

    def _save(self, name: str, leaf: trustme.LeafCert) -> Identity:
        identity = Identity(str(self.directory / f"{name}.pem"), str(self.directory / f"{name}.key"))
        leaf.cert_chain_pems[0].write_to_path(identity.cert)
        leaf.private_key_pem.write_to_path(identity.key)
        return identity


def client_domain(pki, mode=VERIFY_NAME, ca=None, identity=None) -> SSLDomain:
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    if identity is not None:
        domain.set_credentials(identity.cert, identity.key, None)
    if mode != ANONYMOUS:
        domain.set_trusted_ca_db(ca or pki.ca)
    domain.set_peer_authentication(mode)
    return domain


def server_domain(pki, identity=None, mode=ANONYMOUS) -> SSLDomain:
    domain = SSLDomain(SSLDomain.MODE_SERVER)
    identity = identity or pki.server
    domain.set_credentials(identity.cert, identity.key, None)
    if mode != ANONYMOUS:
        domain.set_peer_authentication(mode, pki.ca)
    return domain


def client_layer(pki, host: Optional[str] = "server.example.com", domain=None, details=None) -> TlsLayer:
    return TlsLayer(domain or client_domain(pki), False, host, details)


class Pump:
    """Carries bytes between two layers, ``step`` at a time, and keeps what comes out and what goes wrong."""

    def __init__(self, client: TlsLayer, server: TlsLayer, step: int = 1 << 30) -> None:
        self.client, self.server, self.step = client, server, step
        self.at_client, self.at_server = bytearray(), bytearray()
        self.client_error: Optional[str] = None
        self.server_error: Optional[str] = None

    def run(self) -> "Pump":
        while self._carry(self.client, self.server, self.at_server) | self._carry(
            self.server, self.client, self.at_client
        ):
            pass
        return self

    def _carry(self, sender: TlsLayer, receiver: TlsLayer, plaintext: bytearray) -> bool:
        data = sender.output()
        for start in range(0, len(data), self.step):
            try:
                plaintext += receiver.receive(data[start:start + self.step])
            except SSLException as error:
                if receiver is self.client:
                    self.client_error = str(error)
                else:
                    self.server_error = str(error)
                break
        return bool(data)
