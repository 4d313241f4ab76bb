"""Sending and receiving by blocking calls, through the in-memory broker."""

from __future__ import annotations

import threading

import pytest

import syncproton
from syncproton import Delivery, LinkException, Message, Timeout
from syncproton.reactor import AtMostOnce
from syncproton.sync import ReceivedMessage, connect

TIMEOUT = 20


@pytest.fixture
def connection(broker):
    with connect(broker.url, timeout=TIMEOUT) as connection:
        yield connection


def test_a_message_goes_through(connection):
    with connection.create_sender("q") as sender, connection.create_receiver("q") as receiver:
        delivery = sender.send(Message(body="hello", subject="s", properties={"a": 1}))
        assert delivery.remote_state == Delivery.ACCEPTED
        assert delivery.settled
        message = receiver.receive()
        assert isinstance(message, ReceivedMessage)
        assert (message.body, message.subject, message.properties) == ("hello", "s", {"a": 1})
        assert not message.settled
        message.accept()
        assert message.settled


def test_a_body_will_do(connection):
    connection.create_sender("q").send({"a": [1, 2]})
    assert connection.create_receiver("q").receive().body == {"a": [1, 2]}


def test_the_addresses_come_from_the_url(broker):
    with connect(f"{broker.url}/from-url", timeout=TIMEOUT) as connection:
        sender = connection.create_sender()
        assert sender.address == "from-url"
        sender.send(1)
        receiver = connection.create_receiver()
        assert receiver.address == "from-url"
        assert receiver.receive().body == 1


def test_a_sender_without_address_sends_each_message_to_its_own(connection):
    connection.create_sender().send(Message(body=1, address="there"))
    assert connection.create_receiver("there").receive().body == 1


def test_a_dynamic_receiver_has_an_address(connection):
    receiver = connection.create_receiver(dynamic=True)
    assert receiver.address
    connection.create_sender(receiver.address).send("x")
    assert receiver.receive().body == "x"


def test_order_is_kept(connection):
    sender = connection.create_sender("q")
    for number in range(50):
        sender.send(number)
    receiver = connection.create_receiver("q")
    assert [receiver.receive().body for _ in range(50)] == list(range(50))


def test_iteration(connection):
    sender = connection.create_sender("q")
    for number in range(25):
        sender.send(number)
    seen = []
    for message in connection.create_receiver("q"):
        message.accept()
        seen.append(message.body)
        if len(seen) == 25:
            break
    assert seen == list(range(25))


def test_closing_the_receiver_ends_an_iteration(connection, background):
    receiver = connection.create_receiver("q")
    result = background(list, receiver)
    connection.create_sender("q").send(1)
    receiver.close()
    bodies = [message.body for message in result.result(TIMEOUT)]
    assert bodies in ([], [1])


@pytest.mark.parametrize("how", ["close", "submit_close"])
def test_closing_the_connection_ends_iterations(broker, background, how):
    connection = connect(broker.url, timeout=TIMEOUT)
    receiver = connection.create_receiver("q")
    results = [background(list, receiver) for _ in range(3)]
    getattr(connection, how)()
    assert [result.result(TIMEOUT) for result in results] == [[], [], []]
    assert list(receiver) == []


@pytest.mark.parametrize("credit", [0, 1, 2, 10])
def test_credit_is_kept_up(connection, credit):
    sender = connection.create_sender("q")
    for number in range(35):
        sender.send(number)
    receiver = connection.create_receiver("q", credit=credit)
    for number in range(35):
        message = receiver.receive()
        assert message.body == number
        message.accept()


def test_without_credit_nothing_comes_unasked(connection, broker):
    connection.create_sender("q").send(1)
    receiver = connection.create_receiver("q", credit=0)
    other = connection.create_receiver("q", credit=1)
    assert other.receive().body == 1
    with pytest.raises(Timeout):
        receiver.receive(timeout=0)


def test_large_messages(connection):
    body = bytes(range(256)) * 12000
    connection.create_sender("q").send(Message(body=body, inferred=True))
    assert connection.create_receiver("q").receive().body == body


def test_at_most_once(connection):
    sender = connection.create_sender("q", options=AtMostOnce())
    for number in range(20):
        sender.send(number)
    receiver = connection.create_receiver("q", options=[AtMostOnce()])
    for number in range(20):
        message = receiver.receive()
        assert message.body == number
        assert message.settled
        message.accept()
        receiver.accept()


