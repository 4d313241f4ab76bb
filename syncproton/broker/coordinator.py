"""The broker's end of a link on which transactions are begun and ended (specification part 4, section 4.2)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Union

from syncproton.broker.refused import Refused
from syncproton.broker.symbols import put_symbols, symbols_in
from syncproton.broker.transactions import Transactions
from syncproton.engine import Delivery, DispositionType, Terminus
from syncproton.errors import ProtocolError, ProtonException
from syncproton.message import Message
from syncproton.wire.composite import nested_reader, registry
from syncproton.wire.states import Declare, Discharge

if TYPE_CHECKING:
    from syncproton.engine import Receiver

__all__ = ["Coordinator"]

_log = logging.getLogger("syncproton.broker")

#: What the coordinator can do (section 4.5.5): a connection's transactions are good on all of its sessions.
CAPABILITIES = ("amqp:local-transactions", "amqp:multi-txns-per-ssn", "amqp:multi-ssns-per-txn")

#: The largest request, in bytes: there is a lot of room in it for an id.
_MAX_REQUEST = 4096

_REJECTED = "amqp:rejected:list"

_read = nested_reader("a declare or a discharge", registry(Declare, Discharge))


class Coordinator:
    """Begins and ends transactions as it is asked to, and rolls back what is open when its link goes.

    :param credit: how many requests the peer may send ahead.
    """

    #: It belongs to no queue.
    queue = None

    def __init__(self, link: Receiver, transactions: Transactions, credit: int) -> None:
        self.link = link
        self._transactions = transactions
        self._credit = credit

    @staticmethod
    def confirm(link: Receiver) -> None:
        """Say what the coordinator at the end of a link can do, whatever it was asked for."""
        link.target.type = Terminus.COORDINATOR
        put_symbols(link.target.capabilities, CAPABILITIES)
        link.max_message_size = _MAX_REQUEST

    def on_flow(self) -> None:
        """Give the peer credit again once it has used up half of it."""
        credit = self.link.credit
        if credit <= self._credit // 2:
            self.link.flow(self._credit - credit)

    def on_delivery(self, delivery: Delivery) -> None:
        """A request has come.

        :raises Refused: if the peer could not be told of a failure in any other way than by closing the link.
        """
        link = self.link
        if delivery.aborted:
            link.advance()
            delivery.settle()
        elif delivery.readable and not delivery.partial:
            payload = link.recv(delivery.pending) or b""
            link.advance()
            try:
                self._serve(delivery, payload)
            except Refused as refusal:
                if delivery.settled or not _may_reject(link.remote_source):
                    raise
                _log.debug("link %r: a request is rejected: %s", link.name, refusal)
                delivery.local.condition = refusal.condition
                delivery.update(Delivery.REJECTED)
            delivery.settle()
        self.on_flow()

    def stop(self) -> None:
        """Serve no more requests."""

    def give_back(self, failed: bool) -> None:
        """Roll back what was begun on the link and has not ended."""
        self._transactions.end(self)

    def _serve(self, delivery: Delivery, payload: bytes) -> None:
        request = _request(payload)
        if isinstance(request, Discharge):
            self._transactions.discharge(request.txn_id, bool(request.fail))
            delivery.update(Delivery.ACCEPTED)
        elif delivery.settled:
            raise Refused("amqp:not-allowed", "a declare must not be settled: nobody would hear of the transaction")
        elif request.global_id is not None:
            raise Refused("amqp:not-implemented", "there are no distributed transactions")
        else:
            delivery.local.data = [self._transactions.declare(self)]
            delivery.update(DispositionType.DECLARED)


def _request(payload: bytes) -> Union[Declare, Discharge]:
    """What a message asks for.

    :raises Refused: if it asks for nothing that there is.
    """
    message = Message()
    try:
        message.decode(payload)
        request = _read(message.body)
    except ProtocolError as error:
        raise Refused(error.condition, error.description) from error
    except (ProtonException, ValueError) as error:
        raise Refused("amqp:decode-error", f"the request can't be read: {error}") from error
    if not isinstance(request, (Declare, Discharge)):
        raise Refused("amqp:not-implemented", "a coordinator understands declare and discharge")
    return request


def _may_reject(source: Terminus) -> bool:
    """Whether the peer knows the rejected outcome; who names none knows all (section 4.3)."""
    outcomes = symbols_in(source.outcomes)
    return not outcomes or _REJECTED in outcomes
