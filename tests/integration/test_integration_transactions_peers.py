"""Programs as proton's own examples are: transactions on our broker and on Artemis, with either library."""

from __future__ import annotations

import uuid
from typing import Any, List

import proton
import proton.handlers
import proton.reactor
import pytest

import syncproton
import syncproton.handlers
import syncproton.reactor
from broker_under_test import BrokerUnderTest

LIBRARIES = {"syncproton": syncproton, "proton": proton}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    """Each library in turn."""
    return LIBRARIES[request.param]


@pytest.fixture
def address() -> str:
    return f"program-{uuid.uuid4().hex[:12]}"


def tx_send(library: Any, url: str, address: str, total: int, batch: int) -> List[str]:
    """Send in batches, of which every second is aborted; what the program was told."""
    told: List[str] = []

    class TxSend(library.handlers.MessagingHandler, library.handlers.TransactionHandler):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.current_batch = self.sent = self.batches = 0
            self.transaction: Any = None

        def on_start(self, event: Any) -> None:
            self.container = event.container
            self.connection = self.container.connect(url, reconnect=False)
            self.sender = self.container.create_sender(self.connection, address)
            self.container.declare_transaction(self.connection, handler=self)

        def on_transaction_declared(self, event: Any) -> None:
            self.transaction = event.transaction
            self.send()

        def on_sendable(self, event: Any) -> None:
            if self.transaction:
                self.send()

        def send(self) -> None:
            while self.transaction and self.sender.credit and self.sent < total:
                self.transaction.send(self.sender, library.Message(body=self.sent, durable=True))
                self.sent += 1
                self.current_batch += 1
                if self.current_batch == batch:
                    self.batches += 1
                    (self.transaction.abort if self.batches % 2 == 0 else self.transaction.commit)()
                    self.transaction = None

        def next(self, event: Any, what: str) -> None:
            told.append(what)
            self.current_batch = 0
            if self.sent < total:
                self.container.declare_transaction(self.connection, handler=self)
            else:
                event.connection.close()

        def on_transaction_committed(self, event: Any) -> None:
            self.next(event, "committed")

        def on_transaction_aborted(self, event: Any) -> None:
            self.next(event, "aborted")

    library.reactor.Container(TxSend()).run()
    return told


def tx_receive(library: Any, url: str, address: str, ends: List[str], batch: int, settle: bool) -> List[Any]:
    """Receive in batches, each in a transaction that is ended so; what came in each."""
    came: List[Any] = []

    class TxReceive(
        library.handlers.MessagingHandler, library.handlers.TransactionHandler  # type: ignore[misc, name-defined]
    ):
        def __init__(self) -> None:
            super().__init__(prefetch=0, auto_accept=False)
            self.transaction: Any = None
            self.bodies: List[Any] = []

        def on_start(self, event: Any) -> None:
            self.container = event.container
            self.connection = self.container.connect(url, reconnect=False)
            self.receiver = self.container.create_receiver(self.connection, address)
            self.declare()

        def declare(self) -> None:
            self.container.declare_transaction(self.connection, handler=self, settle_before_discharge=settle)

        def on_transaction_declared(self, event: Any) -> None:
            self.transaction = event.transaction
            self.receiver.flow(batch)

        def on_message(self, event: Any) -> None:
            self.bodies.append((event.message.body, event.message.delivery_count))
            self.transaction.accept(event.delivery)
            if len(self.bodies) == batch:
                came.append(self.bodies)
                self.bodies = []
                getattr(self.transaction, ends[len(came) - 1])()

        def next(self, event: Any) -> None:
            if len(came) < len(ends):
                self.declare()
            else:
                event.connection.close()

        def on_transaction_committed(self, event: Any) -> None:
            self.next(event)

        def on_transaction_aborted(self, event: Any) -> None:
            self.next(event)

    library.reactor.Container(TxReceive()).run()
    return came


@pytest.mark.parametrize("settle", [False, True], ids=["settles after", "settles before"])
def test_batches_in_transactions(capable: BrokerUnderTest, library: Any, address: str, settle: bool) -> None:
    told = tx_send(library, capable.url, address, total=8, batch=2)
    assert told == ["committed", "aborted", "committed", "aborted"]
    came = tx_receive(library, capable.url, address, ["abort", "commit", "abort", "commit"], 2, settle)
    assert came == [[(0, 0), (1, 0)], [(0, 1), (1, 1)], [(4, 0), (5, 0)], [(4, 1), (5, 1)]]
