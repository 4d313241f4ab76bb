"""Messages that wait in the library."""

from __future__ import annotations

import gc
from typing import Any, Dict

from connecting import connect, handler_class
from library import Library
from meter import Meter, resident

__all__ = ["WORKS"]


def queued(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Send in one callback, so that all of it waits; ``each`` is the memory that one delivery takes meanwhile."""
    meter = Meter()
    taken = 0

    class Queued(handler_class(library)):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            self.sent = False
            event.container.create_sender(connect(library, event.container, url), "examples")

        def on_sendable(self, event: Any) -> None:
            nonlocal taken
            if not self.sent:
                self.sent = True
                gc.collect()
                taken = -resident()
                meter.start()
                for number in range(count):
                    event.sender.send(library.Message(id=number, body={"sequence": number}))
                gc.collect()
                taken += resident()

        def on_accepted(self, event: Any) -> None:
            meter.count += 1
            if meter.count == count:
                event.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            meter.stop()

    library.Container(Queued()).run()
    return meter.figures(count, each=taken / count)


WORKS = [queued]
