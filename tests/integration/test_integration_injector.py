"""Worker threads that drive a container by events, with a broker at the other end."""

from __future__ import annotations

import threading
import uuid
from typing import Any, Dict, List

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, EventInjector

THREADS, EACH = 8, 10_000
SENDING, MESSAGES = 8, 250


class Counting(MessagingHandler):
    """Has a connection to a broker, whose every heartbeat and frame comes between the events of the threads."""

    def __init__(self, url: str, address: str) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.injector = EventInjector()
        self.seen: Dict[int, List[int]] = {number: [] for number in range(THREADS)}
        self.received = 0

    def on_start(self, event: Any) -> None:
        self.container = event.container
        self.connection = event.container.connect(self.url, reconnect=False, heartbeat=5)
        event.container.create_receiver(self.connection, self.address)
        event.container.create_sender(self.connection, self.address)
        event.container.selectable(self.injector)

    def on_sendable(self, event: Any) -> None:
        self.sender = event.sender
        if not self.received:
            event.sender.send(Message(body="go"))

    def on_message(self, event: Any) -> None:
        self.received += 1
        if self.received == 1:
            threading.Thread(target=self.work).start()

    def work(self) -> None:
        threads = [threading.Thread(target=self.trigger, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.injector.trigger(ApplicationEvent("done", connection=self.connection))
        self.injector.close()

    def trigger(self, thread: int) -> None:
        for number in range(EACH):
            self.injector.trigger(ApplicationEvent("count", link=self.sender, subject=(thread, number)))

    def on_count(self, event: Any) -> None:
        thread, number = event.subject
        assert event.link is self.sender and event.connection is self.connection and event.container is self.container
        self.seen[thread].append(number)

    def on_done(self, event: Any) -> None:
        event.connection.close()


@pytest.fixture
def queue() -> str:
    return f"injector-{uuid.uuid4().hex}"


def test_no_event_is_lost_and_each_thread_keeps_its_order(artemis: BrokerUnderTest, queue: str) -> None:
    program = Counting(artemis.url, queue)
    Container(program).run()
    assert all(numbers == list(range(EACH)) for numbers in program.seen.values())
    assert program.received >= 1


class Relay(MessagingHandler):
    """Sends what threads hand over by events, each waiting for its message to be accepted before the next."""

    def __init__(self, url: str, address: str) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.injector = EventInjector()
        self.accepted: Dict[bytes, threading.Event] = {}
        self.received: List[Any] = []
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(SENDING)]

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False)
        self.sender = event.container.create_sender(connection, self.address)
        event.container.create_receiver(connection, self.address)
        event.container.selectable(self.injector)

    def on_link_opened(self, event: Any) -> None:
        if event.sender is not None:
            for thread in self.threads:
                thread.start()

    def work(self, thread: int) -> None:
        for number in range(MESSAGES):
            accepted = threading.Event()
            self.injector.trigger(ApplicationEvent("record", link=self.sender, subject=((thread, number), accepted)))
            assert accepted.wait(60)

    def on_record(self, event: Any) -> None:
        record, accepted = event.subject
        delivery = event.link.send(Message(body=list(record), durable=True))
        self.accepted[delivery.tag] = accepted

    def on_accepted(self, event: Any) -> None:
        self.accepted.pop(event.delivery.tag).set()

    def on_message(self, event: Any) -> None:
        self.received.append(tuple(event.message.body))
        if len(self.received) == SENDING * MESSAGES:
            event.connection.close()
            self.injector.close()


def test_threads_send_by_events(artemis: BrokerUnderTest, queue: str) -> None:
    program = Relay(artemis.url, queue)
    Container(program).run()
    for thread in program.threads:
        thread.join(30)
    for number in range(SENDING):
        assert [n for thread, n in program.received if thread == number] == list(range(MESSAGES))
