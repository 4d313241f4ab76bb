"""What a program may ask of a peer's certificate.

``cryptography``, which parses it, is imported when the first one is looked at: most programs never do.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Dict, Optional, Tuple

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["CertificateView", "load_certificate", "subject_text"]


@lru_cache(maxsize=None)
def _short_names() -> "Dict[x509.ObjectIdentifier, str]":
    """OpenSSL's short names, which cryptography shows as numbers."""
    from cryptography.x509.oid import NameOID

    return {
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


# An algorithm identifier for ECDSA with parameters, a NULL, where RFC 5758 wants none.  Java's keytool wrote them so
# for years, and OpenSSL reads them; cryptography warns of them, or refuses.
_ECDSA_WITH_NULL = re.compile(rb"\x30\x0c(\x06\x08\x2a\x86\x48\xce\x3d\x04\x03[\x01-\x04])\x05\x00")


def load_certificate(der: bytes) -> x509.Certificate:
    """Parse a certificate, for its names; whether it is genuine is for OpenSSL to say.

    :raises ValueError: the bytes cannot be parsed.
    """
    from cryptography import x509

    return x509.load_der_x509_certificate(_without_nulls(der) or der)


def _without_nulls(der: bytes) -> Optional[bytes]:
    """The certificate without the parameters of its two ECDSA identifiers; None if it is not such a one."""
    if len(_ECDSA_WITH_NULL.findall(der)) != 2:
        return None
    whole, _ = _split(der)
    signed, signature = _split(whole)
    return _sequence(_sequence(_mend(signed)) + _mend(signature))


def _mend(der: bytes) -> bytes:
    return _ECDSA_WITH_NULL.sub(b"\x30\x0a\\1", der)


def _split(der: bytes) -> Tuple[bytes, bytes]:
    """What is in the sequence at the start of ``der``, and what comes after it."""
    if len(der) < 2:
        return b"", b""
    size, start = der[1], 2
    if size > 127:
        start += size & 127
        size = int.from_bytes(der[2:start], "big")
    return der[start:start + size], der[start + size:]


def _sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((0x30, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x30, 128 | len(octets))) + octets + content


def subject_text(certificate: x509.Certificate) -> str:
    """The subject as in RFC 4514: ``CN=host,OU=unit,O=organization``, the last part of the name first."""
    return certificate.subject.rfc4514_string(_short_names())


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
            self._certificate = load_certificate(self._der)
        return self._certificate

    @property
    def subject(self) -> Optional[str]:
        """The whole subject, see :func:`subject_text`; None if it cannot be parsed."""
        try:
            return subject_text(self.certificate)
        except ValueError:
            return None

    def subfield(self, oid: str) -> Optional[str]:
        """The first part of the subject of this kind; None if there is none or it cannot be parsed.

        :param oid: the object identifier of the kind: ``"2.5.4.3"`` for a common name.
        """
        from cryptography.x509 import ObjectIdentifier

        try:
            attributes = self.certificate.subject.get_attributes_for_oid(ObjectIdentifier(oid))
        except ValueError:
            return None
        return attributes[0].value if attributes and isinstance(attributes[0].value, str) else None

    def fingerprint(self, algorithm: str) -> str:
        """The hash of the certificate in lower-case hexadecimal.

        :param algorithm: its name in :mod:`hashlib`.
        """
        return hashlib.new(algorithm, self._der).hexdigest()
