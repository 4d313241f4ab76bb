"""The names that programs import from ``proton._exceptions``, a private module of proton's."""

from __future__ import annotations

from syncproton.errors import (
    ConnectionException, DataException, Interrupt, LinkException, MessageException, ProtonException,
    SessionException, SSLException, SSLUnavailable, Timeout, TransportException,
)

__all__ = [
    "ConnectionException", "DataException", "Interrupt", "LinkException", "MessageException", "ProtonException",
    "SSLException", "SSLUnavailable", "SessionException", "Timeout", "TransportException",
]
