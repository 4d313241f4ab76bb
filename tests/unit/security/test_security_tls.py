"""Two TLS layers against each other in memory, fed whole and byte by byte."""

from __future__ import annotations

from typing import Tuple

import pytest
from security_peers import ANONYMOUS, VERIFY, Pump, client_domain, client_layer, server_domain

from syncproton.errors import ProtocolError, SSLException
from syncproton.security import SSLSessionDetails, TlsHolder, TlsLayer


@pytest.fixture(params=[1 << 30, 1000, 1], ids=["whole", "pieces", "bytes"])
def step(request) -> int:
    return request.param  # type: ignore[no-any-return]


def connected(pki, step=1 << 30, client=None, server=None) -> Tuple[TlsLayer, TlsLayer, Pump]:
    client = client or client_layer(pki)
    server = server or TlsLayer(server_domain(pki), True)
    pump = Pump(client, server, step).run()
    assert (pump.client_error, pump.server_error) == (None, None)
    assert client.handshaken and server.handshaken
    return client, server, pump


def test_what_was_sent_early_waits_for_the_handshake(pki, step):
    client, server = client_layer(pki), TlsLayer(server_domain(pki), True)
    client.send(b"from client ")
    client.send(b"twice")
    server.send(b"from server")
    pump = Pump(client, server, step).run()
    assert (bytes(pump.at_server), bytes(pump.at_client)) == (b"from client twice", b"from server")


def test_long_data_both_ways(pki, step):
    client, server, pump = connected(pki, step)
    data = bytes(range(256)) * (4096 if step > 1 else 16)
    client.send(data)
    server.send(memoryview(data)[::-1].tobytes())
    pump.run()
    assert bytes(pump.at_server) == data and bytes(pump.at_client) == data[::-1]


def test_what_a_program_may_ask(pki):
    client, server, _ = connected(pki)
    for layer in (client, server):
        assert layer.protocol_name == "TLSv1.3"
        assert layer.cipher_name is not None and layer.cipher_name.startswith("TLS_")
        assert not layer.session_reused and not layer.plain
    assert client.peer is not None and server.peer is None
    fresh = client_layer(pki)
    assert (fresh.protocol_name, fresh.cipher_name, fresh.peer, fresh.external_identity) == (None,) * 4


def test_close_reaches_the_peer_after_the_data(pki, step):
    client, server, pump = connected(pki, step)
    client.send(b"last words")
    client.close()
    client.close()
    assert client.closed
    pump.run()
    assert bytes(pump.at_server) == b"last words" and server.eof and not client.eof
    server.receive_eof()
    server.send(b"answer")
    server.close()
    pump.run()
    assert bytes(pump.at_client) == b"answer" and client.eof
    assert client.receive(b"anything") == b"" and client.output() == b""


def test_closing_before_the_handshake_ends_still_sends_everything(pki, step):
    client, server = client_layer(pki), TlsLayer(server_domain(pki), True)
    client.send(b"open and close")
    client.close()
    assert not client.closed
    pump = Pump(client, server, step).run()
    assert client.closed and server.eof and bytes(pump.at_server) == b"open and close"


def test_closing_before_anything_was_said(pki):
    client = client_layer(pki)
    client.close()
    assert client.closed and client.output() == b""
    server = TlsLayer(server_domain(pki), True)
    server.close()
    assert server.closed and server.output() == b""


def test_an_end_without_goodbye_is_an_error(pki):
    client, server, _ = connected(pki)
    with pytest.raises(SSLException, match=r"unexpected eof while reading \(the peer closed the connection\)"):
        client.receive_eof()
    waiting = client_layer(pki)
    waiting.output()
    with pytest.raises(SSLException, match="closed the connection in the TLS handshake"):
        waiting.receive_eof()
    with pytest.raises(SSLException):
        waiting.send(b"more")


def test_a_damaged_record(pki):
    client, server, _ = connected(pki)
    client.send(b"a message")
    record = bytearray(client.output())
    record[-1] ^= 1
    with pytest.raises(SSLException, match="^SSL Failure: .*mac"):
        server.receive(record)
    with pytest.raises(SSLException):
        server.receive(b"more")
    assert server.closed


def test_what_came_before_the_fault_is_handed_up(pki):
    client, server, _ = connected(pki)
    client.send(b"last words")
    data = client.output() + b"and then garbage"
    assert server.receive(data) == b"last words" and server.closed
    with pytest.raises(SSLException):
        server.receive(b"")
    with pytest.raises(SSLException):
        server.receive_eof()


@pytest.mark.parametrize(
    "answer, words",
    [
        (b"AMQP\x00\x01\x00\x00", "speaks no TLS"),
        (b"AMQP\x03\x01\x00\x00", "speaks no TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks no TLS"),
        (b"\x00" * 64, "speaks no TLS"),
    ],
)
def test_a_client_meets_a_server_without_tls(pki, step, answer, words):
    client = client_layer(pki)
    client.output()
    with pytest.raises(SSLException, match=words):
        for start in range(0, len(answer), step):
            client.receive(answer[start:start + step])


