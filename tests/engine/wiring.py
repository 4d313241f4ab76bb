"""Two ends of a connection wired in memory, and a scripted peer that writes what frames it likes."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Tuple

from syncproton.engine import Collector, Connection, Delivery, Event, Link, Receiver, Sender, Session, Transport
from syncproton.wire.frames import AMQP_HEADER, FrameReader, write_frame
from syncproton.wire.performatives import Attach, Begin, Open
from syncproton.wire.termini import Source, Target

UNLIMITED = 1 << 32


class End:
    """One end: a connection, its transport and its collector."""

    def __init__(
        self, name: str, server: bool = False, prepare: Optional[Callable[["End"], None]] = None, open: bool = True
    ) -> None:
        self.name = name
        self.server = server
        self.collector = Collector()
        self.connection = Connection()
        self.connection.container = name
        self.connection.collect(self.collector)
        self.told: List[Event] = []
        self.new_transport(prepare)
        if open:
            self.connection.open()

    def new_transport(self, prepare: Optional[Callable[["End"], None]] = None) -> None:
        """Bind the connection to a fresh transport."""
        self.transport = Transport(Transport.SERVER if self.server else Transport.CLIENT)
        if prepare is not None:
            prepare(self)
        self.transport.bind(self.connection)

    def events(self) -> List[Event]:
        """Take the events that have come since the last time."""
        taken = []
        while True:
            event = self.collector.peek()
            if event is None:
                self.told += taken
                return taken
            taken.append(event)
            self.collector.pop()

    def names(self) -> List[str]:
        """Take the events; their types without the prefix."""
        return [str(event.type)[3:] for event in self.events()]

    def output(self) -> bytes:
        """Take all the bytes there are to send."""
        out = b""
        while self.transport.pending() > 0:
            data = self.transport.peek(self.transport.pending())
            assert data
            self.transport.pop(len(data))
            out += data
        return out

    def lose(self) -> None:
        """The socket is gone: end both directions, and unbind."""
        self.transport.close_tail()
        self.transport.close_head()
        self.transport.unbind()


def move(source: End, sink: End, most: int = UNLIMITED) -> bool:
    """Carry up to ``most`` bytes, or the end of the stream, from one end to the other; false if there was nothing."""
    pending = source.transport.pending()
    if pending > 0:
        data = source.transport.peek(min(pending, most))
        assert data
        source.transport.pop(len(data))
        if sink.transport.capacity() > 0:
            sink.transport.push(data)
        return True
    if pending < 0 <= sink.transport.capacity():
        sink.transport.close_tail()
        return True
    return False


def pump(a: End, b: End, most: int = UNLIMITED) -> None:
    """Carry bytes both ways until neither end has any."""
    while True:
        there = move(a, b, most)
        back = move(b, a, most)
        if not there and not back:
            return


def pair(
    client: Optional[Callable[[End], None]] = None, server: Optional[Callable[[End], None]] = None
) -> Tuple[End, End]:
    """Two ends that have opened their connections to each other, with no events left."""
    a, b = End("client", False, client), End("server", True, server)
    pump(a, b)
    a.events()
    b.events()
    return a, b


class Linked:
    """A sender at one end, ``a``, and its receiver at the other, ``b``, both open."""

    def __init__(
        self,
        credit: int = 100,
        client: Optional[Callable[[End], None]] = None,
        server: Optional[Callable[[End], None]] = None,
        sending: Optional[Callable[[Sender], None]] = None,
        receiving: Optional[Callable[[Receiver], None]] = None,
        capacity: int = 0,
    ) -> None:
        self.a, self.b = pair(client, server)
        self.out: Session = self.a.connection.session()
        self.out.open()
        self.sender = self.attach("link", sending)
        self.pump()
        self.into: Session = only(self.b.connection.sessions())
        self.into.incoming_capacity = capacity
        self.into.open()
        self.receiver = self.answer(receiving)
        if credit:
            self.receiver.flow(credit)
        self.pump()
        self.a.events()
        self.b.events()

    def attach(self, name: str, prepare: Optional[Callable[[Sender], None]] = None) -> Sender:
        """Open another sender."""
        sender = self.out.sender(name)
        sender.target.address = "node"
        if prepare is not None:
            prepare(sender)
        sender.open()
        return sender

    def answer(self, prepare: Optional[Callable[[Receiver], None]] = None) -> Receiver:
        """Open the receiver that the peer's attach has made."""
        receiver = self.b.connection.link_head(Link.LOCAL_UNINIT)
        assert isinstance(receiver, Receiver)
        receiver.source.copy(receiver.remote_source)
        receiver.target.copy(receiver.remote_target)
        if prepare is not None:
            prepare(receiver)
        receiver.open()
        return receiver

    def another(self, name: str, credit: int = 100) -> Tuple[Sender, Receiver]:
        """A second link on the same sessions."""
        sender = self.attach(name)
        self.pump()
        receiver = self.answer()
        receiver.flow(credit)
        self.pump()
        return sender, receiver

    def pump(self, most: int = UNLIMITED) -> None:
        pump(self.a, self.b, most)

    def maps_empty(self) -> bool:
        """Whether neither session remembers a delivery."""
        sessions = (self.out, self.into)
        return not any(session._incoming or session._outgoing for session in sessions)


