"""The blocking calls of proton.utils: their results, defaults, attributes and texts are proton's."""

from __future__ import annotations

import gc
import threading

import pytest

from syncproton import ConnectionException, Delivery, LinkException, Message, MessageException, Timeout, WrongThread
from syncproton.handlers import MessagingHandler
from syncproton.reactor import AtMostOnce, Container
from syncproton.utils import BlockingConnection, BlockingReceiver, BlockingSender, LinkDetached, SendException

TIMEOUT = 20


@pytest.fixture
def connection(peer):
    connection = BlockingConnection(peer.url, timeout=TIMEOUT)
    yield connection
    connection.close()


@pytest.fixture
def quick(peer):
    """A connection whose calls give up soon."""
    connection = BlockingConnection(peer.url, timeout=0.1)
    yield connection
    connection.timeout = TIMEOUT
    connection.close()


@pytest.mark.parametrize("states", [5, 1.5, True, object()])
def test_states_of_errors_are_several(connection, states):
    sender = connection.create_sender("q")
    with pytest.raises(TypeError):
        sender.send(Message(), error_states=states)
    assert sender.send(Message(), error_states=iter([Delivery.MODIFIED])).remote_state == Delivery.ACCEPTED


# --- the connection


def test_attributes_of_a_connection(peer, connection):
    assert connection.url == peer.url
    assert connection.timeout == TIMEOUT
    assert connection.conn.hostname == "127.0.0.1"
    assert isinstance(connection.container, Container)
    assert connection.disconnected is False
    assert connection.closing is False
    assert connection.handlers == []


@pytest.mark.parametrize("timeout", [None, 0, False])
def test_the_default_timeout_is_a_minute(peer, timeout):
    with BlockingConnection(peer.url, timeout=timeout) as connection:
        assert connection.timeout == 60


def test_after_close(peer):
    connection = BlockingConnection(peer.url, timeout=TIMEOUT)
    sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
    connection.close()
    assert (connection.conn, connection.container, connection.url) == (None, None, None)
    assert connection.closing
    assert not connection.disconnected
    connection.close()
    sender.close()
    for call in (
        lambda: connection.create_sender("q"),
        lambda: connection.create_receiver("q"),
        lambda: sender.send(Message()),
        lambda: receiver.receive(timeout=1),
        lambda: connection.wait(lambda: False),
    ):
        with pytest.raises(ConnectionException, match="is closed"):
            call()
    connection.run()


def test_the_peer_breaks_the_connection(peer, connection):
    receiver = connection.create_receiver("q")
    peer.cut(peer.links.get(timeout=TIMEOUT).connection)
    with pytest.raises(ConnectionException) as info:
        receiver.receive()
    assert str(info.value).startswith(f"Connection {peer.url} disconnected: Condition('")
    assert connection.disconnected


def test_run_waits_for_the_end_of_the_connection(peer, connection, background):
    receiver = connection.create_receiver("q")
    result = background(connection.run)
    peer.close_with(peer.links.get(timeout=TIMEOUT).connection, "amqp:connection:forced")
    assert "amqp:connection:forced" in str(result.exception(TIMEOUT))
    assert receiver.link.name


def test_run_returns_when_the_connection_is_closed(peer, connection, background):
    result = background(connection.run)
    connection.close()
    assert result.result(TIMEOUT) is None


def test_wait_for_a_condition(peer, connection, background):
    receiver = connection.create_receiver("q", credit=5)
    link = peer.links.get(timeout=TIMEOUT)
    result = background(connection.wait, lambda: receiver.fetcher.has_message == 2)
    peer.give(link, 1)
    peer.give(link, 2)
    assert result.result(TIMEOUT) is None
    connection.wait(lambda: True, timeout=0)


def test_wait_runs_out_of_time(peer, connection):
    with pytest.raises(Timeout) as info:
        connection.wait(lambda: False, timeout=0.01)
    assert str(info.value) == f"Connection {peer.url} timed out"
    with pytest.raises(Timeout) as info:
        connection.wait(lambda: False, timeout=0, msg="Looking")
    assert str(info.value) == f"Connection {peer.url} timed out: Looking"


