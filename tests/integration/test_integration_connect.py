"""Every keyword of ``connect``, once, with Artemis; and a heartbeat, with one that freezes."""

from __future__ import annotations

import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

import syncproton
from broker_under_test import BrokerUnderTest
from fix_artemis import PAIR_IDLE_TIMEOUT
from syncproton import ConnectionException, Message, Url
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


@pytest.fixture
def anybody(artemis: BrokerUnderTest) -> str:
    """The URL of the broker without a user, whom it does not let in."""
    url = Url(artemis.url)
    return f"amqp://{url.host}:{url.port}"


def connections(broker: BrokerUnderTest) -> List[Dict[str, Any]]:
    """The connections that Artemis knows of, as it tells them."""
    wanted = {"field": "", "operation": "", "value": "", "sortColumn": "connectionID", "sortOrder": "asc"}
    with syncproton.connect(broker.url, timeout=30) as connection:
        receiver = connection.create_receiver(None, dynamic=True)
        connection.create_sender("activemq.management").send(Message(
            reply_to=receiver.address, body=json.dumps([json.dumps(wanted), 1, 100]),
            properties={"_AMQ_ResourceName": "broker", "_AMQ_OperationName": "listConnections"}))
        answer = receiver.receive()
        assert answer.properties["_AMQ_OperationSucceeded"], answer.body
        known: List[Dict[str, Any]] = json.loads(json.loads(answer.body)[0])["data"]
        return known


class Seen(MessagingHandler):
    """Takes down what the peer and the transport say of the connection."""

    def on_connection_opened(self, event: Any) -> None:
        self.transport = event.transport
        self.mech, self.user = event.transport.sasl().mech, event.transport.user
        self.properties = dict(event.connection.remote_properties)
        self.offered = list(event.connection.remote_offered_capabilities)


def test_a_message_comes_back_over_a_connection_with_every_keyword(artemis: BrokerUnderTest, anybody: str) -> None:
    queue = f"connect-{uuid.uuid4().hex[:12]}"
    container_id = f"client-{uuid.uuid4().hex[:12]}"
    seen = Seen()
    with syncproton.connect(
        urls=[anybody], timeout=30, handler=seen, reconnect=[0, 0.1], heartbeat=10, sasl_enabled=True,
        allowed_mechs="PLAIN", allow_insecure_mechs=True, user="admin", password="admin", virtual_host="somewhere",
        offered_capabilities=["one", "two"], desired_capabilities=["ANONYMOUS-RELAY"], properties={"product": "test"},
        sni="somewhere", max_frame_size=1000, container_id=container_id,
    ) as connection:
        assert (seen.mech, seen.user) == ("PLAIN", "admin")
        assert seen.properties["product"] == "apache-activemq-artemis" and "ANONYMOUS-RELAY" in seen.offered
        connection.create_sender(queue).send("x" * 10000)
        (known,) = [each for each in connections(artemis) if each["clientID"] == container_id]
        assert known["protocol"] == "AMQP" and known["users"] == "admin"
        before = seen.transport.frames_input
        assert connection.create_receiver(queue).receive().body == "x" * 10000
        # Artemis keeps to the largest frame that it was told of.
        assert seen.transport.frames_input - before >= 10


@pytest.mark.parametrize("keywords", [
    {}, {"password": "admin"},
    {"user": "admin", "password": "admin", "allowed_mechs": "ANONYMOUS"},
    {"user": "admin", "password": "admin", "allowed_mechs": "SCRAM-SHA-256"},
    {"user": "admin", "password": "admin", "allow_insecure_mechs": False},
    {"user": "admin", "password": "wrong"},
])
def test_who_does_not_log_in_as_he_should_is_refused(keywords: Any, anybody: str) -> None:
    with pytest.raises(ConnectionException, match="amqp:unauthorized-access"):
        syncproton.connect(anybody, timeout=30, **keywords)


def test_without_sasl_the_broker_asks_for_it_in_vain(anybody: str) -> None:
    with pytest.raises(ConnectionException, match="the peer wants SASL"):
        syncproton.connect(anybody, timeout=30, user="admin", password="admin", sasl_enabled=False)


