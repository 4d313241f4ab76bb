"""What the endpoints have to say, as frames.

Nothing is written when the application changes something; endpoints and deliveries only note that they have changed.
When the transport is asked for bytes, everything noted is written in a fixed order: open, begins, attaches, the flows
of receivers, transfers and dispositions, the flows of senders, detaches, ends, close.  So many changes make few
frames: one flow however often credit was added, one disposition for a run of deliveries with the same outcome.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, List, Optional

from ..wire.frames import transfer_overhead, write_disposition, write_flow, write_frame, write_transfer, write_whole
from ..wire.performatives import Begin, Close, Detach, End, Open
from ..wire.states import ACCEPTED
from .condition import Condition
from .endpoint import LOCAL_ACTIVE, LOCAL_CLOSED, LOCAL_UNINIT, REMOTE_CLOSED, Endpoint
from .events import Event, EventType
from .link import Link
from .session import HANDLE_MAX, Session
from .terminus import Terminus

if TYPE_CHECKING:
    from .connection import Connection
    from .delivery import Delivery
    from .transport import Transport

__all__ = ["Outgoing"]

MASK = 0xFFFFFFFF

#: Transfers wait while more than this many bytes of frames are ready to be sent.
HIGH_WATER = 1 << 20


class Outgoing:
    """Writes the frames of one transport."""

    __slots__ = ("_transport", "_out", "close_sent", "_free_channels", "_next_channel",
                 "_told", "_disp_session", "_disp_role", "_disp_first", "_disp_next", "_disp_settled", "_disp_state")

    def __init__(self, transport: "Transport", out: bytearray) -> None:
        self._transport = transport
        self._out = out
        self.close_sent = False
        self._free_channels: List[int] = []
        self._next_channel = 0
        # The link of the last event: what would only repeat it need not be put.
        self._told: Optional[Link] = None
        # The run of dispositions that is being gathered.
        self._disp_session: Optional[Session] = None
        self._disp_role = False
        self._disp_first = 0
        self._disp_next = 0
        self._disp_settled = False
        self._disp_state: Any = None

    def process(self, connection: "Connection") -> None:
        """Write all that the connection has to say and may say now."""
        if not self._transport._open_sent:
            if connection._state & LOCAL_UNINIT:
                return
            self.write_open(connection)
        touched = connection._touched
        if not (touched or connection._work or connection._ready):
            return
        sessions: List[Session] = []
        links: List[Link] = []
        if touched:
            connection._touched = []
            for endpoint in touched:
                endpoint._modified = False
                if isinstance(endpoint, Link):
                    links.append(endpoint)
                elif isinstance(endpoint, Session):
                    sessions.append(endpoint)
            for session in sessions:
                if session._local_channel == -1 and not session._state & LOCAL_UNINIT:
                    self._begin(session)
                elif session._echo and session._local_channel >= 0:
                    self._flow(session, None)
            for link in links:
                if link._local_handle == -1 and not link._state & LOCAL_UNINIT:
                    session = link._session
                    if session._local_channel == -1 or session._local_channel >= 0 and session._name_taken(link):
                        self._again(connection, link)
                    elif session._local_channel >= 0:
                        self._attach(link)
            for link in links:
                if not link.is_sender and link._session._local_channel >= 0:
                    self._receiver_flow(link)
        self._told = None
        if connection._ready:
            self._send_waiting(connection)
        if connection._work:
            self._do_work(connection)
        for link in links:
            if link._local_handle >= 0:
                if link.is_sender:
                    self._sender_flow(connection, link)
                if link._detached or link._state & LOCAL_CLOSED:
                    self._detach(connection, link)
        for session in sessions:
            if session._state & LOCAL_CLOSED and session._local_channel >= 0:
                if self._must_wait(connection) or self._unfinished(session):
                    self._again(connection, session)
                else:
                    self._end(session)
        for endpoint in touched:
            endpoint._end_if_unused()
        if connection._state & LOCAL_CLOSED and not self.close_sent:
            if self._must_wait(connection):
                self._again(connection, connection)
            else:
                self.write_close(connection._condition)

    # --- connection

    def write_open(self, connection: Optional["Connection"]) -> None:
        """Write the open frame; without a connection, one that says as little as it may, to be able to close."""
        self._transport._open_sent = True
        if connection is None:
            self._write(0, Open(container_id=""))
            return
        transport = self._transport
        fields: Any = {"channel_max": transport._negotiated_channel_max()}
        if transport._max_frame_size:
            fields["max_frame_size"] = transport._max_frame_size
        if transport._idle_timeout:
            fields["idle_time_out"] = max(int(transport._idle_timeout * 500), 1)
        self._write(0, connection._open_frame(**fields))

    def write_close(self, condition: Optional[Condition]) -> None:
        """Write the close frame."""
        self._flush_dispositions()
        self._write(0, Close(condition._to_wire() if condition is not None and condition.name else None))
        self.close_sent = True

    def _write(self, channel: int, performative: Any) -> None:
        write_frame(self._out, channel, performative)
        self._transport._frames_output += 1

    @staticmethod
    def _again(connection: "Connection", endpoint: Any) -> None:
        """Look at ``endpoint`` again next time: something stands in the way now."""
        if not endpoint._modified:
            endpoint._modified = True
            connection._touched.append(endpoint)

    def _must_wait(self, connection: "Connection") -> bool:
        """Whether an end or a close has to wait: for the peer's open, or for deliveries that are ready to go."""
        incoming = self._transport._incoming
        if incoming.close_received:
            return False
        return not incoming.open_received or bool(connection._work or connection._ready or connection._holds)

    def _unfinished(self, session: Session) -> bool:
        """Whether an end has to wait: for the peer's begin, or for deliveries that wait for credit."""
        if session._remote_channel == -2 or self._transport._incoming.close_received:
            return False
        return session._remote_channel == -1 or bool(session._connection._holds) or any(
            link.is_sender and link._queued and link._remote_handle != -2 for link in session._local_handles.values()
        )

    @staticmethod
    def _no_room(endpoint: Endpoint, final: EventType, description: str) -> None:
        """The peer has no number left for an endpoint: that is as good as a refusal."""
        endpoint._remote_condition = Condition("amqp:resource-limit-exceeded", description)
        endpoint._set_remote(REMOTE_CLOSED)
        endpoint.connection._put(endpoint, final)

    # --- sessions

    def _begin(self, session: Session) -> None:
        transport = self._transport
        if self._free_channels:
            channel = heappop(self._free_channels)
        elif self._next_channel > transport._negotiated_channel_max():
            session._local_channel = -2
            self._no_room(session, Event.SESSION_REMOTE_CLOSE, "all channels up to channel-max are in use")
            return
        else:
            channel = self._next_channel
            self._next_channel += 1
        session._local_channel = channel
        session._incref()
        transport._local_channels[channel] = session
        session._incoming_window = session._window(transport._max_frame_size)
        self._write(channel, Begin(
            remote_channel=session._remote_channel if session._remote_channel >= 0 else None,
            next_outgoing_id=session._next_outgoing_id,
            incoming_window=session._incoming_window,
            outgoing_window=session._outgoing_window,
            handle_max=HANDLE_MAX,
        ))

    def _end(self, session: Session) -> None:
        self._flush_dispositions()
        channel = session._local_channel
        condition = session._condition
        self._write(channel, End(condition._to_wire() if condition is not None and condition.name else None))
        session._local_channel = -2
        del self._transport._local_channels[channel]
        heappush(self._free_channels, channel)
        for link in session._local_handles.values():
            link._local_handle = -2
            link._cut_off()
            link._decref()
        session._local_handles = {}
        session._decref()

    # --- links

    def _attach(self, link: Link) -> None:
        session = link._session
        handle = session._take_handle()
        if handle > session.remote_handle_max:
            session._return_handle(handle)
            link._local_handle = -2
            self._no_room(link, Event.LINK_REMOTE_CLOSE, "all handles up to the peer's handle-max are in use")
            return
        link._local_handle = handle
        link._incref()
        session._local_handles[handle] = link
        session._attached[link._name, link.is_sender] = link
        if link._remote_handle == -1 and session._remote_channel != -2:
            session._await_attach(link)
        self._write(session._local_channel, link._attach_frame(handle))
        if link._parked:
            session._connection._ready[link] = None  # A peer that attached first may have given credit already.

    def _detach(self, connection: "Connection", link: Link) -> None:
        session = link._session
        gone = link._remote_handle == -2 or session._remote_channel == -2 or self._transport._incoming.close_received
        under_way = connection._work or connection._ready
        if not gone and (under_way or link.is_sender and link._queued or session._is_succeeded(link)):
            self._again(connection, link)
            return
        if session._local_channel >= 0:
            self._flush_dispositions()
            condition = link._condition
            self._write(session._local_channel, Detach(
                handle=link._local_handle,
                closed=bool(link._state & LOCAL_CLOSED),
                error=condition._to_wire() if condition is not None and condition.name else None,
            ))
        del session._local_handles[link._local_handle]
        session._return_handle(link._local_handle)
        link._local_handle = -2
        link._cut_off()
        link._decref()

    def _receiver_flow(self, link: Link) -> None:
        session = link._session
        if session._incoming_capacity:
            window = session._window(self._transport._max_frame_size)
            reopened = window > session._incoming_window and session._incoming_window <= window // 2
        else:
            reopened = not session._incoming_window
        if link._local_handle >= 0 and link._state & LOCAL_ACTIVE:
            if link._drain or link._echo or reopened or link._link_credit != link._credit - link._queued:
                link._link_credit = link._credit - link._queued
                link._most_credit = max(link._most_credit, link._link_credit)
                self._flow(session, link)
        elif reopened and session._state & LOCAL_ACTIVE:
            self._flow(session, None)

    def _sender_flow(self, connection: "Connection", link: Link) -> None:
        if link._drained:
            if link._queued and link._link_credit > 0:
                self._again(connection, link)  # What was handed over before goes first.
                return
            link._drained = 0
            self._flow(link._session, link)
        elif link._echo:
            self._flow(link._session, link)

    def _flow(self, session: Session, link: Optional[Link]) -> None:
        self._flush_dispositions()
        session._incoming_window = session._window(self._transport._max_frame_size)
        session._echo = False
        incoming = session._next_incoming_id if session._remote_channel != -1 else None
        channel = session._local_channel
        outgoing_window = session._outgoing_window
        if link is None:
            write_flow(self._out, channel, incoming, session._incoming_window, session._next_outgoing_id,
                       outgoing_window)
        else:
            link._echo = False
            write_flow(
                self._out, channel, incoming, session._incoming_window, session._next_outgoing_id, outgoing_window,
                link._local_handle, link._delivery_count, max(link._link_credit, 0),
                link._available if link.is_sender and link._available else None, link._drain,
            )
        self._transport._frames_output += 1

    # --- deliveries

    def _do_work(self, connection: "Connection") -> None:
        work = connection._work
        connection._work = []
        out = self._out
        for index, delivery in enumerate(work):
            delivery._working = False
            link = delivery._link
            sender = link.is_sender
            if sender:
                if (
                    self._disp_session is not None
                    and link._target is not None and link._target.type == Terminus.COORDINATOR
                ):
                    # What was accepted under a transaction has to be there before its discharge.
                    self._flush_dispositions()
                if delivery._aborted and delivery._id < 0:
                    self._told = None
                    connection._put(link, Event.LINK_FLOW)
                if not delivery._sent:
                    if not delivery._parked and (link._parked or not self._transfer(delivery, link)):
                        # It waits its turn.
                        link._park(delivery)
                    if len(out) > HIGH_WATER:
                        connection._work = work[index + 1:]
                        break
                    continue
            if delivery._id >= 0:
                self._state_of(delivery, link, sender)
        self._flush_dispositions()

    def _send_waiting(self, connection: "Connection") -> None:
        ready = connection._ready
        out = self._out
        while ready:
            link = next(iter(ready))
            parked = link._parked
            while parked and len(out) <= HIGH_WATER:
                delivery = parked[0]
                if not delivery._sent and not self._transfer(delivery, link):
                    break
                parked.popleft()
                delivery._parked = False
            del ready[link]
            if parked and len(out) > HIGH_WATER:
                ready[link] = None  # Next time it is the next link's turn.
                return

    def _transfer(self, delivery: "Delivery", link: Link) -> bool:
        """Send all there is of a delivery; false if credit or window did not suffice."""
        session = link._session
        number = delivery._id
        if link._link_credit <= 0 and number < 0 or link._local_handle < 0 or session._local_channel < 0:
            return False
        window = session._remote_incoming_window
        if window <= 0:
            session._starved[link] = None
            return False
        data = delivery._data
        done = delivery._done
        if not data and not done:
            return True
        if number < 0:
            number = delivery._id = session._next_outgoing_delivery
            session._next_outgoing_delivery = (number + 1) & MASK
            session._outgoing[number] = delivery
            # Both sides count a delivery by its first frame.
            link._delivery_count = (link._delivery_count + 1) & MASK
            link._link_credit -= 1
        state = delivery._local_wire() if delivery._local_type else None
        tag = delivery._tag
        size = len(data)
        transport = self._transport
        limit = transport._remote_max_frame_size
        if state is None and size + len(tag) + 64 <= limit and not delivery._read:
            if done and not delivery._aborted:
                write_whole(self._out, session._local_channel, link._local_handle, number, tag, delivery._settled,
                            data)  # type: ignore[arg-type]
            else:
                write_transfer(self._out, session._local_channel, link._local_handle, number, tag, 0, delivery._settled,
                               not done, None, delivery._aborted, data)  # type: ignore[arg-type]
            frames = 1
            session._outgoing_bytes -= size
        else:
            frames, size = self._transfer_frames(delivery, link, state, limit, window)
        transport._frames_output += frames
        session._next_outgoing_id = (session._next_outgoing_id + frames) & MASK
        session._remote_incoming_window = window - frames
        if self._told is not link:
            self._told = link
            session._connection._put(link, Event.LINK_FLOW)
        if size < len(data):
            if session._remote_incoming_window > 0:
                session._connection._ready[link] = None  # Only this end's buffer is full.
            else:
                session._starved[link] = None
            return False
        delivery._data = b""
        delivery._read = 0
        if done:
            delivery._sent = True
            link._queued -= 1
            if delivery._settled:
                session._outgoing.pop(number, None)
        return True

    def _transfer_frames(self, delivery: "Delivery", link: Link, state: Any, limit: int, window: int) -> Any:
        """Send a delivery in frames, as many as it takes or may be sent now.

        :returns: how many frames were written, and how many bytes of the delivery are sent by now.
        """
        tag = delivery._tag
        settled = delivery._settled
        room = limit - transfer_overhead(link._local_handle, delivery._id, tag, 0, settled, state)
        view = memoryview(delivery._data)  # type: ignore[arg-type]
        size = len(view)
        start = sent = delivery._read
        frames = 0
        out = self._out
        while frames < window and (sent < size and len(out) <= HIGH_WATER or not frames):
            chunk = view[sent:sent + max(room, 1)]
            sent += len(chunk)
            more = sent < size or not delivery._done
            write_transfer(out, link._session._local_channel, link._local_handle, delivery._id, tag, 0, settled, more,
                           state, delivery._aborted, chunk)
            frames += 1
        view.release()
        delivery._read = sent
        link._session._outgoing_bytes -= sent - start
        return frames, sent

    def _state_of(self, delivery: "Delivery", link: Link, sender: bool) -> None:
        """Tell the peer our state of a delivery; forget the delivery once we have settled it."""
        session = link._session
        number = delivery._id
        settled = delivery._settled
        if not delivery._remote_settled and session._local_channel >= 0 and (settled or delivery._local_type):
            state = ACCEPTED if delivery._local_type == 0x24 else delivery._local_wire()
            if (
                number == self._disp_next and self._disp_state is state and self._disp_settled is settled
                and self._disp_session is session and self._disp_role is not sender
            ):
                self._disp_next = (number + 1) & MASK
            else:
                self._disposition(session, not sender, number, settled, state)
        if settled:
            deliveries = session._outgoing if sender else session._incoming
            if deliveries.get(number) is delivery:
                del deliveries[number]

    def _disposition(self, session: Session, role: bool, number: int, settled: bool, state: Any) -> None:
        """Add a delivery before the first of the run that is being gathered, or begin a new one."""
        if (
            self._disp_session is session and self._disp_role is role and self._disp_settled is settled
            and self._disp_state is state
        ):
            if number == (self._disp_first - 1) & MASK:
                self._disp_first = number
                return
        self._flush_dispositions()
        self._disp_session = session
        self._disp_role = role
        self._disp_first = number
        self._disp_next = (number + 1) & MASK
        self._disp_settled = settled
        self._disp_state = state

    def _flush_dispositions(self) -> None:
        session = self._disp_session
        if session is not None:
            self._disp_session = None
            if session._local_channel >= 0:
                last = (self._disp_next - 1) & MASK
                write_disposition(self._out, session._local_channel, self._disp_role, self._disp_first, last,
                                  self._disp_settled, self._disp_state)
                self._transport._frames_output += 1
