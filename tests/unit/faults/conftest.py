"""Peers that misbehave, a broker that does not, and what watches over time, threads and containers."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from typing import Any, Callable, Dict, Iterator, List

import pytest
from faults_clients import GRACE, Client, connect_blocking, connect_like_proton
from scripted_peer import LIMIT, Script, ScriptedPeer

import syncproton
from syncproton.broker import Broker
from syncproton.reactor import Container


@pytest.fixture
def peer() -> Iterator[Callable[..., ScriptedPeer]]:
    """Makes peers that follow scripts; after the test, what went wrong in a script fails it."""
    peers: List[ScriptedPeer] = []

    def make(*scripts: Script) -> ScriptedPeer:
        peers.append(ScriptedPeer(*scripts))
        return peers[-1]

    yield make
    for each in peers:
        each.close()


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A peer that does everything right."""
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture
def shared() -> Iterator[Container]:
    """A container in the background, for connections that share it."""
    container = Container()
    container.start_background()
    yield container
    container.close(0)


@pytest.fixture
def still_works(shared: Container, broker: Broker) -> Callable[[], None]:
    """Sends and receives a message over the shared container: it survived what came before."""

    def check() -> None:
        address = f"queue-{time.monotonic_ns()}"
        with syncproton.connect(broker.url, container=shared, timeout=LIMIT) as connection:
            connection.create_sender(address).send("still here")
            message = connection.create_receiver(address).receive()
            message.accept()
            assert message.body == "still here"

    return check


@pytest.fixture
def background() -> Iterator[Callable[..., "Future[Any]"]]:
    """Runs a call on a thread of its own; its future has what came of it."""
    threads: Dict[threading.Thread, None] = {}

    def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> "Future[Any]":
        future: "Future[Any]" = Future()

        def work() -> None:
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        thread = threading.Thread(target=work, daemon=True)
        threads[thread] = None
        thread.start()
        return future

    yield run
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive(), "a call hangs"


@pytest.fixture(autouse=True)
def clean(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After each test: no I/O thread is left that was not there before, and none died of an exception."""
    before = set(threading.enumerate())
    with caplog.at_level(logging.WARNING, "syncproton"):
        yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("syncproton-") and "resolve" not in thread.name:
            thread.join(2 * GRACE)
            assert not thread.is_alive(), f"{thread.name} was left running"
    for phase in ("setup", "call"):
        for record in caplog.get_records(phase):
            assert "ended the container" not in record.getMessage(), record.exc_info
            assert "is given up" not in record.getMessage(), record.exc_info


@pytest.fixture(params=[connect_blocking, connect_like_proton])
def connect(request: pytest.FixtureRequest) -> Any:
    """The two ways for a thread to make a connection: each a function of a URL and a timeout."""
    return request.param


@pytest.fixture
def client(shared: Container) -> Callable[..., Client]:
    """Runs a :class:`Client` on the shared container, up to the end of its connection."""

    def run(url: str, links: str = "", **options: Any) -> Client:
        client = Client(url, links, **options)
        shared.submit(client.begin, shared).result(LIMIT)
        assert client.over.wait(LIMIT), "the connection does not end"
        # Once this is answered, all callbacks of the end have been called.
        shared.submit(lambda: None).result(LIMIT)
        return client

    return run
