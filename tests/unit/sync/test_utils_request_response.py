"""proton.utils' SyncRequestResponse."""

from __future__ import annotations

import threading

import pytest

from syncproton import Message, Timeout
from syncproton.handlers import IncomingMessageHandler, MessagingHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection, LinkDetached, SyncRequestResponse

TIMEOUT = 20


class Server(MessagingHandler):
    """Answers requests with their bodies in capitals; takes two at a time and answers them in reverse order."""

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.held = []
        self.pairs = False

    def on_start(self, event):
        connection = event.container.connect(self.url)
        event.container.create_receiver(connection, "requests")
        self.replies = event.container.create_sender(connection, None)

    def on_message(self, event):
        self.held.append(event.message)
        if len(self.held) > self.pairs:
            while self.held:
                request = self.held.pop()
                self.replies.send(Message(
                    body=request.body.upper(), address=request.reply_to, correlation_id=request.correlation_id
                ))


@pytest.fixture
def server(broker):
    server = Server(broker.url)
    container = Container(server)
    container.start_background()
    yield server
    container.close(0)


@pytest.fixture
def connection(broker, server):
    with BlockingConnection(broker.url, timeout=TIMEOUT) as connection:
        yield connection


def test_call(connection):
    client = SyncRequestResponse(connection, "requests")
    assert isinstance(client, IncomingMessageHandler)
    assert client.response is None
    for word in ("one", "two", "three"):
        request = Message(body=word)
        response = client.call(request)
        assert response.body == word.upper()
        assert request.reply_to == client.reply_to == client.receiver.remote_source.address
        assert response.correlation_id == request.correlation_id
        assert isinstance(request.correlation_id, str)  # Some services know no other kind.
        assert client.response is response


def test_an_address_for_each_request(connection):
    client = SyncRequestResponse(connection)
    assert client.call(Message(body="x", address="requests")).body == "X"
    with pytest.raises(ValueError, match="Request message has no address"):
        client.call(Message(body="x"))


def test_no_response(connection):
    client = SyncRequestResponse(connection, "nobody")
    connection.timeout = 0.05
    with pytest.raises(Timeout, match="Waiting for response$"):
        client.call(Message(body="x"))
    connection.timeout = TIMEOUT


def test_many_threads_call_at_once(connection, server):
    server.pairs = True
    client = SyncRequestResponse(connection, "requests")
    got = {}

    def call(word):
        got[word] = client.call(Message(body=word)).body

    threads = [threading.Thread(target=call, args=(f"word {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert got == {f"word {number}": f"WORD {number}" for number in range(8)}


def test_the_reply_link_goes(peer, background):
    with BlockingConnection(peer.url, timeout=TIMEOUT) as connection:
        client = SyncRequestResponse(connection, "requests")
        links = [peer.links.get(timeout=TIMEOUT) for _ in range(2)]
        result = background(client.call, Message(body="x"))
        peer.transfers.get(timeout=TIMEOUT)
        peer.close_with(next(link for link in links if link.is_sender), "amqp:resource-deleted")
        error = result.exception(TIMEOUT)
        assert isinstance(error, LinkDetached)
        assert error.condition == "amqp:resource-deleted"


@pytest.mark.parametrize("connection", [None, 5, object()])
def test_only_connections_take_requests(connection):
    with pytest.raises(TypeError):
        SyncRequestResponse(connection, "requests")
