"""What each link option makes the brokers do, and that they are told of it in the same frames as by proton."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import proton
import proton.reactor
import pytest

import syncproton
import syncproton.reactor
from broker_under_test import BrokerUnderTest
from syncproton import Described, Link, Message, symbol, ulong
from syncproton.handlers import MessagingHandler
from syncproton.reactor import (
    AtLeastOnce,
    AtMostOnce,
    Container,
    Copy,
    DurableSubscription,
    DynamicNodeProperties,
    Filter,
    LinkOption,
    Move,
    ReceiverOption,
    Selector,
)
from syncproton.wire.frames import AMQP_FRAME, FrameReader, write_frame

pytestmark = pytest.mark.timeout(60)

LIFETIME = Described(ulong(0x2B), [])  # delete-on-close, section 3.5.10


class Topic(LinkOption):
    """Asks for a topic rather than a queue, in the way that Artemis understands."""

    def apply(self, link: Link) -> None:
        terminus = link.source if link.is_receiver else link.target
        terminus.capabilities.put_object(symbol("topic"))


class Sending(MessagingHandler):
    """Sends messages and closes once the broker has said what became of each."""

    def __init__(self, url: str, address: str, messages: List[Message], options: Any = None) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.messages = list(messages)
        self.outstanding = len(messages)
        self.options = options
        self.accepted = 0

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False)
        event.container.create_sender(connection, self.address, options=self.options)

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.messages:
            event.sender.send(self.messages.pop(0))

    def on_accepted(self, event: Any) -> None:
        self.accepted += 1

    def on_settled(self, event: Any) -> None:
        self.outstanding -= 1
        if not self.outstanding:
            event.connection.close()


class Receiving(MessagingHandler):
    """Receives until it has so many messages, or until the queue has no more; then does ``leave``.

    :ivar bodies: what came.
    :ivar receiver: the link.
    """

    def __init__(self, url: str, address: str, count: int = 0, options: Any = None, name: Optional[str] = None,
                 leave: Callable[[Any], None] = lambda event: event.connection.close()) -> None:
        super().__init__(prefetch=0)
        self.url = url
        self.address = address
        self.count = count
        self.options = options
        self.name = name
        self.leave = leave
        self.bodies: List[Any] = []
        self.filter: Any = None
        self.distribution_mode = 0

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False)
        event.container.create_receiver(connection, self.address, name=self.name, options=self.options)

    def on_link_opened(self, event: Any) -> None:
        self.filter = first(event.receiver.remote_source.filter)
        self.distribution_mode = event.receiver.remote_source.distribution_mode
        # With drain the broker says when there is nothing more; without a count that is the end.
        if self.count:
            event.receiver.flow(self.count)
        else:
            event.receiver.drain(100)

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)
        if self.count and len(self.bodies) == self.count:
            self.leave(event)

    def on_link_closed(self, event: Any) -> None:
        event.connection.close()

    def on_link_flow(self, event: Any) -> None:
        if not self.count and event.link.is_receiver and not event.link.draining():
            event.link.drained()
            self.leave(event)


def first(data: Any) -> Any:
    data.rewind()
    return data.get_object() if data.next() else None


def put(broker: BrokerUnderTest, address: str, messages: List[Message], options: Any = None) -> None:
    sending = Sending(broker.url, address, messages, options)
    Container(sending).run()
    assert sending.accepted == len(messages)


def take(broker: BrokerUnderTest, address: str, *args: Any, container_id: Optional[str] = None,
         **kwargs: Any) -> Receiving:
    receiving = Receiving(broker.url, address, *args, **kwargs)
    Container(receiving, container_id=container_id).run()
    return receiving


@pytest.fixture
def queue(artemis: BrokerUnderTest, request: pytest.FixtureRequest) -> str:
    return f"options-{request.node.name}".replace("[", "-").replace("]", "")


def numbers(count: int) -> List[Message]:
    return [Message(body=n, properties={"n": n, "even": n % 2 == 0}) for n in range(count)]


def test_copy_leaves_the_messages_in_the_queue(artemis: BrokerUnderTest, queue: str) -> None:
    put(artemis, queue, numbers(10))
    for _ in range(2):
        browsing = take(artemis, queue, options=Copy())
        assert browsing.bodies == list(range(10))
        assert browsing.distribution_mode == syncproton.Terminus.DIST_MODE_COPY
    assert take(artemis, queue).bodies == list(range(10))


def test_move_takes_the_messages_out_of_the_queue(artemis: BrokerUnderTest, queue: str) -> None:
    put(artemis, queue, numbers(10))
    assert take(artemis, queue, 4, options=[Move()]).bodies == [0, 1, 2, 3]
    assert take(artemis, queue, options=Move()).bodies == [4, 5, 6, 7, 8, 9]
    assert take(artemis, queue).bodies == []


def test_copy_and_move_together(artemis: BrokerUnderTest, queue: str) -> None:
    """The option that comes last has the last word."""
    put(artemis, queue, numbers(3))
    assert take(artemis, queue, options=[Move(), Copy()]).bodies == [0, 1, 2]
    assert take(artemis, queue, options=[Copy(), Move()]).bodies == [0, 1, 2]
    assert take(artemis, queue).bodies == []


def test_the_broker_selects(artemis: BrokerUnderTest, queue: str) -> None:
    put(artemis, queue, numbers(10))
    selected = take(artemis, queue, options=Selector("even = true AND n > 3"))
    assert selected.bodies == [4, 6, 8]
    assert selected.filter == {
        symbol("selector"): Described(symbol("apache.org:selector-filter:string"), "even = true AND n > 3")}
    assert take(artemis, queue).bodies == [0, 1, 2, 3, 5, 7, 9]


def test_a_selector_by_another_name_while_browsing(artemis: BrokerUnderTest, queue: str) -> None:
    put(artemis, queue, numbers(4))
    assert take(artemis, queue, options=[Copy(), Selector("n = 2", name="jms-selector")]).bodies == [2]
    assert take(artemis, queue).bodies == [0, 1, 2, 3]


@pytest.mark.parametrize("descriptor", [symbol("apache.org:selector-filter:string"), ulong(0x0000468C00000004)])
def test_a_filter_with_a_described_value(artemis: BrokerUnderTest, queue: str, descriptor: Any) -> None:
    put(artemis, queue, numbers(4))
    assert take(artemis, queue, options=Filter({"even-ones": Described(descriptor, "even = true")})).bodies == [0, 2]


def test_a_bad_selector_is_refused_with_the_brokers_own_condition(artemis: BrokerUnderTest, queue: str) -> None:
    put(artemis, queue, numbers(1))

    class Refused(Receiving):
        refusal: Any = None

        def on_link_error(self, event: Any) -> None:
            self.refusal = event.link.remote_condition
            event.connection.close()

    refused = Refused(artemis.url, queue, options=Selector("n = = 2"))
    Container(refused).run()
    assert refused.refusal.name == "amqp:invalid-field"
    assert refused.refusal.description


def test_a_sender_is_spared_the_options_for_receivers(artemis: BrokerUnderTest, queue: str) -> None:
    put(artemis, queue, numbers(2), options=[Copy(), Selector("n = 7"), DurableSubscription(), AtLeastOnce()])
    assert take(artemis, queue).bodies == [0, 1]


@pytest.mark.parametrize("name", ["subscription", None], ids=["named", "not named"])
@pytest.mark.parametrize("leave", [lambda event: event.receiver.detach(), lambda event: event.connection.close()],
                         ids=["detached", "closed with the connection"])
def test_a_durable_subscription_misses_nothing(capable: BrokerUnderTest, queue: str, name: Optional[str],
                                               leave: Callable[[Any], None]) -> None:
    me = queue.replace(" ", "-")
    address = f"topic-{me}"

    def subscribe(count: int, leave: Callable[[Any], None]) -> Receiving:
        return take(capable, address, count, name=name, container_id=me, leave=leave,
                    options=[Topic(), DurableSubscription()])

    class Subscribe(Receiving):
        """Comes, and goes at once."""

        def on_link_opened(self, event: Any) -> None:
            leave(event)

        def on_link_remote_detach(self, event: Any) -> None:
            event.connection.close()

    Container(Subscribe(capable.url, address, name=name, options=[Topic(), DurableSubscription()]),
              container_id=me).run()
    put(capable, address, numbers(3), options=Topic())
    assert subscribe(2, lambda event: event.connection.close()).bodies == [0, 1]
    put(capable, address, numbers(1), options=Topic())
    assert subscribe(2, lambda event: event.receiver.close()).bodies == [2, 0]


def test_a_durable_subscription_that_was_closed_is_over(capable: BrokerUnderTest, queue: str) -> None:
    class Closing(Receiving):
        def on_link_opened(self, event: Any) -> None:
            event.receiver.close()

    address, options = f"topic-{queue}", [Topic(), DurableSubscription()]
    Container(Closing(capable.url, address, name="s", options=options), container_id=queue).run()
    put(capable, address, numbers(1), options=Topic())
    assert take(capable, address, name="s", container_id=queue, options=options).bodies == []


def test_without_the_option_a_subscription_ends_with_its_link(capable: BrokerUnderTest, queue: str) -> None:
    address = f"topic-{queue}"

    class Subscribe(Receiving):
        def on_link_opened(self, event: Any) -> None:
            event.connection.close()

    Container(Subscribe(capable.url, address, name="s", options=Topic()), container_id=queue).run()
    put(capable, address, numbers(1), options=Topic())
    assert take(capable, address, name="s", container_id=queue, options=Topic()).bodies == []


@pytest.mark.parametrize("guarantee, settled", [(AtMostOnce, True), (AtLeastOnce, False)])
def test_guarantees(broker: BrokerUnderTest, address: str, guarantee: Any, settled: bool) -> None:
    """Whether what is sent is settled at once, and the broker's agreement to that."""

    class Guaranteed(Sending):
        def on_link_opened(self, event: Any) -> None:
            self.agreed = event.sender.remote_snd_settle_mode

        def on_sendable(self, event: Any) -> None:
            if self.messages:
                delivery = event.sender.send(self.messages.pop())
                self.settled = delivery.link.unsettled == 0
                if self.settled:
                    event.connection.close()

    sending = Guaranteed(broker.url, address, [Message(body="x")], guarantee())
    Container(sending).run()
    assert sending.settled is settled
    assert sending.agreed in ([Link.SND_SETTLED, Link.SND_MIXED] if settled else [Link.SND_UNSETTLED, Link.SND_MIXED])
    assert take(broker, address, 1, options=guarantee()).bodies == ["x"]


