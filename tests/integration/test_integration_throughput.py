"""Ten thousand messages through each broker by callbacks, in both delivery guarantees."""

from __future__ import annotations

from typing import Any, List

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import AtLeastOnce, AtMostOnce, Container

COUNT = 10_000


class Exchange(MessagingHandler):
    """Sends numbered messages to a queue and receives them again."""

    def __init__(self, url: str, address: str, guarantee: Any) -> None:
        super().__init__(prefetch=100)
        self.url = url
        self.address = address
        self.guarantee = guarantee
        self.sent = 0
        self.settled_by_peer = 0
        self.received: List[int] = []
        self.unexpected: List[str] = []

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False)
        event.container.create_receiver(connection, self.address, options=self.guarantee)
        event.container.create_sender(connection, self.address, options=self.guarantee)

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.sent < COUNT:
            event.sender.send(Message(id=self.sent, body={"number": self.sent}))
            self.sent += 1

    def on_accepted(self, event: Any) -> None:
        self.settled_by_peer += 1
        self.close_when_done(event)

    def on_message(self, event: Any) -> None:
        self.received.append(event.message.body["number"])
        self.close_when_done(event)

    def close_when_done(self, event: Any) -> None:
        confirmed = COUNT if isinstance(self.guarantee, AtMostOnce) else self.settled_by_peer
        if len(self.received) == confirmed == COUNT:
            event.connection.close()

    def on_rejected(self, event: Any) -> None:
        self.unexpected.append("rejected")

    def on_released(self, event: Any) -> None:
        self.unexpected.append("released")

    def on_link_error(self, event: Any) -> None:
        self.fail(event, f"link error: {event.link.remote_condition}")

    def on_transport_error(self, event: Any) -> None:
        self.fail(event, f"transport error: {event.transport.condition}")

    def fail(self, event: Any, reason: str) -> None:
        self.unexpected.append(reason)
        event.connection.close()


def exchange(broker: BrokerUnderTest, address: str, guarantee: Any) -> Exchange:
    handler = Exchange(broker.url, address, guarantee)
    Container(handler).run()
    assert not handler.unexpected
    assert handler.sent == COUNT
    assert handler.received == list(range(COUNT))
    return handler


@pytest.mark.parametrize("guarantee", [AtLeastOnce, AtMostOnce])
def test_messages_arrive_once_and_in_order(broker: BrokerUnderTest, address: str, guarantee: Any) -> None:
    handler = exchange(broker, address, guarantee())
    assert handler.settled_by_peer == (COUNT if guarantee is AtLeastOnce else 0)
