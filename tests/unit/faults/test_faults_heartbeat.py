"""Signs of life, both ways, as the peer sees them: what it is told to send, what it gets, and when it is dropped."""

from __future__ import annotations

import select
import threading
import time
from typing import Any, Callable, List, Optional

import pytest
from faults_clients import within
from scripted_peer import (
    AMQP_HEADER, ATTACHED, FAREWELL, LOGIN, OPENED, Open, Script, Step, Talk, grant, header, hear, say, stay_silent,
    wait,
)

from syncproton.engine import Connection
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Container

BEAT = 0.1
EMPTY = bytes.fromhex("0000000802000000")


class Program(MessagingHandler):
    """Connects, reconnecting, and takes down what it hears.

    :param closes: the connection to close after, by number.
    """

    def __init__(self, closes: int = 0) -> None:
        super().__init__()
        self.closes = closes
        self.opened = threading.Semaphore(0)
        self.count = 0
        self.errors: List[str] = []
        self.ended = threading.Event()

    def on_connection_opened(self, event: Any) -> None:
        self.count += 1
        self.opened.release()
        if self.count == self.closes:
            event.connection.close()

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition.name)

    def on_connection_closed(self, event: Any) -> None:
        self.ended.set()


@pytest.fixture
def connect(shared: Container) -> Callable[..., Any]:
    """Has a program connect in the background."""

    def begin(program: Program, url: str, **options: Any) -> Any:
        return shared.connect(url, handler=program, **options)

    return begin


def announced(peer: Any, connect: Callable[..., Any], **options: Any) -> Optional[int]:
    program = Program(closes=1)
    listening = peer([*OPENED, *FAREWELL])
    connect(program, listening.url, **options)
    assert program.ended.wait(10)
    told: Optional[int] = listening.talk().last(Open).idle_time_out
    return told


@pytest.mark.parametrize("heartbeat, told", [(5, 2500), (0.3, 150), (2.7183, 1359), (1e6, 500000000)])
def test_the_peer_is_told_half_of_it(heartbeat: float, told: int, peer: Any, connect: Callable[..., Any]) -> None:
    assert announced(peer, connect, heartbeat=heartbeat) == told


@pytest.mark.parametrize("options", [{}, {"heartbeat": None}, {"heartbeat": 0}, {"heartbeat": 0.0}])
def test_without_one_the_peer_is_told_nothing(options: Any, peer: Any, connect: Callable[..., Any]) -> None:
    assert announced(peer, connect, **options) is None


def timed(talk: Talk) -> None:
    """Takes down when the client went."""
    began = time.monotonic()
    talk.listen()
    talk.lasted = time.monotonic() - began  # type: ignore[attr-defined]


@pytest.mark.parametrize("stage", [OPENED, LOGIN, []], ids=["opened", "logged in", "connected"])
def test_a_silent_peer_is_dropped_after_twice_the_interval_and_reconnect_follows(
    stage: Script, peer: Any, connect: Callable[..., Any]
) -> None:
    program = Program()
    silent = peer([*stage, timed], [*OPENED, *FAREWELL])
    program.closes = 2 if stage is OPENED else 1
    connect(program, silent.url, heartbeat=BEAT)
    assert program.ended.wait(10)
    talk = silent.talk()
    assert talk.over.wait(10)
    assert 1.8 * BEAT < talk.lasted < 2 * BEAT + 0.5
    assert program.errors == ["amqp:resource-limit-exceeded"]
    if stage is OPENED:
        assert talk.told() == "amqp:resource-limit-exceeded"


def test_a_peer_that_never_comes_back_to_life_is_dropped_again_and_again(peer: Any, connect: Any) -> None:
    program = Program()
    silent = peer([*OPENED, stay_silent], [*OPENED, stay_silent], [*OPENED, *FAREWELL])
    program.closes = 3
    connect(program, silent.url, heartbeat=BEAT)
    assert program.ended.wait(10)
    assert program.errors == ["amqp:resource-limit-exceeded"] * 2


def beats(count: int, apart: float) -> Step:
    """Sends so many signs of life."""

    def step(talk: Talk) -> None:
        for _ in range(count):
            time.sleep(apart)
            talk.send(EMPTY)

    return step


def test_a_peer_that_beats_once_an_interval_is_kept(peer: Any, connect: Any, shared: Container) -> None:
    program = Program()
    beaten = threading.Event()
    alive = peer([*OPENED, beats(6, BEAT), lambda talk: beaten.set(), *FAREWELL])
    connection = connect(program, alive.url, heartbeat=BEAT)
    assert program.opened.acquire(timeout=10)
    assert beaten.wait(10)
    assert program.errors == [] and len(alive.talks) == 1
    shared.submit(connection.close).result(10)
    assert program.ended.wait(10)