def test_wait_notices_in_the_end_what_no_event_told(connection):
    flag = threading.Event()
    connection.container.schedule(0, type("Handler", (), {"on_timer_task": lambda self, event: flag.set()})())
    connection.wait(flag.is_set, timeout=0.2)


def test_wait_raises_what_the_condition_raises(peer, connection):
    with pytest.raises(ZeroDivisionError):
        connection.wait(lambda: 1 / 0)
    assert not connection.disconnected


def test_wait_fails_when_a_link_is_detached(peer, connection, background):
    connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    result = background(connection.wait, lambda: False)
    while not connection._watches:
        connection._sync._driver.call(lambda: None)
    peer.close_with(link, "amqp:link:detach-forced")
    error = result.exception(TIMEOUT)
    assert isinstance(error, LinkDetached)
    assert error.condition == "amqp:link:detach-forced"
    with pytest.raises(Timeout):
        connection.wait(lambda: False, timeout=0.01)


def test_no_waiting_on_the_io_thread(connection):
    sender = connection.create_sender("q")
    receiver = connection.create_receiver("q")
    for call in (
        lambda: connection.wait(lambda: True),
        lambda: connection.create_sender("q"),
        lambda: sender.send(Message()),
        receiver.receive,
        sender.close,
        connection.close,
    ):
        with pytest.raises(WrongThread):
            connection.container.submit(call).result(TIMEOUT)


def test_it_is_a_handler_of_its_connection(peer):
    seen = []

    class Mine(BlockingConnection):
        def on_connection_remote_open(self, event):
            seen.append("mine")

    class Child:
        def on_connection_remote_close(self, event):
            seen.append("child")

    connection = Mine(peer.url, timeout=TIMEOUT)
    connection.add(Child())
    connection.close()
    assert seen == ["mine", "child"]


def test_a_forgotten_connection_ends(peer):
    connection = BlockingConnection(peer.url, timeout=TIMEOUT)
    container = connection.container
    connection.create_receiver("q")
    del connection
    gc.collect()
    assert container.wait_ended(TIMEOUT)


# --- links


def test_open_texts(peer, quick):
    peer.hold_links()
    with pytest.raises(Timeout) as info:
        quick.create_sender("q", name="mine")
    assert str(info.value) == f"Connection {peer.url} timed out: Opening link mine"
    with pytest.raises(Timeout, match="Opening link "):
        quick.create_receiver("q")


def test_close_texts(peer, quick):
    receiver = quick.create_receiver("q", name="mine")
    peer.hold_links()
    with pytest.raises(Timeout) as info:
        receiver.close()
    assert str(info.value) == f"Connection {peer.url} timed out: Closing link mine"


@pytest.mark.parametrize("kind, word", [("sender", "target"), ("receiver", "source")])
@pytest.mark.parametrize("attached", [None, "other"])
def test_the_peer_attaches_something_else(peer, connection, monkeypatch, kind, word, attached):
    monkeypatch.setattr("syncproton.sync.link_driver.REASON_TIMEOUT", 0.05)
    monkeypatch.setattr("syncproton.sync.blocking.link.REASON_TIMEOUT", 0.05)

    def attach(link):
        link.source.address = link.target.address = attached
        link.open()

    peer.on_attach = attach
    with pytest.raises(LinkException) as info:
        getattr(connection, f"create_{kind}")("q", name="mine")
    assert str(info.value) == f"Failed to open {kind} mine, {word} does not match"


@pytest.mark.parametrize("kind", ["sender", "receiver"])
def test_the_peer_refuses_a_link(peer, connection, background, kind):
    peer.hold_links()
    result = background(getattr(connection, f"create_{kind}"), "q", name="mine")
    link = peer.links.get(timeout=TIMEOUT)
    peer.do(link.open)
    peer.close_with(link, "amqp:not-found")
    error = result.exception(TIMEOUT)
    assert isinstance(error, LinkDetached)
    assert error.condition == "amqp:not-found"
    way = "to" if kind == "sender" else "from"
    assert str(error) == f"{kind} mine {way} q closed due to: Condition('amqp:not-found', 'by the peer')"


