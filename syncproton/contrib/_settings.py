"""The settings that the web frameworks' integrations have in common: read, checked, and called by their users' names.

What is wrong is told all at once, each with the name of the setting as it stands in the user's configuration, and never
with a value that may hold a password.
"""

from __future__ import annotations

import difflib
import inspect
import math
import os
from numbers import Real
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ..errors import ProtonException, SSLException
from ..security import SSLDomain
from ..sync import ConnectionPool
from ..url import Url, UrlError

__all__ = ["ON_ERROR", "Problem", "Settings", "SettingsError", "read_settings"]

#: What may become of a message whose handler failed.
ON_ERROR = ("modify", "release", "reject")

#: How long a blocking call waits, in seconds, if no setting says so.
TIMEOUT = 30.0

#: How often a sign of life is wanted of the broker, in seconds.
HEARTBEAT = 30.0

#: The longest time between signs of life, in seconds, that can be told to a peer, and is of any use.
MOST_HEARTBEAT = 86400.0

#: How long a consumer that is to stop waits for the handlers in hand, in seconds.
STOP_TIMEOUT = 25.0


class Problem(NamedTuple):
    """One thing that is wrong with the settings.

    :ivar setting: its name, as it stands in the user's configuration.
    :ivar text: what is wrong with it, beginning with that name.
    :ivar hint: what to do about it; may be empty.
    """

    setting: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.hint})" if self.hint else self.text


