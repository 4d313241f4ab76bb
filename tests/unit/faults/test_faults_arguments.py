"""What programs get wrong themselves: it is said at the call, by name, and nothing else suffers."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterator

import pytest

import syncproton
import syncproton.broker
import syncproton.handlers
import syncproton.reactor
import syncproton.sync
import syncproton.utils
from syncproton import LinkException, Message, MessageException, ProtonException, SSLDomain, Timeout
from syncproton.reactor import Container, Selector
from syncproton.utils import BlockingConnection, SyncRequestResponse

MISSPELT = "hearbeat"


@pytest.fixture
def connection(broker: Any) -> Iterator[Any]:
    with syncproton.connect(broker.url, timeout=5) as connection:
        yield connection


@pytest.fixture
def blocking(broker: Any) -> Iterator[Any]:
    with BlockingConnection(broker.url, timeout=5) as connection:
        yield connection


def public_methods() -> Iterator[Any]:
    """The methods that applications call, by the kind of object that has them."""
    yield "connection", "create_sender create_receiver close"
    yield "sender", "send close"
    yield "receiver", "receive accept reject release settle close"
    yield "message", "accept reject release modify settle"
    yield "blocking", "create_sender create_receiver close wait run"
    yield "blocking_sender", "send close"
    yield "blocking_receiver", "receive accept reject release settle close"
    yield "container", (
        "connect create_sender create_receiver listen schedule declare_transaction run stop start process do_work "
        "close start_background selectable acceptor connection connection_to_host push_event wakeup when_ended")


@pytest.mark.parametrize("kind, method", [
    (kind, method) for kind, methods in public_methods() for method in methods.split()
])
def test_misspelt_keyword_of_a_method(kind: str, method: str, connection: Any, blocking: Any) -> None:
    things: Any = {
        "connection": lambda: connection,
        "sender": lambda: connection.create_sender("q"),
        "receiver": lambda: connection.create_receiver("q"),
        "message": syncproton.sync.ReceivedMessage,
        "blocking": lambda: blocking,
        "blocking_sender": lambda: blocking.create_sender("q"),
        "blocking_receiver": lambda: blocking.create_receiver("q"),
        "container": Container,
    }
    with pytest.raises(TypeError, match=MISSPELT):
        getattr(things[kind](), method)(**{MISSPELT: 5})


@pytest.mark.parametrize("call", [syncproton.connect, syncproton.receive, BlockingConnection])
def test_misspelt_keyword_of_connecting(call: Callable[..., Any], broker: Any) -> None:
    with pytest.raises(TypeError, match=MISSPELT):
        call(f"{broker.url}/q", **{MISSPELT: 5})
    with pytest.raises(TypeError, match="time_out"):
        call(f"{broker.url}/q", time_out=5)


def test_misspelt_keyword_of_sending(broker: Any) -> None:
    with pytest.raises(TypeError, match=MISSPELT):
        syncproton.send(f"{broker.url}/q", "x", **{MISSPELT: 5})


@pytest.mark.parametrize("kind", [
    syncproton.Message, syncproton.Url, syncproton.Data, syncproton.Transport, syncproton.Condition, SSLDomain,
    syncproton.reactor.Backoff, syncproton.reactor.Container, syncproton.reactor.Filter, syncproton.reactor.Selector,
    syncproton.handlers.MessagingHandler, syncproton.broker.Broker, syncproton.broker.Limits, SyncRequestResponse,
])
def test_misspelt_keyword_of_a_constructor(kind: type) -> None:
    with pytest.raises(TypeError, match=MISSPELT):
        kind(**{MISSPELT: 5})


#: Texts and things that are no address of a peer, and what is to be said of them.
NO_URLS: Any = {
    "http://h": "scheme", "mqtt://h:1883": "scheme", "wss://h": "scheme", "amqp+ssl://h": "scheme",
    "file:///etc": "scheme", "://h": "scheme",
    "amqp://h:99999": "port", "amqp://h:-1": "port", "amqp://h:nope": "port", "amqp://h:1:2": "port",
    "amqp://h:\u0661": "port", "amqp://h:56725672567256725672": "port", "amqp://[::1": "host", "amqp://[zz]": "IPv6",
    "amqp://a b": "host", "amqp:// ": "host", "\n": "host", "amqp://h\0": "host", "amqp://u:pa/ss@h": "percent-encoded",
}


@pytest.fixture(params=[
    syncproton.connect, lambda url, timeout: syncproton.send(url, "x", timeout=timeout), syncproton.receive,
    BlockingConnection, lambda url, timeout: Container().connect(url), lambda url, timeout: Container().listen(url),
    lambda url, timeout: Container().create_sender(url), lambda url, timeout: syncproton.broker.Broker(url),
])
def reach(request: pytest.FixtureRequest) -> Any:
    """Every way to connect or listen: each a function of a URL and a timeout."""
    return request.param


@pytest.mark.parametrize("url", NO_URLS)
def test_no_url(url: str, reach: Any) -> None:
    with pytest.raises(ProtonException, match=NO_URLS[url]) as info:
        reach(url, timeout=5)
    assert isinstance(info.value, ValueError)
    assert "pa/ss" not in str(info.value)


@pytest.mark.parametrize("url", [5, b"amqp://h", ["amqp://h"], object()])
def test_no_text_for_a_url(url: Any, reach: Any) -> None:
    with pytest.raises(TypeError):
        reach(url, timeout=5)


NOT_A_NUMBER = ["5", True, [1], object()]

#: Keywords of connecting, and values that are none of theirs.
WRONG: Any = {
    "timeout": ([*NOT_A_NUMBER, b"5"], [-1, math.nan]),
    "heartbeat": (NOT_A_NUMBER, [-1, math.nan, 1e10, math.inf]),
    "reconnect": (["x", 5, object(), [object()], ["a"], [True]], [[0, math.nan], [math.inf]]),
    "ssl_domain": (["x", 5, SSLDomain], []),
    "container": (["x", 5, Container], []),
    "user": ([5, b"u", ["u"]], ["\udc00"]),
    "password": ([5, b"p"], ["\udc00"]),
    "virtual_host": ([5, b"h"], ["\udc00"]),
    "sni": ([5, b"h"], []),
    "container_id": ([5, b"x"], ["\udc00"]),
    "allowed_mechs": ([5, [5], object()], []),
    "sasl_enabled": (["no"], []),
    "allow_insecure_mechs": (["no"], []),
    "offered_capabilities": ([5, [5], b"x"], [["\u00fc"]]),
    "desired_capabilities": ([5, [5], b"x"], [["\u00fc"]]),
    "properties": ([5, [1], "x", {1: 2}], [{"k": object()}, {"k": {1, 2}}, {"k": 1 << 70}, {"k": "\udc00"}]),
    "max_frame_size": (["x", 512.5, True], [-1, 1 << 32]),
}


@pytest.mark.parametrize("keyword", WRONG)
def test_value_of_a_wrong_kind(keyword: str, connect: Any, broker: Any) -> None:
    for kind, values in zip((TypeError, ValueError), WRONG[keyword]):
        for value in values:
            with pytest.raises(kind) as info:
                connect(**{"url": broker.url, "timeout": 5, keyword: value})
            assert keyword in str(info.value) or keyword == "reconnect" and "delay" in str(info.value), value
            assert keyword != "password" or repr(value).strip("'") not in str(info.value)


@pytest.mark.parametrize("keyword", [keyword for keyword in WRONG if keyword not in ("timeout", "container")])
def test_value_of_a_wrong_kind_for_the_container(keyword: str) -> None:
    for kind, values in zip((TypeError, ValueError), WRONG[keyword]):
        for value in values:
            with pytest.raises(kind):
                Container().connect("amqp://127.0.0.1:1", **{keyword: value})


def test_container_of_a_wrong_kind() -> None:
    with pytest.raises(TypeError, match="container_id"):
        Container(container_id=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ssl_domain"):
        Container().listen("127.0.0.1:0", ssl_domain="x")  # type: ignore[arg-type]
    for delay in ("5", True, None):
        with pytest.raises(TypeError):
            Container().schedule(delay, None)  # type: ignore[arg-type]
    for delay in (-1, math.nan, math.inf):
        with pytest.raises(ValueError):
            Container().schedule(delay, None)


@pytest.mark.parametrize("prefetch, kind", [
    ("x", TypeError), (1.5, TypeError), (-1, ValueError), (1 << 32, ValueError)
])
def test_prefetch_of_a_wrong_kind(prefetch: Any, kind: Any) -> None:
    with pytest.raises(kind, match="credit window"):
        syncproton.handlers.MessagingHandler(prefetch=prefetch)


@pytest.fixture(params=["connection", "blocking"])
def either(request: pytest.FixtureRequest) -> Any:
    """A connection of each of the two kinds."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("method", ["create_sender", "create_receiver"])
