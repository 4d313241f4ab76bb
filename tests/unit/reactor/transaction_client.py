"""A client whose transactions a test takes step by step, from its own thread, against the scripted coordinator."""

from __future__ import annotations

from queue import Queue
from typing import Any, Callable, List, Optional

from scripted_coordinator import LIMIT, ScriptedCoordinator

from syncproton.engine import Connection, Delivery, Sender
from syncproton.handlers import TransactionalClientHandler
from syncproton.message import Message
from syncproton.reactor import Container, Transaction

__all__ = ["Client", "Told"]


class Told:
    """One callback, as it was when it was called."""

    def __init__(self, name: str, event: Any) -> None:
        self.name = name
        self.transaction: Transaction = event.transaction
        self.delivery: Optional[Delivery] = event.delivery
        self.link = event.link
        self.connection: Connection = event.connection
        self.message = event.message
        condition = self.delivery.remote.condition if self.delivery is not None else None
        self.condition = condition.name if condition is not None else None


class Client(TransactionalClientHandler):
    """Connects to the coordinator, with a sender and a receiver of a queue, and writes down what it is told.

    :param container: it runs in the background.
    :param reconnect: as for :meth:`Container.connect`.
    """

    #: The callbacks it writes down.
    HEARS = (
        "on_transaction_declared", "on_transaction_committed", "on_transaction_aborted",
        "on_transaction_declare_failed", "on_transaction_commit_failed", "on_settled", "on_message", "on_sendable",
        "on_link_opened", "on_link_error", "on_link_closed", "on_session_error", "on_disconnected",
        "on_connection_opened", "on_connection_closed",
    )

    def __init__(self, container: Container, peer: ScriptedCoordinator, reconnect: Any = False, **options: Any) -> None:
        super().__init__(**options)
        self.container = container
        self.peer = peer
        self.queue: "Queue[Told]" = Queue()
        self.sender: Sender
        self.connection: Connection = self.do(container.connect, peer.url, handler=self, reconnect=reconnect)
        self.wait("on_connection_opened")

    def do(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function on the I/O thread."""
        return self.container.submit(function, *args, **kwargs).result(LIMIT)

    def wait(self, name: str) -> Told:
        """The next callback with this name; those before it are forgotten."""
        while True:
            told = self.queue.get(timeout=LIMIT)
            if told.name == name:
                return told

    def hears(self) -> List[str]:
        """The names of the callbacks so far that are about transactions; they are forgotten.

        All that came in before is dispatched by now.
        """
        self.do(lambda: None)
        names = []
        while not self.queue.empty():
            names.append(self.queue.get().name)
        return [name for name in names if "transaction" in name]

    def declare(self, **options: Any) -> Transaction:
        """Declare a transaction, and wait until that is done."""
        options.setdefault("handler", self)
        transaction: Transaction = self.do(self.container.declare_transaction, self.connection, **options)
        told = self.wait("on_transaction_declared")
        assert told.transaction is transaction
        return transaction

    def create_sender(self, wait: str = "on_sendable", **options: Any) -> Sender:
        """Make a sender, and wait until it is open, or has credit."""
        self.sender = self.do(self.container.create_sender, self.connection, "queue", **options)
        self.wait(wait)
        return self.sender

    def receive(self, count: int) -> List[Delivery]:
        """Make a receiver, and wait for so many messages."""
        self.do(self.container.create_receiver, self.connection, "queue")
        told = [self.wait("on_message") for _ in range(count)]
        return [each.delivery for each in told if each.delivery is not None]

    def send(self, transaction: Transaction, *bodies: Any) -> List[Delivery]:
        """Send messages under a transaction."""
        sent: List[Delivery] = self.do(self.send_now, transaction, *bodies)
        return sent

    def send_now(self, transaction: Transaction, *bodies: Any) -> List[Delivery]:
        """The same, on the I/O thread."""
        return [transaction.send(self.sender, Message(body=body)) for body in bodies]

    def close(self) -> None:
        """Close the connection and wait until that is done."""
        self.do(self.connection.close)
        self.wait("on_connection_closed")

    def on_transport_error(self, event: Any) -> None:
        pass


def _hear(name: str) -> Callable[[Client, Any], None]:
    def callback(client: Client, event: Any) -> None:
        client.queue.put(Told(name, event))

    return callback


for _name in Client.HEARS:
    setattr(Client, _name, _hear(_name))