def send(sender: Sender, data: bytes = b"hello", tag: Optional[str] = None, settled: bool = False) -> Delivery:
    """Hand a delivery over."""
    delivery = sender.delivery(tag if tag is not None else sender.delivery_tag())
    sender.stream(data)
    sender.advance()
    if settled:
        delivery.settle()
    return delivery


def receive(receiver: Receiver) -> Tuple[Delivery, bytes]:
    """Take the current delivery, which is complete."""
    delivery = receiver.current
    assert delivery is not None and not delivery.partial
    data = receiver.recv(delivery.pending) or b""
    receiver.advance()
    return delivery, data


def receive_all(receiver: Receiver) -> Iterator[Tuple[Delivery, bytes]]:
    """Take all complete deliveries."""
    while receiver.current is not None and not receiver.current.partial:
        yield receive(receiver)


def only(things: Any) -> Any:
    """The one thing there is."""
    found = list(things)
    assert len(found) == 1, found
    return found[0]


Frame = Tuple[int, Any, bytes]


class ScriptedPeer:
    """Writes frames at an end, and reads those that come back.  It has no opinion about what it says."""

    def __init__(self, end: End) -> None:
        self.end = end
        self._reader = FrameReader(max_frame_size=UNLIMITED)
        self._header = b""

    def say(self, *performatives: Any, channel: int = 0, payload: bytes = b"") -> None:
        """Send frames on a channel, each with the same payload."""
        out = bytearray()
        for performative in performatives:
            write_frame(out, channel, performative, payload)
        self.feed(bytes(out))

    def feed(self, data: bytes) -> None:
        """Send bytes, unless the end takes none any more."""
        if self.end.transport.capacity() > 0:
            self.end.transport.push(data)

    def hears(self) -> List[Frame]:
        """The frames that have come since the last time."""
        data = self.end.output()
        if len(self._header) < 8:
            size = 8 - len(self._header)
            self._header += data[:size]
            data = data[size:]
        self._reader.feed(data)
        return list(self._reader)

    def performatives(self) -> List[Any]:
        """The performatives of the frames that have come since the last time."""
        return [performative for _, performative, _ in self.hears()]

    def open(self, **fields: Any) -> "ScriptedPeer":
        """Exchange headers and opens."""
        self.feed(AMQP_HEADER)
        self.say(Open(container_id="peer", **fields))
        self.hears()
        return self

    def begin(self, channel: int = 0, **fields: Any) -> Session:
        """Begin a session of the peer's own, and have it answered."""
        arguments = {"next_outgoing_id": 0, "incoming_window": 1000, "outgoing_window": 1000, **fields}
        self.say(Begin(**arguments), channel=channel)
        session = self.end.connection.session_head(Session.LOCAL_UNINIT)
        assert session is not None
        session.open()
        self.hears()
        return session

    def attach(self, name: str = "link", handle: int = 0, sends: bool = True, channel: int = 0, **fields: Any) -> Link:
        """Attach a link of the peer's own, and have it answered."""
        if sends:
            fields.setdefault("initial_delivery_count", 0)
        self.say(
            Attach(name, handle, not sends, source=Source(address="a"), target=Target(address="b"), **fields),
            channel=channel,
        )
        link = self.end.connection.link_head(Link.LOCAL_UNINIT)
        assert link is not None
        link.open()
        self.hears()
        return link


def scripted(server: bool = True, **fields: Any) -> ScriptedPeer:
    """A peer that has opened its connection to an end that has done so too."""
    peer = ScriptedPeer(End("end", server)).open(**fields)
    peer.end.events()
    return peer
