"""The reactor: :class:`Container`, its I/O thread, and what goes with them.

The names and the behaviour are those of ``proton.reactor``.
"""

from __future__ import annotations

from ..engine import Handler
from .acceptor import Acceptor, ListenError
from .application_event import ApplicationEvent
from .backoff import Backoff
from .config import ConfigError
from .container import Container
from .injector import EventInjector
from .options import (
    AtLeastOnce,
    AtMostOnce,
    Copy,
    DurableSubscription,
    DynamicNodeProperties,
    Filter,
    LinkOption,
    Move,
    ReceiverOption,
    Selector,
    SenderOption,
)
from .selectable import Selectable
from .ssl_config import SSLConfig
from .timers import Task
from .transaction import Transaction, TransactionError

__all__ = [
    "Acceptor",
    "ApplicationEvent",
    "AtLeastOnce",
    "AtMostOnce",
    "Backoff",
    "ConfigError",
    "Container",
    "Copy",
    "DurableSubscription",
    "DynamicNodeProperties",
    "EventInjector",
    "Filter",
    "Handler",
    "LinkOption",
    "ListenError",
    "Move",
    "ReceiverOption",
    "SSLConfig",
    "Selectable",
    "Selector",
    "SenderOption",
    "Task",
    "Transaction",
    "TransactionError",
]
