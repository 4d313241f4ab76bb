"""The engine against proton's own, wired in memory: each as client and as server, and each as a check of the other.

Every scenario is written once and run four times: proton with proton says what is right, and each mixture, and ours
with ours, must come to the same.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import proton
import pytest

import syncproton.engine as ours

Kind = Any  # The package an end is made of: proton's, or ours, which has the same names.
KINDS: Dict[str, Kind] = {"proton": proton, "ours": ours}
MIXED = [("ours", "proton"), ("proton", "ours"), ("ours", "ours")]

mixed = pytest.mark.parametrize("client, server", MIXED)


class End:
    """One end, of either kind."""

    def __init__(self, kind: Kind, server: bool, prepare: Optional[Callable[["End"], None]] = None) -> None:
        self.kind = kind
        self.names: List[str] = []
        self.connection = kind.Connection()
        self.connection.container = "server" if server else "client"
        self.collector = kind.Collector()
        self.connection.collect(self.collector)
        self.transport = kind.Transport(kind.Transport.SERVER) if server else kind.Transport()
        if prepare is not None:
            prepare(self)
        self.transport.bind(self.connection)
        self.connection.open()

    def events(self) -> List[Tuple[str, Any]]:
        """Take the events: the name of each, and its delivery, if it has one."""
        taken = []
        while True:
            event = self.collector.peek()
            if not event:
                return taken
            name = str(event.type)[3:]
            self.names.append(name)
            taken.append((name, event.delivery if name == "DELIVERY" else None))
            self.collector.pop()


class Pair:
    """A client and a server of some kinds each, and what went between them."""

    def __init__(
        self, client: str, server: str, prepare_client: Optional[Callable[[End], None]] = None,
        prepare_server: Optional[Callable[[End], None]] = None,
    ) -> None:
        self.client = End(KINDS[client], False, prepare_client)
        self.server = End(KINDS[server], True, prepare_server)
        self.pump()

    def _move(self, source: End, sink: End) -> bool:
        pending = source.transport.pending()
        if pending > 0:
            data = bytes(source.transport.peek(pending))
            source.transport.pop(len(data))
            while data and sink.transport.capacity() > 0:
                taken = data[:sink.transport.capacity()]
                sink.transport.push(taken)
                data = data[len(taken):]
            return True
        if pending < 0 <= sink.transport.capacity():
            sink.transport.close_tail()
            return True
        return False

    def pump(self) -> None:
        while self._move(self.client, self.server) | self._move(self.server, self.client):
            pass

    def trade(self) -> None:
        """Carry bytes, and forget the events they bring."""
        self.pump()
        self.client.events()
        self.server.events()


class Linked(Pair):
    """A session with a sender at one end and a receiver at the other; ``outward`` from the client to the server."""

    def __init__(self, client: str, server: str, outward: bool = True, credit: int = 10, **kwargs: Any) -> None:
        super().__init__(client, server, **kwargs)
        near, far = self.client, self.server
        session = near.connection.session()
        session.open()
        link = session.sender("link") if outward else session.receiver("link")
        link.source.address = "source"
        link.target.address = "target"
        link.open()
        self.pump()
        far.connection.session_head(ours.Endpoint.LOCAL_UNINIT).open()
        answer = far.connection.link_head(ours.Endpoint.LOCAL_UNINIT)
        answer.source.copy(answer.remote_source)
        answer.target.copy(answer.remote_target)
        answer.open()
        self.sender, self.receiver = (link, answer) if outward else (answer, link)
        self.sending, self.receiving = (near, far) if outward else (far, near)
        if credit:
            self.receiver.flow(credit)
        self.trade()

    def send(self, data: bytes, settled: bool = False) -> Any:
        delivery = self.sender.delivery(self.sender.delivery_tag())
        self.sender.stream(data)
        self.sender.advance()
        if settled:
            delivery.settle()
        return delivery

    def receive(self) -> Optional[Tuple[Any, bytes]]:
        delivery = self.receiver.current
        if not delivery or delivery.partial:
            return None
        data = b""
        while True:
            piece = self.receiver.recv(65536)
            if not piece:
                break
            data += piece
        self.receiver.advance()
        return delivery, data


both_ways = pytest.mark.parametrize("outward", [True, False], ids=["client sends", "server sends"])


@mixed
@both_ways
def test_open_and_close_everything(client: str, server: str, outward: bool) -> None:
    seen = []
    for first, second in (("proton", "proton"), (client, server)):
        pair = Linked(first, second, outward)
        for endpoint in (pair.sender, pair.receiver, pair.sender.session, pair.receiver.session):
            endpoint.close()
            pair.pump()
        pair.server.connection.condition = pair.server.kind.Condition("app:done", "enough")
        pair.server.connection.close()
        pair.pump()
        pair.client.connection.close()
        pair.trade()
        assert pair.client.transport.closed and pair.server.transport.closed
        remote = pair.client.connection.remote_condition
        assert (remote.name, remote.description) == ("app:done", "enough")
        seen.append((pair.client.names, pair.server.names))
    assert seen[0] == seen[1]


@mixed
@both_ways
def test_many_messages_of_many_sizes(client: str, server: str, outward: bool) -> None:
    pair = Linked(client, server, outward)
    sizes = [number * number % 40000 for number in range(200)]
    messages = [bytes((number + n) & 0xFF for n in range(size)) for number, size in enumerate(sizes)]
    waiting, got, accepted = list(messages), [], 0
    for _ in range(1000):
        while waiting and pair.sender.credit > 0:
            pair.send(waiting.pop(0))
        pair.pump()
        while True:
            arrived = pair.receive()
            if arrived is None:
                break
            got.append(arrived[1])
            arrived[0].update(ours.Delivery.ACCEPTED)
            arrived[0].settle()
            pair.receiver.flow(1)
        for name, delivery in pair.sending.events():
            if delivery and delivery.updated:
                assert delivery.remote_state == ours.Delivery.ACCEPTED
                delivery.settle()
                accepted += 1
        pair.receiving.events()
        if accepted == len(messages):
            break
    assert got == messages
    pair.pump()
    assert pair.sender.unsettled == pair.receiver.unsettled == 0
    assert pair.sender.credit == pair.receiver.credit == 10


@mixed
@both_ways
def test_a_message_of_20_mib(client: str, server: str, outward: bool) -> None:
    pair = Linked(client, server, outward)
    data = bytes(range(256)) * 4 * 1024 * 20
    delivery = pair.send(data)
    pair.pump()
    arrived = pair.receive()
    assert arrived is not None and arrived[1] == data
    arrived[0].update(ours.Delivery.ACCEPTED)
    arrived[0].settle()
    pair.pump()
    assert delivery.settled


@mixed
@both_ways
def test_small_frames_both_ways(client: str, server: str, outward: bool) -> None:
    def small(end: End) -> None:
        end.transport.max_frame_size = 512

    pair = Linked(client, server, outward, prepare_client=small, prepare_server=small)
    for size in (*range(440, 520), 5000):
        pair.send(bytes(size))
        pair.pump()
        arrived = pair.receive()
        assert arrived is not None and len(arrived[1]) == size
        arrived[0].settle()
        pair.receiver.flow(1)
        pair.pump()


@mixed
@both_ways
def test_every_outcome_arrives_with_its_details(client: str, server: str, outward: bool) -> None:
    pair = Linked(client, server, outward)
    kind = pair.receiving.kind
    outcomes = [kind.Delivery.ACCEPTED, kind.Delivery.REJECTED, kind.Delivery.RELEASED, kind.Delivery.MODIFIED]
    sent = [pair.send(b"x") for _ in outcomes]
    pair.pump()
    for outcome in outcomes:
        arrived = pair.receive()
        assert arrived is not None
        local = arrived[0].local
        if outcome == kind.Delivery.REJECTED:
            local.condition = kind.Condition("app:bad", "too sour", {"ph": 2})
        if outcome == kind.Delivery.MODIFIED:
            local.failed = local.undeliverable = True
            local.annotations = {"x-why": "because"}
        arrived[0].update(outcome)
        arrived[0].settle()
    pair.pump()
    assert [int(delivery.remote_state) for delivery in sent] == [int(outcome) for outcome in outcomes]
    assert all(delivery.settled for delivery in sent)
    condition = sent[1].remote.condition
    assert (condition.name, condition.description, condition.info) == ("app:bad", "too sour", {"ph": 2})
    remote = sent[3].remote
    assert (remote.failed, remote.undeliverable, remote.annotations) == (True, True, {"x-why": "because"})


@mixed
@both_ways
def test_each_settle_mode(client: str, server: str, outward: bool) -> None:
    pair = Linked(client, server, outward)
    settled, second = pair.send(b"settled", settled=True), pair.send(b"second")
    pair.pump()
    first = pair.receive()
    assert first is not None and first[0].settled
    first[0].settle()
    other = pair.receive()
    assert other is not None and not other[0].settled
    other[0].update(ours.Delivery.ACCEPTED)
    pair.pump()
    assert second.remote_state == ours.Delivery.ACCEPTED and not second.settled
    second.settle()
    pair.pump()
    assert other[0].settled
    other[0].settle()
    pair.pump()
    assert pair.sender.unsettled == pair.receiver.unsettled == 0
    assert not settled.updated


@mixed
@both_ways
def test_drain(client: str, server: str, outward: bool) -> None:
    pair = Linked(client, server, outward, credit=0)
    pair.receiver.drain(7)
    pair.pump()
    assert pair.sender.credit == 7 and pair.sender.drain_mode
    for _ in range(3):
        pair.send(b"x")
    assert pair.sender.drained() == 4
    pair.pump()
    assert (pair.receiver.credit, pair.receiver.queued, pair.receiver.drained()) == (3, 3, 4)
    for _ in range(3):
        assert pair.receive() is not None
    assert pair.receiver.credit == pair.sender.credit == 0
    pair.receiver.flow(2)
    pair.pump()
    assert pair.sender.credit == 2 and not pair.sender.drain_mode


@mixed
@both_ways
def test_aborted_and_streamed(client: str, server: str, outward: bool) -> None:
    pair = Linked(client, server, outward)
    for number in range(2):
        delivery = pair.sender.delivery(str(number))
        pair.sender.stream(b"one,")
        pair.pump()
        assert pair.receiver.current.partial
        assert pair.receiver.recv(100) == b"one,"
        pair.sender.stream(b"two")
        if number:
            pair.sender.advance()
            pair.pump()
            assert pair.receiver.recv(100) == b"two"
            assert not pair.receiver.current.partial
        else:
            delivery.abort()
            pair.pump()
            assert pair.receiver.current.aborted
        pair.receiver.advance()
    assert pair.sender.credit == pair.receiver.credit == 8


@mixed
@both_ways
def test_the_window_of_a_session(client: str, server: str, outward: bool) -> None:
    def small(end: End) -> None:
        end.transport.max_frame_size = 1024

    pair = Linked(client, server, outward, credit=0, prepare_client=small, prepare_server=small)
    pair.receiver.session.incoming_capacity = 4096
    pair.receiver.flow(100)
    pair.pump()
    messages = [b"%d" % number * 900 for number in range(30)]
    for message in messages:
        pair.send(message)
    got = []
    for _ in range(200):
        pair.pump()
        arrived = pair.receive()
        if arrived is None:
            break
        got.append(arrived[1])
    assert got == messages


@mixed
@both_ways
@pytest.mark.parametrize("how", ["close", "detach"])
def test_a_link_is_left(client: str, server: str, outward: bool, how: str) -> None:
    seen = []
    for first, second in (("proton", "proton"), (client, server)):
        pair = Linked(first, second, outward)
        pair.send(b"unread")
        pair.trade()
        pair.client.names.clear()
        pair.server.names.clear()
        pair.receiver.condition = pair.receiving.kind.Condition("app:gone", "good-bye")
        getattr(pair.receiver, how)()
        pair.trade()
        getattr(pair.sender, how)()
        pair.trade()
        if how == "close":
            remote = pair.sender.remote_condition
            assert (remote.name, remote.description) == ("app:gone", "good-bye")
        seen.append((pair.client.names, pair.server.names))
    assert seen[0] == seen[1]


@mixed
def test_termini(client: str, server: str) -> None:
    pair = Pair(client, server)
    symbol = proton.symbol if client == "proton" else __import__("syncproton.codec", fromlist=["symbol"]).symbol
    session = pair.client.connection.session()
    session.open()
    receiver = session.receiver("link")
    source = receiver.source
    source.address = "from"
    source.durability = source.DELIVERIES
    source.expiry_policy = source.EXPIRE_NEVER
    source.timeout = 7
    source.distribution_mode = source.DIST_MODE_COPY
    source.filter.put_dict({symbol("selector"): "x = 1"})
    source.capabilities.put_object([symbol("queue"), symbol("shared")])
    receiver.target.dynamic = True
    receiver.properties = {"key": 3}
    receiver.max_message_size = 1000
    receiver.open()
    pair.pump()
    link = pair.server.connection.link_head(ours.Endpoint.LOCAL_UNINIT)
    remote = link.remote_source
    assert (remote.address, remote.durability, remote.expiry_policy) == ("from", 2, 3)
    assert (remote.timeout, remote.distribution_mode) == (7, 1)
    for data, value in ((remote.filter, {"selector": "x = 1"}), (remote.capabilities, ["queue", "shared"])):
        data.rewind()
        data.next()
        found = data.get_object()
        assert list(getattr(found, "elements", found)) == list(value)
    assert link.remote_target.dynamic
    assert link.remote_properties == {"key": 3}
    assert link.remote_max_message_size == 1000


@mixed
def test_a_close_with_messages_still_to_go(client: str, server: str) -> None:
    for credit in (1, 0):
        seen = []
        for first, second in (("proton", "proton"), (client, server)):
            pair = Linked(first, second, credit=credit)
            pair.send(b"x")
            pair.sender.close()
            pair.client.connection.close()
            pair.trade()
            seen.append((pair.client.names, pair.server.names))
        assert seen[0] == seen[1]


@mixed
def test_the_client_comes_again(client: str, server: str) -> None:
    pair = Linked(client, server, outward=False)
    pair.receiver.flow(5)
    pair.client.transport.close_tail()
    pair.client.transport.close_head()
    pair.client.transport.unbind()
    pair.client.events()
    pair.client.transport = pair.client.kind.Transport()
    pair.client.transport.bind(pair.client.connection)
    pair.server = End(KINDS[server], True)
    pair.trade()
    sender = pair.server.connection.link_head(ours.Endpoint.LOCAL_UNINIT)
    pair.server.connection.session_head(ours.Endpoint.LOCAL_UNINIT).open()
    sender.open()
    pair.trade()
    assert sender.credit == pair.receiver.credit == 15
    pair.sender = sender
    pair.send(b"again")
    pair.pump()
    arrived = pair.receive()
    assert arrived is not None and arrived[1] == b"again"


@mixed
def test_a_client_comes_again_with_what_it_had_not_sent(client: str, server: str) -> None:
    pair = Linked(client, server, credit=1)
    for number in range(3):
        pair.send(b"%d" % number)
    pair.trade()
    pair.client.transport.close_tail()
    pair.client.transport.close_head()
    pair.client.transport.unbind()
    pair.client.events()
    pair.client.transport = pair.client.kind.Transport()
    pair.client.transport.bind(pair.client.connection)
    pair.server = End(KINDS[server], True)
    pair.trade()
    pair.server.connection.session_head(ours.Endpoint.LOCAL_UNINIT).open()
    pair.receiver = pair.server.connection.link_head(ours.Endpoint.LOCAL_UNINIT)
    pair.receiver.open()
    pair.receiver.flow(10)
    pair.pump()
    got = [pair.receive(), pair.receive()]
    assert [arrived and arrived[1] for arrived in got] == [b"1", b"2"]


@mixed
@pytest.mark.parametrize("mechanism", ["ANONYMOUS", None])
def test_sasl(client: str, server: str, mechanism: Optional[str]) -> None:
    def login(end: End) -> None:
        sasl = end.transport.sasl()
        if mechanism is not None:
            sasl.allowed_mechs(mechanism)

    seen = []
    for first, second in (("proton", "proton"), (client, server)):
        pair = Pair(first, second, login, login)
        pair.trade()
        assert pair.server.transport.authenticated and pair.client.transport.authenticated
        assert pair.server.transport.user == "anonymous"
        assert pair.client.transport.sasl().outcome == 0
        seen.append((pair.client.names, pair.server.names))
    assert seen[0] == seen[1]


@mixed
def test_no_mechanism_in_common(client: str, server: str) -> None:
    def wants(mechanism: str) -> Callable[[End], None]:
        def prepare(end: End) -> None:
            sasl = end.transport.sasl()
            sasl.allow_insecure_mechs = True
            sasl.allowed_mechs(mechanism)
            end.connection.user, end.connection.password = "joe", "secret"

        return prepare

    seen = []
    for first, second in (("proton", "proton"), (client, server)):
        pair = Pair(first, second, wants("PLAIN"), wants("ANONYMOUS"))
        pair.trade()
        assert pair.client.transport.closed and pair.server.transport.closed
        assert pair.client.transport.condition.name == "amqp:unauthorized-access"
        seen.append(pair.client.names)
    assert seen[0] == seen[1]


@mixed
def test_sasl_required(client: str, server: str) -> None:
    seen = []
    for first, second in (("proton", "proton"), (client, server)):
        pair = Pair(first, second, None, lambda end: end.transport.require_auth(True))
        pair.trade()
        assert pair.server.transport.condition.name == "amqp:connection:policy-error"
        assert pair.server.transport.closed
        # Our server says so to the client, too, where proton hangs up.
        remote = pair.client.connection.remote_condition
        assert (remote.name if remote else None) == (
            "amqp:connection:policy-error" if second == "ours" else None
        )
        seen.append(pair.server.names)
    assert seen[0] == seen[1]


@mixed
def test_idle_time_outs(client: str, server: str) -> None:
    def impatient(end: End) -> None:
        end.transport.idle_timeout = 10

    pair = Pair(client, server, impatient, impatient)
    pair.trade()
    now = 1000.0
    for _ in range(50):
        deadlines = [end.transport.tick(now) for end in (pair.client, pair.server)]
        pair.trade()
        now = min(deadlines)
    assert pair.client.transport.condition is None and pair.server.transport.condition is None
    for _ in range(10):
        pair.client.transport.tick(now)
        now += 5
    pair.trade()
    assert pair.client.transport.condition.name == "amqp:resource-limit-exceeded"
    assert pair.server.connection.remote_condition.name == "amqp:resource-limit-exceeded"
