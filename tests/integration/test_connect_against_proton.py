"""What ``connect`` makes of its keywords on the wire: the same bytes as proton's, or the same values."""

from __future__ import annotations

import socket
import threading
from typing import Any, Dict, List, Optional, Tuple

import proton
import proton.handlers
import proton.reactor
import pytest

import syncproton
import syncproton.handlers
import syncproton.reactor
from syncproton.codec import symbol
from syncproton.wire.frames import AMQP_FRAME, AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, write_frame
from syncproton.wire.performatives import Close, Open
from syncproton.wire.sasl_frames import SaslMechanisms, SaslOutcome

LIMIT = 10.0


def words(sasl: bool) -> bytes:
    """What a peer says that lets anybody in and closes at once, whatever it is told."""
    out = bytearray()
    if sasl:
        out += SASL_HEADER
        write_frame(out, 0, SaslMechanisms([symbol("ANONYMOUS"), symbol("PLAIN")]))
        write_frame(out, 0, SaslOutcome(0))
    out += AMQP_HEADER
    write_frame(out, 0, Open("peer"))
    write_frame(out, 0, Close())
    return bytes(out)


def said(library: Any, userinfo: str, keywords: Dict[str, Any]) -> bytes:
    """All the bytes that a library's client says to such a peer."""
    heard: List[bytes] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(LIMIT)

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.settimeout(LIMIT)
                client.sendall(words(keywords.get("sasl_enabled", True)))
                while True:
                    data = client.recv(65536)
                    if not data:
                        return
                    heard.append(data)

        class Client(library.handlers.MessagingHandler):  # type: ignore[misc]
            def on_start(self, event: Any) -> None:
                url = f"amqp://{userinfo}127.0.0.1:{listener.getsockname()[1]}"
                event.container.connect(url, reconnect=False, **{"container_id": "me", **keywords})

        thread = threading.Thread(target=serve)
        thread.start()
        library.reactor.Container(Client()).run()
        thread.join(LIMIT)
        assert not thread.is_alive()
    return b"".join(heard)


def by_both(keywords: Dict[str, Any], userinfo: str = "") -> Tuple[bytes, bytes]:
    return said(proton, userinfo, keywords), said(syncproton, userinfo, keywords)


@pytest.mark.parametrize("keywords", [
    {}, {"heartbeat": None}, {"heartbeat": 0}, {"heartbeat": 5}, {"heartbeat": 0.3}, {"heartbeat": 2.7183},
    {"heartbeat": 3600}, {"max_frame_size": None}, {"max_frame_size": 0}, {"max_frame_size": 100},
    {"max_frame_size": 512}, {"max_frame_size": 4096}, {"max_frame_size": 4294967295}, {"virtual_host": None},
    {"virtual_host": ""}, {"virtual_host": "there"}, {"container_id": "x"}, {"container_id": "\u00fc" * 200},
    {"sni": "elsewhere"}, {"user": "u", "password": "p"}, {"offered_capabilities": None},
    {"desired_capabilities": []}, {"properties": None},
], ids=str)
def test_the_same_bytes(keywords: Dict[str, Any]) -> None:
    theirs, ours = by_both({"sasl_enabled": False, **keywords})
    assert ours == theirs


def opening(data: bytes) -> Tuple[Optional[Any], Any]:
    """The SASL init, if there is one, and the open."""
    init = None
    if data.startswith(SASL_HEADER):
        reader = FrameReader(SASL_FRAME, 1 << 20)
        reader.feed(data[8:])
        _, init, _ = reader.next_frame()  # type: ignore[misc]
        data = reader.take_rest()
    assert data.startswith(AMQP_HEADER)
    reader = FrameReader(AMQP_FRAME, 1 << 20)
    reader.feed(data[8:])
    _, performative, _ = reader.next_frame()  # type: ignore[misc]
    assert isinstance(performative, Open)
    return init, performative


@pytest.mark.parametrize("keywords", [
    {"offered_capabilities": ["a"]}, {"offered_capabilities": ["a", "b"]}, {"desired_capabilities": ["a", "b"]},
    {"desired_capabilities": "x"}, {"properties": {}}, {"properties": {"a": 1, "b": "x", "c": {"d": [1, 2.5]}}},
], ids=str)
def test_the_same_values_in_fewer_bytes(keywords: Dict[str, Any]) -> None:
    theirs, ours = by_both({"sasl_enabled": False, **keywords})
    name, = keywords
    (_, told), (_, expected) = opening(ours), opening(theirs)
    assert getattr(expected, name) is not None
    assert [getattr(told, field) for field in Open.__slots__] == [getattr(expected, field) for field in Open.__slots__]
    assert len(ours) < len(theirs)


@pytest.mark.parametrize("keywords, userinfo", [
    ({"user": "u", "password": "p"}, ""), ({"user": "u", "password": "p"}, "v:q@"), ({"password": "p"}, "v@"),
    ({"user": "u", "password": "p"}, "v@"), ({}, "v:q@"), ({}, "v%40w:q%2F@"), ({"user": "u"}, ""),
    ({"password": "p"}, ""), ({}, ""), ({"user": "u", "password": "p", "allowed_mechs": "PLAIN"}, ""),
    ({"user": "u", "password": "p", "allowed_mechs": "ANONYMOUS"}, ""), ({"allowed_mechs": ""}, ""),
    ({"user": "u", "password": "p", "allow_insecure_mechs": False}, ""),
    ({"user": "u", "password": "p", "allowed_mechs": "SCRAM-SHA-1 PLAIN ANONYMOUS"}, ""),
], ids=str)
def test_the_same_login(keywords: Dict[str, Any], userinfo: str) -> None:
    theirs, ours = by_both(keywords, userinfo)
    (login, told), (expected_login, expected) = opening(ours), opening(theirs)
    assert login is not None and expected_login is not None
    assert login.mechanism == expected_login.mechanism
    if login.mechanism == "PLAIN":
        assert login.initial_response == expected_login.initial_response
    assert (told.hostname, told.container_id) == (expected.hostname, expected.container_id)
