"""``SSLDomain``: the TLS settings that connections share, and ``SSLSessionDetails``: which session to resume."""

from __future__ import annotations

import os
import ssl
from collections import OrderedDict
from typing import Callable, Optional, Tuple, TypeVar

from syncproton.errors import SSLException
from syncproton.security.certificate import load_certificate, subject_text
from syncproton.security.tls_errors import reason_of

__all__ = ["SSLDomain", "SSLSessionDetails"]

# Anonymous key exchange needs security level 0, whose other gifts (weak keys, old hashes) this list leaves out as far
# as a list can. Certificates come first, so that a server which has one is asked for it.
_ANONYMOUS_CIPHERS = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:kRSA+AES:ADH+AESGCM:AECDH+AES:ADH+AES"
    ":!eNULL:!PSK:!SRP:!MD5:@SECLEVEL=0"
)
_MAX_SESSIONS = 256

_Result = TypeVar("_Result")


class SSLSessionDetails:
    """Names a TLS session to resume: connections of one client domain with the same id share one.

    :param session_id: any text, usually the host and port.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id

    def get_session_id(self) -> str:
        """The id."""
        return self._session_id


class SSLDomain:
    """TLS settings for any number of connections; TLS 1.2 is the least spoken.

    A client's first settings are ``VERIFY_PEER_NAME`` with the system's certificate authorities; a server's are
    ``ANONYMOUS_PEER``.  A server without credentials does anonymous TLS, unprotected from a man in the middle, and a
    client of ``ANONYMOUS_PEER`` without credentials accepts that.  Every setting reads its files at once, and applies
    to the connections made from then on.

    :param mode: ``MODE_CLIENT`` or ``MODE_SERVER``.
    :raises ValueError: neither.
    """

    MODE_CLIENT = 1
    MODE_SERVER = 2
    VERIFY_PEER = 1
    ANONYMOUS_PEER = 2
    VERIFY_PEER_NAME = 3

    def __init__(self, mode: int) -> None:
        if mode not in (self.MODE_CLIENT, self.MODE_SERVER):
            raise ValueError("mode must be SSLDomain.MODE_CLIENT or SSLDomain.MODE_SERVER")
        self._mode = mode
        self._credentials: Optional[Tuple[str, Optional[str], Optional[str]]] = None
        self._trusted: Optional[str] = None
        self._acceptable: Optional[str] = None
        self._verify_mode = self.ANONYMOUS_PEER if mode == self.MODE_SERVER else self.VERIFY_PEER_NAME
        self._unsecured_allowed = False
        self._own_subject: Optional[str] = None
        self._system_trust_loaded = False
        self._sessions: OrderedDict[str, ssl.SSLSession] = OrderedDict()
        self._context = self._build()

    def __repr__(self) -> str:
        return f"<SSLDomain {'server' if self.server else 'client'}>"

    def set_credentials(self, cert_file: str, key_file: Optional[str] = None, password: Optional[str] = None) -> int:
        """Present a certificate to peers.

        :param cert_file: PEM file of the certificate, followed by those of its issuers.
        :param key_file: PEM file of its private key; None if that is in ``cert_file``.
        :param password: what the private key is encrypted with, if it is.
        :returns: 0.
        :raises SSLException: a file cannot be read, or they do not belong together.
        """
        previous = self._credentials
        self._credentials = (cert_file, key_file, password)
        try:
            own_subject = _guarded(cert_file, lambda: _first_subject(cert_file))
            self._rebuild()
        except SSLException:
            self._credentials = previous
            raise
        self._own_subject = own_subject
        return 0

    def set_trusted_ca_db(self, certificate_db: str) -> int:
        """Trust these certificate authorities and no others.

        :param certificate_db: PEM file of certificates, or a directory prepared by OpenSSL's ``c_rehash``.
        :returns: 0.
        :raises SSLException: it cannot be read.
        """
        previous = self._trusted
        self._trusted = certificate_db
        try:
            self._rebuild()
        except SSLException:
            self._trusted = previous
            raise
        return 0

    def set_peer_authentication(self, verify_mode: int, trusted_CAs: Optional[str] = None) -> int:
        """Say how peers are checked.

        :param verify_mode: ``VERIFY_PEER_NAME``: a valid certificate that belongs to the host wanted (see
            :mod:`syncproton.security.peer_name`); ``VERIFY_PEER``: a valid certificate; ``ANONYMOUS_PEER``: nothing.
        :param trusted_CAs: PEM file of the authorities a server tells clients it accepts; required to verify them.
            They are also the ones trusted, unless :meth:`set_trusted_ca_db` says otherwise.
        :returns: 0.
        :raises SSLException: a server's mode lacks credentials or ``trusted_CAs``, or the file cannot be read.
        """
        if verify_mode not in (self.VERIFY_PEER, self.VERIFY_PEER_NAME, self.ANONYMOUS_PEER):
            raise SSLException(f"not a verify mode of SSLDomain: {verify_mode!r}")
        if self.server and verify_mode != self.ANONYMOUS_PEER:
            if self._credentials is None:
                raise SSLException("a server cannot verify its peers before set_credentials()")
            if trusted_CAs is None:
                raise SSLException("a server that verifies its peers needs trusted_CAs")
        previous = self._verify_mode, self._acceptable
        self._verify_mode, self._acceptable = verify_mode, trusted_CAs
        try:
            self._rebuild()
        except SSLException:
            self._verify_mode, self._acceptable = previous
            raise
        return 0

    def allow_unsecured_client(self) -> int:
        """Let clients that speak plain AMQP in too.

        :returns: 0.
        :raises SSLException: this is no server's domain.
        """
        if not self.server:
            raise SSLException("only a server's domain can allow unsecured clients")
        self._unsecured_allowed = True
        return 0

    # What the TLS layer asks.

    @property
    def server(self) -> bool:
        """Whether this is a domain for servers."""
        return self._mode == self.MODE_SERVER

    @property
    def unsecured_allowed(self) -> bool:
        """Whether plain AMQP is let in."""
        return self._unsecured_allowed

    @property
    def verifies(self) -> bool:
        """Whether a peer must have a valid certificate."""
        return self._verify_mode != self.ANONYMOUS_PEER

    @property
    def verifies_name(self) -> bool:
        """Whether that must belong to the host wanted."""
        return self._verify_mode == self.VERIFY_PEER_NAME

    @property
    def own_subject(self) -> Optional[str]:
        """The subject of our own certificate, if there is one."""
        return self._own_subject

    @property
    def context(self) -> ssl.SSLContext:
        """The settings as the :mod:`ssl` module has them. Not to be changed."""
        if self.verifies and not (self._trusted or self._acceptable or self._system_trust_loaded):
            # Reading the system's hundreds of certificates takes a while, so only when they are needed.
            self._context.load_default_certs(ssl.Purpose.CLIENT_AUTH if self.server else ssl.Purpose.SERVER_AUTH)
            self._system_trust_loaded = True
        return self._context

    def session(self, session_id: str) -> Optional[ssl.SSLSession]:
        """The session last remembered under this id."""
        return self._sessions.get(session_id)

    def remember(self, session_id: str, session: ssl.SSLSession) -> None:
        """Keep a session for later; the oldest of too many are forgotten."""
        self._sessions[session_id] = session
        self._sessions.move_to_end(session_id)
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)

    def _rebuild(self) -> None:
        # A fresh context each time: one of OpenSSL's cannot forget what it was told. Sessions go with the old one, so
        # none made under laxer settings is ever resumed.
        self._context = self._build()
        self._system_trust_loaded = False
        self._sessions.clear()

    def _build(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if self.server else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | getattr(ssl, "OP_NO_RENEGOTIATION", 0)
        context.check_hostname = False  # done by peer_name after the handshake, for proton's rules
        context.verify_mode = ssl.CERT_REQUIRED if self.verifies else ssl.CERT_NONE
        if self._credentials is not None:
            _load_credentials(context, *self._credentials)
        elif self.server or not self.verifies:
            _allow_anonymous(context, self.server)
        if self._trusted is not None:
            _load_trust(context, self._trusted)
            if self._acceptable is not None:  # the ssl module has one list for both; this one must be readable only
                _load_trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self._acceptable)
        elif self._acceptable is not None:
            _load_trust(context, self._acceptable)
        return context


def _allow_anonymous(context: ssl.SSLContext, server: bool) -> None:
    try:
        context.set_ciphers(_ANONYMOUS_CIPHERS)
    except ssl.SSLError:
        return  # a TLS library built without it: such a handshake fails and says so
    if server:
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # TLS 1.3 has no anonymous key exchange


def _load_credentials(context: ssl.SSLContext, cert: str, key: Optional[str], password: Optional[str]) -> None:
    def secret() -> str:
        if password is None:  # otherwise OpenSSL would ask at the terminal
            raise SSLException(f"{key or cert}: the private key is encrypted and there is no password")
        return password

    _guarded(f"{cert}, {key}" if key else cert, lambda: context.load_cert_chain(cert, key, secret))


def _load_trust(context: ssl.SSLContext, certificates: str) -> None:
    if os.path.isdir(certificates):
        _guarded(certificates, lambda: context.load_verify_locations(capath=certificates))
    else:
        _guarded(certificates, lambda: context.load_verify_locations(cafile=certificates))


def _first_subject(cert_file: str) -> str:
    with open(cert_file, encoding="ascii", errors="replace") as file:
        pem = file.read()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = begin + pem.partition(begin)[2].partition(end)[0] + end
    return subject_text(load_certificate(ssl.PEM_cert_to_DER_cert(first)))


def _guarded(what: str, load: Callable[[], _Result]) -> _Result:
    try:
        return load()
    except OSError as error:  # ssl.SSLError is one
        raise SSLException(f"{what}: {reason_of(error)}") from error
    except ValueError as error:
        raise SSLException(f"{what}: {error}") from error
