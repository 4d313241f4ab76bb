"""A way to a server that writes down what comes over it."""

from __future__ import annotations

import socket
import threading
from typing import Any, List, Set, Tuple


class Tap:
    """Listens, and passes each connection on to a server.

    :ivar mute: the numbers of connections on which nothing more is passed on.
    :ivar heard: what the client has said on each connection, in the order they came; ``b""`` last if it ended.
    """

    def __init__(self, host: str, port: int) -> None:
        self.heard: List[List[bytes]] = []
        self.mute: Set[int] = set()
        self._target: Tuple[str, int] = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: List[socket.socket] = [self._listener]
        self._threads: List[threading.Thread] = []
        self._start(self._listen)

    def said(self, number: int) -> int:
        """How many bytes the client has said on a connection so far."""
        return sum(map(len, self.heard[number]))

    def ended(self, number: int) -> bool:
        """Whether the client has ended a connection."""
        return b"" in self.heard[number]

    def close(self) -> None:
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        for sock in self._sockets:
            sock.close()

    def _start(self, work: Any, *args: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=args, daemon=True))
        self._threads[-1].start()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            number = len(self.heard)
            self.heard.append([])
            self._start(self._pass_on, number, client, server, self.heard[-1])
            self._start(self._pass_on, number, server, client, [])

    def _pass_on(self, number: int, source: socket.socket, target: socket.socket, heard: List[bytes]) -> None:
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            heard.append(data)
            if data and number in self.mute:
                continue
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return
