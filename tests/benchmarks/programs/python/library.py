"""The one difference between the programs of the two libraries: where they import from."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Library"]


class Library:
    """What the programs use of a library.

    :param name: ``proton`` or ``syncproton``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        top, reactor = import_module(name), import_module(f"{name}.reactor")
        self.Message: Any = top.Message
        self.SSLDomain: Any = top.SSLDomain
        self.AtMostOnce: Any = reactor.AtMostOnce
        self.Container: Any = reactor.Container
        handlers = import_module(f"{name}.handlers")
        self.MessagingHandler: Any = handlers.MessagingHandler
        self.TransactionHandler: Any = handlers.TransactionHandler
        self.BlockingConnection: Any = import_module(f"{name}.utils").BlockingConnection
