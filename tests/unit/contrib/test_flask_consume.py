"""``flask amqp consume``: what it runs, how it stops, and what it says when it cannot."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from flask import Flask
from program_server import serving

import syncproton
from syncproton import Message
from syncproton.broker import Broker
from syncproton.contrib.flask import AMQP

LIMIT = 20.0  # seconds
FOLDER = Path(__file__).parent
READY = "consuming from orders; stop with Ctrl-C"

Consume = Callable[..., Any]


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture(scope="module")
def program_server() -> Iterator[Any]:
    with serving("flask.cli", "syncproton") as server:
        yield server


@pytest.fixture
def consume(
    launch: Callable[..., Any], program_server: Any, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> Consume:
    """Starts the command in a process of its own."""
    monkeypatch.setenv("AMQP_URL", broker.url)
    return lambda *arguments, server=program_server: launch(
        "-m", "flask", "--app", str(FOLDER / "flask_shop.py"), "amqp", "consume", *arguments, server=server)


def put(broker: Broker, *bodies: Any) -> None:
    with syncproton.connect(broker.url, timeout=LIMIT) as connection, connection.create_sender("orders") as sender:
        for body in bodies:
            sender.send(Message(body=body))


def left(broker: Broker) -> int:
    return broker.depths().get("orders", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_it_finish_what_is_in_hand_and_give_back_the_rest(
        consume: Consume, broker: Broker, number: int) -> None:
    put(broker, "one", "slow", "later", "even later")
    program = consume("--queue", "orders")
    assert program.line() == READY
    assert [program.line() for _ in range(3)] == ["shop begins one", "ends one", "shop begins slow"]
    program.process.send_signal(number)
    assert program.finish() == ["stopping", "ends slow"]
    assert left(broker) == 2


def test_a_second_signal_gives_back_what_is_in_hand(consume: Consume, broker: Broker) -> None:
    put(broker, "endless")
    program = consume("-q", "orders", server=None)  # this one starts from nothing
    assert [program.line(), program.line()] == [READY, "shop begins endless"]
    program.process.send_signal(signal.SIGTERM)
    assert program.line() == "stopping"
    program.process.send_signal(signal.SIGTERM)
    assert program.finish() == []
    assert left(broker) == 1


def test_what_failed_is_logged_and_the_next_is_handled(consume: Consume, broker: Broker) -> None:
    put(broker, "bad", "good")
    program = consume()
    assert program.line() == "consuming from orders, mail; stop with Ctrl-C"
    assert {program.line() for _ in range(3)} >= {"shop begins bad", "shop begins good", "ends good"}
    program.process.send_signal(signal.SIGTERM)
    printed, errors = program.process.communicate(timeout=LIMIT)
    assert program.process.returncode == 0, errors
    assert "handling a message from orders failed: modify it" in errors and "ValueError: a bad order" in errors
    assert left(broker) == 1


def test_a_signal_while_it_connects_ends_it(consume: Consume, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LIMIT)
        monkeypatch.setenv("AMQP_URL", f"amqp://127.0.0.1:{silent.getsockname()[1]}")
        program = consume()
        peer, _ = silent.accept()
        with peer:
            program.process.send_signal(signal.SIGTERM)
            assert program.finish() == ["stopping"]


def test_a_broker_that_is_not_there_is_an_error_with_its_name_and_not_its_password(broker: Broker) -> None:
    broker.close()
    app = Flask("shop")
    app.config.update(AMQP_URL=broker.url.replace("//", "//user:topsecret@"), AMQP_TIMEOUT=0.3)
    amqp = AMQP(app)
    amqp.consumer("orders")(print)
    result = app.test_cli_runner().invoke(args=["amqp", "consume"])
    assert result.exit_code == 1 and result.output.startswith("Error: amqp://user:********@127.0.0.1")
    assert "refused" in result.output and "topsecret" not in result.output


def test_a_queue_without_a_function_is_an_error_that_tells_which_there_are(broker: Broker) -> None:
    app = Flask("shop")
    app.config["AMQP_URL"] = broker.url
    amqp = AMQP(app)
    runner = app.test_cli_runner()
    result = runner.invoke(args=["amqp", "consume"])
    assert result.exit_code == 2 and "there are no consumers" in result.output
    amqp.consumer("orders")(print)
    result = runner.invoke(args=["amqp", "consume", "--queue", "oders"])
    assert result.exit_code == 2
    assert "there is no consumer for the queue 'oders': there are some for orders" in result.output


def test_a_request_is_answered_by_a_consumer(broker: Broker) -> None:
    amqp = AMQP()

    @amqp.consumer("square", threads=2)
    def square(message: Any) -> None:
        if message.body >= 0:
            amqp.send(message.reply_to, Message(body=message.body ** 2, correlation_id=message.correlation_id))

    app = Flask("calculator")
    app.config.update(AMQP_URL=broker.url, AMQP_TIMEOUT=LIMIT)
    amqp.init_app(app)
    with app.app_context():
        worker = amqp.worker()
        worker.start()
        try:
            assert [amqp.request("square", number).body for number in (3, 4)] == [9, 16]
            with pytest.raises(syncproton.Timeout):
                amqp.request("square", -1, timeout=0.05)
        finally:
            worker.finish()
            amqp.close()


def test_functions_have_the_application_of_the_worker(broker: Broker) -> None:
    amqp = AMQP()
    names = []

    @amqp.consumer("orders")
    def pack(message: Any) -> None:
        names.append(amqp.pool)
        amqp.send("done", message.body)  # from inside of a handler, on a connection of the pool

    pools = []
    for name in ("one", "two"):
        app = Flask(name)
        app.config.update(AMQP_URL=broker.url, AMQP_TIMEOUT=LIMIT)
        amqp.init_app(app)
        put(broker, name)
        with app.app_context():
            worker = amqp.worker(["orders"])
            worker.start()
            assert syncproton.receive(broker.url + "/done", timeout=LIMIT).body == name
            worker.finish()
            pools.append(amqp.pool)
            amqp.close()
    assert names == pools
    assert left(broker) == 0
