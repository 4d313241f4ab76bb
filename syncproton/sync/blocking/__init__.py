"""The blocking calls that :mod:`syncproton.utils` offers under proton's names, with proton's defaults and texts."""

from __future__ import annotations

from .connection import BlockingConnection
from .receiver import BlockingReceiver
from .request_response import SyncRequestResponse
from .sender import BlockingSender

__all__ = ["BlockingConnection", "BlockingReceiver", "BlockingSender", "SyncRequestResponse"]
