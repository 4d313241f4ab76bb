"""The container: what applications make, and make connections and links with."""

from __future__ import annotations

import uuid
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Union

from ..engine import Connection, Endpoint, Receiver, Sender, Session, Transport
from ..errors import ConnectionException
from ..security import SSLDomain
from ..url import Url
from .acceptor import Acceptor
from .arguments import (
    check_connect, check_heartbeat, check_kind, check_names, check_ssl_domain, check_url, check_urls, symbols,
)
from .attempts import Attempts
from .backoff import delay_source
from .config import ConnectConfig, read_config
from .connector import Connector, ConnectSettings
from .coordinator import Coordinators
from .links import check_connection, check_encodable, check_name, check_session, made_up_name
from .options import apply_options, check_options
from .reactor import Reactor
from .session_policy import SessionPerConnection
from .ssl_config import SSLConfig
from .tags import Tags, check_tags
from .transaction import Transaction, check_handler

__all__ = ["Container"]


class Container(Reactor):
    """Makes connections and links, and runs the loop that keeps them going.

    All callbacks run on the container's I/O thread, one at a time; see :meth:`run`.  The methods may be called from any
    thread.  Connections, sessions, links and deliveries belong to the I/O thread while it runs: touching them
    elsewhere raises :class:`~syncproton.errors.WrongThread`.

    :param handlers: objects with ``on_...`` methods, usually one :class:`~syncproton.handlers.MessagingHandler`.
    :param container_id: the id to tell peers; by default made up.
    :param global_handler: gets every event, after the handlers it is meant for.
    :param io_thread: whether :meth:`run` uses a thread of its own; if not, callbacks run on the caller's.
    :raises TypeError: for any other keyword.

    :ivar container_id: the id told to peers.
    :ivar ssl: the TLS settings of ``amqps`` URLs.
    :ivar sasl_enabled: whether connections begin with a SASL exchange.
    :ivar allowed_mechs: the SASL mechanisms to use, separated by spaces, or ``None`` for all.
    :ivar allow_insecure_mechs: whether a password may be sent over a connection that is not encrypted.
    :ivar user: whom to log in as.
    :ivar password: with what password.
    """

    def __init__(
        self,
        *handlers: Any,
        container_id: Optional[str] = None,
        global_handler: Any = None,
        io_thread: bool = True,
    ) -> None:
        check_names(container_id=container_id)
        self.container_id = container_id or str(uuid.uuid4())
        super().__init__(*handlers, io_thread=io_thread, global_handler=global_handler, name=self.container_id)
        self.ssl = SSLConfig()
        self.sasl_enabled = True
        self.allowed_mechs: Optional[str] = None
        self.allow_insecure_mechs = True
        #: Nothing; proton's containers have it, too.
        self.trigger = None
        self.user: Optional[str] = None
        self.password: Optional[str] = None
        self._policies: Dict[Connection, SessionPerConnection] = {}
        self._coordinators = Coordinators(self._hooks, lambda delay, call: self.timers.after(delay, call))

    # --- connecting

    def connect(
        self,
        url: Union[str, Url, None] = None,
        urls: Optional[Iterable[Union[str, Url]]] = None,
        address: Optional[Iterable[Union[str, Url]]] = None,
        handler: Any = None,
        reconnect: Any = None,
        heartbeat: Optional[float] = None,
        ssl_domain: Optional[SSLDomain] = None,
        **kwargs: Any,
    ) -> Connection:
        """Begin to make a connection.  It is opened in the background; events tell how that goes.

        With neither ``url``, ``urls`` nor ``address`` the address is taken from the configuration file, whose ``user``,
        ``password``, ``sasl`` and ``tls`` settings then override the arguments.

        :param url: where to connect to.
        :param urls: several places, tried in order and round again; after a loss beginning with the one that follows.
        :param address: the same as ``urls``.
        :param handler: gets the connection's events instead of the container's handlers.
        :param reconnect: when to try again: by default as :class:`Backoff` says; a list of delays in seconds; or
            ``False`` for never.
        :param heartbeat: how often, in seconds, a sign of life is wanted from the peer.  After twice that in silence
            the connection is dropped, and made again as ``reconnect`` says.  ``None`` or 0 is for never.
        :param ssl_domain: TLS settings for ``amqps`` URLs; by default those of :attr:`ssl`.
        :param kwargs: ``sasl_enabled``, ``allowed_mechs``, ``allow_insecure_mechs``, ``user``, ``password``: for this
            connection instead of the container's; ``virtual_host`` (the host named to the peer, by default the URL's);
            ``offered_capabilities`` and ``desired_capabilities`` (lists of symbols); ``properties`` (a map with symbol
            keys); ``sni`` (the host named and verified in the TLS handshake); ``max_frame_size`` (the largest frame
            to take, in bytes, at least 512); ``container_id``.
        :returns: the connection.
        :raises TypeError: for any other keyword, or an argument of a wrong kind.
        :raises ValueError: for a URL that makes no sense, or for none or too many of them.
        :raises ConfigError: (a ``ValueError``) if the configuration file is wanted and makes no sense.
        """
        check_connect(kwargs)
        check_ssl_domain(ssl_domain, server=False)
        if sum(given is not None for given in (url, urls, address)) > 1:
            raise ValueError("only one of url, urls and address can be given")
        config: Optional[ConnectConfig] = None
        if url is None and urls is None and address is None:
            config = read_config()
            if config is None:
                raise ValueError("one of url, urls and address is needed, or a configuration file")
            addresses = [config.url]
        else:
            addresses = check_urls([url] if url is not None else urls if urls is not None else address)
        check_heartbeat(heartbeat)
        settings = self._settings(kwargs, config, ssl_domain)
        settings.heartbeat = heartbeat
        attempts = Attempts(addresses, delay_source(reconnect))
        result: Connection = self._carry(self._connect, attempts, settings, handler, kwargs)
        return result

    def _settings(
        self, kwargs: Mapping[str, Any], config: Optional[ConnectConfig], ssl_domain: Optional[SSLDomain]
    ) -> ConnectSettings:
        settings = ConnectSettings()
        for name in ("user", "password", "sasl_enabled", "allowed_mechs", "allow_insecure_mechs"):
            # The program may have set the container's own to anything.
            check_connect({name: kwargs.get(name, getattr(self, name))})
        settings.user = kwargs.get("user", self.user)
        settings.password = kwargs.get("password", self.password)
        settings.sasl_enabled = bool(kwargs.get("sasl_enabled", self.sasl_enabled))
        settings.allowed_mechs = kwargs.get("allowed_mechs", self.allowed_mechs)
        settings.allow_insecure_mechs = bool(kwargs.get("allow_insecure_mechs", self.allow_insecure_mechs))
        settings.virtual_host = kwargs.get("virtual_host")
        settings.sni = kwargs.get("sni")
        settings.max_frame_size = kwargs.get("max_frame_size")
        settings.ssl_domain = (lambda: ssl_domain) if ssl_domain is not None else (lambda: self.ssl.client)
        if config is not None:
            settings.user = config.user or settings.user
            settings.password = config.password or settings.password
            settings.allowed_mechs = config.allowed_mechs or settings.allowed_mechs
            if config.sasl_enabled is not None:
                settings.sasl_enabled = config.sasl_enabled
            domain = config.ssl_domain()
            if domain is not None:
                settings.ssl_domain = lambda: domain
        return settings

    def _connect(
        self, attempts: Attempts, settings: ConnectSettings, handler: Any, kwargs: Mapping[str, Any]
    ) -> Connection:
        connection = self.connection(handler)
        connection.container = kwargs.get("container_id") or self.container_id
        connection.offered_capabilities = symbols(kwargs.get("offered_capabilities")) or None
        connection.desired_capabilities = symbols(kwargs.get("desired_capabilities")) or None
        connection.properties = kwargs.get("properties")
        self._connectors[connection] = Connector(self, connection, attempts, settings)
        connection.open()
        return connection

    def connection_to_host(self, host: str, port: Union[int, str], handler: Any = None) -> Connection:
        """A connection that, once opened, is made to a host and port, once, and without SASL.

        :param handler: gets its events instead of the container's handlers.
        """
        connection = self.connection(handler)
        self.set_connection_host(connection, host, port)
        return connection

    def set_connection_host(self, connection: Connection, host: str, port: Union[int, str]) -> None:
        """Say where a connection that is not open yet is to be made to.

        :raises TypeError, ValueError: if that is no connection, host or port.
        """
        check_kind(connection, Connection)
        url = Url(host=host, port=port)
        settings = ConnectSettings()
        settings.sasl_enabled = False
        connection.url = url
        self._connectors[connection] = Connector(self, connection, Attempts([url], None), settings)

    def _on_local_open(self, event: Any) -> None:
        connection = event.connection
        if connection.transport is None and connection not in self._connectors:
            # Made with ``connection()`` and nothing said of where to: as in proton, its virtual host tells.
            url = Url(connection.hostname or "localhost")
            self.set_connection_host(connection, url.host or "localhost", url.port or "amqp")
        super()._on_local_open(event)

    def get_connection_address(self, connection: Connection) -> Optional[str]:
        """Where a connection is being made to, or was last: ``host:port``; of one that was accepted the peer's.

        :raises TypeError: if that is no connection.
        """
        check_kind(connection, Connection)
        url = connection.url
        return f"{url.host}:{int(url.port)}" if url is not None else None

    # --- links

    def create_sender(
        self,
        context: Union[Connection, Session, Url, str],
        target: Optional[str] = None,
        source: Optional[str] = None,
        name: Optional[str] = None,
        handler: Any = None,
        tags: Any = None,
        options: Any = None,
    ) -> Sender:
        """Begin to open a link for sending.

        :param context: a connection, a session, or a URL to connect to; the URL's path is the target by default.  The
            new connection is the sender's ``connection``.  It stays open when the sender is closed: closing it is up
            to the application.
        :param target: the address to send to; ``None`` lets each message say (an anonymous relay).
        :param source: the address the messages come from.
        :param name: the link's name; by default made of the container's id and the addresses, and if need be a number.
        :param handler: gets the link's events instead of the connection's and the container's handlers.
        :param tags: a function that makes a delivery tag, as ``bytes`` or ``str``; a generator function, or an iterable
            of tags; by default they are counted.  When a tag is needed and there is none, or it is that of a delivery
            not yet settled, ``send`` raises a :class:`~syncproton.LinkException`.
        :param options: a :class:`LinkOption`, or several; those for receivers are passed over.
        :returns: the sender.  Whether the peer takes it, ``on_link_opened`` and ``on_link_error`` tell.
        :raises TypeError: for an argument of a wrong kind.
        :raises ValueError: for a URL that makes no sense, and if an open sender of the session has that name.
        :raises ConnectionException: if the connection is closed.
        :raises SessionException: if the session is closed.
        """
        result: Sender = self._carry(self._create_sender, context, target, source, name, handler, tags, options)
        return result

    def _create_sender(
        self, context: Any, target: Any, source: Any, name: Any, handler: Any, tags: Any, options: Any
    ) -> Sender:
        def set_up(sender: Sender) -> None:
            if target:
                sender.target.address = target
            if source:
                sender.source.address = source
            if handler is not None:
                sender.handler = handler
            if tags is not None:
                sender.tag_generator = Tags(tags, sender)

        checked = check_options(options)
        check_tags(tags)
        check_names(target=target, source=source, name=name)
        if isinstance(context, (str, Url)):
            context = check_url(context)
            target = target or context.path or None
        sender: Sender = self._create_link(context, Session.sender, name, (target, source), set_up, checked)
        return sender

    def create_receiver(
        self,
        context: Union[Connection, Session, Url, str],
        source: Optional[str] = None,
        target: Optional[str] = None,
        name: Optional[str] = None,
        dynamic: bool = False,
        handler: Any = None,
        options: Any = None,
    ) -> Receiver:
        """Begin to open a link for receiving.

        :param context: a connection, a session, or a URL to connect to; the URL's path is the source by default.  The
            new connection is the receiver's ``connection``.  It stays open when the receiver is closed: closing it is
            up to the application.
        :param source: the address to receive from.
        :param target: the address the messages go to.
        :param name: the link's name; by default made of the container's id and the addresses, and if need be a number.
        :param dynamic: whether the peer is to make a node for the link, whose address ``remote_source.address`` is once
            the link is open.  The peer is not told of ``source`` then.
        :param handler: gets the link's events instead of the connection's and the container's handlers.
        :param options: a :class:`LinkOption`, or several; those for senders are passed over.
        :returns: the receiver.  Whether the peer takes it, ``on_link_opened`` and ``on_link_error`` tell.
        :raises TypeError: for an argument of a wrong kind.
        :raises ValueError: for a URL that makes no sense, and if an open receiver of the session has that name.
        :raises ConnectionException: if the connection is closed.
        :raises SessionException: if the session is closed.
        """
        result: Receiver = self._carry(
            self._create_receiver, context, source, target, name, dynamic, handler, options
        )
        return result

    def _create_receiver(
        self, context: Any, source: Any, target: Any, name: Any, dynamic: bool, handler: Any, options: Any
    ) -> Receiver:
        def set_up(receiver: Receiver) -> None:
            if dynamic:
                receiver.source.dynamic = True  # With an address that would be against section 3.5.3.
            elif source:
                receiver.source.address = source
            if target:
                receiver.target.address = target
            if handler is not None:
                receiver.handler = handler

        checked = check_options(options)
        check_names(target=target, source=source, name=name)
        if isinstance(context, (str, Url)):
            context = check_url(context)
            source = source or context.path or None
        receiver: Receiver = self._create_link(context, Session.receiver, name, (source, target), set_up, checked)
        return receiver

    def _create_link(
        self,
        context: Any,
        make: Callable[[Session, str], Any],
        name: Optional[str],
        addresses: Iterable[Optional[str]],
        set_up: Callable[[Any], None],
        options: List[Any],
    ) -> Any:
        """Make a link and open it.  If that fails, nothing that was begun for it stays behind."""
        is_sender = make is Session.sender
        connection = self.connect(context) if isinstance(context, Url) else None
        link = None
        try:
            session = self._session(context if connection is None else connection)
            if name:
                check_name(session, name, is_sender)
            else:
                name = self._link_name(session.connection, addresses, is_sender)
            link = make(session, name)
            set_up(link)
            apply_options(options, link)
            check_encodable(link)
            link.open()
        except BaseException:
            if link is not None:
                link.free()
            if connection is not None:
                connection.close()
                self._forget(connection)
                connection.free()
            raise
        return link

    def _session(self, context: Any) -> Session:
        """The session that a link is to be made on."""
        if isinstance(context, Session):
            check_session(context)
            return context
        if not isinstance(context, Connection):
            raise TypeError(f"expected a connection, a session or a URL, not {context!r}")
        check_connection(context)
        if context._reactor is not self:
            # It is not told here when that comes to its end.
            session: Session = context.session()
            session.open()
            return session
        if context.transport is None and context.state & Endpoint.LOCAL_ACTIVE and context not in self._connectors:
            raise ConnectionException(f"the connection has ended: {context!r}")
        policy: Optional[SessionPerConnection] = self._policies.get(context)
        if policy is None:
            policy = self._policies[context] = SessionPerConnection()
        return policy.session(context)

    def _link_name(self, connection: Connection, addresses: Iterable[Optional[str]], is_sender: bool) -> str:
        container_id = connection.container or self.container_id
        return made_up_name(container_id, addresses, is_sender, {connection: None, **dict.fromkeys(self._policies)})

    # --- transactions

    def declare_transaction(
        self, context: Union[Connection, Session], handler: Any = None, settle_before_discharge: bool = False
    ) -> Transaction:
        """Begin a local transaction.

        :param context: the connection; or a session, on which the link to the peer's coordinator is then made.
        :param handler: has the callbacks of :class:`~syncproton.handlers.TransactionHandler`; by default the
            first handler of the connection, or of the container, that has them.
        :param settle_before_discharge: whether messages accepted under the transaction are settled at once, rather
            than when it ends.
        :returns: the transaction; it is open once ``on_transaction_declared`` is called.
        :raises TypeError: if there is no handler for it, or the context is of a wrong kind.
        :raises ValueError: if the connection is another container's.
        :raises ConnectionException: if the connection is closed, or lost for good.
        :raises SessionException: if the session is closed.
        """
        connection = context.connection if isinstance(context, Session) else context
        if not isinstance(connection, Connection):
            raise TypeError(f"declare_transaction() expected a connection or a session, not {context!r}")
        if connection._reactor is not self:
            raise ValueError("declare_transaction() got a connection of another container")
        if handler is None:
            handler = _find_transaction_handler(connection.handler) or _find_transaction_handler(self.handler)
            if handler is None:
                raise TypeError("declare_transaction() needs a handler with on_transaction_declared()")
        check_handler(handler)
        result: Transaction = self._carry(self._declare_transaction, context, handler, settle_before_discharge)
        return result

    def _declare_transaction(self, context: Any, handler: Any, settle_before_discharge: bool) -> Transaction:
        session = self._session(context)
        return self._coordinators.declare(session, handler, settle_before_discharge)

    def _on_local_close(self, event: Any) -> None:
        self._coordinators.connection_closed(event._context)
        super()._on_local_close(event)

    def _transport_over(self, transport: Transport) -> None:
        self._coordinators.transport_over(transport)
        super()._transport_over(transport)

    def _forget(self, connection: Connection) -> None:
        super()._forget(connection)
        self._policies.pop(connection, None)
        self._coordinators.forget(connection)

    # --- listening

    def listen(self, url: Union[str, Url], ssl_domain: Optional[SSLDomain] = None) -> Acceptor:
        """Listen for connections.  From any thread.

        Whoever comes in makes a connection, whose events go to the container's handlers, ``on_connection_opening`` and
        so on.  Listening keeps the container running until the listener is closed.

        :param url: the host and port: ``amqp://127.0.0.1:5672``, ``[::1]:0``.  Without a host it is all IPv4 addresses
            of this machine; ``[::]`` is all its IPv6 addresses.  Port 0 lets the system choose one, which
            :attr:`Acceptor.port` tells.
        :param ssl_domain: TLS settings; by default, for an ``amqps`` URL, those of :attr:`ssl`.
        :returns: the listener, with a ``close`` method.
        :raises ListenError: (an ``OSError``) if that is not possible.
        :raises TypeError: for an argument of a wrong kind.
        :raises ValueError: for a URL that makes no sense, and for TLS settings made for clients.
        """
        parsed = Url(url).require_amqp()
        if ssl_domain is None and parsed.scheme == Url.AMQPS:
            ssl_domain = self.ssl.server
        return self.acceptor(parsed.host, int(parsed.port or 0), ssl_domain=ssl_domain)

    def prepare_server(self, transport: Transport) -> None:
        """Set up the transport of a connection that was accepted."""
        if self.sasl_enabled:
            sasl = transport.sasl()
            sasl.allow_insecure_mechs = self.allow_insecure_mechs
            if self.allowed_mechs:
                sasl.allowed_mechs(self.allowed_mechs)

    # --- stepping

    def do_work(self, timeout: Optional[float] = None) -> bool:
        """Do one step of the loop on the caller's thread, after :meth:`start`; see :meth:`process`.

        An exception out of a handler is raised here, and the container can be stepped on.

        :param timeout: how long to wait at most if there is nothing to do, in seconds, this time and from now on;
            ``None`` leaves that as it is (0 to begin with).
        :returns: whether there is, or may be, more to do.
        :raises TypeError, ValueError: if the timeout is no number, negative or not finite; nothing is done then.
        :raises ProtonException: if the container has a thread of its own that runs.
        """
        if timeout is not None:
            self.timeout = timeout
        return self.process()


def _find_transaction_handler(handler: Any) -> Any:
    """The first among a handler and its children that can hear of transactions."""
    if handler is None or hasattr(handler, "on_transaction_declared"):
        return handler
    for child in getattr(handler, "handlers", ()):
        found = _find_transaction_handler(child)
        if found is not None:
            return found
    return None
