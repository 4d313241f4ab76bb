"""Conversations made up at random: two engines, pumped into each other in pieces of any size, and what both are told.

The steps are those of programs that use the engine as it is meant: what is closed is not used again, and a session is
closed when nothing of it is on its way.
"""

from __future__ import annotations

import random
from typing import Any, List

from proton import Collector, Connection, Delivery, Endpoint, Link, Session, Transport
from pumping import attempt, line_of
from record import states
from scenario import Scenario

STEPS = 90
OUTCOMES = (Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED, Delivery.RECEIVED)


class Side:
    """One end, and what there is of it: sessions, links and deliveries in the order in which they came to be."""

    def __init__(self, run: Any, name: str, frame_size: int) -> None:
        self.run = run
        self.name = name
        self.connection = Connection()
        self.collector = Collector()
        self.connection.collect(self.collector)
        self.transport = Transport(Transport.SERVER) if name == "b" else Transport()
        self.transport.max_frame_size = frame_size
        self.transport.bind(self.connection)
        self.connection.open()
        self.sessions: List[Any] = []
        self.links: List[Any] = []
        self.deliveries: List[Any] = []

    def events(self) -> None:
        """Take the events, and write them down."""
        while True:
            event = self.collector.peek()
            if not event:
                return
            name = str(event.type).replace("PN_", "")
            if name != "TRANSPORT":
                self.run.note(self.name, name, self._about(event.context))
            self.collector.pop()

    def _about(self, context: Any) -> str:
        if isinstance(context, Transport):
            return line_of(context.condition)
        if isinstance(context, Delivery):
            if context.link.is_receiver and context not in self.deliveries:
                self.deliveries.append(context)
            return about_delivery(context)
        if isinstance(context, Session):
            return f"session {self._number(self.sessions, context)} {states(context.state)}"
        if isinstance(context, Link):
            self._number(self.sessions, context.session)
            self._number(self.links, context)
            return about_link(context)
        return states(context.state)

    @staticmethod
    def _number(known: List[Any], thing: Any) -> int:
        if thing not in known:
            known.append(thing)
        return known.index(thing)

    def show(self) -> None:
        """Write down how everything is."""
        for session in self.sessions:
            self.run.note(self.name, states(session.state), session.incoming_bytes, session.outgoing_bytes)
        for link in self.links:
            self.run.note(self.name, about_link(link), link.available, link.remote_snd_settle_mode,
                          link.remote_rcv_settle_mode)
        for delivery in self.deliveries[-5:]:
            self.run.note(self.name, about_delivery(delivery))


def about_link(link: Any) -> str:
    return f"{link.name} {states(link.state)} credit {link.credit} queued {link.queued} unsettled {link.unsettled}"


def about_delivery(delivery: Any) -> str:
    told = [word for word in ("settled", "partial", "readable", "writable", "updated", "aborted")
            if getattr(delivery, word)]
    return f"{delivery.tag} {int(delivery.local_state)}/{int(delivery.remote_state)} {delivery.pending} {told}"


def active(endpoint: Any) -> bool:
    """Whether an endpoint was opened, and neither end has closed it."""
    state = endpoint.state
    return bool(state & Endpoint.LOCAL_ACTIVE and not state & Endpoint.REMOTE_CLOSED)


