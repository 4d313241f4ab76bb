"""What cannot be asked of a transaction is refused at the call, and container and transaction go on."""

from __future__ import annotations

from typing import Any, Callable, List, Type

import pytest
from scripted_coordinator import SILENCE, ScriptedCoordinator
from transaction_client import Client

from syncproton.engine import Connection
from syncproton.errors import (
    ConnectionException, MessageException, ProtonException, SessionException, TransactionError, WrongThread,
)
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Container, Transaction
from syncproton.wire.performatives import Transfer

MakePeer = Callable[..., ScriptedCoordinator]
MakeClient = Callable[..., Client]


@pytest.fixture
def program(coordinator: MakePeer, client: MakeClient) -> Client:
    """A client with a sender that has credit."""
    program = client(coordinator(messages=4))
    program.create_sender()
    return program


def refused(program: Client, error: Type[Exception], match: str, call: Callable[..., Any], *args: Any) -> None:
    with pytest.raises(error, match=match):
        program.do(call, *args)


def still_good(program: Client, transaction: Transaction) -> None:
    """The transaction can be committed, and after it another one."""
    program.do(transaction.commit)
    assert program.wait("on_transaction_committed").transaction is transaction
    again = program.declare()
    program.send(again, "still good")
    program.do(again.commit)
    assert program.wait("on_transaction_committed").transaction is again


@pytest.mark.parametrize("first", ["commit", "abort"])
@pytest.mark.parametrize("then", ["commit", "abort", "send", "accept"])
def test_after_the_end(program: Client, first: str, then: str) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare()
    arguments: List[Any] = {"send": [program.sender, Message()], "accept": [delivery]}.get(then, [])
    program.do(getattr(transaction, first))
    refused(program, TransactionError, "is being ended already|is over", getattr(transaction, then), *arguments)
    program.wait("on_transaction_committed" if first == "commit" else "on_transaction_aborted")
    refused(program, TransactionError, "is over", getattr(transaction, then), *arguments)
    still_good(program, program.declare())
    assert len([each for each in program.peer.story() if each[0] == "discharge"]) == 3


@pytest.mark.parametrize("what", ["commit", "abort", "send", "accept"])
def test_before_it_is_declared(coordinator: MakePeer, client: MakeClient, what: str) -> None:
    program = client(coordinator(SILENCE, messages=1))
    program.create_sender()
    [delivery] = program.receive(1)
    transaction = program.do(program.container.declare_transaction, program.connection, program)
    arguments: List[Any] = {"send": [program.sender, Message()], "accept": [delivery]}.get(what, [])
    refused(program, TransactionError, "not been declared yet", getattr(transaction, what), *arguments)
    refused(program, TransactionError, "declared already", transaction.declare)
    still_good(program, program.declare())
    assert not transaction.over


def test_things_of_another_connection(program: Client, coordinator: MakePeer, client: MakeClient) -> None:
    other = client(coordinator(messages=1))
    theirs = other.create_sender()
    [delivery] = other.receive(1)
    transaction = program.declare()
    refused(program, TransactionError, "of another connection", transaction.send, theirs, Message())
    refused(program, TransactionError, "of another connection", transaction.accept, delivery)
    refused(program, TransactionError, "of another connection", program.accept, delivery, transaction)
    assert delivery.local_state == 0
    other.declare()
    still_good(program, transaction)


@pytest.mark.parametrize("sender", [None, "queue", 7, object()])
def test_no_sender(program: Client, sender: Any) -> None:
    transaction = program.declare()
    refused(program, TypeError, "sends on a Sender", transaction.send, sender, Message())
    still_good(program, transaction)


def test_receiver_for_a_sender(program: Client) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare()
    refused(program, TypeError, "sends on a Sender", transaction.send, delivery.link, Message())
    still_good(program, transaction)


@pytest.mark.parametrize("message", [None, "text", b"bytes", {"a": 1}, Message])
def test_no_message(program: Client, message: Any) -> None:
    transaction = program.declare()
    refused(program, TypeError, "sends a Message", transaction.send, program.sender, message)
    still_good(program, transaction)
    assert len(program.peer.said(Transfer)) == 5


@pytest.mark.parametrize("tag", [7, 1.5, ["x"], object()])
def test_no_tag(program: Client, tag: Any) -> None:
    transaction = program.declare()
    refused(program, TypeError, "a delivery tag is", transaction.send, program.sender, Message(), tag)
    still_good(program, transaction)


def test_message_that_cannot_be_encoded(program: Client) -> None:
    transaction = program.declare()
    refused(program, MessageException, "object", transaction.send, program.sender, Message(body=object()))
    still_good(program, transaction)


@pytest.mark.parametrize("delivery", [None, "1", 7, object()])
def test_no_delivery(program: Client, delivery: Any) -> None:
    transaction = program.declare()
    refused(program, TypeError, "delivery of a received message", transaction.accept, delivery)
    refused(program, TypeError, "delivery of a received message", program.accept, delivery, transaction)
    refused(program, TypeError, "a Delivery", program.accept, delivery)
    still_good(program, transaction)


