"""The JSON file that says where and how to connect when the program does not."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..errors import ProtonException
from ..security import SSLDomain
from ..security.sasl.registry import MECHANISMS
from ..url import Url

__all__ = ["ConfigError", "ConnectConfig", "read_config"]

#: The variable that names the file.
VARIABLE = "MESSAGING_CONNECT_FILE"

#: Where the file is looked for otherwise, in this order.
PLACES = (".connect.json", "connect.json", "~/.config/messaging/connect.json", "/etc/messaging/connect.json")

_STRING = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)

_UNSPEAKABLE = re.compile("[\ud800-\udfff]")


class ConfigError(ProtonException, ValueError):
    """The configuration file cannot be read or makes no sense.  The text names the file and the key."""


class ConnectConfig:
    """What a configuration file says.

    :ivar url: the address made of ``scheme``, ``host`` and ``port``.
    :ivar user: ``user``, or ``None``.
    :ivar password: ``password``, or ``None``.
    :ivar sasl_enabled: ``sasl.enabled``, or ``None``.
    :ivar allowed_mechs: ``sasl.mechanisms`` as one string, or ``None``.
    """

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self._path = path
        known = ("scheme", "host", "port", "user", "password", "sasl", "tls")
        self._check_keys(values, known, "")
        self.url = self._make_url(values)
        self.user: Optional[str] = self._get(values, "user", str)
        self.password: Optional[str] = self._get(values, "password", str)
        sasl = self._get(values, "sasl", dict) or {}
        self._check_keys(sasl, ("enabled", "enable", "mechanisms"), "sasl.")
        enabled = self._get(sasl, "enabled", bool, "sasl.")
        self.sasl_enabled: Optional[bool] = self._get(sasl, "enable", bool, "sasl.") if enabled is None else enabled
        self.allowed_mechs = self._mechanisms(sasl.get("mechanisms"))
        self._tls = self._get(values, "tls", dict) or {}
        self._check_keys(self._tls, ("ca", "cert", "key", "verify"), "tls.")
        self._ca: Optional[str] = self._get(self._tls, "ca", str, "tls.")
        self._cert: Optional[str] = self._get(self._tls, "cert", str, "tls.")
        self._key: Optional[str] = self._get(self._tls, "key", str, "tls.")
        if self._key and not self._cert:
            raise self._error("tls.key", "there is no tls.cert that it could belong to")
        # Only what clearly says so turns the verification off.
        self._verify = self._get(self._tls, "verify", bool, "tls.") is not False

    def ssl_domain(self) -> Optional[SSLDomain]:
        """The TLS settings of the file, or ``None`` if it has none.

        :raises ConfigError: if one of the files it names cannot be used.
        """
        if not self._tls:
            return None
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        key = "ca"
        try:
            if self._ca:
                domain.set_trusted_ca_db(self._ca)
            key = "cert"
            if self._cert:
                domain.set_credentials(self._cert, self._key, None)
            key = "verify"
            domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME if self._verify else SSLDomain.ANONYMOUS_PEER)
        except ProtonException as error:
            raise self._error(f"tls.{key}", str(error)) from error
        return domain

    def _make_url(self, values: Mapping[str, Any]) -> Url:
        scheme = self._get(values, "scheme", str) or Url.AMQPS
        if scheme not in (Url.AMQP, Url.AMQPS):
            raise self._error("scheme", f"expected 'amqp' or 'amqps', not {scheme!r}")
        port = values.get("port")
        if isinstance(port, bool) or not isinstance(port, (int, str, type(None))):
            raise self._error("port", f"expected a number or the name of a service, not {port!r}")
        if port in (0, "0"):
            raise self._error("port", "0 is no port to connect to")
        host = self._get(values, "host", str) or "localhost"
        try:
            return Url(scheme=scheme, host=host, port=scheme if port is None or port == "" else port)
        except ValueError as error:
            key = "port" if "port" in str(error) else "host"
            raise self._error(key, str(error)) from error

    def _mechanisms(self, value: Any) -> Optional[str]:
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            value = " ".join(value)
        if value is None or isinstance(value, str):
            names: Optional[str] = self._get({"mechanisms": value}, "mechanisms", str, "sasl.") or None
            # One that is not known may stand beside others: for another library that reads the file, say.
            known = [name for name in (names or "").upper().split() if name in MECHANISMS]
            if names and not known and self.sasl_enabled is not False:
                raise self._error("sasl.mechanisms", f"none is known of {names!r}; known are {', '.join(MECHANISMS)}")
            return names
        raise self._error("sasl.mechanisms", f"expected a string or a list of strings, not {value!r}")

    def _check_keys(self, values: Mapping[str, Any], known: Tuple[str, ...], prefix: str) -> None:
        for key in values:
            if key not in known:
                raise self._error(prefix + key, f"is not known; known are {', '.join(known)}")

    def _get(self, values: Mapping[str, Any], key: str, kind: type, prefix: str = "") -> Any:
        value = values.get(key)
        if value is not None and not isinstance(value, kind):
            words = {str: "a string", bool: "true or false", dict: "an object"}
            # The value itself may be a password.
            raise self._error(prefix + key, f"expected {words[kind]}, not {type(value).__name__}")
        if isinstance(value, str) and _UNSPEAKABLE.search(value):
            raise self._error(prefix + key, "holds half of a surrogate pair, which no encoding has")
        return value

    def _error(self, key: str, reason: str) -> ConfigError:
        return ConfigError(f"{self._path}: {key}: {reason}")


def read_config() -> Optional[ConnectConfig]:
    """Find and read the configuration file.

    :returns: what it says, or ``None`` if there is no such file.
    :raises ConfigError: if it cannot be read or makes no sense, or is named by the variable and does not exist.
    """
    named = os.environ.get(VARIABLE)
    places: List[str] = [named] if named else [os.path.expanduser(place) for place in PLACES]
    for path in places:
        try:
            with open(path, encoding="utf-8-sig") as file:
                text = file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
        return ConnectConfig(path, _parse(path, text))
    if named:
        raise ConfigError(f"{named}: there is no such file, though {VARIABLE} names it")
    return None


def _parse(path: str, text: str) -> Dict[str, Any]:
    """JSON with comments in the manner of C."""
    without = _STRING.sub(lambda match: _blank(match.group()), text)
    try:
        values = json.loads(without)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path}: values are nested too deep") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected an object, not {type(values).__name__}")
    return values


def _blank(token: str) -> str:
    """A comment becomes as many line ends as it has, so that errors name the right line; a string stays."""
    return token if token.startswith('"') else "\n" * token.count("\n") or " "
