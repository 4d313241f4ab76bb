"""Keeping a receiver's credit topped up (AMQP 1.0 section 2.6.7)."""

from __future__ import annotations

from typing import Any, Optional
from weakref import WeakSet

from ..engine import Event, Handler, Link

__all__ = ["FlowController"]


class FlowController(Handler):
    """Gives a receiver its window of credit when it opens, and tops it up as deliveries are consumed.

    By itself it tops up at the next event of the link after a delivery was consumed.  That is too late where the peer
    waits for credit before it does anything, so :class:`MessagingHandler` has it :meth:`replenish` at once.

    An application that drains a receiver takes its credit into its own hands: from then on the receiver is left alone.

    :param window: how many messages may be outstanding, as link credit.
    :raises TypeError: if that is not a number.
    :raises ValueError: if it is negative, or more than the protocol can say.
    """

    def __init__(self, window: int = 1024) -> None:
        if isinstance(window, bool) or not isinstance(window, int):
            raise TypeError(f"a credit window is a number of messages, not {window!r}")
        if not 0 <= window <= 4294967295:
            raise ValueError(f"a credit window is 0 to 4294967295 messages, not {window!r}")
        self._window = window
        #: The receivers that the application drained; none for most programs.
        self._drained: Optional["WeakSet[Link]"] = None

    def on_link_local_open(self, event: Event) -> None:
        self._top_up(event.link)

    def on_link_remote_open(self, event: Event) -> None:
        self._top_up(event.link)

    def on_link_flow(self, event: Event) -> None:
        self._top_up(event.link)

    def on_delivery(self, event: Event) -> None:
        link = event.link
        if link.is_receiver and link._credit < self._window:
            self._top_up(link)

    def replenish(self, link: Any) -> None:
        """Top up a receiver of which a delivery was just consumed.

        A link that the application has closed, or drains just now, is left alone.
        """
        if not link._drain and (self._drained is None or link not in self._drained):
            link._replenish(self._window)

    def _top_up(self, link: Any) -> None:
        if not link.is_receiver:
            return
        if link.drained():
            if self._drained is None:
                self._drained = WeakSet()
            self._drained.add(link)
        if self._was_drained(link) or link.draining():
            return
        self._fill(link)

    def _was_drained(self, link: Any) -> bool:
        return self._drained is not None and link in self._drained

    def _fill(self, link: Any) -> None:
        missing = self._window - link.credit
        if missing > 0:
            link.flow(missing)
