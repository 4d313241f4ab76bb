"""The Django example as its users run it: under Django's own server and gunicorn, with its consumer beside it."""

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
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import urlencode

import pytest
import reaper
from broker_under_test import BrokerUnderTest
from chromium import Chromium
from server_process import ServerProcess, free_port

import syncproton

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples" / "django_app"
LIMIT = 60.0
REQUESTS, CLIENTS = 500, 8
ROWS = "SELECT id, packed FROM orders_order ORDER BY id"


class Shop:
    """The example with a database and a queue of its own."""

    def __init__(self, folder: Path, broker: BrokerUnderTest, address: str) -> None:
        self.folder = folder
        self.url = broker.url
        self.address = address
        self.port = free_port()
        self.env = {
            "AMQP_URL": broker.url, "ORDERS_QUEUE": address, "DATABASE": str(folder / "shop.sqlite3"),
            "PYTHONPATH": str(ROOT), "PACKING_TIME": "0", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.manage("migrate")

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=APP, env={**os.environ, **self.env}, check=True,
                       timeout=LIMIT, stdout=subprocess.DEVNULL)

    def server(self, name: str) -> ServerProcess:
        """A server of the pages, by its name."""
        place = f"127.0.0.1:{self.port}"
        gunicorn = [sys.executable, "-m", "gunicorn", "shop.wsgi", "--bind", place]
        commands = {
            "runserver": ([sys.executable, "manage.py", "runserver", "--noreload", place], "Quit the server with"),
            "gunicorn": ([*gunicorn, "--preload", "--workers", "3"], "Booting worker"),
            "gthread": ([*gunicorn, "--worker-class", "gthread", "--threads", "8"], "Booting worker"),
        }
        command, ready = commands[name]
        return ServerProcess(command, ready, self.folder / name, env=self.env, cwd=APP)

    def orders(self) -> List[Tuple[int, Any]]:
        """Number and time of packing of each order in the database."""
        database = sqlite3.connect(self.folder / "shop.sqlite3", timeout=LIMIT)
        try:
            return database.execute(ROWS).fetchall()
        finally:
            database.close()

    def send(self, *numbers: int) -> None:
        """Put orders into the database and the queue."""
        database = sqlite3.connect(self.folder / "shop.sqlite3")
        with database:
            database.executemany("INSERT INTO orders_order (id, item, quantity, placed) VALUES (?, 'tea', 1, "
                                 "'2026-01-01 00:00:00')", [(number,) for number in numbers])
        database.close()
        with syncproton.connect(self.url, timeout=LIMIT) as connection:
            sender = connection.create_sender(self.address)
            for number in numbers:
                sender.send(syncproton.Message(body={"order": number}, durable=True))

    def queued(self) -> List[int]:
        """The numbers of the orders in the queue, which is empty afterwards."""
        numbers = []
        with syncproton.connect(self.url, timeout=LIMIT) as connection:
            receiver = connection.create_receiver(self.address, credit=100)
            while True:
                try:
                    # Enough for what a broker takes back from a consumer that has just gone.
                    message = receiver.receive(2.0)
                except syncproton.Timeout:
                    return numbers
                numbers.append(message.body["order"])
                message.accept()


@pytest.fixture
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    broker: BrokerUnderTest = request.getfixturevalue(getattr(request, "param", "artemis"))
    return Shop(tmp_path, broker, broker.address(f"django-{uuid.uuid4().hex[:12]}"))


BROKERS = pytest.mark.parametrize("shop", ["artemis", "inmemory"], indirect=True)


