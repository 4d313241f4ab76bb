"""The table: every call that waits, blocking and as a future, against everything a peer may do to it meanwhile.

Each ends within its timeout and a second, with an exception that says what happened.  A close that waits is content
with any end of what it closes.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
from scripted_peer import (
    ATTACHED, BEGUN, LOGIN, OPENED, SENDING, ScriptedPeer, Step, Talk, attach_for, header, hear, leave,
    reset, say, stay_silent, wait,
)

import syncproton
from syncproton import ConnectionException, LinkException, ProtonException, SessionException, Timeout, TransactionError
from syncproton.codec import symbol
from syncproton.reactor import Container
from syncproton.sync import InDoubt, SendManyError, submit_connect
from syncproton.wire.frames import AMQP_HEADER
from syncproton.wire.performatives import Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer
from syncproton.wire.states import Declared, Error
from syncproton.wire.termini import Source

SHORT = 0.1  # seconds: the timeout of calls that are to run into it,
LONGER = 0.8  # and that of those among them for which the peer is asked several things before
LONG = 5.0  # seconds: that of those that are to end long before
GRACE = 1.0
ERROR = Error("amqp:internal-error", "by the peer, with regret")


def at_temporary_address(talk: Talk) -> None:
    """Attach the link for responses."""
    talk.say(attach_for(talk.last(Attach), source=Source("temporary")))


def refuse(talk: Talk) -> None:
    """Attach a link as peers do that are about to refuse it."""
    talk.say(attach_for(talk.last(Attach), source=None, target=None))


def declared(talk: Talk) -> None:
    """Answer the declare of a transaction."""
    talk.say(Disposition(True, 0, None, True, Declared(b"txn")))


def at_second_session(talk: Talk) -> None:
    """Begin the session that the client began after the first, and attach the link on it."""
    talk.hear(Attach)
    assert [channel for channel, performative, _ in talk.heard if isinstance(performative, Begin)] == [0, 1]
    talk.say(Begin(1, 0, 2048, 2048), channel=1)
    talk.say(attach_for(talk.last(Attach)), channel=1)


#: A link for responses is there, and one for requests, on a session of its own.
REQUESTED: List[Step] = [*BEGUN, hear(Attach), at_temporary_address, at_second_session]

#: The peer has been asked to begin a transaction; has done so.
COORDINATOR: List[Step] = [*SENDING, hear(Transfer)]
IN_TRANSACTION: List[Step] = [*COORDINATOR, declared]


def nothing(connection: Any) -> None:
    """There is nothing to prepare."""


class Row:
    """A call.

    :param script: what the peer does before the event.
    :param prepare: what is done before the call, with the connection; its result is passed to the call.
    :param block: the blocking form; called with the connection, what was prepared, and the timeout.
    :param submit: the other form, likewise; ``None`` if there is none.
    :param scope: what may end under it: ``"connection"``, ``"session"`` or ``"link"``.
    :param channel: of the session of the link that may end.
    :param opening: whether the call waits for its link to be attached.
    :param closes: whether the call closes something, and so is content with its end.
    :ivar short: the timeout with which the call is to run out of time, in seconds.
    """

    def __init__(
        self, script: List[Step], prepare: Callable[[Any], Any], block: Any, submit: Any, scope: str = "link",
        channel: int = 0, opening: bool = False, closes: bool = False,
    ) -> None:
        self.script = script
        self.prepare = prepare
        self.forms = {"blocks": block, "future": submit}
        self.scope = scope
        self.channel = channel
        self.opening = opening
        self.closes = closes
        # Whether the same call fails again: what was prepared has ended.
        self.again = prepare is not nothing
        self.short = SHORT if self.again or len(script) <= len(BEGUN) + 1 else LONGER


def sender(connection: Any) -> Any:
    return connection.create_sender("q")


def receiver(connection: Any) -> Any:
    return connection.create_receiver("q", credit=10)


def transaction(connection: Any) -> Any:
    return connection.declare_transaction()


ROWS: Dict[str, Row] = {
    "create_sender": Row(
        [*BEGUN, hear(Attach)], nothing,
        lambda c, _, t: c.create_sender("q", timeout=t), lambda c, _, t: c.submit_create_sender("q", timeout=t),
        opening=True),
    "create_receiver": Row(
        [*BEGUN, hear(Attach)], nothing,
        lambda c, _, t: c.create_receiver("q", timeout=t), lambda c, _, t: c.submit_create_receiver("q", timeout=t),
        opening=True),
    "declare_transaction": Row(
        COORDINATOR, nothing,
        lambda c, _, t: c.declare_transaction(t), lambda c, _, t: c.submit_declare_transaction(t)),
    "transaction": Row(COORDINATOR, nothing, lambda c, _, t: c.transaction(t), None),
    "commit": Row([*IN_TRANSACTION, hear(Transfer)], transaction,
                  lambda c, made, t: made.commit(t), lambda c, made, t: made.submit_commit(t)),
    "abort": Row([*IN_TRANSACTION, hear(Transfer)], transaction,
                 lambda c, made, t: made.abort(t), lambda c, made, t: made.submit_abort(t), closes=True),
    "send for want of credit": Row(ATTACHED, sender, lambda c, made, t: made.send("x", t),
                                   lambda c, made, t: made.submit_send("x", t)),
    "send, not settled": Row([*SENDING, hear(Transfer)], sender, lambda c, made, t: made.send("x", t),
                             lambda c, made, t: made.submit_send("x", t)),
    "send_many for want of credit": Row(ATTACHED, sender, lambda c, made, t: made.send_many("xyz", timeout=t), None),
    "send_many, not settled": Row([*SENDING, hear(Transfer)], sender,
                                  lambda c, made, t: made.send_many("xyz", window=2, timeout=t), None),
    "receive": Row([*ATTACHED, hear(Flow)], receiver, lambda c, made, t: made.receive(t),
                   lambda c, made, t: made.submit_receive(t)),
    "receive_many": Row([*ATTACHED, hear(Flow)], receiver, lambda c, made, t: made.receive_many(3, t), None),
    "drain": Row([*ATTACHED, hear(Flow, drain=True)], receiver, lambda c, made, t: made.drain(t),
                 lambda c, made, t: made.submit_drain(t)),
    "request, no response link": Row(
        [*BEGUN, hear(Attach)], nothing,
        lambda c, _, t: c.request("q", "x", t), lambda c, _, t: c.submit_request("q", "x", t), opening=True),
    "request, no response": Row(
        [*REQUESTED, say(Flow(0, 2048, 0, 2048, 0, 0, 10), channel=1), hear(Transfer)], nothing,
        lambda c, _, t: c.request("q", "x", t), lambda c, _, t: c.submit_request("q", "x", t)),
    "request, no credit": Row(
        REQUESTED, nothing,
        lambda c, _, t: c.request("q", "x", t), lambda c, _, t: c.submit_request("q", "x", t), channel=1),
    "check": Row([*OPENED, hear(Begin)], nothing, lambda c, _, t: c.check(t), None, scope="connection"),
    "close a sender": Row([*ATTACHED, hear(Detach)], sender, lambda c, made, t: made.close(t),
                          lambda c, made, t: made.submit_close(t), closes=True),
    "close a receiver": Row([*ATTACHED, hear(Detach)], receiver, lambda c, made, t: made.close(t),
                            lambda c, made, t: made.submit_close(t), closes=True),
    "close": Row([*OPENED, hear(Close)], nothing, lambda c, _, t: c.close(t), lambda c, _, t: c.submit_close(t),
                 scope="connection", closes=True),
}


def killed(talk: Talk) -> None:
    """The system closes the socket of a process that is no more, and answers what still comes with a reset."""
    talk.sock.close()


def ended(kind: str, error: Optional[Error]) -> Callable[[Row], List[Step]]:
    def steps(row: Row) -> List[Step]:
        performative = {"connection": Close(error), "session": End(error), "link": Detach(0, True, error)}
        return [say(performative[kind], channel=0 if kind == "connection" else row.channel), stay_silent]

    return steps


#: What the peer does: which scope it ends, and how.  With silence the calls run into their timeouts: to grant no credit
#: and not to settle, is to be silent while those rows wait that are called so.
EVENTS: Dict[str, Tuple[Optional[str], Callable[[Row], List[Step]]]] = {
    "closes the connection": ("connection", ended("connection", None)),
    "closes the connection with an error": ("connection", ended("connection", ERROR)),
    "ends the session": ("session", ended("session", None)),
    "ends the session with an error": ("session", ended("session", ERROR)),
    "detaches the link": ("link", ended("link", None)),
    "detaches the link with an error": ("link", ended("link", ERROR)),
    "resets the socket": ("connection", lambda row: [reset]),
    "ends the stream": ("connection", lambda row: [leave]),
    "is killed": ("connection", lambda row: [killed]),
    "goes silent": (None, lambda row: [stay_silent]),
    "answers no heartbeat": ("connection", lambda row: [stay_silent]),
}

SCOPES = ["link", "session", "connection"]
KINDS: Dict[str, Any] = {"connection": ConnectionException, "session": SessionException, "link": LinkException}


def applies(row: Row, scope: Optional[str]) -> bool:
    return scope is None or SCOPES.index(scope) >= SCOPES.index(row.scope)


TABLE = [
    pytest.param(row, event, form, id=f"{name}-{event}-{form}")
    for name, row in ROWS.items() for event, (scope, _) in EVENTS.items() if applies(row, scope)
    for form in ("blocks", "future") if row.forms[form] is not None
]


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """One I/O thread for all: it survives everything here."""
    container = Container()
    container.start_background()
    yield container
    assert container.in_background
    container.close(0)


@pytest.fixture
def peer() -> Iterator[Callable[..., ScriptedPeer]]:
    peers: List[ScriptedPeer] = []

    def make(script: List[Step]) -> ScriptedPeer:
        peers.append(ScriptedPeer(script))
        return peers[-1]

    yield make
    for each in peers:
        each.close()


def outcome(form: str, call: Callable[..., Any], *args: Any) -> Tuple[Optional[BaseException], float]:
    """What a call raised, and how long it took."""
    start = time.monotonic()
    error: Optional[BaseException] = None
    try:
        result = call(*args)
        if form == "future":
            error = result.exception(LONG + GRACE)
    except ProtonException as raised:
        error = raised
    return error, time.monotonic() - start


def reason(error: Any) -> Any:
    """What ended the link: for some calls that is the cause of what they raise."""
    while isinstance(error, (InDoubt, SendManyError, TransactionError)) and error.__cause__ is not None:
        error = error.__cause__
    return error


def check(row: Row, event: str, form: str, peer: Any, container: Container) -> None:
    """Check that a call ends in time and says why."""
    scope, steps = EVENTS[event]
    timeout = row.short if scope is None else LONG
    heartbeat = 0.2 if event == "answers no heartbeat" else None
    prepared = threading.Event()
    answer = [refuse] if row.opening and scope == "link" else []
    script = [*row.script, wait(prepared), *answer, *steps(row)]
    connection = syncproton.connect(peer(script).url, timeout=LONG, container=container, heartbeat=heartbeat)
    made = row.prepare(connection)
    prepared.set()
    error, took = outcome(form, row.forms[form], connection, made, timeout)
    assert took < timeout + GRACE
    if scope is None:
        assert isinstance(error, Timeout), error
        assert took >= row.short * 0.9
    elif row.closes:
        assert error is None or isinstance(error, ConnectionException)
    else:
        assert isinstance(reason(error), (KINDS[scope], TransactionError)), error
        if "with an error" in event:
            assert (error.condition, error.description) == (ERROR.condition, ERROR.description)
            assert ERROR.condition in str(error) and ERROR.description in str(error)
        if row.again:
            # What has ended stays so: nothing waits for it any more.
            error, took = outcome(form, row.forms[form], connection, made, timeout)
            assert isinstance(reason(error), (KINDS[scope], TransactionError)) and took < GRACE
    connection._driver.begin(connection._driver.abort).result(LONG)


#: After these some time has to pass.
SLOW = ("goes silent", "answers no heartbeat")


def check_apart(row: Row, event: str, form: str, container: Container) -> None:
    """The same, with a peer of its own."""
    with ExitStack() as peers:
        check(row, event, form, lambda script: peers.enter_context(closing(ScriptedPeer(script))), container)


@pytest.fixture(scope="module")
def begun(request: pytest.FixtureRequest, container: Container) -> Iterator[Dict[Tuple[Any, ...], "Future[None]"]]:
    """The checks in which some time has to pass, under way: several wait at once.  Those that are to be made at all."""
    with ThreadPoolExecutor(8) as threads:
        cases = [item.callspec.params for item in request.session.items
                 if getattr(item, "function", None) is test_call_ends_in_time_and_says_why]
        keys = [(case["row"], case["event"], case["form"]) for case in cases if case["event"] in SLOW]
        yield {key: threads.submit(check_apart, *key, container) for key in keys}


@pytest.mark.parametrize("row, event, form", TABLE)
def test_call_ends_in_time_and_says_why(
    row: Row, event: str, form: str, peer: Any, container: Container, begun: Any
) -> None:
    if event in SLOW:
        begun[row, event, form].result()
    else:
        check(row, event, form, peer, container)


#: How a peer receives a client that connects, up to where it says no more or goes.
DOORS: Dict[str, List[Step]] = {
    "at once": [], "after the login": LOGIN, "after the header": [*LOGIN, header(AMQP_HEADER)],
}
CONNECT = [pytest.param(door, event, id=f"{door}-{event}") for door in DOORS for event in
           ("resets the socket", "ends the stream", "is killed", "goes silent")]


@pytest.mark.parametrize("form", ["blocks", "future"])
@pytest.mark.parametrize("door, event", CONNECT)
def test_connecting_ends_in_time_and_says_why(door: str, event: str, form: str, peer: Any) -> None:
    scope, steps = EVENTS[event]
    url = peer([*DOORS[door], *steps(ROWS["close"])]).url
    timeout = SHORT if scope is None else LONG
    connect = syncproton.connect if form == "blocks" else submit_connect
    error, took = outcome(form, lambda: connect(url, timeout=timeout))
    assert took < timeout + GRACE
    assert isinstance(error, Timeout if scope is None else ConnectionException), error


@pytest.mark.parametrize("form", ["blocks", "future"])
@pytest.mark.parametrize("error", [None, ERROR])
def test_connecting_to_a_peer_that_closes_says_why(error: Any, form: str, peer: Any) -> None:
    connect = syncproton.connect if form == "blocks" else submit_connect
    properties = {symbol("amqp:connection-establishment-failed"): True}
    opened = say(Open("peer", properties=properties), Close(error))
    url = peer([*LOGIN, header(AMQP_HEADER), hear(Open), opened, stay_silent]).url
    raised, took = outcome(form, lambda: connect(url, timeout=LONG))
    assert isinstance(raised, ConnectionException) and took < GRACE
    assert raised.condition == (error.condition if error else None)


def test_iteration_ends_with_the_reason(peer: Any, container: Container) -> None:
    url = peer([*ATTACHED, hear(Flow), say(Detach(0, True, ERROR)), stay_silent]).url
    connection = syncproton.connect(url, timeout=LONG, container=container)
    error, took = outcome("blocks", lambda: list(receiver(connection)))
    assert isinstance(error, LinkException) and error.condition == ERROR.condition and took < GRACE
    connection._driver.begin(connection._driver.abort).result(LONG)
