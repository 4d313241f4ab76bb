"""The names that programs import from ``proton._condition``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import Condition

__all__ = ["Condition"]