def test_a_dynamic_node_with_properties(artemis: BrokerUnderTest) -> None:
    class Dynamic(Receiving):
        """Receives what it sends to the node that was made for it."""

        def on_start(self, event: Any) -> None:
            connection = event.container.connect(self.url, reconnect=False)
            event.container.create_receiver(connection, dynamic=True, options=self.options)

        def on_link_opened(self, event: Any) -> None:
            if event.receiver:
                self.remote_source = event.receiver.remote_source
                event.receiver.flow(1)
                event.container.create_sender(event.connection, self.remote_source.address)

        def on_sendable(self, event: Any) -> None:
            if not self.bodies and not event.sender.unsettled:
                event.sender.send(Message(body="through the node"))

    lifetime = DynamicNodeProperties({"lifetime-policy": LIFETIME, symbol("unknown"): "passed over"})
    dynamic = Dynamic(artemis.url, "", 1, options=lifetime)
    Container(dynamic).run()
    assert dynamic.bodies == ["through the node"]
    assert dynamic.remote_source.dynamic and dynamic.remote_source.address
    assert "lifetime-policy" in first(dynamic.remote_source.properties)


def test_an_option_of_ones_own_for_some_receivers(artemis: BrokerUnderTest, queue: str) -> None:
    class BrowseIfTold(ReceiverOption):
        def test(self, link: Link) -> bool:
            return super().test(link) and link.name.startswith("browser")

        def apply(self, receiver: Link) -> None:
            receiver.source.distribution_mode = syncproton.Terminus.DIST_MODE_COPY

    put(artemis, queue, numbers(2), options=BrowseIfTold())
    assert take(artemis, queue, name="browser-1", options=BrowseIfTold()).bodies == [0, 1]
    assert take(artemis, queue, name="other", options=BrowseIfTold()).bodies == [0, 1]
    assert take(artemis, queue).bodies == []


