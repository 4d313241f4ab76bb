"""Calling a callback that may not be there."""

from __future__ import annotations

from typing import Any

__all__ = ["dispatch"]


def dispatch(handler: Any, method: str, event: Any) -> None:
    """Call ``handler.<method>(event)``, or ``handler.on_unhandled(method, event)`` where there is no such method.

    Any object can be a handler, so either method may be missing; a handler with neither does not care.
    """
    callback = getattr(handler, method, None)
    if callback is not None:
        callback(event)
        return
    unhandled = getattr(handler, "on_unhandled", None)
    if unhandled is not None:
        unhandled(method, event)
