"""What the codec allows beyond what the specification bounds."""

from __future__ import annotations

from typing_extensions import Final

__all__ = ["MAX_NESTING", "MAX_ZERO_WIDTH"]

MAX_NESTING: Final = 128
"""How deep lists, maps, arrays and described values may be nested in each other when they are decoded."""

MAX_ZERO_WIDTH: Final = 255
"""How many elements an array may have that take no bytes on the wire (null, true, uint0 ...).

Nothing else bounds what such an array costs: its four-byte count could stand for gigabytes.
"""
