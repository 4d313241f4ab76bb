"""What a peer reads of the links that a container makes, without a socket."""

from __future__ import annotations

from typing import Any, List

from syncproton.engine import Connection, Transport
from syncproton.reactor import Container
from syncproton.wire.frames import AMQP_FRAME, FrameReader
from syncproton.wire.performatives import Attach

__all__ = ["Wire"]


class Wire:
    """A container with an open connection whose bytes nobody answers.

    :ivar container: its id is ``me``.
    :ivar connection: the connection.
    """

    def __init__(self) -> None:
        self.container = Container(container_id="me")
        self.connection: Connection = self.container.connection()
        self.connection.container = "me"
        self._transport = Transport()
        self._transport.bind(self.connection)
        self.connection.open()
        self._reader = FrameReader(AMQP_FRAME, 1 << 20)
        self._transport.pop(self._transport.pending() and 8)  # The protocol header is no frame.

    def said(self) -> List[Any]:
        """The performatives that were written since the last call."""
        size = self._transport.pending()
        self._reader.feed(self._transport.peek(size) or b"")
        self._transport.pop(size)
        return [performative for _, performative, _ in self._reader]

    def attaches(self) -> List[Attach]:
        """The attaches among them."""
        return [performative for performative in self.said() if isinstance(performative, Attach)]

    def sender(self, *args: Any, **kwargs: Any) -> Attach:
        """What the peer is told of a sender."""
        self.container.create_sender(self.connection, *args, **kwargs)
        (attach,) = self.attaches()
        return attach

    def receiver(self, *args: Any, **kwargs: Any) -> Attach:
        """What the peer is told of a receiver."""
        self.container.create_receiver(self.connection, *args, **kwargs)
        (attach,) = self.attaches()
        return attach