class SettingsError(ProtonException, ValueError):
    """Settings that are missing, misspelt, or make no sense.  The text names each of them.

    :ivar problems: what is wrong, one by one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class Settings:
    """Settings that were checked.  Made by :func:`read_settings`.

    :ivar url: the broker's.
    :ivar connect: keyword arguments of :func:`syncproton.connect`, beyond the URL.
    :ivar pool: keyword arguments of the pool, beyond the URL and those of ``connect``; only those that were set.
    :ivar timeout: how long a blocking call waits, in seconds; ``None`` for ever.
    :ivar durable: whether messages made of a body outlive a restart of the broker.
    :ivar threads: how many messages of one queue are handled at a time.
    :ivar credit: how many messages a consumer has sent in advance.
    :ivar on_error: one of :data:`ON_ERROR`.
    :ivar stop_timeout: how long the handlers in hand may take once the consumer is to stop, in seconds.
    """

    def __init__(self) -> None:
        self.url = ""
        self.connect: Dict[str, Any] = {}
        self.pool: Dict[str, Any] = {}
        self.timeout: Optional[float] = TIMEOUT
        self.durable = True
        self.threads = 1
        self.credit = 0
        self.on_error = "modify"
        self.stop_timeout: Optional[float] = STOP_TIMEOUT

    def __repr__(self) -> str:
        return f"<Settings for {Url(self.url).redacted}>"


def read_settings(values: Mapping[str, Any], label: Callable[[str], str], others: Iterable[str] = ()) -> Settings:
    """Check settings.  Nothing is connected.

    :param values: the settings, such as ``{"URL": "amqp://localhost", "POOL_MAX_SIZE": 5}``.
    :param label: gives the name that a setting has for the user, such as ``AMQP_URL`` for ``URL``.
    :param others: further names in the user's configuration, one of which may be meant for what is missing.
    :raises SettingsError: with all that is wrong.
    """
    return _Reader(values, label, list(others)).read()


class _Wrong(ValueError):
    """A value that does not fit: what it should be."""


def _whole(least: int, none: bool = False) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value is None and none:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise _Wrong(f"a whole number, {least} or more{', or None' if none else ''}")
        return value
    return check


def _seconds(zero: bool = False, most: float = math.inf) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, bool) and isinstance(value, Real):
            if 0 < float(value) <= most or (zero and value == 0):
                return float(value)
        limit = f" and at most {most:g}" if most < math.inf else ""
        raise _Wrong(f"a number of seconds, {'0 or more' if zero else 'more than 0'}{limit}, or None")
    return check


def _switch(value: Any) -> Any:
    if not isinstance(value, bool):
        raise _Wrong("True or False")
    return value


def _check(value: Any) -> Any:
    if value is not None and not isinstance(value, bool) and not callable(value):
        raise _Wrong("True, False, or a function that is called with a connection")
    return value


def _choice(value: Any) -> Any:
    if value not in ON_ERROR:
        raise _Wrong("one of " + ", ".join(repr(each) for each in ON_ERROR))
    return value


def _path(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise _Wrong("the path of a PEM file")
    return os.fspath(value)


_MAX_SIZE: int = inspect.signature(ConnectionPool).parameters["max_size"].default

# Each setting: what checks it, and where it goes: the attribute of Settings, or the key of its dictionary.
_SETTINGS: Dict[str, Tuple[Callable[[Any], Any], str]] = {
    "TIMEOUT": (_seconds(), "timeout"),
    "HEARTBEAT": (_seconds(most=MOST_HEARTBEAT), "connect.heartbeat"),
    "SSL_CA": (_path, ""),
    "SSL_CERTIFICATE": (_path, ""),
    "SSL_KEY": (_path, ""),
    "DURABLE": (_switch, "durable"),
    "POOL_MIN_SIZE": (_whole(0), "pool.min_size"),
    "POOL_MAX_SIZE": (_whole(1), "pool.max_size"),
    "POOL_MAX_WAITING": (_whole(0), "pool.max_waiting"),
    "POOL_MAX_LIFETIME": (_seconds(), "pool.max_lifetime"),
    "POOL_MAX_IDLE": (_seconds(), "pool.max_idle"),
    "POOL_CHECK": (_check, "pool.check"),
    "CONSUMER_THREADS": (_whole(1), "threads"),
    "CONSUMER_CREDIT": (_whole(0), "credit"),
    "CONSUMER_ON_ERROR": (_choice, "on_error"),
    "CONSUMER_STOP_TIMEOUT": (_seconds(zero=True), "stop_timeout"),
}


class _Reader:
    """Reads settings once, and collects what is wrong with them."""

    def __init__(self, values: Mapping[str, Any], label: Callable[[str], str], others: List[str]) -> None:
        self._values = values
        self._label = label
        self._others = others
        self._problems: List[Problem] = []
        self._read: Dict[str, Any] = {}
        self._settings = Settings()
        self._settings.connect["heartbeat"] = HEARTBEAT

    def read(self) -> Settings:
        self._url()
        for name in self._values:
            if name in _SETTINGS:
                self._one(name)
            elif name != "URL":
                self._unknown(name)
        self._sizes()
        self._tls()
        if self._problems:
            raise SettingsError(self._problems)
        return self._settings

    def _wrong(self, name: str, text: str, hint: str = "") -> None:
        setting = self._label(name)
        self._problems.append(Problem(setting, f"{setting} {text}", hint))

    def _unknown(self, name: str) -> None:
        close = difflib.get_close_matches(str(name).upper(), ["URL", *_SETTINGS], 1)
        hint = f"did you mean {self._label(close[0])}?" if close else "see the documentation for those there are"
        self._wrong(name, "is not a setting", hint)

    def _url(self) -> None:
        url = self._values.get("URL")
        if url is None:
            named = {other.upper(): other for other in self._others}
            close = difflib.get_close_matches(self._label("URL").upper(), named, 1)
            self._wrong("URL", "is missing", f"you have {named[close[0]]}: is it that?" if close else
                        "set it to the broker's address, such as amqp://user:password@host")
            return
        try:
            if not isinstance(url, (str, Url)):
                raise TypeError(f"must be a text such as amqp://user:password@host, not {type(url).__name__}")
            if not str(url).strip():
                raise ValueError("is empty")
            self._settings.url = str(Url(url).require_amqp())
        except UrlError as error:
            self._wrong("URL", f"is no address of a broker: {error}")
        except (TypeError, ValueError) as error:
            self._wrong("URL", str(error))

    def _one(self, name: str) -> None:
        check, goes_to = _SETTINGS[name]
        try:
            value = self._read[name] = check(self._values[name])
        except _Wrong as wrong:
            # Of what should be a path the contents may have been given: a private key is in no error's text.
            value = self._values[name]
            shown = type(value).__name__ if check is _path else repr(value)
            hint = "it is a text" if isinstance(value, str) and check not in (_path, _choice) else ""
            self._wrong(name, f"must be {wrong}, not {shown}", hint)
            return
        part, _, key = goes_to.partition(".")
        if key:
            getattr(self._settings, part)[key] = value
        elif part:
            setattr(self._settings, part, value)

    def _sizes(self) -> None:
        least, most = self._read.get("POOL_MIN_SIZE", 0), self._read.get("POOL_MAX_SIZE", _MAX_SIZE)
        if least > most:
            self._wrong("POOL_MIN_SIZE", f"is {least}, more than {self._label('POOL_MAX_SIZE')}, which is {most}")

    def _tls(self) -> None:
        ca, certificate, key = (self._read.get(name) for name in ("SSL_CA", "SSL_CERTIFICATE", "SSL_KEY"))
        given = [name for name in ("SSL_CA", "SSL_CERTIFICATE", "SSL_KEY") if self._read.get(name) is not None]
        if not given or not self._settings.url:
            return
        if Url(self._settings.url).scheme != Url.AMQPS:
            self._wrong(given[0], f"is for TLS, and {self._label('URL')} has the scheme amqp", "make it amqps")
            return
        if key is not None and certificate is None:
            self._wrong("SSL_KEY", f"needs {self._label('SSL_CERTIFICATE')} beside it")
            return
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        try:
            if ca is not None:
                given = ["SSL_CA"]
                domain.set_trusted_ca_db(ca)
            if certificate is not None:
                given = ["SSL_CERTIFICATE" if key is None else "SSL_KEY", "SSL_CERTIFICATE"]
                domain.set_credentials(certificate, key or certificate, None)
        except SSLException as error:
            self._wrong(given[-1], f"is of no use: {error}")
            return
        self._settings.connect["ssl_domain"] = domain