# --- the bytes -------------------------------------------------------------------------------------------------------

def own(library: Any) -> Any:
    """An option that sets what no ready-made one does."""

    class Own(library.reactor.LinkOption):  # type: ignore[misc]
        def apply(self, link: Any) -> None:
            link.rcv_settle_mode = library.Link.RCV_SECOND
            link.max_message_size = 1 << 20
            link.properties = {library.symbol("p"): 1}
            link.target.dynamic = link.is_sender
            link.source.timeout = 30
            link.source.capabilities.put_object(library.Array(
                library.UNDESCRIBED, library.Data.SYMBOL, library.symbol("queue"), library.symbol("shared")))

        def test(self, link: Any) -> bool:
            return str(link.name) != "left alone"

    return Own()


def made(kind: str, options: Callable[[Any], Any] = lambda library: None, **arguments: Any) -> Callable[..., None]:
    def make(library: Any, container: Any, connection: Any) -> None:
        getattr(container, f"create_{kind}")(connection, options=options(library), **arguments)

    return make


LINKS: Dict[str, Callable[..., None]] = {
    "sender": made("sender", target="q"),
    "receiver": made("receiver", source="q"),
    "sender with a source": made("sender", target="t", source="s"),
    "receiver with a target": made("receiver", source="s", target="t"),
    "sender with a source only": made("sender", source="s"),
    "receiver with a target only": made("receiver", target="t"),
    "anonymous sender": made("sender", name="n"),
    "receiver of nothing": made("receiver", name="n"),
    "sender with a name": made("sender", target="q", name="n"),
    "receiver with a name": made("receiver", source="q", name="n"),
    "dynamic": made("receiver", dynamic=True, name="n"),
    "AtMostOnce, sender": made("sender", lambda p: p.reactor.AtMostOnce(), target="q"),
    "AtMostOnce, receiver": made("receiver", lambda p: p.reactor.AtMostOnce(), source="q"),
    "AtLeastOnce, sender": made("sender", lambda p: p.reactor.AtLeastOnce(), target="q"),
    "AtLeastOnce, receiver": made("receiver", lambda p: [p.reactor.AtLeastOnce()], source="q"),
    "Copy": made("receiver", lambda p: p.reactor.Copy(), source="q"),
    "Move": made("receiver", lambda p: p.reactor.Move(), source="q"),
    "DurableSubscription": made("receiver", lambda p: p.reactor.DurableSubscription(), source="q"),
    "Selector": made("receiver", lambda p: p.reactor.Selector("a = 'x'"), source="q"),
    "Selector, name": made("receiver", lambda p: p.reactor.Selector("a = 'x'", name="jms"), source="q"),
    "Selector, position": made("receiver", lambda p: p.reactor.Selector("a = 'x'", "jms"), source="q"),
    "Filter, empty": made("receiver", lambda p: p.reactor.Filter(), source="q"),
    "Filter": made("receiver", lambda p: p.reactor.Filter(
        {p.symbol("f"): p.Described(p.ulong(0x468C00000003), ["a", 1, None])}), source="q"),
    "DynamicNodeProperties, empty": made(
        "receiver", lambda p: p.reactor.DynamicNodeProperties(), dynamic=True, name="n"),
    "DynamicNodeProperties": made("receiver", lambda p: p.reactor.DynamicNodeProperties(
        {"lifetime-policy": p.Described(p.ulong(0x2B), []), p.symbol("x"): 5}), dynamic=True, name="n"),
    "DynamicNodeProperties, sender": made("sender", lambda p: [own(p), p.reactor.DynamicNodeProperties(
        {"supported-dist-modes": p.symbol("move")})], name="n"),
    "own": made("receiver", own, source="q"),
    "own, not to be applied": made("receiver", own, source="q", name="left alone"),
    "options for receivers on a sender": made("sender", lambda p: [
        p.reactor.Copy(), p.reactor.Selector("a"), p.reactor.DurableSubscription(), p.reactor.Move()], target="q"),
    "all": made("receiver", lambda p: [p.reactor.AtLeastOnce(), p.reactor.Copy(), p.reactor.DurableSubscription(),
                                       p.reactor.Selector("x > 1")], source="q"),
}


