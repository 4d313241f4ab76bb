"""Sending from a Django project: with the database's transaction, over a connection made when first wanted."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace
from typing import Any, Iterator, List

import django_project
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings

import syncproton
from syncproton.broker import Broker, Limits
from syncproton.contrib.django import close_connections, connection, send
from syncproton.errors import ConnectionException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container
from syncproton.sync import Connection, LinkDetached, SendException

LIMIT = 10.0


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        with override_settings(AMQP={"default": {"URL": running.url, "TIMEOUT": LIMIT}}):
            yield running


def take(broker: Broker, address: str) -> Any:
    return syncproton.receive(f"{broker.url}/{address}", timeout=LIMIT)


def test_what_is_sent_outside_of_a_transaction_goes_at_once(broker: Broker) -> None:
    delivery = send("orders", {"number": 1})
    assert delivery is not None and delivery.remote_state == syncproton.Delivery.ACCEPTED
    assert broker.depths() == {"orders": 1}
    message = take(broker, "orders")
    assert message.body == {"number": 1}
    assert message.durable


def test_a_message_is_sent_as_it_is(broker: Broker) -> None:
    send("orders", syncproton.Message(id="x", subject="tea", body=["a"]))
    message = take(broker, "orders")
    assert (message.id, message.subject, message.body, message.durable) == ("x", "tea", ["a"], False)


def test_in_a_transaction_it_is_sent_after_the_commit(broker: Broker) -> None:
    with transaction.atomic():
        with transaction.atomic():
            assert send("orders", "one") is None
        assert not any(broker.depths().values())
    assert broker.depths() == {"orders": 1}


def test_what_is_rolled_back_is_not_sent(broker: Broker) -> None:
    with pytest.raises(ZeroDivisionError):
        with transaction.atomic():
            send("orders", "never")
            raise ZeroDivisionError
    send("orders", "after")
    assert broker.depths() == {"orders": 1}
    assert take(broker, "orders").body == "after"


def test_what_is_rolled_back_to_a_savepoint_is_not_sent(broker: Broker) -> None:
    with transaction.atomic():
        send("orders", "kept")
        with pytest.raises(ZeroDivisionError):
            with transaction.atomic():
                send("orders", "dropped")
                raise ZeroDivisionError
    assert broker.depths() == {"orders": 1}
    assert take(broker, "orders").body == "kept"


def test_without_on_commit_it_is_sent_at_once(broker: Broker) -> None:
    with transaction.atomic():
        send("orders", "now", on_commit=False)
        assert broker.depths() == {"orders": 1}


def test_what_is_changed_before_the_commit_is_sent_as_it_was(broker: Broker) -> None:
    message = syncproton.Message(id=7, body={"state": "at the call"})
    with transaction.atomic():
        send("orders", message)
        message.body["state"] = "later"
        message.id = 8
    sent = take(broker, "orders")
    assert (sent.id, sent.body) == (7, {"state": "at the call"})


def test_without_autocommit_django_s_own_error_is_raised(broker: Broker) -> None:
    transaction.get_connection().ensure_connection()
    transaction.set_autocommit(False)
    try:
        with pytest.raises(transaction.TransactionManagementError):
            send("orders", "unclear when")
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert not any(broker.depths().values())


@pytest.mark.parametrize("arguments, error, text", [
    ((None, "x"), TypeError, "address"),
    (("", "x"), ValueError, "empty"),
    (("orders", object()), syncproton.ProtonException, "object"),
    (("orders", "x", "elsewhere"), ImproperlyConfigured, r"AMQP\['elsewhere'\] is missing.*'default'"),
])
def test_bad_arguments_are_told_at_the_call(broker: Broker, arguments: Any, error: Any, text: str) -> None:
    with transaction.atomic():
        with pytest.raises(error, match=text):
            send(*arguments)


@pytest.mark.parametrize("timeout, error", [(-1, ValueError), ("1", TypeError), (float("nan"), ValueError)])
def test_bad_timeouts_are_told_at_the_call(broker: Broker, timeout: Any, error: Any) -> None:
    with transaction.atomic():
        with pytest.raises(error, match="timeout"):
            send("orders", "x", timeout=timeout)


def test_what_is_not_accepted_is_raised() -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=1)) as broker:
        with override_settings(AMQP={"default": {"URL": broker.url}}):
            send("orders", "fits")
            with pytest.raises(SendException):
                send("orders", "does not")
            with pytest.raises(SendException):
                with transaction.atomic():
                    send("orders", "does not either")


def test_a_broker_that_is_not_there_is_told_and_tried_again(broker: Broker) -> None:
    send("orders", "before")
    broker.close()
    with pytest.raises(ConnectionException):
        send("orders", "nowhere")
    broker.start()
    send("orders", "after")
    assert broker.depths() == {"orders": 1}


def test_several_brokers_are_told_apart(broker: Broker) -> None:
    with Broker("amqp://127.0.0.1:0") as other:
        with override_settings(AMQP={"default": {"URL": broker.url}, "other": {"URL": other.url}}):
            send("orders", "here")
            send("orders", "there", using="other")
            send("orders", "there too", "other")
            assert (broker.depths(), other.depths()) == ({"orders": 1}, {"orders": 2})


def test_threads_share_and_lose_nothing(broker: Broker) -> None:
    errors = []

    def work(number: int) -> None:
        try:
            for index in range(20):
                send("orders", f"{number}/{index}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert errors == []
    with connection() as shared:
        with shared.create_receiver("orders", credit=200) as receiver:
            bodies = []
            for _ in range(160):
                message = receiver.receive(LIMIT)
                bodies.append(message.body)
                message.accept()
    assert sorted(bodies) == sorted(f"{number}/{index}" for number in range(8) for index in range(20))


def test_a_connection_is_kept_for_the_next(broker: Broker) -> None:
    with connection() as first:
        pass
    assert not first.closed
    with connection() as second:
        assert second is first
    close_connections()
    assert first.closed
    with connection() as third:
        assert third is not first and not third.closed


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """All the senders that are made."""
    made: List[Any] = []
    create = Connection.create_sender

    def creating(self: Connection, *arguments: Any, **options: Any) -> Any:
        made.append(create(self, *arguments, **options))
        return made[-1]

    monkeypatch.setattr(Connection, "create_sender", creating)
    return made


def test_senders_are_kept_but_not_more_than_a_few(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, senders: List[Any]
) -> None:
    monkeypatch.setattr("syncproton.contrib.django.shared.SENDERS", 3)
    for _ in range(5):
        send("often", "x")
    assert len(senders) == 1
    for number in range(10):
        send(f"once.{number}", "x")
        send("often", "x")
    assert len(senders) == 11
    assert len([sender for sender in senders if not sender.closed]) == 3
    assert not senders[0].closed
    assert broker.depths() == {"often": 15, **{f"once.{number}": 1 for number in range(10)}}


def test_a_link_that_has_ended_is_made_anew(broker: Broker, senders: List[Any]) -> None:
    send("orders", "one")
    senders[0].close()
    send("orders", "two")
    assert len(senders) == 2
    # This one ends by the peer between the look at it and its use.
    ending = senders[1]
    link = SimpleNamespace(is_sender=True, name="x", target=SimpleNamespace(address="orders"), remote_condition=None)

    def detached(*arguments: Any) -> Any:
        del ending.send
        ending.close()
        raise LinkDetached(link)  # type: ignore[arg-type]

    ending.send = detached
    send("orders", "three")
    assert len(senders) == 3
    assert broker.depths() == {"orders": 3}


def test_a_connection_that_ends_before_the_message_has_left_is_made_anew(broker: Broker, senders: List[Any]) -> None:
    send("orders", "one")
    ending = senders[0]

    def lost(*arguments: Any) -> Any:
        del ending.send
        ending.connection.close()
        return ending.send(*arguments)

    ending.send = lost
    send("orders", "two")
    assert len(senders) == 2 and senders[1].connection is not ending.connection
    assert broker.depths() == {"orders": 2}


class Listener(MessagingHandler):
    """Tells how connections end."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: "queue.Queue[str]" = queue.Queue()

    def on_connection_closed(self, event: Any) -> None:
        self.ends.put("closed")

    def on_disconnected(self, event: Any) -> None:
        self.ends.put("lost")


