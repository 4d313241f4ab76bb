"""Links as an application asks for them: by connection, session or URL, named or not, with tags and handlers."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

from broker_under_test import BrokerUnderTest
from syncproton import ConnectionException, LinkException, Message, SessionException, Url
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

pytestmark = pytest.mark.timeout(60)


class Exchange(MessagingHandler):
    """Sends a message over a link of its own making and receives it over another.

    :param senders: makes the sender of a container and a connection.
    :param receivers: makes the receiver likewise.
    """

    def __init__(self, url: str, senders: Callable[..., Any], receivers: Callable[..., Any]) -> None:
        super().__init__()
        self.url = url
        self.make_sender = senders
        self.make_receiver = receivers
        self.bodies: List[Any] = []
        self.errors: List[Any] = []

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False)
        self.receiver = self.make_receiver(event.container, connection)
        self.sender = self.make_sender(event.container, connection)
        self.connections = {connection, self.receiver.connection, self.sender.connection}

    def on_sendable(self, event: Any) -> None:
        if event.sender == self.sender and not event.sender.unsettled and not self.bodies:
            self.sender.send(Message(body="over"))

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)
        for connection in self.connections:
            connection.close()

    def on_link_error(self, event: Any) -> None:
        self.errors.append(event.link.remote_condition)
        event.connection.close()


def exchange(broker: BrokerUnderTest, senders: Callable[..., Any], receivers: Callable[..., Any]) -> Exchange:
    program = Exchange(broker.url, senders, receivers)
    Container(program, container_id="links").run()
    assert not program.errors
    assert program.bodies == ["over"]
    return program


def test_links_of_a_connection(broker: BrokerUnderTest, address: str) -> None:
    program = exchange(broker, lambda container, connection: container.create_sender(connection, address),
                       lambda container, connection: container.create_receiver(connection, source=address))
    assert program.sender.session is program.receiver.session
    assert program.sender.name == program.receiver.name == f"links-{address}"


def test_links_of_sessions_of_ones_own(broker: BrokerUnderTest, address: str) -> None:
    def session(connection: Any) -> Any:
        made = connection.session()
        made.open()
        return made

    program = exchange(
        broker, lambda container, connection: container.create_sender(session(connection), target=address, name="out"),
        lambda container, connection: container.create_receiver(session(connection), address, name="in"))
    assert program.sender.session is not program.receiver.session
    assert (program.sender.name, program.receiver.name) == ("out", "in")


def test_links_of_urls_with_the_path_as_the_address(broker: BrokerUnderTest, address: str) -> None:
    """Each has a connection of its own, which the application finds at the link and closes."""
    program = exchange(
        broker, lambda container, connection: container.create_sender(f"{broker.url}/{address}"),
        lambda container, connection: container.create_receiver(Url(f"{broker.url}/{address}")))
    assert len(program.connections) == 3
    assert program.sender.target.address == program.receiver.source.address == address


def test_an_address_goes_before_the_path(broker: BrokerUnderTest, address: str) -> None:
    program = exchange(
        broker, lambda container, connection: container.create_sender(f"{broker.url}/passed-over", target=address),
        lambda container, connection: container.create_receiver(f"{broker.url}/passed-over", source=address))
    assert program.sender.target.address == program.receiver.source.address == address


def test_the_other_address_of_each(broker: BrokerUnderTest, address: str) -> None:
    program = exchange(broker, lambda container, connection: container.create_sender(connection, address, "mine"),
                       lambda container, connection: container.create_receiver(connection, address, "mine, too"))
    assert program.sender.name == f"links-{address}-mine"
    assert program.receiver.name == f"links-{address}-mine, too"


class Anew(MessagingHandler):
    """Leaves its links and makes them anew under the same names, in one go; then it sends and receives over them.

    :param opened: whether it waits for the first ones to be opened.
    """

    def __init__(self, url: str, address: str, opened: bool) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.left = not opened
        self.links: List[Any] = []
        self.bodies: List[Any] = []

    def on_start(self, event: Any) -> None:
        self.container = event.container
        self.connection = event.container.connect(self.url, reconnect=False)
        self.make()
        if self.left:
            self.make_anew()

    def make(self) -> None:
        self.links = [self.container.create_receiver(self.connection, self.address, name="in"),
                      self.container.create_sender(self.connection, self.address, name="out")]

    def make_anew(self) -> None:
        for link in self.links:
            link.close()
        self.make()

    def on_link_opened(self, event: Any) -> None:
        if not self.left and all(link.state & link.REMOTE_ACTIVE for link in self.links):
            self.left = True
            self.make_anew()

    def on_sendable(self, event: Any) -> None:
        if self.left and event.sender == self.links[1] and not event.sender.unsettled and not self.bodies:
            event.sender.send(Message(body="over"))

    def on_message(self, event: Any) -> None:
        assert event.receiver == self.links[0]
        self.bodies.append(event.message.body)
        event.connection.close()


@pytest.mark.parametrize("opened", [True, False])
def test_links_that_are_left_and_made_anew_at_once(broker: BrokerUnderTest, address: str, opened: bool) -> None:
    """A broker that heard of the new ones before it has left the old ones would take them for the old ones."""
    program = Anew(broker.url, address, opened)
    Container(program).run()
    assert program.bodies == ["over"]


def test_several_links_to_one_address(broker: BrokerUnderTest, address: str) -> None:
    """Each is there for the broker: all that was sent over any of them is received over any of them."""

    class Several(MessagingHandler):
        def __init__(self) -> None:
            super().__init__()
            self.bodies: List[int] = []
            self.by_receiver: Dict[str, int] = {}

        def on_start(self, event: Any) -> None:
            connection = event.container.connect(broker.url, reconnect=False)
            self.receivers = [event.container.create_receiver(connection, address) for _ in range(3)]
            self.senders = [event.container.create_sender(connection, address) for _ in range(3)]
            self.unsent = dict.fromkeys(self.senders, 10)

        def on_sendable(self, event: Any) -> None:
            while event.sender.credit and self.unsent[event.sender]:
                self.unsent[event.sender] -= 1
                event.sender.send(Message(body=self.senders.index(event.sender)))

        def on_message(self, event: Any) -> None:
            self.bodies.append(event.message.body)
            if len(self.bodies) == 30:
                event.connection.close()

    program = Several()
    Container(program, container_id="me").run()
    assert sorted(program.bodies) == [0] * 10 + [1] * 10 + [2] * 10
    names = [f"me-{address}", f"me-{address}-2", f"me-{address}-3"]
    assert [link.name for link in program.receivers] == [link.name for link in program.senders] == names


def test_handlers_of_links(broker: BrokerUnderTest, address: str) -> None:
    """A link's events go to its handler, and not to the container's."""

    class Link(MessagingHandler):
        def __init__(self) -> None:
            super().__init__()
            self.told: List[str] = []

        def on_link_opened(self, event: Any) -> None:
            self.told.append("opened")

        def on_sendable(self, event: Any) -> None:
            if "sendable" not in self.told:
                self.told.append("sendable")
                event.sender.send(Message(body="x"))

        def on_accepted(self, event: Any) -> None:
            self.told.append("accepted")

        def on_message(self, event: Any) -> None:
            self.told.append(event.message.body)
            event.connection.close()

    class Program(Link):
        def on_start(self, event: Any) -> None:
            connection = event.container.connect(broker.url, reconnect=False)
            event.container.create_receiver(connection, address, handler=receiving)
            event.container.create_sender(connection, address, handler=sending)

    program, sending, receiving = Program(), Link(), Link()
    Container(program).run()
    assert program.told == []
    assert sending.told[:2] == ["opened", "sendable"]
    assert receiving.told == ["opened", "x"]


def test_tags_of_ones_own(broker: BrokerUnderTest, address: str) -> None:
    class Tagged(MessagingHandler):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0
            self.accepted: List[Any] = []

        def tag(self) -> bytes:
            self.count += 1
            return b"\xff-%d" % self.count

        def on_start(self, event: Any) -> None:
            event.container.create_sender(f"{broker.url}/{address}", tags=self.tag)

        def on_sendable(self, event: Any) -> None:
            while event.sender.credit and self.count < 3:
                event.sender.send(Message(body=self.count))

        def on_accepted(self, event: Any) -> None:
            self.accepted.append(event.delivery.tag)
            if len(self.accepted) == 3:
                event.connection.close()

    program = Tagged()
    Container(program).run()
    assert program.accepted == [b"\xff-1", b"\xff-2", b"\xff-3"]


def test_a_dynamic_node(artemis: BrokerUnderTest) -> None:
    """The node's address comes with the broker's answer, and can be sent to."""

    class Dynamic(MessagingHandler):
        body: Any = None

        def on_start(self, event: Any) -> None:
            connection = event.container.connect(artemis.url, reconnect=False)
            self.receiver = event.container.create_receiver(connection, dynamic=True)

        def on_link_opened(self, event: Any) -> None:
            if event.receiver:
                self.address = event.receiver.remote_source.address
                event.container.create_sender(event.connection, self.address)

        def on_sendable(self, event: Any) -> None:
            if not event.sender.unsettled and not self.body:
                event.sender.send(Message(body="to the node"))

        def on_message(self, event: Any) -> None:
            self.body = event.message.body
            event.connection.close()

    program = Dynamic()
    Container(program).run()
    assert program.body == "to the node"
    assert program.address and program.receiver.source.address is None


@pytest.fixture(params=["artemis", "rabbitmq"])
def refusing_broker(request: pytest.FixtureRequest) -> BrokerUnderTest:
    """The brokers that refuse a queue; the Proton C broker makes every queue it is asked for."""
    running: BrokerUnderTest = request.getfixturevalue(request.param)
    return running


@pytest.mark.parametrize("role", ["sender", "receiver"])
def test_a_connection_goes_on_after_a_refused_link(refusing_broker: BrokerUnderTest, role: str) -> None:
    """The refusal says what the broker said, and the next link on the connection works."""
    broker, good = refusing_broker, refusing_broker.address(f"after-{role}")

    class Again(MessagingHandler):
        def __init__(self) -> None:
            super().__init__()
            self.refusals: List[Any] = []
            self.accepted = 0

        def on_start(self, event: Any) -> None:
            connection = event.container.connect(broker.url, reconnect=False)
            getattr(event.container, f"create_{role}")(connection, broker.missing[role])

        def refused(self, event: Any, condition: Any) -> None:
            self.refusals.append(condition)
            if len(self.refusals) == 1:
                self.sender = event.container.create_sender(event.connection, good)

        def on_link_error(self, event: Any) -> None:
            self.refused(event, event.link.remote_condition)

        def on_session_error(self, event: Any) -> None:
            self.refused(event, event.session.remote_condition)

        def on_sendable(self, event: Any) -> None:
            if event.sender == getattr(self, "sender", None) and not self.sender.unsettled and not self.accepted:
                self.sender.send(Message(body="x"))

        def on_accepted(self, event: Any) -> None:
            self.accepted += 1
            event.connection.close()

    program = Again()
    Container(program).run()
    assert [condition.name for condition in program.refusals] == ["amqp:not-found"]
    assert program.refusals[0].description
    assert program.accepted == 1


def test_bad_calls_leave_the_container_and_the_connection_usable(artemis: BrokerUnderTest) -> None:
    class Clumsy(MessagingHandler):
        raised = 0
        accepted = 0

        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(artemis.url, reconnect=False)

        def refuses(self, error: type, call: Callable[[], Any]) -> None:
            with pytest.raises(error):
                call()
            self.raised += 1

        def on_connection_opened(self, event: Any) -> None:
            container, connection = event.container, event.connection
            session = connection.session()
            session.open()
            session.close()
            self.refuses(TypeError, lambda: container.create_sender(connection, 5))
            self.refuses(TypeError, lambda: container.create_receiver(connection, b"bytes"))
            self.refuses(TypeError, lambda: container.create_receiver(connection, "q", name=7))
            self.refuses(TypeError, lambda: container.create_receiver(connection, "q", options="Copy"))
            self.refuses(TypeError, lambda: container.create_sender(connection, "q", tags=3))
            self.refuses(SessionException, lambda: container.create_sender(session, "q"))
            self.refuses(ValueError, lambda: container.create_sender("amqp://host:port:port/q"))
            self.refuses(TypeError, lambda: container.create_sender(None, "q"))
            self.sender = container.create_sender(connection, "clumsy", tags=[b"only one"])

        def on_sendable(self, event: Any) -> None:
            if self.raised == 8:
                event.sender.send(Message(body="x"))
                self.refuses(LinkException, lambda: event.sender.send(Message(body="y")))

        def on_accepted(self, event: Any) -> None:
            self.accepted += 1
            event.connection.close()
            self.refuses(ConnectionException, lambda: event.container.create_receiver(event.connection, "q"))

    program = Clumsy()
    Container(program).run()
    assert program.raised == 10
    assert program.accepted == 1