def test_the_configuration_file_says_all(
    artemis: BrokerUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = Url(artemis.url)
    (tmp_path / "connect.json").write_text("""{
        "scheme": "amqp",  // no TLS here
        "host": "%s", "port": %d,
        /* who */ "user": "admin", "password": "admin",
        "sasl": {"enabled": true, "mechanisms": ["PLAIN"]}
    }""" % (url.host, url.port))
    monkeypatch.delenv("MESSAGING_CONNECT_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    seen = Seen()
    with syncproton.connect(timeout=30, handler=seen, user="nobody", password="wrong", allowed_mechs="ANONYMOUS",
                            sasl_enabled=False):
        assert (seen.mech, seen.user) == ("PLAIN", "admin")


class Watch(MessagingHandler):
    """Takes down, with the time, where it gets connected and of what it loses the connection.

    :ivar log: moment, and URL or the name of a condition.
    """

    def __init__(self, urls: List[str], **options: Any) -> None:
        super().__init__()
        self.urls = urls
        self.options = options
        self.log: List[Any] = []
        self.changed = threading.Condition()

    def on_start(self, event: Any) -> None:
        self.connection = event.container.connect(urls=self.urls, **self.options)

    def note(self, what: Any) -> None:
        with self.changed:
            self.log.append((time.monotonic(), what))
            self.changed.notify_all()

    def on_connection_opened(self, event: Any) -> None:
        self.note(event.connection.connected_address)

    def on_transport_error(self, event: Any) -> None:
        self.note(event.transport.condition.name)

    def wait(self, what: str, count: int = 1) -> float:
        """Wait until something has happened so many times, and say when it last did."""
        with self.changed:
            assert self.changed.wait_for(lambda: [each for _, each in self.log].count(what) >= count, 30), self.log
            return float([moment for moment, each in self.log if each == what][count - 1])


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    """Runs such programs in the background."""
    containers: List[Container] = []

    def begin(urls: List[str], **options: Any) -> Watch:
        program = Watch(urls, **options)
        containers.append(Container(program))
        containers[-1].start_background()
        return program

    yield begin
    for container in containers:
        container.close(0)


SILENCE = "amqp:resource-limit-exceeded"
HEARTBEAT = 1.0


def test_a_frozen_broker_is_dropped_and_found_again_when_it_goes_on(artemis_pair: Any, watch: Any) -> None:
    broker = artemis_pair[0]
    program = watch([broker.url], heartbeat=HEARTBEAT)
    program.wait(broker.url)
    broker.server.freeze()
    frozen = time.monotonic()
    try:
        # The system takes the next connection in the frozen broker's name; nobody answers on it either.
        first, second = program.wait(SILENCE), program.wait(SILENCE, 2)
        assert 1.4 * HEARTBEAT < first - frozen < 2 * HEARTBEAT + 1.5
        assert 1.9 * HEARTBEAT < second - first < 2 * HEARTBEAT + 1.5
    finally:
        broker.server.thaw()
    program.wait(broker.url, 2)


def test_a_frozen_broker_is_left_for_another(artemis_pair: Any, watch: Any) -> None:
    frozen, other = artemis_pair
    program = watch([frozen.url, other.url], heartbeat=HEARTBEAT)
    program.wait(frozen.url)
    frozen.server.freeze()
    try:
        assert program.wait(other.url) - program.wait(SILENCE) < 1.5
        assert [what for _, what in program.log] == [frozen.url, SILENCE, other.url]
    finally:
        frozen.server.thaw()


def test_an_idle_connection_lives_on_heartbeats_of_both_sides(artemis_pair: Any, watch: Any) -> None:
    broker = artemis_pair[0]
    program = watch([broker.url], heartbeat=HEARTBEAT)
    program.wait(broker.url)
    transport = program.connection.transport
    heard, said = transport.frames_input, transport.frames_output
    time.sleep(1.5 * PAIR_IDLE_TIMEOUT)
    assert [what for _, what in program.log] == [broker.url]
    # Artemis was told to speak at least every half second, and has told us every two seconds.
    assert transport.frames_input - heard >= 1.5 * PAIR_IDLE_TIMEOUT / HEARTBEAT
    assert transport.frames_output - said >= 3
