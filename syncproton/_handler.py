"""The names that programs import from ``proton._handler``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import Handler

__all__ = ["Handler"]
