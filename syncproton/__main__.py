"""``python -m syncproton``, and the ``syncproton`` command."""

from __future__ import annotations

import sys

from syncproton.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
