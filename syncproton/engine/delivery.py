"""One message on its way over a link (part 2, section 2.6.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from ..codec.pieces import Pieces
from . import events
from .checks import ULONG, number
from .disposition import Disposition, DispositionType
from .dispositions import remote_disposition

if TYPE_CHECKING:
    from .connection import Connection
    from .link import Link
    from .session import Session
    from .transport import Transport

__all__ = ["Delivery"]


class Delivery:
    """A message in transit: its bytes, its tag, and what each side says has become of it."""

    RECEIVED = DispositionType.RECEIVED
    ACCEPTED = DispositionType.ACCEPTED
    REJECTED = DispositionType.REJECTED
    RELEASED = DispositionType.RELEASED
    MODIFIED = DispositionType.MODIFIED

    __slots__ = (
        "_tag", "_link", "_id", "_data", "_read", "_done", "_sent", "_aborted", "_updated", "_settled",
        "_remote_settled", "_local_type", "_remote_type", "_local", "_remote", "_working", "_parked",
        "__dict__", "__weakref__",
    )

    _clazz = "pn_delivery"

    def __init__(self, link: "Link", tag: bytes) -> None:
        self._tag = tag
        self._link = link
        #: The delivery-id, once there is one.
        self._id = -1
        # The bytes to be sent, of which ``_read`` bytes are sent already; or those that came and were not yet taken.
        self._data: Union[bytes, bytearray, Pieces] = b""
        self._read = 0
        # Whether all of the message's bytes are there; whether all are sent (outgoing), or reading is over (incoming).
        self._done = False
        self._sent = False
        self._aborted = False
        self._updated = False
        self._settled = False
        self._remote_settled = False
        self._local_type = 0
        self._remote_type = 0
        self._local: Optional[Disposition] = None
        self._remote: Optional[Disposition] = None
        # Whether it is on the connection's list of work, and on the link's of what waits for credit.
        self._working = False
        self._parked = False

    @property
    def tag(self) -> Union[str, bytes]:
        """The delivery tag, as text; as bytes if it is not UTF-8."""
        try:
            return self._tag.decode()
        except UnicodeDecodeError:
            return self._tag

    @property
    def link(self) -> "Link":
        """The link the delivery is on."""
        return self._link

    @property
    def session(self) -> "Session":
        """The session the delivery is on."""
        return self._link._session

    @property
    def connection(self) -> "Connection":
        """The connection the delivery is on."""
        return self._link._session._connection

    @property
    def transport(self) -> Optional["Transport"]:
        """The transport of the connection, or ``None``."""
        return self._link._session._connection._transport

    @property
    def local(self) -> Disposition:
        """The details of the local state; set them, then call :meth:`update`."""
        if self._local is None:
            self._local = Disposition(True, self._local_type)
        return self._local

    @local.setter
    def local(self, disposition: Disposition) -> None:
        if not isinstance(disposition, Disposition):
            raise TypeError(f"a Disposition is wanted, not {disposition!r}")
        self._local = disposition

    @property
    def remote(self) -> Disposition:
        """The details of the peer's state."""
        if self._remote is None:
            self._remote = remote_disposition(self._remote_type)
        return self._remote

    @property
    def local_state(self) -> Union[int, DispositionType]:
        """The state this side gave the delivery, 0 while none."""
        return DispositionType.or_int(self._local_type)

    @property
    def remote_state(self) -> Union[int, DispositionType]:
        """The state the peer gave the delivery, 0 while none."""
        return DispositionType.or_int(self._remote_type)

    @property
    def settled(self) -> bool:
        """Whether the peer has settled."""
        return self._remote_settled

    @property
    def updated(self) -> bool:
        """Whether the peer has changed its state of the delivery, or settled it."""
        return self._updated

    @property
    def aborted(self) -> bool:
        """Whether the sender gave the delivery up half way."""
        return self._aborted

    @property
    def partial(self) -> bool:
        """Whether more of the message is to come."""
        return not self._done

    @property
    def pending(self) -> int:
        """How many bytes can be read (incoming), or are still to be sent (outgoing); 1 if the delivery was aborted.

        So a program that only looks at this reads, and is told.
        """
        return 1 if self._aborted else len(self._data) - self._read

    @property
    def readable(self) -> bool:
        """Whether this is the incoming delivery that :meth:`Receiver.recv` reads."""
        link = self._link
        return link._current is self and not link.is_sender

    @property
    def writable(self) -> bool:
        """Whether this is the outgoing delivery that :meth:`Sender.stream` writes, and there is credit for it."""
        link = self._link
        return link._current is self and link.is_sender and link._credit > 0

    def update(self, state: Union[int, DispositionType, None] = None) -> None:
        """Tell the peer the state of this delivery, with the details in :attr:`local`, without settling it.

        :param state: which state; ``None`` for that of a disposition which :attr:`local` was set to.
        :raises TypeError, ValueError: if the state is none.
        :raises DataException: if the peer cannot be told the details; then nothing is done.
        """
        connection = self._link._session._connection
        if connection._guard is not None:
            connection._guard()
        if state.__class__ is not DispositionType:
            if state is None and self._local is not None and self._local._type:
                state = self._local._type
            state = number(state, ULONG)
        if self._local is not None:
            self._local._check(state)
            self._local._type = int(state)
        self._local_type = int(state)
        if not self._settled:
            connection._has_work(self)

    def settle(self) -> None:
        """Settle the delivery: this side has finished with it, and forgets it."""
        if self._settled:
            return
        link = self._link
        connection = link._session._connection
        if connection._guard is not None:
            connection._guard()
        if link._current is self:
            link.advance()
        elif link._later and not self._done and link.is_sender:
            link._drop_later(self)
        self._settled = True
        link._unsettled -= 1
        if self._remote_settled and self._sent and link.is_sender:
            connection._stirred()  # The peer has nothing to be told.
        else:
            connection._has_work(self)

    def _conclude(self, state: DispositionType) -> None:
        """Update to a state that has no details, and settle, in one step.  On the I/O thread."""
        link = self._link
        if self._local is not None or self._settled or self._working or link._current is self or link.is_sender:
            self.update(state)
            self.settle()
            return
        self._local_type = state
        self._settled = True
        link._unsettled -= 1
        self._working = True
        connection = link._session._connection
        work = connection._work
        if not work:
            connection._stirred()  # That was told already if there is work.
        work.append(self)

    def abort(self) -> None:
        """Give up an outgoing delivery half way: the peer discards what it has of it.  It is settled by this."""
        if not self._settled:
            session = self._link._session
            session._connection._check()
            self._aborted = True
            session._outgoing_bytes -= len(self._data) - self._read
            self._data = b""
            self._read = 0
            self.settle()

    @property
    def _received(self) -> int:
        """How many bytes of an incoming delivery have come, with those that were read already."""
        data = self._data
        return data.total if isinstance(data, Pieces) else len(data)

    def _nearest_handler(self) -> Any:
        link = self._link
        if link._handler is not None:
            return link._handler
        session = link._session
        return session._handler if session._handler is not None else session._connection._handler

    def _withdraw(self) -> None:
        """Take back an outgoing delivery: one that was handed over whole, and of which nothing has been sent yet.

        It is settled by this.
        """
        link = self._link
        if self._done and not self._sent and self._id < 0:
            link.session._connection._check()
            self._sent = True
            link._queued -= 1
            link._credit += 1
            if self._parked:
                self._parked = False
                link._parked.remove(self)
            link._session._outgoing_bytes -= len(self._data)
            self._data = b""
            self.settle()

    def _strand(self) -> None:
        """The transport is gone, and with it the number of the delivery: nothing more goes out about it."""
        session = self._link._session
        left = len(self._data) - self._read
        if self._link.is_sender:
            session._outgoing_bytes -= left
        else:
            session._incoming_bytes -= left
        self._id = -1
        self._data = b""
        self._read = 0
        self._done = self._sent = True
        self._working = self._parked = False

    def _local_wire(self) -> Any:
        from .disposition import wire_state

        return wire_state(self._local_type, self._local)

    def __repr__(self) -> str:
        where = "to" if self._link.is_sender else "from"
        state = self.remote_state if self._link.is_sender else self.local_state
        return f"<Delivery {self._tag!r} {where} {self._link.name!r}, {getattr(state, 'name', state) or 'no state'}>"


events._delivery_kind.append(Delivery)
