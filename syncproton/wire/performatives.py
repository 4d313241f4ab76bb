"""The nine performatives (part 2, section 2.7).

Attributes carry the specification's names.  A field that has a default there has it here too, so that a null from the
peer and a field it spelt out look the same; ``None`` means absent.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Union

from ..codec.described import Described
from .composite import Composite, registry
from .fields import field
from .states import Error, read_error, read_state
from .termini import Coordinator, Source, Target, read_source, read_target

__all__ = [
    "Attach",
    "Begin",
    "Close",
    "Detach",
    "Disposition",
    "End",
    "Flow",
    "Open",
    "PERFORMATIVES",
    "Transfer",
]

_UINT_MAX = 0xFFFFFFFF

_CAPABILITIES_AND_PROPERTIES = (
    field("offered_capabilities", "symbol", multiple=True),
    field("desired_capabilities", "symbol", multiple=True),
    field("properties", "map"),
)


class Open(Composite):
    """Negotiate a connection (section 2.7.1).  ``idle_time_out`` is in milliseconds, ``max_frame_size`` in bytes."""

    __slots__ = (
        "container_id",
        "hostname",
        "max_frame_size",
        "channel_max",
        "idle_time_out",
        "outgoing_locales",
        "incoming_locales",
        "offered_capabilities",
        "desired_capabilities",
        "properties",
    )
    NAME, DESCRIPTOR = "amqp:open:list", 0x10
    FIELDS = (
        field("container_id", "string", mandatory=True),
        field("hostname", "string"),
        field("max_frame_size", "uint", default=_UINT_MAX),
        field("channel_max", "ushort", default=0xFFFF),
        field("idle_time_out", "uint"),
        field("outgoing_locales", "symbol", multiple=True),
        field("incoming_locales", "symbol", multiple=True),
    ) + _CAPABILITIES_AND_PROPERTIES

    def __init__(
        self,
        container_id: str = "",
        hostname: Optional[str] = None,
        max_frame_size: int = _UINT_MAX,
        channel_max: int = 0xFFFF,
        idle_time_out: Optional[int] = None,
        outgoing_locales: Optional[Sequence[str]] = None,
        incoming_locales: Optional[Sequence[str]] = None,
        offered_capabilities: Optional[Sequence[str]] = None,
        desired_capabilities: Optional[Sequence[str]] = None,
        properties: Optional[Dict[Any, Any]] = None,
    ) -> None:
        self.container_id = container_id
        self.hostname = hostname
        self.max_frame_size = max_frame_size
        self.channel_max = channel_max
        self.idle_time_out = idle_time_out
        self.outgoing_locales = outgoing_locales
        self.incoming_locales = incoming_locales
        self.offered_capabilities = offered_capabilities
        self.desired_capabilities = desired_capabilities
        self.properties = properties


class Begin(Composite):
    """Begin a session on a channel (section 2.7.2)."""

    __slots__ = (
        "remote_channel",
        "next_outgoing_id",
        "incoming_window",
        "outgoing_window",
        "handle_max",
        "offered_capabilities",
        "desired_capabilities",
        "properties",
    )
    NAME, DESCRIPTOR = "amqp:begin:list", 0x11
    FIELDS = (
        field("remote_channel", "ushort"),
        field("next_outgoing_id", "uint", mandatory=True),
        field("incoming_window", "uint", mandatory=True),
        field("outgoing_window", "uint", mandatory=True),
        field("handle_max", "uint", default=_UINT_MAX),
    ) + _CAPABILITIES_AND_PROPERTIES

    def __init__(
        self,
        remote_channel: Optional[int] = None,
        next_outgoing_id: int = 0,
        incoming_window: int = 0,
        outgoing_window: int = 0,
        handle_max: int = _UINT_MAX,
        offered_capabilities: Optional[Sequence[str]] = None,
        desired_capabilities: Optional[Sequence[str]] = None,
        properties: Optional[Dict[Any, Any]] = None,
    ) -> None:
        self.remote_channel = remote_channel
        self.next_outgoing_id = next_outgoing_id
        self.incoming_window = incoming_window
        self.outgoing_window = outgoing_window
        self.handle_max = handle_max
        self.offered_capabilities = offered_capabilities
        self.desired_capabilities = desired_capabilities
        self.properties = properties


class Attach(Composite):
    """Attach a link to a session (section 2.7.3).  ``role`` is True for the receiver's end."""

    __slots__ = (
        "name",
        "handle",
        "role",
        "snd_settle_mode",
        "rcv_settle_mode",
        "source",
        "target",
        "unsettled",
        "incomplete_unsettled",
        "initial_delivery_count",
        "max_message_size",
        "offered_capabilities",
        "desired_capabilities",
        "properties",
    )
    NAME, DESCRIPTOR = "amqp:attach:list", 0x12
    FIELDS = (
        field("name", "string", mandatory=True),
        field("handle", "uint", mandatory=True),
        field("role", "boolean", mandatory=True),
        field("snd_settle_mode", "ubyte", default=2, terse=False),
        field("rcv_settle_mode", "ubyte", default=0, terse=False),
        field("source", "source", read=read_source),
        field("target", "target", read=read_target),
        field("unsettled", "map"),
        field("incomplete_unsettled", "boolean", default=False),
        field("initial_delivery_count", "uint"),
        field("max_message_size", "ulong"),
    ) + _CAPABILITIES_AND_PROPERTIES

    def __init__(
        self,
        name: str = "",
        handle: int = 0,
        role: bool = False,
        snd_settle_mode: int = 2,
        rcv_settle_mode: int = 0,
        source: Optional[Union[Source, Described]] = None,
        target: Optional[Union[Target, Coordinator, Described]] = None,
        unsettled: Optional[Dict[Any, Any]] = None,
        incomplete_unsettled: bool = False,
        initial_delivery_count: Optional[int] = None,
        max_message_size: Optional[int] = None,
        offered_capabilities: Optional[Sequence[str]] = None,
        desired_capabilities: Optional[Sequence[str]] = None,
        properties: Optional[Dict[Any, Any]] = None,
    ) -> None:
        self.name = name
        self.handle = handle
        self.role = role
        self.snd_settle_mode = snd_settle_mode
        self.rcv_settle_mode = rcv_settle_mode
        self.source = source
        self.target = target
        self.unsettled = unsettled
        self.incomplete_unsettled = incomplete_unsettled
        self.initial_delivery_count = initial_delivery_count
        self.max_message_size = max_message_size
        self.offered_capabilities = offered_capabilities
        self.desired_capabilities = desired_capabilities
        self.properties = properties


