"""Clients that are none: a listener loses them, and nobody else."""

from __future__ import annotations

import socket
import struct
from typing import Any, Iterator

import pytest
from bad_values import BAD_VALUES, composite, map_of
from scripted_peer import LIMIT, raw_frame

import syncproton
from syncproton.broker import Broker
from syncproton.wire.frames import AMQP_FRAME, AMQP_HEADER, SASL_FRAME, SASL_HEADER, TLS_HEADER, FrameReader
from syncproton.wire.performatives import Close

FRAMING_ERROR = "amqp:connection:framing-error"
DECODE_ERROR = "amqp:decode-error"

OPEN = raw_frame("005310 c00701 a104 70656572")
BEGIN = raw_frame(composite(0x11, "40", "43", "527f", "527f"))
#: The client sends, with as much credit as the broker gives.
ATTACH = raw_frame(composite(0x12, "a1016e", "43", "42", "40", "40", composite(0x28), composite(0x29, "a10171"), "40",
                             "40", "43"))


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    """What is listened with: a broker is a listener with a use."""
    with Broker("amqp://127.0.0.1:0") as broker:
        yield broker


@pytest.fixture
def client(host: Any) -> Iterator[socket.socket]:
    """A socket connected to the listener.  After the test others are served as ever."""
    with socket.create_connection(("127.0.0.1", int(host.url.rpartition(":")[2])), LIMIT) as sock:
        yield sock
    syncproton.send(f"{host.url}/q", "still here", timeout=LIMIT)
    assert syncproton.receive(f"{host.url}/q", timeout=LIMIT).body == "still here"


def all_of(sock: socket.socket) -> bytes:
    """What the listener says until it goes."""
    said = b""
    try:
        while True:
            data = sock.recv(65536)
            if not data:
                return said
            said += data
    except ConnectionError:
        return said


def closed_with(said: bytes) -> Any:
    """The condition of the close in what the listener said."""
    assert said.startswith(AMQP_HEADER)
    reader = FrameReader(AMQP_FRAME, 1 << 30)
    reader.feed(said[8:])
    performatives = [performative for _, performative, _ in reader]
    assert isinstance(performatives[-1], Close)
    return performatives[-1].error.condition


@pytest.mark.parametrize("words", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"AMQP\x00\x00\x09\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    TLS_HEADER, b"AMQP\x00\x02\x00\x00", b"SSH-2.0-OpenSSH_9.2\r\n", bytes(4096),
    bytes((7 * n * n + 13 * n + 200) & 0xFF for n in range(100000)),
])
def test_other_protocols(words: bytes, client: socket.socket) -> None:
    try:
        client.sendall(words)
    except ConnectionError:
        pass
    said = all_of(client)
    assert not said or said.startswith(b"AMQP")


@pytest.mark.parametrize("words", [
    b"", b"AMQP", SASL_HEADER, SASL_HEADER + b"\0\0\0", AMQP_HEADER, AMQP_HEADER + OPEN, AMQP_HEADER + OPEN + BEGIN[:7],
    AMQP_HEADER + OPEN + BEGIN + ATTACH,
])
@pytest.mark.parametrize("end", ["leaves", "resets"])
def test_client_goes(words: bytes, end: str, client: socket.socket) -> None:
    client.sendall(words)
    if end == "leaves":
        client.shutdown(socket.SHUT_WR)
        all_of(client)
    else:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("words", [
    raw_frame("005341 c00801 a305 504c41494e", SASL_FRAME), raw_frame("005343 c00301 a000", SASL_FRAME),
    raw_frame("005344 c00301 5000", SASL_FRAME), raw_frame("005377 45", SASL_FRAME), OPEN,
    bytes.fromhex("7fffffff 0201 0000"), raw_frame("005341 c00901 b3 7fffffff 4142", SASL_FRAME), AMQP_HEADER,
])
def test_login_that_is_none(words: bytes, client: socket.socket) -> None:
    client.sendall(SASL_HEADER + words)
    assert all_of(client).startswith(SASL_HEADER)


@pytest.mark.parametrize("words, condition", [
    (bytes.fromhex("7fffffff 0200 0000"), FRAMING_ERROR),
    (raw_frame("00537745"), DECODE_ERROR),
    (OPEN + OPEN, "amqp:not-allowed"),
    (BEGIN, "amqp:not-allowed"),
    (OPEN + raw_frame("005314 c00401 43 40 40"), DECODE_ERROR),
    (OPEN + raw_frame(composite(0x14, "43")), "amqp:not-allowed"),
    *[(OPEN + BEGIN + raw_frame(composite(0x12, "a1016e", "43", "42", *["40"] * 10, map_of("a3016b", value))),
       DECODE_ERROR) for value in BAD_VALUES.values()],
])
def test_frames_that_are_none(words: bytes, condition: str, client: socket.socket) -> None:
    client.sendall(AMQP_HEADER + words)
    assert closed_with(all_of(client)) == condition


@pytest.mark.parametrize("name", BAD_VALUES)
def test_messages_that_are_none(name: str, client: socket.socket) -> None:
    """A broker need not understand a body; it must survive it, and all other sections."""
    body = bytes.fromhex("005377" + BAD_VALUES[name])
    properties = bytes.fromhex(composite(0x73, "40", "40", BAD_VALUES[name]))
    header = bytes.fromhex(composite(0x70, BAD_VALUES[name]))
    said = AMQP_HEADER + OPEN + BEGIN + ATTACH
    for number, payload in enumerate((body, properties, header)):
        transfer = raw_frame(composite(0x14, "43", f"52{number:02x}", f"a001{number:02x}", "43", "42"))
        size = struct.pack(">I", len(transfer) + len(payload))
        said += size + transfer[4:] + payload
    client.sendall(said + raw_frame("00531845"))
    all_of(client)
