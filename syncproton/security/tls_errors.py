"""The reasons TLS gives for a failure, in words a person can act on."""

from __future__ import annotations

import os
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
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer does not speak this version of TLS",
    "TLSV1_UNRECOGNIZED_NAME": "the peer does not know the host name it was asked for",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer refuses our certificate, or wants one of us",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer refuses our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "for the peer our certificate has expired",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer finds nothing that both sides can do, or wants a certificate of us",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer wants a certificate of us",
    "NO_SHARED_CIPHER": "the client offers nothing this side can do; without a certificate that is anonymous TLS only",
    "NO_CIPHERS_AVAILABLE": "this TLS library does no anonymous TLS",
}


# X509_V_ERR_...: a certificate whose issuer is not known, alone or at the end of a chain.
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}


def reason_of(error: OSError) -> str:
    """Why, without OpenSSL's numbers and source lines."""
    if isinstance(error, ssl.SSLCertVerificationError):
        trust = " (its authority is not trusted here)" if error.verify_code in _UNKNOWN_ISSUER else ""
        return f"certificate verify failed: {error.verify_message}{trust}"
    if isinstance(error, ssl.SSLError) and error.reason:
        words = error.reason.lower().replace("_", " ")
        hint = _HINTS.get(error.reason)
        return f"{words} ({hint})" if hint else words
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error)) or type(error).__name__


def failure(reason: str) -> SSLException:
    """The exception for a TLS connection that cannot go on."""
    return SSLException(f"SSL Failure: {reason}")
