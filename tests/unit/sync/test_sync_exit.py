"""The end of a program that has blocking connections open: at once, in silence, and with nothing lost."""

from __future__ import annotations

import textwrap
from time import monotonic
from typing import Any, Callable, List

import pytest

import syncproton
from syncproton.broker import Broker

#: How long the end of a program may take, in seconds: a moment, on a machine that has time for it.
AT_ONCE = 5

#: How a thread of a program waits for the end of the main thread.  On PyPy it may not join it: the main thread fails if
#: it is joined just as it ends.  What is registered there is called right before it ends.
WAIT_FOR_MAIN = """
import sys, threading

if sys.implementation.name == "pypy":
    main_ends = threading.Event()
    threading._register_atexit(main_ends.set)
    wait_for_main = main_ends.wait
else:
    wait_for_main = threading.main_thread().join
"""

CONNECT = WAIT_FOR_MAIN + """
import atexit, time
import syncproton
from syncproton.sync import submit_connect
from syncproton.reactor import AtMostOnce

# By then nothing has been closed yet: what is registered last is called first.
atexit.register(lambda: print("the end began at", time.monotonic(), flush=True))

def start(work, daemon):
    thread = threading.Thread(target=work, daemon=daemon)
    thread.start()
    return thread

"""


def run(launch: Callable[..., Any], body: str, url: str, status: int = 0, connects: bool = True) -> List[str]:
    """Run a program that leaves its connections open; check that it ends quickly.  What it printed."""
    connect = "connection = syncproton.connect(sys.argv[1])\n" if connects else ""
    program = launch("-c", CONNECT + connect + textwrap.dedent(body), url)
    printed: List[str] = program.finish(status)
    ended = monotonic()
    last, = (line for line in printed if line.startswith("the end began at "))
    printed.remove(last)
    # The clock is that of the machine, the same for all processes.
    assert ended - float(last.rpartition(" ")[2]) < AT_ONCE
    if status == 0:
        assert program.errors == ""
    else:
        printed += program.errors.splitlines()
    return printed


def test_an_open_connection_with_links_is_closed(peer: Any, launch: Callable[..., Any]) -> None:
    closed: List[Any] = []
    peer.on_connection_closing = lambda event: closed.append("closing")
    peer.on_disconnected = lambda event: closed.append("lost")
    run(launch, """
        sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
        sender.send("hello")
    """, peer.url)
    peer.do(lambda: None)
    assert closed == ["closing"]


@pytest.mark.parametrize("work", [
    "for message in receiver: message.accept()",
    "receiver.receive(None)",
    "receiver.receive(60)",
    "connection.create_sender('full').send('there is no credit for it', timeout=None)",
    "while True: sender.send('x')",
    "while True: sender.send('x') and receiver.receive().accept()",
    "while True: connection.create_sender('y').close()",
])
def test_daemon_threads_at_work_are_cut_off_in_silence(broker: Broker, launch: Callable[..., Any], work: str) -> None:
    run(launch, f"""
        sender, receiver = connection.create_sender("q"), connection.create_receiver("q")
        begun = threading.Event()

        def work():
            begun.set()
            {work}

        start(work, daemon=True)
        begun.wait()
        sender.send("more")
    """, broker.url)


def test_a_thread_that_is_no_daemon_works_on_until_it_is_done(broker: Broker, launch: Callable[..., Any]) -> None:
    printed = run(launch, """
        receiver = connection.create_receiver("q")

        def work():
            wait_for_main()
            sender = connection.create_sender("q")
            for number in range(5):
                sender.send(number)
            for message in receiver:
                message.accept()
                print(message.body)
                if message.body == 4:
                    receiver.close()
            print("done")

        start(work, daemon=False)
    """, broker.url)
    assert printed == ["0", "1", "2", "3", "4", "done"]


def test_a_thread_that_iterates_ends_with_the_connection_that_main_closes(
    broker: Broker, launch: Callable[..., Any]
) -> None:
    printed = run(launch, """
        receiver = connection.create_receiver("q")

        def work():
            for message in receiver:
                pass
            print("done")

        thread = start(work, daemon=False)
        receiver.close()
    """, broker.url)
    assert printed == ["done"]


def test_an_exception_is_told_and_nothing_else(broker: Broker, launch: Callable[..., Any]) -> None:
    printed = run(launch, """
        receiver = connection.create_receiver("q")
        start(lambda: list(receiver), daemon=True)
        raise ValueError("mine")
    """, broker.url, status=1)
    assert printed[0].startswith("Traceback") and printed[-1] == "ValueError: mine" and len(printed) <= 4


