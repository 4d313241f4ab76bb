"""The two ends of a link: source and target (part 3, section 3.5)."""

from __future__ import annotations

from typing import Any, Dict, Optional, Union

from ..codec import UNDESCRIBED, Array, Data, symbol
from ..wire.termini import Coordinator, Source, Target
from .checks import UINT, Checked, text, up_to

__all__ = ["Terminus"]

_EXPIRY = {
    "link-detach": 0,
    "session-end": 1,
    "connection-close": 2,
    "never": 3,
}
_EXPIRY_NAMES = {number: symbol(name) for name, number in _EXPIRY.items()}
_MODES = {"copy": 1, "move": 2}
_MODE_NAMES = {number: symbol(name) for name, number in _MODES.items()}


class Terminus:
    """A source or target of messages: what a link is attached to at one end."""

    UNSPECIFIED = 0
    SOURCE = 1
    TARGET = 2
    COORDINATOR = 3

    NONDURABLE = 0
    CONFIGURATION = 1
    DELIVERIES = 2

    DIST_MODE_UNSPECIFIED = 0
    DIST_MODE_COPY = 1
    DIST_MODE_MOVE = 2

    EXPIRE_WITH_LINK = 0
    EXPIRE_WITH_SESSION = 1
    EXPIRE_WITH_CONNECTION = 2
    EXPIRE_NEVER = 3

    __slots__ = (
        "_type", "_address", "_durability", "_expiry_policy", "_timeout", "_dynamic", "_distribution_mode",
        "_properties", "_capabilities", "_outcomes", "_filter", "_default_outcome",
    )

    #: ``UNSPECIFIED``, ``SOURCE``, ``TARGET`` or ``COORDINATOR``.
    type = Checked("_type", up_to(COORDINATOR))
    #: The address of the node, or ``None``.
    address = Checked("_address", text)
    #: What of the terminus survives its container: ``NONDURABLE``, ``CONFIGURATION`` or ``DELIVERIES``.
    durability = Checked("_durability", up_to(UINT))
    #: When the expiry timer starts: one of the ``EXPIRE_...`` constants.
    expiry_policy = Checked("_expiry_policy", up_to(UINT))
    #: How long an expiring terminus is kept, in seconds.
    timeout = Checked("_timeout", up_to(UINT))
    #: Whether the peer is to make a node for this terminus.
    dynamic = Checked("_dynamic", bool)
    #: Whether messages are moved or copied from a source: one of the ``DIST_MODE_...`` constants.
    distribution_mode = Checked("_distribution_mode", up_to(UINT))

    def __init__(self, type: int = 0) -> None:
        self.type = type
        self._address: Optional[str] = None
        self._durability = 0
        self._expiry_policy = self.EXPIRE_WITH_SESSION
        self._timeout = 0
        self._dynamic = False
        self._distribution_mode = 0
        self._properties: Optional[Data] = None
        self._capabilities: Optional[Data] = None
        self._outcomes: Optional[Data] = None
        self._filter: Optional[Data] = None
        self._default_outcome: Any = None

    @property
    def properties(self) -> Data:
        """The properties of a dynamic node."""
        if self._properties is None:
            self._properties = Data()
        return self._properties

    @property
    def capabilities(self) -> Data:
        """The capabilities of the terminus."""
        if self._capabilities is None:
            self._capabilities = Data()
        return self._capabilities

    @property
    def outcomes(self) -> Data:
        """The outcomes that a source offers."""
        if self._outcomes is None:
            self._outcomes = Data()
        return self._outcomes

    @property
    def filter(self) -> Data:
        """The filters on a source."""
        if self._filter is None:
            self._filter = Data()
        return self._filter

    def copy(self, src: "Terminus") -> None:
        """Make this terminus equal to ``src``.

        :raises TypeError: if that is no terminus.
        """
        if not isinstance(src, Terminus):
            raise TypeError(f"a Terminus is wanted, not {src!r}")
        for name in ("_type", "_address", "_durability", "_expiry_policy", "_timeout", "_dynamic",
                     "_distribution_mode", "_default_outcome"):
            setattr(self, name, getattr(src, name))
        for name in ("_properties", "_capabilities", "_outcomes", "_filter"):
            other = getattr(src, name)
            mine: Optional[Data] = None
            if other is not None:
                mine = Data()
                mine.copy(other)
            setattr(self, name, mine)

    @property
    def _has_data(self) -> bool:
        """Whether the application has said things that may not be what the peer can be told."""
        return not (self._properties is self._capabilities is self._outcomes is self._filter is None)

    def _to_source(self) -> Optional[Source]:
        if self.type == self.UNSPECIFIED:
            return None
        return Source(
            distribution_mode=_MODE_NAMES.get(self.distribution_mode),
            filter=_value(self._filter),
            default_outcome=self._default_outcome,
            outcomes=_value(self._outcomes),
            **self._fields(),
        )

    def _to_target(self) -> Union[Target, Coordinator, None]:
        if self.type == self.UNSPECIFIED:
            return None
        if self.type == self.COORDINATOR:
            return Coordinator(capabilities=_value(self._capabilities))
        return Target(**self._fields())

    def _fields(self) -> Dict[str, Any]:
        """The fields that sources and targets share."""
        fields: Dict[str, Any] = {
            "address": self.address,
            "durable": self.durability,
            "timeout": self.timeout,
            "dynamic": self.dynamic,
            "dynamic_node_properties": _value(self._properties),
            "capabilities": _value(self._capabilities),
        }
        if self.expiry_policy != self.EXPIRE_WITH_SESSION:
            fields["expiry_policy"] = _EXPIRY_NAMES.get(self.expiry_policy)
        return fields

    @classmethod
    def _of_wire(cls, wire: Any) -> "Terminus":
        """The terminus of a frame, which may have none."""
        terminus = cls()
        terminus._from_wire(wire)
        return terminus

    def _from_wire(self, wire: Any) -> None:
        if isinstance(wire, Coordinator):
            self.type = self.COORDINATOR
            self._capabilities = _symbols(wire.capabilities)
            return
        if not isinstance(wire, (Source, Target)):
            self.type = self.UNSPECIFIED
            return
        # As in proton: what names no node is no source, but a target, each message to which may name its own.
        named = wire.address is not None or wire.dynamic
        self.type = self.TARGET if isinstance(wire, Target) else self.SOURCE if named else self.UNSPECIFIED
        self._address = wire.address
        self.durability = wire.durable or 0
        self.expiry_policy = _EXPIRY.get(str(wire.expiry_policy or "session-end"), self.EXPIRE_WITH_SESSION)
        self.timeout = wire.timeout or 0
        self.dynamic = bool(wire.dynamic)
        self._properties = _data(wire.dynamic_node_properties)
        self._capabilities = _symbols(wire.capabilities)
        if isinstance(wire, Source):
            self.distribution_mode = _MODES.get(str(wire.distribution_mode), 0)
            self._filter = _data(wire.filter)
            self._outcomes = _symbols(wire.outcomes)
            self._default_outcome = wire.default_outcome

    def __repr__(self) -> str:
        kind = ("UNSPECIFIED", "SOURCE", "TARGET", "COORDINATOR")[self.type]
        return f"Terminus({kind}, address={self.address!r}{', dynamic' if self.dynamic else ''})"


def _value(data: Optional[Data]) -> Any:
    """The first value of ``data``, or ``None``."""
    if data is None:
        return None
    data.rewind()
    return data.get_object() if data.next() is not None else None


def _data(value: Any) -> Optional[Data]:
    """A ``Data`` that holds ``value``; nothing for ``None``."""
    if value is None:
        return None
    data = Data()
    data.put_object(value)
    data.rewind()
    return data


def _symbols(values: Any) -> Optional[Data]:
    """A ``Data`` that holds symbols in an array, as they are on the wire; nothing for ``None``."""
    return None if values is None else _data(Array(UNDESCRIBED, Data.SYMBOL, *values))
