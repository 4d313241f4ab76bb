"""The names that programs import from ``proton._url``, a private module of proton's."""

from __future__ import annotations

from syncproton.url import Url

__all__ = ["Url"]
