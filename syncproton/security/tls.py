"""TLS over memory: ciphertext in, plaintext out, and the other way round.

A ``ssl.MemoryBIO`` is a pipe of bytes that OpenSSL reads and writes instead of a socket.  An ``ssl.SSLObject`` between
two of them is the whole of TLS without any I/O: we write what came from the network into one and read what has to go
there from the other.  Whenever OpenSSL lacks bytes it says ``SSLWantReadError``, and we carry on at the next call.
"""

from __future__ import annotations

import ssl
from typing import Any, Optional, Union

from syncproton.errors import ProtocolError, SSLException
from syncproton.security.certificate import CertificateView
from syncproton.security.peer_name import certificate_matches, certificate_names
from syncproton.security.ssl_domain import SSLDomain, SSLSessionDetails
from syncproton.security.tls_errors import failure, reason_of

__all__ = ["TlsHolder", "TlsLayer"]

_READ_SIZE = 65536
_HANDSHAKE_RECORD = 0x16
_TLS13 = "TLSv1.3"
_NAMES_TOLD = 4


class TlsLayer:
    """TLS for one connection.

    Nothing of the program's is sent, and nothing of the peer's is handed up, before the peer has been checked.

    :param domain: the settings.
    :param server: which side this is.
    :param hostname: the host wanted: it is told to the server (SNI) and checked against its certificate. May be set
        until the handshake begins.
    :param session_details: the session to resume, for a client.
    :ivar handshaken: whether the handshake is over, the peer checked.
    :ivar plain: whether the domain let in a client that speaks no TLS; bytes then pass unchanged.
    :ivar eof: whether the peer ended TLS properly.
    """

    def __init__(
        self,
        domain: SSLDomain,
        server: bool,
        hostname: Optional[str] = None,
        session_details: Optional[SSLSessionDetails] = None,
    ) -> None:
        if domain.server != server:
            side, other = ("server", "client") if server else ("client", "server")
            raise SSLException(f"a {side} needs an SSLDomain of a {side}, this is one of a {other}")
        self.domain = domain
        self.server = server
        self.hostname = hostname
        self.session_details = session_details
        self.handshaken = False
        self.plain = False
        self.eof = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl: Optional[ssl.SSLObject] = None
        self._unsent = bytearray()
        self._failure: Optional[str] = None
        self._closing = False
        self._shut = False
        self._session_kept = session_details is None or server
        self._peer: Optional[CertificateView] = None

    def receive(self, data: Union[bytes, bytearray, memoryview]) -> bytes:
        """Take bytes from the network.

        :returns: the plaintext they complete; if TLS fails after some, the next call raises.
        :raises SSLException: TLS has failed; :meth:`output` may hold an alert that tells the peer why.
        :raises ProtocolError: ``amqp:connection:policy-error``: a client speaks AMQP without TLS and may not.
        """
        if self.plain:
            return bytes(data)
        if self._failure is not None:
            raise failure(self._failure)
        if not data or self.eof:
            return b""
        if self._ssl is None and self.server and self._is_plain(data):
            self.plain = True
            return bytes(data)
        self._incoming.write(data)
        if not self.handshaken:
            self._handshake()
        return self._read() if self.handshaken else b""

    def receive_eof(self) -> None:
        """Take the end of the network's bytes.

        :raises SSLException: the peer had not ended TLS, so an attacker may have cut the connection; or TLS has
            failed before.
        """
        if self.plain or self.eof:
            return
        if self._failure is not None:
            raise failure(self._failure)
        where = "" if self.handshaken else " in the TLS handshake"
        raise self._failed(f"unexpected eof while reading (the peer closed the connection{where})")

    def send(self, plaintext: Union[bytes, bytearray, memoryview]) -> None:
        """Encrypt bytes for the peer; what comes before the end of the handshake waits for it.

        :raises SSLException: TLS has failed.
        """
        if self._failure is not None:
            raise failure(self._failure)
        if not self.handshaken or self.plain:
            self._unsent += plaintext
        else:
            self._write(plaintext)

    def output(self) -> bytes:
        """The bytes to put on the network; they are handed over and forgotten.

        :raises SSLException: the handshake cannot even begin.
        """
        if self.plain:
            plain = bytes(self._unsent)
            self._unsent.clear()
            return plain
        if self._ssl is None and not self.server and not self.closed:
            self._handshake()
        return self._outgoing.read()

    def close(self) -> None:
        """End TLS from our side, once all that was sent is encrypted: a last record says that nothing was cut off."""
        self._closing = True
        if self._ssl is not None and self.handshaken and not self.closed and self._failure is None:
            self._shut_down(self._ssl)

    @property
    def closed(self) -> bool:
        """Whether :meth:`output` will give nothing more once it is empty."""
        if self._shut or self._failure is not None:
            return True
        return self._closing and (self.plain or (self._ssl is None and not self._unsent))

    # What a program may ask.

    @property
    def cipher_name(self) -> Optional[str]:
        """The cipher suite in OpenSSL's words, None before the handshake."""
        cipher = self._ssl.cipher() if self._ssl is not None and self.handshaken else None
        return cipher[0] if cipher else None

    @property
    def protocol_name(self) -> Optional[str]:
        """``TLSv1.2`` or ``TLSv1.3``, None before the handshake."""
        return self._ssl.version() if self._ssl is not None and self.handshaken else None

    @property
    def session_reused(self) -> bool:
        """Whether the handshake resumed a session."""
        return bool(self._ssl is not None and self.handshaken and self._ssl.session_reused)

    @property
    def peer(self) -> Optional[CertificateView]:
        """The peer's certificate, None if it has none or before the handshake."""
        return self._peer

    @property
    def external_identity(self) -> Optional[str]:
        """Who the client is, for SASL EXTERNAL: to a server the verified subject, to a client its own."""
        if not self.handshaken:
            return None
        if not self.server:
            return self.domain.own_subject
        return self._peer.subject if self._peer is not None and self.domain.verifies else None

    def _is_plain(self, data: Union[bytes, bytearray, memoryview]) -> bool:
        if data[0] == _HANDSHAKE_RECORD:
            return False
        if self.domain.unsecured_allowed:
            return True
        if b"AMQP".startswith(bytes(data[:4])):
            self._failure = "the client speaks no TLS"
            raise ProtocolError("amqp:connection:policy-error", "Client connection unencrypted - forbidden")
        return False

    def _begin(self) -> ssl.SSLObject:
        name = None if self.server else (self.hostname or None)
        try:
            tls = self.domain.context.wrap_bio(
                self._incoming, self._outgoing, server_side=self.server, server_hostname=name
            )
        except (ValueError, OSError) as error:  # UnicodeError is a ValueError
            raise self._failed(f"no host name for TLS: {name!r}") from error
        if self.session_details is not None and not self.server:
            session = self.domain.session(self.session_details.get_session_id())
            if session is not None:
                tls.session = session
        return tls

    def _handshake(self) -> None:
        if self._ssl is None:
            self._ssl = self._begin()
        before = self._outgoing.pending
        try:
            self._ssl.do_handshake()
            self._check_peer(self._ssl)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise self._failed(reason_of(error)) from error
        except SSLException:
            # The last flight, with our certificate perhaps, is not for this peer: it never leaves.
            kept = self._outgoing.read(before) if before else b""
            self._outgoing.read()
            self._outgoing.write(kept)
            raise
        self.handshaken = True
        if self._unsent:
            unsent, self._unsent = self._unsent, bytearray()
            self._write(unsent)
        if self._closing:
            self._shut_down(self._ssl)

    def _check_peer(self, tls: ssl.SSLObject) -> None:
        der = tls.getpeercert(True)
        if der is not None:
            self._peer = CertificateView(der)
        if not self.domain.verifies_name:
            return
        if not self.hostname:
            raise self._failed("certificate verify failed: no host name to check the certificate against")
        if self._peer is None:
            raise self._failed("certificate verify failed: there is none")
        try:
            if certificate_matches(self._peer.certificate, self.hostname):
                return
            names = certificate_names(self._peer.certificate)
        except ValueError as error:
            raise self._failed("certificate verify failed: its names cannot be read") from error
        valid = ", ".join(map(repr, names[:_NAMES_TOLD])) or "no host"
        if len(names) > _NAMES_TOLD:
            valid += " and others"
        raise self._failed(
            f"certificate verify failed: hostname mismatch, it is not valid for {self.hostname!r}, but for {valid}"
        )

    def _read(self) -> bytes:
        assert self._ssl is not None
        chunks = []
        try:
            while True:
                chunk = self._ssl.read(_READ_SIZE)
                if not chunk:
                    self.eof = True
                    break
                chunks.append(chunk)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.eof = True
        except ssl.SSLError as error:
            failed = self._failed(reason_of(error))
            if not chunks:
                raise failed from error
            # What came before the fault is good, the peer's last words perhaps; the next call raises.
        if not self._session_kept:
            self._keep_session(self._ssl)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _keep_session(self, tls: ssl.SSLObject) -> None:
        session = tls.session
        # In TLS 1.3 a session can be resumed once its ticket has come, some time after the handshake.
        if session is not None and self.session_details is not None and (
            session.has_ticket or tls.version() != _TLS13
        ):
            self.domain.remember(self.session_details.get_session_id(), session)
            self._session_kept = True

    def _write(self, plaintext: Union[bytes, bytearray, memoryview]) -> None:
        assert self._ssl is not None
        if self._shut:
            return
        rest = memoryview(plaintext)
        try:
            while rest:
                rest = rest[self._ssl.write(rest):]
        except ssl.SSLError as error:
            raise self._failed(reason_of(error)) from error

    def _shut_down(self, tls: ssl.SSLObject) -> None:
        self._shut = True
        try:
            tls.unwrap()
        except (ssl.SSLError, ValueError):
            pass  # our part is written; the peer's, if it still comes, is met by receive()

    def _failed(self, reason: str) -> SSLException:
        self._failure = reason
        self._unsent.clear()
        return failure(reason)