def test_delivery_of_ones_own(program: Client) -> None:
    transaction = program.declare()
    [sent] = program.send(transaction, "one")
    refused(program, TypeError, "delivery of a received message", transaction.accept, sent)
    still_good(program, transaction)


@pytest.mark.parametrize("state", ["accepted", 1.5, object()])
def test_no_outcome(program: Client, state: Any) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare()
    refused(program, TypeError, "constants of Delivery", transaction.update, delivery, state)
    program.do(transaction.update, delivery, None)
    assert delivery.local_state == 0
    still_good(program, transaction)


@pytest.mark.parametrize("settled", [False, True])
def test_accepting_twice(program: Client, settled: bool) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare(settle_before_discharge=settled)
    other = program.declare()
    program.do(transaction.accept, delivery)
    again = "settled already" if settled else "an outcome under a transaction already"
    refused(program, TransactionError, again, transaction.accept, delivery)
    refused(program, TransactionError, again, other.accept, delivery)
    refused(program, TransactionError, "under a transaction", program.accept, delivery)
    still_good(program, transaction)


def test_accepting_what_was_accepted_outright(program: Client) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.do(program.accept, delivery)
    refused(program, TransactionError, "settled already", program.accept, delivery, transaction)
    still_good(program, transaction)


def test_accepting_what_came_settled(coordinator: MakePeer, client: MakeClient) -> None:
    """Its source has forgotten it: no abort could bring it back."""
    program = client(coordinator(messages=1, presettled=True))
    program.create_sender()
    [delivery] = program.receive(1)
    transaction = program.declare()
    refused(program, TransactionError, "settled already", transaction.accept, delivery)
    still_good(program, transaction)


def test_accepting_what_came_before_a_loss(coordinator: MakePeer, client: MakeClient) -> None:
    program = client(coordinator(messages=1), reconnect=[0.01] * 5)
    program.create_sender()
    [delivery] = program.receive(1)
    program.peer.drop()
    program.wait("on_disconnected")
    program.wait("on_sendable")
    transaction = program.declare()
    refused(program, TransactionError, "was lost with the connection", transaction.accept, delivery)
    still_good(program, transaction)


def test_links_that_are_closed(program: Client) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare()
    program.do(delivery.link.close)
    refused(program, TransactionError, "receiver is closed", transaction.accept, delivery)
    sender = program.sender
    program.do(sender.close)
    refused(program, TransactionError, "sender is closed", transaction.send, sender, Message())
    program.create_sender()
    still_good(program, transaction)


@pytest.mark.parametrize("transaction", ["transaction", 7, object()])
def test_accepting_under_something_else(program: Client, transaction: Any) -> None:
    [delivery] = program.receive(1)
    refused(program, TypeError, "a Transaction", program.accept, delivery, transaction)
    still_good(program, program.declare())


def test_declaring_on_something_else(program: Client) -> None:
    declare = program.container.declare_transaction
    for context in (None, "amqp://host", 7, object(), program.sender):
        refused(program, TypeError, "a connection or a session", declare, context, program)
    refused(program, ValueError, "another container", declare, Connection(), program)
    still_good(program, program.declare())


def test_declaring_on_a_connection_of_another_container(
    program: Client, coordinator: MakePeer, client: MakeClient
) -> None:
    other = client(coordinator())
    with pytest.raises(ValueError, match="another container"):
        program.container.declare_transaction(other.connection, program)


def test_declaring_on_what_is_closed(program: Client) -> None:
    declare = program.container.declare_transaction

    def closed_session() -> None:
        session = program.connection.session()
        session.open()
        session.close()
        declare(session, program)

    refused(program, SessionException, "closed", closed_session)
    still_good(program, program.declare())
    program.close()
    refused(program, ConnectionException, "closed", declare, program.connection, program)


@pytest.mark.parametrize("handler", [7, "handler", object(), MessagingHandler()])
def test_handler_without_callbacks(program: Client, handler: Any) -> None:
    declare = program.container.declare_transaction
    refused(program, TypeError, "on_transaction_declared", declare, program.connection, handler)
    still_good(program, program.declare())


def test_no_handler_at_all() -> None:
    container = Container()
    with pytest.raises(TypeError, match="needs a handler"):
        container.declare_transaction(container.connect("amqp://h"))


def test_transactions_that_are_made_by_hand(program: Client) -> None:
    refused(program, TypeError, "the sender to a coordinator", Transaction, None, program)
    refused(program, TypeError, "on_transaction_declared", Transaction, program.sender, object())
    still_good(program, program.declare())


def test_wrong_thread(program: Client) -> None:
    [delivery] = program.receive(1)
    transaction = program.declare()
    for call in (
        transaction.commit, transaction.abort, lambda: transaction.send(program.sender, Message()),
        lambda: transaction.accept(delivery), lambda: program.accept(delivery, transaction),
    ):
        with pytest.raises(WrongThread):
            call()
    program.do(transaction.accept, delivery)
    still_good(program, transaction)


def test_one_tree_of_exceptions() -> None:
    assert issubclass(TransactionError, ProtonException)
    assert TransactionError("x").condition is None and TransactionError("x").description is None


def test_what_it_looks_like(program: Client) -> None:
    transaction = program.declare()
    assert repr(transaction) == "<Transaction b'txn-1': is open>"
