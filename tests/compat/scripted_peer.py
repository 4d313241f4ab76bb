"""A server that follows a script, frame by frame, and writes down every frame that it got.

It has no engine: what it says is what the script says, so that both libraries meet the very same peer.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from typing import Any, List, Optional, Sequence

from scenario import FIN, GREET, RESET, Expect, Frame, Part, Say, Script
from stream import Stream

from syncproton.errors import ProtocolError
from syncproton.wire import performatives, sasl_frames, states, termini
from syncproton.wire.frames import SASL_HEADER, write_frame

__all__ = ["Server"]

#: Seconds that anything here may take.
LIMIT = 12.0

#: Seconds that a connection may outlive the program.
GRACE = 2.0

_KINDS = {
    name: getattr(module, name)
    for module in (performatives, sasl_frames, states, termini) for name in module.__all__
}
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def made(value: Any) -> Any:
    """The value that a script names."""
    if isinstance(value, Part):
        return _KINDS[value.kind](**{name: made(field) for name, field in value.fields.items()})
    return value


class Server:
    """Listens on a port of this machine; :meth:`finish` gives what happened on each connection.

    :param scripts: of the connections, in turn; without any, connections are refused.
    """

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.told: List[List[str]] = []
        self._failure: Optional[BaseException] = None
        self._over = False
        self._talk: Optional[Talk] = None
        self._thread: Optional[threading.Thread] = None
        if scripts:
            self._listener.listen()
            self._thread = threading.Thread(target=self._serve, daemon=True, name="scripted-peer")
            self._thread.start()

    def finish(self) -> List[str]:
        """Wait for the connections that were begun, and stop."""
        self._over = True
        if self._thread is not None:
            if len(self.told) < len(self._scripts):
                # One that is only just being accepted is told from one that will never come by this wake-up call.
                try:
                    socket.create_connection(("127.0.0.1", self.port), LIMIT).close()
                except OSError:
                    pass  # it has stopped by itself
            self._thread.join(GRACE)
            talk = self._talk
            if self._thread.is_alive() and talk is not None:
                talk.abandon()
            self._thread.join(LIMIT)
            assert not self._thread.is_alive(), f"the peer hangs: {self.told}"
        self._listener.close()
        if self._failure is not None:
            raise self._failure
        return [
            _UUID.sub("<uuid>", line).replace(str(self.port), "<port>").replace(f"@{socket.gethostname()}", "@<host>")
            for number, lines in enumerate(self.told, 1) for line in [f"connection {number}", *lines]
        ]

    def _serve(self) -> None:
        try:
            for script in self._scripts:
                self._listener.settimeout(LIMIT * 2)
                sock, _ = self._listener.accept()
                with sock:
                    lines: List[str] = []
                    talk = Talk(sock, lines)
                    if self._over and talk.is_wake_up_call():
                        return
                    self.told.append(lines)
                    self._talk = talk
                    talk.follow(script)
            self._listener.close()
        except BaseException as failure:
            self._failure = failure


class _Ended(Exception):
    """The client has ended the stream."""


class Talk:
    """One connection."""

    def __init__(self, sock: socket.socket, lines: List[str]) -> None:
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._stream = Stream()
        self._lines = lines

    def is_wake_up_call(self) -> bool:
        """Whether the stream ends without a byte."""
        data = self._receive()
        self._stream.feed(data)
        return not data

    def abandon(self) -> None:
        """The client's program is over."""
        self._lines.append("! the program has ended, and its connection has not")
        self._sock.shutdown(socket.SHUT_RDWR)

    def follow(self, script: Script) -> None:
        """Do what the script says, and then read on until the client goes."""
        try:
            steps = list(script)
            while steps:
                step = steps.pop(0)
                while isinstance(step, Say) and steps and isinstance(steps[0], Say):
                    step = Say(step.items + steps.pop(0).items)  # Whether two pieces come as one is left to no chance.
                self._do(step)
                if step == RESET:
                    return
            while True:
                self._hear()
        except _Ended:
            self._lines.append("< end of stream")
        except ConnectionError:
            self._lines.append("< reset")
        except ProtocolError as nonsense:
            self._lines.append(f"! {nonsense}")
        except TimeoutError:
            self._lines.append("! the client neither goes on nor away")

    def _do(self, step: Any) -> None:
        if isinstance(step, Expect):
            heard = self._hear()
            while heard != step.kind and heard in ("Flow", "Settled", step.past):
                heard = self._hear()  # Credit is given, and what is over is settled, when the client thinks fit.
            if heard != step.kind:
                self._lines.append(f"! {step.kind} was to come")
        elif isinstance(step, Say):
            out = bytearray()
            for item in step.items:
                if isinstance(item, Frame):
                    write_frame(out, item.channel, made(item.body), item.payload)
                    self._lines.append(f"> {item.body.kind}")
                else:
                    out += item
                    self._lines.append(f"> {item!r}")
            self._sock.sendall(out)
        elif step == GREET:
            self._greet()
        elif step == FIN:
            self._lines.append("> end of stream")
            self._sock.shutdown(socket.SHUT_WR)
        elif step == RESET:
            self._lines.append("> reset")
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            raise ValueError(f"{step!r} is no step of a script")

    def _receive(self) -> bytes:
        return self._sock.recv(65536)

    def _more(self) -> bytes:
        data = self._receive()
        if not data:
            raise _Ended
        return data

    def _hear(self) -> str:
        """Take a protocol header or a frame, and write it down."""
        while True:
            heard = self._stream.next()
            if heard is not None:
                kind, line = heard
                self._lines.append(f"< {line}")
                return kind
            self._stream.feed(self._more())

    def _greet(self) -> None:
        """Let the client in, and read the header of the protocol."""
        lines, self._lines = self._lines, []
        try:
            self._do(Expect("header"))
            self._do(Say((SASL_HEADER, Frame(Part("SaslMechanisms", {"sasl_server_mechanisms": ["ANONYMOUS"]})))))
            self._do(Expect("SaslInit"))
            self._do(Say((Frame(Part("SaslOutcome", {"code": 0})),)))
            self._do(Expect("header"))
            greeting, self._lines = self._lines, lines
            assert not any(line.startswith("!") for line in greeting), greeting
        finally:
            self._lines = lines
