"""Transactions: declared, committed and aborted, refused at each stage, and lost midway."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

import proton
from scenario import (
    AMQP, BEGIN, CLOSE, FIN, GREET, OPEN, Differs, Frame, Part, error, expect, flow, frame, hello, part, parted,
    say, scenario,
)

NO = part("Rejected", error=error("amqp:transaction:rollback", "no"))
YES = part("Accepted")
RELEASED = part("Released")
TXN = b"txn-1"
DECLARED = part("Declared", txn_id=TXN)
ON_LINK_0 = frame(
    "Attach", name="link", handle=0, role=True, source=part("Source"), target=part("Target", address="queue"))
FROM_QUEUE = frame(
    "Attach", name="link", handle=0, role=False, source=part("Source", address="queue"), target=part("Target"),
    initial_delivery_count=0)


def coordinator(handle: int) -> Frame:
    return frame("Attach", name="txn-ctrl", handle=handle, role=True, source=part("Source"), target=part("Coordinator"))


def outcome(number: int, state: Optional[Part], settled: bool = True) -> Frame:
    """What came of a delivery of the client's."""
    return frame("Disposition", role=True, first=number, settled=settled, state=state)


#: With nothing but the transaction.
ALONE = [GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, coordinator(0), flow(0)),
         *expect("Transfer")]
#: With a sender to, or a receiver from, a queue.
SENDING = [GREET, *expect("Open", "Begin", "Attach", "Attach"),
           *say(AMQP, OPEN, BEGIN, ON_LINK_0, coordinator(1), flow(0), flow(1)), *expect("Transfer")]
RECEIVING = [GREET, *expect("Open", "Begin", "Attach", "Attach", "Flow"),
             *say(AMQP, OPEN, BEGIN, FROM_QUEUE, coordinator(1), flow(1)), *expect("Transfer")]
BYE = [*expect("Close"), *say(CLOSE)]
DETACH = frame("Detach", handle=0, closed=True, error=error("amqp:transaction:timeout", "out of patience"))
END = frame("End", error=error("amqp:session:errant-link", "confused"))
#: What is told of the end of a transaction.
TOLD = "A transaction whose coordinator link, session or connection goes has an end"
WHY = "(amqp:transaction:timeout, out of patience, None)"
FRAMING = "transport (amqp:connection:framing-error)"


def close(event: Any) -> None:
    event.connection.close()


def commit(event: Any) -> None:
    event.transaction.commit()


def abort(event: Any) -> None:
    event.transaction.abort()


#: After each of these the program is over.
ENDS = {name: close for name in (
    "on_transaction_committed", "on_transaction_aborted", "on_transaction_declare_failed",
    "on_transaction_commit_failed", "on_link_error", "on_session_error")}


def wait(event: Any) -> None:
    """Leave the end to another callback."""


def gone(callback: str, *more: str) -> Differs:
    """The difference where the coordinator's link is closed: a callback more, and the link is let go of."""
    return Differs(TOLD, ours=[
        f"callback {callback} connection AA, session AA, link AC txn-ctrl {WHY}, delivery 0/0",
        f"event on_link_final connection CA, session AA, link CC txn-ctrl {WHY}", "global on_link_final", *more])


def lost(callback: str, delivery: str = "0/0") -> List[Differs]:
    """The differences where the connection is lost."""
    return [parted("AA"), Differs(TOLD, ours=[
        f"callback {callback} connection AA, session AA, link AA txn-ctrl, {FRAMING}, delivery {delivery}"])]


def answered(states: str) -> List[str]:
    """What is told of the answers to a send and its commit."""
    ends = f"connection {states}, session AA, link AA"
    return [
        f"event on_delivery {ends} link", f"callback on_settled {ends} link, delivery 52/52 settled",
        "global on_delivery", f"callback on_transaction_committed {ends} txn-ctrl, delivery 0/36 settled",
        "global on_delivery"]


