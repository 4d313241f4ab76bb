"""What stands for input and output among the handlers of programs written for ``proton``."""

from __future__ import annotations

from typing import Any

from ..engine import Event, Handler

__all__ = ["IOHandler", "PythonIO"]


class IOHandler(Handler):
    """Passes every event on to the handlers added to it.

    In ``proton`` a handler of this kind, a container's global handler, is what connects, reads and writes.  Here the
    container does so whatever its handlers are, so a program that puts one of these in, derives from it or adds to it
    runs as it did; a program that leaves it out keeps its connections.
    """

    def __init__(self) -> None:
        """See the class."""

    @staticmethod
    def update(transport: Any, selectable: Any, now: float) -> None:
        """Set what a selectable is to be watched for by what a transport is ready for.

        For a program that pumps a transport of its own through a file descriptor of its own.

        :param transport: the :class:`~syncproton.Transport`; it is told the time.
        :param selectable: gets ``reading``, ``writing`` and ``deadline``, and is ended once the transport is closed.
        :param now: the time in seconds, by the clock of the selectable's deadlines.
        """
        deadline = transport.tick(now)
        reading = transport.capacity()
        writing = transport.pending()
        selectable.reading = reading > 0
        selectable.writing = writing > 0
        selectable.deadline = deadline
        if reading < 0 and writing < 0:
            selectable.terminate()
        selectable.update()

    def on_connection_local_open(self, event: Event) -> None:
        """The container connects by itself."""

    def on_connection_bound(self, event: Event) -> None:
        """The container serves the transport by itself."""

    def on_transport(self, event: Event) -> None:
        """The container writes what there is by itself."""

    def on_transport_closed(self, event: Event) -> None:
        """The container closes the socket by itself."""

    def on_reactor_quiesced(self, event: Event) -> None:
        """The container waits by itself."""

    def on_selectable_init(self, event: Event) -> None:
        """The container watches selectables by itself."""

    def on_selectable_updated(self, event: Event) -> None:
        """The container watches selectables by itself."""

    def on_selectable_readable(self, event: Event) -> None:
        """The container reads its connections by itself."""

    def on_selectable_writable(self, event: Event) -> None:
        """The container writes its connections by itself."""

    def on_selectable_expired(self, event: Event) -> None:
        """The container tells its transports the time by itself."""

    def on_selectable_error(self, event: Event) -> None:
        """The container ends its connections by itself."""

    def on_selectable_final(self, event: Event) -> None:
        """The container lets go of selectables by itself."""


class PythonIO:
    """Does nothing: the container's loop waits for descriptors and timers whether or not one of these is there."""

    def __init__(self) -> None:
        """See the class."""

    def on_unhandled(self, method: str, event: Event) -> None:
        """All events are let by."""

    def on_selectable_init(self, event: Event) -> None:
        """The container watches selectables by itself."""

    def on_selectable_updated(self, event: Event) -> None:
        """The container watches selectables by itself."""

    def on_selectable_final(self, event: Event) -> None:
        """The container lets go of selectables by itself."""

    def on_reactor_quiesced(self, event: Event) -> None:
        """The container waits by itself."""
