"""Connecting: what can go wrong and how it is told, timeouts, threads, containers, and coming back."""

from __future__ import annotations

import copy
import gc
import pickle
import queue
import socket
import threading
import time

import pytest

import syncproton
from syncproton import ConnectionException, LinkException, ProtonException, Timeout, WrongThread
from syncproton.broker import Broker
from syncproton.engine import Condition
from syncproton.reactor import Backoff, Container
from syncproton.sync import ConnectionClosed, InDoubt, connect
from syncproton.url import Url

TIMEOUT = 20


@pytest.fixture
def listener():
    """A socket that listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server):
    return server.getsockname()[1]


@pytest.fixture
def no_one():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = port_of(server)
    return port


def io_threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("syncproton-")}


def test_refused(no_one):
    before = io_threads()
    with pytest.raises(ConnectionException, match="refused") as info:
        connect(f"amqp://127.0.0.1:{no_one}", timeout=TIMEOUT)
    assert str(info.value).startswith(f"Connection amqp://127.0.0.1:{no_one} disconnected")
    assert info.value.condition and info.value.description
    assert io_threads() <= before


def test_unknown_host():
    with pytest.raises(ConnectionException, match="no-such-host.invalid"):
        connect("amqp://no-such-host.invalid", timeout=TIMEOUT)


def test_silent_host(listener):
    before = io_threads()
    with pytest.raises(Timeout, match="Opening connection"):
        connect(f"amqp://127.0.0.1:{port_of(listener)}", timeout=0.1)
    assert io_threads() <= before


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"AMQP\x00\x00\x09\x01", b"", b"\x00" * 100])
def test_not_amqp(listener, background, greeting):
    result = background(connect, f"amqp://127.0.0.1:{port_of(listener)}", timeout=TIMEOUT)
    accepted, _ = listener.accept()
    with accepted:
        accepted.sendall(greeting)
    error = result.exception(TIMEOUT)
    assert isinstance(error, ConnectionException)


def test_the_peer_closes_at_once(peer, background):
    peer.answers_open = False
    peer.handlers = []
    result = background(connect, peer.url, timeout=TIMEOUT)
    connection = peer.connections.get(timeout=TIMEOUT)
    peer.do(connection.open)
    peer.close_with(connection, "amqp:connection:forced")
    error = result.exception(TIMEOUT)
    if error is None:  # it was open for a moment
        with pytest.raises(ConnectionClosed) as info:
            result.result().create_sender("q")
        error = info.value
    assert error.condition == "amqp:connection:forced"


def test_a_failed_login(peer):
    peer.container.allowed_mechs = "ANONYMOUS"
    with pytest.raises(ConnectionException) as info:
        connect(Url(peer.url, username="me", password="hush"), timeout=TIMEOUT, allowed_mechs="PLAIN")
    assert info.value.condition == "amqp:unauthorized-access"
    assert "hush" not in str(info.value)
    assert "//me@" in str(info.value)


def test_a_failed_login_is_not_tried_again(peer):
    peer.container.allowed_mechs = "ANONYMOUS"
    url = Url(peer.url, username="me", password="hush")
    with pytest.raises(ConnectionException) as info:
        connect(url, timeout=TIMEOUT, allowed_mechs="PLAIN", reconnect=True)
    assert info.value.condition == "amqp:unauthorized-access"


def test_an_unknown_scheme():
    with pytest.raises(ProtonException, match="http"):
        connect("http://127.0.0.1", timeout=TIMEOUT)


def test_a_misspelt_keyword(broker):
    before = io_threads()
    with pytest.raises(TypeError, match="hearbeat"):
        connect(broker.url, hearbeat=5)
    assert io_threads() <= before


@pytest.mark.parametrize("timeout, kind", [(-1, ValueError), ("5", TypeError), (True, TypeError)])
def test_impossible_timeouts(broker, timeout, kind):
    with pytest.raises(kind, match="timeout"):
        connect(broker.url, timeout=timeout)
    with connect(broker.url, timeout=TIMEOUT) as connection:
        sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
        for call in (
            lambda: connection.create_sender("q", timeout=timeout),
            lambda: connection.create_receiver("q", timeout=timeout),
            lambda: sender.send("x", timeout=timeout),
            lambda: receiver.receive(timeout=timeout),
            lambda: sender.close(timeout=timeout),
            lambda: receiver.close(timeout=timeout),
            lambda: connection.close(timeout=timeout),
        ):
            with pytest.raises(kind, match="timeout"):
                call()
        sender.send("still usable")
        assert receiver.receive().body == "still usable"


@pytest.mark.parametrize("credit, kind", [(-1, ValueError), ("5", TypeError), (1.5, TypeError), (True, TypeError)])
def test_impossible_credit(broker, credit, kind):
    with connect(broker.url, timeout=TIMEOUT) as connection, pytest.raises(kind, match="credit"):
        connection.create_receiver("q", credit=credit)


def test_neither_url_nor_urls(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MESSAGING_CONNECT_FILE", raising=False)
    with pytest.raises(ValueError):
        connect()
    with pytest.raises(ValueError):
        connect(urls=[])


def test_each_of_several_urls_is_tried_once(broker, no_one):
    urls = [f"amqp://127.0.0.1:{no_one}", broker.url]
    with connect(urls=urls, timeout=TIMEOUT) as connection:
        connection.create_sender("q").send(1)
    with pytest.raises(ConnectionException, match="refused"):
        connect(urls=[urls[0], urls[0]], timeout=TIMEOUT)


def test_without_reconnect_a_lost_connection_stays_lost(peer):
    with connect(urls=[peer.url, peer.url], timeout=TIMEOUT) as connection:
        receiver = connection.create_receiver("q")
        peer.cut(peer.links.get(timeout=TIMEOUT).connection)
        with pytest.raises(ConnectionException):
            receiver.receive()
        assert connection.closed
    assert peer.connections.qsize() == 1


# --- time running out


def test_the_peer_never_attaches(peer):
    with connect(peer.url, timeout=TIMEOUT) as connection:
        peer.hold_links()
        with pytest.raises(Timeout, match="Opening link "):
            connection.create_sender("q", timeout=0.1)
        with pytest.raises(Timeout, match="Opening link mine"):
            connection.create_receiver("q", name="mine", timeout=0.1)


def test_the_peer_never_grants_credit(peer):
    peer.credit = 0
    with connect(peer.url, timeout=TIMEOUT) as connection:
        sender = connection.create_sender("q")
        link = peer.links.get(timeout=TIMEOUT)
        with pytest.raises(Timeout, match="it was not sent, for want of credit"):
            sender.send("never", timeout=0.1)
        peer.do(link.flow, 5)
        sender.send("now")
        assert peer.transfers.get(timeout=TIMEOUT).body == "now"
        assert peer.transfers.empty()


def test_the_peer_never_settles(peer):
    peer.on_transfer = lambda delivery: None
    with connect(peer.url, timeout=TIMEOUT) as connection:
        sender = connection.create_sender("q")
        with pytest.raises(Timeout, match="its outcome is in doubt"):
            sender.send("x", timeout=0.1)
        assert peer.transfers.get(timeout=TIMEOUT).body == "x"


def test_the_peer_never_closes(peer):
    peer.hold_links()
    connection = connect(peer.url, timeout=TIMEOUT)
    peer.on_connection_remote_close = lambda event: None
    with pytest.raises(Timeout, match="Closing connection"):
        connection.close(timeout=0.1)
    connection.close()


@pytest.mark.parametrize("kind", ["sender", "receiver"])
def test_a_link_whose_close_timed_out_is_closed_nevertheless(peer, kind):
    with connect(peer.url, timeout=TIMEOUT) as connection:
        link = getattr(connection, f"create_{kind}")("q")
        closing = queue.Queue()
        peer.on_link_closing = closing.put
        busy, go_on = threading.Event(), threading.Event()
        connection.container.submit(lambda: (busy.set(), go_on.wait(TIMEOUT)))
        assert busy.wait(TIMEOUT)
        with pytest.raises(Timeout, match="Closing link"):
            link.close(timeout=0.05)
        assert closing.empty()
        go_on.set()
        assert closing.get(timeout=TIMEOUT).link.name == link.name


@pytest.mark.parametrize("use", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_connection_is_not_to_be_copied(broker, use):
    with connect(broker.url, timeout=TIMEOUT) as connection:
        for each in (connection, connection.create_sender("q")):
            if use is not copy.copy or each is connection:
                with pytest.raises(TypeError, match="cannot be copied or sent to another process"):
                    use(each)


def test_a_timed_out_receive_takes_no_message_with_it(peer):
    with connect(peer.url, timeout=TIMEOUT) as connection:
        receiver = connection.create_receiver("q", credit=0)
        link = peer.links.get(timeout=TIMEOUT)
        with pytest.raises(Timeout, match="Receiving on receiver"):
            receiver.receive(timeout=0)
        peer.give(link, "late")
        assert receiver.receive().body == "late"


def test_a_peer_that_gives_credit_does_not_refuse_though_it_attaches_without_the_address(peer, connected, monkeypatch):
    monkeypatch.setattr("syncproton.sync.link_driver.REASON_TIMEOUT", 3600)

    def attach(link):
        link.open()
        link.flow(peer.credit)

    peer.on_attach = attach
    sender = connected(peer).create_sender("q")
    assert sender.address is None
    sender.send("x")
    assert peer.transfers.get(timeout=TIMEOUT).body == "x"


def test_a_peer_that_gives_credit_and_refuses_all_the_same(peer, connected, monkeypatch):
    monkeypatch.setattr("syncproton.sync.link_driver.REASON_TIMEOUT", 3600)

    def attach(link):
        link.open()
        link.flow(peer.credit)
        link.condition = Condition("amqp:not-found")
        link.close()

    peer.on_attach = attach
    with pytest.raises(LinkException, match="not-found"):
        connected(peer).create_sender("q").send("x")


# --- threads and containers


def test_no_blocking_on_the_io_thread(broker):
    with connect(broker.url, timeout=TIMEOUT) as connection:
        sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
        for call in (
            lambda: connection.create_sender("q"),
            lambda: connection.create_receiver("q"),
            lambda: sender.send("x"),
            receiver.receive,
            lambda: next(receiver),
            sender.close,
            receiver.close,
            connection.close,
            lambda: connect(broker.url, container=connection.container),
        ):
            with pytest.raises(WrongThread):
                connection.container.submit(call).result(TIMEOUT)
        sender.send("still usable")
        assert receiver.receive().body == "still usable"


def test_a_message_may_be_settled_on_the_io_thread(broker):
    with connect(broker.url, timeout=TIMEOUT) as connection:
        connection.create_sender("q").send(1)
        message = connection.create_receiver("q").receive()
        connection.container.submit(message.accept).result(TIMEOUT)
        assert message.settled


def test_close_ends_the_thread(broker):
    before = io_threads()
    connection = connect(broker.url, timeout=TIMEOUT)
    assert len(io_threads()) == len(before) + 1
    connection.close()
    connection.close()
    assert io_threads() <= before
    assert connection.closed
    with pytest.raises(ConnectionException, match="is closed"):
        connection.create_sender("q")


def test_a_forgotten_connection_is_closed(peer):
    before = io_threads()
    connection = connect(peer.url, timeout=TIMEOUT)
    sender = connection.create_sender("q")
    transport = peer.connections.get(timeout=TIMEOUT).transport
    del connection, sender
    gc.collect()
    deadline = time.monotonic() + TIMEOUT
    while (io_threads() - before or not transport.closed) and time.monotonic() < deadline:
        peer.do(lambda: None)
    assert not io_threads() - before
    assert transport.closed


def test_a_container_of_ones_own_is_shared_and_left_running(broker):
    container = Container()
    container.start_background()
    try:
        with connect(broker.url, timeout=TIMEOUT, container=container) as one:
            with connect(broker.url, timeout=TIMEOUT, container=container) as other:
                assert one.container is other.container is container
                one.create_sender("q").send(1)
                assert other.create_receiver("q").receive().body == 1
            assert not one.closed
        assert container.in_background
    finally:
        container.close()
    with pytest.raises(ProtonException):
        one.create_sender("q")


def test_a_container_that_does_not_run_yet_is_started(broker):
    container = Container()
    try:
        with connect(broker.url, timeout=TIMEOUT, container=container) as connection:
            connection.create_sender("q").send(1)
    finally:
        container.close()


def test_a_handler_gets_the_events_too(broker):
    seen = []

    class Handler:
        def on_connection_remote_open(self, event):
            seen.append(event.connection.remote_container)

    with connect(broker.url, timeout=TIMEOUT, handler=Handler()):
        assert len(seen) == 1


def test_url_and_path():
    with Broker("amqp://127.0.0.1:0") as broker:
        url = broker.url.replace("amqp://", "amqp://user:secret@")
        with connect(url + "/place", timeout=TIMEOUT) as connection:
            assert connection.url == broker.url.replace("amqp://", "amqp://user@")
            assert "secret" not in repr(connection)
            assert connection.create_receiver().address == "place"


# --- reconnect


class Fast(Backoff):
    def __init__(self):
        super().__init__(initial=0.01, max_delay=0.02)


def test_with_reconnect_links_come_back(peer, background):
    with connect(peer.url, timeout=TIMEOUT, reconnect=Fast()) as connection:
        sender = connection.create_sender("a")
        receiver = connection.create_receiver("b")
        first = [peer.links.get(timeout=TIMEOUT) for _ in range(2)]
        result = background(receiver.receive)
        peer.cut(first[0].connection)
        again = {link.is_receiver: link for link in (peer.links.get(timeout=TIMEOUT) for _ in range(2))}
        peer.credits.get(timeout=TIMEOUT)
        sender.send("x")
        assert peer.transfers.get(timeout=TIMEOUT).body == "x"
        peer.give(again[False], "y")
        assert result.result(TIMEOUT).body == "y"
        assert not connection.closed


def test_with_reconnect_a_message_under_way_is_in_doubt(peer, background):
    peer.on_transfer = lambda delivery: None
    with connect(peer.url, timeout=TIMEOUT, reconnect=Fast()) as connection:
        sender = connection.create_sender("a")
        link = peer.links.get(timeout=TIMEOUT)
        result = background(sender.send, "x")
        peer.transfers.get(timeout=TIMEOUT)
        peer.cut(link.connection)
        assert isinstance(result.exception(TIMEOUT), InDoubt)
        peer.on_transfer = peer.accept_transfer
        sender.send("y")


def test_with_reconnect_a_message_of_before_cannot_be_settled(peer):
    with connect(peer.url, timeout=TIMEOUT, reconnect=Fast()) as connection:
        receiver = connection.create_receiver("a")
        link = peer.links.get(timeout=TIMEOUT)
        peer.give(link, 1)
        message = receiver.receive()
        peer.cut(link.connection)
        link = peer.links.get(timeout=TIMEOUT)
        message.accept()
        peer.give(link, 2)
        receiver.receive().accept()
        assert peer.outcomes.get(timeout=TIMEOUT)[0] == syncproton.Delivery.ACCEPTED
        assert peer.outcomes.empty()


def test_with_reconnect_a_connection_can_be_closed_while_it_is_down(no_one, broker):
    connection = connect(broker.url, timeout=TIMEOUT, reconnect=[0, 3600])
    broker.close()
    sent = connection._driver
    deadline = time.monotonic() + TIMEOUT
    while not sent.losses and time.monotonic() < deadline:
        sent.call(lambda: None)
    connection.close()
    assert connection.closed


def test_giving_up_reconnecting_ends_the_connection(broker):
    with connect(broker.url, timeout=TIMEOUT, reconnect=[0, 0]) as connection:
        receiver = connection.create_receiver("q")
        broker.close()
        with pytest.raises(ConnectionException, match="refused"):
            receiver.receive(timeout=None)
        assert connection.closed


def test_time_running_out_while_trying_tells_the_last_failure(no_one):
    with pytest.raises(Timeout, match="Opening connection") as info:
        connect(f"amqp://127.0.0.1:{no_one}", timeout=0.3, reconnect=Fast())
    assert "refused" in str(info.value.__cause__)
