"""The names that programs import from ``proton._message``, a private module of proton's."""

from __future__ import annotations

from syncproton.message import Message

__all__ = ["Message"]
