"""A message on its way to a sender's link, from the thread that sends it to the I/O thread."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Container as Collection
from typing import Optional

from ..engine import Delivery
from ..reactor import Transaction
from .waiting import fail, resolve, start

__all__ = ["ERRORS", "FutureSending", "Sending"]

#: The outcomes for which a send fails.
ERRORS = (Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED)


class Sending:
    """A message to be sent, and whoever wants to know what becomes of it.  Its methods run on the I/O thread.

    :param data: the encoded message.
    :param errors: the outcomes that are failures.
    :param transaction: under which to send it.
    """

    __slots__ = ("data", "errors", "transaction")

    def __init__(
        self, data: bytes, errors: Collection[int] = ERRORS, transaction: Optional[Transaction] = None
    ) -> None:
        self.data = data
        self.errors = errors
        self.transaction = transaction

    def claim(self) -> bool:
        """There is credit for the message; false if nobody wants it sent any more."""
        raise NotImplementedError

    def done(self, delivery: Delivery) -> None:
        """The peer has settled it, or it was sent settled."""
        raise NotImplementedError

    def failed(self, error: BaseException) -> None:
        """It was not sent, or the peer would not have it, or nobody knows; the exception is for this message alone."""
        raise NotImplementedError


class FutureSending(Sending):
    """A message with a future, which is started when the message is handed over to the link.

    :param future: of the delivery.
    """

    __slots__ = ("_future",)

    def __init__(
        self,
        future: "Future[Delivery]",
        data: bytes,
        errors: Collection[int] = ERRORS,
        transaction: Optional[Transaction] = None,
    ) -> None:
        super().__init__(data, errors, transaction)
        self._future = future

    def claim(self) -> bool:
        return start(self._future)

    def done(self, delivery: Delivery) -> None:
        resolve(self._future, delivery)

    def failed(self, error: BaseException) -> None:
        fail(self._future, error)
