"""``SSL``: a program's view of a transport's TLS layer."""

from __future__ import annotations

import hashlib
from operator import index
from typing import Dict, Optional

from typing_extensions import Protocol

from syncproton.security.ssl_domain import SSLDomain, SSLSessionDetails
from syncproton.security.tls import TlsHolder, TlsLayer

__all__ = ["SSL", "TlsTransport"]


class TlsTransport(Protocol):
    """What ``SSL`` needs of a transport."""

    def _attach_tls(
        self, domain: Optional[SSLDomain], session_details: Optional[SSLSessionDetails]
    ) -> TlsHolder:
        """Turn TLS on with these settings if it is off (:meth:`TlsHolder.attach`), and hand out its place.

        :raises SSLException: TLS is on with others.
        """


class SSL:
    """The TLS layer of a transport. Making one turns TLS on; a transport has one, however often it is made.

    :param transport: a transport that has not begun to speak.
    :param domain: the settings; None for those in use already, or else a new domain's.
    :param session_details: the session to resume, for a client.
    :raises SSLException: the transport has TLS with other settings, or the domain is for the other side.
    """

    SHA1 = 0
    SHA256 = 1
    SHA512 = 2
    MD5 = 3

    CERT_COUNTRY_NAME = 0
    CERT_STATE_OR_PROVINCE = 1
    CERT_CITY_OR_LOCALITY = 2
    CERT_ORGANIZATION_NAME = 3
    CERT_ORGANIZATION_UNIT = 4
    CERT_COMMON_NAME = 5

    RESUME_UNKNOWN = 0
    RESUME_NEW = 1
    RESUME_REUSED = 2

    _holder: TlsHolder

    def __new__(
        cls,
        transport: TlsTransport,
        domain: Optional[SSLDomain] = None,
        session_details: Optional[SSLSessionDetails] = None,
    ) -> "SSL":
        if not hasattr(transport, "_attach_tls"):
            raise TypeError(f"a Transport is wanted, not {transport!r}")
        holder = transport._attach_tls(domain, session_details)
        found = holder.view
        if not isinstance(found, cls):
            found = holder.view = super().__new__(cls)
            found._holder = holder
        return found

    def __init__(
        self,
        transport: TlsTransport,
        domain: Optional[SSLDomain] = None,
        session_details: Optional[SSLSessionDetails] = None,
    ) -> None:
        """See the class."""

    @staticmethod
    def present() -> bool:
        """Whether TLS can be had. It can."""
        return True

    @property
    def _layer(self) -> Optional[TlsLayer]:
        return self._holder.layer

    @property
    def peer_hostname(self) -> str:
        """The host wanted, told to the server and checked against its certificate; empty if none is set.

        It may be set until the handshake begins.
        """
        return (self._layer.hostname if self._layer is not None else None) or ""

    @peer_hostname.setter
    def peer_hostname(self, hostname: Optional[str]) -> None:
        if self._layer is not None:
            self._layer.hostname = hostname

    def cipher_name(self) -> Optional[str]:
        """The cipher suite, such as ``TLS_AES_256_GCM_SHA384``; None before the handshake."""
        return self._layer.cipher_name if self._layer is not None else None

    def protocol_name(self) -> Optional[str]:
        """``TLSv1.2`` or ``TLSv1.3``; None before the handshake."""
        return self._layer.protocol_name if self._layer is not None else None

    def resume_status(self) -> int:
        """``RESUME_REUSED``, or ``RESUME_NEW`` which it is before the handshake too; ``RESUME_UNKNOWN`` without TLS."""
        if self._layer is None:
            return self.RESUME_UNKNOWN
        return self.RESUME_REUSED if self._layer.session_reused else self.RESUME_NEW

    @property
    def remote_subject(self) -> Optional[str]:
        """The subject of the peer's certificate, such as ``CN=host,O=Client``; None if it has none."""
        peer = self._layer.peer if self._layer is not None else None
        return peer.subject if peer is not None else None

    def get_cert_subject(self) -> Optional[str]:
        """The same as :attr:`remote_subject`."""
        return self.remote_subject

    def get_cert_subject_subfield(self, subfield_name: int) -> Optional[str]:
        """A part of the subject of the peer's certificate.

        :param subfield_name: one of the ``CERT_`` constants.
        :returns: its value, or None if there is no such part or no certificate.
        :raises TypeError: if that is no number.
        """
        number = index(subfield_name)
        peer = self._layer.peer if self._layer is not None else None
        oid = _SUBFIELDS.get(number)
        return peer.subfield(oid) if peer is not None and oid is not None else None

    def _get_cert_subject_unknown_subfield(self) -> Optional[str]:
        """What a part that no certificate has comes to; tests written for proton ask."""
        return self.get_cert_subject_subfield(10)

    def get_cert_common_name(self) -> Optional[str]:
        """The common name in the peer's certificate."""
        return self.get_cert_subject_subfield(self.CERT_COMMON_NAME)

    def get_cert_organization(self) -> Optional[str]:
        """The organization in the peer's certificate."""
        return self.get_cert_subject_subfield(self.CERT_ORGANIZATION_NAME)

    def get_cert_organization_unit(self) -> Optional[str]:
        """The organizational unit in the peer's certificate."""
        return self.get_cert_subject_subfield(self.CERT_ORGANIZATION_UNIT)

    def get_cert_locality_or_city(self) -> Optional[str]:
        """The city in the peer's certificate."""
        return self.get_cert_subject_subfield(self.CERT_CITY_OR_LOCALITY)

    def get_cert_country(self) -> Optional[str]:
        """The country in the peer's certificate."""
        return self.get_cert_subject_subfield(self.CERT_COUNTRY_NAME)

    def get_cert_state_or_province(self) -> Optional[str]:
        """The state in the peer's certificate."""
        return self.get_cert_subject_subfield(self.CERT_STATE_OR_PROVINCE)

    def get_cert_fingerprint(self, fingerprint_length: int, digest_name: int) -> Optional[str]:
        """The fingerprint of the peer's certificate in lower-case hexadecimal.

        :param fingerprint_length: room for it in characters, one more than it has (for ``proton``'s sake).
        :param digest_name: ``SHA1``, ``SHA256``, ``SHA512`` or ``MD5``.
        :returns: None if there is no certificate, too little room or no such digest.
        :raises TypeError: if these are no numbers.
        """
        room, digest = index(fingerprint_length), index(digest_name)
        peer = self._layer.peer if self._layer is not None else None
        algorithm = _DIGESTS.get(digest)
        if peer is None or algorithm is None or room <= 2 * hashlib.new(algorithm).digest_size:
            return None
        return peer.fingerprint(algorithm)

    def _get_cert_fingerprint_unknown_hash_alg(self) -> Optional[str]:
        """What a digest that does not exist comes to; tests written for proton ask."""
        return self.get_cert_fingerprint(41, 10)

    def get_cert_fingerprint_sha1(self) -> Optional[str]:
        """The SHA-1 fingerprint of the peer's certificate."""
        return self.get_cert_fingerprint(41, self.SHA1)

    def get_cert_fingerprint_sha256(self) -> Optional[str]:
        """The SHA-256 fingerprint of the peer's certificate."""
        return self.get_cert_fingerprint(65, self.SHA256)

    def get_cert_fingerprint_sha512(self) -> Optional[str]:
        """The SHA-512 fingerprint of the peer's certificate."""
        return self.get_cert_fingerprint(129, self.SHA512)

    def get_cert_fingerprint_md5(self) -> Optional[str]:
        """The MD5 fingerprint of the peer's certificate."""
        return self.get_cert_fingerprint(33, self.MD5)


# Their object identifiers.
_SUBFIELDS: Dict[int, str] = {
    SSL.CERT_COUNTRY_NAME: "2.5.4.6",
    SSL.CERT_STATE_OR_PROVINCE: "2.5.4.8",
    SSL.CERT_CITY_OR_LOCALITY: "2.5.4.7",
    SSL.CERT_ORGANIZATION_NAME: "2.5.4.10",
    SSL.CERT_ORGANIZATION_UNIT: "2.5.4.11",
    SSL.CERT_COMMON_NAME: "2.5.4.3",
}
# Fingerprints name certificates as tools and people do; nothing's safety rests on the old digests here.
_DIGESTS: Dict[int, str] = {
    SSL.SHA1: "sha1",
    SSL.SHA256: "sha256",
    SSL.SHA512: "sha512",
    SSL.MD5: "md5",
}
