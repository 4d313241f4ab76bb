"""A server program on python-qpid-proton: every message sent to it goes to whoever receives from the same address.

    proton_server.py URL

It says "listening" once it does.  Messages to the address "reject" are rejected, those to "release" released.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from typing import Any, Deque, Dict

from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import Container


class Server(MessagingHandler):
    def __init__(self, url: str) -> None:
        super().__init__(auto_accept=False)
        self.url = url
        self.queues: Dict[str, Deque[Message]] = defaultdict(deque)
        self.consumers: Dict[str, Any] = {}

    def on_start(self, event: Any) -> None:
        event.container.listen(self.url)
        print("listening", flush=True)

    def on_link_opening(self, event: Any) -> None:
        link = event.link
        link.source.address = link.remote_source.address
        link.target.address = link.remote_target.address
        if link.is_sender:
            self.consumers[link.source.address] = link

    def on_sendable(self, event: Any) -> None:
        self.serve(event.link.source.address)

    def on_message(self, event: Any) -> None:
        address = event.link.target.address
        if address == "reject":
            self.reject(event.delivery)
            return
        if address == "release":
            self.release(event.delivery, delivered=False)
            return
        self.accept(event.delivery)
        self.queues[address].append(event.message)
        self.serve(address)

    def serve(self, address: str) -> None:
        consumer, queue = self.consumers.get(address), self.queues[address]
        while consumer is not None and consumer.credit and queue:
            consumer.send(queue.popleft())


Container(Server(sys.argv[1])).run()
