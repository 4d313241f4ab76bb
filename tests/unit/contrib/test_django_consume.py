"""``manage.py amqp_consume``: calls the consumers of the installed applications, and stops cleanly."""

from __future__ import annotations

import io
import os
import signal
import threading
from typing import Any, Callable, Iterator, List

import django_project
import django_shop.consumers as shop
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from django.test import override_settings

import syncproton
from syncproton.broker import Broker
from syncproton.contrib._consumer import Worker
from syncproton.contrib.django import consumer, send
from syncproton.contrib.django.management.commands import amqp_consume

LIMIT = 10.0

assert django_project.NOWHERE


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        with override_settings(AMQP={"default": {"URL": running.url, "TIMEOUT": LIMIT, "CONSUMER_CREDIT": 5}}):
            yield running


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    for each in (shop.handled, shop.behaviour):
        while not each.empty():
            each.get()


class Output(io.StringIO):
    """What the command prints; when it is ready the test goes on, in a thread beside it."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.thread = threading.Thread(target=self._run, args=(then,))
        self.failures: List[BaseException] = []

    def write(self, text: str) -> int:
        if text.startswith("consuming"):
            self.thread.start()
        return super().write(text)

    def _run(self, then: Callable[[], None]) -> None:
        try:
            then()
        except BaseException as error:
            self.failures.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def consume(then: Callable[[], None], *arguments: str) -> str:
    """Run the command; ``then`` runs beside it once it is ready, and at its end the command gets SIGTERM."""
    output = Output(then)
    call_command("amqp_consume", *arguments, stdout=output)
    output.thread.join(LIMIT)
    if output.failures:
        raise output.failures[0]
    return output.getvalue()


def next_handled() -> Any:
    return shop.handled.get(timeout=LIMIT)


def test_each_consumer_gets_the_messages_of_its_queue(broker: Broker) -> None:
    send("shop.orders", "tea")
    send("shop.returns", "cup")
    seen: List[Any] = []
    printed = consume(lambda: seen.extend([next_handled(), next_handled()]))
    assert "tea" in seen and ("returned", "cup") in seen
    assert "shop.orders" in printed and "shop.returns" in printed
    assert not any(broker.depths().values())


def test_only_the_queues_that_are_named(broker: Broker) -> None:
    send("shop.orders", "tea")
    send("shop.returns", "cup")
    seen: List[Any] = []
    printed = consume(lambda: seen.append(next_handled()), "--queue", "shop.returns")
    assert seen == [("returned", "cup")] and "shop.orders" not in printed
    assert broker.depths()["shop.orders"] == 1


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the command has had its first signal and takes no more messages."""
    event = threading.Event()
    finish = Worker._finish

    def finishing(worker: Worker, *arguments: Any) -> None:
        worker.stop()
        event.set()
        finish(worker, *arguments)

    monkeypatch.setattr(Worker, "_finish", finishing)
    return event


def test_what_is_in_hand_is_finished_and_the_rest_goes_back(broker: Broker, stopping: threading.Event) -> None:
    for number in range(4):
        send("shop.orders", number)
    begun, done = threading.Event(), threading.Event()

    def work(message: Any) -> None:
        begun.set()
        assert stopping.wait(LIMIT)
        done.set()

    shop.behaviour.put(work)
    consume(lambda: begun.wait(LIMIT) or pytest.fail("not begun"), "--queue", "shop.orders")
    assert done.is_set()
    assert next_handled() == 0 and shop.handled.empty()
    assert broker.depths()["shop.orders"] == 3
    first = syncproton.receive(f"{broker.url}/shop.orders", timeout=LIMIT)
    assert (first.body, first.delivery_count) == (1, 0)


def test_a_second_signal_gives_back_what_is_in_hand(broker: Broker, stopping: threading.Event) -> None:
    send("shop.orders", "slow")
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work(message: Any) -> None:
        begun.set()
        assert go_on.wait(LIMIT)
        done.set()

    def interrupt() -> None:
        assert begun.wait(LIMIT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.wait(LIMIT)
        # The second signal comes when this has returned.

    shop.behaviour.put(work)
    consume(interrupt)
    assert not done.is_set()
    assert broker.depths()["shop.orders"] == 1
    go_on.set()
    assert done.wait(LIMIT)


def test_a_message_that_fails_comes_again(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    def fail(message: Any) -> None:
        raise ZeroDivisionError("not this time")

    shop.behaviour.put(fail)
    send("shop.orders", "twice")
    seen: List[Any] = []
    consume(lambda: seen.extend([next_handled(), next_handled()]))
    assert seen == ["twice", "twice"]
    assert not any(broker.depths().values())
    assert "not this time" in caplog.text


def test_a_consumer_may_send(broker: Broker) -> None:
    shop.behaviour.put(lambda message: send("shop.returns", message.body))
    send("shop.orders", "round")
    seen: List[Any] = []
    consume(lambda: seen.extend([next_handled(), next_handled()]))
    assert seen == ["round", ("returned", "round")]


def test_connections_to_databases_are_looked_after_as_around_a_request(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: List[str] = []
    monkeypatch.setattr(amqp_consume, "close_old_connections", lambda: happened.append("old connections closed"))
    shop.behaviour.put(lambda message: happened.append("handled"))
    send("shop.orders", "first")
    consume(lambda: next_handled() and None)
    assert happened == ["old connections closed", "handled", "old connections closed"]


@pytest.mark.parametrize("arguments, text", [
    (["--queue", "nobody"], "'nobody'.*shop.orders"),
    (["--using", "elsewhere"], "'elsewhere'.*'default'"),
])
def test_what_there_is_no_consumer_for(broker: Broker, arguments: List[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        call_command("amqp_consume", *arguments)


def test_a_broker_that_is_not_there() -> None:
    with override_settings(AMQP={"default": {"URL": django_project.NOWHERE, "TIMEOUT": 0.3}}):
        with pytest.raises(CommandError, match="127.0.0.1:1"):
            call_command("amqp_consume")


def test_wrong_settings_are_told_before_it_starts() -> None:
    with override_settings(AMQP={"default": {"URI": "amqp://localhost"}}):
        with pytest.raises(SystemCheckError, match="E003"):
            call_command("amqp_consume", skip_checks=False)


def test_signals_are_as_before_afterwards(broker: Broker) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    consume(lambda: None)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_registering_leaves_the_function_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncproton.contrib.django.registry._of_broker", {})

    def handle(message: Any) -> None:
        """Does nothing."""

    assert consumer("somewhere")(handle) is handle
    with pytest.raises(ValueError, match="somewhere"):
        consumer("somewhere")(lambda message: None)
    # The same queue of another broker is another one.
    consumer("somewhere", using="other")(handle)


@pytest.mark.parametrize("arguments, error", [
    (dict(address=len), TypeError), (dict(address=""), ValueError), (dict(address="q", using=5), TypeError),
    (dict(address="q", threads=0), ValueError), (dict(address="q", threads="2"), TypeError),
    (dict(address="q", credit=-1), ValueError), (dict(address="q", on_error="ignore"), ValueError),
])
def test_bad_arguments_of_the_decorator(arguments: Any, error: Any) -> None:
    with pytest.raises(error):
        consumer(**arguments)
