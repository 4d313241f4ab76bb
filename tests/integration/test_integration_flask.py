"""The Flask example as its users run it: gunicorn before it, its consumer beside it, and a browser to look at it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Set
from urllib.parse import urlencode

import pytest
from broker_under_test import BrokerUnderTest
from chromium import Chromium
from server_process import ServerProcess, free_port

import syncproton

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples" / "flask_app"
LIMIT = 60.0  # seconds
REQUESTS, CLIENTS = 2000, 16

PREFORK = ["--preload", "--workers", "4"]
THREADS = ["--worker-class", "gthread", "--workers", "2", "--threads", "8"]


class Shop:
    """The example with a database and a queue of its own."""

    def __init__(self, folder: Path, broker: BrokerUnderTest) -> None:
        self.folder = folder
        self.broker = broker
        self.queue = broker.address(f"flask-{uuid.uuid4().hex[:12]}")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {"AMQP_URL": broker.url, "ORDERS_QUEUE": self.queue, "PYTHONPATH": str(ROOT),
                    "ORDERS_DATABASE": str(folder / "orders.sqlite"), "PYTHONUNBUFFERED": "1",
                    "PACKING_SECONDS": "0.02"}

    def gunicorn(self, *options: str) -> ServerProcess:
        command = [sys.executable, "-m", "gunicorn", "--chdir", str(APP), "--bind", f"127.0.0.1:{self.port}",
                   *options, "app:create_app()"]
        return ServerProcess(command, "Booting worker", self.folder / "gunicorn.log", env=self.env)

    def flask(self, ready: str, *arguments: str) -> ServerProcess:
        command = [sys.executable, "-m", "flask", "--app", str(APP / "app.py"), *arguments]
        return ServerProcess(command, ready, self.folder / "flask.log", env=self.env)

    def order(self, name: str = "Ada") -> Optional[str]:
        """Place an order; its number if it was confirmed, ``None`` if there was no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("POST", "/orders", urlencode({"tea": "assam", "quantity": "2", "name": name}),
                               {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        assert answer.status == 303, f"{text!r}; the server said:\n{self.said()}"
        return (answer.getheader("Location") or "").rpartition("/")[2]

    def said(self) -> str:
        """The last of what the servers wrote."""
        return "\n".join(log.read_text(errors="replace")[-4000:] for log in sorted(self.folder.glob("*.log")))

    def queued(self) -> List[str]:
        """The numbers of the orders in the queue, which is empty afterwards."""
        numbers = []
        with syncproton.connect(self.broker.url, timeout=LIMIT) as connection:
            receiver = connection.create_receiver(self.queue, credit=200)
            while True:
                try:
                    # Long enough for what a broker takes back from somebody who has just gone.
                    message = receiver.receive(2.0)
                except syncproton.Timeout:
                    return numbers
                numbers.append(message.body["id"])
                message.accept()

    def packed(self) -> Set[str]:
        """The numbers of the orders that are packed."""
        database = sqlite3.connect(self.folder / "orders.sqlite", timeout=LIMIT)
        try:
            return {number for number, in database.execute("SELECT id FROM orders WHERE packed")}
        finally:
            database.close()


@pytest.fixture(params=["artemis", "inmemory"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(tmp_path, request.getfixturevalue(request.param))


@pytest.fixture
def serve() -> Iterator[Callable[[ServerProcess], ServerProcess]]:
    """Starts a server, and stops it at the end of the test."""
    servers: List[ServerProcess] = []

    def start(server: ServerProcess) -> ServerProcess:
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


Serve = Callable[[ServerProcess], ServerProcess]


def until(condition: Callable[[], bool]) -> None:
    """Look until something is so."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "it never was so"
        time.sleep(0.01)


def many(shop: Shop, done: Callable[[int], None] = lambda count: None) -> List[Optional[str]]:
    """Orders of many clients at the same time."""
    lock = threading.Lock()
    count = 0

    def one(_: int) -> Optional[str]:
        nonlocal count
        number = shop.order()
        with lock:
            count += 1
            now = count
        done(now)
        return number

    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(one, range(REQUESTS)))


@pytest.mark.parametrize("options", [PREFORK, THREADS], ids=["prefork", "gthread"])
def test_each_of_many_requests_is_answered_and_is_one_message(shop: Shop, serve: Serve, options: List[str]) -> None:
    server = serve(shop.gunicorn(*options))
    numbers = many(shop)
    assert None not in numbers and len(set(numbers)) == REQUESTS
    assert sorted(shop.queued()) == sorted(str(number) for number in numbers)
    server.stop()
    assert "Traceback" not in server.output() and "Error" not in server.output(), server.output()[-4000:]


def test_a_worker_that_is_killed_loses_nothing_that_was_answered(shop: Shop, serve: Serve) -> None:
    server = serve(shop.gunicorn(*PREFORK))
    killed: List[int] = []

    def workers() -> List[int]:
        return [int(number) for number in re.findall(r"Booting worker with pid: (\d+)", server.output())]

    def kill_one(count: int) -> None:
        if count in (REQUESTS // 4, REQUESTS // 2, REQUESTS * 3 // 4):
            victim = [worker for worker in workers() if worker not in killed][-1]
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    numbers = many(shop, kill_one)
    answered = {number for number in numbers if number is not None}
    lost = numbers.count(None)
    queued = shop.queued()
    assert len(queued) == len(set(queued)) and answered <= set(queued)
    # A request without an answer may have sent its message or not.
    assert len(queued) <= len(answered) + lost
    assert len(killed) == 3 and len(answered) > REQUESTS * 0.9
    until(lambda: len(workers()) == 4 + 3)


def test_consumers_pack_each_order_and_stop_without_losing_one(shop: Shop, serve: Serve) -> None:
    with syncproton.connect(shop.broker.url, timeout=LIMIT) as connection:
        sender = connection.create_sender(shop.queue)
        numbers = [str(uuid.uuid4()) for _ in range(300)]
        for number in numbers:
            body = {"id": number, "tea": "sencha", "quantity": 1, "name": "Ada"}
            sender.send(syncproton.Message(body=body, durable=True))
    for _ in range(3):
        before = shop.packed() if (shop.folder / "orders.sqlite").exists() else set()
        worker = shop.flask("consuming from", "amqp", "consume")
        worker.start()
        process = worker._process
        assert process is not None
        try:
            until(lambda: len(shop.packed() - before) >= 30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(LIMIT) == 0, worker.output()
        finally:
            worker.kill()
    packed, queued = shop.packed(), shop.queued()
    assert len(packed) >= 90 and len(packed) + len(queued) == 300, "each is packed, or in the queue: no one is both"
    assert packed | set(queued) == set(numbers)


def test_the_pages_as_a_browser_shows_them(shop: Shop, serve: Serve) -> None:
    serve(shop.gunicorn(*PREFORK))
    with Chromium(shop.folder) as browser:
        browser.open(shop.url)
        assert browser.evaluate("getComputedStyle(document.querySelector('button')).backgroundColor") == (
            "rgb(47, 107, 79)"), "the style sheet is there"
        assert "Nothing yet" in browser.text()
        browser.screenshot(shop.folder / "counter.png")
        place(browser, "sencha", "3", "Ada <b>Lovelace</b>")
        assert browser.text("#state") == "Waiting" and "Thank you, Ada <b>Lovelace</b>." in browser.text()
        assert "€ 36" in browser.text()
        browser.screenshot(shop.folder / "waiting.png")
        serve(shop.flask("consuming from", "amqp", "consume"))
        # The page looks again by itself.
        browser.wait_for("document.querySelector('#state').innerText == 'Packed'")
        browser.screenshot(shop.folder / "packed.png")
        browser.click("a.back")
        browser.wait_for("document.querySelector('.orders') != null")
        assert "3 × Spring Sencha" in browser.text(".orders") and "Packed" in browser.text(".orders")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.screenshot(shop.folder / "orders.png")
        browser.open(f"{shop.url}/orders/{uuid.uuid4()}")
        assert "There is nothing here." in browser.text()
    pictures = sorted(picture.name for picture in shop.folder.glob("*.png") if picture.stat().st_size > 10_000)
    assert pictures == ["counter.png", "orders.png", "packed.png", "waiting.png"]


def test_the_page_on_a_telephone_is_not_wider_than_that(
        inmemory: BrokerUnderTest, tmp_path: Path, serve: Serve) -> None:
    shop = Shop(tmp_path, inmemory)
    serve(shop.gunicorn(*PREFORK))
    with Chromium(tmp_path, width=500, height=1100) as browser:
        browser.open(shop.url)
        place(browser, "rooibos", "20", "W" * 60)
        browser.open(shop.url)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it need not be scrolled"
        browser.screenshot(tmp_path / "narrow.png")


def place(browser: Chromium, tea: str, quantity: str, name: str) -> None:
    """Fill in the form, and send it."""
    browser.click(f"input[value={tea}]")
    browser.fill("input[name=quantity]", quantity)
    browser.fill("input[name=name]", name)
    browser.click("button")
    browser.wait_for("location.pathname.startsWith('/orders/') && document.readyState == 'complete'")


def test_a_broker_that_is_away_is_said_in_words_and_may_come_back(
        inmemory: BrokerUnderTest, tmp_path: Path, serve: Serve) -> None:
    shop = Shop(tmp_path, inmemory)
    serve(shop.gunicorn(*PREFORK))
    assert shop.order() is not None
    inmemory.stop()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=LIMIT)
        connection.request("POST", "/orders", "tea=assam&quantity=1&name=Ada",
                           {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert answer.status == 503 and b"We cannot take orders right now" in answer.read()
        connection.close()
    finally:
        inmemory.start()
    assert shop.order() is not None


def test_the_two_commands_of_the_readme_and_a_wrong_order(tmp_path: Path) -> None:
    commands = re.findall(r"```sh\n(.*?)```", (APP / "README.md").read_text(), re.DOTALL)[0].splitlines()
    assert len(commands) == 2 and commands[0] == 'pip install ".[flask]"'
    port = free_port()
    program, *arguments = commands[1].split()
    assert program == "flask"
    process = subprocess.Popen([sys.executable, "-m", program, *arguments, "--port", str(port)], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
    try:
        assert process.stdout is not None
        seen: Set[str] = set()
        while not {"consuming from", " * Running on"} <= seen:
            line = process.stdout.readline()
            assert line, "it has ended"
            seen |= {word for word in ("consuming from", " * Running on") if line.startswith(word)}
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        shop = type("Demo", (), {"port": port})
        number = Shop.order(shop)  # type: ignore[arg-type]
        assert page(port, f"/orders/{number}").status == 200
        until(lambda: "Your parcel is ready" in page(port, f"/orders/{number}").text)
        for wrong in ("tea=coffee&quantity=1&name=Ada", "tea=assam&quantity=0&name=Ada",
                      "tea=assam&quantity=1&name=+", "tea=assam&quantity=%C2%B2&name=Ada", ""):
            assert page(port, "/orders", wrong).status == 400
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0
    reader.join(LIMIT)
    process.stdout.close()


class page:
    """An answer."""

    def __init__(self, port: int, path: str, form: Optional[str] = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        connection.request("GET" if form is None else "POST", path, form, headers)
        answer = connection.getresponse()
        self.status, self.text = answer.status, answer.read().decode()
        connection.close()


def environment() -> Any:
    return dict(os.environ, PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1", PACKING_SECONDS="0.1")