class Flow(Composite):
    """Update the windows of a session, and the credit of a link if ``handle`` is given (section 2.7.4)."""

    __slots__ = (
        "next_incoming_id",
        "incoming_window",
        "next_outgoing_id",
        "outgoing_window",
        "handle",
        "delivery_count",
        "link_credit",
        "available",
        "drain",
        "echo",
        "properties",
    )
    NAME, DESCRIPTOR = "amqp:flow:list", 0x13
    FIELDS = (
        field("next_incoming_id", "uint"),
        field("incoming_window", "uint", mandatory=True),
        field("next_outgoing_id", "uint", mandatory=True),
        field("outgoing_window", "uint", mandatory=True),
        field("handle", "uint"),
        field("delivery_count", "uint"),
        field("link_credit", "uint"),
        field("available", "uint"),
        field("drain", "boolean", default=False),
        field("echo", "boolean", default=False),
        field("properties", "map"),
    )

    def __init__(
        self,
        next_incoming_id: Optional[int] = None,
        incoming_window: int = 0,
        next_outgoing_id: int = 0,
        outgoing_window: int = 0,
        handle: Optional[int] = None,
        delivery_count: Optional[int] = None,
        link_credit: Optional[int] = None,
        available: Optional[int] = None,
        drain: bool = False,
        echo: bool = False,
        properties: Optional[Dict[Any, Any]] = None,
    ) -> None:
        self.next_incoming_id = next_incoming_id
        self.incoming_window = incoming_window
        self.next_outgoing_id = next_outgoing_id
        self.outgoing_window = outgoing_window
        self.handle = handle
        self.delivery_count = delivery_count
        self.link_credit = link_credit
        self.available = available
        self.drain = drain
        self.echo = echo
        self.properties = properties


