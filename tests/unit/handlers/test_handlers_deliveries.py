"""What becomes of deliveries and flows, checked against what proton was seen to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, List, Optional

import pytest

from syncproton import Message
from syncproton.engine import Delivery, Endpoint
from syncproton.errors import MessageException
from syncproton.handlers import (
    FlowController,
    IncomingMessageHandler,
    MessagingHandler,
    OutgoingMessageHandler,
    Reject,
    Release,
    TransactionalClientHandler,
)

OPEN = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE


class Inside:
    """Lets the handlers read what a property tells without that detour, as they read the engine's own objects."""

    INSIDE = {
        "_remote_type": "remote_state", "_remote_settled": "settled", "_local_type": "local_state",
        "_drain": "in_drain",
    }

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self, self.INSIDE.get(name, name[1:]))


class FakeLink(Inside):
    current: Any = None

    def __init__(self, sender: bool, state: int = OPEN, credit: int = 0) -> None:
        self.is_sender = sender
        self.is_receiver = not sender
        self.state = state
        self.credit = credit
        self.drain_result = 0
        self.in_drain = False
        self.flows: List[int] = []

    def drained(self) -> int:
        return self.drain_result

    def draining(self) -> bool:
        return self.in_drain

    def flow(self, credit: int) -> None:
        self.flows.append(credit)
        self.credit += credit

    def replenish(self, credit: int) -> None:
        if self.state & Endpoint.LOCAL_ACTIVE and self.credit < credit:
            self.flow(credit - self.credit)


class FakeDelivery(Inside):
    def __init__(self, link: FakeLink, **attributes: Any) -> None:
        self.link = link
        self.log: List[Any] = []
        self.local = SimpleNamespace(condition=None)
        self.aborted = self.readable = self.partial = self.updated = self.settled = False
        self.local_state = self.remote_state = 0
        self.__dict__.update(attributes)
        self.link.current = self if self.readable else None

    @property
    def done(self) -> bool:
        return not self.partial

    def update(self, state: int) -> None:
        self.log.append(state)

    def settle(self) -> None:
        self.log.append("settle")

    def conclude(self, state: int) -> None:
        self.update(state)
        self.settle()


class Recorder:
    def __init__(self, error: Optional[Exception] = None) -> None:
        self.log: List[str] = []
        self.error = error

    def on_unhandled(self, method: str, event: Any) -> None:
        self.log.append(method)
        if self.error is not None:
            raise self.error


def as_event(delivery: FakeDelivery) -> Any:
    return SimpleNamespace(delivery=delivery, link=delivery.link, message=None)


@pytest.fixture
def whole_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Message, "recv", lambda self, link: None)


@pytest.mark.parametrize(
    "state, settled, callbacks",
    [
        (Delivery.ACCEPTED, False, ["on_accepted"]),
        (Delivery.ACCEPTED, True, ["on_accepted", "on_settled"]),
        (Delivery.REJECTED, True, ["on_rejected", "on_settled"]),
        (Delivery.RELEASED, True, ["on_released", "on_settled"]),
        (Delivery.MODIFIED, True, ["on_released", "on_settled"]),
        (0, True, ["on_settled"]),
    ],
)
@pytest.mark.parametrize("auto_settle", [True, False])
def test_outcomes(state: int, settled: bool, callbacks: List[str], auto_settle: bool) -> None:
    delegate = Recorder()
    delivery = FakeDelivery(FakeLink(sender=True), updated=True, remote_state=state, settled=settled)
    OutgoingMessageHandler(auto_settle, delegate).on_delivery(as_event(delivery))
    assert delegate.log == callbacks
    assert delivery.log == (["settle"] if settled and auto_settle else [])


def test_delivery_without_news_is_nothing() -> None:
    delegate = Recorder()
    delivery = FakeDelivery(FakeLink(sender=True), remote_state=Delivery.ACCEPTED)
    OutgoingMessageHandler(True, delegate).on_delivery(as_event(delivery))
    assert delegate.log == [] and delivery.log == []


@pytest.mark.parametrize(
    "link, expected",
    [
        (FakeLink(sender=True, credit=1), ["on_sendable"]),
        (FakeLink(sender=True, credit=0), []),
        (FakeLink(sender=False, credit=1), []),
        (FakeLink(sender=True, credit=1, state=Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_CLOSED), []),
        (FakeLink(sender=True, credit=1, state=Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_ACTIVE), []),
    ],
)
def test_sendable_needs_credit_and_an_open_sender(link: FakeLink, expected: List[str]) -> None:
    delegate = Recorder()
    OutgoingMessageHandler(True, delegate).on_link_flow(SimpleNamespace(link=link))  # type: ignore[arg-type]
    assert delegate.log == expected


@pytest.mark.parametrize(
    "auto_accept, error, answer",
    [
        (True, None, [Delivery.ACCEPTED, "settle"]),
        (False, None, []),
        (True, Reject(), [Delivery.REJECTED, "settle"]),
        (False, Reject(), [Delivery.REJECTED, "settle"]),
        (False, Release(), [Delivery.MODIFIED, "settle"]),
    ],
)
def test_message_is_answered(
    whole_message: None, auto_accept: bool, error: Optional[Exception], answer: List[Any]
) -> None:
    delegate = Recorder(error)
    delivery = FakeDelivery(FakeLink(sender=False), readable=True)
    event = as_event(delivery)
    IncomingMessageHandler(auto_accept, delegate).on_delivery(event)
    assert delegate.log == ["on_message"]
    assert delivery.log == answer
    assert isinstance(event.message, Message)


