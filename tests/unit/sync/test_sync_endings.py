"""Whatever ends a connection, a session or a link: every call that waits on it fails with the reason, none hangs."""

from __future__ import annotations

import pytest

from syncproton import ConnectionException, LinkException, ProtonException, SessionException
from syncproton.sync import ConnectionClosed, InDoubt, LinkDetached, SessionEnded, connect

TIMEOUT = 20
NAME = "amqp:not-allowed"


@pytest.fixture
def connection(peer):
    connection = connect(peer.url, timeout=TIMEOUT)
    yield connection
    connection.close()


class Receive:
    """A receive under way: the peer has seen its credit."""

    def __init__(self, peer, connection, background):
        self.receiver = connection.create_receiver("q", credit=0)
        self.link = peer.links.get(timeout=TIMEOUT)
        self.result = background(self.receiver.receive)
        peer.credits.get(timeout=TIMEOUT)
        self.again = self.receiver.receive


class SendUnsent:
    """A send that waits for credit."""

    def __init__(self, peer, connection, background):
        peer.credit = 0
        self.sender = connection.create_sender("q")
        self.link = peer.links.get(timeout=TIMEOUT)
        self.result = background(self.sender.send, "x")
        self.again = lambda: self.sender.send("y")
        while not self.sender._driver._queue:
            connection._driver.call(lambda: None)


class SendUnsettled:
    """A send that the peer has seen and does not answer."""

    def __init__(self, peer, connection, background):
        peer.on_transfer = lambda delivery: None
        self.sender = connection.create_sender("q")
        self.link = peer.links.get(timeout=TIMEOUT)
        self.result = background(self.sender.send, "x")
        peer.transfers.get(timeout=TIMEOUT)
        self.again = lambda: self.sender.send("y")


class CreateSender:
    """A link that the peer has seen and does not attach."""

    def __init__(self, peer, connection, background):
        peer.hold_links()
        self.result = background(connection.create_sender, "q")
        self.link = peer.links.get(timeout=TIMEOUT)
        self.again = None


CALLS = [Receive, SendUnsent, SendUnsettled, CreateSender]


def reason(call, error):
    """The exception that names the reason: a message under way makes it the cause of another."""
    if isinstance(call, SendUnsettled):
        assert isinstance(error, InDoubt)
        assert error.in_doubt
        assert "in doubt" in str(error)
        assert str(error.__cause__) in str(error)
        return error.__cause__
    return error


@pytest.fixture(params=CALLS)
def call(request, peer, connection, background):
    return request.param(peer, connection, background)


def fails_again(call, kind):
    if call.again is not None:
        with pytest.raises(kind) as info:
            call.again()
        assert info.value.__traceback__ is not None


def test_the_peer_closes_the_link_with_an_error(peer, connection, call):
    if isinstance(call, CreateSender):
        peer.do(call.link.open)
    peer.close_with(call.link, NAME)
    error = reason(call, call.result.exception(TIMEOUT))
    assert type(error) is LinkDetached
    assert isinstance(error, LinkException)
    assert (error.condition, error.description) == (NAME, "by the peer")
    assert NAME in str(error) and "by the peer" in str(error)
    fails_again(call, LinkDetached)
    assert not connection.closed


def test_the_peer_closes_the_link_without_an_error(peer, connection, call):
    if isinstance(call, CreateSender):
        peer.do(call.link.open)
    peer.close_with(call.link)
    error = reason(call, call.result.exception(TIMEOUT))
    assert type(error) is LinkDetached
    assert error.condition is None
    assert str(error).endswith("closed by peer")
    fails_again(call, LinkDetached)


def test_the_peer_detaches_the_link(peer, connection, call):
    if isinstance(call, CreateSender):
        peer.do(call.link.open)
    peer.detach(call.link)
    assert type(reason(call, call.result.exception(TIMEOUT))) is LinkDetached
    fails_again(call, LinkDetached)


def test_the_peer_ends_the_session(peer, connection, call):
    peer.close_with(call.link.session, NAME)
    error = reason(call, call.result.exception(TIMEOUT))
    assert type(error) is SessionEnded
    assert isinstance(error, SessionException)
    assert (error.condition, error.description) == (NAME, "by the peer")
    fails_again(call, SessionEnded)
    assert not connection.closed


