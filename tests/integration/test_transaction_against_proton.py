"""The same program with proton and with this package, against the same scripted coordinator.

Both must be told the same, in the same order, and say the same to the peer.  Where this package is told more, or
otherwise, on purpose, the case says so; so does the page on porting.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable, List, NamedTuple, Sequence, Tuple

import proton
import proton.handlers
import proton.reactor
import pytest
from scripted_coordinator import DETACH, DROP, END, ScriptedCoordinator

import syncproton
import syncproton.handlers
import syncproton.reactor
from syncproton.wire.states import ACCEPTED, RELEASED, Declared, Error, Rejected

NO = Rejected(Error("amqp:transaction:rollback", "no"))
YES = Declared(b"1")

#: The callbacks that are written down.
HEARS = (
    "on_transaction_declared", "on_transaction_committed", "on_transaction_aborted", "on_transaction_declare_failed",
    "on_transaction_commit_failed", "on_connection_opened", "on_connection_closed", "on_connection_closing",
    "on_connection_error", "on_session_opened", "on_session_closed", "on_session_closing", "on_session_error",
    "on_link_opened", "on_link_closed", "on_link_closing", "on_link_error", "on_disconnected", "on_transport_closed",
    "on_transport_error", "on_message", "on_settled", "on_accepted", "on_rejected", "on_released",
)


def program(package: ModuleType, url: str, do: str, settle: bool) -> Tuple[List[Any], List[Any]]:
    """Run a program in which one transaction does something; what it was told, and the states it saw."""
    handlers = package.handlers
    told: List[Any] = []
    seen: List[Any] = []

    class Program(handlers.TransactionalClientHandler):  # type: ignore[misc, name-defined]
        def on_start(self, event: Any) -> None:
            self.container = event.container
            self.connection = event.container.connect(url, reconnect=False)
            self.sender = event.container.create_sender(self.connection, "queue", name="sender")
            self.received: List[Any] = []
            self.settled = 0
            self.discharged = False
            if "accept" in do:
                event.container.create_receiver(self.connection, "queue", name="receiver")
            self.transaction = event.container.declare_transaction(
                self.connection, handler=self, settle_before_discharge=settle)
            # The end of those programs of proton that are told nothing.
            event.container.schedule(0.3, self)

        def on_timer_task(self, event: Any) -> None:
            self.connection.close()

        def work(self) -> None:
            """Once all is there: send, accept, and end the transaction."""
            ready = self.transaction.id is not None and len(self.received) == (2 if "accept" in do else 0)
            if not ready or self.discharged:
                return
            if "send" in do and not self.settled:
                self.settled = 1
                for number in range(2):
                    delivery = self.transaction.send(self.sender, package.Message(body=number), tag=str(number))
                    seen.append(("sent", delivery.tag, int(delivery.local_state)))
                return
            if "send" in do and self.settled < 3:
                return
            for delivery in self.received:
                self.accept(delivery, self.transaction)
                seen.append(("accepted", int(delivery.local_state), delivery.link.unsettled))
            self.discharged = True
            if "abort" in do:
                self.transaction.abort()
            else:
                self.transaction.commit()

    def callback(name: str) -> Callable[[Any, Any], None]:
        def hear(self: Any, event: Any) -> None:
            link = event.link.name if event.link is not None else None
            told.append((name, link))
            if "transaction" in name:
                transaction = event.transaction
                assert transaction is self.transaction
                delivery = event.delivery
                condition = delivery.remote.condition
                seen.append((
                    name, int(delivery.remote_state), delivery.settled, condition.name if condition else None,
                    delivery == transaction._declare, delivery == transaction._discharge, transaction.failed,
                ))
                if "fail" in name or "committed" in name or "aborted" in name:
                    self.discharged = True
            if name == "on_message":
                self.received.append(event.delivery)
            if name == "on_settled":
                data = event.delivery.remote.data
                seen.append((name, event.delivery.tag, int(event.delivery.remote_state), bytes(data[0]), data[1]))
                self.settled += 1
            if name in ("on_message", "on_settled", "on_transaction_declared"):
                self.work()

        return hear

    for name in HEARS:
        setattr(Program, name, callback(name))
    package.reactor.Container(Program()).run()
    return told, [str(each) for each in seen]


class Case(NamedTuple):
    do: str
    answers: Sequence[Any] = ()
    settle: bool = False
    options: Any = {}
    #: What this package tells, and proton does not.
    more: Sequence[str] = ()


CASES = {
    "commit": Case("commit"),
    "abort": Case("abort"),
    "commit of sends": Case("send commit"),
    "abort of sends": Case("send abort"),
    "commit of accepts": Case("accept commit"),
    "abort of accepts": Case("accept abort"),
    "commit of accepts, settled before": Case("accept commit", settle=True),
    "abort of accepts, settled before": Case("accept abort", settle=True),
    "commit of both": Case("send accept commit"),
    "abort of both": Case("send accept abort"),
    "declare rejected": Case("commit", [NO]),
    "declare accepted": Case("commit", [ACCEPTED]),
    "declare released": Case("commit", [RELEASED]),
    "commit rejected": Case("send commit", [YES, NO]),
    "commit of accepts rejected": Case("accept commit", [YES, NO]),
    # Proton tells nothing of these.
    "abort rejected": Case("abort", [YES, NO], more=["on_transaction_aborted"]),
    "link refused": Case("commit", options={"refuse": True}, more=["on_transaction_declare_failed"]),
    "link gone instead of declared": Case("commit", [DETACH], more=["on_transaction_declare_failed"]),
    "link gone instead of committed": Case("commit", [YES, DETACH], more=["on_transaction_commit_failed"]),
    "link gone instead of aborted": Case("abort", [YES, DETACH], more=["on_transaction_aborted"]),
    "session gone instead of committed": Case("commit", [YES, END], more=["on_transaction_commit_failed"]),
    "connection gone instead of declared": Case("commit", [DROP], more=["on_transaction_declare_failed"]),
    "connection gone instead of committed": Case("send commit", [YES, DROP], more=["on_transaction_commit_failed"]),
}


@pytest.mark.parametrize("name", CASES)
def test_told_and_said_the_same(name: str) -> None:
    case = CASES[name]
    results = []
    for package in (proton, syncproton):
        peer = ScriptedCoordinator(*case.answers, messages=2 if "accept" in case.do else 0, **case.options)
        try:
            told, seen = program(package, peer.url, case.do, case.settle)
        finally:
            peer.close()
        results.append((told, seen, peer.story()))
    (their_told, their_seen, their_story), (told, seen, story) = results
    for extra in case.more:
        [found] = [each for each in told if each[0] == extra]
        told.remove(found)
        seen = [each for each in seen if not each.startswith(f"('{extra}'")]
    assert told == their_told
    assert seen == their_seen
    assert story == their_story
    assert story or name == "link refused"


def test_commit_that_is_released_is_none_here() -> None:
    """Proton takes for a success whatever is not rejected."""
    last = []
    for package in (proton, syncproton):
        peer = ScriptedCoordinator(YES, RELEASED)
        try:
            told, _ = program(package, peer.url, "commit", False)
        finally:
            peer.close()
        last += [name for name, _ in told if name.startswith("on_transaction_commit")]
    assert last == ["on_transaction_committed", "on_transaction_commit_failed"]
