"""The names that programs import from ``proton._events``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import Collector, Event, EventBase, EventType, Handler

__all__ = ["Collector", "Event", "EventBase", "EventType", "Handler"]
