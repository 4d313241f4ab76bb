"""The names that programs import from ``proton._utils``, a private module of proton's."""

from __future__ import annotations

from syncproton.sync import ConnectionClosed, LinkDetached, SendException
from syncproton.sync.blocking import BlockingConnection, BlockingReceiver, BlockingSender, SyncRequestResponse

__all__ = [
    "BlockingConnection", "BlockingReceiver", "BlockingSender", "ConnectionClosed", "LinkDetached", "SendException",
    "SyncRequestResponse",
]
