"""One message, one call."""

from __future__ import annotations

from typing import Any, Optional, Union

from ..engine import Delivery
from ..errors import ProtonException
from ..url import Url
from .connecting import connect
from .connection import DEFAULT_TIMEOUT, GRACE, Connection
from .deadline import Deadline
from .receiver import ReceivedMessage

__all__ = ["receive", "send"]


def send(
    url: Union[str, Url], body_or_message: Any, *, timeout: Optional[float] = DEFAULT_TIMEOUT, **options: Any
) -> Delivery:
    """Connect, send one message, wait until the peer has accepted it, and close.

    :param url: where to; its path is the address, as in ``amqp://host/queue``.
    :param body_or_message: a :class:`~syncproton.Message`, or what is to be the body of one.
    :param timeout: how long it may take altogether, in seconds; ``None`` for no limit.
    :param options: further keyword arguments of :func:`connect`.
    :returns: the delivery.
    :raises SendException: if the message was not accepted, and whatever :func:`connect` raises.
    :raises Timeout: if it took longer.
    """
    deadline = Deadline(timeout, DEFAULT_TIMEOUT)
    connection = connect(url, timeout=deadline.remaining(), **options)
    try:
        sender = connection.create_sender(timeout=deadline.remaining())
        return sender.send(body_or_message, deadline.remaining())
    finally:
        _close(connection, deadline)


def receive(url: Union[str, Url], *, timeout: Optional[float] = DEFAULT_TIMEOUT, **options: Any) -> ReceivedMessage:
    """Connect, receive one message, accept it, and close.

    :param url: where from; its path is the address, as in ``amqp://host/queue``.
    :param timeout: how long it may take altogether, in seconds; ``None`` for no limit.
    :param options: further keyword arguments of :func:`connect`.
    :returns: the message.
    :raises Timeout: if none came in time, and whatever :func:`connect` raises.
    """
    deadline = Deadline(timeout, DEFAULT_TIMEOUT)
    connection = connect(url, timeout=deadline.remaining(), **options)
    try:
        # Without credit in advance: no second message sets out only to go back.
        receiver = connection.create_receiver(credit=0, timeout=deadline.remaining())
        message = receiver.receive(deadline.remaining())
        message.accept()
        return message
    finally:
        _close(connection, deadline)


def _close(connection: Connection, deadline: Deadline) -> None:
    """Close without a word: what was asked for is done, or has failed with a better reason."""
    left = deadline.remaining()
    try:
        connection.close(None if left is None else max(left, GRACE))
    except ProtonException:
        pass
