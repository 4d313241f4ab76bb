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
        from syncproton.reactor import ApplicationEvent, Container, EventInjector, lifetime
        warnings.simplefilter("ignore")
        lifetime.FORK_PATIENCE = 0.1  # the I/O thread may want the lock that is held below
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


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

START = """
    import os, sys, threading, time, warnings
    from syncproton.errors import ProtonException
    from syncproton.handlers import MessagingHandler
    from syncproton.reactor import Container, lifetime
    warnings.simplefilter("ignore")

    container = Container()
    container.start_background()

    def status(child):
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


@needs_fork
def test_connections_end_with_the_parent_though_its_children_live_on(listener: socket.socket) -> None:
    body = CONNECT + """
    import os, warnings
    warnings.simplefilter("ignore")
    # The peer has taken it in; the acceptor, the injector and the loop have descriptors, too.
    sys.stdin.readline()
    container.listen("127.0.0.1:0")
    inherited = set(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None
    if not os.fork():
        if inherited is not None:
            left = set(os.listdir("/proc/self/fd"))
            assert left <= {"0", "1", "2", "3"}, left
        print("child", flush=True)
        sys.stdin.readline()
        os._exit(0)
    sys.stdin.readline()
    os._exit(0)
    """
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body), str(listener.getsockname()[1])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, "PYTHONPATH": str(ROOT)})
    with program, listener.accept()[0] as peer:
        peer.settimeout(10)
        assert program.stdin is not None and program.stdout is not None
        assert peer.recv(4096)
        print(file=program.stdin)
        assert program.stdout.readline() == "child\n"
        program.kill()
        program.wait()
        while peer.recv(4096):
            pass  # this ends: the child has no part in the connection
        print(file=program.stdin)


@needs_fork
def test_a_fork_waits_until_the_io_thread_has_done_what_it_is_at() -> None:
    result = run_program(
        START + """
    half, whole = threading.Event(), []

    def work():
        half.set()
        time.sleep(0.2)
        whole.append(1)

    done = container.submit(work)
    half.wait()
    child = os.fork()
    if not child:
        os._exit(7 if whole else 8)
    print(status(child))
    done.result(5)
    print(container.submit(lambda: "goes on").result(5))
    """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["7", "goes on"]


@needs_fork
def test_a_fork_does_not_wait_for_ever_for_a_handler_that_waits_for_it() -> None:
    result = run_program(
        START + """
    lifetime.FORK_PATIENCE = 0.1
    began, forked = threading.Event(), threading.Event()

    def work():
        began.set()
        return forked.wait(10)

    done = container.submit(work)
    began.wait()
    child = os.fork()
    if not child:
        # What the I/O thread was at will not come to an end here.
        try:
            done.result()
        except ProtonException:
            os._exit(7)
        os._exit(8)
    forked.set()
    print(status(child), done.result(5))
    """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["7 True"]


@needs_fork
def test_threads_may_fork_at_the_same_time() -> None:
    result = run_program(
        START + """
    statuses = []

    def fork():
        for _ in range(5):
            child = os.fork()
            if not child:
                os._exit(7)
            statuses.append(status(child))

    threads = [threading.Thread(target=fork) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        container.submit(lambda: None).result(5)
    print(statuses == [7] * 20, container.submit(lambda: "goes on").result(5))
    """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["True goes on"]


@needs_fork
@pytest.mark.parametrize("then", ["return", "os._exit(0)"])
def test_a_handler_may_fork(then: str) -> None:
    # In the child the I/O thread is the only one: once the handler returns there is nothing left to do.
    result = run_program(
        START + f"""
    ran = []

    def work():
        child = os.fork()
        if not child:
            fresh = Container()
            fresh.start_background()
            assert fresh.submit(lambda: 5).result(5) == 5
            fresh.close()
            {then}
        return status(child)

    done, after = container.submit(work), container.submit(lambda: ran.append(os.getpid()))
    print(done.result(10))
    after.result(5)
    print(ran == [os.getpid()])
    """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["0", "True"]


@needs_fork
def test_a_container_of_the_parent_can_be_run_anew_in_the_child() -> None:
    result = run_program(
        START + """
    child = os.fork()
    if not child:
        container.start_background()
        container.submit(lambda: None).result(5)
        container.close()
        os._exit(7)
    print(status(child), container.submit(lambda: "goes on").result(5))
    """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["7 goes on"]


@needs_fork
def test_a_container_that_is_stepped_between_forks() -> None:
    result = run_program(
        START + """
    import socket
    stepped = Container(io_thread=False)
    acceptor = stepped.acceptor("127.0.0.1", 0)
    stepped.start()
    stepped.timeout = 0.01
    begin = time.monotonic()
    for _ in range(3):
        stepped.process()
        child = os.fork()
        if not child:
            os._exit(7 if not stepped.process() else 8)
        print(status(child))
    peer = socket.create_connection(("127.0.0.1", acceptor.port))
    while not stepped._channels:
        stepped.process()
    print(time.monotonic() - begin < 0.9)  # nothing waited for what does not run
    """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["7", "7", "7", "True"]


@needs_fork
def test_io_threads_stand_still_while_the_process_forks() -> None:
    result = run_program(
        """
        import os, time, warnings
        warnings.simplefilter("ignore")
        early = []

        def meanwhile():
            done = container.submit(lambda: "done")
            time.sleep(0.1)
            early.append(done.done())
            calls.append(done)

        # What was registered before the library was imported is called after it has stopped its threads.
        os.register_at_fork(before=meanwhile)
        from syncproton.reactor import Container
        container, calls = Container(), []
        container.start_background()
        container.submit(lambda: None).result(5)
        if not os.fork():
            os._exit(0)
        os.wait()
        print(early, calls[0].result(5))
        """)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["[False] done"]