def test_a_server_meets_http(pki):
    server = TlsLayer(server_domain(pki), True)
    with pytest.raises(SSLException, match="the peer speaks HTTP, not TLS"):
        server.receive(b"GET / HTTP/1.1\r\n\r\n")


def test_a_server_meets_amqp_in_clear(pki, step):
    server = TlsLayer(server_domain(pki), True)
    with pytest.raises(ProtocolError) as caught:
        server.receive(b"AMQP\x00\x01\x00\x00"[:step])
    assert caught.value.condition == "amqp:connection:policy-error"
    assert caught.value.description == "Client connection unencrypted - forbidden"
    assert server.output() == b"" and not server.plain


def test_a_server_that_allows_it_meets_amqp_in_clear(pki, step):
    domain = server_domain(pki)
    domain.allow_unsecured_client()
    server = TlsLayer(domain, True)
    server.send(b"early ")
    header = b"AMQP\x00\x01\x00\x00"
    received = b"".join(server.receive(header[start:start + step]) for start in range(0, 8, step))
    server.send(b"late")
    assert received == header and server.plain and server.output() == b"early late"
    assert not server.handshaken and server.external_identity is None
    server.receive_eof()
    server.close()
    assert server.closed


def test_a_server_that_allows_clear_still_does_tls(pki, step):
    domain = server_domain(pki)
    domain.allow_unsecured_client()
    connected(pki, step, server=TlsLayer(domain, True))


def test_a_session_is_resumed(pki):
    domain, servers = client_domain(pki), server_domain(pki)
    details = SSLSessionDetails("server:5671")
    reused = []
    for _ in range(3):
        client = client_layer(pki, domain=domain, details=details)
        server = TlsLayer(servers, True)
        connected(pki, client=client, server=server)
        reused.append((client.session_reused, server.session_reused))
        assert client.peer is not None and "trustme" in str(client.peer.subject)
    assert reused == [(False, False), (True, True), (True, True)]
    assert not connected(pki, client=client_layer(pki, domain=domain))[0].session_reused
    other = client_layer(pki, domain=domain, details=SSLSessionDetails("other:5671"))
    assert not connected(pki, client=other, server=TlsLayer(servers, True))[0].session_reused


def test_a_resumed_session_is_checked_for_the_name_again(pki):
    domain, servers = client_domain(pki), server_domain(pki)
    details = SSLSessionDetails("s")
    connected(pki, client=client_layer(pki, domain=domain, details=details), server=TlsLayer(servers, True))
    client = client_layer(pki, "other.example.com", domain, details)
    assert "hostname mismatch" in str(Pump(client, TlsLayer(servers, True)).run().client_error)


def test_no_session_survives_a_change_of_settings(pki):
    domain, servers = client_domain(pki, ANONYMOUS), server_domain(pki)
    details = SSLSessionDetails("s")
    connected(pki, client=client_layer(pki, domain=domain, details=details), server=TlsLayer(servers, True))
    domain.set_trusted_ca_db(pki.other_ca)
    domain.set_peer_authentication(VERIFY)
    client = client_layer(pki, domain=domain, details=details)
    assert "certificate verify failed" in str(Pump(client, TlsLayer(servers, True)).run().client_error)


def test_sides_do_not_mix(pki):
    with pytest.raises(SSLException, match="a server needs an SSLDomain of a server"):
        TlsLayer(client_domain(pki), True)
    with pytest.raises(SSLException, match="a client needs an SSLDomain of a client"):
        TlsLayer(server_domain(pki), False)


@pytest.mark.parametrize("host", ["x" * 300, ".leading", "a..b\u00e9"])
def test_a_host_name_that_is_none(pki, host):
    with pytest.raises(SSLException, match="no host name for TLS"):
        client_layer(pki, host).output()


def test_a_holder_attaches_once(pki):
    holder, domain, details = TlsHolder(), client_domain(pki), SSLSessionDetails("s")
    layer = holder.attach(domain, details, False, "host")
    assert holder.layer is layer and layer.hostname == "host" and layer.session_details is details
    assert holder.attach(domain, details, False) is layer
    assert holder.attach(None, None, False) is layer
    with pytest.raises(SSLException, match="another SSLDomain"):
        holder.attach(client_domain(pki), None, False)
    with pytest.raises(SSLException, match="another session"):
        holder.attach(domain, SSLSessionDetails("s"), False)


@pytest.mark.parametrize("server", [False, True])
def test_a_holder_makes_a_domain_if_none_is_given(server):
    layer = TlsHolder().attach(None, None, server)
    assert layer.domain.server is server and layer.domain.verifies is not server
