"""The names that programs import from ``proton._common``, a private module of proton's."""

from __future__ import annotations

__all__ = ["millis2secs", "secs2millis"]


def secs2millis(secs: float) -> int:
    """Seconds as whole milliseconds, cut off."""
    return int(secs * 1000)


def millis2secs(millis: int) -> float:
    """Milliseconds as seconds."""
    return float(millis) / 1000.0
