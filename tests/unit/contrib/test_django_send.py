"""Sending from a Django project: with the database's transaction, over a connection made when first wanted."""

from __future__ import annotations

import os
import threading
import warnings
from typing import Any, Iterator

import django_project
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings

import syncproton
from syncproton.broker import Broker, Limits
from syncproton.contrib.django import close_connections, connection, send
from syncproton.errors import ConnectionException
from syncproton.sync import SendException

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
