"""``amqps``: what connect() makes of ``ssl_domain``, ``sni`` and the configuration file, as a TLS server sees it."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
import trustme

from syncproton.reactor import ConfigError, Container
from syncproton.security import SSLDomain

LIMIT = 10.0


class TlsPeer:
    """Takes TLS connections, one after the other, until it is asked what it saw.

    :ivar ca: the file of the authority that its certificate is of.
    """

    def __init__(self, folder: Path, *hosts: str) -> None:
        authority = trustme.CA()
        self.ca = str(folder / "ca.pem")
        self.cert, self.key = str(folder / "client.pem"), str(folder / "client-key.pem")
        self.both = str(folder / "client-both.pem")
        authority.cert_pem.write_to_path(self.ca)
        client = authority.issue_cert("client.test", common_name="client")
        client.cert_chain_pems[0].write_to_path(self.cert)
        client.private_key_pem.write_to_path(self.key)
        client.private_key_and_cert_chain_pem.write_to_path(self.both)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(self._context)
        authority.configure_trust(self._context)
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._context.sni_callback = self._named
        self._names: List[Optional[str]] = []
        self._users: List[Optional[str]] = []
        self._words: List[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _named(self, connection: Any, name: Optional[str], context: Any) -> None:
        self._names.append(name)

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            client.settimeout(LIMIT)
            with client:
                if client.recv(1, socket.MSG_PEEK) == b"!":
                    return
                try:
                    with self._context.wrap_socket(client, server_side=True) as secured:
                        certificate: Any = secured.getpeercert()
                        words = secured.recv(8)
                        self._users.append(dict(sum(certificate["subject"], ()))["commonName"] if certificate else None)
                        self._words.append(words)
                except (OSError, ssl.SSLError):
                    self._words.append(b"")

    @property
    def names(self) -> List[Optional[str]]:
        """What each client named as the host it wants."""
        self.close()
        return self._names

    @property
    def users(self) -> List[Optional[str]]:
        """Whom each client's certificate is of, or ``None``."""
        self.close()
        return self._users

    @property
    def words(self) -> List[bytes]:
        """The first that each client said, or ``b""`` for one that did not finish the handshake."""
        self.close()
        return self._words

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        with socket.create_connection(("127.0.0.1", self.port), LIMIT) as last:
            last.sendall(b"!")
            self._thread.join(LIMIT)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[TlsPeer]:
    """A server with a certificate for ``localhost`` and ``broker.test``, and none for 127.0.0.1."""
    running = TlsPeer(tmp_path, "localhost", "broker.test")
    yield running
    running.close()


Connect = Callable[..., Optional[str]]


@pytest.fixture
def connect(run: Callable[[Container], None], trace_handler: Any) -> Connect:
    """Connect once; why that did not last."""

    def once(*arguments: Any, container: Optional[Container] = None, **keywords: Any) -> Optional[str]:
        class Program(trace_handler):  # type: ignore[misc]
            def on_start(self, event: Any) -> None:
                event.container.connect(*arguments, reconnect=False, **keywords)

        program = Program()
        if container is None:
            container = Container(program)
        else:
            container.handler.add(program)
        run(container)
        return program.conditions[-1].description if program.conditions else None

    return once


def trusting(peer: TlsPeer) -> SSLDomain:
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(peer.ca)
    return domain


SASL_HEADER = b"AMQP\x03\x01\x00\x00"


def test_by_default_a_certificate_of_an_unknown_authority_is_refused(peer: TlsPeer, connect: Connect) -> None:
    reason = connect(f"amqps://localhost:{peer.port}")
    assert reason is not None and "certificate verify failed" in reason
    assert peer.words == [b""]


def test_ssl_domain(peer: TlsPeer, connect: Connect) -> None:
    connect(f"amqps://localhost:{peer.port}", ssl_domain=trusting(peer))
    assert (peer.words, peer.names, peer.users) == ([SASL_HEADER], ["localhost"], [None])


def test_the_containers_own_domain(peer: TlsPeer, connect: Connect) -> None:
    container = Container()
    container.ssl.set_trusted_ca_db(peer.ca)
    connect(f"amqps://localhost:{peer.port}", container=container)
    assert peer.words == [SASL_HEADER]


def test_a_host_that_the_certificate_is_not_for_is_refused(peer: TlsPeer, connect: Connect) -> None:
    reason = connect(f"amqps://127.0.0.1:{peer.port}", ssl_domain=trusting(peer))
    assert reason is not None and "127.0.0.1" in reason
    assert peer.words == [b""]


@pytest.mark.parametrize("keywords", [
    {"sni": "broker.test"}, {"virtual_host": "broker.test"}, {"sni": "broker.test", "virtual_host": "other.test"},
])
def test_the_host_that_is_named_is_the_one_verified(keywords: Any, peer: TlsPeer, connect: Connect) -> None:
    connect(f"amqps://127.0.0.1:{peer.port}", ssl_domain=trusting(peer), **keywords)
    assert (peer.words, peer.names) == ([SASL_HEADER], ["broker.test"])


