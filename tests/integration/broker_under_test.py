"""What the tests must know of a broker: where it is, how it names queues, and how it behaves."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple

from server_process import ServerProcess

__all__ = ["BrokerUnderTest"]


class BrokerUnderTest:
    """A running broker and its habits. Each broker's fixture fills this in.

    :ivar name: what the tests call it.
    :ivar url: where to connect, user and password included if it asks for them.
    :ivar wrong_password_url: a URL it refuses.
    :ivar queue_prefix: what stands before a queue's name in an address.
    :ivar missing: an address it refuses to a sender, and one to a receiver, as not found; empty if it refuses none.
    :ivar settles_first: it sends messages pre-settled, so that nothing a receiver says reaches it.
    :ivar dead_letter_address: where a rejected message is found, or None if it is dropped.
    :ivar keeps_messages: durable messages outlive a restart.
    :ivar unroutable: where a message sent under a transaction by a sender without a target cannot go, and the condition
        of the commit then; None if the broker has no transactions.
    :ivar unknown_transaction: the condition of a commit of a transaction that the broker does not know.
    :ivar spoiled_bodies: Python types that it changes, or fails over, as the whole of a body, but not inside a map.
    """

    name = ""
    queue_prefix = ""
    missing: Mapping[str, str] = {}
    settles_first = False
    dead_letter_address: Optional[str] = None
    keeps_messages = True
    unroutable: Optional[Tuple[str, str]] = None
    unknown_transaction = ""
    spoiled_bodies: Tuple[type, ...] = ()

    def __init__(self, server: ServerProcess, url: str, wrong_password_url: str) -> None:
        self.server = server
        self.url = url
        self.wrong_password_url = wrong_password_url

    def __repr__(self) -> str:
        return self.name

    def address(self, queue: str) -> str:
        """The address of a queue."""
        return self.queue_prefix + queue

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def fail(self) -> None:
        """End it as clients of a failing broker see it: the connections go, with nothing said first."""
        self.server.kill()
