"""Local transactions that go well: what a client is told, and what is on the wire."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from scripted_coordinator import ScriptedCoordinator
from transaction_client import Client

from syncproton.engine import Delivery, DispositionType
from syncproton.handlers import MessagingHandler, TransactionalClientHandler, TransactionHandler
from syncproton.message import Message
from syncproton.reactor import AtMostOnce, Container, Transaction
from syncproton.wire.performatives import Attach, Disposition, Transfer
from syncproton.wire.states import TransactionalState
from syncproton.wire.termini import Coordinator

ACCEPTED, RELEASED = 0x24, 0x26
MakePeer = Callable[..., ScriptedCoordinator]
MakeClient = Callable[..., Client]


@pytest.mark.parametrize("end, told, failed", [("commit", "committed", False), ("abort", "aborted", True)])
def test_declare_and_discharge(
    coordinator: MakePeer, client: MakeClient, end: str, told: str, failed: bool
) -> None:
    peer = coordinator()
    program = client(peer)
    transaction = program.declare()
    assert transaction.id == b"txn-1"
    program.do(getattr(transaction, end))
    last = program.wait(f"on_transaction_{told}")
    assert last.transaction is transaction
    assert last.delivery is transaction._discharge and last.delivery.remote_state == Delivery.ACCEPTED
    assert last.connection is program.connection
    assert transaction.failed is failed
    assert peer.story() == [("declare",), ("discharge", b"txn-1", failed)]


def test_link_to_the_coordinator(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    client(peer).declare()
    [attach] = peer.said(Attach)
    assert isinstance(attach.target, Coordinator) and attach.role is False
    assert attach.target.capabilities == ["amqp:local-transactions"]
    assert attach.name == "txn-ctrl"


def test_handler_hears_of_the_coordinators_link_too(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator())
    program.do(program.container.declare_transaction, program.connection, program)
    assert program.wait("on_link_opened").link.name == "txn-ctrl"
    program.wait("on_transaction_declared")


def test_answers_are_found_on_the_transaction(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator())
    transaction = program.declare()
    assert transaction._declare is not None and transaction._discharge is None
    assert transaction._declare.remote_state == DispositionType.DECLARED
    assert transaction._declare.remote.data == [b"txn-1"]
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    assert transaction._discharge is not None and transaction._discharge.settled
    assert transaction._discharge.remote_state == Delivery.ACCEPTED


def test_sends(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    program = client(peer)
    program.create_sender()
    transaction = program.declare()
    first, second = program.send(transaction, "one", "two")
    assert (first.tag, second.tag) == ("1", "2")
    assert first.local_state == DispositionType.TRANSACTIONAL_STATE
    told = program.wait("on_settled")
    assert told.delivery is first and told.transaction is transaction
    assert first.remote_state == DispositionType.TRANSACTIONAL_STATE
    txn_id, outcome = first.remote.data or []
    assert txn_id == b"txn-1" and int(outcome.descriptor) == ACCEPTED
    program.wait("on_settled")
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    assert peer.story() == [
        ("declare",),
        ("send", "one", b"txn-1", False),
        ("send", "two", b"txn-1", False),
        ("discharge", b"txn-1", False),
    ]


def test_tags_of_ones_own(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    program = client(peer)
    sender = program.create_sender()
    transaction = program.declare()
    text = program.do(transaction.send, sender, Message(body=1), "text")
    octets = program.do(transaction.send, sender, Message(body=2), tag=b"\xff\x00")
    assert text.tag == "text" and octets.tag == b"\xff\x00"
    program.wait("on_settled")
    program.wait("on_settled")
    assert [each.delivery_tag for each in peer.said(Transfer)][1:] == [b"text", b"\xff\x00"]


def test_sends_on_a_link_that_sends_settled(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    program = client(peer)
    program.create_sender(options=AtMostOnce())
    transaction = program.declare()
    program.send(transaction, "one")
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    assert peer.story()[1:] == [("send", "one", b"txn-1", True), ("discharge", b"txn-1", False)]


def test_a_message_of_many_frames(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(max_frame_size=512)
    program = client(peer)
    program.create_sender()
    transaction = program.declare()
    program.send(transaction, b"x" * 3000)
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    assert peer.story() == [("declare",), ("send", b"x" * 3000, b"txn-1", False), ("discharge", b"txn-1", False)]


def test_accepts_are_settled_after_the_commit(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=2, settle=False)
    program = client(peer)
    deliveries = program.receive(2)
    transaction = program.declare()
    for delivery in deliveries:
        program.do(program.accept, delivery, transaction)
        assert delivery.transaction is transaction
        assert delivery.local_state == DispositionType.TRANSACTIONAL_STATE
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    program.close()
    assert peer.story() == [
        ("declare",),
        ("outcome", 0, b"txn-1", ACCEPTED, False),
        ("outcome", 1, b"txn-1", ACCEPTED, False),
        ("discharge", b"txn-1", False),
        ("outcome", 0, None, ACCEPTED, True),
        ("outcome", 1, None, ACCEPTED, True),
    ]


def test_accepts_that_the_peer_settles(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=1)
    program = client(peer)
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.do(transaction.accept, delivery)
    program.do(transaction.commit)
    assert program.wait("on_settled").transaction is transaction
    program.wait("on_transaction_committed")
    assert delivery.link.unsettled == 0
    program.close()
    assert peer.story()[1:] == [("outcome", 0, b"txn-1", ACCEPTED, False), ("discharge", b"txn-1", False)]


def test_accepts_are_given_back_after_an_abort(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=2)
    program = client(peer)
    deliveries = program.receive(2)
    transaction = program.declare()
    for delivery in deliveries:
        program.do(transaction.accept, delivery)
    program.do(transaction.abort)
    program.wait("on_transaction_aborted")
    program.close()
    assert peer.story()[3:] == [
        ("discharge", b"txn-1", True),
        ("outcome", 0, None, RELEASED, True),
        ("outcome", 1, None, RELEASED, True),
    ]


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_settle_before_discharge(coordinator: MakePeer, client: MakeClient, end: str) -> None:
    peer = coordinator(messages=1)
    program = client(peer)
    [delivery] = program.receive(1)
    transaction = program.declare(settle_before_discharge=True)
    program.do(transaction.accept, delivery)
    assert delivery.link.unsettled == 0
    program.do(getattr(transaction, end))
    program.wait("on_transaction_committed" if end == "commit" else "on_transaction_aborted")
    program.close()
    assert peer.story()[1:] == [("outcome", 0, b"txn-1", ACCEPTED, True), ("discharge", b"txn-1", end == "abort")]


def test_other_outcomes(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=1)
    program = client(peer)
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.do(transaction.update, delivery, Delivery.RELEASED)
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    assert peer.story()[1] == ("outcome", 0, b"txn-1", RELEASED, False)


def test_bytes_on_the_wire(coordinator: MakePeer, client: MakeClient) -> None:
    """The delivery state of the specification, section 4.5.8, in the transfer and in the disposition."""
    peer = coordinator(messages=1)
    program = client(peer)
    [delivery] = program.receive(1)
    program.create_sender()
    transaction = program.declare()
    program.do(transaction.accept, delivery)
    program.send(transaction, "x")
    program.do(transaction.commit)
    program.wait("on_transaction_committed")
    # The first field is the id, as binary; the second the outcome, accepted, which a transfer has no use for.
    assert bytes.fromhex("005334 c00801 a005") + b"txn-1" in peer.octets
    assert bytes.fromhex("005334 c00c02 a005") + b"txn-1" + bytes.fromhex("005324 45") in peer.octets
    # The requests to the coordinator: described lists with symbols for descriptors.
    assert bytes.fromhex("00a311") + b"amqp:declare:list" in peer.octets
    assert bytes.fromhex("00a313") + b"amqp:discharge:list" in peer.octets
    [transfer] = [each for each in peer.said(Transfer) if each.state is not None]
    assert isinstance(transfer.state, TransactionalState) and transfer.state.outcome is None
    [disposition] = [each for each in peer.said(Disposition) if each.role]
    assert disposition.state.txn_id == b"txn-1" and disposition.state.outcome.DESCRIPTOR == ACCEPTED


def test_one_after_another_over_one_link(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    program = client(peer)
    for number in range(1, 4):
        transaction = program.declare()
        program.do(transaction.commit if number % 2 else transaction.abort)
        program.wait("on_transaction_committed" if number % 2 else "on_transaction_aborted")
    assert [each for each in peer.story() if each[0] == "discharge"] == [
        ("discharge", b"txn-1", False), ("discharge", b"txn-2", True), ("discharge", b"txn-3", False),
    ]
    assert len(peer.said(Attach)) == 1


def test_side_by_side(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=2)
    program = client(peer)
    first_delivery, second_delivery = program.receive(2)
    program.create_sender()
    first, second = program.declare(), program.declare(settle_before_discharge=True)
    program.send(first, "a")
    program.send(second, "b")
    program.do(first.accept, first_delivery)
    program.do(second.accept, second_delivery)
    program.send(first, "c")
    program.do(second.abort)
    assert program.wait("on_transaction_aborted").transaction is second
    program.do(first.commit)
    assert program.wait("on_transaction_committed").transaction is first
    assert peer.story() == [
        ("declare",),
        ("declare",),
        ("send", "a", b"txn-1", False),
        ("send", "b", b"txn-2", False),
        ("outcome", 0, b"txn-1", ACCEPTED, False),
        ("outcome", 1, b"txn-2", ACCEPTED, True),
        ("send", "c", b"txn-1", False),
        ("discharge", b"txn-2", True),
        ("discharge", b"txn-1", False),
    ]


def test_each_with_a_handler_of_its_own(coordinator: MakePeer, client: MakeClient) -> None:
    class Other(TransactionHandler):
        def __init__(self) -> None:
            self.told: List[Transaction] = []

        def on_transaction_declared(self, event: Any) -> None:
            self.told.append(event.transaction)
            event.transaction.abort()

        def on_transaction_aborted(self, event: Any) -> None:
            self.told.append(event.transaction)

    program = client(coordinator())
    other = Other()
    declare = program.container.declare_transaction
    theirs = program.do(declare, program.connection, other)
    mine = program.declare()
    program.do(mine.commit)
    program.wait("on_transaction_committed")
    assert other.told == [theirs, theirs]


def test_work_in_the_callbacks(run: Callable[[Container], None], coordinator: MakePeer) -> None:
    """The way of proton's examples: all in one handler, and the connection closed at the end."""

    class Program(TransactionalClientHandler):
        def __init__(self, url: str) -> None:
            super().__init__()
            self.url = url
            self.rounds = 0

        def on_start(self, event: Any) -> None:
            self.container = event.container
            self.connection = event.container.connect(self.url)
            self.sender = event.container.create_sender(self.connection, "queue")
            self.container.declare_transaction(self.connection, handler=self)

        def on_transaction_declared(self, event: Any) -> None:
            for number in range(3):
                event.transaction.send(self.sender, Message(body=number))
            event.transaction.commit()

        def on_transaction_committed(self, event: Any) -> None:
            self.rounds += 1
            if self.rounds < 2:
                self.container.declare_transaction(self.connection, handler=self)
            else:
                self.connection.close()

    peer = coordinator()
    program = Program(peer.url)
    run(Container(program))
    one = [("send", number, b"txn-1", False) for number in range(3)]
    two = [("send", number, b"txn-2", False) for number in range(3)]
    assert peer.story() == [
        ("declare",), *one, ("discharge", b"txn-1", False), ("declare",), *two, ("discharge", b"txn-2", False),
    ]


