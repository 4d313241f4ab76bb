"""Checks of what applications pass, made where they pass it: later the I/O thread could only give up a connection."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from ..codec import PropertyDict, encode, symbol
from ..errors import DataException
from ..security import SSLDomain
from ..url import Url, UrlError

__all__ = [
    "check_connect", "check_heartbeat", "check_kind", "check_names", "check_ssl_domain", "check_url", "check_urls",
    "symbols",
]


def _text(name: str, value: Any) -> None:
    """Check a text.

    :raises TypeError: if it is no ``str``.
    :raises ValueError: if it holds something that UTF-8 has no encoding for, such as half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        # It may be a password: not a character of it goes into the text.
        raise ValueError(f"{name} cannot be encoded as UTF-8") from None


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be true or false, not {type(value).__name__}")


def _mechanisms(name: str, value: Any) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, Iterable) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{name} must be names separated by spaces, or a list of them, not {type(value).__name__}")


def _frame_size(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a number of bytes, not {type(value).__name__}")
    if not 0 <= value <= 4294967295:
        raise ValueError(f"{name} must be 0 to 4294967295 bytes, not {value}")


def _properties(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a map, not {type(value).__name__}")
    try:
        encode(PropertyDict(value))
    except KeyError as error:
        raise TypeError(f"{name}: {error.args[0]}") from None
    except DataException as error:
        raise ValueError(f"{name}: {error}") from error


def _symbols(name: str, value: Any) -> None:
    symbols(value, name)


_CHECKS: Dict[str, Callable[[str, Any], None]] = {
    "sasl_enabled": _flag,
    "allowed_mechs": _mechanisms,
    "allow_insecure_mechs": _flag,
    "user": _text,
    "password": _text,
    "virtual_host": _text,
    "offered_capabilities": _symbols,
    "desired_capabilities": _symbols,
    "properties": _properties,
    "sni": _text,
    "max_frame_size": _frame_size,
    "container_id": _text,
}


def check_connect(keywords: Mapping[str, Any]) -> None:
    """Check the keywords of :meth:`Container.connect` that have no parameter of their own.  ``None`` is always good.

    :raises TypeError: for an unknown one, which is named, and for a value of a wrong kind.
    :raises ValueError: for a value that cannot be told the peer.
    """
    for keyword, value in keywords.items():
        check = _CHECKS.get(keyword)
        if check is None:
            raise TypeError(f"connect() got an unexpected keyword argument {keyword!r}")
        if value is not None:
            check(keyword, value)


def check_heartbeat(heartbeat: Any) -> None:
    """Check a number of seconds between signs of life; ``None`` is good.

    :raises TypeError: if it is no number.
    :raises ValueError: if the peer cannot be told of it.
    """
    if heartbeat is None:
        return
    if isinstance(heartbeat, bool) or not isinstance(heartbeat, (int, float)):
        raise TypeError(f"a heartbeat is a number of seconds, not {heartbeat!r}")
    if not 0 <= heartbeat < 4294967:
        raise ValueError(f"a heartbeat is 0 to 4294967 seconds, not {heartbeat!r}")


def check_urls(given: Any) -> List[Url]:
    """Read where to connect to.

    :param given: a URL, or several.
    :raises TypeError: for anything else.
    :raises ValueError: for no URL at all, and for one that nothing can be connected to.
    """
    urls = [given] if isinstance(given, (str, Url)) else given
    if isinstance(urls, (bytes, bytearray)) or not isinstance(urls, Iterable):
        raise TypeError(f"urls must be texts or Url objects, not {type(given).__name__}")
    read = [check_url(each) for each in urls]
    if not read:
        raise ValueError("there are no urls to connect to")
    return read


def check_url(given: Any) -> Url:
    """Read a URL to connect to.

    :raises TypeError: for anything else.
    :raises ValueError: for one that nothing can be connected to.
    """
    if not isinstance(given, (str, Url)):
        raise TypeError(f"a URL to connect to is a str or a Url, not {type(given).__name__}")
    if given == "":
        raise UrlError("a url to connect to must not be empty")
    url = Url(given).require_amqp()
    if url.port == 0:
        raise UrlError(f"port 0 is none to connect to: {url.redacted!r}")
    return url


def check_ssl_domain(domain: Any, server: bool) -> None:
    """Check TLS settings; ``None`` is good.

    :param server: which side they are for.
    :raises TypeError: for anything but an :class:`SSLDomain`.
    :raises ValueError: for one that was made for the other side.
    """
    if domain is None:
        return
    if not isinstance(domain, SSLDomain):
        raise TypeError(f"ssl_domain must be an SSLDomain, not {type(domain).__name__}")
    if domain.server != server:
        wanted, made = ("MODE_SERVER", "MODE_CLIENT") if server else ("MODE_CLIENT", "MODE_SERVER")
        raise ValueError(f"ssl_domain must be of {wanted}, this one is of {made}")


def check_kind(value: Any, kind: type) -> None:
    """Check that something is of a kind.

    :raises TypeError: if it is not.
    """
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is wanted, not {value!r}")


def check_names(**names: Any) -> None:
    """Check addresses and names of links; ``None`` is good.

    :raises TypeError: for one that is no string.
    :raises ValueError: for one that cannot be encoded.
    """
    for name, value in names.items():
        if value is not None:
            _text(name, value)


def symbols(capabilities: Any, name: str = "capabilities") -> Optional[List[symbol]]:
    """A capability or several, as symbols.

    :param capabilities: a string, an iterable of them, or an ``Array``.
    :raises TypeError: for anything else.
    :raises ValueError: for characters that are not ASCII.
    """
    if capabilities is None:
        return None
    given = [capabilities] if isinstance(capabilities, str) else getattr(capabilities, "elements", capabilities)
    if not isinstance(given, Iterable) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"{name} must be a list of symbols, not {capabilities!r}")
    for each in given:
        if not each.isascii():
            raise ValueError(f"{name} must be symbols of ASCII characters, not {each!r}")
    return [each if isinstance(each, symbol) else symbol(each) for each in given]
