"""Our client against a program on python-qpid-proton that listens."""

from __future__ import annotations

from typing import Any, List

import pytest

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection, SendException

COUNT = 1000


class Echo(MessagingHandler):
    """Sends numbers and receives them again."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.sent = 0
        self.accepted = 0
        self.received: List[int] = []

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url)
        event.container.create_receiver(connection, "callbacks")
        event.container.create_sender(connection, "callbacks")

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.sent < COUNT:
            event.sender.send(Message(body=self.sent))
            self.sent += 1

    def on_accepted(self, event: Any) -> None:
        self.accepted += 1
        self.close_when_done(event)

    def on_message(self, event: Any) -> None:
        self.received.append(event.message.body)
        self.close_when_done(event)

    def close_when_done(self, event: Any) -> None:
        if self.accepted == len(self.received) == COUNT:
            event.connection.close()


def test_callbacks(proton_server: str) -> None:
    handler = Echo(proton_server)
    Container(handler).run()
    assert handler.received == list(range(COUNT))


def test_blocking(proton_server: str) -> None:
    connection = BlockingConnection(proton_server, timeout=30)
    try:
        receiver = connection.create_receiver("blocking")
        sender = connection.create_sender("blocking")
        for number in range(50):
            sender.send(Message(body=number))
            assert receiver.receive(timeout=30).body == number
            receiver.accept()
    finally:
        connection.close()


def test_a_large_message(proton_server: str) -> None:
    body = "x" * (5 * 1024 * 1024)
    connection = BlockingConnection(proton_server, timeout=30)
    try:
        receiver = connection.create_receiver("large")
        connection.create_sender("large").send(Message(body=body))
        assert receiver.receive(timeout=30).body == body
        receiver.accept()
    finally:
        connection.close()


@pytest.mark.parametrize("address", ["reject", "release"])
def test_a_refusal_is_raised(proton_server: str, address: str) -> None:
    connection = BlockingConnection(proton_server, timeout=30)
    try:
        with pytest.raises(SendException):
            connection.create_sender(address).send(Message(body="no"))
    finally:
        connection.close()
