"""Callback handlers: the event-driven face of the library.

:class:`MessagingHandler` is what applications derive from.  The others are the parts it is made of; each turns the
engine's low-level events into the callbacks of one concern and hands them to a *delegate*, usually the application's
handler.  The names and the behaviour are those of ``proton.handlers``.
"""

from __future__ import annotations

from .acking import Acking, Reject, Release
from .endpoint_state import EndpointStateHandler
from .flow_controller import FlowController
from .handshaker import Handshaker
from .incoming import IncomingMessageHandler
from .io import IOHandler, PythonIO
from .messaging import MessagingHandler
from .outgoing import OutgoingMessageHandler
from .transaction import TransactionalClientHandler, TransactionHandler

__all__ = [
    "Acking",
    "EndpointStateHandler",
    "FlowController",
    "Handshaker",
    "IOHandler",
    "IncomingMessageHandler",
    "MessagingHandler",
    "OutgoingMessageHandler",
    "PythonIO",
    "Reject",
    "Release",
    "TransactionHandler",
    "TransactionalClientHandler",
]
