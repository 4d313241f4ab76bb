"""A peer with a transaction coordinator that writes down every frame, and answers as it is told to.

It speaks by frames and has no engine, so that what is asserted of it is what was on the wire.  One thread serves one
connection after another.  It does what a broker that behaves would do, but for the answers to declares and discharges,
which a test can script: ``answers`` are taken in turn, each a delivery state, or one of the words below.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from typing import Any, Dict, List, Optional, Tuple, Type

from syncproton.message import Message
from syncproton.wire.composite import Composite
from syncproton.wire.frames import AMQP_FRAME, AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, write_frame
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome
from syncproton.wire.states import ACCEPTED, Declared, Error, TransactionalState
from syncproton.wire.termini import Coordinator

__all__ = ["DETACH", "DROP", "END", "LIMIT", "SILENCE", "ScriptedCoordinator"]

LIMIT = 10.0  # seconds; far more than anything here takes

#: Answers that are none: say nothing; close the coordinator's link; end the session; drop the connection.
SILENCE, DETACH, END, DROP = "silence", "detach", "end", "drop"

#: Why, where the answer is a detach or an end.
REASON = Error("amqp:transaction:rollback", "out of patience")


class _Link:
    def __init__(self, channel: int, attach: Attach) -> None:
        self.channel = channel
        self.attach = attach
        self.handle = attach.handle
        self.to_coordinator = isinstance(attach.target, Coordinator)
        self.sent = 0


class ScriptedCoordinator:
    """Listens on a port of this machine until it is closed.

    :param answers: what to answer declares and discharges, in the order in which they come, and then as asked for: a
        delivery state; a pair of whether to settle and the state; a word; or a pair of an event to wait for and one of
        these.
    :param credit: for senders to queues; 0 withholds it until :meth:`grant`.
    :param messages: how many messages each receiver gets, with the bodies 0, 1, 2 ...
    :param refuse: whether the coordinator's link is refused.
    :param settle: whether data transfers, and what is accepted under a transaction once it is over, are settled.
    :param presettled: whether messages are sent settled.
    :param outcome: of what is sent to queues.
    :param max_frame_size: of the frames it takes, in bytes.

    :ivar heard: what clients said, one list of channels, performatives and payloads for each connection.
    :ivar octets: all the bytes that clients sent after their logins.
    """

    def __init__(self, *answers: Any, credit: int = 100, messages: int = 0, refuse: bool = False, settle: bool = True,
                 presettled: bool = False, max_frame_size: int = 65536, outcome: Any = ACCEPTED) -> None:
        self._answers = list(answers)
        self._credit = credit
        self._messages = messages
        self._refuse = refuse
        self._settle = settle
        self._presettled = presettled
        self._max_frame_size = max_frame_size
        self._outcome_of_sends = outcome
        self._declared = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT * 3)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"amqp://127.0.0.1:{self.port}"
        self.heard: List[List[Tuple[int, Any, bytes]]] = []
        self.octets = bytearray()
        self.failure: Optional[BaseException] = None
        self._changed = threading.Condition()
        self._sock: Optional[socket.socket] = None
        self._closing = False
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="scripted-coordinator")
        self._thread.start()

    # --- what a test asks

    def said(self, *kinds: Type[Composite], connection: int = -1) -> List[Any]:
        """What the client of a connection said, of these kinds."""
        with self._changed:
            return [each for _, each, _ in self.heard[connection] if isinstance(each, kinds)]

    def wait_for(self, kind: Type[Composite], count: int = 1, connection: int = 0) -> None:
        """Wait until the client has said so many of a kind."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.heard) > connection and len(self.said(kind, connection=connection)) >= count, LIMIT
            ), f"the client did not say {kind.__name__}"

    def story(self, connection: int = -1) -> List[Any]:
        """What happened under transactions, in the order of the wire.

        ``("declare",)``, ``("discharge", id, fail)``, ``("send", body, id or None, settled)``,
        ``("outcome", delivery-id, id or None, code of the outcome or None, settled)``.
        """
        told: List[Any] = []
        with self._changed:
            heard = list(self.heard[connection])
        links: Dict[Tuple[int, int], _Link] = {}
        begun = b""
        for channel, each, payload in heard:
            if isinstance(each, Attach):
                links[channel, each.handle] = _Link(channel, each)
            elif isinstance(each, Transfer):
                payload = begun + bytes(payload)
                begun = payload if each.more else b""
                if each.more:
                    continue
                body = _body(payload) if not each.aborted else "aborted"
                if not links[channel, each.handle].to_coordinator:
                    told.append(("send", body, getattr(each.state, "txn_id", None), bool(each.settled)))
                elif str(body.descriptor) == "amqp:declare:list":
                    told.append(("declare",))
                else:
                    told.append(("discharge", bytes(body.value[0]), body.value[1]))
            elif isinstance(each, Disposition) and each.role:
                state = each.state
                outcome = state.outcome if isinstance(state, TransactionalState) else state
                code = outcome.DESCRIPTOR if outcome is not None else None
                for number in range(each.first, (each.last if each.last is not None else each.first) + 1):
                    told.append(("outcome", number, getattr(state, "txn_id", None), code, bool(each.settled)))
        return told

    def grant(self, credit: int = 100) -> None:
        """Give credit to the senders to queues of the connection that there is."""
        with self._lock:
            self._credit = credit
            for link in self._links.values():
                if not link.attach.role and not link.to_coordinator:
                    self._flow(link, credit)

    def detach_queue(self) -> None:
        """Close the senders to queues."""
        with self._lock:
            for key, link in list(self._links.items()):
                if not link.attach.role and not link.to_coordinator:
                    del self._links[key]
                    self._say(link.channel, Detach(link.handle, True, Error("amqp:resource-deleted", "gone")))

    def drop(self) -> None:
        """Cut the connection off."""
        if self._sock is not None:
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop, and raise what went wrong here."""
        self._closing = True
        for sock in (self._listener, self._sock):
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended already
        self._listener.close()
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "the scripted coordinator hangs"
        if self.failure is not None:
            raise self.failure

    # --- serving

    def _serve(self) -> None:
        while not self._closing:
            try:
                self._sock, _ = self._listener.accept()
            except OSError:
                return
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sock.settimeout(LIMIT * 3)
            try:
                with self._sock:
                    self._talk(self._sock)
            except ConnectionError:
                pass
            except OSError as error:
                if not self._closing:
                    self.failure = error
            except BaseException as error:
                self.failure = error

    def _talk(self, sock: socket.socket) -> None:
        held = self._greet(sock)
        self._links: Dict[Tuple[int, int], _Link] = {}
        self._ended = False
        self._incoming: Dict[int, int] = Counter()
        self._delivery = 0
        self._accepted: Dict[bytes, List[int]] = {}
        with self._changed:
            self.heard.append([])
        reader = FrameReader(AMQP_FRAME, 1 << 30)
        reader.feed(held)
        while True:
            frame = reader.next_frame()
            if frame is None:
                data = sock.recv(65536)
                if not data:
                    return
                reader.feed(data)
                self.octets += data
                continue
            channel, performative, payload = frame
            if performative is None:
                continue
            with self._lock:
                with self._changed:
                    self.heard[-1].append((channel, performative, payload))
                    self._changed.notify_all()
                if not self._answer(channel, performative, payload):
                    return

    @staticmethod
    def _greet(sock: socket.socket) -> bytes:
        """Let anybody in; what was read beyond the header of the protocol."""
        def more() -> bytes:
            data = sock.recv(65536)
            if not data:
                raise ConnectionError("the client went")
            return data

        held = b""
        for header in (SASL_HEADER, AMQP_HEADER):
            while len(held) < 8:
                held += more()
            assert held[:8] == header
            sock.sendall(header)
            held = held[8:]
            if header == SASL_HEADER:
                out = bytearray()
                write_frame(out, 0, SaslMechanisms(["ANONYMOUS"]))
                sock.sendall(out)
                reader = FrameReader(SASL_FRAME)
                reader.feed(held)
                frame = reader.next_frame()
                while frame is None:
                    reader.feed(more())
                    frame = reader.next_frame()
                assert isinstance(frame[1], SaslInit)
                out = bytearray()
                write_frame(out, 0, SaslOutcome(0))
                sock.sendall(out)
                held = bytes(reader.take_rest())
        return held

    def _say(self, channel: int, performative: Any, payload: bytes = b"") -> None:
        out = bytearray()
        write_frame(out, channel, performative, payload)
        assert self._sock is not None
        self._sock.sendall(out)

    def _flow(self, link: _Link, credit: int) -> None:
        self._say(link.channel, Flow(
            next_incoming_id=self._incoming[link.channel], incoming_window=2048, next_outgoing_id=0,
            outgoing_window=2048, handle=link.handle, delivery_count=link.sent, link_credit=credit))

    def _answer(self, channel: int, said: Any, payload: bytes) -> bool:
        """Answer one performative; false to drop the connection."""
        link = self._links.get((channel, getattr(said, "handle", None) or 0))
        if isinstance(said, Open):
            self._say(0, Open("scripted-coordinator", max_frame_size=self._max_frame_size))
        elif isinstance(said, Begin):
            self._say(channel, Begin(remote_channel=channel, next_outgoing_id=0, incoming_window=2048,
                                     outgoing_window=2048))
        elif isinstance(said, Attach):
            self._attach(channel, said)
        elif isinstance(said, Flow) and said.handle is not None and link is not None:
            self._deliver(link, said)
        elif isinstance(said, Disposition) and said.role:
            self._outcome(said)
        elif isinstance(said, Transfer):
            self._incoming[channel] += 1
            if link is not None and not said.more:
                link.sent += 1
                return self._transfer(link, said, payload)
        elif isinstance(said, Detach):
            if self._links.pop((channel, said.handle), None) is not None:
                self._say(channel, Detach(said.handle, said.closed))
        elif isinstance(said, End):
            if not self._ended:
                self._say(channel, End())
            self._ended = False
            self._links = {key: each for key, each in self._links.items() if each.channel != channel}
        elif isinstance(said, Close):
            self._say(0, Close())
            return False
        return True

    def _attach(self, channel: int, said: Attach) -> None:
        link = _Link(channel, said)
        refused = link.to_coordinator and self._refuse
        self._say(channel, Attach(name=said.name, handle=said.handle, role=not said.role, source=said.source,
                                  target=None if refused else said.target,
                                  initial_delivery_count=0 if said.role else None))
        if refused:
            self._say(channel, Detach(said.handle, True, Error("amqp:not-implemented", "no transactions here")))
            return
        self._links[channel, said.handle] = link
        if not said.role and (link.to_coordinator or self._credit):
            self._flow(link, 100 if link.to_coordinator else self._credit)

    def _deliver(self, link: _Link, flow: Flow) -> None:
        if not link.attach.role:
            return
        while link.sent < self._messages and flow.link_credit and link.sent < flow.delivery_count + flow.link_credit:
            self._say(link.channel, Transfer(
                handle=link.handle, delivery_id=self._delivery, delivery_tag=b"%d" % self._delivery, message_format=0,
                settled=self._presettled), payload=Message(body=link.sent).encode())
            self._delivery += 1
            link.sent += 1

    def _outcome(self, said: Disposition) -> None:
        state = said.state
        if isinstance(state, TransactionalState):
            numbers = range(said.first, (said.last if said.last is not None else said.first) + 1)
            self._accepted.setdefault(bytes(state.txn_id), []).extend(n for n in numbers if not said.settled)

    def _transfer(self, link: _Link, said: Transfer, payload: bytes) -> bool:
        if not link.to_coordinator:
            if not said.settled:
                state = self._outcome_of_sends
                if isinstance(said.state, TransactionalState):
                    state = TransactionalState(said.state.txn_id, state)
                self._say(link.channel, Disposition(True, said.delivery_id, said.delivery_id, self._settle, state))
            return True
        body = _body(payload)
        discharge = str(body.descriptor) == "amqp:discharge:list"
        if self._answers:
            answer = self._answers.pop(0)
            if isinstance(answer, tuple) and isinstance(answer[0], threading.Event):
                go_on, answer = answer
                assert go_on.wait(LIMIT), "the test never said to go on"
        elif discharge:
            answer = ACCEPTED
        else:
            self._declared += 1
            answer = Declared(b"txn-%d" % self._declared)
        if answer == DROP:
            return False
        if answer == DETACH:
            del self._links[link.channel, link.handle]
            self._say(link.channel, Detach(link.handle, True, REASON))
        elif answer == END:
            self._ended = True
            self._say(link.channel, End(REASON))
        elif answer != SILENCE:
            if discharge and answer is ACCEPTED and self._settle and not body.value[1]:
                for number in self._accepted.pop(bytes(body.value[0]), []):
                    state = TransactionalState(body.value[0], ACCEPTED)
                    self._say(link.channel, Disposition(False, number, number, True, state))
            settled, state = answer if isinstance(answer, tuple) else (True, answer)
            self._say(link.channel, Disposition(True, said.delivery_id, said.delivery_id, settled, state))
        return True


def _body(payload: bytes) -> Any:
    message = Message()
    message.decode(bytes(payload))
    return message.body
