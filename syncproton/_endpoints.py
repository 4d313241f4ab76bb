"""The names that programs import from ``proton._endpoints``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import Connection, Endpoint, EndpointState, Link, Receiver, Sender, Session, Terminus

__all__ = ["Connection", "Endpoint", "EndpointState", "Link", "Receiver", "Sender", "Session", "Terminus"]