def test_other_exceptions_come_out(whole_message: None) -> None:
    delivery = FakeDelivery(FakeLink(sender=False), readable=True)
    with pytest.raises(ZeroDivisionError):
        IncomingMessageHandler(True, Recorder(ZeroDivisionError())).on_delivery(as_event(delivery))
    assert delivery.log == []


def test_message_on_a_closed_link_goes_back(whole_message: None) -> None:
    delegate = Recorder()
    link = FakeLink(sender=False, state=Endpoint.LOCAL_CLOSED | Endpoint.REMOTE_ACTIVE)
    delivery = FakeDelivery(link, readable=True)
    IncomingMessageHandler(True, delegate).on_delivery(as_event(delivery))
    assert delegate.log == []
    assert delivery.log == [Delivery.RELEASED, "settle"]


def test_undecodable_message_is_rejected(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(self: Message, link: Any) -> None:
        raise MessageException("no body")

    monkeypatch.setattr(Message, "recv", fail)
    delegate = Recorder()
    delivery = FakeDelivery(FakeLink(sender=False), readable=True)
    IncomingMessageHandler(True, delegate).on_delivery(as_event(delivery))
    assert delegate.log == []
    assert delivery.log == [Delivery.REJECTED, "settle"]
    assert delivery.local.condition.name == "amqp:decode-error"
    assert "no body" in caplog.text


def test_part_of_a_message_waits_and_an_aborted_one_is_dropped() -> None:
    delegate = Recorder()
    handler = IncomingMessageHandler(True, delegate)
    handler.on_delivery(as_event(FakeDelivery(FakeLink(sender=False), readable=True, partial=True)))
    assert delegate.log == []
    aborted = FakeDelivery(FakeLink(sender=False), readable=True, aborted=True)
    handler.on_delivery(as_event(aborted))
    assert delegate.log == ["on_aborted"] and aborted.log == ["settle"]


def test_settled_by_the_sender() -> None:
    delegate = Recorder()
    delivery = FakeDelivery(FakeLink(sender=False), updated=True, settled=True)
    IncomingMessageHandler(True, delegate).on_delivery(as_event(delivery))
    assert delegate.log == ["on_settled"] and delivery.log == []


@pytest.mark.parametrize("event", ["on_link_local_open", "on_link_remote_open", "on_link_flow", "on_delivery"])
@pytest.mark.parametrize("credit, flows", [(0, [10]), (3, [7]), (10, []), (12, [])])
def test_credit_is_topped_up(event: str, credit: int, flows: List[int]) -> None:
    link = FakeLink(sender=False, credit=credit)
    getattr(FlowController(10), event)(SimpleNamespace(link=link))
    assert link.flows == flows


def test_credit_of_a_drained_receiver_is_the_applications() -> None:
    controller = FlowController(10)
    drained, other = FakeLink(sender=False), FakeLink(sender=False)
    drained.in_drain = True
    controller.on_delivery(SimpleNamespace(link=drained))  # type: ignore[arg-type]
    assert drained.flows == []
    drained.in_drain, drained.drain_result = False, 10
    controller.on_link_flow(SimpleNamespace(link=drained))  # type: ignore[arg-type]
    drained.drain_result = 0
    controller.on_link_flow(SimpleNamespace(link=drained))  # type: ignore[arg-type]
    controller.on_link_flow(SimpleNamespace(link=other))  # type: ignore[arg-type]
    assert drained.flows == [] and other.flows == [10]


@pytest.mark.parametrize(
    "verb, arguments, state",
    [
        ("accept", (), Delivery.ACCEPTED),
        ("reject", (), Delivery.REJECTED),
        ("release", (), Delivery.MODIFIED),
        ("release", (False,), Delivery.RELEASED),
        ("settle", (Delivery.RELEASED,), Delivery.RELEASED),
        ("settle", (), None),
    ],
)
def test_acking_verbs(verb: str, arguments: Any, state: Optional[int]) -> None:
    delivery = FakeDelivery(FakeLink(sender=False))
    getattr(MessagingHandler(), verb)(delivery, *arguments)
    assert delivery.log == ([state, "settle"] if state is not None else ["settle"])


def test_parts_of_a_messaging_handler() -> None:
    names = [type(handler).__name__ for handler in MessagingHandler().handlers]
    assert names == ["FlowController", "EndpointStateHandler", "IncomingMessageHandler", "OutgoingMessageHandler"]
    assert len(MessagingHandler(prefetch=0).handlers) == 3


def test_accepting_under_a_transaction() -> None:
    accepted: List[Any] = []
    delivery = FakeDelivery(FakeLink(sender=False))
    handler = TransactionalClientHandler()
    handler.accept(delivery, SimpleNamespace(accept=accepted.append))  # type: ignore[arg-type]
    assert accepted == [delivery] and delivery.log == []
    handler.accept(delivery)  # type: ignore[arg-type]
    assert delivery.log == [Delivery.ACCEPTED, "settle"]


def test_start_follows_init() -> None:
    started: List[Any] = []

    class Starter(MessagingHandler):
        def on_start(self, event: Any) -> None:
            started.append(event)

    event: Any = object()
    Starter().on_reactor_init(event)
    assert started == [event]
