"""TLS as far as connecting and listening go: who is let in, who is refused, and with which words."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
import trustme

from syncproton.errors import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.reactor.acceptor import Acceptor
from syncproton.security import SSLDomain

Run = Callable[[Container], None]


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
        self.errors: List[Any] = []

    def on_connection_opening(self, event: Any) -> None:
        self.users.append(event.transport.user)

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition)


class Files:
    """An authority, and certificates it gave out."""

    def __init__(self, directory: Path) -> None:
        ours, theirs = trustme.CA(), trustme.CA()
        now = datetime.datetime.now(datetime.timezone.utc)
        self.directory = directory
        self.ca = self.write("ca", ours.cert_pem)
        self.strangers_ca = self.write("strangers_ca", theirs.cert_pem)
        self.server = self.issue(ours, "server", "127.0.0.1")
        self.other = self.issue(ours, "other", "elsewhere.test")
        self.client = self.issue(ours, "client", "client.test")
        self.stranger = self.issue(theirs, "stranger", "client.test")
        self.expired = self.issue(
            ours, "expired", "127.0.0.1",
            not_before=now - datetime.timedelta(days=2), not_after=now - datetime.timedelta(days=1))
        self.future = self.issue(
            ours, "future", "127.0.0.1",
            not_before=now + datetime.timedelta(days=1), not_after=now + datetime.timedelta(days=2))

    def write(self, name: str, blob: trustme.Blob) -> str:
        path = str(self.directory / f"{name}.pem")
        blob.write_to_path(path)
        return path

    def issue(self, authority: trustme.CA, name: str, host: str, **validity: Any) -> str:
        return self.write(name, authority.issue_cert(host, **validity).private_key_and_cert_chain_pem)


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


@pytest.mark.parametrize("keywords, told", [
    ({}, "localhost"), ({"virtual_host": "elsewhere.test"}, "elsewhere.test"),
    ({"sni": "elsewhere.test"}, "elsewhere.test"), ({"sni": "elsewhere.test", "virtual_host": "v"}, "elsewhere.test"),
])
def test_the_host_name_that_the_server_is_told(
    run: Run, background: Callable[..., Container], files: Any, keywords: Any, told: str
) -> None:
    names: List[Any] = []
    domain = server_domain(files, "other")
    domain.context.sni_callback = lambda tls, name, context: names.append(name)
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", domain)
    trust = client_domain(files)
    trust.set_peer_authentication(SSLDomain.VERIFY_PEER)
    client = Client(f"amqps://localhost:{acceptor.port}", ssl_domain=trust, **keywords)
    run(Container(client))
    assert client.opened and names == [told]


def mutual_domain(files: Any) -> SSLDomain:
    domain = server_domain(files)
    domain.set_trusted_ca_db(files.ca)
    domain.set_peer_authentication(SSLDomain.VERIFY_PEER, files.ca)
    return domain


def client_with(files: Any, cert: str) -> SSLDomain:
    domain = client_domain(files)
    domain.set_credentials(getattr(files, cert))
    return domain


def strange_domain(files: Any) -> SSLDomain:
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(files.strangers_ca)
    return domain


#: What is wrong, the two sides' settings, and what each side must say of it.
REFUSALS: Dict[str, Any] = {
    "wrong host name": (
        lambda files: server_domain(files, "other"), client_domain,
        ["hostname mismatch", "'127.0.0.1'", "'elsewhere.test'"], ["the peer closed the connection"]),
    "authority not trusted": (
        server_domain, strange_domain,
        ["certificate verify failed", "authority is not trusted here"], ["does not trust our certificate"]),
    "authority not the system's": (
        server_domain, lambda files: None,
        ["certificate verify failed", "authority is not trusted here"], ["does not trust our certificate"]),
    "certificate expired": (
        lambda files: server_domain(files, "expired"), client_domain,
        ["certificate verify failed: certificate has expired"], ["for the peer our certificate has expired"]),
    "certificate not yet valid": (
        lambda files: server_domain(files, "future"), client_domain,
        ["certificate verify failed: certificate is not yet valid"], ["refuses our certificate"]),
    "no client certificate": (
        mutual_domain, client_domain,
        ["wants a certificate of us"], ["peer did not return a certificate"]),
    "client certificate of a stranger": (
        mutual_domain, lambda files: client_with(files, "stranger"),
        ["does not trust our certificate"], ["certificate verify failed", "authority is not trusted here"]),
    "client certificate expired": (
        mutual_domain, lambda files: client_with(files, "expired"),
        ["for the peer our certificate has expired"], ["certificate verify failed: certificate has expired"]),
    "server without a certificate": (
        lambda files: SSLDomain(SSLDomain.MODE_SERVER), client_domain,
        ["nothing that both sides can do"], ["without a certificate that is anonymous TLS only"]),
}


def only(domain: Optional[SSLDomain], version: Optional[ssl.TLSVersion]) -> Optional[SSLDomain]:
    """Have a domain speak one version of TLS."""
    if domain is not None and version is not None:
        domain.context.maximum_version = version
    return domain


@pytest.mark.parametrize("version", [None, ssl.TLSVersion.TLSv1_2], ids=["newest", "TLS 1.2"])
@pytest.mark.parametrize("wrong", list(REFUSALS))
def test_each_side_says_what_was_wrong_and_the_listener_goes_on(
    run: Run, background: Callable[..., Container], files: Any, wrong: str, version: Optional[ssl.TLSVersion]
) -> None:
    make_server, make_client, client_words, server_words = REFUSALS[wrong]
    server = Server()
    container = background(server)
    acceptor = container.listen("amqps://127.0.0.1:0", only(make_server(files), version))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=make_client(files))
    run(Container(client))
    assert not client.opened and len(client.errors) == 1
    assert client.errors[0].name == "amqp:connection:framing-error"
    for word in client_words:
        assert word in client.errors[0].description, client.errors
    container.submit(acceptor.set_ssl_domain, mutual_domain(files)).result(10)
    good = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=client_with(files, "client"))
    run(Container(good))
    # The good one has come after the other, so what there was to say of that has been said.
    assert good.opened and len(server.errors) == len(server.users) == 1
    for word in server_words:
        assert word in server.errors[0].description, server.errors


def test_the_system_s_trust_store_counts_by_default(
    run: Run, background: Callable[..., Container], files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where OpenSSL looks for the system's authorities can be said by this variable.
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, files.ca)
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert client.opened and client.encrypted, client.errors
    # And the host name counts then, too.
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files, "other"))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert not client.opened and "hostname mismatch" in client.errors[0].description


@pytest.mark.parametrize("mode, host_counts", [
    (SSLDomain.VERIFY_PEER_NAME, True), (SSLDomain.VERIFY_PEER, False), (SSLDomain.ANONYMOUS_PEER, False),
])
def test_how_peers_are_checked(
    run: Run, background: Callable[..., Container], files: Any, mode: int, host_counts: bool
) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files, "other"))
    domain = client_domain(files)
    domain.set_peer_authentication(mode)
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=domain)
    run(Container(client))
    assert client.opened is not host_counts


def test_a_peer_that_is_checked_needs_an_authority_unless_nothing_is_checked(
    run: Run, background: Callable[..., Container], files: Any
) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files))
    for mode, opened in ((SSLDomain.VERIFY_PEER, False), (SSLDomain.ANONYMOUS_PEER, True)):
        domain = strange_domain(files)
        domain.set_peer_authentication(mode)
        client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=domain)
        run(Container(client))
        assert client.opened is opened


@pytest.mark.parametrize("keyword", ["sni", "virtual_host"])
def test_another_host_name_can_be_asked_for(
    run: Run, background: Callable[..., Container], files: Any, keyword: str
) -> None:
    acceptor = background(Server()).listen("amqps://127.0.0.1:0", server_domain(files, "other"))
    url = f"amqps://127.0.0.1:{acceptor.port}"
    client = Client(url, ssl_domain=client_domain(files), **{keyword: "elsewhere.test"})
    run(Container(client))
    assert client.opened, client.errors


def test_mutual_tls_logs_in_as_the_certificate_s_subject(
    run: Run, background: Callable[..., Container], files: Any
) -> None:
    server = Server()
    acceptor = background(server).listen("amqps://127.0.0.1:0", mutual_domain(files))
    client = Client(
        f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=client_with(files, "client"), allowed_mechs="EXTERNAL")
    run(Container(client))
    assert client.opened, client.errors
    assert server.users[0] == client_with(files, "client").own_subject != "anonymous"


def test_mutual_tls_by_the_settings_of_the_containers(
    run: Run, background: Callable[..., Container], files: Any
) -> None:
    server = Server()
    accepting = background(server)
    accepting.ssl.set_credentials(files.server)
    accepting.ssl.set_trusted_ca_db(files.ca)
    accepting.ssl.server.set_peer_authentication(SSLDomain.VERIFY_PEER, files.ca)
    acceptor = accepting.listen("amqps://127.0.0.1:0")
    client = Client(f"amqps://127.0.0.1:{acceptor.port}")
    container = Container(client)
    container.ssl.set_trusted_ca_db(files.ca)
    container.ssl.set_credentials(files.client)
    run(container)
    assert client.opened and len(server.users) == 1


def test_tls_on_a_listener_whose_url_does_not_say_so(
    run: Run, background: Callable[..., Container], files: Any
) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0", server_domain(files))
    client = Client(f"amqps://127.0.0.1:{acceptor.port}", ssl_domain=client_domain(files))
    run(Container(client))
    assert client.opened and client.encrypted


def test_a_listener_speaks_tls_before_anybody_can_come_in(
    background: Callable[..., Container], files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: List[Any] = []
    start = Acceptor.start

    def spy(acceptor: Acceptor) -> None:
        seen.append(acceptor._ssl_domain)
        start(acceptor)

    monkeypatch.setattr(Acceptor, "start", spy)
    domain = server_domain(files)
    background(Server()).listen("amqps://127.0.0.1:0", domain)
    assert seen == [domain]


@pytest.mark.parametrize("garbage, error", [
    ("server.pem", TypeError), (ssl.create_default_context(), TypeError),
    (SSLDomain(SSLDomain.MODE_CLIENT), ValueError),
])
def test_settings_that_are_none_or_a_client_s(files: Any, garbage: Any, error: type) -> None:
    container = Container()
    with pytest.raises(error):
        container.listen("amqps://127.0.0.1:0", garbage)
    with pytest.raises(error):
        container.ssl.server = garbage
    acceptor = container.listen("amqps://127.0.0.1:0", server_domain(files))
    with pytest.raises(error):
        acceptor.set_ssl_domain(garbage)
    acceptor.close()
    container.close()


@pytest.mark.parametrize("garbage, error", [
    ("ca.pem", TypeError), (None, TypeError), (SSLDomain(SSLDomain.MODE_SERVER), ValueError)
])
def test_settings_of_a_container_s_connections_that_are_none_or_a_server_s(garbage: Any, error: type) -> None:
    container = Container()
    with pytest.raises(error):
        container.ssl.client = garbage
    assert container.ssl.client.verifies_name


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
