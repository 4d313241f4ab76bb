"""Futures, windows, drains, transactions and requests, through each broker."""

from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator

import pytest

import syncproton
from broker_under_test import BrokerUnderTest
from syncproton import Message, Timeout
from syncproton.sync import Connection, SessionEnded, submit_connect

LIMIT = 30.0


@pytest.fixture
def connection(broker: BrokerUnderTest) -> Iterator[Connection]:
    with submit_connect(broker.url, timeout=LIMIT).result() as connection:
        yield connection


def test_messages_by_await(broker: BrokerUnderTest, connection: Connection, address: str) -> None:
    async def exchange() -> Any:
        wrap = asyncio.wrap_future
        sender = await wrap(connection.submit_create_sender(address))
        receiver = await wrap(connection.submit_create_receiver(address))
        await asyncio.gather(*[wrap(sender.submit_send(number)) for number in range(100)])
        bodies = []
        for _ in range(100):
            message = await wrap(receiver.submit_receive())
            message.accept()
            bodies.append(message.body)
        await wrap(receiver.submit_close())
        return bodies

    assert asyncio.run(exchange()) == list(range(100))
    connection.check()
    connection.submit_close().result(LIMIT)
    assert connection.closed


def test_many_messages_in_a_window(connection: Connection, address: str) -> None:
    sender, receiver = connection.create_sender(address), connection.create_receiver(address, credit=500)
    messages = (Message(id=number, body=b"x" * 1000) for number in range(5000))
    assert sender.send_many(messages, window=300, max_bytes=100_000).accepted == 5000
    seen = []
    while len(seen) < 5000:
        for message in receiver.receive_many(1000):
            message.accept()
            seen.append(message.id)
    assert seen == list(range(5000))


def test_after_a_drain_there_is_no_more(capable: BrokerUnderTest) -> None:
    # RabbitMQ 3.10 ends the session with an internal error when it is asked; proton's example broker does not answer.
    address = capable.address(f"drain-{uuid.uuid4().hex[:12]}")
    with syncproton.connect(capable.url, timeout=LIMIT) as connection:
        sender, receiver = connection.create_sender(address), connection.create_receiver(address, credit=10)
        for number in range(3):
            sender.send(number)
        receiver.drain()
        assert [message.body for message in receiver.receive_many(3)] == [0, 1, 2]
        sender.send(3)
        with pytest.raises(Timeout):
            receiver.receive(0)
        assert receiver.receive().body == 3


@pytest.fixture(params=["artemis", "inmemory", "rabbitmq"])
def answering(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A broker, the address of a service that doubles what it gets, and how to ask it.

    RabbitMQ 3.10 makes no temporary queues, so there the client has to name one.
    """
    broker: BrokerUnderTest = request.getfixturevalue(request.param)
    connection = syncproton.connect(broker.url, timeout=LIMIT)
    address = broker.address(f"service-{uuid.uuid4().hex[:12]}")
    receiver = connection.create_receiver(address)
    senders: Dict[str, Any] = {}

    def serve() -> None:
        for message in receiver:
            reply_to = message.reply_to
            assert reply_to is not None
            if reply_to not in senders:
                senders[reply_to] = connection.create_sender(reply_to)
            message.accept()  # before the answer, after which the receiver may be closed
            if message.body != "hush":
                senders[reply_to].send(Message(correlation_id=message.correlation_id, body=message.body * 2))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    options = {"reply_to": broker.address(f"replies-{uuid.uuid4().hex[:12]}")} if broker.name == "rabbitmq" else {}
    yield broker, address, options
    receiver.close()
    thread.join(LIMIT)
    connection.close()


def test_requests_of_many_threads(answering: Any) -> None:
    broker, address, options = answering
    with syncproton.connect(broker.url, timeout=LIMIT) as connection, ThreadPoolExecutor(16) as pool:
        responses = pool.map(lambda number: connection.request(address, number, **options).body, range(400))
        assert list(responses) == [2 * number for number in range(400)]


def test_a_request_that_nobody_answers(answering: Any) -> None:
    broker, address, options = answering
    with syncproton.connect(broker.url, timeout=LIMIT) as connection:
        with pytest.raises(Timeout, match="it was sent"):
            connection.request(address, "hush", 0.5, **options)
        assert connection.request(address, 4, **options).body == 8


def test_a_broker_without_temporary_queues_costs_only_the_request(rabbitmq: BrokerUnderTest) -> None:
    address = rabbitmq.address(f"service-{uuid.uuid4().hex[:12]}")
    with syncproton.connect(rabbitmq.url, timeout=LIMIT) as connection:
        sender, receiver = connection.create_sender(address), connection.create_receiver(address)
        with pytest.raises(SessionEnded) as info:
            connection.request(address, 1)
        assert info.value.condition == "amqp:not-implemented"
        sender.send("the others go on")
        assert receiver.receive().body == "the others go on"


def test_a_block_is_a_transaction(capable: BrokerUnderTest) -> None:
    first, second = (capable.address(f"sync-{uuid.uuid4().hex[:12]}") for _ in range(2))
    with syncproton.connect(capable.url, timeout=LIMIT) as connection:
        sender, onward = connection.create_sender(first), connection.create_sender(second)
        receiver = connection.create_receiver(first)
        sender.send("x")
        with pytest.raises(KeyError), connection.transaction() as txn:
            txn.accept(receiver.receive())
            txn.send(onward, "never")
            raise KeyError
        receiver.close()
        receiver = connection.create_receiver(first)
        with connection.transaction() as txn:
            message = receiver.receive()
            txn.accept(message)
            txn.send(onward, message.body + "!")
        assert connection.create_receiver(second).receive().body == "x!"
        with pytest.raises(Timeout):
            receiver.receive(0.3)
