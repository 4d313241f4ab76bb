"""The in-memory broker, as an object to start and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Union

from syncproton.broker.handler import BrokerHandler
from syncproton.broker.limits import Limits
from syncproton.broker.logins import Logins, Users
from syncproton.reactor import Acceptor, Container
from syncproton.url import Url

if TYPE_CHECKING:
    from syncproton.security import SSLDomain

__all__ = ["Broker"]


class Broker:
    """An in-memory broker **for demos and tests**: all messages are gone when it stops, and everyone is let in unless
    it is told otherwise.

    Queues are made on demand, by the address of a link.  Each message goes to one consumer, in the order of arrival;
    what is released, modified, or unsettled when its receiver goes, is delivered again, in its old place.  Topics are
    made where a link asks for one, by the capability ``topic`` or an address ``topic://...``; all who subscribe get
    each message.  There are temporary queues (dynamic sources and targets), which go with their connection, senders
    without a target address, whose messages go where their ``to`` says, and transactions.

    ::

        with Broker("amqp://127.0.0.1:0") as broker:
            syncproton.send(broker.url + "/examples", "hello")

    :param url: where to listen; port 0 takes any free port.
    :param limits: how much it is ready to hold.
    :param ssl_domain: TLS settings, for an ``amqps`` URL.  A client that shows a certificate can log in by it.
    :param users: passwords by user, or the path of a file with lines ``user:password``.  If there are users, only they
        are let in.
    :param anonymous: whether clients that do not log in are let in; by default they are if there are no users.
    :raises ValueError: if the URL makes no sense, or nobody could be let in.
    :raises TypeError: if users or passwords are not strings.
    :raises ProtonException: if the file of users can't be read.
    """

    def __init__(self, url: Union[str, Url] = "amqp://127.0.0.1:5672", *, limits: Optional[Limits] = None,
                 ssl_domain: Optional[SSLDomain] = None, users: Users = None,
                 anonymous: Optional[bool] = None) -> None:
        self._address = Url(url).require_amqp()
        self._logins = Logins(users, anonymous, certificates=ssl_domain is not None)
        self._ssl_domain = ssl_domain
        self._limits = limits or Limits()
        self._handler: Optional[BrokerHandler] = None
        self._container: Optional[Container] = None
        self._acceptor: Optional[Acceptor] = None

    @property
    def url(self) -> str:
        """Where the broker listens, ``amqp://host:port``; with port 0 the port is known once it has started."""
        address = self._address
        return str(Url(scheme=address.scheme, host=address.host, port=int(address.port or 0)))

    def start(self) -> Broker:
        """Start to listen, in the background.  Does nothing if that is so already.

        :returns: the broker.
        :raises OSError: if it can't listen at the address, :class:`~syncproton.ProtonException` likewise.
        """
        if self._container is None:
            handler = BrokerHandler(self._limits, self._logins)
            container = Container(handler)
            handler.nodes.clock.container = container
            container.start_background()
            try:
                acceptor = container.submit(container.listen, self._address, self._ssl_domain).result()
            except BaseException:
                container.close()
                raise
            self._address.port = acceptor.port
            self._handler, self._container, self._acceptor = handler, container, acceptor
        return self

    def close(self) -> None:
        """Stop listening, close all connections and drop all messages.  Does nothing if that is so already.

        Clients are told ``amqp:connection:forced``: those that reconnect do so when the broker has started again.
        """
        container, handler, acceptor = self._container, self._handler, self._acceptor
        self._container = self._handler = self._acceptor = None
        if container is not None and handler is not None and acceptor is not None:
            try:
                # Before clients are told to come back: not to a broker that is about to go.
                container.submit(acceptor.close)
                container.submit(handler.shut_down)
            finally:
                container.close()

    def depths(self) -> Dict[str, int]:
        """How many messages each queue in use holds, the ones being delivered included.  For any thread.

        A subscription that has a name counts as a queue called ``topic::container.name``, or ``topic::name`` if it is
        global; with ``:shared`` behind if it is shared, ``:volatile`` if it is not durable either.

        :raises ProtonException: if the broker does not run.
        """
        if self._container is None or self._handler is None:
            return {}
        depths: Dict[str, int] = self._container.submit(self._handler.nodes.depths).result()
        return depths

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, *exc: Any) -> None:
        self.close()
