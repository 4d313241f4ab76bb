"""Local transactions, against a coordinator written here."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

import pytest

from syncproton.engine import Condition, Delivery, Terminus
from syncproton.handlers import MessagingHandler, TransactionalClientHandler
from syncproton.message import Message
from syncproton.reactor import Container, TransactionError

Run = Callable[[Container], None]
DECLARED, TRANSACTIONAL = 0x33, 0x34


class Server(MessagingHandler):
    """A coordinator that says yes, unless told otherwise, and writes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__(auto_accept=False)
        self.log: List[Any] = []
        self.declared = 0
        self.refuse: Optional[str] = None
        self.capabilities: Any = None

    def on_link_opening(self, event: Any) -> None:
        link = event.link
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        if link.remote_target.type == Terminus.COORDINATOR:
            capabilities = link.remote_target.capabilities
            capabilities.rewind()
            self.capabilities = capabilities.get_object() if capabilities.next() else None

    def on_link_opened(self, event: Any) -> None:
        if self.refuse == "link" and event.link.remote_target.type == Terminus.COORDINATOR:
            event.link.condition = Condition("amqp:not-implemented", "no transactions here")
            event.link.close()
        elif event.link.is_sender:
            event.link.send(Message(body="taken"))

    def on_message(self, event: Any) -> None:
        delivery = event.delivery
        if event.link.remote_target.type != Terminus.COORDINATOR:
            self.log.append(("sent", event.message.body, delivery.remote_state, delivery.remote.data))
            delivery.local.data = [b"%d" % self.declared, None]
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()
            return
        body = event.message.body
        operation = str(body.descriptor).split(":")[1]
        self.log.append((operation, body.value))
        if self.refuse == operation:
            delivery.local.condition = Condition("amqp:transaction:rollback", "no")
            delivery.update(Delivery.REJECTED)
        elif self.refuse == f"lose at {operation}":
            event.transport.close_head()
            event.transport.close_tail()
            return
        elif operation == "declare":
            self.declared += 1
            delivery.local.data = [b"%d" % self.declared]
            delivery.update(DECLARED)
        else:
            delivery.update(Delivery.ACCEPTED)
        delivery.settle()

    def on_delivery(self, event: Any) -> None:
        delivery = event.delivery
        if event.link.is_sender and delivery.updated and delivery.remote_state == TRANSACTIONAL:
            self.log.append(("accepted", delivery.remote.data[0], int(delivery.remote.data[1].descriptor)))
            delivery.settle()

    def on_transport_error(self, event: Any) -> None:
        pass


class Client(TransactionalClientHandler):
    """Declares a transaction and does something with it; remembers what it was told."""

    def __init__(self, url: str, settle_before_discharge: bool = False) -> None:
        super().__init__()
        self.url = url
        self.settle_before_discharge = settle_before_discharge
        self.told: List[str] = []

    def on_start(self, event: Any) -> None:
        self.container = event.container
        self.connection = event.container.connect(self.url, reconnect=False)
        self.declare()

    def declare(self) -> None:
        self.transaction = self.container.declare_transaction(
            self.connection, self, settle_before_discharge=self.settle_before_discharge
        )

    def tell(self, event: Any, what: str) -> None:
        assert event.transaction is self.transaction
        self.told.append(what)

    def on_transaction_declared(self, event: Any) -> None:
        self.tell(event, "declared")
        event.transaction.commit()

    def on_transaction_committed(self, event: Any) -> None:
        self.tell(event, "committed")
        self.connection.close()

    def on_transaction_aborted(self, event: Any) -> None:
        self.tell(event, "aborted")
        self.connection.close()

    def on_transaction_declare_failed(self, event: Any) -> None:
        self.tell(event, "declare failed")
        self.connection.close()

    def on_transaction_commit_failed(self, event: Any) -> None:
        self.tell(event, "commit failed")
        self.connection.close()

    def on_transport_error(self, event: Any) -> None:
        pass


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def url(server: Server, background: Callable[..., Container]) -> str:
    return f"127.0.0.1:{background(server).listen('127.0.0.1:0').port}"


def test_commit(run: Run, server: Server, url: str) -> None:
    client = Client(url)
    run(Container(client))
    assert client.told == ["declared", "committed"]
    assert server.log == [("declare", [None]), ("discharge", [b"1", False])]
    assert server.capabilities == ["amqp:local-transactions"]


def test_abort(run: Run, server: Server, url: str) -> None:
    class Aborting(Client):
        def on_transaction_declared(self, event: Any) -> None:
            self.tell(event, "declared")
            event.transaction.abort()

    client = Aborting(url)
    run(Container(client))
    assert client.told == ["declared", "aborted"]
    assert server.log[-1] == ("discharge", [b"1", True])


