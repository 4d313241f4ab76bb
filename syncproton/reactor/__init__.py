"""The reactor: :class:`Container`, its I/O thread, and what goes with them.

The names and the behaviour are those of ``proton.reactor``.
"""

from __future__ import annotations

from syncproton.engine import Handler
from syncproton.reactor.acceptor import Acceptor, ListenError
from syncproton.reactor.application_event import ApplicationEvent
from syncproton.reactor.backoff import Backoff
from syncproton.reactor.config import ConfigError
from syncproton.reactor.container import Container
from syncproton.reactor.injector import EventInjector
from syncproton.reactor.options import (
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
from syncproton.reactor.selectable import Selectable
from syncproton.reactor.ssl_config import SSLConfig
from syncproton.reactor.timers import Task
from syncproton.reactor.transaction import Transaction, TransactionError

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
