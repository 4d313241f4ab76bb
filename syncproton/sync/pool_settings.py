"""The settings of a connection pool, checked before anything is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Union

from ..reactor.arguments import check_connect, check_heartbeat, check_ssl_domain, check_urls
from ..reactor.backoff import delay_source
from ..url import Url
from .deadline import seconds

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Check", "PoolSettings"]

#: What is made sure of before a connection is lent: a round trip to the peer, or what a function says.
Check = Union[bool, "Callable[[Connection], Any]", None]


class PoolSettings:
    """What a pool was told to do.

    :ivar url: where the connections go, or ``None``.
    :ivar options: further keyword arguments of :func:`syncproton.connect`.

    The other attributes are the parameters of :class:`ConnectionPool`.
    """

    def __init__(
        self,
        url: Union[str, Url, None],
        min_size: int,
        max_size: int,
        timeout: Optional[float],
        max_waiting: int,
        max_lifetime: Optional[float],
        max_idle: Optional[float],
        check: Check,
        options: Dict[str, Any],
    ) -> None:
        self.min_size = _count("min_size", min_size, 0)
        self.max_size = _count("max_size", max_size, 1)
        if min_size > max_size:
            raise ValueError(f"min_size must be at most max_size, which is {max_size}, not {min_size}")
        self.max_waiting = _count("max_waiting", max_waiting, 0)
        self.timeout = seconds(timeout, "timeout")
        self.max_lifetime = _duration("max_lifetime", max_lifetime)
        self.max_idle = _duration("max_idle", max_idle)
        if check is not None and not isinstance(check, bool) and not callable(check):
            raise TypeError(f"check must be True, False or a function that takes a connection, not {check!r}")
        self.check = check
        self.options = _options(options)
        if url is not None:
            if "urls" in options:
                raise ValueError("only one of url and urls can be given")
            # A copy: what the caller does with a Url of its own is none of the pool's business.
            url = check_urls([url])[0]
        self.url = url

    @property
    def shown(self) -> str:
        """Where the connections go, without a password."""
        first = self.url if self.url is not None else self.options.get("urls", [None])[0]
        return Url(first).redacted if first is not None else "as configured"

    def arguments(self) -> Dict[str, Any]:
        """The keyword arguments that make a pool with these settings."""
        own = {name: value for name, value in self.__dict__.items() if name not in ("url", "options")}
        return {"url": None if self.url is None else str(self.url), **own, **self.options}


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value


def _duration(name: str, value: Any) -> Optional[float]:
    checked = seconds(value, name)
    if checked == 0:
        raise ValueError(f"{name} must be more than 0 seconds, or None for no limit, not {value!r}")
    return checked


def _options(options: Dict[str, Any]) -> Dict[str, Any]:
    """Check what :func:`syncproton.connect` would only see when the first connection is made."""
    if "container" in options:
        raise TypeError("a pool has a container of its own: 'container' cannot be given")
    rest = dict(options)
    if rest.pop("reconnect", False) not in (None, False, True):
        delay_source(options["reconnect"])
    check_heartbeat(rest.pop("heartbeat", None))
    check_ssl_domain(rest.pop("ssl_domain", None), server=False)
    rest.pop("handler", None)
    checked = dict(options)
    if rest.pop("urls", None) is not None:
        # An iterator could be gone through only once.
        checked["urls"] = check_urls(options["urls"])
    try:
        check_connect(rest)
    except TypeError as error:
        raise TypeError(str(error).replace("connect()", "ConnectionPool()")) from None
    return checked
