"""Selectors, browsing and expiry: the in-memory broker does what ActiveMQ Artemis does, for our client and proton's."""

from __future__ import annotations

import time
import uuid
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import proton
import proton.handlers
import proton.reactor
import pytest

import syncproton
import syncproton.handlers
import syncproton.reactor
from broker_under_test import BrokerUnderTest
from syncproton.broker import Broker

LIBRARIES = {"syncproton": syncproton, "proton": proton}
REFUSED = "refused"

# What each selector chooses, by the bodies of the messages below.
SELECTORS: Dict[str, str] = {
    "colour = 'green'": "a",
    "colour <> 'green'": "be",
    "NOT (colour = 'green')": "be",
    "colour IS NULL": "cd",
    "colour is not null": "abe",
    "n = 1": "ae",
    "n > 1": "bc",
    "n >= 1.5 AND x < 0": "b",
    "x = -2.5": "b",
    "f = 1.5": "c",
    "big = 4611686018427387904": "c",
    "n = '1'": "",
    "NOT (n = '1')": "abce",
    "s > 4": "",
    "yes": "a",
    "NOT yes": "b",
    "yes = TRUE OR n = 3": "ac",
    "n = 1 OR n = 3 AND colour = 'red'": "ae",
    "(n = 1 OR n = 3) AND colour = 'red'": "",
    "colour LIKE 'gr%'": "ae",
    "colour LIKE 'gr__n'": "a",
    "colour LIKE 'gr!_en!%' ESCAPE '!'": "e",
    "colour NOT LIKE 'gr%'": "b",
    "n NOT LIKE '1'": "abce",
    "colour IN ('green', 'red')": "ab",
    "colour NOT IN ('green', 'red')": "e",
    "n IN ('1')": "",
    "n NOT IN ('1')": "",
    "n BETWEEN 1 AND 3": "ace",
    "n NOT BETWEEN 1 AND 3": "b",
    "NOT (colour BETWEEN 1 AND 3)": "abe",
    "colour NOT BETWEEN 1 AND 3": "",
    "n * 2 - 1 = 5": "c",
    "n / 2 = 0.5": "ae",
    "n / 0 > 5": "abce",
    "-n = -1": "ae",
    "n = 0x0A OR n = 1e0": "abe",
    "n = 010": "",
    "n=1AND colour='green'": "a",
    "missing = 1 OR TRUE": "abcde",
    "NOT (missing = 1 AND TRUE)": "",
    "NOT (missing = 1 AND FALSE)": "abcde",
    "missing <> 1": "",
    "missing NOT IN ('a')": "",
    "JMSPriority > 4": "a",
    "JMSPriority = 4": "bcde",
    "JMSDeliveryMode = 'PERSISTENT'": "a",
    "JMSDeliveryMode <> 'PERSISTENT'": "bcde",
    "JMSMessageID = 'ID:one'": "a",
    "JMSMessageID = 'ID:5'": "b",
    "JMSMessageID IS NULL": "cde",
    "JMSCorrelationID LIKE 'c%'": "a",
    "JMSCorrelationID = 'ID:AMQP_ULONG:7'": "b",
    "JMSTimestamp = 1000000": "a",
    "JMSTimestamp = 0": "bcde",
    "JMSType = 'kind'": "a",
    "JMSXGroupID = 'g' AND JMSXGroupSeq = 4 AND JMSXUserID = 'me'": "c",
    "jmspriority = 7": "",
    "Colour = 'G'": "e",
    "quote = 'it''s'": "e",
    "$a = 1 AND _b = 1": "e",
    '"my-prop" = \'h\'': "c",
    '"m.x-opt-k" = \'v\'': "c",
    # Not to be understood:
    "colour > 'a'": REFUSED,
    "colour BETWEEN 'a' AND 'z'": REFUSED,
    "n IN (1, 2)": REFUSED,
    "colour = NULL": REFUSED,
    "colour = 'green": REFUSED,
    "(n = 1": REFUSED,
    "n = 1)": REFUSED,
    "n != 1": REFUSED,
    "n == 1": REFUSED,
    "n = 1 AND": REFUSED,
    "like = 1": REFUSED,
    "colour LIKE n": REFUSED,
    "colour LIKE 'x' ESCAPE 'ab'": REFUSED,
    "5": REFUSED,
    " ": REFUSED,
    "n = ?": REFUSED,
}


