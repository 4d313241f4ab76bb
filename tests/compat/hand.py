"""The engine by hand: connections, transports and collectors without a socket, two of them pumped into each other."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

import proton
from record import states

__all__ = ["End", "Linked", "Pair", "drop", "told"]


def told(event: Any) -> str:
    """An event: its name, and the states of what it is about."""
    shown = [str(event.type).replace("PN_", "")]
    for word in ("connection", "session", "link"):
        endpoint = getattr(event, word)
        if endpoint is not None:
            shown.append(states(endpoint.state))
    delivery = event.delivery
    if delivery is not None:
        shown.append(f"{delivery.tag} {int(delivery.local_state)}/{int(delivery.remote_state)}")
        shown += [word for word in ("settled", "updated", "readable", "writable", "partial") if getattr(delivery, word)]
    transport = event.transport
    if transport is not None and transport.condition is not None:
        shown.append(f"({transport.condition.name})")
    return " ".join(shown)


Prepare = Callable[["End"], Any]


class End:
    """A connection on a transport.

    :param run: where to write what happens.
    :param prepare: called before the two are bound.
    """

    def __init__(self, run: Any, name: str, prepare: Optional[Prepare] = None, bind: bool = True) -> None:
        self.run = run
        self.name = name
        self.connection = proton.Connection()
        self.connection.container = name
        self.collector = proton.Collector()
        self.connection.collect(self.collector)
        self.transport = proton.Transport(proton.Transport.SERVER) if name == "server" else proton.Transport()
        if prepare is not None:
            prepare(self)
        if bind:
            self.transport.bind(self.connection)

    def events(self) -> List[Any]:
        """Take the events, and write them down; their types."""
        types = []
        while True:
            event = self.collector.peek()
            if not event:
                return types
            self.run.note(self.name, told(event))
            types.append(event.type)
            self.collector.pop()

    def output(self) -> bytes:
        """Take what there is to send."""
        data = b""
        while True:
            pending = self.transport.pending()
            if pending <= 0:
                return data
            data += bytes(self.transport.peek(pending))
            self.transport.pop(pending)

    def input(self, data: bytes) -> None:
        """Give it bytes, as many at a time as it takes; drop them when it takes none any more."""
        while data:
            capacity = self.transport.capacity()
            if capacity <= 0:
                return
            self.transport.push(data[:capacity])
            data = data[capacity:]

    def show(self) -> None:
        """Write down how the transport is."""
        transport = self.transport
        condition = transport.condition
        self.run.note(self.name, "closed" if transport.closed else "not closed", "input",
                      "ended" if transport.capacity() < 0 else "open", "output",
                      transport.pending() if transport.pending() <= 0 else "waits",
                      condition.name if condition else None)


class Pair:
    """A client and a server."""

    def __init__(self, run: Any, client: Optional[Prepare] = None, server: Optional[Prepare] = None) -> None:
        self.run = run
        self.client = End(run, "client", client)
        self.server = End(run, "server", server)

    def _carry(self, source: End, sink: End) -> bool:
        data = source.output()
        if data:
            self.run.note("wire", source.name, data.hex())
            sink.input(data)
            return True
        if source.transport.pending() < 0 <= sink.transport.capacity():
            sink.transport.close_tail()
            self.run.note(source.name, "ends the stream")
            return True
        return False

    def pump(self) -> None:
        """Carry bytes until there are none, and write down the events they bring."""
        while self._carry(self.client, self.server) | self._carry(self.server, self.client):
            pass
        self.client.events()
        self.server.events()

    def open(self) -> "Pair":
        """Open the connection from both ends."""
        self.client.connection.open()
        self.server.connection.open()
        self.pump()
        return self


class Linked(Pair):
    """With a session, and a link from the client's sender to the server's receiver, or the other way round."""

    def __init__(
        self, run: Any, credit: int = 10, outward: bool = True, near: Optional[Callable[[Any], Any]] = None,
        far: Optional[Callable[[Any], Any]] = None, client: Optional[Prepare] = None, server: Optional[Prepare] = None,
    ) -> None:
        super().__init__(run, client, server)
        kept, run.trace = run.trace, []
        self.open()
        self.session = self.client.connection.session()
        self.session.open()
        link = self.session.sender("link") if outward else self.session.receiver("link")
        link.source.address, link.target.address = "source", "target"
        if near is not None:
            near(link)
        link.open()
        self.pump()
        uninit = proton.Endpoint.LOCAL_UNINIT
        self.far_session = self.server.connection.session_head(uninit)
        self.far_session.open()
        answer = self.server.connection.link_head(uninit)
        answer.source.copy(answer.remote_source)
        answer.target.copy(answer.remote_target)
        if far is not None:
            far(answer)
        answer.open()
        self.sender, self.receiver = (link, answer) if outward else (answer, link)
        if credit:
            self.receiver.flow(credit)
        self.pump()
        # How they came to be is told elsewhere; the bytes are needed, to understand those that follow.
        run.trace = kept + [line for line in run.trace if line.startswith("wire ")]

    def send(self, data: bytes, tag: str = "", settled: bool = False) -> Any:
        """Send something, whole."""
        delivery = self.sender.delivery(tag or self.sender.delivery_tag())
        self.sender.stream(data)
        self.sender.advance()
        if settled:
            delivery.settle()
        return delivery

    def credits(self) -> None:
        """Write down what both ends think of the credit and the queues."""
        for name, link in (("sender", self.sender), ("receiver", self.receiver)):
            self.run.note(name, "credit", link.credit, "queued", link.queued,
                          "unsettled", link.unsettled, "available", link.available)


def drop(end: End) -> None:
    """Let go of the transport as if the network had gone."""
    end.transport.close_tail()
    end.transport.close_head()
    end.events()
    end.transport.unbind()
    end.events()
