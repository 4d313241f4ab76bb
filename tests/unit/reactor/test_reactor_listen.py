"""Listening, and TLS as far as connecting and listening go."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any, Callable, List

import pytest
import trustme

from syncproton.errors import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, ListenError
from syncproton.security import SSLDomain

Run = Callable[[Container], None]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


class Client(MessagingHandler):
    """Connects and closes again; remembers how it went."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.args, self.kwargs = args, {"reconnect": False, **kwargs}
        self.opened = False
        self.encrypted = False
        self.errors: List[Any] = []

    def on_start(self, event: Any) -> None:
        event.container.connect(*self.args, **self.kwargs)

    def on_connection_opened(self, event: Any) -> None:
        self.opened = True
        self.encrypted = event.transport.encrypted
        event.connection.close()

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition)


class Server(MessagingHandler):
    def __init__(self) -> None:
        super().__init__()
        self.users: List[Any] = []

    def on_connection_opening(self, event: Any) -> None:
        self.users.append(event.transport.user)

    def on_transport_error(self, event: Any) -> None:
        pass


def test_port_zero(background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0")
    assert acceptor.port > 0 and acceptor.address == ("127.0.0.1", acceptor.port)


def test_listening_before_running(run: Run) -> None:
    container = Container()
    acceptor = container.listen("127.0.0.1:0")
    client = Client(f"127.0.0.1:{acceptor.port}")

    class Closing(MessagingHandler):
        def on_connection_closed(self, event: Any) -> None:
            acceptor.close()

    container.handler.add(client)
    container.handler.add(Closing())
    run(container)
    assert client.opened and acceptor.closed


def test_close_from_another_thread(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0")
    port = acceptor.port
    acceptor.close()
    client = Client(f"127.0.0.1:{port}")
    run(Container(client))
    assert not client.opened and "refused" in client.errors[0].description


def test_connections_outlive_their_listener(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0")

    class Late(Client):
        def on_connection_opened(self, event: Any) -> None:
            acceptor.close()
            super().on_connection_opened(event)

        def on_connection_closed(self, event: Any) -> None:
            self.closed = True

    client = Late(f"127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert client.closed


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("[::1]:0")
    client = Client(f"amqp://[::1]:{acceptor.port}")
    run(Container(client))
    assert client.opened


def test_every_address_of_a_name(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("localhost:0")
    for family, _, _, _, address in set(socket.getaddrinfo("localhost", acceptor.port, type=socket.SOCK_STREAM)):
        with socket.socket(family) as sock:
            if family == socket.AF_INET or has_ipv6():
                sock.connect(address)


def test_address_in_use(background: Callable[..., Container]) -> None:
    container = background(Server())
    port = container.listen("127.0.0.1:0").port
    with pytest.raises(ListenError, match=str(port)) as caught:
        container.listen(f"127.0.0.1:{port}")
    assert isinstance(caught.value, OSError) and caught.value.errno == errno.EADDRINUSE
    assert container.submit(lambda: 1).result(10) == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_address_of_another_machine(host: str) -> None:
    with pytest.raises(ListenError, match=host):
        Container().listen(f"{host}:0")


@pytest.mark.parametrize("url", ["http://127.0.0.1:0", "127.0.0.1:99999", "amqp://[::1"])
def test_urls_that_make_no_sense(url: str) -> None:
    with pytest.raises(ValueError):
        Container().listen(url)


def test_an_accepted_connection_tells_whom_it_is_with(run: Run) -> None:
    told: List[Any] = []

    class Both(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.acceptor = event.container.listen("127.0.0.1:0")
            event.container.connect(f"127.0.0.1:{self.acceptor.port}", handler=Closer())

        def on_connection_opened(self, event: Any) -> None:
            told.append((event.connected_address, event.container.get_connection_address(event.connection)))

        def on_connection_closing(self, event: Any) -> None:
            self.acceptor.close()

    class Closer(MessagingHandler):
        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

    run(Container(Both()))
    (address, where), = told
    assert address == f"amqp://{where}" and where.startswith("127.0.0.1:") and int(where[10:]) > 0


def test_handler_of_an_acceptor(run: Run, background: Callable[..., Container]) -> None:
    server = Server()
    acceptor = background().acceptor("127.0.0.1", 0, server)
    run(Container(Client(f"127.0.0.1:{acceptor.port}")))
    assert server.users == ["anonymous"]


# TLS


class Files:
    """An authority, and certificates it gave out."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca = str(directory / "ca.pem")
        authority.cert_pem.write_to_path(self.ca)
        for name, host in (("server", "127.0.0.1"), ("other", "elsewhere.test"), ("client", "client.test")):
            cert = authority.issue_cert(host)
            cert.private_key_and_cert_chain_pem.write_to_path(str(directory / f"{name}.pem"))
            setattr(self, name, str(directory / f"{name}.pem"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return Files(tmp_path_factory.mktemp("tls"))


def server_domain(files: Any, cert: str = "server") -> SSLDomain:
    domain = SSLDomain(SSLDomain.MODE_SERVER)
    domain.set_credentials(getattr(files, cert))
    return domain


def client_domain(files: Any) -> SSLDomain:
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(files.ca)
    return domain


def test_tls(run: Run, background: Callable[..., Container], files: Any) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=client_domain(files))
    run(Container(client))
    assert client.opened and client.encrypted and client.errors == []


def test_tls_settings_of_the_containers(run: Run, background: Callable[..., Container], files: Any) -> None:
    server = background(Server())
    server.ssl.server.set_credentials(files.server)
    acceptor = server.listen("amqps://127.0.0.1:0")
    client = Client(f"amqps://127.0.0.1:{acceptor.port}")
    container = Container(client)
    container.ssl.client.set_trusted_ca_db(files.ca)
    run(container)
    assert client.opened and client.encrypted


def test_unknown_authority_is_refused_by_default(run: Run, background: Callable[..., Container], files: Any) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert not client.opened and "certificate" in client.errors[0].description


def test_wrong_host_name_is_refused(run: Run, background: Callable[..., Container], files: Any) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files, "other"))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=client_domain(files))
    run(Container(client))
    assert not client.opened and len(client.errors) == 1


@pytest.mark.parametrize("keyword", ["sni", "virtual_host"])
def test_another_host_name_can_be_asked_for(
    run: Run, background: Callable[..., Container], files: Any, keyword: str
) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files, "other"))
    url = f"amqps://127.0.0.1:{acceptor.port}"
    client = Client(url, ssl_domain=client_domain(files), **{keyword: "elsewhere.test"})
    run(Container(client))
    assert client.opened, client.errors


def test_mutual_tls(run: Run, background: Callable[..., Container], files: Any) -> None:
    domain = server_domain(files)
    domain.set_trusted_ca_db(files.ca)
    domain.set_peer_authentication(SSLDomain.VERIFY_PEER, files.ca)
    server = Server()
    acceptor = background(server).listen("amqps://127.0.0.1:0", domain)
    mine = client_domain(files)
    mine.set_credentials(files.client)
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=mine, allowed_mechs="EXTERNAL")
    run(Container(client))
    assert client.opened, client.errors
    assert server.users[0] and server.users[0] != "anonymous"


def test_plain_client_of_a_tls_listener(run: Run, background: Callable[..., Container], files: Any) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files))
    client = Client(f"amqp://127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert not client.opened and len(client.errors) == 1


def test_tls_client_of_a_plain_listener(run: Run, background: Callable[..., Container], files: Any) -> None:
    acceptor = background(Server()).listen("amqp://127.0.0.1:0")
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=client_domain(files))
    run(Container(client))
    assert not client.opened and len(client.errors) == 1


def test_missing_files_raise_at_the_call() -> None:
    container = Container()
    with pytest.raises(ProtonException, match="missing.pem"):
        container.ssl.set_trusted_ca_db("missing.pem")
    with pytest.raises(ProtonException, match="missing.pem"):
        container.ssl.set_credentials("missing.pem")
