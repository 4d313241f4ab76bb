"""What ends a run of the benchmarks."""

from __future__ import annotations

__all__ = ["Missing", "RunFailed"]


class Missing(Exception):
    """Something is not installed; the text says what to install."""


class RunFailed(Exception):
    """A program failed, or did not end in time."""
