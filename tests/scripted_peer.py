"""A listener on a thread of its own that follows a script, byte for byte, and does anything a peer must not do.

A script is a sequence of steps, each a function of the :class:`Talk` it is carried out in.  The steps made by
:func:`say`, :func:`hear` and their kin are the vocabulary; :data:`LOGIN` and the lists after it are the sentences of a
peer that behaves, to be cut short or continued by one that does not.  After its script a peer listens until the client
goes, so that a test can ask what it was told.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type

from syncproton.codec import symbol
from syncproton.wire.frames import AMQP_FRAME, AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, write_frame
from syncproton.wire.performatives import Attach, Begin, Close, End, Flow, Open, Transfer
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome
from syncproton.wire.termini import Source, Target

LIMIT = 10.0  # seconds; far more than anything here takes


class ClientWent(AssertionError):
    """The client ended the stream before it had said what the script waits for."""


class Talk:
    """One connection of the peer.

    :ivar heard: what the client said: channel, performative and payload.
    :ivar reset: whether the client ended by a reset, rather than by the end of the stream.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.heard: List[Tuple[int, Any, bytes]] = []
        self.over = threading.Event()
        self.reset = False
        self.drip = False
        self.sent_transfers = 0
        self._held = b""
        self._reader: Optional[FrameReader] = None
        self._amqp = False

    def read(self, size: int) -> bytes:
        """So many bytes, outside of frames."""
        if self._reader is not None:
            self._held, self._reader = self._reader.take_rest() + self._held, None
        while len(self._held) < size:
            data = self.sock.recv(65536)
            if not data:
                raise ClientWent(f"the client went after {self._held!r}")
            self._held += data
        data, self._held = self._held[:size], self._held[size:]
        return data

    def frames(self, kind: int) -> Any:
        """The frames that come, up to the end of the stream; all are taken down in :attr:`heard`."""
        if self._reader is None:
            self._reader = FrameReader(kind, 1 << 30)
            self._amqp = kind == AMQP_FRAME
            self._reader.feed(self._held)
            self._held = b""
        while True:
            frame = self._reader.next_frame()
            if frame is not None:
                self.heard.append(frame)
                yield frame
                continue
            data = self.sock.recv(65536)
            if not data:
                return
            self._reader.feed(data)

    def hear(self, kind: Type[Any], **fields: Any) -> Any:
        """Read up to a performative of this kind whose fields are these, and return it."""
        frame_type = SASL_FRAME if kind.__name__.startswith("Sasl") else AMQP_FRAME
        for _, performative, _ in self.frames(frame_type):
            if isinstance(performative, kind) and all(getattr(performative, key) == fields[key] for key in fields):
                return performative
        raise ClientWent(f"the client went without a {kind.__name__}; it said {self.heard!r}")

    def last(self, kind: Type[Any]) -> Any:
        """The performative of this kind heard last, or ``None``."""
        return next((frame[1] for frame in reversed(self.heard) if isinstance(frame[1], kind)), None)

    def say(self, *performatives: Any, payload: bytes = b"", channel: int = 0) -> None:
        """Send frames, in one piece."""
        out = bytearray()
        for performative in performatives:
            write_frame(out, channel, performative, payload)
        self.send(out)

    def send(self, data: Any) -> None:
        """Send bytes."""
        for start in range(0, len(data), 1 if self.drip else len(data) or 1):
            self.sock.sendall(data[start:start + 1] if self.drip else data)

    def stop_framing(self) -> None:
        """What comes from now on is not to be read as frames."""
        self._reader = None
        self._amqp = False

    def listen(self) -> None:
        """Take down what the client says until it goes."""
        try:
            if self._amqp:
                for _ in self.frames(AMQP_FRAME):
                    pass
            else:
                while self.sock.recv(65536):
                    pass
        except ConnectionError:
            self.reset = True

    def told(self, kind: Type[Any] = Close) -> Optional[str]:
        """Wait for the end; the error condition the client gave in its close (or end, or detach), or ``None``."""
        assert self.over.wait(LIMIT), "the client did not go"
        performative = self.last(kind)
        return performative.error.condition if performative is not None and performative.error is not None else None


Step = Callable[[Talk], Any]
Script = Sequence[Step]


