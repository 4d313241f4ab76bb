"""What senders and receivers have in common (part 2, section 2.6).

Credit is counted twice, as the application and the wire see it at different times.  ``_credit`` is the application's
view: a sender's falls when a delivery is handed over (:meth:`Link.advance`), a receiver's when one is taken.
``_link_credit`` is what the peer was told, or told us, less the deliveries that have crossed the wire since.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Optional, Union

from ..errors import LinkException
from ..wire.performatives import Attach
from . import events
from .checks import UBYTE, ULONG, check_encodable, number, property_map
from .delivery import Delivery
from .endpoint import LOCAL_CLOSED, LOCAL_MASK, LOCAL_UNINIT, REMOTE_UNINIT, Endpoint, first_match, leave
from .events import Event
from .terminus import Terminus

if TYPE_CHECKING:
    from .connection import Connection
    from .session import Session

__all__ = ["NONE", "Link", "tag_bytes"]

#: No deliveries: a deque of its own takes more memory than all the rest of an idle link.
NONE: Any = ()


def tag_bytes(tag: Union[str, bytes, bytearray, memoryview]) -> bytes:
    """A delivery tag as it goes on the wire.

    :raises TypeError: if it is neither a string nor bytes.
    """
    if isinstance(tag, str):
        return tag.encode()
    if not isinstance(tag, (bytes, bytearray, memoryview)):
        raise TypeError(f"a delivery tag is bytes, or a string, not {tag!r}")
    return bytes(tag)


class Link(Endpoint):
    """One end of a link."""

    SND_UNSETTLED = 0
    SND_SETTLED = 1
    SND_MIXED = 2

    RCV_FIRST = 0
    RCV_SECOND = 1

    __slots__ = (
        "_session", "_name", "_local_handle", "_remote_handle", "_detached", "_source", "_target", "_remote_source",
        "_remote_target", "_credit", "_link_credit", "_delivery_count", "_queued", "_available", "_drain",
        "_most_credit",
        "_drain_by_flag", "_drained", "_current", "_later", "_partial", "_skipping", "_unsettled", "_parked", "_echo",
        "_snd_settle_mode", "_rcv_settle_mode", "_remote_snd_settle_mode", "_remote_rcv_settle_mode",
        "_max_message_size", "_remote_max_message_size", "_properties", "_remote_properties", "_remote_desired",
        "_sourceless",
    )

    _event_init = Event.LINK_INIT
    _event_open = Event.LINK_LOCAL_OPEN
    _event_close = Event.LINK_LOCAL_CLOSE
    _event_final = Event.LINK_FINAL
    _clazz = "pn_link"

    is_sender = False
    is_receiver = False

    def __init__(self, session: "Session", name: str) -> None:
        super().__init__()
        if not isinstance(name, str):
            raise TypeError(f"a link's name is a string, not {name!r}")
        self._session = session
        self._name = name
        self._source: Optional[Terminus] = None
        self._target: Optional[Terminus] = None
        self._snd_settle_mode = self.SND_MIXED
        self._rcv_settle_mode = self.RCV_FIRST
        self._max_message_size = 0
        self._properties: Any = None
        self._unsettled = 0
        self._detached = False
        self._credit = 0
        self._queued = 0
        self._drain = False
        # Whether drain was switched by ``drain_mode``, which then holds until it is switched back.
        self._drain_by_flag = True
        self._drained = 0
        # The delivery that is being read or written, and those after it.
        self._current: Optional[Delivery] = None
        self._later: Deque[Delivery] = NONE
        # Outgoing deliveries that wait for credit or for the session's window.
        self._parked: Deque[Delivery] = NONE
        self._reset()
        connection = session._connection
        connection._add(self, connection._links)
        session._incref()
        session._links.append(self)
        session._by_name[name, self.is_sender] = self
        connection._put(self, Event.LINK_INIT)

    def _reset(self) -> None:
        """The state that belongs to one transport."""
        self._local_handle = -1
        self._remote_handle = -1
        self._link_credit = 0
        self._most_credit = 0
        self._delivery_count = 0
        self._available = 0
        self._echo = False
        # The incoming delivery whose end is awaited.
        self._partial: Optional[Delivery] = None
        # Whether the rest of an incoming delivery that was not wanted is awaited.
        self._skipping = False
        # As they came in the frame, until somebody asks.
        self._remote_source: Any = None
        self._remote_target: Any = None
        # The capabilities that the peer desires, and whether it named no source at all.
        self._remote_desired: Any = None
        self._sourceless = True
        self._remote_snd_settle_mode = self.SND_MIXED
        self._remote_rcv_settle_mode = self.RCV_FIRST
        self._remote_max_message_size = 0
        self._remote_properties: Any = None

    # --- the public half

    @property
    def connection(self) -> "Connection":
        """The connection of the link."""
        return self._session._connection

    @property
    def session(self) -> "Session":
        """The session of the link."""
        return self._session

    @property
    def name(self) -> str:
        """The link's name, the same at both ends."""
        return self._name

    @property
    def source(self) -> Terminus:
        """The source, as this end describes it."""
        if self._source is None:
            self._source = Terminus(Terminus.SOURCE)
        return self._source

    @property
    def target(self) -> Terminus:
        """The target, as this end describes it."""
        if self._target is None:
            self._target = Terminus(Terminus.TARGET)
        return self._target

    @property
    def remote_source(self) -> Terminus:
        """The source, as the peer describes it."""
        source = self._remote_source
        if not isinstance(source, Terminus):
            source = self._remote_source = Terminus._of_wire(source)
        return source

    @property
    def remote_target(self) -> Terminus:
        """The target, as the peer describes it."""
        target = self._remote_target
        if not isinstance(target, Terminus):
            target = self._remote_target = Terminus._of_wire(target)
        return target

    @property
    def snd_settle_mode(self) -> int:
        """How the sender settles: ``SND_UNSETTLED``, ``SND_SETTLED`` or ``SND_MIXED``."""
        return self._snd_settle_mode

    @snd_settle_mode.setter
    def snd_settle_mode(self, mode: int) -> None:
        self._snd_settle_mode = number(mode, UBYTE)

    @property
    def rcv_settle_mode(self) -> int:
        """When the receiver settles: ``RCV_FIRST`` (by itself) or ``RCV_SECOND`` (after the sender)."""
        return self._rcv_settle_mode

    @rcv_settle_mode.setter
    def rcv_settle_mode(self, mode: int) -> None:
        self._rcv_settle_mode = number(mode, UBYTE)

    @property
    def remote_snd_settle_mode(self) -> int:
        """How the sender settles, as the peer says."""
        return self._remote_snd_settle_mode

    @property
    def remote_rcv_settle_mode(self) -> int:
        """When the receiver settles, as the peer says."""
        return self._remote_rcv_settle_mode

    @property
    def max_message_size(self) -> int:
        """The largest message this end takes, in bytes; 0 means no limit."""
        return self._max_message_size

    @max_message_size.setter
    def max_message_size(self, size: int) -> None:
        self._max_message_size = number(size, ULONG)

    @property
    def remote_max_message_size(self) -> int:
        """The largest message the peer takes, in bytes; 0 means no limit."""
        return self._remote_max_message_size

    @property
    def properties(self) -> Any:
        """Link properties told to the peer: a map with symbol keys, or ``None``."""
        return self._properties

    @properties.setter
    def properties(self, properties: Any) -> None:
        self._properties = property_map(properties)

    @property
    def remote_properties(self) -> Any:
        """The peer's link properties, or ``None``."""
        return self._remote_properties

    @property
    def credit(self) -> int:
        """How many more deliveries the application may send, or expects to receive."""
        return self._credit

    @property
    def remote_credit(self) -> int:
        """The credit as the peer counts it: deliveries not yet sent, or received and not yet taken, do not lower it."""
        return self._credit + self._queued if self.is_sender else self._credit - self._queued

    @property
    def queued(self) -> int:
        """Deliveries handed over and not yet sent, or received and not yet taken."""
        return self._queued

    @property
    def available(self) -> int:
        """How many deliveries the sender says it could send, given credit."""
        return self._available

    @property
    def unsettled(self) -> int:
        """How many deliveries of the link this end has not settled."""
        return self._unsettled

    @property
    def current(self) -> Optional[Delivery]:
        """The delivery to write to or to read from, or ``None``."""
        return self._current

    @property
    def drain_mode(self) -> bool:
        """Whether the receiver asks the sender to use up its credit."""
        return self._drain

    @drain_mode.setter
    def drain_mode(self, drain: bool) -> None:
        self.connection._check()
        self._drain = bool(drain)
        self._drain_by_flag = True
        self.connection._touch(self)

    def drained(self) -> int:
        """Sender: give back the credit if the receiver asked to drain.  Receiver: how much was given back.

        :returns: how much credit was given back, in deliveries.
        """
        self.connection._check()
        drained = 0
        if self.is_sender:
            current = self._current
            begun = current is not None and current._id >= 0  # The rest of it needs its credit.
            if self._drain and self._credit > begun:
                drained = self._credit - begun
                self._credit -= drained
                self._link_credit -= drained
                self._delivery_count = (self._delivery_count + drained) & 0xFFFFFFFF
                self._drained += drained
                self.connection._touch(self)
        else:
            drained, self._drained = self._drained, 0
        return drained

    def delivery(self, tag: Union[str, bytes]) -> Delivery:
        """A new delivery on this link, with a tag that no unsettled delivery of the link has.

        :raises TypeError: if the tag is neither a string nor bytes.
        """
        connection = self._session._connection
        if connection._guard is not None:
            connection._guard()
        delivery = Delivery(self, tag_bytes(tag))
        self._unsettled += 1
        if self._current is None:
            self._current = delivery
        else:
            self._queue(delivery)
        return delivery

    def advance(self) -> bool:
        """Finish with the current delivery: send it off, or stop reading it.

        :returns: whether there was a current delivery.
        """
        raise LinkException("a link is a sender or a receiver")

    def next(self, mask: int) -> Optional["Link"]:
        """The next link of the connection whose state matches ``mask``, or ``None``."""
        link: Optional["Link"] = first_match(self.connection._links, mask, self._order)
        return link

    def detach(self) -> None:
        """Leave the link without closing it: a peer that supports it keeps the terminus for a later attach."""
        connection = self.connection
        connection._check()
        if not self._detached:
            self._detached = True
            connection._put(self, Event.LINK_LOCAL_DETACH)
            connection._touch(self)

    def free(self) -> None:
        """Give up the link; its unsettled deliveries are settled.  It is not closed by this."""
        if not self._freed:
            connection = self.connection
            connection._check()
            self._settle_all()
            self._leave()
            self._release()

    # --- the engine's half

    def _nearest_handler(self) -> Any:
        return self._handler if self._handler is not None else self._session._nearest_handler()

    def _attach_frame(self, handle: int) -> Attach:
        """What the peer is told of the link."""
        to_coordinator = self.target.type == Terminus.COORDINATOR
        return Attach(
            name=self._name,
            handle=handle,
            role=not self.is_sender,
            snd_settle_mode=self._snd_settle_mode,
            rcv_settle_mode=self._rcv_settle_mode,
            source=self.source._to_source(),
            target=self.target._to_target(),
            initial_delivery_count=0,
            max_message_size=None if to_coordinator else self._max_message_size,
            properties=self._properties,
        )

    def _is_leaving(self) -> bool:
        """Whether this end wants to leave the link, or has left it, and not both ends have yet."""
        left = self._detached or bool(self._state & LOCAL_CLOSED)
        return left and self._local_handle != -1 and (self._local_handle >= 0 or self._remote_handle != -2)

    def _is_changing(self) -> bool:
        if self._local_handle >= 0:
            return self._detached or bool(self._state & LOCAL_CLOSED)
        return self._local_handle == -1 and not self._state & LOCAL_UNINIT

    def _check_open(self) -> None:
        if self._properties is not None or self.source._has_data or self.target._has_data:
            check_encodable(self._attach_frame(0))

    def _queue(self, delivery: Delivery) -> None:
        """Have a delivery become the current one after those before it."""
        if not self._later:
            self._later = deque()
        self._later.append(delivery)

    def _park(self, delivery: Delivery) -> None:
        """Have a delivery wait its turn for credit or for the session's window."""
        if not self._parked:
            self._parked = deque()
        self._parked.append(delivery)
        delivery._parked = True

    def _drop_later(self, delivery: Delivery) -> None:
        if delivery in self._later:
            self._later.remove(delivery)

    def _cut_off(self) -> None:
        """This end has left the link: what of its deliveries had begun can't be completed."""

    def _settle_all(self) -> None:
        """Settle all deliveries, whether the peer knows of them or not."""
        session = self._session
        if self._unsettled:
            for deliveries in (session._outgoing, session._incoming):
                for delivery in [d for d in deliveries.values() if d._link is self]:
                    delivery.settle()

    def _unbound(self) -> None:
        """The transport is gone: what only it and the peer knew goes too, what the application wants stays."""
        local, remote = self._local_handle, self._remote_handle
        self._reset()
        if local == remote == -2:
            self._local_handle = self._remote_handle = -2  # Both ends had done with it: it does not come back.
        else:
            self._remote_condition = None
        if local >= 0:
            self._decref()
        if remote >= 0:
            self._decref()

    def _expect_peer(self) -> None:
        if self._local_handle != -2:
            self._state = self._state & LOCAL_MASK | REMOTE_UNINIT

    def _leave(self) -> None:
        """Be found no more, by the application or by a peer that attaches."""
        session = self._session
        key = (self._name, self.is_sender)
        if session._by_name.get(key) is self:
            del session._by_name[key]
        leave(session._links, self)
        leave(session._connection._links, self)

    def _finalize(self) -> None:
        self._leave()
        self._session._decref()

    def _label(self) -> str:
        source = self.remote_source.address or self.source.address
        target = self.remote_target.address or self.target.address
        return f"{self._name!r} from {source!r} to {target!r}"


events._link_kind.append(Link)