def test_links_of_nonsense(method: str, either: Any) -> None:
    create = getattr(either, method)
    for value in (5, b"q", ["q"], object()):
        with pytest.raises(TypeError, match="target|source"):
            create(value)
        with pytest.raises(TypeError, match="name"):
            create("q", name=value)
        with pytest.raises(TypeError, match="option"):
            create("q", options=value)
        with pytest.raises(TypeError, match="option"):
            create("q", options=[value])
    with pytest.raises(ValueError, match="UTF-8"):
        create("q\udc00")
    with pytest.raises(ValueError, match="UTF-8"):
        create("q", name="\udc00")
    create("q").close()


def test_credit_of_nonsense(either: Any) -> None:
    for value in ("5", True, 1.5, object()):
        with pytest.raises(TypeError, match="credit"):
            either.create_receiver("q", credit=value)
    for number in (-1, 1 << 32, 1 << 64):
        with pytest.raises(ValueError, match="credit"):
            either.create_receiver("q", credit=number)
    either.create_receiver("q", credit=4294967295).close()


@pytest.mark.parametrize("address", [None, ""])
def test_receiver_without_an_address(connection: Any, blocking: Any, address: Any) -> None:
    for create in (connection.create_receiver, connection.submit_create_receiver):
        with pytest.raises(ValueError, match="there is no address to receive from"):
            create(address)
    with pytest.raises(LinkException, match="amqp:invalid-field"):
        blocking.create_receiver(address)
    with pytest.raises(LinkException, match="amqp:invalid-field"):
        connection.create_receiver(address, options=Selector("a = 1"))
    for either in (connection, blocking):
        either.create_sender("q").close()


