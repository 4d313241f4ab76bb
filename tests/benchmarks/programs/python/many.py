"""Many links, and many connections."""

from __future__ import annotations

import gc
from typing import Any, Dict

from connecting import connect, handler_class
from library import Library
from meter import Meter, resident

__all__ = ["WORKS"]

#: How many connections are being opened at a time: the brokers' queues of those that wait are short.
_OPENING = 8


def links(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Open senders on one connection, and send one message over each."""
    meter = Meter()

    class Links(handler_class(library)):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            meter.start()
            connection = connect(library, event.container, url)
            for number in range(count):
                event.container.create_sender(connection, f"examples-{number}", name=f"link-{number}")
            self.sent = set()

        def on_sendable(self, event: Any) -> None:
            if event.sender.name not in self.sent:
                self.sent.add(event.sender.name)
                event.sender.send(library.Message(id=1, body={"sequence": 1}))

        def on_accepted(self, event: Any) -> None:
            meter.count += 1
            if meter.count == count:
                event.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            meter.stop()

    library.Container(Links()).run()
    return meter.figures(count)


def idle_links(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Open senders on one connection; ``each`` is the memory that one of them takes."""
    meter = Meter()
    before = after = 0

    class Links(handler_class(library)):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            connect(library, event.container, url)

        def on_connection_opened(self, event: Any) -> None:
            nonlocal before
            before = _settled()
            meter.start()
            for number in range(count):
                event.container.create_sender(event.connection, f"examples-{number}", name=f"link-{number}")

        def on_link_opened(self, event: Any) -> None:
            nonlocal after
            meter.count += 1
            if meter.count == count:
                meter.stop()
                after = _settled()
                event.connection.close()

    library.Container(Links()).run()
    return meter.figures(count, each=(after - before) / count)


def connections(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Open connections, send one message over each, and close them all.

    ``each`` is the memory that one of them takes, with a sender, when all are open and none has sent yet.
    """
    meter = Meter()
    before = after = 0

    class Connections(handler_class(library)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.begun = 0
            self.senders: Dict[str, Any] = {}
            self.closed = 0

        def on_start(self, event: Any) -> None:
            nonlocal before
            before = _settled()
            meter.start()
            for _ in range(min(_OPENING, count)):
                self.begin(event.container)

        def begin(self, container: Any) -> None:
            self.begun += 1
            address = f"examples-{self.begun}"
            container.create_sender(connect(library, container, url), address, name=address)

        def on_sendable(self, event: Any) -> None:
            nonlocal after
            if event.sender.name in self.senders:
                return
            self.senders[event.sender.name] = event.sender
            if self.begun < count:
                self.begin(event.container)
            elif len(self.senders) == count:
                after = _settled()
                for sender in self.senders.values():
                    sender.send(library.Message(id=1, body={"sequence": 1}))

        def on_accepted(self, event: Any) -> None:
            meter.count += 1
            if meter.count == count:
                for sender in self.senders.values():
                    sender.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            self.closed += 1
            if self.closed == count:
                meter.stop()

    library.Container(Connections()).run()
    return meter.figures(count, each=(after - before) / count)


def connect_close(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Open a connection and close it, one after another, in one container."""
    meter = Meter()

    class ConnectClose(handler_class(library)):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            meter.start()
            connect(library, event.container, url)

        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            meter.count += 1
            if meter.count < count:
                connect(library, event.container, url)
            else:
                meter.stop()

    library.Container(ConnectClose()).run()
    return meter.figures(count)


def _settled() -> int:
    """The memory in use, without garbage."""
    gc.collect()
    return resident()


WORKS = [links, idle_links, connections, connect_close]
