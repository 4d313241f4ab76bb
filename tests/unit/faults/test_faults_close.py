"""How a connection ends when the peer is slow to answer the close, never does, or drops the socket instead."""

from __future__ import annotations

import socket
import ssl
from typing import Any, List, Optional

import pytest
import trustme
from faults_clients import within
from scripted_peer import FAREWELL, OPENED, Talk, hear, leave, reset, stay_silent

from syncproton import SSLDomain
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection
from syncproton.wire.performatives import Close

#: The callbacks after which nothing more comes: those of proton, in proton's order, see docs/porting.rst.
ANSWERED = ["on_connection_closed", "on_transport_tail_closed", "on_transport_closed"]
DROPPED = ["on_transport_tail_closed", "on_transport_closed", "on_transport_error"]


class Closing(MessagingHandler):
    """Closes as soon as the connection is open, and takes down what comes after."""

    def __init__(self, url: str, ssl_domain: Optional[SSLDomain] = None) -> None:
        super().__init__()
        self.url = url
        self.ssl_domain = ssl_domain
        self.trace: List[str] = []

    def on_start(self, event: Any) -> None:
        event.container.connect(self.url, ssl_domain=self.ssl_domain)

    def on_connection_opened(self, event: Any) -> None:
        event.connection.close()

    def on_unhandled(self, method: str, event: Any) -> None:
        if method.endswith("_closed") and "head" not in method:
            self.trace.append(method)

    def on_connection_closed(self, event: Any) -> None:
        self.trace.append("on_connection_closed")

    def on_transport_error(self, event: Any) -> None:
        self.trace.append("on_transport_error")

    def on_disconnected(self, event: Any) -> None:
        self.trace.append("on_disconnected")


def take_the_end_of_the_stream_for_the_end(talk: Talk) -> None:
    """As Artemis does: a client whose end of the stream comes before the close was answered is dropped."""
    talk.sock.settimeout(0.2)
    with pytest.raises(socket.timeout):
        talk.sock.recv(1)


def test_the_stream_stays_open_until_the_close_is_answered(peer: Any) -> None:
    slow = peer([*OPENED, hear(Close), take_the_end_of_the_stream_for_the_end, *FAREWELL[1:]])
    program = Closing(slow.url)
    Container(program).run()
    assert program.trace == ANSWERED


@pytest.mark.parametrize("go", [leave, reset])
def test_a_peer_that_drops_the_socket_instead_of_answering_the_close(peer: Any, go: Any) -> None:
    program = Closing(peer([*OPENED, hear(Close), go]).url)
    with within(0):
        Container(program).run()
    assert program.trace == DROPPED


@pytest.mark.parametrize("go", [leave, reset])
def test_a_blocking_close_is_clean_where_the_peer_drops_the_socket(peer: Any, go: Any) -> None:
    connection = BlockingConnection(peer([*OPENED, hear(Close), go]).url, timeout=5)
    with within(0):
        connection.close()


def test_a_peer_that_never_answers_the_close_is_told_by_the_end_of_the_stream(peer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("syncproton.reactor.io.ANSWER_TIME", 0.05)
    program = Closing(peer([*OPENED, hear(Close), stay_silent]).url)
    with within(0):
        Container(program).run()
    assert program.trace == DROPPED


@pytest.mark.parametrize("answers", [True, False])
def test_the_end_of_tls_waits_for_the_answer_to_the_close_but_not_for_ever(
    peer: Any, monkeypatch: Any, answers: bool
) -> None:
    monkeypatch.setattr("syncproton.reactor.io.ANSWER_TIME", 30 if answers else 0.05)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_peer_authentication(SSLDomain.ANONYMOUS_PEER)

    def encrypt(talk: Talk) -> None:
        talk.sock = context.wrap_socket(talk.sock, server_side=True, suppress_ragged_eofs=False)

    def hear_the_end(talk: Talk) -> None:
        assert talk.sock.recv(1) == b""
        talk.sock.close()

    answer = [take_the_end_of_the_stream_for_the_end, *FAREWELL[1:]] if answers else []
    server = peer([encrypt, *OPENED, hear(Close), *answer, hear_the_end])
    program = Closing(server.url.replace("amqp:", "amqps:"), domain)
    with within(0):
        Container(program).run()
    assert program.trace == (ANSWERED if answers else DROPPED)
    assert server.talk().over.wait(5), "the end was not heard"


def test_a_peer_that_does_not_go_at_all_is_given_up(peer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("syncproton.reactor.io.ANSWER_TIME", 0.05)
    monkeypatch.setattr("syncproton.reactor.io.LINGER", 0.05)
    program = Closing(peer([*OPENED, hear(Close), wait_for_the_reset]).url)
    with within(0):
        Container(program).run()
    assert program.trace == DROPPED


def wait_for_the_reset(talk: Talk) -> None:
    """Read nothing, and go on writing until the client's socket is no more."""
    while True:
        try:
            talk.sock.sendall(bytes.fromhex("0000000802000000"))
        except ConnectionError:
            talk.sock.close()
            return
