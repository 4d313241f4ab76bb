"""Every example runs, and does what it says."""

from __future__ import annotations

import re
import runpy
import signal
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from syncproton import Message
from syncproton.broker import Broker, Limits
from syncproton.utils import BlockingConnection

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LIMIT = 20.0  # seconds

Launch = Callable[..., Any]


@pytest.fixture
def example(launch: Launch, program_server: Any) -> Launch:
    return lambda name, *arguments, server=program_server: launch(
        "-u", str(EXAMPLES / f"{name}.py"), *arguments, server=server)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture
def dead_url() -> Iterator[str]:
    """Where nothing listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"amqp://127.0.0.1:{reserved.getsockname()[1]}"


def interrupt(program: Any) -> List[str]:
    """Press Ctrl-C, and return the rest of what it printed."""
    program.process.send_signal(signal.SIGINT)
    printed: List[str] = program.finish()
    return printed


def put(broker: Broker, address: str, *messages: Message) -> None:
    connection = BlockingConnection(broker.url, timeout=LIMIT)
    sender = connection.create_sender(address)
    for message in messages:
        sender.send(message)
    connection.close()


def take(broker: Broker, address: str, count: int) -> List[Any]:
    """The bodies of so many messages."""
    connection = BlockingConnection(broker.url, timeout=LIMIT)
    receiver = connection.create_receiver(address)
    bodies = []
    for _ in range(count):
        bodies.append(receiver.receive(timeout=LIMIT).body)
        receiver.accept()
    connection.close()
    return bodies


def messages(count: int) -> List[Message]:
    return [Message(id=number, properties={"number": number}, body={"sequence": number})
            for number in range(1, count + 1)]


def sequence(*numbers: int) -> List[Any]:
    return [{"sequence": number} for number in numbers]


def printed(*numbers: int) -> List[str]:
    return [str(each) for each in sequence(*numbers)]


def rows(path: Path, table: str) -> List[Tuple[Any, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute(f"SELECT * FROM {table}").fetchall()
    finally:
        database.close()


@pytest.mark.parametrize("name", ["helloworld", "helloworld_blocking"])
def test_hello_world(broker: Broker, example: Launch, name: str) -> None:
    # These start from nothing.
    assert example(name, broker.url, server=None).finish() == ["Hello World!"]
    assert not any(broker.depths().values())


def test_simple_send_and_recv(broker: Broker, example: Launch) -> None:
    url = broker.url + "/examples"
    assert example("simple_send", url, "--messages", "20").finish() == ["20 messages were accepted"]
    assert example("simple_recv", url, "--messages", "20").finish() == [
        str({"sequence": number}) for number in range(1, 21)]


def test_direct_recv(example: Launch) -> None:
    receiver = example("direct_recv", "amqp://127.0.0.1:0", "--messages", "20")
    port = receiver.line().split()[-1]
    sender = example("simple_send", f"amqp://127.0.0.1:{port}/examples", "--messages", "20")
    assert sender.finish() == ["20 messages were accepted"]
    assert len(receiver.finish()) == 20


def test_direct_send(example: Launch) -> None:
    sender = example("direct_send", "amqp://127.0.0.1:0", "--messages", "20")
    port = sender.line().split()[-1]
    receiver = example("simple_recv", f"amqp://127.0.0.1:{port}/examples", "--messages", "20")
    assert len(receiver.finish()) == 20
    assert sender.finish() == ["20 messages were accepted"]


def test_server_and_client(broker: Broker, example: Launch) -> None:
    server = example("server", broker.url)
    assert server.line() == "waiting for requests"
    assert example("client", broker.url, "examples", "one", "two").finish() == ["one => ONE", "two => TWO"]
    assert [server.line(), server.line()] == ["request: one", "request: two"]


@pytest.mark.parametrize("count", [0, 100, 150])
def test_queue_browser(broker: Broker, example: Launch, count: int) -> None:
    put(broker, "examples", *messages(count))
    assert example("queue_browser", broker.url).finish() == [
        *printed(*range(1, count + 1)), f"{count} messages are in the queue"]
    assert broker.depths().get("examples", 0) == count


def test_selected_recv(broker: Broker, example: Launch) -> None:
    assert example("simple_send", broker.url + "/examples", "-m", "10").finish() == ["10 messages were accepted"]
    selected = example("selected_recv", broker.url, "-s", "number BETWEEN 3 AND 5 OR number = 9", "-m", "4")
    assert selected.finish() == printed(3, 4, 5, 9)
    assert take(broker, "examples", 6) == sequence(1, 2, 6, 7, 8, 10)


def test_selected_recv_with_a_selector_that_is_none(broker: Broker, example: Launch) -> None:
    program = example("selected_recv", broker.url, "-s", "number >")
    assert program.finish(status=1) == []
    assert "0 messages were received" in program.errors


BATCHES = ["committed 1 to 10", "committed 11 to 20", "committed 21 to 25"]


def test_tx_send(broker: Broker, example: Launch) -> None:
    assert example("tx_send", broker.url, "-m", "25", "-b", "10").finish() == BATCHES
    assert take(broker, "examples", 25) == sequence(*range(1, 26))


def test_tx_send_of_more_than_the_queue_takes(example: Launch) -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=15)) as broker:
        program = example("tx_send", broker.url, "-m", "25", "-b", "10")
        assert program.finish(status=1) == BATCHES[:1]
        assert "10 messages were sent" in program.errors
        assert broker.depths() == {"examples": 10}


def test_tx_recv(broker: Broker, example: Launch) -> None:
    put(broker, "examples", *messages(30))
    assert example("tx_recv", broker.url, "-m", "25", "-b", "10").finish() == [
        *printed(*range(1, 11)), BATCHES[0], *printed(*range(11, 21)), BATCHES[1], *printed(*range(21, 26)), BATCHES[2]]
    assert take(broker, "examples", 5) == sequence(*range(26, 31))


def test_tx_recv_interrupted_gives_back_its_batch(broker: Broker, example: Launch) -> None:
    put(broker, "examples", *messages(5))
    program = example("tx_recv", broker.url, "-m", "25", "-b", "3")
    assert [program.line() for _ in range(6)] == [*printed(1, 2, 3), "committed 1 to 3", *printed(4, 5)]
    assert interrupt(program) == []
    assert take(broker, "examples", 2) == sequence(4, 5)


def test_server_tx(broker: Broker, example: Launch) -> None:
    server = example("server_tx", broker.url, "examples", "-m", "2")
    assert server.line() == "waiting for requests"
    assert example("client", broker.url, "examples", "one", "two").finish() == ["one => ONE", "two => TWO"]
    assert server.finish() == ["answered: one", "answered: two"]
    assert not any(broker.depths().values())


def test_server_tx_takes_no_more_than_it_answers(broker: Broker, example: Launch) -> None:
    put(broker, "examples", *[Message(body=f"request {number}", reply_to="replies") for number in range(8)])
    assert example("server_tx", broker.url, "examples", "-m", "3").finish() == [
        "waiting for requests", *[f"answered: request {number}" for number in range(3)]]
    assert take(broker, "replies", 3) == [f"REQUEST {number}" for number in range(3)]
    assert take(broker, "examples", 5) == [f"request {number}" for number in range(3, 8)]


def test_server_tx_keeps_a_request_that_it_cannot_answer(example: Launch) -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=1)) as broker:
        put(broker, "full", Message(body="in the way"))
        put(broker, "examples", Message(body="to nowhere", reply_to="full"))
        server = example("server_tx", broker.url)
        assert server.finish(status=1) == ["waiting for requests"]
        assert "not answered: to nowhere" in server.errors
        assert take(broker, "examples", 1) == ["to nowhere"]
        assert take(broker, "full", 1) == ["in the way"]


def test_db_send_and_recv(broker: Broker, example: Launch, tmp_path: Path) -> None:
    outbox, inbox = tmp_path / "outbox", tmp_path / "inbox"
    sender = example("db_send", broker.url, "-d", str(outbox), "--add", "150")
    assert sender.finish() == ["150 rows were sent"]
    assert rows(outbox, "outbox") == []
    put(broker, "examples", Message(id=7, body="row 7"), Message(id=151, body="one too many"))
    receiver = example("db_recv", broker.url, "-d", str(inbox), "-m", "151")
    assert receiver.finish() == [f"written: {number}" for number in [*range(1, 151), 7]]
    assert sorted((int(number), body) for number, body in rows(inbox, "inbox")) == [
        (number, f"row {number}") for number in range(1, 151)]
    assert take(broker, "examples", 1) == ["one too many"]


def test_db_send_keeps_what_is_not_accepted(example: Launch, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=3)) as broker:
        sender = example("db_send", broker.url, "-d", str(outbox), "--add", "5")
        assert sender.finish(status=1) == []
        assert "not accepted: row 4" in sender.errors
        assert take(broker, "examples", 3) == ["row 1", "row 2", "row 3"]
        # The next run goes on where this one was.
        assert example("db_send", broker.url, "-d", str(outbox)).finish() == ["2 rows were sent"]
        assert take(broker, "examples", 2) == ["row 4", "row 5"]


def test_db_without_a_database(broker: Broker, example: Launch, tmp_path: Path) -> None:
    started = [example(name, broker.url, "-d", str(tmp_path)) for name in ("db_send", "db_recv")]
    for program in started:
        assert program.finish(status=1) == []
        assert re.search("database: (unable to|Could not) open database", program.errors)  # PyPy has words of its own


def test_durable_subscription(broker: Broker, example: Launch) -> None:
    # Twice: the second time nothing is left of the first.
    for _ in range(2):
        assert example("durable_subscription", broker.url, "-m", "12").finish() == [
            "subscribed", "12 messages were published, and nobody was there", *printed(*range(1, 13)), "unsubscribed"]
    assert not any(broker.depths().values())


def test_failover(broker: Broker, dead_url: str, example: Launch) -> None:
    with Broker("amqp://127.0.0.1:0") as first:
        program = example("failover", dead_url, first.url, broker.url, "-m", "20", "-i", "0.01")
        assert [program.line() for _ in range(3)] == [f"connected to {first.url}", "1 accepted", "2 accepted"]
    told = program.finish()
    assert f"connected to {broker.url}" in told and told[-1] == "20 accepted"
    assert "refused" in program.errors
    numbers = [body["sequence"] for body in take(broker, "examples", broker.depths()["examples"])]
    accepted_by_the_first = 2 + told.index(f"connected to {broker.url}")
    assert set(numbers) == set(range(accepted_by_the_first + 1, 21))


def test_recurring_timer(example: Launch) -> None:
    assert example("recurring_timer", "-i", "0.01", "-t", "3").finish() == ["tick 1", "tick 2", "tick 3"]


def test_simple_send_waits_for_its_broker(example: Launch) -> None:
    broker = Broker("amqp://127.0.0.1:0").start()
    broker.close()
    program = example("simple_send", broker.url + "/examples", "-m", "5")
    assert "refused" in program.process.stderr.readline()
    with broker:
        assert program.finish() == ["5 messages were accepted"]
        assert broker.depths() == {"examples": 5}


def test_simple_send_sends_again_what_was_lost_with_a_connection(example: Launch) -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(credit=10)) as broker:
        program = example("simple_send", broker.url + "/examples", "-m", "3000")
        take(broker, "examples", 1)
        broker.close()
        assert program.process.poll() is None
        broker.start()
        assert program.finish() == ["3000 messages were accepted"]
        numbers = {body["sequence"] for body in take(broker, "examples", broker.depths()["examples"])}
        assert numbers == set(range(min(numbers), 3001))
        assert min(numbers) > 1


@pytest.mark.parametrize("name", ["simple_send", "failover", "durable_subscription"])
def test_messages_that_are_not_accepted(example: Launch, name: str) -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queue_depth=2)) as broker:
        url = broker.url + "/examples" if name == "simple_send" else broker.url
        program = example(name, url, "-m", "4", *(["-i", "0"] if name == "failover" else []))
        program.finish(status=1)
        assert "a message was not accepted" in program.errors


def commands(url: str, folder: Path) -> List[List[str]]:
    """Each example that gives up when it cannot connect, and how to start it."""
    names = ["helloworld", "helloworld_blocking", "client", "queue_browser", "selected_recv", "tx_send", "tx_recv",
             "server_tx", "failover", "durable_subscription"]
    return [*([name, url] for name in names), ["db_recv", url, "-d", str(folder / "inbox")],
            ["db_send", url, "-d", str(folder / "outbox"), "--add", "1"]]


def test_a_refused_connection(dead_url: str, example: Launch, tmp_path: Path) -> None:
    started = [example(*command) for command in commands(dead_url, tmp_path)]
    for program in started:
        assert program.finish(status=1) == []
        assert "refused" in program.errors.lower() and "Traceback" not in program.errors


def test_a_missing_queue(example: Launch, tmp_path: Path) -> None:
    with Broker("amqp://127.0.0.1:0", limits=Limits(queues=0)) as broker:
        url = broker.url + "/examples"
        started = [example(*command) for command in [
            *commands(broker.url, tmp_path), ["simple_send", url], ["simple_recv", url], ["server", broker.url]]]
        for program in started:
            assert program.finish(status=1) in ([], [f"connected to {broker.url}"])
            assert "queues" in program.errors and "Traceback" not in program.errors


def test_a_port_that_is_taken(broker: Broker, example: Launch) -> None:
    started = [example(name, broker.url) for name in ("direct_recv", "direct_send")]
    for program in started:
        assert program.finish(status=1) == []
        assert "cannot listen" in program.errors and "Traceback" not in program.errors


def test_ctrl_c(broker: Broker, example: Launch, tmp_path: Path) -> None:
    # Each is interrupted while it waits for more, after a first line that shows that it works.
    for address in ("simple", "selected", "transaction", "database"):
        put(broker, address, *messages(1))
    started = [
        (example("simple_recv", broker.url + "/simple"), printed(1)[0]),
        (example("selected_recv", broker.url, "selected", "-s", "number = 1"), printed(1)[0]),
        (example("tx_recv", broker.url, "transaction"), printed(1)[0]),
        (example("db_recv", broker.url, "database", "-d", str(tmp_path / "inbox")), "written: 1"),
        (example("tx_send", broker.url, "many", "-m", "100000000", "-b", "1"), "committed 1 to 1"),
        (example("server", broker.url), "waiting for requests"),
        (example("server_tx", broker.url), "waiting for requests"),
        (example("failover", broker.url, "-a", "failover", "-i", "60"), f"connected to {broker.url}"),
        (example("recurring_timer", "-i", "0.01", "-t", "0"), "tick 1"),
        (example("direct_recv", "amqp://127.0.0.1:0"), "listening on port"),
        (example("direct_send", "amqp://127.0.0.1:0"), "listening on port"),
    ]
    for program, first_line in started:
        assert program.line().startswith(first_line)
        interrupt(program)
        assert program.errors == ""


def test_no_example_is_left_out() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.stem}"' in text, f"{path.name} is not run by any test"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_says_how_to_run_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"python {path.name}" in path.read_text(encoding="utf-8").split('"""')[1]
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {path.name}")


def test_the_documentation_lists_every_example() -> None:
    page = (EXAMPLES.parent / "docs" / "howto" / "examples.rst").read_text(encoding="utf-8")
    listed = [line.split("`")[2] for line in page.splitlines() if line.startswith("``") and ".py``" in line]
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))
