"""Source, target and coordinator: what the ends of a link are attached to (part 3, section 3.5; part 4)."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Union

from ..codec.described import Described
from .composite import Composite, nested_reader, registry
from .fields import field
from .states import read_outcome

__all__ = ["Coordinator", "Source", "Target", "read_source", "read_target"]

# What an end leaves out is only what is rarely said; durability, time-out and dynamic are always spelt out.
_COMMON = (
    field("address", "*"),
    field("durable", "uint", default=0, terse=False),
    field("expiry_policy", "symbol", default="session-end"),
    field("timeout", "uint", default=0, terse=False),
    field("dynamic", "boolean", default=False, terse=False),
    field("dynamic_node_properties", "map"),
)


class Source(Composite):
    """Where the messages of a link come from.  ``timeout`` is in seconds."""

    __slots__ = (
        "address",
        "durable",
        "expiry_policy",
        "timeout",
        "dynamic",
        "dynamic_node_properties",
        "distribution_mode",
        "filter",
        "default_outcome",
        "outcomes",
        "capabilities",
    )
    NAME, DESCRIPTOR = "amqp:source:list", 0x28
    FIELDS = _COMMON + (
        field("distribution_mode", "symbol"),
        field("filter", "map"),
        field("default_outcome", "outcome", read=read_outcome),
        field("outcomes", "symbol", multiple=True),
        field("capabilities", "symbol", multiple=True),
    )

    def __init__(
        self,
        address: Any = None,
        durable: int = 0,
        expiry_policy: str = "session-end",
        timeout: int = 0,
        dynamic: bool = False,
        dynamic_node_properties: Optional[Dict[Any, Any]] = None,
        distribution_mode: Optional[str] = None,
        filter: Optional[Dict[Any, Any]] = None,
        default_outcome: Optional[Union[Composite, Described]] = None,
        outcomes: Optional[Sequence[str]] = None,
        capabilities: Optional[Sequence[str]] = None,
    ) -> None:
        self.address = address
        self.durable = durable
        self.expiry_policy = expiry_policy
        self.timeout = timeout
        self.dynamic = dynamic
        self.dynamic_node_properties = dynamic_node_properties
        self.distribution_mode = distribution_mode
        self.filter = filter
        self.default_outcome = default_outcome
        self.outcomes = outcomes
        self.capabilities = capabilities


class Target(Composite):
    """Where the messages of a link go to.  ``timeout`` is in seconds."""

    __slots__ = (
        "address",
        "durable",
        "expiry_policy",
        "timeout",
        "dynamic",
        "dynamic_node_properties",
        "capabilities",
    )
    NAME, DESCRIPTOR = "amqp:target:list", 0x29
    FIELDS = _COMMON + (field("capabilities", "symbol", multiple=True),)

    def __init__(
        self,
        address: Any = None,
        durable: int = 0,
        expiry_policy: str = "session-end",
        timeout: int = 0,
        dynamic: bool = False,
        dynamic_node_properties: Optional[Dict[Any, Any]] = None,
        capabilities: Optional[Sequence[str]] = None,
    ) -> None:
        self.address = address
        self.durable = durable
        self.expiry_policy = expiry_policy
        self.timeout = timeout
        self.dynamic = dynamic
        self.dynamic_node_properties = dynamic_node_properties
        self.capabilities = capabilities


class Coordinator(Composite):
    """The target of a link that controls transactions."""

    __slots__ = ("capabilities",)
    NAME, DESCRIPTOR = "amqp:coordinator:list", 0x30
    FIELDS = (field("capabilities", "symbol", multiple=True),)

    def __init__(self, capabilities: Optional[Sequence[str]] = None) -> None:
        self.capabilities = capabilities


read_source = nested_reader("a source", registry(Source))
read_target = nested_reader("a target", registry(Target, Coordinator))
