"""Callback handlers: the event-driven face of the library.

:class:`MessagingHandler` is what applications derive from.  The others are the parts it is made of; each turns the
engine's low-level events into the callbacks of one concern and hands them to a *delegate*, usually the application's
handler.  The names and the behaviour are those of ``proton.handlers``.
"""

from __future__ import annotations

from syncproton.handlers.acking import Acking, Reject, Release
from syncproton.handlers.endpoint_state import EndpointStateHandler
from syncproton.handlers.flow_controller import FlowController
from syncproton.handlers.handshaker import Handshaker
from syncproton.handlers.incoming import IncomingMessageHandler
from syncproton.handlers.io import IOHandler, PythonIO
from syncproton.handlers.messaging import MessagingHandler
from syncproton.handlers.outgoing import OutgoingMessageHandler
from syncproton.handlers.transaction import TransactionalClientHandler, TransactionHandler

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
