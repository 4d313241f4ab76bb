"""What the peer says, put into effect.

Each performative is routed to the endpoint it is about; the endpoint's state changes and an event tells of it.  A peer
that breaks the rules is answered on the smallest scale that the specification gives the fault: a link that gets more
than its credit is detached, a session whose window is overrun is ended, all else ends the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from ..codec import SymbolList
from ..codec.pieces import Pieces
from ..errors import ProtocolError
from ..wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from ..wire.states import ACCEPTED
from .condition import Condition
from .delivery import Delivery
from .disposition import state_type
from .endpoint import LOCAL_CLOSED, LOCAL_UNINIT, REMOTE_ACTIVE, REMOTE_CLOSED, REMOTE_UNINIT
from .events import Event
from .link import Link
from .receiver import Receiver
from .sender import Sender
from .session import HANDLE_MAX, Session

if TYPE_CHECKING:
    from .connection import Connection
    from .transport import Transport

__all__ = ["Incoming"]

MASK = 0xFFFFFFFF
HALF = 0x80000000

#: How far RabbitMQ may overrun its credit, as a multiple of the most it was ever given.  Version 3 counts a credit from
#: the transfer it has just sent, not from the delivery-count beside it, and under load sends far too much.
RABBITMQ_OVERRUN = 100

NOT_ALLOWED = "amqp:not-allowed"
INVALID_FIELD = "amqp:invalid-field"
FRAMING_ERROR = "amqp:connection:framing-error"


def _unused(granted: int, used: int) -> int:
    """What is left of a credit or window, of which ``used`` was taken since it was granted."""
    used &= MASK
    if used >= HALF:
        used -= MASK + 1  # A negative one: the peer counts what was never sent, as buggy ones do.
    return max(granted - used, 0)


class Incoming:
    """Takes the performatives of one transport."""

    __slots__ = ("_transport", "_connection", "_overrun", "open_received", "close_received", "open", "dispatch")

    def __init__(self, transport: "Transport") -> None:
        self._transport = transport
        self._connection: Optional["Connection"] = None
        self._overrun = 0
        self.open_received = False
        self.close_received = False
        #: The peer's open, kept for a connection that is bound after it came.
        self.open: Optional[Open] = None
        self.dispatch: Dict[type, Callable[[int, Any, bytes], None]] = {
            Open: self._open,
            Begin: self._begin,
            Attach: self._attach,
            Flow: self._flow,
            Transfer: self._transfer,
            Disposition: self._disposition,
            Detach: self._detach,
            End: self._end,
            Close: self._close,
        }

    def bind(self, connection: "Connection") -> None:
        """Route to ``connection`` from now on."""
        self._connection = connection
        if self.open is not None:
            self._opened(connection, self.open)

    def unbind(self) -> None:
        """Route nothing any more."""
        self._connection = None

    def _session(self, channel: int) -> Session:
        session = self._transport._remote_channels.get(channel)
        if session is None:
            if not self.open_received:
                raise ProtocolError(NOT_ALLOWED, "the connection is not open")
            raise ProtocolError(NOT_ALLOWED, f"no session on channel {channel}")
        return session

    def _link(self, session: Session, handle: int) -> Optional[Link]:
        """The link with a handle; the session is ended if there is none, and ``None`` returned."""
        link = session._remote_handles.get(handle)
        if link is None:
            self._violated(session, "amqp:session:unattached-handle", f"no link has handle {handle}")
        return link

    # --- connection

    def _open(self, channel: int, open: Open, payload: bytes) -> None:
        if self.open_received:
            raise ProtocolError(NOT_ALLOWED, "a second open")
        self.open_received = True
        self.open = open
        if open.properties and open.properties.get("product") == "RabbitMQ":
            self._overrun = RABBITMQ_OVERRUN
        transport = self._transport
        # Frames of 512 bytes must be taken by everyone (section 2.4.1).
        transport._remote_max_frame_size = max(open.max_frame_size, 512)
        transport._remote_channel_max = open.channel_max
        transport._remote_idle_timeout = (open.idle_time_out or 0) / 1000
        if self._connection is not None:
            self._opened(self._connection, open)
            if transport._remote_idle_timeout:
                # From now on the clock matters.
                self._connection._put(transport, Event.TRANSPORT)

    def _opened(self, connection: "Connection", open: Open) -> None:
        connection._remote_container = open.container_id
        connection._remote_hostname = open.hostname
        connection._remote_offered = SymbolList(open.offered_capabilities) if open.offered_capabilities else None
        connection._remote_desired = SymbolList(open.desired_capabilities) if open.desired_capabilities else None
        connection._remote_properties = open.properties
        connection._set_remote(REMOTE_ACTIVE)
        connection._put(connection, Event.CONNECTION_REMOTE_OPEN)

    def _close(self, channel: int, close: Close, payload: bytes) -> None:
        self.close_received = True
        connection = self._connection
        self._transport._remote_closed(Condition._from_wire(close.error))
        if connection is not None:
            connection._remote_condition = Condition._from_wire(close.error)
            connection._set_remote(REMOTE_CLOSED)
            connection._put(connection, Event.CONNECTION_REMOTE_CLOSE)

    # --- sessions

    def _begin(self, channel: int, begin: Begin, payload: bytes) -> None:
        connection = self._connection
        if connection is None or not self.open_received:
            raise ProtocolError(NOT_ALLOWED, "begin on a connection that is not open")
        transport = self._transport
        if channel > transport._channel_max:
            raise ProtocolError(FRAMING_ERROR, f"channel {channel} is above channel-max {transport._channel_max}")
        if channel in transport._remote_channels:
            raise ProtocolError(NOT_ALLOWED, f"channel {channel} has a session already")
        if begin.remote_channel is not None:
            found = transport._local_channels.get(begin.remote_channel)
            if found is None or found._remote_channel != -1:
                asked = begin.remote_channel
                raise ProtocolError(INVALID_FIELD, f"begin answers channel {asked}, where nothing was asked")
            session = found
        else:
            session = Session(connection)
        session._remote_channel = channel
        session._incref()
        transport._remote_channels[channel] = session
        session._next_incoming_id = begin.next_outgoing_id
        session._remote_incoming_window = begin.incoming_window
        session.remote_handle_max = begin.handle_max
        session._set_remote(REMOTE_ACTIVE)
        connection._put(session, Event.SESSION_REMOTE_OPEN)

    def _end(self, channel: int, end: End, payload: bytes) -> None:
        session = self._session(channel)
        connection = session._connection
        session._remote_condition = Condition._from_wire(end.error)
        session._set_remote(REMOTE_CLOSED)
        connection._put(session, Event.SESSION_REMOTE_CLOSE)
        del self._transport._remote_channels[channel]
        session._remote_channel = -2
        for link in session._remote_handles.values():
            self._drop_partial(link)
            link._remote_handle = -2
            link._decref()
        session._remote_handles = {}
        session._unanswered = {}
        session._decref()

    def _violated(self, session: Session, condition: str, description: str) -> None:
        """End a session whose peer broke its rules."""
        if not session._state & LOCAL_CLOSED:
            session._condition = session._remote_condition = Condition(condition, description)
            session.close()

    # --- links

    def _attach(self, channel: int, attach: Attach, payload: bytes) -> None:
        session = self._session(channel)
        connection = session._connection
        if session._local_channel == -2:
            return  # Ended here: what the peer said before it knew is of no use (section 2.5.5).
        if attach.handle > HANDLE_MAX:
            raise ProtocolError(FRAMING_ERROR, f"handle {attach.handle} is above handle-max {HANDLE_MAX}")
        if attach.handle in session._remote_handles:
            self._violated(session, "amqp:session:handle-in-use", f"handle {attach.handle} is in use")
            return
        sender = bool(attach.role)  # The peer receives, so this end sends.
        link = session._answered(attach.name, sender)
        if link is None:
            link = session._by_name.get((attach.name, sender))
            if link is not None and link._remote_handle >= 0:
                raise ProtocolError(INVALID_FIELD, f"a link named {attach.name!r} is attached already")
            if link is None or not link._state & REMOTE_UNINIT:
                link = Sender(session, attach.name) if sender else Receiver(session, attach.name)
        elif link._refs < 0:
            # It was freed meanwhile: the application hears no more of it, the peer names it until it detaches too.
            link._remote_handle = attach.handle
            session._remote_handles[attach.handle] = link
            return
        link._incref()
        link._remote_handle = attach.handle
        session._remote_handles[attach.handle] = link
        link._remote_source, link._remote_target = attach.source, attach.target
        link._remote_desired = attach.desired_capabilities
        link._sourceless = attach.source is None
        link._remote_snd_settle_mode = attach.snd_settle_mode
        link._remote_rcv_settle_mode = attach.rcv_settle_mode
        link._remote_max_message_size = attach.max_message_size or 0
        link._remote_properties = attach.properties
        if not sender:
            link._delivery_count = attach.initial_delivery_count or 0
        link._set_remote(REMOTE_ACTIVE)
        connection._put(link, Event.LINK_REMOTE_OPEN)

    def _detach(self, channel: int, detach: Detach, payload: bytes) -> None:
        session = self._session(channel)
        connection = session._connection
        link = self._link(session, detach.handle)
        if link is None:
            return
        link._remote_condition = Condition._from_wire(detach.error)
        if link._refs < 0:
            pass  # Nobody is there to be told.
        elif detach.closed:
            link._set_remote(REMOTE_CLOSED)
            connection._put(link, Event.LINK_REMOTE_CLOSE)
        else:
            connection._put(link, Event.LINK_REMOTE_DETACH)
        self._drop_partial(link)
        del session._remote_handles[detach.handle]
        link._remote_handle = -2
        link._decref()

    def _flow(self, channel: int, flow: Flow, payload: bytes) -> None:
        session = self._session(channel)
        connection = session._connection
        window = flow.incoming_window
        if flow.next_incoming_id is not None:
            window = _unused(window, session._next_outgoing_id - flow.next_incoming_id)
        session._remote_incoming_window = window
        if window > 0 and session._starved:
            connection._ready.update(session._starved)
            session._starved = {}
        if flow.handle is None:
            if flow.echo:
                session._echo = True
                connection._touch(session)
            return
        link = self._link(session, flow.handle)
        if link is None or link._refs < 0:
            return
        if link.is_sender:
            credit = _unused(flow.link_credit or 0, link._delivery_count - (flow.delivery_count or 0))
            link._credit += credit - link._link_credit
            link._link_credit = credit
            link._drain = bool(flow.drain)
            if link._parked and credit > 0:
                connection._ready[link] = None
        else:
            used = ((flow.delivery_count or 0) - link._delivery_count) & MASK
            if 0 < used < HALF:
                link._delivery_count = (link._delivery_count + used) & MASK
                used = min(used, max(link._link_credit, 0))
                link._link_credit -= used
                link._credit -= used
                link._drained += used
            link._available = flow.available or 0
        if flow.echo:
            link._echo = True
            connection._touch(link)
        connection._put(link, Event.LINK_FLOW)

    # --- deliveries

    def whole_transfer(self, channel: int, number: int, tag: bytes, settled: bool, payload: bytes) -> None:
        """A transfer that is a message, on the link with handle 0: mostly nothing is to be said against it.

        What it does then is what :meth:`_transfer` does, with less to look at; a property test holds the two together.
        """
        session = self._transport._remote_channels.get(channel)
        link = session._remote_handles.get(0) if session is not None else None
        if (
            session is None or link is None or not link.is_receiver or link._link_credit <= 0
            or link._partial is not None or link._skipping or link._refs < 0
            or link._state & (LOCAL_CLOSED | LOCAL_UNINIT)
            or session._incoming_window <= 1 or number != session._next_incoming_delivery
            or link._max_message_size and len(payload) > link._max_message_size
        ):
            self._transfer(channel, Transfer(0, number, tag, 0, settled), payload)
            return
        session._incoming_window -= 1
        session._next_incoming_id = (session._next_incoming_id + 1) & MASK
        session._next_incoming_delivery = (number + 1) & MASK
        session._incoming_bytes += len(payload)
        link._delivery_count = (link._delivery_count + 1) & MASK
        link._link_credit -= 1
        link._queued += 1
        link._unsettled += 1
        session._incoming[number] = delivery = Delivery(link, tag)
        delivery._id = number
        delivery._data = payload
        delivery._done = True
        if settled:
            delivery._remote_settled = delivery._updated = True
        if link._current is None:
            link._current = delivery
        elif link._later:
            link._later.append(delivery)
        else:
            link._queue(delivery)
        collector = session._connection._collector
        if collector is not None:
            collector._put(delivery, Event.DELIVERY)

    def _transfer(self, channel: int, transfer: Transfer, payload: bytes) -> None:
        session = self._transport._remote_channels.get(channel)
        if session is None:
            session = self._session(channel)
        link = session._remote_handles.get(transfer.handle)
        if link is None:
            if session._state & LOCAL_CLOSED:
                return
            self._violated(session, "amqp:session:unattached-handle", f"no link has handle {transfer.handle}")
            return
        if link.is_sender:
            raise ProtocolError(NOT_ALLOWED, f"a transfer to the sending end of link {link._name!r}")
        window = session._incoming_window - 1
        if window < 0:
            if not session._state & LOCAL_CLOSED:
                self._violated(session, "amqp:session:window-violation", "a transfer over the incoming window")
            return
        session._incoming_window = window
        session._next_incoming_id = (session._next_incoming_id + 1) & MASK

        delivery = link._partial
        if delivery is None:
            if not link._skipping:
                delivery = self._new_delivery(session, link, transfer)
            if delivery is None:
                link._skipping = transfer.more and not transfer.aborted
                if not window:
                    session._connection._touch(link)
                return
            delivery._data = payload
        else:
            number = transfer.delivery_id
            if number is not None and number != delivery._id:
                raise ProtocolError(
                    "amqp:session:errant-link",
                    f"delivery-id {number} amid delivery {delivery._id} of link {link._name!r}",
                )
            if delivery._sent:
                payload = b""  # The application has finished with it.
            elif payload:
                data: Any = delivery._data
                if data.__class__ is bytes:
                    data = delivery._data = Pieces(data)
                data.append(payload)
        connection = session._connection
        session._incoming_bytes += len(payload)
        if transfer.more:
            link._partial = delivery
        else:
            link._partial = None
            delivery._done = True
        if transfer.settled and not delivery._remote_settled:
            delivery._remote_settled = True
            delivery._updated = True
        if transfer.aborted:
            self._abort(session, link, delivery)
        elif link._max_message_size and delivery._received > link._max_message_size:
            self._refuse(link, "amqp:link:message-size-exceeded", f"a message over {link._max_message_size} bytes")
            self._abort(session, link, delivery)
            link._skipping = transfer.more
        if transfer.state is not None:
            delivery._remote_type = state_type(transfer.state)
            delivery.remote._set_from_wire(transfer.state)
        if not window:
            connection._touch(link)
        collector = connection._collector
        if collector is not None:
            collector._put(delivery, Event.DELIVERY)

    def _new_delivery(self, session: Session, link: Link, transfer: Transfer) -> Optional[Delivery]:
        number = transfer.delivery_id
        tag = transfer.delivery_tag
        if number is None or tag is None:
            raise ProtocolError(INVALID_FIELD, "the first transfer of a delivery has no delivery-id or no delivery-tag")
        expected = session._next_incoming_delivery
        if expected >= 0 and number != expected:
            raise ProtocolError(INVALID_FIELD, f"delivery-id {number} where {expected} is next")
        session._next_incoming_delivery = (number + 1) & MASK
        link._delivery_count = (link._delivery_count + 1) & MASK
        if link._refs < 0:
            return None
        slack = self._overrun * link._most_credit if session._local_channel >= 0 else 0
        if link._link_credit <= -slack or link._state & (LOCAL_CLOSED | LOCAL_UNINIT):
            if not link._state & LOCAL_CLOSED:
                self._refuse(link, "amqp:link:transfer-limit-exceeded", "a transfer without credit for it")
            return None
        link._link_credit -= 1
        link._queued += 1
        delivery = Delivery(link, tag)
        delivery._id = number
        session._incoming[number] = delivery
        link._unsettled += 1
        if link._current is None:
            link._current = delivery
        else:
            link._queue(delivery)
        return delivery

    def _refuse(self, link: Link, condition: str, description: str) -> None:
        """Detach a link whose peer broke its rules."""
        link._condition = link._remote_condition = Condition(condition, description)
        link.close()

    def _abort(self, session: Session, link: Link, delivery: Delivery) -> None:
        """The sender takes the delivery back: it is settled, and nothing of it is to be read."""
        link._partial = None
        session._incoming_bytes -= len(delivery._data)
        delivery._data = b""
        delivery._aborted = True
        delivery._done = True
        delivery._remote_settled = True
        delivery._updated = True

    def _drop_partial(self, link: Link) -> None:
        """The rest of an incoming delivery will never come."""
        delivery = link._partial
        if delivery is not None:
            self._abort(link._session, link, delivery)

    def _disposition(self, channel: int, disposition: Disposition, payload: bytes) -> None:
        session = self._session(channel)
        deliveries = session._outgoing if disposition.role else session._incoming
        first = disposition.first
        last = disposition.last
        state = disposition.state
        settled = disposition.settled
        kind = 0x24 if state is ACCEPTED else state_type(state)
        if last is None or last == first:
            found = deliveries.get(first)
            if found is not None:
                self._update(session, deliveries, (found,), kind, state, settled)
            return
        count = (last - first) & MASK
        if count >= HALF:
            raise ProtocolError(INVALID_FIELD, f"a disposition from {first} to {last}")
        named: List[Delivery]
        if count < len(deliveries) * 2:
            find = deliveries.get
            named = [found for n in range(first, first + count + 1) if (found := find(n & MASK)) is not None]
        else:  # The peer may name a huge range; only what is there is looked at.
            named = [found for n, found in deliveries.items() if (n - first) & MASK <= count]
            named.sort(key=lambda delivery: (delivery._id - first) & MASK)
        self._update(session, deliveries, named, kind, state, settled)

    def _update(
        self, session: Session, deliveries: Dict[int, Delivery], named: Sequence[Delivery], kind: int, state: Any,
        settled: bool,
    ) -> None:
        collector = session._connection._collector
        detailed = kind != 0x24 and kind != 0x26
        for delivery in named:
            if state is not None:
                delivery._remote_type = kind
                if detailed:
                    delivery.remote._set_from_wire(state)
                elif delivery._remote is not None:
                    delivery._remote._type = kind
            delivery._updated = True
            if settled:
                delivery._remote_settled = True
                del deliveries[delivery._id]
            if collector is not None:
                collector._put(delivery, Event.DELIVERY)
