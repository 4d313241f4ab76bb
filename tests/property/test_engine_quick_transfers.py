"""Whole messages that are taken from the stream the short way change the same as those taken frame by frame."""

from __future__ import annotations

import random
from typing import Any, Dict, List

from hypothesis import given, settings
from hypothesis import strategies as st
from wiring import ScriptedPeer, scripted

from syncproton.engine import Link, Session
from syncproton.errors import ProtonException
from syncproton.wire.frames import FrameReader, write_frame
from syncproton.wire.performatives import Detach, Disposition, Flow, Transfer
from syncproton.wire.states import Accepted

MASK = 0xFFFFFFFF


class LongWay(FrameReader):
    """Leaves all frames to be read one by one."""

    __slots__ = ()

    def take_whole_transfers(self, take: Any) -> None:
        pass


class Side:
    """An end that receives on two links, and a peer that sends it what it should and what it should not."""

    def __init__(self, seed: int, long_way: bool) -> None:
        self.dice = random.Random(seed)
        self.peer: ScriptedPeer = scripted()
        if long_way:
            self.peer.end.transport._reader.__class__ = LongWay
        self.session: Session = self.peer.begin()
        if self.dice.random() < 0.4:
            self.session.incoming_capacity = self.dice.choice([32768, 200000])
        self.links: List[Any] = [self.peer.attach("first", 0), self.peer.attach("second", 1)]
        if self.dice.random() < 0.3:
            self.links[0].max_message_size = 1000
        for link in self.links:
            link.flow(self.dice.choice([1, 3, 20, 1000]))
        self.peer.hears()
        self.number = self.dice.choice([0, 256, 256, MASK - 1])
        self.partial: Dict[int, int] = {}

    def transfer(self) -> Any:
        """What a sender might say next; now and then it is wrong."""
        dice = self.dice
        handle = int(dice.random() < 0.2)
        kind = dice.random()
        if handle in self.partial:
            if kind < 0.5:
                return Transfer(handle, more=True)
            self.partial.pop(handle)
            if kind < 0.8:
                return Transfer(handle, aborted=kind > 0.7)
            return Transfer(handle, self.number, b"x", 0)  # while another is not complete
        number = (self.number + (dice.random() < 0.02)) & MASK
        tag = b"t%d" % self.number
        self.number = (self.number + 1) & MASK
        if kind < 0.8:
            return Transfer(handle, number, tag, 0, dice.random() < 0.2)
        if kind < 0.95:
            self.partial[handle] = number
            return Transfer(handle, number, tag, 0, more=True)
        return Transfer(handle, number, tag, 0, state=Accepted())

    def send(self) -> None:
        out = bytearray()
        for _ in range(self.dice.randint(1, 8)):
            write_frame(out, 0, self.transfer(), b"p" * self.dice.choice([0, 1, 100, 5000]))
        cut = self.dice.choice([7, 100, len(out)]) if len(out) < 2000 else len(out)
        for start in range(0, len(out), cut):
            self.peer.feed(bytes(out[start:start + cut]))

    def take(self) -> Any:
        link = self.dice.choice(self.links)
        current = link.current
        if current is None:
            return None
        kind = self.dice.random()
        if kind < 0.4:
            return link.recv(self.dice.choice([0, 1, 4096, 1 << 20]))
        if kind < 0.6:
            return link.advance()
        current.update(current.ACCEPTED)
        return current.settle()

    def step(self) -> Any:
        kind = self.dice.random()
        link = self.dice.choice(self.links)
        if kind < 0.5:
            return self.send()
        if kind < 0.8:
            return self.take()
        if kind < 0.87:
            return link.flow(self.dice.choice([1, 50]))
        if kind < 0.89:
            return link.drain(2)
        if kind < 0.91:
            return link.close()
        if kind < 0.92:
            return self.session.close()
        if kind < 0.93:
            return self.peer.say(Detach(0, True))
        if kind < 0.96:
            return self.peer.say(Flow(0, 1000, self.number, 1000, 0, 3, 3, 1))
        if kind < 0.98:
            return self.peer.say(Disposition(False, 0, self.number, True, Accepted()))
        self.peer.end.transport.max_frame_size = self.dice.choice([512, 100000])
        return None

    def state(self) -> List[Any]:
        transport, session = self.peer.end.transport, self.session
        return [
            transport.frames_input, repr(transport.condition), session.state, session.incoming_bytes,
            session._incoming_window, session._next_incoming_id, session._next_incoming_delivery,
            sorted(session._incoming), [self.of_link(link) for link in self.links],
        ]

    @staticmethod
    def of_link(link: Link) -> List[Any]:
        current = link.current
        of_current = current and [
            current.tag, current._id, current.pending, current.partial, current.aborted, current.settled,
            current.updated, current.remote_state,
        ]
        return [link.state, link.credit, link._link_credit, link.queued, link.unsettled, link._delivery_count,
                link._skipping, of_current]

    def history(self, steps: int) -> List[Any]:
        """What comes of so many steps."""
        told: List[Any] = []
        for _ in range(steps):
            try:
                told.append(self.step())
            except ProtonException as error:
                told.append(repr(error))
            told.append(self.peer.end.names())
            if self.dice.random() < 0.6:
                told.append(self.peer.hears())
            told.append(self.state())
        return told


@settings(max_examples=150)
@given(st.integers(0, 1 << 32), st.integers(5, 40))
def test_both_ways_come_to_the_same(seed: int, steps: int) -> None:
    assert Side(seed, False).history(steps) == Side(seed, True).history(steps)