class Transfer(Composite):
    """Transfer a message or a part of it (section 2.7.5); the payload follows the performative in the frame."""

    __slots__ = (
        "handle",
        "delivery_id",
        "delivery_tag",
        "message_format",
        "settled",
        "more",
        "rcv_settle_mode",
        "state",
        "resume",
        "aborted",
        "batchable",
    )
    NAME, DESCRIPTOR = "amqp:transfer:list", 0x14
    FIELDS = (
        field("handle", "uint", mandatory=True),
        field("delivery_id", "uint"),
        field("delivery_tag", "binary"),
        field("message_format", "uint"),
        field("settled", "boolean", default=False),
        field("more", "boolean", default=False),
        field("rcv_settle_mode", "ubyte"),
        field("state", "delivery-state", read=read_state),
        field("resume", "boolean", default=False),
        field("aborted", "boolean", default=False),
        field("batchable", "boolean", default=False),
    )

    def __init__(
        self,
        handle: int = 0,
        delivery_id: Optional[int] = None,
        delivery_tag: Optional[bytes] = None,
        message_format: Optional[int] = None,
        settled: bool = False,
        more: bool = False,
        rcv_settle_mode: Optional[int] = None,
        state: Optional[Union[Composite, Described]] = None,
        resume: bool = False,
        aborted: bool = False,
        batchable: bool = False,
    ) -> None:
        self.handle = handle
        self.delivery_id = delivery_id
        self.delivery_tag = delivery_tag
        self.message_format = message_format
        self.settled = settled
        self.more = more
        self.rcv_settle_mode = rcv_settle_mode
        self.state = state
        self.resume = resume
        self.aborted = aborted
        self.batchable = batchable


class Disposition(Composite):
    """Inform of the state of the deliveries ``first`` to ``last`` (section 2.7.6); without ``last``, of one."""

    __slots__ = ("role", "first", "last", "settled", "state", "batchable")
    NAME, DESCRIPTOR = "amqp:disposition:list", 0x15
    FIELDS = (
        field("role", "boolean", mandatory=True),
        field("first", "uint", mandatory=True),
        field("last", "uint"),
        field("settled", "boolean", default=False),
        field("state", "delivery-state", read=read_state),
        field("batchable", "boolean", default=False),
    )

    def __init__(
        self,
        role: bool = False,
        first: int = 0,
        last: Optional[int] = None,
        settled: bool = False,
        state: Optional[Union[Composite, Described]] = None,
        batchable: bool = False,
    ) -> None:
        self.role = role
        self.first = first
        self.last = last
        self.settled = settled
        self.state = state
        self.batchable = batchable


class Detach(Composite):
    """Detach a link, for good if ``closed`` (section 2.7.7)."""

    __slots__ = ("handle", "closed", "error")
    NAME, DESCRIPTOR = "amqp:detach:list", 0x16
    FIELDS = (
        field("handle", "uint", mandatory=True),
        field("closed", "boolean", default=False),
        field("error", "error", read=read_error),
    )

    def __init__(self, handle: int = 0, closed: bool = False, error: Optional[Error] = None) -> None:
        self.handle = handle
        self.closed = closed
        self.error = error


class End(Composite):
    """End a session (section 2.7.8)."""

    __slots__ = ("error",)
    NAME, DESCRIPTOR = "amqp:end:list", 0x17
    FIELDS = (field("error", "error", read=read_error),)

    def __init__(self, error: Optional[Error] = None) -> None:
        self.error = error


class Close(Composite):
    """Close a connection (section 2.7.9)."""

    __slots__ = ("error",)
    NAME, DESCRIPTOR = "amqp:close:list", 0x18
    FIELDS = (field("error", "error", read=read_error),)

    def __init__(self, error: Optional[Error] = None) -> None:
        self.error = error


PERFORMATIVES = registry(Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close)