@pytest.mark.parametrize("reconnect", [False, True])
def test_what_is_just_being_made_does_not_hold_it_up(
    refused_url: str, launch: Callable[..., Any], reconnect: bool
) -> None:
    printed = run(launch, f"""
        futures = [submit_connect(sys.argv[1], reconnect={reconnect}) for _ in range(3)]
        atexit.unregister(syncproton.reactor.lifetime._at_exit)

        def at_exit():
            begun = time.monotonic()
            syncproton.reactor.lifetime._at_exit()
            print(time.monotonic() - begun < syncproton.reactor.lifetime.EXIT_GRACE / 2)

        atexit.register(at_exit)
    """, refused_url, connects=False)
    assert printed == ["True"]


def test_a_peer_that_answers_nothing_holds_it_up_for_a_moment_only(peer: Any, launch: Callable[..., Any]) -> None:
    peer.handlers = []  # it opens its side, and does no more
    assert run(launch, "", peer.url) == []
    peer.do(lambda: None)
    assert peer.connections.qsize() == 1


def test_a_status_is_kept(broker: Broker, launch: Callable[..., Any]) -> None:
    assert run(launch, "sys.exit(3)", broker.url, status=3) == []


def test_functions_for_the_exit_may_use_the_connection_and_wait_for_threads(
    broker: Broker, launch: Callable[..., Any]
) -> None:
    printed = run(launch, """
        receiver = connection.create_receiver("q")
        thread = start(lambda: print([message.body for message in receiver]), daemon=True)

        def bye():
            connection.create_sender("last words").send("bye")
            receiver.close()
            thread.join()

        atexit.register(bye)
    """, broker.url)
    assert printed == ["[]"]
    assert syncproton.receive(broker.url + "/last words", timeout=10).body == "bye"


def test_functions_for_the_exit_that_come_after_the_close_are_not_held_up_for_long(
    broker: Broker, launch: Callable[..., Any]
) -> None:
    printed = run(launch, """
        # What is registered before the library is imported is called after it has closed the connections.
        from syncproton.reactor import lifetime
        atexit.unregister(lifetime._at_exit)
        lifetime.EXIT_HUSH = 0.2
        atexit.register(lambda: thread.join())
        atexit.register(lifetime._at_exit)
        receiver = connection.create_receiver("q")
        thread = start(lambda: print([message.body for message in receiver]), daemon=True)
    """, broker.url)
    assert printed == ["[]"]


def test_no_message_that_was_sent_is_lost(broker: Broker, launch: Callable[..., Any]) -> None:
    run(launch, """
        accepted, settled = connection.create_sender("q"), connection.create_sender("q", options=AtMostOnce())
        for number in range(200):
            accepted.send(number)
            settled.send(1000 + number)
    """, broker.url)
    with syncproton.connect(broker.url) as connection:
        receiver = connection.create_receiver("q", credit=1000)
        got = [receiver.receive(10).body for _ in range(400)]
    assert sorted(got) == [*range(200), *range(1000, 1200)]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_multiprocessing_close_their_own_connections(
    peer: Any, launch: Callable[..., Any], tmp_path: Any, method: str
) -> None:
    closed: List[Any] = []
    peer.on_connection_closing = lambda event: closed.append("closing")
    peer.on_disconnected = lambda event: closed.append("lost")
    program = tmp_path / "program.py"
    program.write_text(WAIT_FOR_MAIN + textwrap.dedent("""
        import multiprocessing, warnings
        from concurrent.futures import ThreadPoolExecutor
        import syncproton

        def work(url, more):
            global connection
            connection = syncproton.connect(url)
            sender = connection.create_sender("q")
            if more:
                # A thread of the child that works on after its function has returned.
                threading.Thread(target=lambda: (wait_for_main(), sender.send("late"))).start()
                ThreadPoolExecutor(1).submit(sender.send, "pooled")
            else:
                sender.send("soon")

        if __name__ == "__main__":
            warnings.simplefilter("ignore")
            context = multiprocessing.get_context(sys.argv[2])
            for more in (False, True):
                child = context.Process(target=work, args=(sys.argv[1], more))
                child.start()
                child.join()
                assert child.exitcode == 0, child.exitcode
    """))
    finished = launch(str(program), peer.url, method)
    finished.finish()
    assert finished.errors == ""
    peer.do(lambda: None)
    assert closed == ["closing", "closing"]
    assert sorted(peer.transfers.get(timeout=5).body for _ in range(3)) == ["late", "pooled", "soon"]