def test_the_peer_closes_the_connection(peer, connection, call):
    peer.close_with(call.link.connection, NAME)
    error = reason(call, call.result.exception(TIMEOUT))
    assert type(error) is ConnectionClosed
    assert isinstance(error, ConnectionException)
    assert (error.condition, error.description) == (NAME, "by the peer")
    fails_again(call, ConnectionClosed)
    assert connection.closed
    with pytest.raises(ConnectionClosed):
        connection.create_sender("other")


def test_the_socket_is_cut(peer, connection, call):
    peer.cut(call.link.connection)
    error = reason(call, call.result.exception(TIMEOUT))
    assert type(error) is ConnectionException
    assert str(error).startswith(f"Connection {peer.url} disconnected")
    assert error.condition
    fails_again(call, ConnectionException)
    assert connection.closed


def test_the_connection_is_closed_from_this_side(peer, connection, call):
    connection.close()
    error = reason(call, call.result.exception(TIMEOUT))
    assert isinstance(error, ConnectionException)
    assert str(error) == f"Connection {peer.url} is closed"
    fails_again(call, ConnectionException)


@pytest.mark.parametrize("call", CALLS[:3], indirect=True)
def test_the_link_is_closed_from_this_side(peer, connection, call):
    link = getattr(call, "sender", None) or call.receiver
    link.close()
    error = reason(call, call.result.exception(TIMEOUT))
    assert type(error) is LinkException
    assert str(error).endswith("is closed")
    assert link.closed
    fails_again(call, LinkException)
    link.close()


def test_the_container_ends(peer, connection, call):
    connection.container.stop()
    error = reason(call, call.result.exception(TIMEOUT))
    assert isinstance(error, ConnectionException)
    assert "container" in str(error)
    fails_again(call, ProtonException)


def test_a_handler_raises(peer, connection, call, caplog):
    def broken():
        raise ZeroDivisionError("in a handler")

    connection.container.submit_soon(broken)
    error = reason(call, call.result.exception(TIMEOUT))
    assert isinstance(error, ConnectionException)
    assert isinstance(error.__cause__, ZeroDivisionError)
    fails_again(call, ConnectionException)


def test_a_new_link_is_made_on_a_new_session(peer, connection):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    peer.close_with(link.session, NAME)
    with pytest.raises(SessionEnded):
        receiver.receive()
    assert connection.create_receiver("q").address == "q"


def test_one_link_ends_and_the_others_go_on(peer, connection):
    one, other = connection.create_receiver("a"), connection.create_receiver("b")
    link_a, link_b = peer.links.get(timeout=TIMEOUT), peer.links.get(timeout=TIMEOUT)
    peer.close_with(link_a, NAME)
    with pytest.raises(LinkDetached):
        one.receive()
    peer.give(link_b, "x")
    assert other.receive().body == "x"


def test_messages_that_the_sender_settled_are_not_lost_with_the_link(peer, connection):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    peer.give(link, 1, 2, settled=True)
    peer.give(link, 3)
    peer.close_with(link)
    connection.create_sender("fence")
    assert [receiver.receive().body for _ in range(2)] == [1, 2]
    with pytest.raises(LinkDetached):
        receiver.receive()


def test_settling_after_the_end_says_so(peer, connection):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    peer.give(link, 1, 2)
    messages = [receiver.receive(), receiver.receive()]
    peer.close_with(link, NAME)
    with pytest.raises(LinkDetached):
        receiver.receive()
    with pytest.raises(LinkDetached):
        messages[0].accept()
    with pytest.raises(LinkDetached):
        receiver.accept()


def test_iteration_raises_when_the_peer_ends_the_link(peer, connection):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    peer.give(link, 1, settled=True)
    peer.close_with(link, NAME)
    seen = []
    with pytest.raises(LinkDetached):
        for message in receiver:
            seen.append(message.body)
    assert seen == [1]


def test_a_block_does_not_hide_its_own_exception(peer):
    with pytest.raises(KeyError):
        with connect(peer.url, timeout=TIMEOUT) as connection, connection.create_sender("q"):
            peer.cut(peer.links.get(timeout=TIMEOUT).connection)
            raise KeyError("mine")
