"""The names that programs import from ``proton._selectable``, a private module of proton's."""

from __future__ import annotations

from syncproton.reactor import Selectable

__all__ = ["Selectable"]
