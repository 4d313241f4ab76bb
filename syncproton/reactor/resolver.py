"""Looking up host names without holding up the I/O thread."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, List, Optional, Tuple

__all__ = ["Address", "Answer", "numeric", "resolve"]

#: Family, type, protocol and socket address, ready for a socket.
Address = Tuple[int, int, int, Any]
#: What a look-up ends in: addresses, or the error.
Answer = Callable[[List[Address], Optional[OSError]], None]


def _look_up(host: str, port: int, flags: int = 0) -> List[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, kind, protocol, address) for family, kind, protocol, _, address in found]


def numeric(host: str, port: int) -> Optional[List[Address]]:
    """The addresses of a host given as a number, which needs no look-up; ``None`` if it is a name."""
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None


def resolve(host: str, port: int, answer: Answer) -> None:
    """Look up ``host`` on a thread of its own and call ``answer`` there.

    The thread is a daemon: a name server that does not answer cannot hold up the end of the program.
    """

    def look_up() -> None:
        try:
            addresses = _look_up(host, port)
        except OSError as error:
            answer([], error)
        except UnicodeError as error:  # what the idna codec says of a name no name server could know
            answer([], OSError(str(error)))
        else:
            answer(addresses, None)

    threading.Thread(target=look_up, name=f"syncproton-resolve-{host}", daemon=True).start()
