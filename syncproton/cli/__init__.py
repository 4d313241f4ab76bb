"""The commands behind ``python -m syncproton``, one a file."""

from __future__ import annotations

from syncproton.cli.main import main

__all__ = ["main"]
