"""A client program on python-qpid-proton: sends to an address, or receives from it, and prints what it saw as JSON.

    proton_client.py send URL ADDRESS COUNT [BODY_SIZE]
    proton_client.py receive URL ADDRESS COUNT
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List

from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import Container


class Program(MessagingHandler):
    """What both directions note."""

    def __init__(self, url: str, address: str, count: int) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.count = count
        self.errors: List[str] = []

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition.name)

    def on_link_error(self, event: Any) -> None:
        self.errors.append(event.link.remote_condition.name)
        event.connection.close()


class Send(Program):
    def __init__(self, url: str, address: str, count: int, size: int) -> None:
        super().__init__(url, address, count)
        self.size = size
        self.sent = 0
        self.outcomes: Dict[str, int] = {"accepted": 0, "rejected": 0, "released": 0, "modified": 0}

    def on_start(self, event: Any) -> None:
        event.container.create_sender(event.container.connect(self.url, reconnect=False), self.address)

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.sent < self.count:
            event.sender.send(Message(id=self.sent, body="x" * self.size, properties={"number": self.sent}))
            self.sent += 1

    def settled(self, event: Any, outcome: str) -> None:
        self.outcomes[outcome] += 1
        if sum(self.outcomes.values()) == self.count:
            event.connection.close()

    def on_accepted(self, event: Any) -> None:
        self.settled(event, "accepted")

    def on_rejected(self, event: Any) -> None:
        self.settled(event, "rejected")

    def on_released(self, event: Any) -> None:
        modified = event.delivery.remote_state == event.delivery.MODIFIED
        self.settled(event, "modified" if modified else "released")

    def result(self) -> Dict[str, Any]:
        return {"outcomes": self.outcomes, "errors": self.errors}


class Receive(Program):
    def __init__(self, url: str, address: str, count: int) -> None:
        super().__init__(url, address, count)
        self.bodies: List[Any] = []

    def on_start(self, event: Any) -> None:
        event.container.create_receiver(event.container.connect(self.url, reconnect=False), self.address)

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)
        if len(self.bodies) == self.count:
            event.connection.close()

    def result(self) -> Dict[str, Any]:
        return {"bodies": self.bodies, "errors": self.errors}


def main() -> None:
    role, url, address, count = sys.argv[1:5]
    program: Any
    if role == "send":
        program = Send(url, address, int(count), int(sys.argv[5]) if len(sys.argv) > 5 else 10)
    else:
        program = Receive(url, address, int(count))
    Container(program).run()
    print(json.dumps(program.result()))


main()
