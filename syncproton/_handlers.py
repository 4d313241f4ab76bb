"""The names that programs import from ``proton._handlers``, a private module of proton's."""

from __future__ import annotations

from syncproton.handlers import (
    Acking, EndpointStateHandler, FlowController, Handshaker, IncomingMessageHandler, IOHandler, MessagingHandler,
    OutgoingMessageHandler, PythonIO, Reject, Release, TransactionalClientHandler, TransactionHandler,
)

__all__ = [
    "Acking", "EndpointStateHandler", "FlowController", "Handshaker", "IOHandler", "IncomingMessageHandler",
    "MessagingHandler", "OutgoingMessageHandler", "PythonIO", "Reject", "Release", "TransactionHandler",
    "TransactionalClientHandler",
]
