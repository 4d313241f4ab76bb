"""Sending, in step with the database."""

from __future__ import annotations

from functools import partial
from typing import Any, Optional

from django.db import DEFAULT_DB_ALIAS, transaction

from ...engine import Delivery
from ...message import Message
from ...sync import Deadline
from .conf import DEFAULT, read_broker
from .connections import deliver

__all__ = ["send"]


def send(
    address: str,
    message: Any,
    using: str = DEFAULT,
    on_commit: bool = True,
    *,
    timeout: Optional[float] = False,
    database: str = DEFAULT_DB_ALIAS,
) -> Optional[Delivery]:
    """Send a message and wait until the broker has accepted it.

    Inside of a database transaction it is sent once that is committed, and not at all if it is rolled back.  It is
    sent as it is at the call: changing it afterwards has no effect.

    :param address: where to, such as a queue.
    :param message: a :class:`~syncproton.Message`, or what is to be the body of one.
    :param using: the alias of the broker in the setting ``AMQP``.
    :param on_commit: ``False`` sends at once even inside of a database transaction.
    :param timeout: how long it may take, in seconds; ``False`` for the setting's ``TIMEOUT``; ``None`` for no limit.
    :param database: the alias of the database whose transaction is meant.
    :returns: the delivery, or ``None`` if the transaction is waited for.
    :raises ImproperlyConfigured: naming the setting that is missing or wrong.
    :raises MessageException: if the message cannot be encoded.
    :raises SendException: if the broker did not accept it; :class:`~syncproton.Timeout` and the other errors of
        :meth:`syncproton.sync.Sender.send` likewise.  When the transaction was waited for it is raised by what commits,
        and the database stays committed.
    """
    if not isinstance(address, str):
        raise TypeError(f"the address of a message is a text, not {address!r}")
    if not address:
        raise ValueError("the address of the message is empty")
    Deadline(timeout)  # raises here for a number that makes no sense, rather than at the commit
    settings = read_broker(using)
    if not isinstance(message, Message):
        message = Message(body=message, durable=settings.durable)
    encoded = message.encode()
    if on_commit and _in_transaction(database):
        snapshot = Message()
        snapshot.decode(encoded)
        transaction.on_commit(partial(deliver, using, address, snapshot, timeout), using=database)
        return None
    return deliver(using, address, message, timeout)


def _in_transaction(database: str) -> bool:
    """Whether there is a transaction to wait for.  Does not connect to the database to find out."""
    connection = transaction.get_connection(database)
    if connection.in_atomic_block:
        return True
    # Without autocommit Django cannot tell when a transaction ends: on_commit raises, rather than let this be sent now.
    return connection.connection is not None and not connection.autocommit
