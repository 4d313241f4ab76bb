"""Hosts that are not there, or do not answer: every way to connect ends in time and says what was the matter."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, Iterator

import pytest
from faults_clients import connect_blocking, connect_like_proton, receive, send, within

import syncproton
from syncproton import ConnectionException, ProtonException, Timeout
from syncproton.reactor import Backoff

SHORT = 0.1


@pytest.fixture
def refused() -> Iterator[str]:
    """A URL whose port nobody listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield "amqp://127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[str]:
    """A URL where connections are taken by the system, and never by a program."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)
        yield "amqp://127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture
def full() -> Iterator[str]:
    """A URL where not even the system takes connections any more."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        others = []
        try:
            for _ in range(3):
                other = socket.socket()
                others.append(other)
                other.setblocking(False)
                other.connect_ex(sock.getsockname())
            yield "amqp://127.0.0.1:%d" % sock.getsockname()[1]
        finally:
            for other in others:
                other.close()


@pytest.fixture
def slow_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Names are not resolved before the event is set, and then are unknown."""
    release = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(host).endswith(".test") or kwargs.get("flags"):
            return real(host, *args, **kwargs)
        assert release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield release
    release.set()


@pytest.fixture(params=[connect_blocking, connect_like_proton, send, receive])
def reach(request: pytest.FixtureRequest) -> Any:
    """Every way for a thread to make a connection: each a function of a URL and a timeout."""
    return request.param


def test_refused(reach: Any, refused: str) -> None:
    with within(0), pytest.raises(ConnectionException) as info:
        reach(refused, 5)
    assert info.value.condition == "proton:io"
    assert info.value.description is not None and "refused" in info.value.description
    assert refused in str(info.value) and "refused" in str(info.value)


def test_unknown_host(reach: Any) -> None:
    with within(5), pytest.raises(ConnectionException) as info:
        reach("amqp://no-such-host.invalid", 5)
    assert info.value.condition == "proton:io"
    assert "no-such-host.invalid" in str(info.value) and "resolve" in str(info.value)


@pytest.mark.parametrize("host", ["a..b.invalid", "x" * 70 + ".invalid", "%zz", "\u00fc.invalid"])
def test_host_that_cannot_exist(reach: Any, host: str) -> None:
    with within(5), pytest.raises(ConnectionException) as info:
        reach(f"amqp://{host}", 5)
    assert info.value.condition == "proton:io"


def test_slow_resolver(reach: Any, slow_resolver: threading.Event) -> None:
    with within(SHORT), pytest.raises(Timeout, match="Opening connection"):
        reach("amqp://slow.test", SHORT)


def test_slow_resolver_holds_up_nobody_else(
    slow_resolver: threading.Event, shared: Any, still_works: Callable[[], None], background: Callable[..., Any]
) -> None:
    attempt = background(syncproton.connect, "amqp://slow.test", container=shared, timeout=10)
    still_works()
    assert not attempt.done()
    slow_resolver.set()
    error = attempt.exception(10)
    assert isinstance(error, ConnectionException)
    assert "Name or service not known" in str(error)


def test_silent_host(reach: Any, silent: str) -> None:
    with within(SHORT), pytest.raises(Timeout) as info:
        reach(silent, SHORT)
    assert silent in str(info.value) and "Opening connection" in str(info.value)


def test_host_that_drops_what_comes(reach: Any, full: str) -> None:
    with within(SHORT), pytest.raises(Timeout, match="Opening connection"):
        reach(full, SHORT)


@pytest.mark.parametrize("reach", [connect_blocking, send, receive])  # to BlockingConnection 0 means the default
def test_timeout_of_zero(reach: Any, silent: str) -> None:
    with within(0), pytest.raises(Timeout):
        reach(silent, 0)


def test_no_password_in_errors(reach: Any, refused: str, silent: str) -> None:
    for url, timeout in ((refused, 5), (silent, 0.1), ("amqp://unknown.invalid", 5)):
        with pytest.raises(ProtonException) as info:
            reach(url.replace("://", "://user:s3cret@"), timeout)
        assert "s3cret" not in str(info.value) and "s3cret" not in repr(info.value)


def test_all_of_several_refused(connect: Any, refused: str) -> None:
    with within(0), pytest.raises(ConnectionException, match="refused"):
        connect(None, 5, urls=[refused, refused, "amqp://no-such-host.invalid", refused])


def test_one_of_several_answers(connect: Any, refused: str, broker: Any) -> None:
    connect(None, 5, urls=[refused, "amqp://no-such-host.invalid", broker.url])


def test_reconnecting_to_nobody_ends_in_a_timeout_with_the_reason(connect: Any, refused: str) -> None:
    with within(SHORT), pytest.raises(Timeout) as info:
        connect(refused, SHORT, reconnect=Backoff(initial=0.01))
    assert isinstance(info.value.__cause__, ConnectionException)
    assert "refused" in str(info.value.__cause__)


def test_reconnecting_so_many_times(connect: Any, refused: str) -> None:
    with within(0), pytest.raises(ConnectionException, match="refused"):
        connect(refused, 5, reconnect=Backoff(initial=0.01, max_tries=3))


@pytest.mark.parametrize("url, reason", [
    ("refused", "refused"), ("amqp://no-such-host.invalid", "resolve"), ("amqp://a..b.invalid", "resolve"),
])
def test_callbacks(url: str, reason: str, refused: str, client: Any, still_works: Callable[[], None]) -> None:
    seen = client(refused if url == "refused" else url, "sender")
    assert "on_transport_error" in seen.callbacks and "on_disconnected" in seen.callbacks
    name, description = next(rest for callback, *rest in seen.errors if callback == "on_transport_error")
    assert name == "proton:io" and reason in description
    still_works()


def test_failures_leave_a_shared_container_in_order(
    refused: str, silent: str, shared: Any, still_works: Callable[[], None]
) -> None:
    for url in (refused, "amqp://no-such-host.invalid", silent) * 3:
        with pytest.raises(ProtonException):
            syncproton.connect(url, container=shared, timeout=0.05)
    still_works()
    assert shared.submit(lambda: (len(shared._channels), len(shared._active))).result(5) == (0, 0)
