"""Two ends wired in memory do whatever Hypothesis thinks of, in any order, over any cut of the bytes between them.

Nothing may raise, no transport may fail, every delivery arrives once, in order and whole, both ends agree on credit
when no bytes are left to carry, and what was settled is forgotten.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Callable, Deque, Dict, List, Set, Tuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from wiring import End

from syncproton.engine import Delivery, Endpoint, Link, Receiver, Sender, Session

ENDS = st.integers(0, 1)
PICK = st.integers(0, 1000)
STATES = st.sampled_from(
    [Delivery.ACCEPTED, Delivery.RELEASED, Delivery.REJECTED, Delivery.MODIFIED, Delivery.RECEIVED]
)
BOTH_ACTIVE = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE
BOTH_CLOSED = Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_CLOSED


class FrameSizes:
    """Watches a stream of bytes for frames over a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.header = 8
        self.buffer = b""

    def watch(self, data: bytes) -> None:
        skipped = min(self.header, len(data))
        self.header -= skipped
        self.buffer += data[skipped:]
        while len(self.buffer) >= 4:
            size = int.from_bytes(self.buffer[:4], "big")
            assert 8 <= size <= self.limit
            if len(self.buffer) < size:
                return
            self.buffer = self.buffer[size:]


class Wires(RuleBasedStateMachine):
    """The ends, what was sent on each link and not yet received, and every delivery there ever was."""

    @initialize(
        frame=st.sampled_from([512, 600, 4096]), capacity=st.sampled_from([0, 512, 1500, 5000]), small=st.booleans()
    )
    def connect(self, frame: int, capacity: int, small: bool) -> None:
        self.frame = [frame, 512 if small else frame]
        self.capacity = capacity
        self.ends = [End("a", False, self.prepare(0)), End("b", True, self.prepare(1))]
        self.sizes = [FrameSizes(self.frame[1]), FrameSizes(self.frame[0])]
        self.names = 0
        #: By name of the link: the tag and bytes of each complete delivery that is to arrive.
        self.expected: Dict[str, Deque[Tuple[Delivery, bytes]]] = {}
        self.written: Dict[Delivery, bytes] = {}
        #: Bytes read of the deliveries that are being read.
        self.read: Dict[Delivery, bytes] = {}
        self.deliveries: List[Delivery] = []
        #: Names of links that were closed, detached or freed: what still arrives on them is anyone's guess.
        self.over: Set[str] = set()
        self.detached: Set[str] = set()
        session = self.ends[0].connection.session()
        session.incoming_capacity = capacity
        session.open()
        for index in (0, 1):
            self.new_link(session, f"first {index}", bool(index))
        self.quiet()
        self.answer_all()

    def prepare(self, index: int) -> Callable[[End], None]:
        def set_size(end: End) -> None:
            end.transport.max_frame_size = self.frame[index]

        return set_size

    # --- what there is

    def sessions(self, end: int) -> List[Session]:
        return list(self.ends[end].connection.sessions())

    def links(self, end: int, kind: type) -> List[Any]:
        return [link for link in self.ends[end].connection.links() if isinstance(link, kind)]

    @staticmethod
    def pick(things: List[Any], number: int) -> Any:
        return things[number % len(things)] if things else None

    def new_link(self, session: Session, name: str, sends: bool) -> None:
        link: Link = session.sender(name) if sends else session.receiver(name)
        link.source.address = link.target.address = "node"
        link.open()
        self.expected[name] = deque()

    def end_of(self, link: Link) -> None:
        self.over.add(link.name)

    # --- endpoints

    @rule(end=ENDS)
    def begin(self, end: int) -> None:
        if len(self.sessions(end)) < 4:
            session = self.ends[end].connection.session()
            session.incoming_capacity = self.capacity
            session.open()

    @rule(end=ENDS, pick=PICK, sends=st.booleans())
    def attach(self, end: int, pick: int, sends: bool) -> None:
        session = self.pick([s for s in self.sessions(end) if not s.state & BOTH_CLOSED], pick)
        if session is not None and len(session.links()) < 6:
            self.names += 1
            self.new_link(session, f"link {self.names}", sends)

    @rule(end=ENDS, pick=PICK)
    def answer(self, end: int, pick: int) -> None:
        connection = self.ends[end].connection
        waiting = [*connection.sessions(Endpoint.LOCAL_UNINIT), *connection.links(Endpoint.LOCAL_UNINIT)]
        endpoint = self.pick(waiting, pick)
        if endpoint is not None:
            if isinstance(endpoint, Session):
                endpoint.incoming_capacity = self.capacity
            endpoint.open()

    @rule(end=ENDS, pick=PICK, how=st.sampled_from(["close", "detach", "free"]))
    def leave(self, end: int, pick: int, how: str) -> None:
        link = self.pick(self.links(end, Link), pick)
        if link is not None and self.names > 2:
            self.end_of(link)
            if how == "detach":
                self.detached.add(link.name)
            getattr(link, how)()
            if how == "free":
                link.close()

    @rule(end=ENDS, pick=PICK, free=st.booleans())
    def finish(self, end: int, pick: int, free: bool) -> None:
        sessions = self.sessions(end)
        if len(sessions) > 1:
            session = self.pick(sessions, pick)
            for link in session.links():
                self.end_of(link)
            session.close()
            if free:
                session.free()

    @rule(end=ENDS)
    def tidy(self, end: int) -> None:
        """Close what the peer has closed, and give it up, as handlers do."""
        for endpoint in [*self.links(end, Link), *self.sessions(end)]:
            if endpoint.state & Endpoint.REMOTE_CLOSED:
                if isinstance(endpoint, Link):
                    self.end_of(endpoint)
                else:
                    for link in endpoint.links():
                        self.end_of(link)
                endpoint.close()
                endpoint.free()

    # --- credit

    @rule(end=ENDS, pick=PICK, credit=st.integers(0, 5))
    def flow(self, end: int, pick: int, credit: int) -> None:
        receiver = self.pick(self.links(end, Receiver), pick)
        if receiver is not None:
            receiver.flow(credit)

    @rule(end=ENDS, pick=PICK, credit=st.integers(0, 3))
    def drain(self, end: int, pick: int, credit: int) -> None:
        receiver = self.pick(self.links(end, Receiver), pick)
        if receiver is not None:
            receiver.drain(credit)

    @rule(end=ENDS, pick=PICK)
    def drained(self, end: int, pick: int) -> None:
        link = self.pick(self.links(end, Link), pick)
        if link is not None:
            assert link.drained() >= 0

    # --- sending

    @rule(end=ENDS, pick=PICK, size=st.integers(0, 3000), settled=st.booleans())
    def send(self, end: int, pick: int, size: int, settled: bool) -> None:
        sender = self.pick(self.links(end, Sender), pick)
        if sender is not None and sender.current is None:
            self.start(end, pick)
            self.write(end, pick, size)
            self.complete(end, pick, settled)

    @rule(end=ENDS, pick=PICK)
    def start(self, end: int, pick: int) -> None:
        sender = self.pick(self.links(end, Sender), pick)
        if sender is not None and sender.current is None:
            delivery = sender.delivery(sender.delivery_tag())
            self.written[delivery] = b""
            self.deliveries.append(delivery)

    @rule(end=ENDS, pick=PICK, size=st.integers(0, 2000))
    def write(self, end: int, pick: int, size: int) -> None:
        sender = self.pick(self.links(end, Sender), pick)
        if sender is not None and sender.current is not None:
            data = b"%5d" % (len(self.deliveries) % 100000) * (size // 5)
            assert sender.stream(data) == len(data)
            self.written[sender.current] += data

    @rule(end=ENDS, pick=PICK, settled=st.booleans())
    def complete(self, end: int, pick: int, settled: bool) -> None:
        sender = self.pick(self.links(end, Sender), pick)
        if sender is not None and sender.current is not None:
            delivery = sender.current
            if not delivery._sent:
                self.expected[sender.name].append((delivery, self.written.pop(delivery)))
            assert sender.advance()
            if settled:
                delivery.settle()

    @rule(end=ENDS, pick=PICK)
    def abort(self, end: int, pick: int) -> None:
        sender = self.pick(self.links(end, Sender), pick)
        if sender is not None and sender.current is not None:
            sender.current.abort()

    # --- receiving

    @rule(end=ENDS, pick=PICK, most=st.integers(1, 4000))
    def receive(self, end: int, pick: int, most: int) -> None:
        receiver = self.pick(self.links(end, Receiver), pick)
        if receiver is None or receiver.current is None:
            return
        delivery = receiver.current
        piece = receiver.recv(most)
        if piece:
            self.read[delivery] = self.read.get(delivery, b"") + piece
        elif piece is None:
            self.received(receiver, delivery)

    def received(self, receiver: Receiver, delivery: Delivery) -> None:
        data = self.read.pop(delivery, b"")
        assert receiver.advance()
        if delivery.aborted:
            delivery.settle()
            return
        self.deliveries.append(delivery)
        if receiver.name not in self.over:
            sent, written = self.expected[receiver.name].popleft()
            assert sent._tag == delivery._tag
            assert data == written

    @rule(pick=PICK, state=STATES, settle=st.booleans())
    def update(self, pick: int, state: int, settle: bool) -> None:
        delivery = self.pick(self.deliveries, pick)
        if delivery is not None:
            delivery.update(state)
            if settle:
                self.settle(pick)

    @rule(pick=PICK)
    def settle(self, pick: int) -> None:
        delivery = self.pick(self.deliveries, pick)
        if delivery is not None and delivery.link.current is not delivery:
            delivery.settle()
            delivery.settle()

    # --- the wire

    @rule(end=ENDS, most=st.integers(1, 3000))
    def carry(self, end: int, most: int) -> None:
        self.moved(end, most)

    def moved(self, end: int, most: int = 1 << 20) -> bool:
        source, sink = self.ends[end], self.ends[1 - end]
        pending = source.transport.pending()
        assert pending >= 0
        if not pending:
            return False
        data = source.transport.peek(min(most, pending))
        assert data
        source.transport.pop(len(data))
        self.sizes[end].watch(data)
        sink.transport.push(data)
        return True

    @rule()
    def quiet(self) -> None:
        """Carry all there is, and see that both ends agree."""
        while self.moved(0) | self.moved(1):
            pass
        self.agree()

    def agree(self) -> None:
        for end in (0, 1):
            other = {link.name: link for link in self.links(1 - end, Receiver)}
            for sender in self.links(end, Sender):
                receiver = other.get(sender.name)
                if receiver is None or sender.name in self.over or sender.state != BOTH_ACTIVE:
                    continue
                if receiver.state != BOTH_ACTIVE or not {sender.session.state, receiver.session.state} <= {BOTH_ACTIVE}:
                    continue  # A link ends with its session.
                # A drain is not answered before the messages handed over earlier are gone.
                assert sender._delivery_count - sender._drained == receiver._delivery_count
                assert sender._link_credit + sender._drained == receiver._link_credit
                begun = [d for d in (sender.current, *sender._parked) if d is not None and d._id >= 0]
                in_progress = len({id(delivery) for delivery in begun})
                assert sender._link_credit == sender.credit + sender.queued - in_progress
                assert receiver._link_credit == receiver.credit - receiver.queued

    @rule()
    def reconnect(self) -> None:
        """The wire breaks, the listener forgets everything, and the client comes again."""
        client = self.ends[0]
        client.lose()
        sending = {sender.name for sender in self.links(0, Sender)}
        for name, expected in self.expected.items():
            unsent = (entry for entry in expected if not entry[0]._sent)
            self.expected[name] = deque(unsent if name in sending else ())
        self.read.clear()
        self.ends[1] = End("b", True, self.prepare(1))
        client.new_transport(self.prepare(0))
        self.sizes = [FrameSizes(self.frame[1]), FrameSizes(self.frame[0])]

    @invariant()
    def healthy(self) -> None:
        for index, end in enumerate(getattr(self, "ends", ())):
            end.events()
            assert end.transport.condition is None
            for endpoint in (*self.sessions(index), *self.links(index, Link)):
                assert endpoint.condition is None
                assert endpoint.remote_condition is None
            for session in self.sessions(index):
                assert session.incoming_bytes >= 0 and session.outgoing_bytes >= 0
                if session.incoming_capacity and session.state & Endpoint.LOCAL_ACTIVE:
                    assert session.incoming_bytes <= max(session.incoming_capacity, self.frame[index])

    # --- the end

    def answer_all(self) -> None:
        for end in (0, 1):
            while self.ends[end].connection.session_head(Endpoint.LOCAL_UNINIT):
                self.answer(end, 0)
            while self.ends[end].connection.link_head(Endpoint.LOCAL_UNINIT):
                self.answer(end, 0)
        self.quiet()

    def receive_all(self) -> bool:
        any_read = False
        for end in (0, 1):
            for receiver in self.links(end, Receiver):
                while receiver.current is not None:
                    delivery = receiver.current
                    piece = receiver.recv(1 << 20)
                    if piece == b"":
                        break
                    any_read = True
                    if piece:
                        self.read[delivery] = self.read.get(delivery, b"") + piece
                    else:
                        self.received(receiver, delivery)
        return any_read

    def teardown(self) -> None:
        if not hasattr(self, "ends"):
            return
        for _ in range(3):
            self.answer_all()
        for end in (0, 1):
            for number, sender in enumerate(self.links(end, Sender)):
                self.complete(end, number, False)
            for receiver in self.links(end, Receiver):
                receiver.drain_mode = False
                receiver.flow(1000)
        self.quiet()
        while self.receive_all():
            self.quiet()
        for end in (0, 1):
            for link in self.links(end, Link):
                if link.session.state != BOTH_ACTIVE:
                    self.end_of(link)  # Attached in a session that the other end was about to end.
        for name, expected in self.expected.items():
            assert name in self.over or not expected
        for delivery in self.deliveries:
            delivery.settle()
        self.quiet()
        for end in (0, 1):
            for session in self.sessions(end):
                assert session.incoming_bytes == 0
                assert not session._incoming
                if session.state == BOTH_ACTIVE:
                    assert not session._outgoing
        self.part()

    def part(self) -> None:
        """Close and free the links, then the sessions, then the connections."""
        for end in (0, 1):
            for link in self.links(end, Link):
                link.close()
        self.quiet()
        for end in (0, 1):
            for link in self.links(end, Link):
                unanswered = link.name in self.detached or link.session.state != BOTH_ACTIVE
                assert link.state == BOTH_CLOSED or unanswered, link
                link.free()
            for session in self.sessions(end):
                session.close()
        self.quiet()
        for end in (0, 1):
            for session in self.sessions(end):
                assert session.state == BOTH_CLOSED, session
                session.free()
            self.ends[end].connection.close()
        for end in (0, 1, 0):
            while self.ends[end].transport.pending() > 0:
                self.moved(end)
        for end in self.ends:
            end.transport.unbind()
            end.connection.free()
            end.events()
            names = [str(event.type)[3:] for event in end.told]
            for kind in ("CONNECTION", "SESSION", "LINK"):
                assert names.count(f"{kind}_INIT") == names.count(f"{kind}_FINAL")


Wires.TestCase.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
test_wires = Wires.TestCase