def messages(library: Any) -> List[Any]:
    message = library.Message
    return [
        message(body="a", id="one", correlation_id="c1", subject="kind", priority=7, durable=True, creation_time=1000.0,
                properties={"colour": "green", "n": 1, "x": 1.5, "yes": True, "s": "5"}),
        message(body="b", id=5, correlation_id=7,
                properties={"colour": "red", "n": 10, "x": -2.5, "yes": False, "s": "10"}),
        message(body="c", group_id="g", group_sequence=4, user_id=b"me", annotations={library.symbol("x-opt-k"): "v"},
                properties={"colour": None, "n": 3, "my-prop": "h", "f": library.float32(1.5), "big": 2 ** 62}),
        message(body="d"),
        message(body="e", properties={"colour": "gr_en%", "Colour": "G", "quote": "it's", "n": library.int32(1),
                                      "$a": 1, "_b": 1}),
    ]


def handlers(library: Any) -> Tuple[Any, Any]:
    """A handler that sends and one that asks, made of a library's own base class: the same program with either."""

    class Sending(library.handlers.MessagingHandler):  # type: ignore[misc]

        def __init__(self, url: str, address: str, messages: List[Any]) -> None:
            super().__init__()
            self.url, self.address, self.messages, self.outstanding = url, address, messages, len(messages)

        def on_start(self, event: Any) -> None:
            event.container.create_sender(event.container.connect(self.url, reconnect=False), self.address)

        def on_sendable(self, event: Any) -> None:
            while event.sender.credit and self.messages:
                event.sender.send(self.messages.pop(0))

        def on_settled(self, event: Any) -> None:
            self.outstanding -= 1
            if not self.outstanding:
                event.connection.close()

    class Asking(library.handlers.MessagingHandler):  # type: ignore[misc]
        """Takes what there is, with one set of options after another, all over one connection."""

        def __init__(self, url: str, address: str, options: Dict[str, List[Any]]) -> None:
            super().__init__(prefetch=0, auto_accept=True)
            self.url, self.address, self.options = url, address, options
            self.questions = list(options)
            self.answers: Dict[str, Any] = {}
            self.received: List[Any] = []
            self.refusals: Dict[str, str] = {}
            self.modes: Dict[str, int] = {}
            self.link: Any = None

        def on_start(self, event: Any) -> None:
            self.container, self.connection = event.container, event.container.connect(self.url, reconnect=False)
            self.ask()

        def ask(self) -> None:
            if not self.questions:
                self.connection.close()
                return
            self.received = []
            self.link = self.container.create_receiver(
                self.connection, self.address, options=self.options[self.questions[0]], name=uuid.uuid4().hex)

        def answer(self, event: Any, answer: Any) -> None:
            if event.link.name == self.link.name and self.questions:
                self.answers[self.questions.pop(0)] = answer
                event.link.close()
                self.ask()

        def on_link_opened(self, event: Any) -> None:
            if event.link.remote_source.address is not None:  # Otherwise it is about to be refused.
                self.modes[self.questions[0]] = event.link.remote_source.distribution_mode
                event.receiver.drain(100)

        def on_message(self, event: Any) -> None:
            self.received.append(event.message)

        def on_link_flow(self, event: Any) -> None:
            if event.link.is_receiver and not event.link.draining():
                event.link.drained()
                self.answer(event, self.received)

        def on_link_error(self, event: Any) -> None:
            condition = event.link.remote_condition
            if event.link.name == self.link.name:
                self.refusals[self.questions[0]] = condition.description
            self.answer(event, condition.name)

    return Sending, Asking


