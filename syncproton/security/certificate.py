"""What a program may ask of a peer's certificate."""

from __future__ import annotations

from typing import Dict, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID, ObjectIdentifier

__all__ = ["CertificateView", "subject_text"]

# OpenSSL's short names, which cryptography shows as numbers.
_SHORT_NAMES: Dict[ObjectIdentifier, str] = {
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "GN",
    NameOID.TITLE: "title",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.PSEUDONYM: "pseudonym",
    NameOID.GENERATION_QUALIFIER: "generationQualifier",
    NameOID.BUSINESS_CATEGORY: "businessCategory",
    NameOID.POSTAL_CODE: "postalCode",
}


def subject_text(certificate: x509.Certificate) -> str:
    """The subject as in RFC 4514: ``CN=host,OU=unit,O=organization``, the last part of the name first."""
    return certificate.subject.rfc4514_string(_SHORT_NAMES)


class CertificateView:
    """A certificate in DER, parsed when first asked."""

    __slots__ = ("_certificate", "_der")

    def __init__(self, der: bytes) -> None:
        self._der = der
        self._certificate: Optional[x509.Certificate] = None

    @property
    def certificate(self) -> x509.Certificate:
        """The parsed certificate.

        :raises ValueError: the bytes cannot be parsed.
        """
        if self._certificate is None:
            self._certificate = x509.load_der_x509_certificate(self._der)
        return self._certificate

    @property
    def subject(self) -> Optional[str]:
        """The whole subject, see :func:`subject_text`; None if it cannot be parsed."""
        try:
            return subject_text(self.certificate)
        except ValueError:
            return None

    def subfield(self, oid: ObjectIdentifier) -> Optional[str]:
        """The first part of the subject of this kind; None if there is none or it cannot be parsed."""
        try:
            attributes = self.certificate.subject.get_attributes_for_oid(oid)
        except ValueError:
            return None
        return attributes[0].value if attributes and isinstance(attributes[0].value, str) else None

    def fingerprint(self, algorithm: hashes.HashAlgorithm) -> str:
        """The hash of the certificate in lower-case hexadecimal."""
        digest = hashes.Hash(algorithm)
        digest.update(self._der)
        return digest.finalize().hex()
