"""The peer ends something, or says nothing more, while a call waits: the call ends in time and says why."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator

import pytest
from faults_clients import within
from scripted_peer import (
    ATTACHED, BEGUN, FAREWELL, OPENED, SENDING, Script, Talk, answer_attach, attach_for, hear, leave, reset, say,
    stay_silent, transfer, wait,
)

import syncproton
from syncproton import ConnectionException, LinkException, Message, ProtonException, SessionException, Timeout
from syncproton.codec import symbol
from syncproton.reactor import AtMostOnce
from syncproton.sync import InDoubt
from syncproton.utils import BlockingConnection
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from syncproton.wire.states import Accepted, Error, Modified, Received, Rejected, Released
from syncproton.wire.termini import Source, Target

SHORT = 0.1
NAME = "amqp:not-allowed"
WORDS = "by the peer, with regret"
ERROR = Error(NAME, WORDS)


def open_sync(url: str) -> Any:
    """A connection."""
    return syncproton.connect(url, timeout=5)


def open_like_proton(url: str) -> Any:
    """A connection of the other kind."""
    return BlockingConnection(url, timeout=5)


@pytest.fixture(params=[open_sync, open_like_proton])
def open_connection(request: pytest.FixtureRequest, peer: Any) -> Iterator[Callable[[str], Any]]:
    """Makes a connection of each kind to a URL, and closes it after the test."""
    made = []

    def make(url: str) -> Any:
        made.append(request.param(url))
        return made[-1]

    yield make
    for connection in made:
        connection.timeout = SHORT
        try:
            connection.close()
        except ProtonException:
            pass  # the peer does not answer


class Waiting:
    """A call that waits.

    :param script: how far the peer goes before.
    :param prepare: what is called before, with the connection.
    :param call: the call, with the connection and what ``prepare`` returned.
    :param text: what its Timeout names.
    """

    def __init__(self, script: Script, prepare: Any, call: Any, text: str) -> None:
        self.script = script
        self.prepare = prepare
        self.call = call
        self.text = text

    def begin(self, peer: Any, end: Script, connect: Any, timeout: float = 5.0) -> Callable[[], Any]:
        """Connect, and return the call."""
        connection = connect(peer([*self.script, *end]).url)
        connection.timeout = timeout
        prepared: Any = []

        def call() -> Any:
            if not prepared:
                prepared.append(self.prepare(connection))
            return self.call(connection, prepared[0])

        self.prepared = prepared
        return call


def nothing(connection: Any) -> None:
    """There is nothing to prepare."""


CALLS: Any = {
    "create_sender": Waiting(
        [*BEGUN, hear(Attach)], nothing, lambda connection, _: connection.create_sender("q"), "Opening link"),
    "create_receiver": Waiting(
        [*BEGUN, hear(Attach)], nothing, lambda connection, _: connection.create_receiver("q"), "Opening link"),
    "send without credit": Waiting(
        ATTACHED, lambda connection: connection.create_sender("q"), lambda _, sender: sender.send(Message("x")),
        "Sending on sender"),
    "send": Waiting(
        [*SENDING, hear(Transfer)], lambda connection: connection.create_sender("q"),
        lambda _, sender: sender.send(Message("x")), "Sending on sender"),
    "receive": Waiting(
        [*ATTACHED, hear(Flow)], lambda connection: connection.create_receiver("q", credit=0),
        lambda _, receiver: receiver.receive(), "Receiving on receiver"),
}

#: How the peer ends it, what that is to the caller, and whether with an error.
ENDS: Any = {
    "closes with an error": ([say(Close(ERROR)), hear(Close)], ConnectionException, True),
    "closes": ([say(Close()), hear(Close)], ConnectionException, False),
    "closes with an error and leaves": ([say(Close(ERROR)), leave], ConnectionException, True),
    "closes with an error and resets": ([say(Close(ERROR)), hear(Close), reset], ConnectionException, True),
    "closes with an error, unanswered": ([say(Close(ERROR)), stay_silent], ConnectionException, True),
    "ends the session with an error": ([say(End(ERROR)), *FAREWELL], SessionException, True),
    "ends the session": ([say(End()), *FAREWELL], SessionException, False),
    "detaches with an error": ([say(Detach(0, True, ERROR)), *FAREWELL], LinkException, True),
    "detaches": ([say(Detach(0, True)), *FAREWELL], LinkException, False),
    "detaches for a while": ([say(Detach(0, False, ERROR)), *FAREWELL], LinkException, True),
}


@pytest.fixture(params=CALLS)
def waiting(request: pytest.FixtureRequest) -> Any:
    """A call that waits for the peer."""
    return CALLS[request.param]


@pytest.mark.parametrize("end", ENDS)
def test_peer_ends_it(end: str, waiting: Waiting, open_connection: Any, peer: Any) -> None:
    steps, kind, with_error = ENDS[end]
    if kind is LinkException and waiting.text == "Opening link":
        steps = [answer_attach, *steps]
    call = waiting.begin(peer, steps, open_connection)
    with within(0), pytest.raises(ProtonException) as info:
        result = call()
        # A link may be refused after it came about; proton's users look at it then.
        for use in ("send", "receive"):
            if hasattr(result, use):
                getattr(result, use)(*[Message("x")] * (use == "send"))
    error = info.value
    assert isinstance(error.__cause__ if isinstance(error, InDoubt) else error, kind)
    assert getattr(error, "condition") == (NAME if with_error else None)
    assert getattr(error, "description") == (WORDS if with_error else None)
    assert (NAME in str(error) and WORDS in str(error)) == with_error
    if kind is ConnectionException or waiting.prepared and waiting.prepare is not nothing:
        with within(0), pytest.raises(ProtonException):
            call()


@pytest.mark.parametrize("end", [leave, reset])
def test_peer_goes(end: Any, waiting: Waiting, open_connection: Any, peer: Any) -> None:
    call = waiting.begin(peer, [end], open_connection)
    with within(0), pytest.raises(ProtonException) as info:
        call()
    error = info.value
    assert isinstance(error.__cause__ if isinstance(error, InDoubt) else error, ConnectionException)
    assert getattr(error, "condition") in ("proton:io", "amqp:connection:framing-error")
    assert "reset" in str(error) or "aborted" in str(error)


def test_peer_says_nothing_more(waiting: Waiting, open_connection: Any, peer: Any) -> None:
    call = waiting.begin(peer, [stay_silent], open_connection, SHORT)
    with within(SHORT), pytest.raises(Timeout, match=waiting.text):
        call()


def test_nothing_more_than_heartbeats(waiting: Waiting, open_connection: Any, peer: Any) -> None:
    """A peer that is alive and does not answer is no different."""
    call = waiting.begin(peer, [lambda talk: talk.send(bytes.fromhex("0000000802000000") * 10), stay_silent],
                         open_connection, SHORT)
    with within(SHORT), pytest.raises(Timeout, match=waiting.text):
        call()


def test_timeout_of_a_send_says_whether_it_was_sent(peer: Any) -> None:
    for script, words in ((ATTACHED, "credit"), (SENDING, "in doubt")):
        with syncproton.connect(peer([*script, *FAREWELL]).url, timeout=5) as connection:
            sender = connection.create_sender("q")
            with within(SHORT), pytest.raises(Timeout, match=words):
                sender.send("x", timeout=SHORT)


def test_no_session(open_connection: Any, peer: Any) -> None:
    connection = open_connection(peer([*OPENED, hear(Begin), stay_silent]).url)
    connection.timeout = SHORT
    with within(SHORT), pytest.raises(Timeout, match="Opening link"):
        connection.create_sender("q")


@pytest.mark.parametrize("error", [Close(ERROR), Close()])
def test_refused_while_connecting(error: Close, connect: Any, peer: Any) -> None:
    """Open and close come together: there is no other way for a peer to refuse."""
    with within(0), pytest.raises(ConnectionException) as info:
        connect(peer([*OPENED[:6], say(Open("peer"), error), hear(Close)]).url, 5)
    assert info.value.condition == (NAME if error.error else None)
    assert not error.error or WORDS in str(info.value)


def test_refused_while_connecting_as_announced(connect: Any, peer: Any) -> None:
    """Brokers say in a property of their open that its close is to follow."""
    announced = Open("peer", properties={symbol("amqp:connection-establishment-failed"): True})
    with within(0), pytest.raises(ConnectionException, match=WORDS):
        connect(peer([*OPENED[:6], say(announced), say(Close(ERROR)), hear(Close)]).url, 5)
    with within(SHORT), pytest.raises(Timeout, match="Opening connection"):
        connect(peer([*OPENED[:6], say(announced), stay_silent]).url, SHORT)


@pytest.mark.parametrize("role", ["create_sender", "create_receiver"])
def test_link_refused(role: str, open_connection: Any, peer: Any) -> None:
    """An attach without the terminus asked for, and then the reason (section 2.6.3)."""
    def refuse(talk: Talk) -> None:
        attach = talk.last(Attach)
        talk.say(attach_for(attach, source=None, target=None))
        talk.say(Detach(attach.handle, True, ERROR))

    connection = open_connection(peer([*BEGUN, hear(Attach), refuse, hear(Detach), hear(Attach), answer_attach,
                                       *FAREWELL]).url)
    with within(0), pytest.raises(LinkException) as info:
        getattr(connection, role)("q")
    assert NAME in str(info.value) and WORDS in str(info.value)
    getattr(connection, role)("q")


#: Closing: what is closed, and how the peer takes it.
CLOSING: Any = {
    "connection": (lambda connection, link: connection.close(), Close),
    "link": (lambda connection, link: link.close(), Detach),
}
TAKEN: Any = {
    "closes with an error": [say(Close(ERROR)), leave],
    "closes": [say(Close()), leave],
    "leaves": [leave],
    "resets": [reset],
}


@pytest.mark.parametrize("what", CLOSING)
@pytest.mark.parametrize("taken", TAKEN)
def test_close_that_is_taken_badly(what: str, taken: str, open_connection: Any, peer: Any) -> None:
    """Whatever the peer makes of it, what is to be closed is closed."""
    close, performative = CLOSING[what]
    connection = open_connection(peer([*ATTACHED, hear(performative), *TAKEN[taken]]).url)
    link = connection.create_sender("q")
    with within(0):
        close(connection, link)
        close(connection, link)


@pytest.mark.parametrize("what", CLOSING)
def test_close_that_is_not_answered(what: str, open_connection: Any, peer: Any) -> None:
    close, performative = CLOSING[what]
    done = threading.Event()
    silent = peer([*ATTACHED, hear(performative), wait(done)])
    connection = open_connection(silent.url)
    link = connection.create_sender("q")
    connection.timeout = SHORT
    with within(SHORT), pytest.raises(Timeout, match=f"Closing {what}"):
        close(connection, link)
    with within(SHORT):
        try:
            connection.close()
        except Timeout:
            pass
    done.set()
    assert silent.talk().over.wait(5), "the socket was left open"


def test_sessions_and_links_ended_one_after_the_other(open_connection: Any, peer: Any) -> None:
    """What ended is over, and what is made afterwards works."""
    again: Script = [hear(Begin), lambda talk: talk.say(Begin(
        remote_channel=0, next_outgoing_id=0, incoming_window=9, outgoing_window=9)), hear(Attach), answer_attach]
    connection = open_connection(peer([
        *ATTACHED, hear(Flow), say(Detach(0, True, ERROR)), hear(Detach), hear(Attach), answer_attach, hear(Flow),
        say(End(ERROR)), hear(End), *again, hear(Flow), transfer(bytes.fromhex("005377a104676f6f64")), *FAREWELL]).url)
    for kind in (LinkException, SessionException):
        receiver = connection.create_receiver("q", credit=0)
        with within(0), pytest.raises(kind, match=NAME):
            receiver.receive()
    assert connection.create_receiver("q", credit=0).receive().body == "good"


OUTCOMES: Any = {
    "accepted": (Disposition(True, 0, None, True, Accepted()), ""),
    "rejected": (Disposition(True, 0, None, True, Rejected(ERROR)), "rejected"),
    "rejected without an error": (Disposition(True, 0, None, True, Rejected()), "rejected"),
    "released": (Disposition(True, 0, None, True, Released()), "released"),
    "modified": (Disposition(True, 0, None, True, Modified(True, True)), "modified"),
    "settled without an outcome": (Disposition(True, 0, None, True), ""),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes(outcome: str, peer: Any) -> None:
    disposition, word = OUTCOMES[outcome]
    with syncproton.connect(peer([*SENDING, hear(Transfer), say(disposition), *FAREWELL]).url, timeout=5) as connection:
        sender = connection.create_sender("q")
        with within(0):
            if not word:
                sender.send("x")
                return
            with pytest.raises(syncproton.sync.SendException, match=word) as info:
                sender.send("x")
        assert (info.value.condition == NAME) == (outcome == "rejected")


def test_outcome_that_is_none(peer: Any) -> None:
    """A state on the way is no outcome: the send goes on waiting."""
    on_the_way = say(Disposition(True, 0, None, False, Received(0, 0)))
    with syncproton.connect(peer([*SENDING, hear(Transfer), on_the_way, *FAREWELL]).url, timeout=5) as connection:
        with within(SHORT), pytest.raises(Timeout, match="in doubt"):
            connection.create_sender("q").send("x", timeout=SHORT)


def test_outcomes_of_nothing(peer: Any) -> None:
    """Dispositions of deliveries that never were change nothing."""
    strange = [say(Disposition(True, first, last, True, Accepted())) for first, last in (
        (1, None), (5, 0x7FFFFFF0), (0xFFFFFFF0, 0xFFFFFFFF), (0x80000000, None))]
    right = say(Disposition(True, 0, None, True, Accepted()))
    with syncproton.connect(peer([*SENDING, hear(Transfer), *strange, right, *FAREWELL]).url, timeout=5) as connection:
        connection.create_sender("q").send("x")


def test_at_most_once_without_credit(peer: Any) -> None:
    with syncproton.connect(peer([*ATTACHED, *FAREWELL]).url, timeout=5) as connection:
        with within(SHORT), pytest.raises(Timeout, match="credit"):
            connection.create_sender("q", options=AtMostOnce()).send("x", timeout=SHORT)


def test_window_that_stays_shut(peer: Any) -> None:
    """There is credit for the link, and no room in the session."""
    shut = say(Flow(0, 0, 0, 2048, handle=0, delivery_count=0, link_credit=10))
    with syncproton.connect(peer([*ATTACHED, shut, *FAREWELL]).url, timeout=5) as connection:
        with within(SHORT), pytest.raises(Timeout, match="Sending"):
            connection.create_sender("q").send("x", timeout=SHORT)


@pytest.mark.parametrize("window", [1, 3])
def test_window_is_kept_to(window: int, peer: Any) -> None:
    """No more frames go out than the peer has room for."""
    small = say(Flow(0, window, 0, 2048, handle=0, delivery_count=0, link_credit=10))
    narrow = peer([*ATTACHED, small, *FAREWELL])
    with syncproton.connect(narrow.url, timeout=5) as connection:
        with within(SHORT), pytest.raises(Timeout):
            connection.create_sender("q").send(b"x" * 5_000_000, timeout=SHORT)
    narrow.talk().told()
    frames = [performative for _, performative, _ in narrow.talk().heard if isinstance(performative, Transfer)]
    assert len(frames) <= window


@pytest.mark.parametrize("end", ENDS)
def test_callbacks(end: str, peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    steps, kind, with_error = ENDS[end]
    if end in ("closes with an error, unanswered", "detaches for a while"):
        steps = [*steps[:1], leave]
    for role, script in (("sender", [*SENDING, hear(Transfer)]), ("receiver", [*ATTACHED, hear(Flow)])):
        seen = client(peer([*script, *steps]).url, role)
        what = {ConnectionException: "connection", SessionException: "session", LinkException: "link"}[kind]
        if end == "detaches for a while":  # that has no callback of its own in proton
            assert [name for name, *_ in seen.errors if name.startswith("on_link")] == []
            continue
        assert seen.errors[0] == (
            (f"on_{what}_error", NAME, WORDS) if with_error else (f"on_{what}_closing", None, None))
    still_works()


def test_callbacks_after_silence(peer: Any, client: Any, still_works: Callable[[], None]) -> None:
    for role, script in (("sender", [*SENDING, hear(Transfer)]), ("receiver", [*ATTACHED, hear(Flow)])):
        seen = client(peer([*script, stay_silent]).url, role, heartbeat=SHORT)
        assert seen.errors[0][:2] == ("on_transport_error", "amqp:resource-limit-exceeded")
    still_works()


def test_peer_detaches_a_link_that_is_being_made(peer: Any, open_connection: Any) -> None:
    """A detach before the attach has been answered breaks the rules."""
    connection = open_connection(peer([*BEGUN, hear(Attach), say(Detach(0, True, ERROR)), *FAREWELL]).url)
    with within(0), pytest.raises(SessionException, match="unattached-handle"):
        connection.create_sender("q")


def test_peer_attaches_something_else(peer: Any, open_connection: Any) -> None:
    """The answer has another name: that is no answer."""
    other = say(Attach("other", 5, True, source=Source(address="q"), target=Target(address="q")))
    connection = open_connection(peer([*BEGUN, hear(Attach), other, *FAREWELL]).url)
    connection.timeout = SHORT
    with within(SHORT), pytest.raises(Timeout, match="Opening link"):
        connection.create_sender("q")