class Client:
    """Puts messages in a queue of its own and asks for them."""

    def __init__(self, library: Any, url: str) -> None:
        self.library, self.url, self.address = library, url, f"test-{uuid.uuid4().hex[:12]}"
        self._sending, self._asking = handlers(library)

    def put(self, *messages: Any) -> None:
        self.library.reactor.Container(self._sending(self.url, self.address, list(messages))).run()

    def ask(self, options: Dict[str, List[Any]]) -> Any:
        asking = self._asking(self.url, self.address, options)
        self.library.reactor.Container(asking).run()
        assert list(asking.answers) == list(options)
        return asking

    def take(self, *options: Any) -> List[Any]:
        """The bodies of the messages there are."""
        return [message.body for message in self.ask({"all": list(options)}).answers["all"]]


@pytest.fixture(scope="module")
def own() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    return LIBRARIES[request.param]


@pytest.fixture(params=["artemis", "own"])
def url(request: pytest.FixtureRequest) -> str:
    broker: Union[Broker, BrokerUnderTest] = request.getfixturevalue(request.param)
    return broker.url


@pytest.fixture
def client(library: Any, url: str) -> Client:
    return Client(library, url)


def chosen(answer: Any) -> str:
    if isinstance(answer, str):
        assert answer == "amqp:invalid-field"
        return REFUSED
    return "".join(message.body for message in answer)


def test_the_same_selectors_choose_the_same_messages(client: Client) -> None:
    client.put(*messages(client.library))
    reactor = client.library.reactor
    asked = client.ask({selector: [reactor.Selector(selector), reactor.Copy()] for selector in SELECTORS})
    assert {selector: chosen(answer) for selector, answer in asked.answers.items()} == SELECTORS


def test_our_broker_says_what_is_wrong_with_a_selector(library: Any, own: Broker) -> None:
    client = Client(library, own.url)
    asked = client.ask({"n >": [library.reactor.Selector("n >")], "n > 1": [library.reactor.Selector("n > 1")]})
    assert asked.answers == {"n >": "amqp:invalid-field", "n > 1": []}
    assert "at character 4" in asked.refusals["n >"]


def test_what_was_chosen_is_gone_and_the_rest_is_there(client: Client) -> None:
    client.put(*messages(client.library))
    assert client.take(client.library.reactor.Selector("n = 1")) == ["a", "e"]
    assert client.take() == ["b", "c", "d"]


def test_copies_leave_everything_there(client: Client) -> None:
    client.put(*messages(client.library))
    copy, move = client.library.reactor.Copy(), client.library.reactor.Move()
    asked = client.ask({"copy": [copy], "again": [copy]})
    assert [chosen(answer) for answer in asked.answers.values()] == ["abcde", "abcde"]
    assert set(asked.modes.values()) == {client.library.Terminus.DIST_MODE_COPY}
    asked = client.ask({"move": [move], "nothing left": [copy]})
    assert [chosen(answer) for answer in asked.answers.values()] == ["abcde", ""]
    assert asked.modes["move"] == client.library.Terminus.DIST_MODE_MOVE


def test_what_has_expired_is_not_delivered(client: Client) -> None:
    def message(body: str, ttl: Optional[float] = None, expiry_time: Optional[float] = None) -> Any:
        made = client.library.Message(body=body)
        if ttl is not None:
            made.ttl = ttl
        if expiry_time is not None:
            made.expiry_time = expiry_time
        return made

    now = time.time()
    client.put(message("short", ttl=0.001), message("long", ttl=100.0), message("past", expiry_time=now - 1),
               message("future", expiry_time=now + 100), message("ever"))
    # Connecting anew takes far longer than that.  (Artemis would still show it to those who only look.)
    assert client.take() == ["long", "future", "ever"]


def test_our_broker_tells_how_much_time_is_left(library: Any, own: Broker) -> None:
    client = Client(library, own.url)
    started = time.monotonic()
    client.put(library.Message(body="x", ttl=100.0))
    message, = client.ask({"all": [library.reactor.Copy()]}).answers["all"]
    first = message.ttl
    message, = client.ask({"all": []}).answers["all"]
    assert 100 - (time.monotonic() - started) - 0.01 <= message.ttl <= first <= 100