def test_several_one_after_another_over_one_link(run: Run, server: Server, url: str) -> None:
    class Several(Client):
        def on_transaction_committed(self, event: Any) -> None:
            self.tell(event, "committed")
            if len(self.told) < 6:
                self.declare()
            else:
                self.connection.close()

    client = Several(url)
    run(Container(client))
    assert client.told == ["declared", "committed"] * 3
    assert [entry[1][0] for entry in server.log if entry[0] == "discharge"] == [b"1", b"2", b"3"]


def test_sending(run: Run, server: Server, url: str) -> None:
    class Sending(Client):
        def on_start(self, event: Any) -> None:
            super().on_start(event)
            self.sender = event.container.create_sender(self.connection, "somewhere")

        def on_transaction_declared(self, event: Any) -> None:
            delivery = event.transaction.send(self.sender, Message(body="hello"), tag=b"t")
            assert delivery.tag == "t"

        def on_settled(self, event: Any) -> None:
            self.transaction.commit()

    client = Sending(url)
    run(Container(client))
    assert server.log[1:] == [("sent", "hello", TRANSACTIONAL, [b"1"]), ("discharge", [b"1", False])]
    assert client.told == ["committed"]


@pytest.mark.parametrize("settle_before_discharge", [False, True])
def test_accepting(run: Run, server: Server, url: str, settle_before_discharge: bool) -> None:
    class Accepting(Client):
        def on_start(self, event: Any) -> None:
            super().on_start(event)
            self.receiver = event.container.create_receiver(self.connection, "somewhere")
            self.message = None

        def on_transaction_declared(self, event: Any) -> None:
            self.go_on()

        def on_message(self, event: Any) -> None:
            self.message = event.delivery
            self.go_on()

        def go_on(self) -> None:
            if self.message is not None and self.transaction.id is not None:
                self.accept(self.message, self.transaction)
                assert self.receiver.unsettled == (0 if settle_before_discharge else 1)
                self.transaction.commit()

        def on_transaction_committed(self, event: Any) -> None:
            assert self.receiver.unsettled == 0
            super().on_transaction_committed(event)

    client = Accepting(url, settle_before_discharge)
    run(Container(client))
    assert ("accepted", b"1", 0x24) in server.log
    assert client.told == ["committed"]


@pytest.mark.parametrize(
    "refuse, told",
    [
        ("declare", ["declare failed"]),
        ("discharge", ["declared", "commit failed"]),
        ("link", ["declare failed"]),
        ("lose at declare", ["declare failed"]),
        ("lose at discharge", ["declared", "commit failed"]),
    ],
)
def test_when_it_goes_wrong(run: Run, server: Server, url: str, refuse: str, told: List[str]) -> None:
    server.refuse = refuse
    client = Client(url)
    run(Container(client))
    assert client.told == told


def test_connection_lost_with_a_transaction_open(run: Run, server: Server, url: str) -> None:
    class Losing(Client):
        def on_transaction_declared(self, event: Any) -> None:
            event.transport.close_head()
            event.transport.close_tail()

    client = Losing(url)
    run(Container(client))
    assert client.told == ["aborted"]


def test_what_cannot_be_asked_of_it(run: Run, server: Server, url: str) -> None:
    refused: List[str] = []

    class Asking(Client):
        def refuses(self, function: Callable[..., Any], *args: Any) -> None:
            with pytest.raises(TransactionError) as caught:
                function(*args)
            refused.append(str(caught.value))

        def on_start(self, event: Any) -> None:
            super().on_start(event)
            self.sender = event.container.create_sender(self.connection, "here")
            self.foreign = event.container.create_sender(event.container.connect(url), "there")
            self.refuses(self.transaction.commit)
            self.refuses(self.transaction.send, self.sender, Message())

        def on_transaction_declared(self, event: Any) -> None:
            self.refuses(self.transaction.send, self.foreign, Message())
            self.refuses(self.transaction.accept, self.foreign.delivery("x"))
            self.transaction.commit()
            self.refuses(self.transaction.commit)
            self.refuses(self.transaction.abort)

        def on_transaction_committed(self, event: Any) -> None:
            super().on_transaction_committed(event)
            self.refuses(self.transaction.send, self.sender, Message())
            self.foreign.connection.close()

    client = Asking(url)
    run(Container(client))
    assert [" ".join(text.split()[-2:]) for text in refused] == [
        "declared yet",
        "declared yet",
        "another connection",
        "another connection",
        "is over",
        "is over",
        "is over",
    ]
    assert client.told == ["committed"]


def test_handler_found_among_the_containers(run: Run, server: Server, url: str) -> None:
    class Default(Client):
        def declare(self) -> None:
            self.transaction = self.container.declare_transaction(self.connection)

    client = Default(url)
    run(Container(client))
    assert client.told == ["declared", "committed"]


def test_no_handler_at_all() -> None:
    container = Container()
    with pytest.raises(TypeError, match="handler"):
        container.declare_transaction(container.connect("amqp://h"))
