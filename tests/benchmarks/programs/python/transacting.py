"""Transactions, one after another."""

from __future__ import annotations

from typing import Any, Dict

from connecting import connect, handler_class
from library import Library
from meter import Meter

__all__ = ["WORKS"]


def transactions(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Declare a transaction, send one message under it, and commit."""
    meter = Meter()

    class Transactions(handler_class(library), library.TransactionHandler):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            self.container = event.container
            self.connection = connect(library, event.container, url)
            self.sender = event.container.create_sender(self.connection, "examples")
            self.declared = False

        def on_sendable(self, event: Any) -> None:
            if not self.declared:
                self.declared = True
                meter.start()
                self.declare()

        def declare(self) -> None:
            self.container.declare_transaction(self.connection, handler=self)

        def on_transaction_declared(self, event: Any) -> None:
            event.transaction.send(self.sender, library.Message(id=1, body={"sequence": 1}))
            event.transaction.commit()

        def on_transaction_committed(self, event: Any) -> None:
            meter.count += 1
            if meter.count < count:
                self.declare()
            else:
                meter.stop()
                self.connection.close()

    library.Container(Transactions()).run()
    return meter.figures(count)


WORKS = [transactions]
