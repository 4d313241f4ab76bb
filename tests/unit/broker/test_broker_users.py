"""Who is let in: users with passwords, those who do not log in, and those with a certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
import trustme

import syncproton
from syncproton import ConnectionException, ProtonException, SSLDomain
from syncproton.broker import Broker

LIMIT = 20.0
USERS = {"ann": "pass:word", "bob@here": "ä%/"}


@pytest.fixture
def run() -> Iterator[Callable[..., Broker]]:
    """Starts brokers."""
    brokers = []

    def run(url: str = "amqp://127.0.0.1:0", **options: Any) -> Broker:
        brokers.append(Broker(url, **options).start())
        return brokers[-1]

    yield run
    for broker in brokers:
        broker.close()


def lets_in(broker: Broker, **options: Any) -> bool:
    """Whether a client may connect and send."""
    try:
        with syncproton.connect(broker.url, timeout=LIMIT, reconnect=False, **options) as connection:
            connection.create_sender("q").send("x")
    except ConnectionException as error:
        assert error.condition == "amqp:unauthorized-access", error
        return False
    return True


def test_everyone_is_let_in_where_there_are_no_users(run: Any) -> None:
    broker = run()
    assert lets_in(broker)
    assert lets_in(broker, sasl_enabled=False)
    assert lets_in(broker, user="anybody", password="x")


def test_users_are_let_in_by_their_passwords(run: Any) -> None:
    broker = run(users=USERS)
    for user, password in USERS.items():
        assert lets_in(broker, user=user, password=password)
    for user, password in (("ann", "wrong"), ("ann", ""), ("nobody", "pass:word"), ("", "pass:word")):
        assert not lets_in(broker, user=user, password=password)


def test_nobody_else_is_let_in(run: Any, connect: Any) -> None:
    broker = run(users=USERS)
    assert not lets_in(broker)
    with pytest.raises(ConnectionException, match="skipped authentication"):
        syncproton.connect(broker.url, timeout=LIMIT, reconnect=False, sasl_enabled=False)
    # By the hand of a client that logs in with the engine alone.
    client = connect(url=broker.url.replace("//", "//ann:pass%3Aword@"))
    client.send(client.sender("q"), "x")
    assert broker.depths() == {"q": 1}


def test_nobody_else_is_let_in_unless_wanted(run: Any) -> None:
    broker = run(users=USERS, anonymous=True)
    assert lets_in(broker)
    assert lets_in(broker, sasl_enabled=False)
    assert lets_in(broker, user="ann", password="pass:word")
    assert not lets_in(broker, user="ann", password="wrong", allowed_mechs="PLAIN")


def test_users_from_a_file(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("# ours\nann:pass:word\n\nbob@here:ä%/\n", "utf-8")
    for path in (file, str(file)):
        broker = run(users=path)
        assert all(lets_in(broker, user=user, password=password) for user, password in USERS.items())
        assert not lets_in(broker, user="ann", password="wrong")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProtonException, match="missing"):
        Broker(users=tmp_path / "missing")


@pytest.mark.parametrize("options", [
    {"users": {}}, {"users": {}, "anonymous": False}, {"anonymous": False}, {"users": "empty"},
])
def test_a_broker_that_lets_nobody_in_makes_no_sense(options: Any, tmp_path: Path) -> None:
    if options.get("users") == "empty":
        options = {"users": tmp_path / "empty"}
        options["users"].write_text("# nobody\n")
    with pytest.raises(ValueError, match="nobody could log in"):
        Broker(**options)


@pytest.mark.parametrize("users", [{"ann": None}, {1: "x"}, {"ann": b"bytes"}, 5, ["ann:x"]])
def test_users_of_a_wrong_kind(users: Any) -> None:
    with pytest.raises(TypeError):
        Broker(users=users)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An authority, and the files of a server and of a client it has certified."""
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    client = authority.issue_cert("client@example.com", common_name="the client")
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    return folder


def test_a_client_logs_in_by_its_certificate(run: Any, pki: Path) -> None:
    server = SSLDomain(SSLDomain.MODE_SERVER)
    server.set_credentials(str(pki / "server.pem"), str(pki / "server.pem"), None)
    server.set_peer_authentication(SSLDomain.VERIFY_PEER, str(pki / "ca.pem"))
    broker = run("amqps://127.0.0.1:0", ssl_domain=server, anonymous=False)
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(str(pki / "ca.pem"))
    domain.set_credentials(str(pki / "client.pem"), str(pki / "client.pem"), None)
    assert lets_in(broker, ssl_domain=domain)
    assert not lets_in(broker, ssl_domain=domain, allowed_mechs="ANONYMOUS")


def test_users_log_in_over_tls(run: Any, pki: Path) -> None:
    server = SSLDomain(SSLDomain.MODE_SERVER)
    server.set_credentials(str(pki / "server.pem"), str(pki / "server.pem"), None)
    broker = run("amqps://127.0.0.1:0", ssl_domain=server, users=USERS)
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(str(pki / "ca.pem"))
    assert lets_in(broker, ssl_domain=domain, user="ann", password="pass:word", allow_insecure_mechs=False)
    assert not lets_in(broker, ssl_domain=domain, user="ann", password="wrong")
    assert not lets_in(broker, ssl_domain=domain)
