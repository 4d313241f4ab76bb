"""Addresses of peers: ``[amqp[s]://][user[:password]@]host[:port][/path]``.

The rules are those of ``proton.Url``: everything is optional, a text without a scheme begins with the host, the path
is an AMQP address and is taken as it stands, user name and password are percent-decoded.  What cannot be meant is
refused instead of being read as something else: a port that is neither a number up to 65535 nor a service name,
brackets that hold no IPv6 address, white space in a host name.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv6Address
from typing import Any, Optional, Union
from urllib.parse import quote, unquote

from .errors import ProtonException

__all__ = ["Url", "UrlError"]

_KNOWN_PORTS = {"amqp": 5672, "amqps": 5671}

_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://|//)?([^/?#]*)(?:/([^?#]*))?(.*)", re.DOTALL)
_ADDRESS = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([^:\]]*))?")

# What a host name never holds, but a typing error may well bring in.
_NOT_IN_HOST = re.compile(r"[\s\x00-\x1f\x7f\[\]@/?#:]")


class UrlError(ProtonException, ValueError):
    """A text that is not the address of an AMQP peer.  Never quotes the password."""


class Url:
    """The parts of an address, readable and settable, and its text.

    :param url: the text, or another ``Url`` to copy; ``None`` is an empty one.
    :param defaults: fill in scheme, host and port where they are missing, see :meth:`defaults`.
    :param kwargs: ``scheme``, ``username``, ``password``, ``host``, ``port``, ``path``: replace the parts of ``url``.
    :raises UrlError: (a ``ValueError``) if the text makes no sense as an address.
    :raises TypeError: for a keyword that is not a part of an address.

    :ivar scheme: lower case, usually ``amqp`` or ``amqps``; or ``None``.
    :ivar username: decoded, or ``None``.
    :ivar password: decoded, or ``None``.
    """

    AMQPS = "amqps"
    AMQP = "amqp"

    class Port(int):
        """A port number that remembers how it was written.

        It is an ``int``, and also equal to the text it was made from: ``Port("amqp") == 5672 == Port(5672)`` and
        ``Port("amqp") == "amqp"``.  ``str()`` gives that text back.

        :raises UrlError: (a ``ValueError``) for an unknown service name or a number outside 0 to 65535.
        """

        name: str

        def __new__(cls, value: Union[int, str]) -> Url.Port:
            port = super().__new__(cls, _port_number(value))
            port.name = str(value)
            return port

        def __eq__(self, other: object) -> bool:
            if isinstance(other, str):
                return self.name == other
            return int(self) == other

        def __ne__(self, other: object) -> bool:
            return not self == other

        __hash__ = int.__hash__

        def __str__(self) -> str:
            return self.name

        def __repr__(self) -> str:
            return int.__repr__(self)

        def __format__(self, spec: str) -> str:
            return format(int(self), spec) if spec else self.name

    def __init__(self, url: Union[str, Url, None] = None, defaults: bool = True, **kwargs: Any) -> None:
        self.scheme: Optional[str] = None
        self.username: Optional[str] = None
        self.password: Optional[str] = None
        self._host: Optional[str] = None
        self._port: Optional[Url.Port] = None
        self._path: Optional[str] = None
        self._rest = ""
        if isinstance(url, Url):
            self.__dict__.update(url.__dict__)
        elif isinstance(url, str):
            self._parse(url)
        elif url is not None:
            raise TypeError(f"a URL is a str, not {type(url).__name__}")
        for name, value in kwargs.items():
            if name not in _PARTS:
                raise TypeError(f"Url() got an unexpected keyword argument {name!r}")
            setattr(self, name, value)
        if defaults:
            self.defaults()

    def _parse(self, text: str) -> None:
        match = _URL.fullmatch(text)
        assert match is not None, "the pattern matches every text"
        scheme, authority, self._path, self._rest = match.groups()
        self.scheme = scheme and scheme.lower()
        userinfo, at, address = authority.rpartition("@")
        if at:
            username, colon, password = userinfo.partition(":")
            self.username = unquote(username)
            self.password = unquote(password) if colon else None
        if not scheme and address.endswith(":") and (self._path or "").startswith("/"):
            raise UrlError(f"not the scheme of a URL: {address[:-1]!r}")
        try:
            self._parse_address(address)
        except UrlError:
            if not at and "@" in text:
                # What looks like a host and a port is a user name and a password: keep it out of the error's text.
                raise UrlError("a '/', '?' or '#' in a user name or password must be percent-encoded") from None
            raise

    def _parse_address(self, address: str) -> None:
        """Take ``host``, ``host:port``, ``[host]`` or ``[host]:port``."""
        match = _ADDRESS.fullmatch(address)
        if _is_ipv6(address):
            host, port = address, ""
        elif match is not None:
            host, port = match.groups()
        else:
            raise UrlError(f"not a host and a port: {address!r}")
        self.host = (host.lower() if "%" not in host else host) or None
        self.port = port

    def defaults(self) -> Url:
        """Fill in what is missing: scheme ``amqp``, host ``0.0.0.0``, and the scheme's port.  Returns this ``Url``.

        :raises UrlError: if the port is missing and the scheme is not one that has a port of its own.
        """
        self.scheme = self.scheme or self.AMQP
        self._host = self._host or "0.0.0.0"
        if self._port is None:
            try:
                self._port = self.Port(self.scheme)
            except UrlError:
                raise UrlError(f"unknown URL scheme {self.scheme!r}: expected 'amqp' or 'amqps'") from None
        return self

    def require_amqp(self) -> Url:
        """Check that the scheme is one that we can connect to or listen on.  Returns this ``Url``.

        :raises UrlError: for any scheme but ``amqp`` and ``amqps``.
        """
        if self.scheme not in (None, self.AMQP, self.AMQPS):
            raise UrlError(f"unknown URL scheme {self.scheme!r}: expected 'amqp' or 'amqps'")
        return self

    @property
    def host(self) -> Optional[str]:
        """A host name or an IP address; an IPv6 address is without brackets here and with them in the text."""
        return self._host

    @host.setter
    def host(self, host: Optional[str]) -> None:
        if host is not None:
            _check_text("host", host)
            if host.startswith("[") and host.endswith("]"):
                if not _is_ipv6(host[1:-1]):
                    raise UrlError(f"not an IPv6 address: {host!r}")
                host = host[1:-1]
            elif not _is_ipv6(host) and _NOT_IN_HOST.search(host):
                raise UrlError(f"not a host name: {host!r}")
        self._host = host

    @property
    def port(self) -> Optional[Url.Port]:
        """The port, or ``None``.  Set to a number, the name of a service, or ``None``."""
        return self._port

    @port.setter
    def port(self, port: Union[int, str, None]) -> None:
        self._port = None if port is None or port == "" else self.Port(port)

    @property
    def path(self) -> Optional[str]:
        """What follows the first slash after the host: an AMQP address, not decoded.  ``None`` if there is no slash."""
        return self._path

    @path.setter
    def path(self, path: Optional[str]) -> None:
        if path is not None:
            _check_text("path", path)
        self._path = path[1:] if path and path.startswith("/") else path

    @property
    def redacted(self) -> str:
        """The text with the password blotted out, for logs and error messages."""
        return self._text("********" if self.password else "")

    def _text(self, password: str) -> str:
        parts = []
        if self.scheme:
            parts.append(f"{self.scheme}://")
        elif self._host or self.username or self.password or self._port is not None:
            parts.append("//")
        if self.username:
            parts.append(quote(self.username, safe=""))
        if password:
            parts.append(f":{password}")
        if self.username or password:
            parts.append("@")
        if self._host:
            parts.append(f"[{self._host}]" if ":" in self._host else self._host)
        if self._port is not None:
            parts.append(f":{self._port}")
        if self._path is not None:
            parts.append(f"/{self._path}")
        parts.append(self._rest)
        return "".join(parts)

    def __str__(self) -> str:
        """The text, with the password in it: ``Url(str(url))`` is equal to ``url``."""
        return self._text(quote(self.password, safe="") if self.password else "")

    def __repr__(self) -> str:
        return f"Url({self.redacted!r})"

    def __eq__(self, x: object) -> bool:
        """Equal texts are equal; ``x`` may be a ``Url`` or a ``str``."""
        if isinstance(x, (Url, str)):
            return str(self) == str(x)
        return NotImplemented

    # Mutable, hence not to be used as a key.
    __hash__ = None  # type: ignore[assignment]


_PARTS = frozenset(("scheme", "username", "password", "host", "port", "path"))


def _port_number(value: Union[int, str]) -> int:
    """The number of a port given as a number, its text, or the name of a service."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        return _service_port(value)
    number = int(value)
    if not 0 <= number <= 65535:
        raise UrlError(f"a port number is 0 to 65535, not {value!r}")
    return number


def _service_port(name: str) -> int:
    known = _KNOWN_PORTS.get(name)
    if known is not None:
        return known
    try:
        return socket.getservbyname(name)
    except (OSError, ValueError):
        raise UrlError(f"not a valid port number or service name: {name!r}") from None


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"the {name} of a URL is a str, not {type(value).__name__}")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
