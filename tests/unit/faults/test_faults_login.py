"""Who logs in: what the peer is told in the SASL exchange, and what another peer is not."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest
from scripted_peer import (
    AMQP_HEADER, FAREWELL, SASL_HEADER, Open, SaslInit, SaslMechanisms, SaslOutcome, Script, header, hear, leave, say,
)

from syncproton.codec import symbol
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

#: Lets anybody in by either mechanism.
LOGIN: Script = [
    header(SASL_HEADER), say(SaslMechanisms([symbol("PLAIN"), symbol("ANONYMOUS")])), hear(SaslInit),
    say(SaslOutcome(0)),
]
OPENED: Script = [*LOGIN, header(AMQP_HEADER), hear(Open), say(Open("peer"))]


class Program(MessagingHandler):
    """Closes the connection once it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def on_connection_opened(self, event: Any) -> None:
        event.connection.close()

    def on_connection_closed(self, event: Any) -> None:
        self.ended.set()

    def on_transport_error(self, event: Any) -> None:
        pass


Connect = Callable[..., None]


@pytest.fixture
def connect(shared: Container) -> Connect:
    """Connects as told, and waits for the end of that."""

    def connect_and_wait(set_up: Optional[Callable[[Any], None]] = None, **options: Any) -> None:
        program = Program()

        def begin() -> None:
            connection = shared.connect(handler=program, **options)
            if set_up is not None:
                set_up(connection)

        shared.submit(begin).result(10)
        assert program.ended.wait(10)

    return connect_and_wait


def login(talk: Any) -> Tuple[str, bytes]:
    """The mechanism that the client chose, and what it said of itself."""
    init = talk.last(SaslInit)
    return str(init.mechanism), bytes(init.initial_response)


def plain(user: str, password: str) -> Tuple[str, bytes]:
    return "PLAIN", b"\0%s\0%s" % (user.encode(), password.encode())


@pytest.mark.parametrize("userinfo, keywords, expected", [
    ("", {"user": "k", "password": "p"}, plain("k", "p")),
    ("", {"user": "\u00fc", "password": "\u20ac"}, plain("\u00fc", "\u20ac")),
    ("u:q@", {}, plain("u", "q")),
    ("u:q@", {"user": "k", "password": "p"}, plain("u", "q")),
    ("u@", {"user": "k", "password": "p"}, plain("u", "p")),
    ("u%40h:q%2F@", {}, plain("u@h", "q/")),
])
def test_user_and_password(userinfo: str, keywords: Any, expected: Any, peer: Any, connect: Connect) -> None:
    listening = peer([*OPENED, *FAREWELL])
    connect(url=listening.url.replace("://", f"://{userinfo}"), **keywords)
    assert login(listening.talk()) == expected


@pytest.mark.parametrize("keywords", [
    {}, {"password": "s3cret"}, {"user": "k"}, {"user": "", "password": "s3cret"},
    {"user": "k", "password": "s3cret", "allowed_mechs": "ANONYMOUS"},
    {"user": "k", "password": "s3cret", "allow_insecure_mechs": False},
])
def test_no_password_where_it_must_not_be_told(keywords: Any, peer: Any, connect: Connect) -> None:
    listening = peer([*OPENED, *FAREWELL])
    connect(url=listening.url, **keywords)
    mechanism, response = login(listening.talk())
    assert mechanism == "ANONYMOUS" and b"s3cret" not in response


def test_no_sasl_at_all_whoever_the_user_is(peer: Any, connect: Connect) -> None:
    listening = peer([header(AMQP_HEADER), hear(Open), say(Open("peer")), *FAREWELL])
    connect(url=listening.url.replace("://", "://u:p@"), user="k", password="q", sasl_enabled=False)
    assert listening.talk().last(SaslInit) is None


def test_the_containers_user_unless_a_keyword_says_otherwise(peer: Any, shared: Container, connect: Connect) -> None:
    shared.user, shared.password = "c", "d"
    listening = peer([*OPENED, *FAREWELL])
    connect(url=listening.url)
    connect(url=listening.url, user="k", password="p")
    assert [login(listening.talk(number)) for number in (0, 1)] == [plain("c", "d"), plain("k", "p")]


def test_the_user_that_the_program_set_on_the_connection(peer: Any, connect: Connect) -> None:
    first, second = peer([*LOGIN, leave]), peer([*OPENED, *FAREWELL])

    def set_up(connection: Any) -> None:
        connection.user, connection.password = "own", "word"

    connect(set_up, urls=[first.url, second.url])
    assert login(first.talk()) == login(second.talk()) == plain("own", "word")