PROGRAM = """
import sys, django
from django.conf import settings
settings.configure(INSTALLED_APPS=["syncproton.contrib.django"], AMQP={"default": {"URL": sys.argv[1]}})
django.setup()
from syncproton.contrib.django import send
assert send("orders", "last words") is not None
"""


def test_connections_are_closed_at_the_end_of_the_process() -> None:
    listener = Listener()
    container = Container(listener)
    container.start_background()
    try:
        port = container.submit(container.listen, "127.0.0.1:0").result(LIMIT).port
        ended = subprocess.run([sys.executable, "-c", PROGRAM, f"amqp://127.0.0.1:{port}"], timeout=30,
                               capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert listener.ends.get(timeout=LIMIT) == "closed"
    finally:
        container.close()


def test_a_changed_setting_is_heeded(broker: Broker) -> None:
    with connection() as before:
        pass
    with override_settings(AMQP={"default": {"URL": django_project.NOWHERE}}):
        assert before.closed
        with pytest.raises(ConnectionException):
            send("orders", "nowhere")
    send("orders", "somewhere")
    assert broker.depths() == {"orders": 1}


def test_a_forked_child_opens_its_own_connection_and_leaves_the_parents_alone(broker: Broker) -> None:
    send("orders", "parent")
    with connection() as mine:
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of later Pythons, that there are threads: that is what is tested
        child = os.fork()
    if child == 0:
        status = 1
        try:
            send("orders", "child")
            with connection() as its:
                status = 0 if its is not mine else 2
            close_connections()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not mine.closed
    send("orders", "parent again")
    with connection() as still:
        assert still is mine
    assert broker.depths() == {"orders": 3}
