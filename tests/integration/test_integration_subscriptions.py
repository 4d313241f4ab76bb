"""Topics, durable and shared subscriptions: the in-memory broker does what Artemis does, for several clients."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import proton
import proton.handlers
import proton.reactor
import proton.utils
import pytest

import syncproton
import syncproton.handlers
import syncproton.reactor
import syncproton.utils
from broker_under_test import BrokerUnderTest

LIMIT = 30.0
# Quick to say "nothing there".
A_MOMENT = 0.3
LIBRARIES = {"syncproton": syncproton, "proton": proton}
_RHEA = Path(__file__).parent / "peers" / "rhea_subscriber.js"


class Subscriber:
    """A client of a library that subscribes, by blocking calls."""

    def __init__(self, library: Any, url: str, container_id: str) -> None:
        self.library = library
        self.container = library.reactor.Container()
        self.container.container_id = container_id
        self.connection = library.utils.BlockingConnection(url, timeout=LIMIT, container=self.container)

    def asking(self, *capabilities: str) -> Any:
        """An option that names capabilities."""
        library = self.library

        class Capable(library.reactor.ReceiverOption):  # type: ignore[misc, name-defined]
            def apply(self, receiver: Any) -> None:
                symbols = [library.symbol(each) for each in capabilities]
                receiver.source.capabilities.put_object(
                    library.Array(library.UNDESCRIBED, library.Data.SYMBOL, *symbols))

        return Capable()

    def receiver(self, topic: str, *capabilities: str, name: Optional[str] = None, durable: bool = False,
                 selector: Optional[str] = None) -> Any:
        options = [self.asking("topic", *capabilities)]
        if durable:
            options.append(self.library.reactor.DurableSubscription())
        if selector is not None:
            options.append(self.library.reactor.Selector(selector))
        return self.connection.create_receiver(topic, credit=100, name=name, options=options)

    def bodies(self, receiver: Any, count: int) -> List[Any]:
        """What there is: it waits for so many, and then a moment longer."""
        bodies: List[Any] = []
        try:
            while True:
                bodies.append(receiver.receive(timeout=A_MOMENT if len(bodies) >= count else LIMIT).body)
                receiver.accept()
        except self.library.Timeout:
            return bodies

    def close(self) -> None:
        self.connection.close()


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    """Each library in turn."""
    return LIBRARIES[request.param]


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def subscribe(library: Any, capable: BrokerUnderTest) -> Any:
    """Makes subscribers; they are closed at the end."""
    clients: List[Subscriber] = []

    def make(container_id: str = "") -> Subscriber:
        clients.append(Subscriber(library, capable.url, container_id or f"client-{uuid.uuid4().hex[:12]}"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def publish(broker: BrokerUnderTest, topic: str, *bodies: Any, **properties: Any) -> None:
    class Topic(syncproton.reactor.SenderOption):
        def apply(self, sender: Any) -> None:
            sender.target.capabilities.put_object(syncproton.symbol("topic"))

    connection = syncproton.utils.BlockingConnection(broker.url, timeout=LIMIT)
    sender = connection.create_sender(topic, options=Topic())
    for body in bodies:
        sender.send(syncproton.Message(body=body, properties=properties or None))
    connection.close()


Subscribe = Callable[..., Subscriber]


def test_every_subscriber_gets_a_copy(capable: BrokerUnderTest, subscribe: Subscribe, topic: str) -> None:
    clients = [subscribe() for _ in range(3)]
    receivers = [client.receiver(topic) for client in clients]
    publish(capable, topic, 1, 2, 3)
    assert [client.bodies(receiver, 3) for client, receiver in zip(clients, receivers)] == [[1, 2, 3]] * 3


def test_a_subscriber_has_what_its_selector_wants(capable: BrokerUnderTest, subscribe: Subscribe, topic: str) -> None:
    client = subscribe()
    some, all_of_them = client.receiver(topic, selector="n > 1", name="some"), client.receiver(topic, name="all")
    publish(capable, topic, "not wanted", n=1)
    publish(capable, topic, "wanted", n=2)
    assert client.bodies(some, 1) == ["wanted"]
    assert client.bodies(all_of_them, 2) == ["not wanted", "wanted"]


@pytest.mark.parametrize("selector", [None, "n = 1"])
def test_a_durable_subscription_misses_nothing(
    capable: BrokerUnderTest, subscribe: Subscribe, topic: str, selector: Optional[str]
) -> None:
    me = f"client-{topic}"
    client = subscribe(me)
    receiver = client.receiver(topic, name="s", durable=True, selector=selector)
    publish(capable, topic, "first", n=1)
    assert client.bodies(receiver, 1) == ["first"]
    client.close()
    publish(capable, topic, "second", "third", n=1)
    publish(capable, topic, "other", n=2)
    wanted = ["second", "third"] if selector else ["second", "third", "other"]
    client = subscribe(me)
    receiver = client.receiver(topic, name="s", durable=True, selector=selector)
    assert client.bodies(receiver, len(wanted)) == wanted
    # To close the receiver is to give the subscription up.
    receiver.close()
    publish(capable, topic, "lost", n=1)
    assert client.bodies(client.receiver(topic, name="s", durable=True, selector=selector), 0) == []


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("capabilities", [["shared"], ["shared", "global"]], ids=" ".join)
def test_a_shared_subscription(
    capable: BrokerUnderTest, subscribe: Subscribe, topic: str, capabilities: List[str], durable: bool
) -> None:
    me = f"client-{topic}"
    is_global = "global" in capabilities
    clients = [subscribe(f"{me}-{number}" if is_global else me) for number in range(2)]
    receivers = [client.receiver(topic, *capabilities, name=f"s-{topic}", durable=durable) for client in clients]
    publish(capable, topic, *range(10))
    got = [client.bodies(receiver, 5) for client, receiver in zip(clients, receivers)]
    assert sorted(got[0] + got[1]) == list(range(10)) and len(got[0]) == len(got[1]) == 5
    for client in clients:
        client.close()
    publish(capable, topic, "while away")
    client = subscribe(me)
    receiver = client.receiver(topic, *capabilities, name=f"s-{topic}", durable=durable)
    assert client.bodies(receiver, int(durable)) == (["while away"] if durable else [])
    receiver.close()


def test_containers_do_not_share_what_is_not_global(
    capable: BrokerUnderTest, subscribe: Subscribe, topic: str
) -> None:
    clients = [subscribe(), subscribe()]
    receivers = [client.receiver(topic, "shared", name="s") for client in clients]
    publish(capable, topic, "x")
    assert [client.bodies(receiver, 1) for client, receiver in zip(clients, receivers)] == [["x"], ["x"]]


# --- rhea


def rhea(broker: BrokerUnderTest, *steps: Dict[str, Any]) -> List[Any]:
    """Have rhea take steps, each on a connection of its own; what came of each of them."""
    url = syncproton.Url(broker.url)
    done = subprocess.run(
        ["node", str(_RHEA), str(url.host), str(url.port), str(url.username), str(url.password), json.dumps(steps)],
        cwd=_RHEA.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr[-2000:]
    found: List[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_rhea_comes_back_with_nothing_but_the_name(capable: BrokerUnderTest, topic: str) -> None:
    me = f"rhea-{topic}"
    source = {"address": topic, "durable": 2, "expiry_policy": "never", "capabilities": ["topic"]}
    [offered] = rhea(capable, {"container": me, "name": "s", "source": source, "end": "detach"})
    assert {"SHARED-SUBS", "ANONYMOUS-RELAY"} <= set(offered["offered"])
    publish(capable, topic, 1, 2)
    back, gone = rhea(
        capable, {"container": me, "name": "s", "source": None, "count": 2, "end": "close"},
        {"container": me, "name": "s", "source": None, "end": "close"})
    assert back["bodies"] == [1, 2]
    assert back["source"] == {"durable": 2, "expiry_policy": "never", "capabilities": ["topic"]}
    assert gone["error"] == "amqp:not-found" and gone["source"] is None


def test_rhea_ends_a_shared_subscription(capable: BrokerUnderTest, topic: str) -> None:
    capabilities = ["topic", "shared", "global"]
    source = {"address": topic, "durable": 2, "expiry_policy": "never", "capabilities": capabilities}
    name = f"s-{topic}"
    rhea(capable, {"container": "a", "name": f"{name}|1", "source": source, "end": "detach"})
    publish(capable, topic, 1)
    wanted = {"container": "b", "name": name, "source": None, "desired": ["shared", "global"]}
    unshared, back, gone = rhea(
        capable, {**wanted, "desired": [], "end": "close"}, {**wanted, "count": 1, "end": "close"},
        {**wanted, "end": "close"})
    assert unshared["error"] == "amqp:not-found"
    assert back["bodies"] == [1] and "topic" in back["source"]["capabilities"]
    assert gone["error"] == "amqp:not-found"