def test_a_link_passes_on_what_it_does_not_know(peer, connection):
    sender = connection.create_sender("q", name="mine")
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT), peer.links.get(timeout=TIMEOUT)
    assert sender.name == sender.link.name == "mine"
    assert sender.target.address == "q"
    assert sender.remote_target.address == "q"
    receiver.flow(7)
    assert peer.credits.get(timeout=TIMEOUT) == 7
    assert receiver.credit == 7
    assert link
    with pytest.raises(AttributeError):
        sender.nothing_of_the_kind


def test_links_are_context_managers(peer, connection):
    with connection.create_sender("q") as sender, connection.create_receiver("q") as receiver:
        assert isinstance(sender, BlockingSender)
        assert isinstance(receiver, BlockingReceiver)
    with pytest.raises(LinkException, match="is closed"):
        sender.send(Message())


# --- sending


def test_send_returns_the_delivery(peer, connection):
    delivery = connection.create_sender("q").send(Message(body="x"))
    assert isinstance(delivery, Delivery)
    assert delivery.settled
    assert delivery.remote_state == Delivery.ACCEPTED
    assert peer.transfers.get(timeout=TIMEOUT).body == "x"


def answer(state):
    def on_transfer(delivery):
        delivery.update(state)
        delivery.settle()

    return on_transfer


@pytest.mark.parametrize("state", [Delivery.REJECTED, Delivery.RELEASED])
def test_outcomes_that_are_errors(peer, connection, state):
    peer.on_transfer = answer(state)
    sender = connection.create_sender("q")
    with pytest.raises(SendException) as info:
        sender.send(Message())
    assert info.value.state == state
    assert info.value.args == (state,)
    assert str(info.value) == str(SendException(state)) == str(state)
    assert sender.send(Message(), error_states=[]).remote_state == state
    assert sender.send(Message(), error_states=[Delivery.MODIFIED]).remote_state == state


def test_modified_is_an_error_only_if_wished(peer, connection):
    peer.on_transfer = answer(Delivery.MODIFIED)
    sender = connection.create_sender("q")
    assert sender.send(Message()).remote_state == Delivery.MODIFIED
    with pytest.raises(SendException):
        sender.send(Message(), error_states=[Delivery.MODIFIED])


def test_send_runs_out_of_time(peer, connection):
    peer.on_transfer = lambda delivery: None
    sender = connection.create_sender("q", name="mine")
    with pytest.raises(Timeout) as info:
        sender.send(Message(), timeout=0.05)
    assert str(info.value) == f"Connection {peer.url} timed out: Sending on sender mine"


def test_send_on_a_detached_link_keeps_failing(peer, connection):
    sender = connection.create_sender("q")
    peer.close_with(peer.links.get(timeout=TIMEOUT))
    for _ in range(2):
        with pytest.raises(LinkDetached, match="closed by peer") as info:
            sender.send(Message())
    assert info.value.link is sender.link


def test_a_message_under_way_when_the_link_goes(peer, connection, background):
    peer.on_transfer = lambda delivery: None
    sender = connection.create_sender("q")
    result = background(sender.send, Message())
    peer.transfers.get(timeout=TIMEOUT)
    peer.close_with(peer.links.get(timeout=TIMEOUT), "amqp:internal-error")
    error = result.exception(TIMEOUT)
    assert type(error) is LinkDetached
    assert error.condition == "amqp:internal-error"


def test_at_most_once(peer, connection):
    sender = connection.create_sender("q", options=AtMostOnce())
    for number in range(3):
        sender.send(Message(body=number))
    assert [peer.transfers.get(timeout=TIMEOUT).body for _ in range(3)] == [0, 1, 2]


def test_what_cannot_be_sent(connection):
    sender = connection.create_sender("q")
    with pytest.raises(TypeError):
        sender.send("text")
    with pytest.raises(MessageException):
        sender.send(Message(body=object()))
    sender.send(Message(body="still usable"))


# --- receiving


def test_without_credit_each_receive_asks_for_one(peer, connection):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    assert receiver.credit == 0
    with pytest.raises(Timeout) as info:
        receiver.receive(timeout=0)
    assert str(info.value) == f"Connection {peer.url} timed out: Receiving on receiver {receiver.link.name}"
    assert peer.credits.get(timeout=TIMEOUT) == 1
    with pytest.raises(Timeout):
        receiver.receive(timeout=0)
    assert peer.do(lambda: link.credit) == 1
    peer.give(link, "x")
    message = receiver.receive()
    assert type(message) is Message
    assert message.body == "x"


