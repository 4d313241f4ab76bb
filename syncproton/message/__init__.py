"""Messages: their sections, attributes and encoding (specification part 3, section 3.2)."""

from __future__ import annotations

from syncproton.message.message import Message

__all__ = ["Message"]