def client(run: Any, before: Optional[Callable[[Any, Any], Any]] = None, settle: bool = False, **acts: Any) -> None:
    """Declare a transaction, and act in its callbacks."""
    def start(event: Any) -> None:
        run.connection = event.container.connect(run.url, reconnect=False)
        if before is not None:
            run.link = before(event.container, run.connection)
        run.transaction = event.container.declare_transaction(
            run.connection, handler=run.handler_made, settle_before_discharge=settle)

    run.handler_made = run.handler({"on_start": start, **ENDS, **acts}, auto_accept=False, prefetch=0)
    run.run(run.handler_made)


def to_queue(container: Any, connection: Any) -> Any:
    return container.create_sender(connection, "queue", name="link")


def from_queue(container: Any, connection: Any) -> Any:
    receiver = container.create_receiver(connection, "queue", name="link")
    receiver.flow(2)
    return receiver


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(outcome(1, YES)), *BYE]])
def commit_of_nothing(run: Any) -> None:
    def declared(event: Any) -> None:
        run.note("id", bytes(event.transaction.id), event.transaction is run.transaction)
        commit(event)
    client(run, on_transaction_declared=declared)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(outcome(1, YES)), *BYE]])
def abort_of_nothing(run: Any) -> None:
    client(run, on_transaction_declared=abort)


@scenario([[*ALONE, *say(outcome(0, NO)), *BYE]])
def declare_rejected(run: Any) -> None:
    client(run)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(outcome(1, NO)), *BYE]])
def commit_rejected(run: Any) -> None:
    client(run, on_transaction_declared=commit)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(outcome(1, RELEASED)), *BYE]],
          differs=Differs(
    "Only an *accepted* commit is one",
    proton=["callback on_transaction_committed connection AA, session AA, link AA txn-ctrl, delivery 0/38 settled"],
    ours=["callback on_transaction_commit_failed connection AA, session AA, link AA txn-ctrl, delivery 0/38 settled"]))
def commit_released(run: Any) -> None:
    client(run, on_transaction_declared=commit)


@scenario([[GREET, *expect("Open", "Begin", "Attach"), *say(AMQP, OPEN, BEGIN, coordinator(0), DETACH),
            *expect("Detach"), *BYE]], differs=gone("on_transaction_declare_failed"))
def coordinator_refused(run: Any) -> None:
    client(run, on_transaction_declare_failed=wait)


@scenario([[*ALONE, *say(DETACH), *expect("Detach"), *BYE]], differs=gone(
    "on_transaction_declare_failed", "peer 1: < 0 Disposition(role=False, first=0, settled=True)"))
def coordinator_gone_while_declaring(run: Any) -> None:
    client(run, on_transaction_declare_failed=wait)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(DETACH), *expect("Detach"), *BYE]],
          differs=gone(
    "on_transaction_commit_failed", "peer 1: < 0 Disposition(role=False, first=1, settled=True)"))
def coordinator_gone_while_committing(run: Any) -> None:
    client(run, on_transaction_declared=commit, on_transaction_commit_failed=wait)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(END), *expect("End"), *BYE]],
          differs=Differs(TOLD, ours=[
              "callback on_transaction_commit_failed connection CA, session CC (amqp:session:errant-link, confused, "
              "None), link AA txn-ctrl, delivery 0/0"]))
def session_gone_while_committing(run: Any) -> None:
    client(run, on_transaction_declared=commit, on_transaction_commit_failed=wait)


@scenario([[*ALONE, FIN]], differs=lost("on_transaction_declare_failed"))
def connection_lost_while_declaring(run: Any) -> None:
    client(run, on_transaction_declare_failed=wait)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), FIN]], differs=lost(
    "on_transaction_aborted", "0/51 settled"))
def connection_lost_with_a_transaction_open(run: Any) -> None:
    client(run, on_transaction_aborted=wait)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), FIN]],
          differs=lost("on_transaction_commit_failed"))
