"""The sans-I/O engine: connections, sessions, links, deliveries, and the transport that makes bytes of them.

Nothing here reads a socket, starts a thread or looks at a clock.
"""

from .condition import Condition
from .connection import Connection
from .delivery import Delivery
from .disposition import Disposition, DispositionType
from .dispositions import (
    CustomDisposition, DeclaredDisposition, ModifiedDisposition, ReceivedDisposition, RejectedDisposition,
    TransactionalDisposition,
)
from .endpoint import Endpoint, EndpointState
from .events import Collector, Event, EventBase, EventType, Handler
from .link import Link
from .receiver import Receiver
from .sender import Sender
from .session import Session
from .terminus import Terminus
from .transport import Transport

__all__ = [
    "Collector",
    "Condition",
    "Connection",
    "CustomDisposition",
    "DeclaredDisposition",
    "Delivery",
    "Disposition",
    "DispositionType",
    "Endpoint",
    "EndpointState",
    "Event",
    "EventBase",
    "EventType",
    "Handler",
    "Link",
    "ModifiedDisposition",
    "ReceivedDisposition",
    "Receiver",
    "RejectedDisposition",
    "Sender",
    "Session",
    "Terminus",
    "TransactionalDisposition",
    "Transport",
]
