"""Other threads at work on a container that is stepped: each has it to itself in turn."""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable, Iterator, List

import pytest

from syncproton.broker import Broker
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, LinkOption

LIMIT = 10


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker("amqp://127.0.0.1:0") as running:
        yield running


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns far more often than they do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def begin(function: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


class Opened(MessagingHandler):
    def __init__(self) -> None:
        super().__init__()
        self.links: List[str] = []

    def on_link_opened(self, event: Any) -> None:
        self.links.append(event.link.name)


def test_a_step_waits_for_what_another_thread_does_between_steps() -> None:
    container = Container()
    connection = container.connect("amqp://h")
    doing, done, stepped = threading.Event(), threading.Event(), threading.Event()

    class Slow(LinkOption):
        def apply(self, link: Any) -> None:
            doing.set()
            assert done.wait(LIMIT)

    container.start()
    made = begin(lambda: container.create_sender(connection, "q", options=Slow()))
    assert doing.wait(LIMIT)
    stepping = begin(lambda: (container.do_work(0), stepped.set()))
    assert not stepped.wait(0.1)
    done.set()
    assert stepped.wait(LIMIT)
    stepping.join(LIMIT)
    made.join(LIMIT)
    assert [link.name for link in connection.links()] == [f"{container.container_id}-q"]
    container.close()


def test_threads_make_links_while_the_container_is_stepped(broker: Broker, often: None) -> None:
    opened = Opened()
    container = Container(opened)
    container.start()
    connection = container.connect(broker.url, reconnect=False)
    names = [[f"{thread}-{number}" for number in range(100)] for thread in range(3)]
    failures: List[BaseException] = []

    def make(mine: List[str]) -> None:
        try:
            for name in mine:
                container.create_sender(connection, "q", name=name)
        except BaseException as error:
            failures.append(error)

    threads = [begin(lambda mine=mine: make(mine)) for mine in names]  # type: ignore[misc]
    while len(opened.links) < 300 and not failures:
        assert container.do_work(0)
    assert not failures
    for thread in threads:
        thread.join(LIMIT)
    assert sorted(opened.links) == sorted(name for mine in names for name in mine)
    connection.close()
    while container.do_work(1):
        pass
