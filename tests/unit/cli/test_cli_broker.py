"""``python -m syncproton broker``."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
import trustme
from program_server import serving

import syncproton
from syncproton.broker import Broker

Launch = Callable[..., Any]


@pytest.fixture(scope="module")
def program_server() -> Iterator[Any]:
    with serving("syncproton.cli") as server:
        yield server


@pytest.fixture
def launch(launch: Launch, program_server: Any) -> Launch:
    return lambda *arguments, server=program_server: launch(*arguments, server=server)


@pytest.fixture
def listening(launch: Launch) -> Any:
    program = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0")
    program.url = program.line().split()[-1]
    return program


def test_it_says_where_it_listens(launch: Launch) -> None:
    # This one starts from nothing.
    program = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0", server=None)
    start, _, url = program.line().rpartition(" ")
    assert start == "listening on" and url.startswith("amqp://127.0.0.1:")


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process at once there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(listening: Any, number: signal.Signals) -> None:
    listening.process.send_signal(number)
    assert listening.finish() == []
    assert "for demos and tests" in listening.errors


@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process at once there")
def test_a_signal_ends_it_with_a_connection_open(listening: Any) -> None:
    host, _, port = listening.url[len("amqp://"):].rpartition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(b"AMQP\0\1\0\0")
        assert connection.recv(8) == b"AMQP\0\1\0\0"
        listening.process.send_signal(signal.SIGTERM)
        assert listening.finish() == []


@pytest.mark.parametrize("url", ["http://127.0.0.1", "amqp://127.0.0.1:port", "amqp://127.0.0.1:99999"])
def test_a_bad_url(launch: Launch, url: str) -> None:
    program = launch("-m", "syncproton", "broker", "--listen", url)
    assert program.finish(status=2) == []
    assert "--listen" in program.errors and "Traceback" not in program.errors


def test_a_port_in_use(launch: Launch) -> None:
    with Broker("amqp://127.0.0.1:0") as broker:
        program = launch("-m", "syncproton", "broker", "--listen", broker.url)
        assert program.finish(status=1) == []
        assert "in use" in program.errors and "Traceback" not in program.errors


def test_messages_go_through_it(listening: Any, launch: Launch) -> None:
    url = listening.url + "/q"
    for body in ("first", "zweite Nachricht: äöü"):
        assert launch("-m", "syncproton", "send", url, body).finish() == []
    assert launch("-m", "syncproton", "receive", url).finish() == ["first"]
    assert launch("-m", "syncproton", "receive", url).finish() == ["zweite Nachricht: äöü"]


def test_the_depth_of_a_queue_can_be_limited(launch: Launch) -> None:
    broker = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0", "--queue-depth", "1")
    url = broker.line().split()[-1] + "/q"
    assert launch("-m", "syncproton", "send", url, "fits").finish() == []
    program = launch("-m", "syncproton", "send", url, "does not")
    program.finish(status=1)
    assert "Traceback" not in program.errors and "is full" in program.errors


def test_it_says_whom_it_lets_in(launch: Launch) -> None:
    for arguments, everyone in (([], True), (["--user", "ann:secret"], False)):
        program = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0", *arguments)
        assert program.line()
        assert ("everyone is let in" in program.process.stderr.readline()) is everyone


def test_users_log_in(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("ann:secret\nbob@here:p:w\n")
    for arguments in (["--user", "ann:secret", "--user", "bob@here:p:w"], ["--users", str(tmp_path / "users")]):
        broker = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0", *arguments)
        where = broker.line().split("//")[-1] + "/q"
        assert launch("-m", "syncproton", "send", f"amqp://ann:secret@{where}", "hello").finish() == []
        assert launch("-m", "syncproton", "receive", f"amqp://bob%40here:p%3Aw@{where}").finish() == ["hello"]
        for login in ("ann:wrong@", ""):
            program = launch("-m", "syncproton", "send", "--timeout", "10", f"amqp://{login}{where}", "hello")
            program.finish(status=1)
            assert "Traceback" not in program.errors and "Authentication failed" in program.errors


def test_those_who_do_not_log_in_can_be_let_in(launch: Launch) -> None:
    broker = launch("-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0", "--user", "ann:secret",
                    "--anonymous")
    assert launch("-m", "syncproton", "send", broker.line().split()[-1] + "/q", "hello").finish() == []


def test_a_file_of_users_that_is_not_there(launch: Launch, tmp_path: Path) -> None:
    program = launch("-m", "syncproton", "broker", "--users", str(tmp_path / "missing"))
    program.finish(status=1)
    assert "missing" in program.errors and "Traceback" not in program.errors


@pytest.mark.parametrize("arguments, named", [
    (["--user", "secret"], "NAME:PASSWORD"),
    (["--user", ":secret"], "NAME:PASSWORD"),
    (["--user", "ann:secret", "--users", "file"], "--users"),
    (["--listen", "amqps://127.0.0.1:0"], "--certificate"),
    (["--listen", "amqp://127.0.0.1:0", "--certificate", "server.pem"], "amqps"),
    (["--listen", "amqp://127.0.0.1:0", "--client-ca", "ca.pem"], "--certificate"),
])
def test_arguments_that_make_no_sense(launch: Launch, arguments: Any, named: str) -> None:
    program = launch("-m", "syncproton", "broker", *arguments)
    program.finish(status=2)
    assert named in program.errors and "secret" not in program.errors


def test_it_speaks_tls(launch: Launch, tmp_path: Path) -> None:
    authority = trustme.CA()
    files = {name: str(tmp_path / name) for name in ("ca", "chain", "key", "client")}
    authority.cert_pem.write_to_path(files["ca"])
    server = authority.issue_cert("127.0.0.1")
    server.private_key_pem.write_to_path(files["key"])
    for pem in server.cert_chain_pems:
        pem.write_to_path(files["chain"], append=True)
    client = authority.issue_cert("client@example.com")
    client.private_key_and_cert_chain_pem.write_to_path(files["client"])
    broker = launch("-m", "syncproton", "broker", "--listen", "amqps://127.0.0.1:0", "--certificate", files["chain"],
                    "--key", files["key"], "--client-ca", files["ca"])
    url = broker.line().split()[-1]
    assert url.startswith("amqps://")
    domain = syncproton.SSLDomain(syncproton.SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(files["ca"])
    with pytest.raises(syncproton.ConnectionException):
        syncproton.connect(url, ssl_domain=domain, reconnect=False, timeout=20)
    domain.set_credentials(files["client"], files["client"], None)
    with syncproton.connect(url, ssl_domain=domain, reconnect=False, timeout=20, allowed_mechs="EXTERNAL") as secure:
        secure.create_sender("q").send("hello")
