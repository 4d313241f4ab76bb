"""The names of ``proton.utils``: blocking connections, for programs written for that.

New programs will find :mod:`syncproton.sync` better to work with, on which all of this stands.  The calls, their
defaults, exceptions and texts are proton's.  What differs: every call may be made from any thread, the I/O goes on by
itself in the background, and a call on a link or connection that the peer has ended keeps failing with the reason.
"""

from __future__ import annotations

from syncproton.sync import ConnectionClosed, LinkDetached, SendException
from syncproton.sync.blocking import BlockingConnection, BlockingReceiver, BlockingSender, SyncRequestResponse

__all__ = [
    "BlockingConnection",
    "BlockingReceiver",
    "BlockingSender",
    "ConnectionClosed",
    "LinkDetached",
    "SendException",
    "SyncRequestResponse",
]
