"""The names that programs import from ``proton._reactor``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import Handler
from syncproton.reactor import (
    Acceptor, ApplicationEvent, AtLeastOnce, AtMostOnce, Backoff, Container, Copy, DurableSubscription,
    DynamicNodeProperties, EventInjector, Filter, LinkOption, Move, ReceiverOption, Selectable, Selector,
    SenderOption, SSLConfig, Task, Transaction,
)
from syncproton.reactor.reactor import Reactor
from syncproton.reactor.session_policy import SessionPerConnection

__all__ = [
    "Acceptor", "ApplicationEvent", "AtLeastOnce", "AtMostOnce", "Backoff", "Container", "Copy",
    "DurableSubscription", "DynamicNodeProperties", "EventInjector", "Filter", "Handler", "LinkOption", "Move",
    "Reactor", "ReceiverOption", "SSLConfig", "Selectable", "Selector", "SenderOption", "SessionPerConnection",
    "Task", "Transaction",
]
