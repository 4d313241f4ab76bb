"""The end of the program, and forks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from time import monotonic
from typing import Any, Callable

import pytest

from syncproton.errors import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

ROOT = Path(__file__).parents[3]


def run_program(body: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body), *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        env=environment,
    )


CONNECT = """
    import sys, threading
    from syncproton.handlers import MessagingHandler
    from syncproton.reactor import Container

    opened = threading.Event()

    class Program(MessagingHandler):
        def on_connection_opened(self, event):
            opened.set()

    container = Container(Program())
    container.start_background()
    container.connect(f"127.0.0.1:{sys.argv[1]}")
"""


def test_exit_takes_leave_of_the_peers(background: Callable[..., Container]) -> None:
    log = []

    class Server(MessagingHandler):
        def on_connection_closing(self, event: Any) -> None:
            log.append("closing")

        def on_disconnected(self, event: Any) -> None:
            log.append("lost")

    server = background(Server())
    acceptor = server.listen("127.0.0.1:0")
    result = run_program(CONNECT + "    assert opened.wait(10)\n", str(acceptor.port))
    assert (result.returncode, result.stderr) == (0, "")
    server.submit(lambda: None).result(10)
    assert log == ["closing"]


def test_exit_is_not_held_up_by_a_silent_peer(listener: socket.socket) -> None:
    start = monotonic()
    result = run_program(CONNECT, str(listener.getsockname()[1]))
    assert (result.returncode, result.stderr) == (0, "")
    assert monotonic() - start < 5


def test_exit_with_an_unstarted_container() -> None:
    result = run_program(
        """
        from syncproton.reactor import Container
        container = Container()
        container.connect("127.0.0.1:1")
        """
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_child_of_a_fork_says_nothing_on_the_parents_connections(background: Callable[..., Container]) -> None:
    lost = []

    class Server(MessagingHandler):
        def on_disconnected(self, event: Any) -> None:
            lost.append(event)

        def on_connection_closing(self, event: Any) -> None:
            lost.append(event)

    server = background(Server())
    acceptor = server.listen("127.0.0.1:0")
    body = (
        CONNECT
        + """
    import os, sys, warnings
    from syncproton.errors import ProtonException
    warnings.simplefilter("ignore")
    assert opened.wait(10)
    child = os.fork()
    if not child:
        try:
            container.submit(lambda: None).result(5)
        except ProtonException as error:
            assert "parent" in str(error), error
        else:
            os._exit(3)
        fresh = Container()
        fresh.start_background()
        assert fresh.submit(lambda: 5).result(5) == 5
        fresh.close()
        sys.exit(7)
    _, status = os.waitpid(child, 0)
    assert os.WEXITSTATUS(status) == 7, status
    # The parent's connection is as alive as before.
    assert container.submit(lambda: container.on_io_thread).result(5)
    print("alive")
    container.submit(lambda: len(container._channels)).add_done_callback(lambda f: print(f.result()))
    container.stop()
    container.wait_ended(5)
    os._exit(0)
"""
    )
    result = run_program(body, str(acceptor.port))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == ["alive", "1"]


def test_abandoned_container_refuses_work() -> None:
    container = Container()
    container.listen("127.0.0.1:0")
    container.abandon()
    with pytest.raises(ProtonException, match="parent"):
        container.submit(lambda: None).result(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_injector_is_closed_in_the_child_of_a_fork_and_works_on_in_the_parent() -> None:
    result = run_program(
        """
        import os, threading, warnings
        from syncproton.errors import ProtonException
        from syncproton.reactor import ApplicationEvent, Container, EventInjector
        warnings.simplefilter("ignore")
        heard = threading.Event()

        class Program:
            def on_poke(self, event):
                heard.set()

        container, injector = Container(Program()), EventInjector()
        container.start_background()
        container.selectable(injector)
        held, done = threading.Event(), threading.Event()

        def hold():
            with injector._lock:
                held.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if not child:
            try:
                injector.trigger(ApplicationEvent("poke"))
            except ProtonException as error:
                os._exit(7 if "closed" in str(error) else 8)
            os._exit(9)
        done.set()
        thread.join()
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        injector.trigger(ApplicationEvent("poke"))
        print(heard.wait(10))
        container.close()
        """
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == ["7", "True"]