class Conversation:
    """Two sides, and a source of chance that is the same for both libraries."""

    def __init__(self, run: Any, seed: int) -> None:
        self.run = run
        self.chance = random.Random(seed)
        frame_size = self.chance.choice((512, 600, 32768))
        self.sides = [Side(run, name, frame_size) for name in "ab"]
        self.names = 0
        self.pump()

    def _move(self, number: int, most: int) -> bool:
        source, sink = self.sides[number].transport, self.sides[1 - number].transport
        count = min(source.pending(), sink.capacity(), most)
        if count <= 0:
            return False
        data = bytes(source.peek(count))
        sink.push(data)
        source.pop(count)
        return True

    def pump(self) -> None:
        """Carry all there is both ways."""
        while self._move(0, 8192) | self._move(1, 8192):
            pass

    def step(self) -> None:
        """Do one thing on one side, and take the events of both."""
        number = self.chance.randrange(2)
        act = self.chance.choice(ACTS)
        act(self, self.sides[number])
        if self.chance.random() < 0.2:
            self._move(number, self.chance.choice((3, 50, 1000, 8192)))
        for side in self.sides:
            side.events()
            if self.chance.random() < 0.2:
                side.show()

    def one_of(self, things: List[Any]) -> Any:
        return self.chance.choice(things) if things else None

    def links(self, side: Side, sender: bool) -> List[Any]:
        return [link for link in side.links if link.is_sender == sender and active(link) and active(link.session)]

    def pumping(self, side: Side) -> None:
        self.pump()

    def begin(self, side: Side) -> None:
        session = self.one_of([each for each in side.sessions if each.state & Endpoint.LOCAL_UNINIT])
        if session is None and len(side.sessions) < 4:
            session = side.connection.session()
            side.sessions.append(session)
        if session is not None and not session.state & Endpoint.REMOTE_CLOSED:
            session.open()

    def attach(self, side: Side) -> None:
        link = self.one_of([each for each in side.links if each.state & Endpoint.LOCAL_UNINIT and active(each.session)])
        session = self.one_of([each for each in side.sessions if active(each)])
        if link is None and session is not None:
            self.names += 1
            make = session.sender if self.chance.random() < 0.6 else session.receiver
            link = make(f"link-{self.names}")
            link.snd_settle_mode = self.chance.randrange(3)
            link.rcv_settle_mode = self.chance.randrange(2)
            side.links.append(link)
        if link is not None:
            link.open()

    def credit(self, side: Side) -> None:
        link = self.one_of(self.links(side, sender=False))
        if link is not None:
            self.chance.choice((link.flow, link.flow, link.drain))(self.chance.randrange(6))

    def drained(self, side: Side) -> None:
        link = self.one_of(self.links(side, sender=self.chance.random() < 0.7))
        if link is not None:
            self.run.note(side.name, "drained", link.drained())

    def send(self, side: Side) -> None:
        link = self.one_of(self.links(side, sender=True))
        if link is None:
            return
        delivery = link.current
        if delivery is None:
            self.names += 1
            delivery = link.delivery(f"tag-{self.names}")
            side.deliveries.append(delivery)
        attempt(self.run, "send", link.send, b"x" * self.chance.choice((0, 1, 300, 2000)))
        chance = self.chance.random()
        if chance < 0.2:
            delivery.settle()
        elif chance < 0.3:
            delivery.abort()
        if chance < 0.3:
            side.deliveries.remove(delivery)
        if chance < 0.8:
            link.advance()

    def offer(self, side: Side) -> None:
        link = self.one_of(self.links(side, sender=True))
        if link is not None:
            link.offered(self.chance.randrange(9))

    def read(self, side: Side) -> None:
        link = self.one_of([each for each in self.links(side, sender=False) if each.current is not None])
        if link is not None:
            delivery = link.current
            data = link.recv(self.chance.choice((10, 500, 5000)))
            self.run.note(side.name, "read", None if data is None else len(data))
            if not delivery.partial:
                link.advance()

    def update(self, side: Side) -> None:
        delivery = self.one_of(side.deliveries[-6:])
        if delivery is not None:
            delivery.update(self.chance.choice(OUTCOMES))

    def settle(self, side: Side) -> None:
        delivery = self.one_of(side.deliveries[-6:])
        if delivery is not None and not delivery.partial:
            delivery.settle()
            side.deliveries.remove(delivery)

    def leave(self, side: Side) -> None:
        link = self.one_of([each for each in side.links if active(each) and active(each.session)])
        if link is not None and self.chance.random() < 0.3:
            self.chance.choice((link.close, link.detach))()

    def end(self, side: Side) -> None:
        self.pump()
        session = self.one_of([each for each in side.sessions if active(each) and each.state & Endpoint.REMOTE_ACTIVE])
        if session is not None and self.chance.random() < 0.15:
            session.close()
            self.pump()


ACTS = (
    Conversation.pumping, Conversation.pumping, Conversation.begin, Conversation.attach, Conversation.attach,
    Conversation.credit, Conversation.credit, Conversation.drained, Conversation.send, Conversation.send,
    Conversation.send, Conversation.send, Conversation.offer, Conversation.read, Conversation.read, Conversation.read,
    Conversation.update, Conversation.update, Conversation.settle, Conversation.settle, Conversation.leave,
    Conversation.end,
)


def conversation(seed: int) -> Scenario:
    """A scenario with a seed."""
    def program(run: Any) -> None:
        talk = Conversation(run, seed)
        for _ in range(STEPS):
            talk.step()
        for side in talk.sides:
            side.connection.close()
        talk.pump()
        for side in talk.sides:
            side.events()
            side.show()

    return Scenario(f"conversation_{seed}", program, (), ())


SCENARIOS = {each.name: each for each in map(conversation, range(20))}