def test_without_credit_nothing_more_is_asked_for_than_was_received(peer, connection, background):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    message = background(receiver.receive)
    assert peer.credits.get(timeout=TIMEOUT) == 1
    peer.give(link, "one")
    assert message.result(TIMEOUT).body == "one"
    receiver.accept()
    connection.wait(lambda: True)  # The I/O thread has done all that it was asked to.
    assert receiver.credit == 0


def test_with_credit_messages_come_in_advance(peer, connection):
    receiver = connection.create_receiver("q", credit=3)
    link = peer.links.get(timeout=TIMEOUT)
    assert peer.credits.get(timeout=TIMEOUT) == 3
    peer.give(link, 1, 2, 3)
    connection.wait(lambda: receiver.fetcher.has_message == 3)
    assert len(receiver.fetcher.incoming) == 3
    assert [receiver.receive(timeout=0).body for _ in range(3)] == [1, 2, 3]


def test_settling_goes_by_age(peer, connection):
    receiver = connection.create_receiver("q", credit=10)
    link = peer.links.get(timeout=TIMEOUT)
    peer.give(link, *range(6))
    for number in range(6):
        assert receiver.receive().body == number
    assert len(receiver.fetcher.unsettled) == 6
    receiver.accept()
    receiver.reject()
    receiver.release()
    receiver.release(delivered=False)
    receiver.settle()
    receiver.settle(Delivery.ACCEPTED)
    assert len(receiver.fetcher.unsettled) == 0
    states = [peer.outcomes.get(timeout=TIMEOUT)[:2] for _ in range(6)]
    assert sorted(states) == sorted([
        (Delivery.ACCEPTED, True), (Delivery.REJECTED, True), (Delivery.MODIFIED, True), (Delivery.RELEASED, True),
        (0, True), (Delivery.ACCEPTED, True),
    ])
    with pytest.raises(IndexError):
        receiver.accept()
    with pytest.raises(LinkException):
        receiver.accept()


def test_messages_that_the_sender_settled_need_no_settling(peer, connection):
    receiver = connection.create_receiver("q")
    link = peer.links.get(timeout=TIMEOUT)
    with pytest.raises(Timeout):
        receiver.receive(timeout=0)
    peer.give(link, 1, settled=True)
    assert receiver.receive().body == 1
    with pytest.raises(IndexError):
        receiver.accept()


def test_what_is_no_message_is_rejected(peer, connection):
    receiver = connection.create_receiver("q", credit=2)
    peer.give(peer.links.get(timeout=TIMEOUT), b"\x00\x53\x70\xff", "good")
    with pytest.raises(MessageException):
        receiver.receive()
    state, settled, remote = peer.outcomes.get(timeout=TIMEOUT)
    assert (state, settled, remote.condition.name) == (Delivery.REJECTED, True, "amqp:decode-error")
    assert receiver.receive().body == "good"


def test_a_handler_gets_the_messages(peer, connection):
    came = threading.Event()

    class Handler(MessagingHandler):
        def on_message(self, event):
            if event.message.body == 2:
                came.set()

    receiver = connection.create_receiver("q", handler=Handler(prefetch=5))
    assert receiver.fetcher is None
    peer.give(peer.links.get(timeout=TIMEOUT), 1, 2)
    assert came.wait(TIMEOUT)
    assert peer.outcomes.get(timeout=TIMEOUT)[0] == Delivery.ACCEPTED
    with pytest.raises(Exception, match="^Can't call receive on this receiver as a handler was not provided$"):
        receiver.receive()
    with pytest.raises(Exception, match="^Can't call accept/reject etc on this receiver as a handler was not prov"):
        receiver.accept()


def test_a_dynamic_receiver(peer, connection):
    receiver = connection.create_receiver(None, dynamic=True)
    assert receiver.link.source.dynamic
    assert receiver.link.remote_source.address == "dynamic-1"


def test_iteration(peer, connection):
    receiver = connection.create_receiver("q", credit=2)
    peer.give(peer.links.get(timeout=TIMEOUT), 1, 2)
    assert [message.body for _, message in zip(range(2), receiver)] == [1, 2]