def test_outcomes_by_message_in_any_order(connection, broker):
    sender = connection.create_sender("q")
    for number in range(4):
        sender.send(number)
    receiver = connection.create_receiver("q")
    messages = [receiver.receive() for _ in range(4)]
    messages[2].accept()
    messages[0].reject("x:bad", "worst ever")
    messages[3].release()
    messages[1].modify(failed=True)
    again = sorted((receiver.receive() for _ in range(2)), key=lambda message: message.body)
    assert [(message.body, message.delivery_count) for message in again] == [(1, 1), (3, 0)]
    for message in again:
        receiver.accept(message)
    receiver.close()
    assert broker.depths().get("q", 0) == 0


def test_outcomes_without_naming_the_message_are_for_the_oldest(connection):
    sender = connection.create_sender("q")
    for number in range(3):
        sender.send(number)
    receiver = connection.create_receiver("q")
    messages = [receiver.receive() for _ in range(3)]
    messages[1].accept()
    receiver.accept()
    receiver.release(delivered=False)
    assert [message.settled for message in messages] == [True, True, True]
    assert receiver.receive().body == 2
    receiver.settle()
    with pytest.raises(LinkException, match="no message"):
        receiver.accept()


def test_what_one_thread_received_another_does_not_settle_by_accident(connection, background):
    connection.create_sender("q").send(1)
    receiver = connection.create_receiver("q")
    message = background(receiver.receive).result(TIMEOUT)
    with pytest.raises(LinkException, match="this thread has received no message"):
        receiver.accept()
    receiver.accept(message)
    assert message.settled


def test_a_foreign_message_is_refused(connection):
    connection.create_sender("q").send(1)
    one, other = connection.create_receiver("q"), connection.create_receiver("q", credit=0)
    message = one.receive()
    with pytest.raises(LinkException, match="did not come over receiver"):
        other.accept(message)
    with pytest.raises(LinkException, match="did not come over receiver"):
        other.accept(Message())


def test_settling_twice_does_nothing(connection):
    connection.create_sender("q").send(1)
    message = connection.create_receiver("q").receive()
    message.accept()
    message.release()
    message.accept()


def test_links_to_one_address_have_names_of_their_own(connection):
    names = {connection.create_receiver("q").name for _ in range(5)}
    assert len(names) == 5
    assert connection.create_receiver("q", name="mine").name == "mine"


def test_a_name_is_free_again_after_closing(connection):
    first = connection.create_sender("q")
    first.close()
    assert connection.create_sender("q").name == first.name


def test_one_message_one_call(broker):
    url = f"{broker.url}/examples"
    delivery = syncproton.send(url, "hello", timeout=TIMEOUT)
    assert delivery.remote_state == Delivery.ACCEPTED
    syncproton.send(url, Message(body="again", id=7), timeout=TIMEOUT)
    assert syncproton.receive(url, timeout=TIMEOUT).body == "hello"
    message = syncproton.receive(url, timeout=TIMEOUT)
    assert (message.body, message.id) == ("again", 7)
    assert message.settled
    assert broker.depths().get("examples", 0) == 0


def test_receive_of_nothing_times_out(broker):
    with pytest.raises(Timeout, match="Receiving on receiver"):
        syncproton.receive(f"{broker.url}/examples", timeout=0.2)


def test_many_threads_share_a_sender_and_a_receiver(connection):
    threads, each = 8, 50
    sender = connection.create_sender("q")
    receiver = connection.create_receiver("q", credit=20)
    got, errors = [], []

    def work(name):
        try:
            for number in range(each):
                sender.send([name, number])
                message = receiver.receive()
                got.append(tuple(message.body))
                receiver.accept()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(TIMEOUT)
    assert not errors
    assert sorted(got) == [(name, number) for name in range(threads) for number in range(each)]


def test_reprs(connection):
    sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
    assert repr(connection).startswith("<Connection amqp://127.0.0.1:")
    assert "to 'q'" in repr(sender)
    assert "from 'q'" in repr(receiver)
    sender.close()
    assert repr(sender).endswith("closed>")
    assert sender.connection is receiver.connection is connection