def test_a_name_that_the_certificate_is_not_for_is_refused(peer: TlsPeer, connect: Connect) -> None:
    reason = connect(f"amqps://localhost:{peer.port}", ssl_domain=trusting(peer), sni="stranger.test")
    assert reason is not None and "stranger.test" in reason
    assert (peer.words, peer.names) == ([b""], ["stranger.test"])


def test_amqp_is_without_tls_whatever_the_domain(peer: TlsPeer, connect: Connect) -> None:
    connect(f"amqp://localhost:{peer.port}", ssl_domain=trusting(peer))
    assert (peer.words, peer.names) == ([b""], [])


def test_a_domain_of_a_server_is_refused() -> None:
    with pytest.raises(ValueError, match="ssl_domain must be of MODE_CLIENT"):
        Container().connect("amqps://localhost", ssl_domain=SSLDomain(SSLDomain.MODE_SERVER))


# The configuration file.


@pytest.fixture
def configure(peer: TlsPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a file that leads to the peer."""
    monkeypatch.setenv("MESSAGING_CONNECT_FILE", str(tmp_path / "here.json"))

    def write(tls: Dict[str, Any], **more: Any) -> None:
        values = {"host": "localhost", "port": peer.port, **more}
        (tmp_path / "here.json").write_text(json.dumps({**values, "tls": tls}))

    return write


def test_the_scheme_is_amqps_by_default_and_the_peer_verified(
    peer: TlsPeer, connect: Connect, configure: Callable[..., None]
) -> None:
    configure({})
    reason = connect()
    assert reason is not None and "certificate verify failed" in reason
    assert peer.words == [b""]


@pytest.mark.parametrize("tls", [{}, {"verify": True}, {"verify": None}, {"cert": None, "key": None}])
def test_ca(tls: Any, peer: TlsPeer, connect: Connect, configure: Callable[..., None]) -> None:
    configure({"ca": peer.ca, **tls})
    connect()
    assert (peer.words, peer.names, peer.users) == ([SASL_HEADER], ["localhost"], [None])


@pytest.mark.parametrize("verify", [True, None])
def test_verify_holds_the_host_against_the_certificate(
    verify: Any, peer: TlsPeer, connect: Connect, configure: Callable[..., None]
) -> None:
    configure({"ca": peer.ca, "verify": verify}, host="127.0.0.1")
    reason = connect()
    assert reason is not None and "127.0.0.1" in reason
    assert peer.words == [b""]


def test_verify_false_takes_any_certificate(
    peer: TlsPeer, connect: Connect, configure: Callable[..., None]
) -> None:
    configure({"verify": False}, host="127.0.0.1")
    connect()
    assert peer.words == [SASL_HEADER]


def test_cert_and_key(peer: TlsPeer, connect: Connect, configure: Callable[..., None]) -> None:
    configure({"ca": peer.ca, "cert": peer.cert, "key": peer.key})
    connect()
    assert peer.users == ["client"]


def test_cert_with_the_key_in_the_same_file(peer: TlsPeer, connect: Connect, configure: Callable[..., None]) -> None:
    configure({"ca": peer.ca, "cert": peer.both})
    connect()
    assert peer.users == ["client"]


def test_tls_of_the_file_stands_above_the_argument(
    peer: TlsPeer, connect: Connect, configure: Callable[..., None]
) -> None:
    configure({"ca": peer.ca})
    connect(ssl_domain=SSLDomain(SSLDomain.MODE_CLIENT))
    assert peer.words == [SASL_HEADER]


def test_without_tls_in_the_file_the_argument_stands(
    peer: TlsPeer, connect: Connect, configure: Callable[..., None]
) -> None:
    configure({})
    connect(ssl_domain=trusting(peer))
    assert peer.words == [SASL_HEADER]


@pytest.mark.parametrize("tls, key", [
    ({"ca": "missing.pem"}, "tls.ca"), ({"cert": "missing.pem"}, "tls.cert"), ({"key": "key.pem"}, "tls.key"),
    ({"cert": "CERT", "key": "missing.pem"}, "tls.cert"), ({"ca": "KEY"}, "tls.ca"), ({"ca": 3}, "tls.ca"),
])
def test_files_that_cannot_be_used(
    tls: Any, key: str, peer: TlsPeer, connect: Connect, configure: Callable[..., None]
) -> None:
    configure({name: {"CERT": peer.cert, "KEY": peer.key}.get(value, value) for name, value in tls.items()})
    container = Container()
    with pytest.raises(ConfigError, match=rf"here\.json: {key}: "):
        container.connect()
    configure({"ca": peer.ca})
    connect(container=container)
    assert peer.words == [SASL_HEADER]
