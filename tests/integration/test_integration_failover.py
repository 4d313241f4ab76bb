"""Two brokers that know nothing of each other; the first is killed under load: clients carry on with the second.

What counts is that no message which was reported accepted is missing from the two brokers taken together.
"""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest

import syncproton
from fix_artemis import Artemis
from syncproton import ConnectionException, Delivery, Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Backoff, Container
from syncproton.sync import InDoubt
from syncproton.utils import BlockingConnection

#: So many messages are to be accepted by each broker, at least.
ENOUGH = 1000

#: The number of the message that ends a queue.
LAST = 1 << 32

#: What a message weighs, in bytes, on top of its number.
WEIGHT = b"x" * 500


@pytest.fixture
def first(artemis_pair: Any) -> Artemis:
    broker: Artemis = artemis_pair[0]
    return broker


@pytest.fixture
def second(artemis_pair: Any) -> Artemis:
    broker: Artemis = artemis_pair[1]
    return broker


@pytest.fixture
def queue() -> str:
    return f"failover-{uuid.uuid4().hex[:12]}"


def message(number: int) -> Message:
    return Message(id=number, body=WEIGHT, durable=True)


def drain(broker: Artemis, queue: str) -> List[int]:
    """The numbers of all the messages that a broker has."""
    found: List[int] = []
    with syncproton.connect(broker.url, timeout=30) as connection:
        connection.create_sender(queue).send(message(LAST))
        receiver = connection.create_receiver(queue, credit=500)
        while LAST not in found:
            received = receiver.receive()
            found.append(received.id)
            received.accept()
    return found


class Progress:
    """What senders know of their messages, told to a test that waits for it.

    :ivar accepted: for each broker, by its place in the list, the numbers it has accepted; blocking senders can tell
        only where they were connected when they heard of it.
    """

    def __init__(self) -> None:
        self.accepted: List[Set[int]] = [set(), set()]
        self._changed = threading.Condition()

    def accept(self, place: int, number: int) -> None:
        with self._changed:
            self.accepted[place].add(number)
            self._changed.notify_all()

    def wait(self, place: int, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.accepted[place]) >= count, 60), \
                f"{len(self.accepted[place])} of {count} messages were accepted"

    def check(self, first: Artemis, second: Artemis, queue: str) -> None:
        """Hold what was reported against what the brokers have; the first one is started on what it has kept."""
        first.start()
        kept = [set(drain(broker, queue)) for broker in (first, second)]
        assert min(map(len, self.accepted)) >= ENOUGH and min(map(len, kept)) >= ENOUGH
        lost = set().union(*self.accepted) - set().union(*kept)
        assert not lost, f"lost: {sorted(lost)[:10]}"


class Sender(MessagingHandler):
    """Sends numbers as fast as it gets credit; what was in doubt when the connection went is sent again.

    :ivar sent: how many numbers there have been.
    :ivar reached: the URLs it was connected to.
    """

    def __init__(self, urls: List[str], queue: str, progress: Progress) -> None:
        super().__init__()
        self.urls = urls
        self.queue = queue
        self.progress = progress
        self.finish = False
        self.sent = 0
        self.reached: List[str] = []
        self.unconfirmed: Dict[Delivery, int] = {}
        self.again: List[int] = []

    def on_start(self, event: Any) -> None:
        self.connection = event.container.connect(urls=self.urls)
        self.sender = event.container.create_sender(self.connection, self.queue)

    def on_connection_opened(self, event: Any) -> None:
        self.reached.append(event.connection.connected_address)

    def on_sendable(self, event: Any) -> None:
        self.pump()

    def pump(self) -> None:
        while self.sender.credit and (self.again or not self.finish):
            if self.again:
                number = self.again.pop()
            else:
                number, self.sent = self.sent, self.sent + 1
            self.unconfirmed[self.sender.send(message(number))] = number
        if self.finish and not self.unconfirmed:
            self.connection.close()

    def on_accepted(self, event: Any) -> None:
        number = self.unconfirmed.pop(event.delivery, None)
        if number is not None:
            self.progress.accept(self.urls.index(event.connection.connected_address), number)
            self.pump()

    def on_disconnected(self, event: Any) -> None:
        self.again.extend(self.unconfirmed.values())
        self.unconfirmed.clear()


