"""SASL and TLS, without I/O."""

from __future__ import annotations

from syncproton.security.sasl import SASL, Authenticator, Negotiation, SaslError, SaslTransport
from syncproton.security.ssl_domain import SSLDomain, SSLSessionDetails
from syncproton.security.ssl_object import SSL, TlsTransport
from syncproton.security.tls import TlsHolder, TlsLayer

__all__ = [
    "Authenticator",
    "Negotiation",
    "SASL",
    "SSL",
    "SSLDomain",
    "SSLSessionDetails",
    "SaslError",
    "SaslTransport",
    "TlsHolder",
    "TlsLayer",
    "TlsTransport",
]