class TlsHolder:
    """A transport's place for its TLS layer; the layer is None until a domain is attached."""

    __slots__ = ("layer", "view")

    def __init__(self) -> None:
        self.layer: Optional[TlsLayer] = None
        #: The ``SSL`` object by which programs see the layer.
        self.view: Any = None

    def attach(
        self,
        domain: Optional[SSLDomain],
        session_details: Optional[SSLSessionDetails],
        server: bool,
        hostname: Optional[str] = None,
    ) -> TlsLayer:
        """Make the layer, or find it.

        :param domain: the settings; None for those of the layer there is, or else for a new domain's.
        :raises SSLException: there is a layer with another domain or session.
        :raises TypeError: that is no domain.
        """
        if domain is not None and not isinstance(domain, SSLDomain):
            raise TypeError(f"an SSLDomain is wanted, not {domain!r}")
        layer = self.layer
        if layer is None:
            if domain is None:
                domain = SSLDomain(SSLDomain.MODE_SERVER if server else SSLDomain.MODE_CLIENT)
            layer = self.layer = TlsLayer(domain, server, hostname, session_details)
        elif domain is not None and domain is not layer.domain:
            raise SSLException("the transport already has TLS with another SSLDomain")
        elif session_details is not None and session_details is not layer.session_details:
            raise SSLException("the transport already has TLS with another session")
        return layer