def test_a_program_carries_on_with_the_second_and_nothing_accepted_is_lost(
    first: Artemis, second: Artemis, queue: str
) -> None:
    progress = Progress()
    program = Sender([first.url, second.url], queue, progress)
    container = Container(program)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(container.run)
        try:
            progress.wait(0, ENOUGH)
            first.fail()
            progress.wait(1, ENOUGH)
            program.finish = True
            running.result(60)
        finally:
            container.stop()
    assert program.reached == [first.url, second.url]
    assert set().union(*progress.accepted) == set(range(program.sent))
    progress.check(first, second, queue)


class Receiver(MessagingHandler):
    """Receives as it comes, and knows where it was accepted."""

    def __init__(self, urls: List[str], queue: str, progress: Progress) -> None:
        super().__init__()
        self.urls = urls
        self.queue = queue
        self.progress = progress

    def on_start(self, event: Any) -> None:
        event.container.create_receiver(event.container.connect(urls=self.urls), self.queue)

    def on_message(self, event: Any) -> None:
        self.progress.accept(self.urls.index(event.connection.connected_address), event.message.id)


def test_a_receiving_program_carries_on_with_the_second(first: Artemis, second: Artemis, queue: str) -> None:
    for broker, start in ((first, 0), (second, 1000)):
        with syncproton.connect(broker.url, timeout=30) as connection:
            sender = connection.create_sender(queue)
            for number in range(start, start + 20):
                sender.send(message(number))
    progress = Progress()
    container = Container(Receiver([first.url, second.url], queue, progress))
    container.start_background()
    try:
        progress.wait(0, 20)
        first.fail()
        progress.wait(1, 20)
    finally:
        container.close(0)
    assert progress.accepted == [set(range(20)), set(range(1000, 1020))]


def test_round_again_to_the_first(first: Artemis, second: Artemis, queue: str) -> None:
    progress = Progress()
    program = Sender([first.url, second.url], queue, progress)
    container = Container(program)
    container.start_background()
    try:
        progress.wait(0, 1)
        first.fail()
        progress.wait(1, 1)
        first.start()
        before = len(progress.accepted[0])
        second.fail()
        progress.wait(0, before + 1)
    finally:
        container.close(0)
    assert program.reached == [first.url, second.url, first.url]


def send_blocking(urls: List[str], queue: str, numbers: Iterator[int], report: Callable[[str, int], None]) -> None:
    """Send the numbers with ``syncproton.connect``, each until it is accepted."""
    with syncproton.connect(urls=urls, reconnect=Backoff(max_delay=0.5), timeout=60) as connection:
        sender = connection.create_sender(queue)
        for number in numbers:
            while True:
                try:
                    sender.send(message(number))
                    break
                except InDoubt:
                    pass  # it is sent again: a message may come twice, and must not be lost
            report(connection._driver.connection.connected_address, number)


def send_like_proton(urls: List[str], queue: str, numbers: Iterator[int], report: Callable[[str, int], None]) -> None:
    """The same with ``BlockingConnection``."""
    connection = BlockingConnection(urls=urls, reconnect=Backoff(max_delay=0.5), timeout=60)
    sender = connection.create_sender(queue)
    for number in numbers:
        while True:
            try:
                delivery = sender.send(message(number))
                break
            except ConnectionException:
                pass  # in doubt
        assert delivery.remote_state == Delivery.ACCEPTED
        report(str(connection.url), number)
    connection.close()


@pytest.mark.parametrize("send", [send_blocking, send_like_proton])
def test_blocking_senders_carry_on_with_the_second(
    send: Callable[..., None], first: Artemis, second: Artemis, queue: str
) -> None:
    urls = [first.url, second.url]
    progress = Progress()
    finish = threading.Event()

    def numbers(start: int) -> Iterator[int]:
        number = start
        while not finish.is_set():
            yield number
            number += 1

    def report(url: str, number: int) -> None:
        progress.accept(urls.index(url), number)

    with ThreadPoolExecutor(4) as threads:
        sending = [threads.submit(send, urls, queue, numbers(part * 1_000_000), report) for part in range(4)]
        try:
            progress.wait(0, ENOUGH)
            first.fail()
            progress.wait(1, ENOUGH)
        finally:
            finish.set()
        for each in sending:
            each.result(60)
    progress.check(first, second, queue)
