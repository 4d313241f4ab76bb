"""The sending end of a link (part 2, section 2.6)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Iterator, Optional, Set, Union

from ..errors import LinkException
from . import events
from .checks import UINT, number
from .delivery import Delivery
from .link import Link, tag_bytes

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Sender"]

#: Bytes that are sent already are let go of before the others only if they are more than these, and the better half.
_TRIM = 65536


class Sender(Link):
    """A link on which to send."""

    __slots__ = ("_tag_count", "tag_generator")

    is_sender = True

    def __init__(self, session: "Session", name: str) -> None:
        self._tag_count = 0
        #: Where :meth:`delivery_tag` takes tags from; ``None`` means decimal numbers.
        self.tag_generator: Optional[Iterator[Union[str, bytes]]] = None
        super().__init__(session, name)

    def offered(self, n: int) -> None:
        """Tell the peer that ``n`` deliveries could be sent, given credit."""
        self.connection._check()
        self._available = number(n, UINT)

    def delivery_tag(self) -> Union[str, bytes]:
        """A tag for the next delivery."""
        if self.tag_generator is not None:
            return next(self.tag_generator)
        self._tag_count += 1
        return str(self._tag_count)

    def stream(self, data: Union[bytes, bytearray, memoryview]) -> int:
        """Add bytes to the current delivery.

        :returns: how many bytes were taken: all.
        :raises LinkException: if there is no current delivery.
        """
        delivery = self._current
        if delivery is None:
            raise LinkException("there is no current delivery to write to; make one with delivery()")
        connection = self._session._connection
        if connection._guard is not None:
            connection._guard()
        size = len(data)
        if delivery._sent:
            return size  # It was begun on a transport that is gone, and can't be completed.
        waiting: Any = delivery._data
        if not waiting:
            delivery._data = bytes(data)
        else:
            if waiting.__class__ is bytes:
                waiting = delivery._data = bytearray(waiting)
            elif delivery._read > _TRIM and delivery._read * 2 > len(waiting):
                del waiting[:delivery._read]
                delivery._read = 0
            waiting += data
        self._session._outgoing_bytes += size
        connection._has_work(delivery)
        return size

    def _send_whole(self, data: bytes, tag: Union[str, bytes]) -> Delivery:
        """Hand over a message as one delivery, settled if the link sends settled only.

        The same as :meth:`delivery`, :meth:`stream` and :meth:`advance`, in one step.
        """
        if self._current is not None:  # one is being written already
            delivery = self.delivery(tag)
            self.stream(data)
            self.advance()
            if self._snd_settle_mode == self.SND_SETTLED:
                delivery.settle()
            return delivery
        session = self._session
        connection = session._connection
        if connection._guard is not None:
            connection._guard()
        if tag.__class__ is str:
            tag = tag.encode()
        elif tag.__class__ is not bytes:
            tag = tag_bytes(tag)
        delivery = Delivery(self, tag)
        delivery._data = data
        delivery._done = True
        session._outgoing_bytes += len(data)
        self._queued += 1
        self._credit -= 1
        if self._snd_settle_mode == self.SND_SETTLED:
            delivery._settled = True
        else:
            self._unsettled += 1
        connection._has_work(delivery)
        return delivery

    def send(self, obj: Any, tag: Union[str, bytes, None] = None) -> Any:
        """Send a message, or write bytes to the current delivery.

        :param obj: a :class:`~syncproton.Message` (anything with a ``send(sender, tag)``), or bytes.
        :param tag: the delivery tag of the message; made up if not given.
        :returns: the new :class:`Delivery` for a message, the number of bytes for bytes.
        """
        if hasattr(obj, "send"):
            return obj.send(self, tag=tag)
        return self.stream(obj)

    def advance(self) -> bool:
        """Hand the current delivery over for sending; it is complete now.

        :returns: whether there was a current delivery.
        """
        delivery = self._current
        if delivery is None:
            return False
        connection = self._session._connection
        if connection._guard is not None:
            connection._guard()
        delivery._done = True
        if delivery._aborted and delivery._id < 0:
            delivery._sent = True  # Nothing of it was sent, so the peer need not hear of it.
        elif not delivery._sent:
            self._queued += 1
            self._credit -= 1
        self._current = self._later.popleft() if self._later else None
        connection._has_work(delivery)
        return True

    def _unsettled_tags(self) -> Set[bytes]:
        """The tags of the deliveries that this end has not settled, be they sent or not."""
        session = self._session
        deliveries = [self._current, *self._later, *self._parked, *session._connection._work,
                      *session._outgoing.values()]
        return {d._tag for d in deliveries if d is not None and d._link is self and not d._settled}

    def _settle_all(self) -> None:
        if self._current is not None:
            self._current.abort()
        while self._later:
            self._later.popleft().abort()
        for delivery in [*self._parked, *self._session._connection._work]:
            if delivery._link is self:
                delivery.settle()
        super()._settle_all()

    def _cut_off(self) -> None:
        begun = [delivery for delivery in self._parked if delivery._id >= 0]
        if self._current is not None and self._current._id >= 0:
            begun.append(self._current)
        for delivery in begun:
            self._session._outgoing.pop(delivery._id, None)
            delivery._strand()
        # Those not begun go out on the next transport, should the link come back on it.
        if self._parked:
            self._parked = deque(delivery for delivery in self._parked if not delivery._sent)
        queued = sum(delivery._done for delivery in self._parked)
        self._credit += self._queued - queued
        self._queued = queued

    def _unbound(self) -> None:
        self._cut_off()
        self._credit = -self._queued
        self._drained = 0
        super()._unbound()


events._sender_kind.append(Sender)