def test_on_a_session_of_its_own(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator()
    program = client(peer)

    def declare() -> Transaction:
        session = program.connection.session()
        session.open()
        transaction: Transaction = program.container.declare_transaction(session, program)
        assert transaction.txn_ctrl.session is session
        return transaction

    transaction = program.do(declare)
    assert program.wait("on_transaction_declared").transaction is transaction
    other = program.declare()
    assert other.txn_ctrl is not transaction.txn_ctrl
    assert [each.name for each in peer.said(Attach)] == ["txn-ctrl", "txn-ctrl-2"]


@pytest.mark.parametrize("of", ["connection", "container"])
def test_handler_found_by_itself(background: Callable[..., Container], coordinator: MakePeer, of: str) -> None:
    class Quiet(MessagingHandler):
        pass

    peer = coordinator()
    holder = Quiet()
    container = background(holder)
    program = Client(container, peer)
    if of == "container":
        program.do(setattr, program.connection, "handler", Quiet())
        holder.handlers.append(program)
    transaction = program.declare(handler=None)
    assert transaction.handler is program


def test_from_another_thread(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator())
    transaction = program.container.declare_transaction(program.connection, program)
    assert program.wait("on_transaction_declared").transaction is transaction


def test_accepting_by_itself_leaves_alone_what_was_accepted_under_a_transaction(
    coordinator: MakePeer, client: MakeClient
) -> None:
    class Both(Client):
        def on_message(self, event: Any) -> None:
            if event.message.body == 0:
                self.accept(event.delivery, self.transaction)
            super().on_message(event)

    peer = coordinator(messages=2)
    program = client(peer, kind=Both, auto_accept=True)
    program.transaction = program.declare()
    program.receive(2)
    program.do(program.transaction.commit)
    program.wait("on_transaction_committed")
    assert peer.story()[1:] == [
        ("outcome", 0, b"txn-1", ACCEPTED, False),
        ("outcome", 1, None, ACCEPTED, True),
        ("discharge", b"txn-1", False),
    ]


def test_nothing_is_accepted_by_itself(coordinator: MakePeer, client: MakeClient) -> None:
    peer = coordinator(messages=2)
    program = client(peer)
    first, second = program.receive(2)
    program.do(program.accept, second)
    program.close()
    assert peer.story() == [("outcome", 1, None, ACCEPTED, True)]


def test_a_sent_delivery_is_settled_by_itself_or_not(coordinator: MakePeer, client: MakeClient) -> None:
    for auto_settle in (True, False):
        program = client(coordinator(), auto_settle=auto_settle)
        program.create_sender()
        [delivery] = program.send(program.declare(), "one")
        program.wait("on_settled")
        assert program.do(lambda: program.sender.unsettled) == (0 if auto_settle else 1)


def test_events_of_no_transaction(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator(messages=1))
    program.do(program.container.create_receiver, program.connection, "queue")
    assert program.wait("on_message").transaction is None


def test_made_by_hand(run: Callable[[Container], None], coordinator: MakePeer) -> None:
    """``Transaction(txn_ctrl, handler)``, with a link to the coordinator that is the application's own."""

    class Program(TransactionalClientHandler):
        def __init__(self, url: str) -> None:
            super().__init__()
            self.url = url
            self.told: List[str] = []

        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(self.url)
            sender = event.container.create_sender(self.connection, name="mine", handler=self)
            sender.target.type = sender.target.COORDINATOR
            self.transaction = Transaction(sender, self, settle_before_discharge=True)
            assert self.transaction.settle_before_discharge and not self.transaction.failed

        def on_settled(self, event: Any) -> None:
            assert event.transaction is self.transaction
            event.transaction.handle_outcome(event)

        def on_transaction_declared(self, event: Any) -> None:
            self.told.append("declared")
            event.transaction.commit()

        def on_transaction_committed(self, event: Any) -> None:
            self.told.append("committed")
            self.connection.close()

    peer = coordinator()
    program = Program(peer.url)
    run(Container(program))
    assert program.told == ["declared", "committed"]
    assert peer.story() == [("declare",), ("discharge", b"txn-1", False)]
