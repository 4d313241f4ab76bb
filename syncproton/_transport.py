"""The names that programs import from ``proton._transport``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import Transport
from syncproton.security import SASL, SSL, SSLDomain, SSLSessionDetails

__all__ = ["SASL", "SSL", "SSLDomain", "SSLSessionDetails", "Transport"]
