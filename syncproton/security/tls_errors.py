"""The reasons TLS gives for a failure, in words a person can act on."""

from __future__ import annotations

import ssl

from syncproton.errors import SSLException

__all__ = ["failure", "reason_of"]

_HINTS = {
    "WRONG_VERSION_NUMBER": "the peer speaks no TLS, or none that we speak",
    "HTTP_REQUEST": "the peer speaks HTTP, not TLS",
    "HTTPS_PROXY_REQUEST": "the peer speaks HTTP, not TLS",
    "UNKNOWN_PROTOCOL": "the peer speaks no TLS",
    "PACKET_LENGTH_TOO_LONG": "the peer speaks no TLS",
    "RECORD_LAYER_FAILURE": "the peer speaks no TLS",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust our certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer wants a certificate of us",
    "NO_SHARED_CIPHER": "the client offers nothing this side can do; without a certificate that is anonymous TLS only",
    "NO_CIPHERS_AVAILABLE": "this TLS library does no anonymous TLS",
}


def reason_of(error: OSError) -> str:
    """Why, without OpenSSL's numbers and source lines."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        words = error.reason.lower().replace("_", " ")
        hint = _HINTS.get(error.reason)
        return f"{words} ({hint})" if hint else words
    return error.strerror or str(error) or type(error).__name__


def failure(reason: str) -> SSLException:
    """The exception for a TLS connection that cannot go on."""
    return SSLException(f"SSL Failure: {reason}")
