"""How containers run and end: threads, stepping, exceptions, stopping."""

from __future__ import annotations

import contextvars
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import traceback
from pathlib import Path
from time import monotonic
from typing import Any, Callable, List, Optional

import pytest

from syncproton.errors import ProtonException, WrongThread
from syncproton.handlers import MessagingHandler
from syncproton.reactor import ApplicationEvent, Container, runner
from syncproton.reactor.io_thread import IoThread

Run = Callable[[Container], None]
ROOT = Path(__file__).parents[3]


class Starter(MessagingHandler):
    """Calls a function in on_start."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def on_start(self, event: Any) -> None:
        self.function(event)


def test_ends_by_itself_when_there_is_nothing_to_do(run: Run) -> None:
    seen: List[str] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            assert event.container is event.reactor is container
            seen.append("start")

        def on_reactor_final(self, event: Any) -> None:
            seen.append("final")

    container = Container(Program())
    run(container)
    assert seen == ["start", "final"]


def test_can_run_again(run: Run) -> None:
    threads: List[int] = []
    container = Container(Starter(lambda event: threads.append(threading.get_ident())))
    run(container)
    run(container)
    assert len(threads) == 2


def test_callbacks_are_on_a_thread_of_their_own(run: Run) -> None:
    threads: List[threading.Thread] = []
    run(Container(Starter(lambda event: threads.append(threading.current_thread()))))
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon and "syncproton" in threads[0].name


def test_callbacks_are_on_the_callers_thread_if_asked_for(run: Run) -> None:
    threads: List[threading.Thread] = []
    run(Container(Starter(lambda event: threads.append(threading.current_thread())), io_thread=False))
    assert threads == [threading.current_thread()]


def test_context_variables_are_copied(run: Run) -> None:
    variable: "contextvars.ContextVar[str]" = contextvars.ContextVar("variable", default="unset")
    seen: List[str] = []

    def look(event: Any) -> None:
        seen.append(variable.get())
        variable.set("changed")

    variable.set("set")
    run(Container(Starter(look)))
    assert seen == ["set"] and variable.get() == "set"


class OddError(Exception):
    pass


@pytest.mark.parametrize("io_thread", [True, False])
def test_exceptions_come_out_of_run(run: Run, io_thread: bool) -> None:
    error = OddError("odd")
    acceptors: List[Any] = []

    def fail(event: Any) -> None:
        acceptors.append(event.container.listen("127.0.0.1:0"))
        raise error

    container = Container(Starter(fail), io_thread=io_thread)
    with pytest.raises(OddError) as caught:
        run(container)
    assert caught.value is error
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert acceptors[0].closed


def test_system_exit_comes_out_too(run: Run) -> None:
    with pytest.raises(SystemExit):
        run(Container(Starter(lambda event: sys.exit(3))))


def test_errors_can_be_caught_by_the_one_who_adds_a_handler(run: Run) -> None:
    caught: List[Any] = []

    class Failing:
        def on_reactor_init(self, event: Any) -> None:
            raise OddError("odd")

    container = Container()
    container.handler.add(Failing(), on_error=caught.append)
    run(container)
    assert caught[0][0] is OddError


def test_errors_handed_back_to_the_container_come_out_of_run(run: Run) -> None:
    class Failing:
        def on_reactor_init(self, event: Any) -> None:
            raise OddError("odd")

    container = Container()
    container.handler.add(Failing(), on_error=container.on_error)
    with pytest.raises(OddError):
        run(container)


def test_stop_from_a_handler(run: Run) -> None:
    def start(event: Any) -> None:
        event.container.schedule(1000, None)
        event.container.stop()

    run(Container(Starter(start)))


def test_stop_from_another_thread(run: Run) -> None:
    started = threading.Event()

    def start(event: Any) -> None:
        event.container.listen("127.0.0.1:0")
        started.set()

    container = Container(Starter(start))

    def stop() -> None:
        assert started.wait(10)
        container.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    run(container)
    thread.join()


def test_stop_amid_events_that_make_events(run: Run) -> None:
    class Endless(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.push_event(ApplicationEvent("again"))
            event.container.schedule(0.01, self)

        def on_again(self, event: Any) -> None:
            event.container.push_event(ApplicationEvent("again"))

        def on_timer_task(self, event: Any) -> None:
            event.container.stop()

    run(Container(Endless()))


def test_what_was_sent_before_stop_goes_out(run: Run, listener: socket.socket) -> None:
    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect("127.0.0.1:%d" % listener.getsockname()[1], sasl_enabled=False)

        def on_connection_bound(self, event: Any) -> None:
            event.container.schedule(0.05, self)

        def on_timer_task(self, event: Any) -> None:
            event.container.stop()

    run(Container(Program()))
    peer, _ = listener.accept()
    with peer:
        assert peer.recv(4) == b"AMQP"


def test_stepping() -> None:
    seen: List[str] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            seen.append("start")
            event.container.schedule(0.01, self)

        def on_timer_task(self, event: Any) -> None:
            assert threading.current_thread() is threading.main_thread()
            seen.append("timer")

        def on_reactor_final(self, event: Any) -> None:
            seen.append("final")

    container = Container(Program())
    container.timeout = 1
    container.start()
    while container.process():
        pass
    container.stop()
    assert not container.process()
    assert seen == ["start", "timer", "final"]


def test_stepping_delivers_what_a_wait_brought() -> None:
    class Program(MessagingHandler):
        fired = False

        def on_timer_task(self, event: Any) -> None:
            self.fired = True

    program = Program()
    container = Container(program)
    container.start()
    container.do_work()
    container.schedule(0.01, program)
    steps = 0
    while not program.fired:
        assert container.do_work(5)
        steps += 1
        assert steps < 5
    container.close()


@pytest.mark.parametrize("timeout, error", [
    (-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), (10 ** 400, ValueError),
    ("1", TypeError), (True, TypeError), ([1], TypeError),
])
def test_timeouts_that_cannot_be(timeout: Any, error: type) -> None:
    seen: List[str] = []
    container = Container(Starter(lambda event: seen.append("start")))
    container.start()
    with pytest.raises(error, match="timeout"):
        container.do_work(timeout)
    with pytest.raises(error, match="timeout"):
        container.timeout = timeout
    assert seen == [] and container.timeout == 0
    assert container.do_work(1e300) and seen == ["start"]
    container.close()


def test_work_is_waited_for_as_long_as_the_timeout_says() -> None:
    container = Container()
    container.start()
    container.schedule(1000, None)
    assert container.do_work()  # REACTOR_INIT is dispatched
    start = monotonic()
    assert container.do_work(0.1)
    assert 0.09 < monotonic() - start < 5
    # It stays: the next step waits as long.
    start = monotonic()
    assert container.do_work() and container.timeout == 0.1
    assert 0.09 < monotonic() - start < 5
    start = monotonic()
    assert container.do_work(0)
    assert monotonic() - start < 0.09
    container.close()
    assert not container.do_work(1000)


def test_a_step_ends_early_when_there_is_work_from_another_thread() -> None:
    container = Container()
    container.start()
    container.schedule(1000, None)
    container.do_work()
    waker = threading.Timer(0.02, container.wakeup)
    waker.start()
    start = monotonic()
    assert container.do_work(30)
    assert monotonic() - start < 10
    waker.join()
    container.close()


def test_stepping_talks_to_a_peer(background: Callable[..., Container]) -> None:
    class Client(MessagingHandler):
        log: List[str] = []

        def on_connection_opened(self, event: Any) -> None:
            self.log.append("opened")
            event.connection.close()

        def on_connection_closed(self, event: Any) -> None:
            self.log.append("closed")

    port = background(MessagingHandler()).listen("127.0.0.1:0").port
    client = Client()
    container = Container(client)
    container.start()
    container.connect(f"127.0.0.1:{port}")
    while container.do_work(5):
        pass
    assert client.log == ["opened", "closed"]


def test_exceptions_come_out_of_process_and_leave_it_usable() -> None:
    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.schedule(0, self)
            raise OddError

        def on_timer_task(self, event: Any) -> None:
            seen.append(1)

    seen: List[int] = []
    container = Container(Program())
    container.start()
    with pytest.raises(OddError):
        container.process()
    while container.process():
        pass
    assert seen == [1]


def test_running_twice_at_once_is_refused(background: Callable[..., Container]) -> None:
    container = background()
    for again in (container.run, container.start, container.start_background, container.process):
        with pytest.raises(ProtonException, match="running"):
            again()


def test_running_from_a_handler_is_refused(run: Run) -> None:
    with pytest.raises(ProtonException, match="running"):
        run(Container(Starter(lambda event: event.container.run())))


def test_submit(background: Callable[..., Container]) -> None:
    container = background()
    assert not container.on_io_thread
    assert container.submit(lambda: container.on_io_thread).result(10)
    assert container.submit(int, "11", base=2).result(10) == 3
    with pytest.raises(ZeroDivisionError):
        container.submit(lambda: 1 // 0).result(10)
    # On the I/O thread itself it runs at once: waiting for it there would be for ever.
    assert container.submit(lambda: container.submit(lambda: "inner").result(0)).result(10) == "inner"


def test_submitted_before_the_start_runs_after_it(background: Callable[..., Container]) -> None:
    container = Container()
    future = container.submit(lambda: container.on_io_thread)
    container.start_background()
    assert future.result(10)
    container.close()


def test_submit_after_the_end_fails(background: Callable[..., Container]) -> None:
    container = background()
    container.close()
    with pytest.raises(ProtonException, match="ended"):
        container.submit(lambda: 1).result(10)


def test_exception_in_the_background_is_logged_once_and_fails_all_who_wait(
    background: Callable[..., Container], caplog: pytest.LogCaptureFixture
) -> None:
    class Program(MessagingHandler):
        def on_timer_task(self, event: Any) -> None:
            error.append(OddError("odd"))
            raise error[0]

    error: List[OddError] = []
    ended: List[Optional[BaseException]] = []
    program = Program()
    container = background(program)
    container.when_ended(ended.append)
    gate = threading.Event()

    def fail_soon() -> None:
        container.schedule(0, program)
        # Keeps the loop here until the other call is queued behind it.
        assert gate.wait(10)

    with caplog.at_level(logging.ERROR, "syncproton.reactor"):
        container.submit(fail_soon)
        # The first one queued runs; those put once the loop is past it wait, and fail.
        gate.set()
        assert container.wait_ended(10)
        with pytest.raises(ProtonException) as caught:
            container.submit(lambda: None).result(10)
    assert caught.value.__cause__ is error[0]
    assert ended == error
    assert [record.name for record in caplog.records] == ["syncproton.reactor"]
    assert "odd" in caplog.text


def test_methods_are_carried_to_the_io_thread(background: Callable[..., Container]) -> None:
    threads: List[bool] = []

    class Program(MessagingHandler):
        def on_connection_opened(self, event: Any) -> None:
            threads.append(event.container.on_io_thread)
            opened.set()

    opened = threading.Event()
    container = background(Program())
    acceptor = container.listen("127.0.0.1:0")
    connection = container.connect(f"127.0.0.1:{acceptor.port}")
    sender = container.create_sender(connection, "x")
    assert sender.target.address == "x"
    assert opened.wait(10) and threads[0]
    with pytest.raises(WrongThread):
        connection.close()
    with pytest.raises(WrongThread):
        sender.delivery("1")
    container.submit(connection.close).result(10)


def test_errors_of_carried_methods_are_raised_in_the_caller(background: Callable[..., Container]) -> None:
    with pytest.raises(TypeError, match="not a link option"):
        background().create_sender("127.0.0.1:1", "x", options="nonsense")


def test_background_container_waits_for_work(background: Callable[..., Container]) -> None:
    container = background()
    assert container.submit(lambda: 1).result(10) == 1
    assert container.in_background and not container.wait_ended(0.05)
    container.stop()
    assert container.wait_ended(10) and not container.in_background


def test_close_takes_leave_of_the_peers(background: Callable[..., Container]) -> None:
    closed = threading.Event()
    opened = threading.Event()

    class Server(MessagingHandler):
        def on_connection_closing(self, event: Any) -> None:
            closed.set()

    class Client(MessagingHandler):
        def on_connection_opened(self, event: Any) -> None:
            opened.set()

    acceptor = background(Server()).listen("127.0.0.1:0")
    client = background(Client())
    client.connect(f"127.0.0.1:{acceptor.port}")
    assert opened.wait(10)
    client.close()
    assert closed.wait(10)
    assert not client.in_background
    client.close()


def test_close_does_not_wait_long_for_a_silent_peer(
    background: Callable[..., Container], listener: socket.socket
) -> None:
    container = background()
    container.connect("127.0.0.1:%d" % listener.getsockname()[1])
    peer, _ = listener.accept()
    with peer:
        container.close(0.05)
        assert container.wait_ended(0)
        while peer.recv(4096):
            pass


def test_close_from_a_handler(run: Run) -> None:
    def start(event: Any) -> None:
        event.container.listen("127.0.0.1:0")
        event.container.close()

    run(Container(Starter(start)))


def program(body: str) -> List[str]:
    return [sys.executable, "-c", textwrap.dedent(body)]


def start_program(body: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        program(body), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


LISTENING = """
    import sys, threading
    from syncproton.handlers import MessagingHandler
    from syncproton.reactor import Container

    class Program(MessagingHandler):
        def on_start(self, event):
            self.acceptor = event.container.listen("127.0.0.1:0")
            print(self.acceptor.port, flush=True)

    container = Container(Program(), io_thread={io_thread})
    try:
        container.run()
    except KeyboardInterrupt:
        print("interrupted", container._acceptors, threading.active_count(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send on Windows")
@pytest.mark.parametrize("io_thread", [True, False])
def test_ctrl_c(io_thread: bool) -> None:
    with start_program(LISTENING.format(io_thread=io_thread)) as process:
        assert process.stdout is not None and process.stderr is not None
        port = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    assert output.split() == ["interrupted", "set()", "1"]
    assert errors == "" and process.returncode == 0
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0


STUCK = """
    import threading
    from syncproton.handlers import MessagingHandler
    from syncproton.reactor import Container

    class Program(MessagingHandler):
        def on_start(self, event):
            print("stuck", flush=True)
            threading.Event().wait()

    container = Container(Program())
    stop = container.stop
    container.stop = lambda: (stop(), print("stopping", flush=True))
    try:
        container.run()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send on Windows")
def test_ctrl_c_twice_leaves_a_handler_that_never_returns() -> None:
    with start_program(STUCK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    assert (output, errors, process.returncode) == ("interrupted\n", "", 0)


@pytest.mark.parametrize("started", [True, False])
def test_ctrl_c_while_the_thread_is_being_started(started: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    start = IoThread.start
    log: List[str] = []

    class Program(MessagingHandler):
        again = False

        def on_start(self, event: Any) -> None:
            event.container.schedule(0 if self.again else 60, self)

        def on_reactor_final(self, event: Any) -> None:
            log.append("ended")

    def interrupted(thread: IoThread) -> None:
        if started:
            start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "STARTING", 10.0 if started else 0.01)
    monkeypatch.setattr(IoThread, "start", interrupted)
    program = Program()
    container = Container(program)
    with pytest.raises(KeyboardInterrupt):
        container.run()
    assert log == (["ended"] if started else [])
    # It can be run again.
    monkeypatch.setattr(IoThread, "start", start)
    program.again = True
    container.run()
    assert log[-1] == "ended"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send on Windows")
def test_stop_from_a_signal_handler() -> None:
    body = LISTENING.format(io_thread=True).replace(
        "    try:", "    import signal\n    signal.signal(signal.SIGTERM, lambda *_: container.stop())\n    try:"
    )
    with start_program(body) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert errors == "" and process.returncode == 0
