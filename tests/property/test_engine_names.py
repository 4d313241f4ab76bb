"""Links come and go under a few names: the peer never has two of one name at once, and the last of each is there."""

from __future__ import annotations

from typing import Dict, List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st
from wiring import End, move, pair, pump, receive_all, send

from syncproton.engine import Endpoint, Event, Receiver, Sender

NAMES = ("one", "two")
ACTS = ("open", "close", "detach", "send", "there", "answer", "back")
BOTH_ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE


class Names:
    """A client that opens, leaves and opens links again, and a server that answers when it gets to it.

    :ivar links: the client's last sender of each name.
    :ivar sent: what was handed over to each of them.
    :ivar got: what came to the server's last receiver of each name.
    """

    def __init__(self) -> None:
        self.client, self.server = pair()
        self.session = self.client.connection.session()
        self.session.open()
        self.links: Dict[str, Sender] = {}
        self.sent: Dict[str, List[bytes]] = {}
        self.got: Dict[str, List[bytes]] = {}
        self.count = 0

    def act(self, act: str, name: str) -> None:
        if act == "there":
            move(self.client, self.server, 60)
        elif act == "back":
            move(self.server, self.client, 60)
        elif act == "answer":
            self.answer()
        elif act == "open":
            if name not in self.links:
                self.links[name] = link = self.session.sender(name)
                link.target.address = name
                link.open()
                self.sent[name] = []
        elif name in self.links:
            if act == "send":
                self.count += 1
                self.sent[name].append(b"%d" % self.count)
                send(self.links[name], self.sent[name][-1])
            else:
                link = self.links.pop(name)
                link.close() if act == "close" else link.detach()
                if self.count % 2:
                    link.free()

    def answer(self) -> None:
        """As a broker does, event by event."""
        for event in self.server.events():
            context = event.context
            if event.type == Event.SESSION_REMOTE_OPEN:
                context.open()
            elif event.type == Event.LINK_REMOTE_OPEN:
                assert self.attached(context.name) <= 1
                context.open()
                context.flow(1000)
                self.got[context.name] = []
            elif event.type == Event.LINK_REMOTE_CLOSE:
                context.close()
                context.free()
            elif event.type == Event.LINK_REMOTE_DETACH:
                context.detach()
                context.free()
            elif event.type == Event.DELIVERY and isinstance(context.link, Receiver):
                self.got[context.link.name] += [data for _, data in receive_all(context.link)]

    def attached(self, name: str) -> int:
        links = self.server.connection.links()
        return sum(link.name == name and link._remote_handle >= 0 for link in links)

    def settle(self) -> None:
        for _ in range(len(NAMES) * 40):
            pump(self.client, self.server)
            self.answer()
        pump(self.client, self.server)


def ends(*ends: End) -> List[object]:
    return [end.transport.condition or end.connection.remote_condition for end in ends]


@settings(max_examples=150, deadline=None)
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(NAMES)), max_size=40))
def test_one_link_a_name(acts: List[Tuple[str, str]]) -> None:
    names = Names()
    for act, name in acts:
        names.act(act, name)
    names.settle()
    assert ends(names.client, names.server) == [None, None]
    for name in NAMES:
        link = names.links.get(name)
        assert names.attached(name) == (link is not None)
        if link is not None:
            assert link.state == BOTH_ACTIVE
            assert names.got[name] == names.sent[name]