class ScriptedPeer:
    """Listens, and follows one script with each client that comes: the next one of ``scripts``, the last one again.

    :ivar talks: the connections so far.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"amqp://127.0.0.1:{self.port}"
        self.talks: List[Talk] = []
        self.failures: List[BaseException] = []
        self._came = threading.Condition()
        self._threads: List[threading.Thread] = []
        self._start(self._accept)

    def talk(self, number: int = 0) -> Talk:
        """A connection, by number; waits for it."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.talks) > number, LIMIT), "no client came"
            return self.talks[number]

    def close(self) -> None:
        """Stop, and raise what went wrong in a script."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # some systems do not let a listener be shut down; closing it suffices there
        self._listener.close()
        for talk in self.talks:
            try:
                talk.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
        for thread in self._threads:
            thread.join(LIMIT)
            assert not thread.is_alive(), "a script hangs"
        if self.failures:
            raise self.failures[0]

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="scripted-peer")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(LIMIT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(sock)
            script = self._scripts[min(len(self.talks), len(self._scripts) - 1)]
            with self._came:
                self.talks.append(talk)
                self._came.notify_all()
            self._start(self._follow, talk, script)

    def _follow(self, talk: Talk, script: Script) -> None:
        try:
            with talk.sock:
                for step in script:
                    step(talk)
                if talk.sock.fileno() >= 0:
                    talk.listen()
        except ConnectionError:
            talk.reset = True
        except BaseException as error:
            self.failures.append(error)
        finally:
            talk.over.set()


# --- the vocabulary --------------------------------------------------------------------------------------------------

def raw_frame(body: str, kind: int = AMQP_FRAME, channel: int = 0) -> bytes:
    """A frame with a body in hexadecimal, which may be anything."""
    data = bytes.fromhex(body)
    return struct.pack(">IBBH", 8 + len(data), 2, kind, channel) + data


def bytes_(data: bytes) -> Step:
    """Send these bytes."""
    return lambda talk: talk.send(data)


def header(expected: bytes) -> Step:
    """Read a protocol header and answer with the same."""
    def step(talk: Talk) -> None:
        assert talk.read(8) == expected
        talk.send(expected)

    return step


def hear(kind: Type[Any], **fields: Any) -> Step:
    """Wait for a performative."""
    return lambda talk: talk.hear(kind, **fields)


def say(*performatives: Any, payload: bytes = b"", channel: int = 0) -> Step:
    """Send frames."""
    return lambda talk: talk.say(*performatives, payload=payload, channel=channel)


def wait(event: threading.Event) -> Step:
    """Wait until the test says to go on."""
    def step(talk: Talk) -> None:
        assert event.wait(LIMIT), "the test never said to go on"

    return step


def leave(talk: Talk) -> None:
    """End the stream, and read on until the client does likewise: nothing unread makes a reset of it."""
    try:
        talk.sock.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the client was faster
    talk.listen()
    talk.sock.close()


def reset(talk: Talk) -> None:
    """End the connection by a reset: to linger for no time does that."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.sock.close()


def stay_silent(talk: Talk) -> None:
    """Say nothing more, until the client goes."""
    talk.listen()


def drip(talk: Talk) -> None:
    """From now on, send every byte by itself."""
    talk.drip = True


def answer_begin(talk: Talk) -> None:
    """Begin the session that the client began."""
    talk.say(Begin(remote_channel=0, next_outgoing_id=0, incoming_window=2048, outgoing_window=2048))


def attach_for(attach: Attach, **fields: Any) -> Attach:
    """The answer to an attach."""
    values: Dict[str, Any] = dict(
        name=attach.name, handle=attach.handle, role=not attach.role, source=attach.source, target=attach.target,
        initial_delivery_count=0 if attach.role else None,
    )
    values.update(fields)
    return Attach(**values)


def answer_attach(talk: Talk) -> None:
    """Attach the link that the client attached last."""
    talk.say(attach_for(talk.last(Attach)))


def grant(credit: int = 10) -> Step:
    """Give a client that sends credit on its first link."""
    return say(Flow(next_incoming_id=0, incoming_window=2048, next_outgoing_id=0, outgoing_window=2048,
                    handle=0, delivery_count=0, link_credit=credit))


def transfer(payload: bytes = b"", **fields: Any) -> Step:
    """Send a transfer on the first link; the deliveries are numbered as they should be unless told otherwise."""
    def step(talk: Talk) -> None:
        number = talk.sent_transfers
        values: Dict[str, Any] = dict(handle=0, delivery_id=number, delivery_tag=b"%d" % number, message_format=0)
        values.update(fields)
        talk.sent_transfers += not values.get("more")
        talk.say(Transfer(**values), payload=payload)

    return step


def close(*error: Any) -> Step:
    """Close the connection, with an error if given, and wait for the client's close."""
    def step(talk: Talk) -> None:
        talk.say(Close(*error))
        talk.hear(Close)

    return step


MECHANISMS = SaslMechanisms([symbol("ANONYMOUS")])

#: The SASL layer.
LOGIN: List[Step] = [header(SASL_HEADER), say(MECHANISMS), hear(SaslInit), say(SaslOutcome(0))]
#: The connection is open.
OPENED: List[Step] = [*LOGIN, header(AMQP_HEADER), hear(Open), say(Open("peer", idle_time_out=None))]
#: The session that the client begins is open too.
BEGUN: List[Step] = [*OPENED, hear(Begin), answer_begin]
#: So is the link that the client attaches.
ATTACHED: List[Step] = [*BEGUN, hear(Attach), answer_attach]
#: The client sends and has credit.
SENDING: List[Step] = [*ATTACHED, grant()]
#: The client receives and has given credit.
RECEIVING: List[Step] = [*ATTACHED, hear(Flow)]
#: What a peer does that ends well: it answers the client's close.
FAREWELL: List[Step] = [hear(Close), say(Close())]

__all__ = [name for name in dir() if not name.startswith("_")] + ["End", "Source", "Target"]
