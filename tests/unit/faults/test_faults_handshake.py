"""Peers that speak something else, or stop speaking at some point before the connection is open."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from faults_clients import within
from scripted_peer import (
    FAREWELL, LOGIN, OPENED, Script, Step, Talk, bytes_, drip, hear, leave, raw_frame, reset, say, stay_silent,
)

from syncproton import ConnectionException, Timeout
from syncproton.codec import symbol
from syncproton.wire.frames import SASL_FRAME, SASL_HEADER, TLS_HEADER
from syncproton.wire.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome

SHORT = 0.1
FRAMING_ERROR = "amqp:connection:framing-error"
UNAUTHORIZED = "amqp:unauthorized-access"

#: How far the handshake gets, by name.
STAGES: Any = {
    "before the header": [],
    "half a header": [bytes_(SASL_HEADER[:4])],
    "after the SASL header": LOGIN[:1],
    "half the mechanisms": [*LOGIN[:1], bytes_(bytes.fromhex("0000001f 0201 0000 0053"))],
    "after the mechanisms": LOGIN[:2],
    "after the init": LOGIN[:3],
    "half the outcome": [*LOGIN[:3], bytes_(bytes.fromhex("00000010 02"))],
    "after the outcome": [*LOGIN, lambda talk: talk.read(8)],
    "half the AMQP header": [*LOGIN, lambda talk: talk.read(8), bytes_(SASL_HEADER[:4])],
    "after the AMQP header": OPENED[:5],
    "after the client's open": OPENED[:6],
    "half an open": [*OPENED[:6], bytes_(bytes.fromhex("00000020 0200 0000 0053 10"))],
}

#: What a peer of another kind says, and a word of what should be made of it.
OTHERS: Any = {
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP"),
    "AMQP 0-9-1": (b"AMQP\x00\x00\x09\x01", "0-9-1"),
    "AMQP 0-9-1 that begins at once": (bytes.fromhex("01 0000 0000 01ca 000a 000a 0009"), "protocol"),
    "TLS alert": (b"\x15\x03\x01\x00\x02\x02\x28", "TLS"),
    "AMQP over TLS": (TLS_HEADER, "TLS"),
    "AMQP 1.1": (b"AMQP\x03\x01\x01\x00", "protocol"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
    "SMTP": (b"220 mail.example ESMTP\r\n", "protocol"),
    "no SASL": (b"AMQP\x00\x01\x00\x00", "SASL"),
    "zeros": (bytes(4096), "protocol"),
    "noise": (bytes((7 * n * n + 13 * n + 200) & 0xFF for n in range(100000)), "protocol"),
}


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Any:
    """The script up to some stage of the handshake."""
    return STAGES[request.param]


def test_peer_leaves(stage: List[Step], connect: Any, peer: Any) -> None:
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([*stage, leave]).url, 5)
    assert info.value.condition == FRAMING_ERROR
    assert "connection aborted" in str(info.value)


def test_peer_resets(stage: List[Step], connect: Any, peer: Any) -> None:
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([*stage, reset]).url, 5)
    # Which of the two is noticed first, that nothing more comes or that nothing can be sent, is up to the system.
    assert info.value.condition in ("proton:io", FRAMING_ERROR)
    assert "reset" in str(info.value) or "aborted" in str(info.value)


def test_peer_goes_silent(stage: List[Step], connect: Any, peer: Any) -> None:
    silent = peer([*stage, stay_silent])
    with within(SHORT), pytest.raises(Timeout) as info:
        connect(silent.url, SHORT)
    assert silent.url in str(info.value) and "Opening connection" in str(info.value)
    assert silent.talk().over.wait(5), "the socket was left open"


@pytest.mark.parametrize("end", [leave, reset])
def test_callbacks_when_peer_ends(
    stage: List[Step], end: Step, peer: Any, client: Any, still_works: Callable[[], None]
) -> None:
    seen = client(peer([*stage, end]).url, "receiver")
    assert sorted(seen.callbacks) == ["on_disconnected", "on_disconnected", "on_transport_error"]
    errors = [rest for callback, *rest in seen.errors if callback == "on_transport_error"]
    assert errors[0][0] in ("proton:io", FRAMING_ERROR)
    still_works()


def test_callbacks_when_peer_goes_silent(
    stage: List[Step], peer: Any, client: Any, still_works: Callable[[], None]
) -> None:
    seen = client(peer([*stage, stay_silent]).url, "receiver", heartbeat=SHORT)
    assert seen.errors[0][:2] == ("on_transport_error", "amqp:resource-limit-exceeded")
    assert "on_disconnected" in seen.callbacks
    still_works()


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest) -> Any:
    """What a peer of another kind says."""
    return OTHERS[request.param]


@pytest.mark.parametrize("end", [leave, stay_silent])
def test_other_protocols(other: Any, end: Step, connect: Any, peer: Any) -> None:
    words, clue = other
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([bytes_(words), end]).url, 5)
    assert info.value.condition == FRAMING_ERROR
    assert clue in str(info.value)
    assert len(str(info.value)) < 1000


def test_other_protocols_after_the_login(other: Any, connect: Any, peer: Any) -> None:
    words, _ = other
    if words == b"AMQP\x00\x01\x00\x00":
        words = SASL_HEADER
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([*LOGIN, bytes_(words), leave]).url, 5)
    assert info.value.condition == FRAMING_ERROR


def test_other_protocols_by_callbacks(other: Any, peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    words, clue = other
    seen = client(peer([bytes_(words), leave]).url, "sender")
    assert seen.errors[0][:2] == ("on_transport_error", FRAMING_ERROR)
    assert clue in seen.errors[0][2]
    assert seen.callbacks[-1] == "on_disconnected"
    still_works()


#: How a login fails: what the server says after the client's header, and a word of what should be made of it.
LOGINS: Any = {
    "wrong": ([LOGIN[1], LOGIN[2], say(SaslOutcome(1))], "Authentication failed"),
    "system error": ([LOGIN[1], LOGIN[2], say(SaslOutcome(2))], "system error"),
    "permanent error": ([LOGIN[1], LOGIN[2], say(SaslOutcome(3))], "permanent"),
    "temporary error": ([LOGIN[1], LOGIN[2], say(SaslOutcome(4))], "temporary"),
    "unknown code": ([LOGIN[1], LOGIN[2], say(SaslOutcome(77))], "Authentication failed"),
    "no mechanism": ([say(SaslMechanisms([]))], "offers none"),
    "no shared mechanism": ([say(SaslMechanisms([symbol("GSSAPI"), symbol("SCRAM-SHA-512")]))], "GSSAPI"),
    "names that are none": ([say(SaslMechanisms([symbol("\r\n\x1b[31m"), symbol("x" * 30000)]))], "shared"),
}


@pytest.mark.parametrize("end", [leave, stay_silent, reset])
@pytest.mark.parametrize("login", LOGINS)
def test_login_fails(login: str, end: Step, connect: Any, peer: Any) -> None:
    script, clue = LOGINS[login]
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([LOGIN[0], *script, end]).url, 5)
    assert info.value.condition == UNAUTHORIZED
    assert clue in str(info.value)
    assert str(info.value).isprintable() and len(str(info.value)) < 1000


@pytest.mark.parametrize("login", LOGINS)
def test_login_fails_by_callbacks(login: str, peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    script, clue = LOGINS[login]
    seen = client(peer([LOGIN[0], *script, leave]).url, "sender")
    assert seen.errors[0][:2] == ("on_transport_error", UNAUTHORIZED)
    assert clue in seen.errors[0][2]
    still_works()


def test_login_is_not_tried_again(connect: Any, peer: Any) -> None:
    refusing = peer([*LOGIN[:3], say(SaslOutcome(1)), leave])
    with within(0), pytest.raises(ConnectionException, match="Authentication failed"):
        connect(refusing.url, 5, reconnect=True)
    assert len(refusing.talks) == 1


def test_password_is_not_sent_where_only_others_are_offered(connect: Any, peer: Any) -> None:
    curious = peer([*LOGIN[:1], say(SaslMechanisms([symbol("PLAIN")])), stay_silent])
    with within(0), pytest.raises(ConnectionException) as info:
        connect(curious.url.replace("://", "://user:s3cret@"), 5, allow_insecure_mechs=False)
    assert info.value.condition == UNAUTHORIZED
    assert "PLAIN" in str(info.value) and "s3cret" not in str(info.value)
    assert curious.talk().over.wait(5)
    assert curious.talk().last(SaslInit) is None


def sasl(body: str) -> bytes:
    """A SASL frame."""
    return raw_frame(body, SASL_FRAME)


def test_wrong_password(connect: Any, peer: Any) -> None:
    plain = say(SaslMechanisms([symbol("ANONYMOUS"), symbol("PLAIN")]))
    refusing = peer([LOGIN[0], plain, hear(SaslInit, mechanism="PLAIN"), say(SaslOutcome(1)), leave])
    with within(0), pytest.raises(ConnectionException) as info:
        connect(refusing.url.replace("://", "://user:s3cret@"), 5)
    assert info.value.condition == UNAUTHORIZED
    assert "PLAIN" in str(info.value) and "s3cret" not in str(info.value)
    assert refusing.talk().last(SaslInit).initial_response == b"\0user\0s3cret"


#: Peers that take the client's TLS for something else.
NO_TLS: Any = {
    "leaves": [leave],
    "resets": [lambda talk: talk.read(1), reset],
    "speaks AMQP": [bytes_(SASL_HEADER), stay_silent],
    "speaks HTTP": [bytes_(OTHERS["HTTP"][0]), stay_silent],
    "alerts": [bytes_(OTHERS["TLS alert"][0]), stay_silent],
    "begins a record": [bytes_(b"\x16\x03\x03"), leave],
    "says a record of nonsense": [bytes_(b"\x16\x03\x03\x00\x10" + b"\xff" * 16), stay_silent],
    "says a record that is too long": [bytes_(b"\x16\x03\x03\xff\xff" + bytes(0xffff)), stay_silent],
}


@pytest.mark.parametrize("kind", NO_TLS)
def test_no_tls(kind: str, connect: Any, peer: Any) -> None:
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer(NO_TLS[kind]).url.replace("amqp:", "amqps:"), 5)
    assert info.value.condition in (FRAMING_ERROR, "proton:io")
    assert info.value.description


@pytest.mark.parametrize("kind", NO_TLS)
def test_no_tls_by_callbacks(kind: str, peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    seen = client(peer(NO_TLS[kind]).url.replace("amqp:", "amqps:"), "sender")
    assert "on_transport_error" in seen.callbacks and "on_disconnected" in seen.callbacks
    still_works()


def test_tls_and_silence(connect: Any, peer: Any) -> None:
    with within(SHORT), pytest.raises(Timeout, match="Opening connection"):
        connect(peer([stay_silent]).url.replace("amqp:", "amqps:"), SHORT)


#: What no server may say during the login.
BAD_LOGINS: Any = {
    "a frame over the limit": bytes.fromhex("7fffffff 0201 0000"),
    "a frame shorter than its header": bytes.fromhex("00000007 0201 0000"),
    "a data offset of one": bytes.fromhex("0000000c 0101 0000 00534045"),
    "a data offset past the end": bytes.fromhex("0000000c ff01 0000 00534045"),
    "an AMQP frame": raw_frame("005310 c00701 a104 70656572"),
    "mechanisms of a wrong type": sasl("005340 c00301 5405"),
    "no mechanisms": sasl("005340 45"),
    "an array of four billion nulls": sasl("005340 c00c01 f000000005 ffffffff 40 40"),
    "an array cut short": sasl("005340 c00901 e006 02a3 09504c41"),
    "text that is not ASCII": sasl("005340 c00601 a303 ff8080"),
    "an unknown body": sasl("005377 45"),
    "a body that is no list": sasl("005340 41"),
    "a body that is not described": sasl("45"),
    "an outcome first": sasl("005344 c00301 5000"),
    "a challenge first": sasl("005342 c00301 a000"),
    "an init": sasl("005341 c00601 a303 414243"),
}


@pytest.mark.parametrize("words", BAD_LOGINS)
def test_nonsense_during_the_login(words: str, connect: Any, peer: Any) -> None:
    bad = peer([*LOGIN[:1], bytes_(BAD_LOGINS[words]), stay_silent])
    with within(0), pytest.raises(ConnectionException) as info:
        connect(bad.url, 5)
    assert info.value.condition in (FRAMING_ERROR, "amqp:decode-error", "amqp:invalid-field", UNAUTHORIZED)
    assert bad.talk().over.wait(5), "the socket was left open"


@pytest.mark.parametrize("words", BAD_LOGINS)
def test_nonsense_during_the_login_by_callbacks(
    words: str, peer: Any, client: Any, still_works: Callable[[], None]
) -> None:
    seen = client(peer([*LOGIN[:1], bytes_(BAD_LOGINS[words]), stay_silent]).url, "sender")
    assert seen.callbacks[0] == "on_transport_error"
    assert "on_disconnected" in seen.callbacks
    still_works()


def flood(talk: Talk) -> None:
    """Send challenges until the client goes."""
    challenges = sasl("005342 c0ff01 a0fc" + "3f" * 252) * 1000
    try:
        for _ in range(100):
            talk.send(challenges)
    except OSError:
        return
    raise AssertionError("the client put up with 26 MB of challenges")


def test_challenges_without_end(connect: Any, peer: Any) -> None:
    with within(0), pytest.raises(ConnectionException):
        connect(peer([*LOGIN[:3], flood]).url, 5)


@pytest.mark.parametrize("second", [[say(SaslOutcome(0))], [say(SaslMechanisms([symbol("ANONYMOUS")]))]])
def test_login_goes_on_after_its_end(second: Script, connect: Any, peer: Any) -> None:
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([*LOGIN, *second, leave]).url, 5)
    assert info.value.condition == FRAMING_ERROR


def test_handshake_byte_by_byte(connect: Any, peer: Any) -> None:
    connect(peer([drip, *OPENED, *FAREWELL]).url, 5)