def test_a_host_is_not_told_the_login_of_another(peer: Any, connect: Connect) -> None:
    first, second, third = peer([*LOGIN, leave]), peer([*LOGIN, leave]), peer([*OPENED, *FAREWELL])
    urls: List[str] = [first.url.replace("://", "://u:s3cret@"), second.url, third.url.replace("://", "://v@")]
    connect(urls=urls)
    assert login(first.talk()) == plain("u", "s3cret")
    for other in (second, third):
        mechanism, response = login(other.talk())
        assert mechanism == "ANONYMOUS" and b"s3cret" not in response


def test_the_next_host_is_told_the_keywords_again(peer: Any, connect: Connect) -> None:
    first, second = peer([*LOGIN, leave]), peer([*OPENED, *FAREWELL])
    connect(urls=[first.url.replace("://", "://u:q@"), second.url], user="k", password="p")
    assert [login(each.talk()) for each in (first, second)] == [plain("u", "q"), plain("k", "p")]


# What the configuration file says stands above the keywords, where it says anything.


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a configuration file that leads to a peer."""
    monkeypatch.setenv("MESSAGING_CONNECT_FILE", str(tmp_path / "here.json"))

    def write(listening: Any, **values: Any) -> None:
        values = {"scheme": "amqp", "host": "127.0.0.1", "port": listening.port, **values}
        (tmp_path / "here.json").write_text(json.dumps(values))

    return write


KEYWORDS = {"user": "k", "password": "p"}


@pytest.mark.parametrize("values, keywords, expected", [
    ({}, {}, plain("k", "p")),
    ({"user": "f", "password": "g"}, {}, plain("f", "g")),
    ({"user": "f"}, {}, plain("f", "p")),
    ({"password": "g"}, {}, plain("k", "g")),
    ({"user": None, "password": None, "sasl": None}, {}, plain("k", "p")),
    ({"sasl": {"enabled": True}}, {"sasl_enabled": False}, plain("k", "p")),
    ({"sasl": {"mechanisms": "PLAIN"}}, {"allowed_mechs": "ANONYMOUS"}, plain("k", "p")),
    ({"sasl": {"mechanisms": ["EXTERNAL", "PLAIN"]}}, {"allowed_mechs": "ANONYMOUS"}, plain("k", "p")),
    ({"sasl": {"mechanisms": "ANONYMOUS"}}, {"allowed_mechs": "PLAIN"}, ("ANONYMOUS", b"k")),
    ({"sasl": {}}, {"allowed_mechs": "ANONYMOUS"}, ("ANONYMOUS", b"k")),
])
def test_the_file_stands_above_the_keywords(
    values: Any, keywords: Any, expected: Any, peer: Any, connect: Connect, configure: Callable[..., None]
) -> None:
    listening = peer([*OPENED, *FAREWELL])
    configure(listening, **values)
    connect(**KEYWORDS, **keywords)
    mechanism, response = login(listening.talk())
    assert mechanism == expected[0] and (mechanism == "ANONYMOUS" or response == expected[1])


@pytest.mark.parametrize("values, keywords", [
    ({"sasl": {"enabled": False}}, {"sasl_enabled": True}), ({"sasl": {"enabled": False}}, {}),
    ({"sasl": {"mechanisms": "PLAIN"}}, {"sasl_enabled": False}), ({}, {"sasl_enabled": False}),
])
def test_the_file_stands_above_the_keywords_as_to_sasl(
    values: Any, keywords: Any, peer: Any, connect: Connect, configure: Callable[..., None]
) -> None:
    listening = peer([header(AMQP_HEADER), hear(Open), say(Open("peer")), *FAREWELL])
    configure(listening, **values)
    connect(**KEYWORDS, **keywords)
    assert listening.talk().last(SaslInit) is None


def test_the_file_is_not_asked_where_a_url_is_given(
    peer: Any, connect: Connect, configure: Callable[..., None]
) -> None:
    listening = peer([*OPENED, *FAREWELL])
    configure(peer([leave]), user="f", password="g", nonsense=True)
    connect(url=listening.url, **KEYWORDS)
    connect(urls=[listening.url], **KEYWORDS)
    connect(address=[listening.url], **KEYWORDS)
    assert [login(listening.talk(number)) for number in range(3)] == [plain("k", "p")] * 3


def test_the_other_keywords_are_as_the_program_says(
    peer: Any, connect: Connect, configure: Callable[..., None]
) -> None:
    listening = peer([*OPENED, *FAREWELL])
    configure(listening)
    connect(heartbeat=8, virtual_host="v", max_frame_size=5000, container_id="i", properties={"a": 1})
    told = listening.talk().last(Open)
    assert (told.idle_time_out, told.hostname, told.max_frame_size, told.container_id) == (4000, "v", 5000, "i")
    assert told.properties == {"a": 1}