class Busy(Program):
    """Keeps the container from reading while something happens, and then has something to say at once."""

    def __init__(self, while_waiting: threading.Event, say_something: Callable[[Connection], Any]) -> None:
        super().__init__()
        self.while_waiting = while_waiting
        self.say_something = say_something

    def on_connection_opened(self, event: Any) -> None:
        super().on_connection_opened(event)
        self.connection = event.connection
        if self.count == 1:
            event.container.schedule(0, self)

    def on_timer_task(self, event: Any) -> None:
        assert self.while_waiting.wait(10)
        self.say_something(self.connection)


def test_a_peer_is_not_silent_while_nobody_listens(peer: Any, connect: Any) -> None:
    beaten = threading.Event()
    program = Busy(beaten, Connection.close)
    alive = peer([*OPENED, beats(8, BEAT / 2), lambda talk: beaten.set(), *FAREWELL])
    connect(program, alive.url, heartbeat=BEAT)
    assert program.ended.wait(10)
    assert program.errors == [] and len(alive.talks) == 1


def test_a_peer_that_left_while_nobody_listened_has_left(peer: Any, connect: Any) -> None:
    """That it did counts, rather than that it was silent from then on."""
    left = threading.Event()
    program = Busy(left, lambda connection: connection.session().open())
    program.closes = 2

    def leaves(talk: Talk) -> None:
        talk.sock.close()
        time.sleep(3 * BEAT)
        left.set()

    peers = peer([*OPENED, leaves], [*OPENED, *FAREWELL])
    connect(program, peers.url, heartbeat=BEAT)
    assert program.ended.wait(10)
    assert program.errors == ["amqp:connection:framing-error"]


def asks_for(seconds: float) -> Script:
    """Opens, and wants signs of life at least so often."""
    return [*LOGIN, header(AMQP_HEADER), hear(Open), say(Open("peer", idle_time_out=int(seconds * 1000)))]


def listens(duration: float, gaps: List[float]) -> Step:
    """Takes down the pauses between what comes for a while, which must all be empty frames."""

    def step(talk: Talk) -> None:
        last = start = time.monotonic()
        while time.monotonic() - start < duration:
            assert talk.read(8) == EMPTY
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    return step


def test_a_peer_that_asks_for_them_gets_them_twice_as_often(peer: Any, connect: Any, shared: Container) -> None:
    program = Program()
    gaps: List[float] = []
    asked = 4 * BEAT
    asking = peer([*asks_for(asked), listens(3 * asked, gaps), *FAREWELL])
    connection = connect(program, asking.url)
    assert program.opened.acquire(timeout=10)
    deadline = time.monotonic() + 10
    while sum(gaps) < 3 * asked and time.monotonic() < deadline:
        sum(range(10000))  # The program is busy: that is no reason to miss one.
    assert 4 <= len(gaps) <= 7
    assert max(gaps) < asked
    shared.submit(connection.close).result(10)
    assert program.ended.wait(10)


def test_a_peer_that_does_not_ask_gets_none(peer: Any, connect: Any, shared: Container) -> None:
    program = Program()
    listened = threading.Event()

    def hears_nothing_for_a_while(talk: Talk) -> None:
        readable, _, _ = select.select([talk.sock], [], [], 3 * BEAT)
        assert not readable
        listened.set()

    quiet = peer([*OPENED, hears_nothing_for_a_while, *FAREWELL])
    connection = connect(program, quiet.url)
    assert program.opened.acquire(timeout=10)
    assert listened.wait(10)
    shared.submit(connection.close).result(10)
    assert program.ended.wait(10)


class Flood(Program):
    """Sends more than any buffer holds."""

    def __init__(self, closes: int) -> None:
        super().__init__(closes)
        self.sent = threading.Event()

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit:
            event.sender.send(Message(body=b"x" * 100000))
        self.sent.set()


def test_a_peer_that_has_stopped_reading_is_dropped_all_the_same(
    peer: Any, connect: Callable[..., Any], shared: Container
) -> None:
    program = Flood(closes=2)
    frozen = threading.Event()
    stuck = peer([*ATTACHED, grant(1000), wait(frozen)], [*OPENED, *FAREWELL])
    connection = connect(program, stuck.url, heartbeat=BEAT)
    shared.create_sender(connection, "q")
    assert program.opened.acquire(timeout=10)
    # Until then the container is too busy to drop anybody.
    assert program.sent.wait(10)
    with within(2 * BEAT):
        assert program.opened.acquire(timeout=10)
    frozen.set()
    assert program.ended.wait(10)
