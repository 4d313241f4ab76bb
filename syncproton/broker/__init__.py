"""An in-memory AMQP 1.0 broker for demos and tests.  It keeps nothing when it stops."""

from __future__ import annotations

from syncproton.broker.broker import Broker
from syncproton.broker.limits import Limits

__all__ = ["Broker", "Limits"]