def test_timeouts_of_nonsense(connection: Any, blocking: Any) -> None:
    sender, receiver = connection.create_sender("nobody"), connection.create_receiver("nothing")
    others = blocking.create_sender("nobody"), blocking.create_receiver("nothing")
    calls: Any = [
        lambda timeout: sender.send("x", timeout=timeout), lambda timeout: receiver.receive(timeout=timeout),
        lambda timeout: others[0].send(Message(), timeout=timeout), lambda timeout: others[1].receive(timeout=timeout),
        lambda timeout: blocking.wait(lambda: True, timeout=timeout), lambda timeout: sender.close(timeout=timeout),
        lambda timeout: connection.create_sender("q", timeout=timeout),
        lambda timeout: connection.create_receiver("q", timeout=timeout),
        lambda timeout: connection.close(timeout=timeout),
    ]
    for call in calls:
        for value in NOT_A_NUMBER:
            with pytest.raises(TypeError, match="timeout"):
                call(value)
        for number in (-1, math.nan):
            with pytest.raises(ValueError, match="timeout"):
                call(number)
    with pytest.raises(Timeout):
        receiver.receive(timeout=0)
    sender.send("x")


def deep(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("body", [
    object(), {1, 2}, print, {"k": object()}, 1 << 70, "\udc00", [[[[set()]]]], {frozenset(): 1}, deep(100000),
])
def test_bodies_that_cannot_be_encoded(body: Any, connection: Any, blocking: Any) -> None:
    sender, other = connection.create_sender("q"), blocking.create_sender("q")
    with pytest.raises(MessageException):
        sender.send(body)
    with pytest.raises(MessageException):
        other.send(Message(body=body))
    sender.send("good")
    other.send(Message(body="good"))
    while isinstance(body, list) and body:
        body = body.pop()  # else the interpreter would take it apart by recursion


def test_body_that_contains_itself(connection: Any) -> None:
    body: Any = []
    body.append(body)
    with pytest.raises(MessageException):
        connection.create_sender("q").send(body)


def test_settling_what_is_not_there(connection: Any, blocking: Any) -> None:
    receiver, other = connection.create_receiver("empty"), blocking.create_receiver("empty")
    for call in (receiver.accept, receiver.reject, receiver.release, receiver.settle):
        with pytest.raises(LinkException):
            call()
        with pytest.raises(LinkException):
            call(Message())
    for call in (other.accept, other.reject, other.release, other.settle):
        with pytest.raises((LinkException, IndexError)):
            call()


def test_condition_that_raises_or_is_none(blocking: Any) -> None:
    with pytest.raises(TypeError):
        blocking.wait(5)
    with pytest.raises(ZeroDivisionError):
        blocking.wait(lambda: 1 / 0)
    blocking.create_sender("q").send(Message("x"))