def written(library: Any, make: Callable[..., None]) -> bytes:
    """The bytes that a library's transport writes for a connection with one link."""
    connection = library.Connection()
    connection.container = "me"
    connection.hostname = "host"
    transport = library.Transport()
    transport.bind(connection)
    connection.open()
    make(library, library.reactor.Container(), connection)
    return bytes(transport.peek(transport.pending()))


def narrowed(stream: bytes) -> bytes:
    """The same frames with every value in its shortest encoding; proton writes the maps of a terminus wide."""
    out = bytearray(stream[:8])
    reader = FrameReader(AMQP_FRAME, 1 << 20)
    reader.feed(stream[8:])
    for channel, performative, payload in reader:
        write_frame(out, channel, performative, payload)
    return bytes(out)


@pytest.mark.parametrize("make", LINKS.values(), ids=LINKS.keys())
def test_the_broker_is_told_what_proton_tells_it(make: Callable[..., None]) -> None:
    assert written(syncproton, make) == narrowed(written(proton, make))


def test_a_dynamic_receiver_with_a_source_breaks_no_rule() -> None:
    """Proton sends the address, too, which section 3.5.3 forbids."""
    make = made("receiver", source="q", dynamic=True, name="n")
    assert written(syncproton, make) == written(proton, made("receiver", dynamic=True, name="n"))
    assert written(syncproton, make) != written(proton, make)
