"""A small prefetch on each broker: every message comes, and no more of them at once than asked for."""

from __future__ import annotations

from typing import Any, List

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

COUNT = 50


class Exchange(MessagingHandler):
    """Sends numbered messages and, once they are all there, receives them again."""

    def __init__(self, url: str, address: str, prefetch: int) -> None:
        super().__init__(prefetch=prefetch)
        self.url = url
        self.address = address
        self.sent = self.accepted = 0
        self.received: List[int] = []
        self.credits: List[int] = []

    def on_start(self, event: Any) -> None:
        self.connection = event.container.connect(self.url, reconnect=False)
        event.container.create_sender(self.connection, self.address)

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.sent < COUNT:
            event.sender.send(Message(id=self.sent, durable=True))
            self.sent += 1

    def on_accepted(self, event: Any) -> None:
        self.accepted += 1
        if self.accepted == COUNT:
            event.container.create_receiver(self.connection, self.address)

    def on_message(self, event: Any) -> None:
        self.received.append(event.message.id)
        self.credits.append(event.receiver.credit)
        if len(self.received) == COUNT:
            event.connection.close()


@pytest.mark.parametrize("prefetch", [1, 2, 10])
def test_every_message_comes(broker: BrokerUnderTest, address: str, prefetch: int) -> None:
    exchange = Exchange(broker.url, address, prefetch)
    Container(exchange).run()
    assert exchange.received == list(range(COUNT))
    assert max(exchange.credits) < prefetch
