"""TLS under a connection, between two transports."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, NamedTuple, Optional

import pytest
import trustme
from wiring import End, pump, receive, send

from syncproton.engine import Endpoint, Receiver
from syncproton.security import SASL, SSLDomain
from syncproton.wire.frames import AMQP_HEADER

ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE


class Files(NamedTuple):
    authority: str
    stranger: str
    server: str
    client: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """PEM files: an authority, another one, and what the first has certified, with the keys."""
    directory: Path = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    trustme.CA().cert_pem.write_to_path(str(directory / "stranger.pem"))
    authority.issue_cert("server.example.com").private_key_and_cert_chain_pem.write_to_path(
        str(directory / "server.pem")
    )
    authority.issue_cert(
        "joe@example.com", common_name="joe", organization_name="Client"
    ).private_key_and_cert_chain_pem.write_to_path(str(directory / "client.pem"))
    return Files(*(str(directory / f"{name}.pem") for name in ("authority", "stranger", "server", "client")))


Prepare = Callable[[End], None]


def client(
    files: Files, trusted: Optional[str] = None, host: str = "server.example.com", certificate: Optional[str] = None,
    sasl: Optional[str] = None,
) -> Prepare:
    def prepare(end: End) -> None:
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        if certificate is not None:
            domain.set_credentials(certificate, certificate, None)
        domain.set_trusted_ca_db(trusted or files.authority)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        end.connection.hostname = host
        end.transport.ssl(domain).peer_hostname = host
        if sasl is not None:
            end.transport.sasl().allowed_mechs(sasl)

    return prepare


def server(files: Files, verify: bool = False, clear: bool = False, sasl: Optional[str] = None) -> Prepare:
    def prepare(end: End) -> None:
        domain = SSLDomain(SSLDomain.MODE_SERVER)
        domain.set_credentials(files.server, files.server, None)
        if verify:
            domain.set_trusted_ca_db(files.authority)
            domain.set_peer_authentication(SSLDomain.VERIFY_PEER, files.authority)
        if clear:
            domain.allow_unsecured_client()
        end.transport.ssl(domain)
        if sasl is not None:
            end.transport.sasl().allowed_mechs(sasl)

    return prepare


class Meeting:
    def __init__(self, client: Optional[Prepare], server: Prepare, most: int = 1 << 20) -> None:
        self.client = End("client", False, client)
        self.server = End("server", True, server)
        pump(self.client, self.server, most)

    @property
    def met(self) -> bool:
        return self.client.connection.state == self.server.connection.state == ACTIVE

    def failed(self) -> str:
        """What the client says went wrong; both ends have come to an end."""
        assert not self.met
        assert self.client.transport.closed and self.server.transport.closed
        assert self.client.transport.condition is not None
        return f"{self.client.transport.condition.name}: {self.client.transport.condition.description}"


@pytest.mark.parametrize("most", [7, 1 << 20])
def test_a_connection_in_tls(files: Files, most: int) -> None:
    meeting = Meeting(client(files), server(files), most)
    assert meeting.met
    assert meeting.client.transport.encrypted and meeting.server.transport.encrypted
    session = meeting.client.connection.session()
    session.open()
    sender = session.sender("link")
    sender.open()
    pump(meeting.client, meeting.server, most)
    for endpoint in (*meeting.server.connection.sessions(), *meeting.server.connection.links()):
        endpoint.open()
    receiver = meeting.server.connection.link_head(0)
    assert isinstance(receiver, Receiver)
    receiver.flow(1)
    pump(meeting.client, meeting.server, most)
    data = bytes(range(256)) * 300
    send(sender, data)
    pump(meeting.client, meeting.server, 1000)
    assert receive(receiver)[1] == data
    meeting.client.connection.close()
    meeting.server.connection.close()
    pump(meeting.client, meeting.server, most)
    for end in (meeting.client, meeting.server):
        assert end.transport.closed and end.transport.condition is None
        assert "TRANSPORT_ERROR" not in end.names()


def test_the_host_wanted_is_that_of_the_connection(files: Files) -> None:
    def prepare(end: End) -> None:
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(files.authority)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        assert end.transport.ssl(domain).peer_hostname == ""
        end.connection.hostname = "server.example.com"

    meeting = Meeting(prepare, server(files))
    assert meeting.met
    assert meeting.client.transport.ssl().peer_hostname == "server.example.com"


def test_a_client_that_does_not_log_in_is_nobody(files: Files) -> None:
    meeting = Meeting(client(files, certificate=files.client), server(files, verify=True))
    assert meeting.client.transport.user == "anonymous"
    assert "CN=joe" in str(meeting.server.transport.user)


def test_tls_ends_after_the_peer_has_closed(files: Files) -> None:
    # Proton's C library cannot answer a close that comes together with the end of TLS.
    meeting = Meeting(client(files), server(files))
    meeting.client.connection.close()
    pump(meeting.client, meeting.server)
    assert meeting.client.transport.pending() == 0
    assert "TRANSPORT_HEAD_CLOSED" not in meeting.client.names()
    meeting.server.connection.close()
    pump(meeting.client, meeting.server)
    for end in (meeting.client, meeting.server):
        assert end.transport.closed and end.transport.condition is None


def test_tls_ends_although_the_peer_does_not_close(files: Files) -> None:
    meeting = Meeting(client(files), server(files))
    meeting.client.connection.close()
    pump(meeting.client, meeting.server)
    meeting.client.transport._stop_awaiting_close()
    assert len(meeting.client.output()) > 0
    assert meeting.client.transport.pending() < 0


def test_nothing_goes_in_clear(files: Files) -> None:
    end = End("client", False, client(files))
    data = end.output()
    assert data[:1] == b"\x16" and b"AMQP" not in data


def test_an_authority_that_is_not_trusted(files: Files) -> None:
    meeting = Meeting(client(files, files.stranger), server(files))
    assert meeting.failed().startswith("amqp:connection:framing-error: SSL Failure: certificate verify failed")


def test_a_name_that_is_not_in_the_certificate(files: Files) -> None:
    meeting = Meeting(client(files, host="other.example.com"), server(files))
    assert "other.example.com" in meeting.failed()


def test_external_takes_the_user_from_the_certificate(files: Files) -> None:
    meeting = Meeting(
        client(files, certificate=files.client, sasl="EXTERNAL"), server(files, verify=True, sasl="EXTERNAL")
    )
    assert meeting.met
    assert meeting.server.transport.sasl().mech == "EXTERNAL"
    user = meeting.server.transport.user
    assert user is not None and "CN=joe" in user and "O=Client" in user
    assert meeting.server.transport.sasl().outcome == SASL.OK


def test_external_without_a_certificate_is_refused(files: Files) -> None:
    meeting = Meeting(client(files, sasl="EXTERNAL"), server(files, sasl="EXTERNAL"))
    assert not meeting.met
    assert meeting.client.transport.condition is not None
    assert meeting.client.transport.condition.name == "amqp:unauthorized-access"


def test_a_client_must_show_a_certificate_where_it_is_asked_for(files: Files) -> None:
    meeting = Meeting(client(files), server(files, verify=True))
    assert not meeting.met
    assert meeting.server.transport.condition is not None


def test_a_client_in_clear_is_refused_unless_allowed(files: Files) -> None:
    meeting = Meeting(None, server(files))
    assert not meeting.met
    meeting = Meeting(None, server(files, clear=True))
    assert meeting.met and not meeting.server.transport.encrypted


def test_encryption_required_and_had(files: Files) -> None:
    def strict(end: End) -> None:
        server(files)(end)
        end.transport.require_encryption(True)

    assert Meeting(client(files), strict).met


@pytest.mark.parametrize("stranger", [b"HTTP/1.1 400 Bad Request\r\n\r\n", AMQP_HEADER, b"\0" * 100])
@pytest.mark.parametrize("listens", [False, True])
def test_a_peer_without_tls(files: Files, stranger: bytes, listens: bool) -> None:
    end = End("end", listens, server(files) if listens else client(files))
    end.output()
    end.transport.push(stranger)
    end.output()
    assert end.transport.closed
    assert end.transport.condition is not None
    in_clear = listens and stranger == AMQP_HEADER
    assert end.transport.condition.name == f"amqp:connection:{'policy' if in_clear else 'framing'}-error"
    assert "TRANSPORT_ERROR" in end.names()


def test_the_end_of_the_stream_amid_the_handshake(files: Files) -> None:
    a, b = End("a", False, client(files)), End("b", True, server(files))
    b.transport.push(a.output()[:50])
    for end in (a, b):
        end.transport.close_tail()
        end.output()
        assert end.transport.closed and end.transport.condition is not None


def test_the_end_of_tls_without_a_close_is_the_end_of_the_stream(files: Files) -> None:
    meeting = Meeting(client(files), server(files))
    meeting.client.transport.close_tail()
    pump(meeting.client, meeting.server)
    condition = meeting.client.transport.condition
    assert condition is not None and "the peer closed the connection" in str(condition.description)
    assert meeting.client.transport.closed and meeting.server.transport.closed


def test_heartbeats_in_tls(files: Files) -> None:
    def slow(end: End) -> None:
        server(files)(end)
        end.transport.idle_timeout = 20

    meeting = Meeting(client(files), slow)
    end = meeting.client
    assert end.transport.tick(100) == 105
    assert end.output() == b""
    assert end.transport.tick(105) == 110
    data = end.output()
    assert len(data) > 8
    before = meeting.server.transport.frames_input
    meeting.server.transport.push(data)
    assert meeting.server.transport.frames_input == before + 1
    assert 106 < end.transport.tick(106) <= 111
    assert end.output() == b""
