"""IOHandler and PythonIO: there for programs that name them, while the container does the work."""

from __future__ import annotations

from typing import Any, List

from syncproton.engine import Connection, Transport
from syncproton.handlers import IOHandler, MessagingHandler, PythonIO
from syncproton.reactor import Container


class Both(MessagingHandler):
    """Listens and connects to itself, then closes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0

    def on_start(self, event: Any) -> None:
        self.acceptor = event.container.listen("127.0.0.1:0")
        event.container.connect(f"127.0.0.1:{self.acceptor.port}")

    def on_connection_opened(self, event: Any) -> None:
        self.opened += 1
        if self.opened == 2:
            self.acceptor.close()
            event.connection.close()


def test_a_container_with_an_io_handler_of_its_own_works_as_without() -> None:
    class Listening(IOHandler):
        heard: List[str] = []

        def on_connection_bound(self, event: Any) -> None:
            super().on_connection_bound(event)
            self.heard.append("bound")

    class Added:
        heard: List[str] = []

        def on_transport_closed(self, event: Any) -> None:
            self.heard.append("closed")

    listening = Listening()
    listening.add(Added())
    for global_handler in (listening, PythonIO()):
        both = Both()
        Container(both, global_handler=global_handler).run()
        assert both.opened == 2
    assert Listening.heard == ["bound", "bound"] and Added.heard == ["closed", "closed"]


class Watched:
    """What update() sets of a selectable."""

    def __init__(self) -> None:
        self.reading = self.writing = self.ended = False
        self.deadline = 0.0
        self.updates = 0

    def terminate(self) -> None:
        self.ended = True

    def update(self) -> None:
        self.updates += 1


def test_a_selectable_is_set_by_what_the_transport_is_ready_for() -> None:
    transport, connection, watched = Transport(), Connection(), Watched()
    transport.bind(connection)
    transport.idle_timeout = 5
    IOHandler.update(transport, watched, 100.0)
    assert (watched.reading, watched.writing, watched.deadline, watched.updates) == (True, True, 0.0, 1)
    transport.pop(transport.pending())
    IOHandler.update(transport, watched, 100.0)
    # From the first bytes on there may be silence.
    assert (watched.reading, watched.writing, watched.deadline, watched.ended) == (True, False, 105.0, False)
    transport.close_tail()
    transport.close_head()
    IOHandler.update(transport, watched, 100.0)
    assert (watched.reading, watched.writing, watched.ended, watched.updates) == (False, False, True, 3)
