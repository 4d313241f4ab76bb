"""The receiving end of a link (part 2, section 2.6)."""

from __future__ import annotations

from operator import index
from typing import Any, Optional, Tuple, Union

from ..codec.pieces import Pieces
from ..errors import LinkException
from .delivery import Delivery
from .endpoint import LOCAL_ACTIVE
from .link import NONE, Link

__all__ = ["Receiver"]

MAX_CREDIT = 4294967295


class Receiver(Link):
    """A link on which to receive."""

    __slots__ = ()

    is_receiver = True

    def flow(self, n: int) -> None:
        """Give the sender credit for ``n`` more deliveries.

        :raises ValueError: if the protocol cannot say so much.
        """
        connection = self._session._connection
        connection._check()
        if self._credit + n > MAX_CREDIT:
            raise ValueError(f"the credit of a link is at most {MAX_CREDIT}, not {self._credit + n}")
        self._credit += n
        if not self._drain_by_flag:
            self._drain = False
        connection._touch(self)

    def _replenish(self, credit: int) -> None:
        """Give the sender credit again up to a number, if the link is open.  On the I/O thread."""
        if self._credit < credit and self._state & LOCAL_ACTIVE:
            self._credit = credit
            if not self._drain_by_flag:
                self._drain = False
            if not self._modified:  # else that was told already
                self._session._connection._touch(self)

    def drain(self, n: int) -> None:
        """Give credit for ``n`` more deliveries, and ask the sender to give back what it can't use at once."""
        self.drain_mode = True
        self.flow(n)
        self._drain_by_flag = False

    def draining(self) -> bool:
        """Whether the sender still has credit that it was asked to use or give back."""
        return self._drain and self._credit > self._queued

    def recv(self, limit: int) -> Optional[bytes]:
        """Read up to ``limit`` bytes of the current delivery.

        :returns: the bytes; ``b""`` if there are none yet; ``None`` at the end of the delivery.
        :raises LinkException: if there is no current delivery, or it was aborted.
        :raises TypeError, ValueError: if the limit is no integer, or negative.
        """
        delivery = self._current
        if delivery is None:
            raise LinkException("there is no current delivery to read from")
        limit = index(limit)
        if limit < 0:
            raise ValueError(f"up to {limit} bytes can't be read")
        if delivery._aborted:
            raise LinkException("the sender has given the delivery up")
        connection = self._session._connection
        if connection._guard is not None:
            connection._guard()
        data: Any = delivery._data
        if data.__class__ is Pieces or len(data) > limit or not delivery._done:
            if data.__class__ is bytes:
                data = delivery._data = Pieces(data)
            taken: bytes = data.take(limit)
        else:
            delivery._data = b""
            taken = data
        if not taken:
            return None if delivery._done else b""
        session = self._session
        session._incoming_bytes -= len(taken)
        if session._incoming_capacity:
            connection._touch(self)
        return taken

    def _take_whole(self) -> Optional[Tuple[Delivery, Union[bytes, Pieces]]]:
        """The current delivery, if it is complete, and its bytes; settled if the link sends settled only.

        That is :meth:`recv`, :meth:`advance` and :meth:`Delivery.settle` in one step.

        :raises LinkException: if it was aborted.
        """
        delivery = self._current
        if delivery is None or not delivery._done:
            return None
        session = self._session
        connection = session._connection
        if connection._guard is not None:
            connection._guard()
        if delivery._aborted:
            raise LinkException("the sender has given the delivery up")
        data: Any = delivery._data
        session._incoming_bytes -= len(data)
        delivery._data = b""
        self._done_with(delivery)
        if self._remote_snd_settle_mode == self.SND_SETTLED:
            delivery.settle()
        return delivery, data

    def advance(self) -> bool:
        """Finish reading the current delivery; what was not read of it is dropped.

        :returns: whether there was a current delivery.
        """
        delivery = self._current
        if delivery is None:
            return False
        session = self._session
        connection = session._connection
        if connection._guard is not None:
            connection._guard()
        left = len(delivery._data)
        if left:
            session._incoming_bytes -= left
            delivery._data = b""
        self._done_with(delivery)
        return True

    def _done_with(self, delivery: Delivery) -> None:
        """The application has what it wants of the current delivery; the next one is its turn."""
        delivery._sent = True
        self._credit -= 1
        self._queued -= 1
        session = self._session
        if session._incoming_capacity:
            session._connection._touch(self)
        self._current = self._later.popleft() if self._later else None

    def _settle_all(self) -> None:
        super()._settle_all()
        while self._current is not None:
            self._current.settle()  # The peer may have settled it.
            if self._current is not None and self._current._settled:
                self.advance()

    def _unbound(self) -> None:
        # The peer will send again what was not settled, so the credit for it stands.
        for delivery in (self._current, *self._later):
            if delivery is not None:
                delivery._strand()
        self._current = None
        self._later = NONE
        self._queued = 0
        super()._unbound()
