"""Every example runs against Artemis, as it is and with nothing but its imports changed to proton's."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from broker_under_test import BrokerUnderTest
from server_process import free_port
from syncproton import Message, Timeout
from syncproton.utils import BlockingConnection

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
LIMIT = 60.0  # seconds

# They need what proton has not, and say so.
OURS_ALONE = {"direct_recv", "direct_send"}


class Program:
    """An example in a process of its own."""

    def __init__(self, library: str, path: Path, *arguments: str) -> None:
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(path), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)))

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def finish(self, status: int = 0) -> List[str]:
        """Wait for its end, check how it ended, and return the rest of what it printed."""
        printed, self.errors = self.process.communicate(timeout=LIMIT)
        assert self.process.returncode == status, self.errors
        assert "Traceback" not in self.errors, self.errors
        return printed.splitlines()

    def interrupt(self) -> List[str]:
        """Press Ctrl-C, and return the rest of what it printed."""
        if self.library == "proton":
            # Of a thousand Ctrl-Cs proton loses one or two: those that come in a callback of its C library.
            self.process.terminate()
            return self.finish(status=-signal.SIGTERM)
        self.process.send_signal(signal.SIGINT)
        return self.finish()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


Launch = Callable[..., Program]


@pytest.fixture(params=["syncproton", "proton"])
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def example(library: str, tmp_path: Path) -> Iterator[Launch]:
    """Starts an example on one of the libraries; what still runs at the end of the test is killed."""
    programs: List[Program] = []

    def start(name: str, *arguments: str) -> Program:
        path = EXAMPLES / f"{name}.py"
        if library == "proton":
            source = path.read_text(encoding="utf-8")
            changed = re.sub(r"^from syncproton\b", "from proton", source, flags=re.MULTILINE)
            path = tmp_path / path.name
            path.write_text(changed, encoding="utf-8")
        programs.append(Program(library, path, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


@pytest.fixture
def address(artemis: BrokerUnderTest) -> str:
    return artemis.address(f"examples-{uuid.uuid4().hex[:12]}")


def put(broker: BrokerUnderTest, address: str, count: int) -> None:
    connection = BlockingConnection(broker.url, timeout=LIMIT)
    sender = connection.create_sender(address)
    for number in range(1, count + 1):
        sender.send(message(number))
    connection.close()


def message(number: int) -> Any:
    return Message(id=number, durable=True, properties={"number": number}, body={"sequence": number})


def left_in(broker: BrokerUnderTest, address: str, count: int) -> List[Any]:
    """The bodies of so many messages from there, and of one more if it comes soon."""
    bodies: List[Any] = []
    connection = BlockingConnection(broker.url, timeout=LIMIT)
    try:
        receiver = connection.create_receiver(address)
        while True:
            bodies.append(receiver.receive(timeout=LIMIT if len(bodies) < count else 0.3).body)
            receiver.accept()
    except Timeout:
        return bodies
    finally:
        connection.close()


def sequence(*numbers: int) -> List[Any]:
    return [{"sequence": number} for number in numbers]


def printed(*numbers: int) -> List[str]:
    return [str(each) for each in sequence(*numbers)]


@pytest.mark.parametrize("name", ["helloworld", "helloworld_blocking"])
def test_hello_world(artemis: BrokerUnderTest, address: str, example: Launch, name: str) -> None:
    assert example(name, artemis.url, address).finish() == ["Hello World!"]
    assert left_in(artemis, address, 0) == []


def test_simple_send_and_recv(artemis: BrokerUnderTest, address: str, example: Launch) -> None:
    url = f"{artemis.url}/{address}"
    assert example("simple_send", url, "-m", "50").finish() == ["50 messages were accepted"]
    assert example("simple_recv", url, "-m", "50").finish() == printed(*range(1, 51))
    assert left_in(artemis, address, 0) == []


@pytest.mark.parametrize("name", ["server", "server_tx"])
def test_client_and_servers(artemis: BrokerUnderTest, address: str, example: Launch, name: str) -> None:
    server = example(name, artemis.url, address)
    assert server.line() == "waiting for requests"
    assert example("client", artemis.url, address, "one", "two").finish() == ["one => ONE", "two => TWO"]
    told = "request" if name == "server" else "answered"
    assert [server.line(), server.line()] == [f"{told}: one", f"{told}: two"]
    assert server.interrupt() == []
    assert left_in(artemis, address, 0) == []


def test_server_tx_answers_so_many(artemis: BrokerUnderTest, address: str, example: Launch) -> None:
    connection = BlockingConnection(artemis.url, timeout=LIMIT)
    sender = connection.create_sender(address)
    for number in range(8):
        sender.send(Message(body=f"request {number}", durable=True, reply_to=f"{address}-replies"))
    connection.close()
    assert example("server_tx", artemis.url, address, "-m", "3").finish() == [
        "waiting for requests", *[f"answered: request {number}" for number in range(3)]]
    assert left_in(artemis, f"{address}-replies", 3) == [f"REQUEST {number}" for number in range(3)]
    assert left_in(artemis, address, 5) == [f"request {number}" for number in range(3, 8)]


def test_server_tx_keeps_a_request_that_it_cannot_answer(
    artemis: BrokerUnderTest, address: str, example: Launch
) -> None:
    connection = BlockingConnection(artemis.url, timeout=LIMIT)
    connection.create_sender(address).send(
        Message(body="to nowhere", durable=True, reply_to=artemis.missing["sender"]))
    connection.close()
    server = example("server_tx", artemis.url, address)
    assert server.finish(status=1) == ["waiting for requests"]
    assert "not answered: to nowhere" in server.errors
    assert left_in(artemis, address, 1) == ["to nowhere"]


@pytest.mark.parametrize("count", [0, 100, 150])
def test_queue_browser(artemis: BrokerUnderTest, address: str, example: Launch, count: int) -> None:
    put(artemis, address, count)
    assert example("queue_browser", artemis.url, address).finish() == [
        *printed(*range(1, count + 1)), f"{count} messages are in the queue"]
    assert left_in(artemis, address, count) == sequence(*range(1, count + 1))


def test_selected_recv(artemis: BrokerUnderTest, address: str, example: Launch) -> None:
    assert example("simple_send", f"{artemis.url}/{address}", "-m", "10").finish() == ["10 messages were accepted"]
    selected = example("selected_recv", artemis.url, address, "-s", "number BETWEEN 3 AND 5 OR number = 9", "-m", "4")
    assert selected.finish() == printed(3, 4, 5, 9)
    assert left_in(artemis, address, 6) == sequence(1, 2, 6, 7, 8, 10)


def test_tx_send_and_recv(artemis: BrokerUnderTest, address: str, example: Launch) -> None:
    arguments = [artemis.url, address, "-m", "25", "-b", "10"]
    batches = ["committed 1 to 10", "committed 11 to 20", "committed 21 to 25"]
    assert example("tx_send", *arguments).finish() == batches
    assert example("tx_recv", *arguments).finish() == [
        *printed(*range(1, 11)), batches[0], *printed(*range(11, 21)), batches[1], *printed(*range(21, 26)), batches[2]]
    assert left_in(artemis, address, 0) == []


def test_tx_recv_interrupted_gives_back_its_batch(artemis: BrokerUnderTest, address: str, example: Launch) -> None:
    put(artemis, address, 15)
    receiver = example("tx_recv", artemis.url, address, "-m", "20", "-b", "10")
    while receiver.line() != printed(15)[0]:
        assert receiver.process.poll() is None
    assert receiver.interrupt() == []
    assert left_in(artemis, address, 5) == sequence(11, 12, 13, 14, 15)


def test_db_send_and_recv(artemis: BrokerUnderTest, address: str, example: Launch, tmp_path: Path) -> None:
    outbox, inbox = tmp_path / "outbox", tmp_path / "inbox"
    sender = example("db_send", artemis.url, address, "-d", str(outbox), "--add", "150")
    assert sender.finish() == ["150 rows were sent"]
    receiver = example("db_recv", artemis.url, address, "-d", str(inbox), "-m", "150")
    assert receiver.finish() == [f"written: {number}" for number in range(1, 151)]
    assert rows(outbox, "outbox") == []
    assert sorted((int(number), body) for number, body in rows(inbox, "inbox")) == [
        (number, f"row {number}") for number in range(1, 151)]
    assert left_in(artemis, address, 0) == []


def rows(path: Path, table: str) -> List[Tuple[Any, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        database.close()


def test_durable_subscription(artemis: BrokerUnderTest, address: str, example: Launch) -> None:
    # Twice: the second time nothing is left of the first.
    for _ in range(2):
        assert example("durable_subscription", artemis.url, address, "-m", "12").finish() == [
            "subscribed", "12 messages were published, and nobody was there", *printed(*range(1, 13)), "unsubscribed"]


def test_failover(
    artemis_pair: Tuple[BrokerUnderTest, BrokerUnderTest], library: str, example: Launch
) -> None:
    first, second = artemis_pair
    queue = f"failover-{library}"
    sender = example("failover", first.url, second.url, "-a", queue, "-m", "20", "-i", "0.02")
    assert [sender.line(), sender.line()] == [f"connected to {first.url}", "1 accepted"]
    first.fail()
    told = sender.finish()
    assert f"connected to {second.url}" in told and told[-1] == "20 accepted"
    on_second = [body["sequence"] for body in left_in(second, queue, 1)]
    first.start()
    on_first = [body["sequence"] for body in left_in(first, queue, 1)]
    assert set(on_first + on_second) == set(range(1, 21))
    assert on_second[-1] == 20


def test_recurring_timer(example: Launch) -> None:
    assert example("recurring_timer", "-i", "0.05", "-t", "3").finish() == ["tick 1", "tick 2", "tick 3"]
    endless = example("recurring_timer", "-i", "0.05", "-t", "0")
    assert endless.line() == "tick 1"
    endless.interrupt()


@pytest.mark.parametrize("library", ["syncproton"], indirect=True)
def test_direct(example: Launch) -> None:
    receiver = example("direct_recv", "amqp://127.0.0.1:0", "-m", "10")
    port = receiver.line().split()[-1]
    sender = example("simple_send", f"amqp://127.0.0.1:{port}/examples", "-m", "10")
    assert (sender.finish(), receiver.finish()) == (["10 messages were accepted"], printed(*range(1, 11)))
    sender = example("direct_send", "amqp://127.0.0.1:0", "-m", "10")
    port = sender.line().split()[-1]
    receiver = example("simple_recv", f"amqp://127.0.0.1:{port}/examples", "-m", "10")
    assert (receiver.finish(), sender.finish()) == (printed(*range(1, 11)), ["10 messages were accepted"])


def commands(url: str, address: str, folder: Path) -> List[List[str]]:
    """Each example that gives up when it cannot connect, and how to start it."""
    return [
        ["helloworld", url, address], ["helloworld_blocking", url, address], ["client", url, address],
        ["queue_browser", url, address], ["selected_recv", url, address], ["tx_send", url, address],
        ["tx_recv", url, address], ["server_tx", url, address], ["failover", url, "-a", address],
        ["durable_subscription", url, address], ["db_recv", url, address, "-d", str(folder / "inbox")],
        ["db_send", url, address, "-d", str(folder / "outbox"), "--add", "1"],
    ]


def test_a_refused_connection(example: Launch, tmp_path: Path) -> None:
    started = [example(*command) for command in commands(f"amqp://127.0.0.1:{free_port()}", "examples", tmp_path)]
    for program in started:
        assert program.finish(status=1) == []
        assert "refused" in program.errors.lower()


def test_a_refused_login(artemis: BrokerUnderTest, example: Launch, tmp_path: Path) -> None:
    for command in commands(artemis.wrong_password_url, "examples", tmp_path):
        program = example(*command)
        assert program.finish(status=1) == []
        assert program.errors


def test_a_missing_queue(artemis: BrokerUnderTest, example: Launch, tmp_path: Path) -> None:
    address = artemis.missing["sender"]
    url = f"{artemis.url}/{address}"
    for command in [*commands(artemis.url, address, tmp_path), ["simple_send", url], ["simple_recv", url],
                    ["server", artemis.url, address]]:
        program = example(*command)
        program.finish(status=1)
        assert "does not exist" in program.errors


def test_every_example_is_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.stem}"' in source, f"{path.name} is not run here"


def test_what_needs_more_than_proton_says_so() -> None:
    for path in EXAMPLES.glob("*.py"):
        docstring = path.read_text(encoding="utf-8").split('"""')[1]
        assert ("With proton this needs" in docstring) == (path.stem in OURS_ALONE), path.name
