"""The TLS settings of a container."""

from __future__ import annotations

from typing import Optional

from ..security import SSLDomain
from .arguments import check_ssl_domain

__all__ = ["SSLConfig"]


class SSLConfig:
    """What ``amqps`` means where no ``ssl_domain`` is given, for connections made and for those accepted.

    Each domain is made when first asked for: reading the system's trust store takes a while.
    """

    def __init__(self) -> None:
        self._client: Optional[SSLDomain] = None
        self._server: Optional[SSLDomain] = None

    @property
    def client(self) -> SSLDomain:
        """The domain of connections made: verifies certificate and host name against the system's trust store."""
        if self._client is None:
            self._client = SSLDomain(SSLDomain.MODE_CLIENT)
        return self._client

    @client.setter
    def client(self, domain: SSLDomain) -> None:
        _check(domain, "client", server=False)
        self._client = domain

    @property
    def server(self) -> SSLDomain:
        """The domain of connections accepted: give it credentials before listening."""
        if self._server is None:
            self._server = SSLDomain(SSLDomain.MODE_SERVER)
        return self._server

    @server.setter
    def server(self, domain: SSLDomain) -> None:
        _check(domain, "server", server=True)
        self._server = domain

    def set_credentials(self, cert_file: str, key_file: Optional[str] = None, password: Optional[str] = None) -> None:
        """Present a certificate, in both roles; see :meth:`SSLDomain.set_credentials`."""
        self.client.set_credentials(cert_file, key_file, password)
        self.server.set_credentials(cert_file, key_file, password)

    def set_trusted_ca_db(self, certificate_db: str) -> None:
        """Trust these authorities, in both roles; see :meth:`SSLDomain.set_trusted_ca_db`."""
        self.client.set_trusted_ca_db(certificate_db)
        self.server.set_trusted_ca_db(certificate_db)


def _check(domain: object, name: str, server: bool) -> None:
    if not isinstance(domain, SSLDomain):
        raise TypeError(f"ssl.{name} must be an SSLDomain, not {type(domain).__name__}")
    check_ssl_domain(domain, server)