class Browser:
    """A customer: keeps its cookie and its connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        self.cookie = ""

    def ask(self, method: str, path: str, fields: Any = None) -> Tuple[int, str, str]:
        """Status, text, and where one is sent on to."""
        headers: Dict[str, str] = {"Cookie": self.cookie} if self.cookie else {}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, fields and urlencode(fields), headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        cookie = answer.getheader("Set-Cookie")
        self.cookie = cookie.partition(";")[0] if cookie else self.cookie
        return answer.status, text, answer.getheader("Location") or ""

    def form(self) -> str:
        """Open the page with the form; the token in it."""
        status, text, _ = self.ask("GET", "/")
        assert status == 200
        found = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', text)
        assert found is not None
        return found[1]

    def order(self, token: str, item: str) -> int:
        """Order something; the number of the order."""
        status, text, location = self.ask(
            "POST", "/", {"csrfmiddlewaretoken": token, "item": item, "quantity": "2"})
        assert status == 302, text
        return int(location.strip("/").split("/")[-1])


@pytest.fixture
def served(shop: Shop, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    server = shop.server(request.param)
    server.start()
    try:
        yield server
    finally:
        server.stop()


SERVERS = pytest.mark.parametrize("served", ["runserver", "gunicorn", "gthread"], indirect=True)


@SERVERS
def test_each_of_500_orders_of_8_customers_is_answered_and_its_message_is_there_once(
    shop: Shop, served: ServerProcess
) -> None:
    answered: List[int] = []
    errors: List[BaseException] = []

    def customer(number: int) -> None:
        try:
            browser = Browser(shop.port)
            token = browser.form()
            for index in range(number, REQUESTS, CLIENTS):
                answered.append(browser.order(token, f"tea {index}"))
            browser.connection.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=customer, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * LIMIT)
    assert errors == [], served.output()
    assert len(answered) == len(set(answered)) == REQUESTS
    assert sorted(shop.queued()) == sorted(answered)
    served.stop()
    assert "Traceback" not in served.output()


def until_packed(shop: Shop, count: int) -> None:
    deadline = time.monotonic() + LIMIT
    while sum(packed is not None for _, packed in shop.orders()) < count:
        assert time.monotonic() < deadline, "not packed in time"
        time.sleep(0.02)


def consumer(shop: Shop, **env: str) -> ServerProcess:
    return ServerProcess([sys.executable, "manage.py", "amqp_consume"], "consuming from", shop.folder / "consumer",
                         env={**shop.env, **env}, cwd=APP)


@BROKERS
@pytest.mark.parametrize("served", ["runserver"], indirect=True)
def test_an_order_is_placed_packed_and_shown(shop: Shop, served: ServerProcess) -> None:
    browser = Browser(shop.port)
    number = browser.order(browser.form(), "Earl <Grey>")
    status, page, _ = browser.ask("GET", f"/orders/{number}/")
    assert status == 200 and "waiting" in page and "Earl &lt;Grey&gt;" in page
    packing = consumer(shop)
    packing.start()
    until_packed(shop, 1)
    packing.stop()
    assert ">packed<" in browser.ask("GET", f"/orders/{number}/")[1]
    assert ">packed<" in browser.ask("GET", "/")[1]
    assert browser.ask("GET", "/orders/999/")[0] == 404
    token = browser.form()
    status, page, _ = browser.ask("POST", "/", {"csrfmiddlewaretoken": token, "item": "", "quantity": "0"})
    assert status == 400 and "required" in page and "greater than or equal to 1" in page
    browser.connection.close()


@pytest.mark.parametrize("served", ["gunicorn"], indirect=True)
def test_the_pages_as_a_browser_shows_them(shop: Shop, served: ServerProcess, tmp_path: Path) -> None:
    with Chromium(tmp_path, width=900, height=700) as browser:
        browser.open(f"http://127.0.0.1:{shop.port}/")
        assert browser.evaluate("getComputedStyle(document.querySelector('button')).backgroundColor") == (
            "rgb(47, 111, 79)"), "the style sheet is there"
        assert "None yet" in browser.text()
        place(browser, "Lapsang Souchong", "3")
        assert browser.text(".state") == "waiting"
        browser.screenshot(tmp_path / "waiting.png")
        packing = consumer(shop)
        packing.start()
        # The page looks again by itself.
        browser.wait_for("document.querySelector('.state') && document.querySelector('.state').innerText == 'packed'")
        packing.stop()
        browser.screenshot(tmp_path / "packed.png")
        browser.click("main a")
        browser.wait_for("document.querySelector('table') != null")
        place(browser, "W" * 60, "999")
        browser.open(f"http://127.0.0.1:{shop.port}/")
        rows = browser.text("table")
        assert "Lapsang Souchong" in rows and "packed" in rows and "waiting" in rows
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it need not be scrolled"
        browser.screenshot(tmp_path / "orders.png")
        browser.open(f"http://127.0.0.1:{shop.port}/orders/999/")
        assert "There is nothing here" in browser.text()
    with Chromium(tmp_path, width=500, height=900) as telephone:
        telephone.open(f"http://127.0.0.1:{shop.port}/")
        assert telephone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert telephone.evaluate("document.querySelector('tr').clientHeight") < 50, "words of the head are not broken"
        telephone.screenshot(tmp_path / "narrow.png")
    pictures = sorted(picture.name for picture in tmp_path.glob("*.png") if picture.stat().st_size > 5000)
    assert pictures == ["narrow.png", "orders.png", "packed.png", "waiting.png"]


def place(browser: Chromium, item: str, quantity: str) -> None:
    """Fill in the form, and send it."""
    browser.fill("input[name=item]", item)
    browser.fill("input[name=quantity]", quantity)
    browser.click("button")
    browser.wait_for("location.pathname.startsWith('/orders/') && document.readyState == 'complete'")


@pytest.mark.parametrize("shop", ["inmemory"], indirect=True)
@pytest.mark.parametrize("served", ["gunicorn"], indirect=True)
def test_a_broker_that_is_away_is_said_in_words_and_may_come_back(
    shop: Shop, served: ServerProcess, inmemory: BrokerUnderTest
) -> None:
    browser = Browser(shop.port)
    token = browser.form()
    first = browser.order(token, "Earl Grey")
    inmemory.stop()
    try:
        status, page, _ = browser.ask("POST", "/", {"csrfmiddlewaretoken": token, "item": "Sencha", "quantity": "1"})
        assert status == 503 and "We cannot take orders right now" in page and 'value="Sencha"' in page
        assert [number for number, _ in shop.orders()] == [first]
    finally:
        inmemory.start()
    browser.order(token, "Sencha")
    assert len(shop.queued()) == 1  # the first one went with the broker's memory
    browser.connection.close()


@BROKERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_consumer_that_is_told_to_stop_finishes_what_is_in_hand_and_gives_back_the_rest(
    shop: Shop, number: signal.Signals
) -> None:
    shop.send(*range(1, 21))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "amqp_consume"], cwd=APP, env={**os.environ, **shop.env, "PACKING_TIME": "0.5"},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
    reaper.watch(process.pid)
    try:
        assert process.stderr is not None
        said = ""
        while "packing order 3" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(number)
        said += process.communicate(timeout=LIMIT)[1]
        assert process.returncode == 0, said
    finally:
        process.kill()
        process.wait()
        reaper.unwatch(process.pid)
    assert "packed order 3" in said and "Traceback" not in said
    packed = [order for order, when in shop.orders() if when is not None]
    assert 3 in packed and len(packed) < 10
    assert sorted(packed + shop.queued()) == list(range(1, 21))


@BROKERS
def test_what_a_killed_consumer_had_in_hand_comes_again(shop: Shop) -> None:
    shop.send(1, 2, 3)
    killed = consumer(shop, PACKING_TIME="60")
    killed._ready = re.compile("packing order")
    killed.start()
    killed.kill()
    assert [when for _, when in shop.orders()] == [None, None, None]
    again = consumer(shop)
    again.start()
    until_packed(shop, 3)
    again.stop()
    assert shop.queued() == []
