"""Making blocking connections."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Dict, Iterable, Optional, Tuple, Union

from ..errors import ProtonException, Timeout
from ..reactor import Container
from ..reactor.futures import new_future
from ..url import Url
from .connection import DEFAULT_TIMEOUT, Connection
from .connection_driver import ConnectionDriver
from .deadline import Deadline
from .waiting import chain

if TYPE_CHECKING:
    from ..security import SSLDomain

__all__ = ["connect", "submit_connect"]

OPENING = "Opening connection"

#: A connection that is being made, and the future of its being made.
_Begun = Tuple[Connection, "Future[None]"]


def connect(
    url: Union[str, Url, None] = None,
    *,
    timeout: Optional[float] = DEFAULT_TIMEOUT,
    urls: Optional[Iterable[Union[str, Url]]] = None,
    reconnect: Any = False,
    heartbeat: Optional[float] = None,
    ssl_domain: Optional["SSLDomain"] = None,
    handler: Any = None,
    container: Optional[Container] = None,
    **options: Any,
) -> Connection:
    """Connect, and wait until the peer has agreed.

    :param url: where to, such as ``amqp://user:password@host:port/queue``.  The path, if any, is the default address
        of senders and receivers.
    :param timeout: how long to wait for the connection, and the default of its calls from then on, in seconds;
        ``None`` for no limit.
    :param urls: several places, tried in order, instead of one.  Without ``reconnect`` each is tried once.
    :param reconnect: make the connection anew when it is lost: ``True``, or a
        :class:`~syncproton.reactor.Backoff`.
    :param heartbeat: how often, in seconds, a sign of life is wanted from the peer; after twice that in silence the
        connection is lost.
    :param ssl_domain: TLS settings, for ``amqps`` URLs.
    :param handler: an object whose ``on_...`` methods get the connection's events too, on the I/O thread.
    :param container: a container to use, whose thread is then shared; a new one with a thread of its own if not given.
    :param options: further keyword arguments of :meth:`syncproton.reactor.Container.connect`.
    :raises ConnectionException: if the host is unknown or refuses, if the login fails, or the peer closes at once.
    :raises Timeout: if the peer does not answer in time; with ``reconnect``, its ``__cause__`` is the last failure.
    :raises WrongThread: on a container's I/O thread.
    """
    deadline = Deadline(timeout, DEFAULT_TIMEOUT)
    options.update(url=url, urls=urls, reconnect=reconnect, heartbeat=heartbeat, ssl_domain=ssl_domain)
    connection, opened = _begin(deadline, handler, container, options)
    try:
        connection._wait(opened, deadline, OPENING)
    except BaseException as error:
        if isinstance(error, Timeout):
            error.__cause__ = connection._driver.lost
        _give_up(connection)
        if connection._owned:
            connection.container.close(0)
        raise
    return connection


def submit_connect(
    url: Union[str, Url, None] = None,
    *,
    timeout: Optional[float] = DEFAULT_TIMEOUT,
    urls: Optional[Iterable[Union[str, Url]]] = None,
    reconnect: Any = False,
    heartbeat: Optional[float] = None,
    ssl_domain: Optional["SSLDomain"] = None,
    handler: Any = None,
    container: Optional[Container] = None,
    **options: Any,
) -> "Future[Connection]":
    """What :func:`connect` does, as a future, which fails as that raises.

    It can be cancelled until the connection is open; the attempt is given up then.
    """
    deadline = Deadline(timeout, DEFAULT_TIMEOUT)
    options.update(url=url, urls=urls, reconnect=reconnect, heartbeat=heartbeat, ssl_domain=ssl_domain)
    connection, opened = _begin(deadline, handler, container, options)
    driver = connection._driver
    future: "Future[Connection]" = new_future(connection.container)
    chain(opened, future, lambda: connection, lambda: _give_up(connection))

    def timed_out(taken_back: bool) -> Timeout:
        error = Timeout(f"Connection {driver.url} timed out: {OPENING}")
        error.__cause__ = driver.lost
        return error

    driver.expiry.add(future, deadline, timed_out)
    return future


def _begin(deadline: Deadline, handler: Any, container: Optional[Container], options: Dict[str, Any]) -> _Begun:
    url, urls, reconnect = options["url"], options["urls"], options["reconnect"]
    if urls is not None and not isinstance(urls, (str, Url)):
        urls = options["urls"] = list(urls)
    reconnects = reconnect is not None and reconnect is not False
    if not reconnects:
        options["reconnect"] = [0.0] if urls is not None else False
    elif reconnect is True:
        options["reconnect"] = None
    first = Url(url if url is not None else (urls[0] if urls else None) if isinstance(urls, list) else urls)
    owned = container is None
    if container is None:
        container = Container()
    elif not isinstance(container, Container):
        raise TypeError(f"container must be a Container, not {type(container).__name__}")
    try:
        container.start_background()
    except ProtonException:
        if owned:
            raise
        # It runs already, in the background or by run() on another thread.
    driver = ConnectionDriver(container, _without_password(first), reconnects)
    if handler is not None:
        driver.add(handler)
    connection = Connection(driver, deadline.timeout, first.path or None, owned)
    return connection, driver.begin(driver.open, options)


def _give_up(connection: Connection) -> None:
    connection._finalizer.detach()
    connection._driver.begin(connection._driver.abort)
    if connection._owned:
        connection.container.begin_close(0)


def _without_password(url: Url) -> str:
    shown = Url(url)
    shown.password = None
    shown.path = None
    return str(shown)