def connection_lost_while_committing(run: Any) -> None:
    client(run, on_transaction_declared=commit, on_transaction_commit_failed=wait)


@scenario([[*ALONE, *say(outcome(0, DECLARED)), *expect("Transfer"), *say(outcome(1, YES)), *expect("Transfer"),
            *say(outcome(2, part("Declared", txn_id=b"txn-2"))), *expect("Transfer"), *say(outcome(3, YES)), *BYE]])
def one_after_another(run: Any) -> None:
    def committed(event: Any) -> None:
        if bytes(event.transaction.id) == b"txn-2":
            close(event)
        else:
            event.container.declare_transaction(run.connection, handler=run.handler_made)
    client(run, on_transaction_declared=commit, on_transaction_committed=committed)


@scenario([[*SENDING, *say(outcome(0, DECLARED)), *expect("Transfer", "Transfer", "Transfer"),
            *say(frame("Disposition", role=True, first=1, last=2, settled=True,
                       state=part("TransactionalState", txn_id=TXN, outcome=YES)), outcome(3, YES)), *BYE]])
def commit_of_sends(run: Any) -> None:
    def declared(event: Any) -> None:
        for number in range(2):
            delivery = event.transaction.send(run.link, proton.Message(body=number), tag=str(number))
            run.note("sent", delivery.tag, int(delivery.local_state), delivery.settled)
        commit(event)
    client(run, to_queue, on_transaction_declared=declared)


@scenario([[*SENDING, *say(outcome(0, DECLARED)), *expect("Transfer", "Transfer"),
            *say(outcome(1, part("TransactionalState", txn_id=TXN, outcome=YES)), outcome(2, YES)), *BYE]],
          differs=Differs(
    "A connection or session that is closed after a commit was asked for is so once the peer has answered that",
    ours=answered("CA"), proton=answered("CC")))
def committed_and_closed_in_one_go(run: Any) -> None:
    def declared(event: Any) -> None:
        event.transaction.send(run.link, proton.Message(body="x"), tag="a")
        commit(event)
        close(event)
    client(run, to_queue, on_transaction_declared=declared, on_transaction_committed=wait)


@scenario([[*SENDING, *say(outcome(0, DECLARED)), *expect("Transfer"),
            *say(outcome(1, part("TransactionalState", txn_id=TXN, outcome=YES))), *expect("Transfer"),
            *say(outcome(2, YES)), *BYE]])
def abort_of_a_send(run: Any) -> None:
    def declared(event: Any) -> None:
        event.transaction.send(run.link, proton.Message(body="x"), tag="a")
    client(run, to_queue, on_transaction_declared=declared, on_settled=lambda event: run.transaction.abort())


@scenario([[*RECEIVING, *say(outcome(0, DECLARED), hello(b"one"), hello(b"two", 1)),
            *expect("Disposition", "Disposition", "Transfer"), *say(outcome(1, YES)),
            *expect("Close", past="Disposition"), *say(CLOSE)]], differs=Differs(
    "What was accepted is settled when the transaction is committed, if the peer has not settled it",
    ours=["peer 1: < 0 Disposition(role=True, first=0, last=1, settled=True, state=Accepted())"]))
def commit_of_accepts(run: Any) -> None:
    accept_two(run)


@scenario([[*RECEIVING, *say(outcome(0, DECLARED), hello(b"one"), hello(b"two", 1)),
            *expect("Disposition", "Disposition", "Transfer"), *say(outcome(1, YES)), *BYE]])
def commit_of_accepts_that_are_settled_before(run: Any) -> None:
    accept_two(run, settle=True)


def accept_two(run: Any, settle: bool = False) -> None:
    received = []

    def message(event: Any) -> None:
        received.append(event.delivery)
        run.transaction.accept(event.delivery)
        run.note("accepted", int(event.delivery.local_state), event.delivery.settled)
        if len(received) == 2:
            run.transaction.commit()
    client(run, from_queue, settle, on_message=message)
