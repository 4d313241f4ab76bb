"""Many messages over one link, by callbacks."""

from __future__ import annotations

from typing import Any, Dict, Optional

from connecting import connect, handler_class
from library import Library
from meter import Meter

__all__ = ["WORKS"]


def send(library: Library, url: str, count: int, settled: bool = False, size: Optional[int] = None,
         ca: Optional[str] = None) -> Dict[str, Any]:
    """Send as much as there is credit for, until all were accepted, or, where they are settled, have gone out.

    :param size: of the body in bytes; without it the body is a small map.
    """
    meter = Meter()
    Message = library.Message
    payload = None if size is None else b"x" * size

    class Send(handler_class(library)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.sent = 0

        def on_start(self, event: Any) -> None:
            connection = connect(library, event.container, url, ca)
            options = library.AtMostOnce() if settled else None
            event.container.create_sender(connection, "examples", options=options)

        def on_sendable(self, event: Any) -> None:
            meter.start()
            while event.sender.credit and self.sent < count:
                body = {"sequence": self.sent} if payload is None else payload
                event.sender.send(Message(id=self.sent, body=body))
                self.sent += 1
            if settled and self.sent == count:
                meter.count = count
                event.connection.close()

        def on_accepted(self, event: Any) -> None:
            meter.count += 1
            if meter.count == count:
                event.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            meter.stop()

    library.Container(Send()).run()
    return meter.figures(count)


def receive(library: Library, url: str, count: int, prefetch: int, size: Optional[int] = None,
            ca: Optional[str] = None) -> Dict[str, Any]:
    """Receive, look at each body, and have it accepted when the callback returns."""
    meter = Meter()
    bodies = 0

    class Receive(handler_class(library)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(prefetch=prefetch)

        def on_start(self, event: Any) -> None:
            connection = connect(library, event.container, url, ca)
            event.container.create_receiver(connection, "examples")

        def on_message(self, event: Any) -> None:
            nonlocal bodies
            meter.start()
            body = event.message.body
            bodies += body["sequence"] > 0 if size is None else len(body) == size
            meter.count += 1
            if meter.count == count:
                event.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            meter.stop()

    library.Container(Receive()).run()
    if bodies != count:
        raise RuntimeError(f"{bodies} of {count} bodies are right")
    return meter.figures(count)


WORKS = [send, receive]
