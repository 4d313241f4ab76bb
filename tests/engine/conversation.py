"""Whole conversations, recorded: what each end said at each turn, to be said again in other pieces or damaged."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from wiring import End

from syncproton.engine import Delivery, Endpoint, Event, Receiver, Sender

Act = Callable[["Talker"], None]


class Talker:
    """An end that answers whatever comes: opens, gives credit, reads, accepts, settles and closes."""

    def __init__(self, server: bool, prepare: Optional[Callable[[End], None]] = None) -> None:
        self.end = End("server" if server else "client", server, prepare)
        self.senders: List[Sender] = []
        self.heard: List[str] = []
        self.got: List[Tuple[str, bytes]] = []

    def respond(self) -> bytes:
        """Answer the events there are; then the bytes there are to send."""
        for event in self.end.events():
            self.heard.append(str(event.type))
            self.answer(event)
        return self.end.output()

    def answer(self, event: Event) -> None:
        kind, context = event.type, event.context
        if kind in (Event.SESSION_REMOTE_OPEN, Event.LINK_REMOTE_OPEN):
            context.open()
            if isinstance(context, Receiver):
                context.flow(10)
        elif kind in (Event.CONNECTION_REMOTE_CLOSE, Event.SESSION_REMOTE_CLOSE, Event.LINK_REMOTE_CLOSE):
            context.close()
        elif kind == Event.LINK_REMOTE_DETACH:
            context.detach()
        elif kind == Event.LINK_FLOW:
            context.drained()
        elif kind == Event.DELIVERY:
            self.delivery(context)

    def delivery(self, delivery: Delivery) -> None:
        link = delivery.link
        if isinstance(link, Receiver):
            if delivery.aborted:
                delivery.settle()
            elif delivery.readable and not delivery.partial:
                self.got.append((str(delivery.tag), link.recv(delivery.pending) or b""))
                link.advance()
                delivery.update(Delivery.ACCEPTED)
                delivery.settle()
                link.flow(1)
        elif delivery.updated:
            delivery.settle()

    # --- what it may say of its own accord

    def attach(self) -> None:
        """A session with a sender and a receiver."""
        session = self.end.connection.session()
        session.open()
        number = len(self.senders)
        sender = session.sender(f"{self.end.name} sends {number}")
        sender.target.address = "target"
        sender.open()
        receiver = session.receiver(f"{self.end.name} receives {number}")
        receiver.source.address = "source"
        receiver.open()
        receiver.flow(5)
        self.senders.append(sender)

    def send(self, size: int, settled: bool = False) -> None:
        for sender in self.senders:
            if sender.current is None:
                delivery = sender.delivery(sender.delivery_tag())
                sender.stream(bytes(n % 251 for n in range(size)))
                sender.advance()
                if settled:
                    delivery.settle()

    def begin_message(self) -> None:
        for sender in self.senders:
            if sender.current is None:
                sender.delivery(sender.delivery_tag())
            sender.stream(b"half a message,")

    def finish_message(self, abort: bool) -> None:
        for sender in self.senders:
            if sender.current is not None:
                if abort:
                    sender.current.abort()
                else:
                    sender.advance()

    def drain(self) -> None:
        for link in self.end.connection.links(Endpoint.LOCAL_ACTIVE):
            if isinstance(link, Receiver):
                link.drain(1)

    def leave(self, detach: bool) -> None:
        if self.senders:
            sender = self.senders.pop()
            if detach:
                sender.detach()
            else:
                sender.session.close()

    def close(self) -> None:
        self.end.connection.close()


ACTS: List[Act] = [
    Talker.attach,
    lambda talker: talker.send(10),
    lambda talker: talker.send(2000),
    lambda talker: talker.send(100, True),
    Talker.begin_message,
    lambda talker: talker.finish_message(False),
    lambda talker: talker.finish_message(True),
    Talker.drain,
    lambda talker: talker.leave(True),
    lambda talker: talker.leave(False),
    Talker.close,
]


def small_frames(end: End) -> None:
    end.transport.max_frame_size = 512


def with_sasl(end: End) -> None:
    end.transport.max_frame_size = 512
    end.transport.sasl().allowed_mechs("ANONYMOUS")


def record(acts: List[Tuple[bool, int]], sasl: bool = False) -> Tuple[List[bytes], List[bytes]]:
    """Let a client and a server act by turns.

    :param acts: who acts, the server or the client, and which of :data:`ACTS` it is.
    :returns: what the client said at each turn, and what the server said.
    """
    prepare = with_sasl if sasl else small_frames
    client, server = Talker(False, prepare), Talker(True, prepare)
    said: Tuple[List[bytes], List[bytes]] = ([], [])

    def exchange() -> None:
        while True:
            turns = []
            for talker, other, turn in ((client, server, 0), (server, client, 1)):
                data = talker.respond()
                said[turn].append(data)
                turns.append(data)
                if data and other.end.transport.capacity() > 0:
                    other.end.transport.push(data)
            if not any(turns):
                return

    exchange()
    client.attach()
    exchange()
    for by_server, act in acts:
        ACTS[act % len(ACTS)](server if by_server else client)
        exchange()
    return said
