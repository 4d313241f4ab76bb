"""A pool that was made before the process forks, and one that is open when the program ends."""

from __future__ import annotations

import os
import textwrap
from time import monotonic
from typing import Any, Callable, List

import pytest

import syncproton
from syncproton.broker import Broker

TIMEOUT = 20.0

PRELUDE = """
import multiprocessing, os, sys, threading, warnings
import syncproton
from syncproton import ConnectionPool

def in_child(work):
    '''Run a function in a child, which then ends as programs do; return the status of its end.'''
    sys.stdout.flush()
    child = os.fork()
    if not child:
        work()
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def send(pool, name, number):
    for each in range(number):
        pool.send("q", [name, each])

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    pool = ConnectionPool(sys.argv[1], min_size=1, max_size=3, timeout=20)
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture
def run(launch: Callable[..., Any], tmp_path: Any) -> Callable[..., List[str]]:
    """Run a program; what it printed.  What it wrote as an error fails the test."""
    def run(body: str, *arguments: str) -> List[str]:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + textwrap.indent(textwrap.dedent(body), "    "))
        begin = monotonic()
        launched = launch(str(program), *arguments)
        printed: List[str] = launched.finish()
        assert launched.errors == ""
        assert monotonic() - begin < TIMEOUT
        return printed

    return run


def received(broker: Broker, number: int) -> List[Any]:
    """Take so many messages, and make sure that there are no more."""
    with syncproton.connect(broker.url, timeout=TIMEOUT) as connection:
        receiver = connection.create_receiver("q", credit=number + 1)
        bodies = [receiver.receive().body for _ in range(number)]
        with pytest.raises(syncproton.Timeout):
            receiver.receive(0.02)
    return bodies


@needs_fork
def test_children_open_connections_of_their_own_and_the_parent_carries_on(
    broker: Broker, run: Callable[..., List[str]]
) -> None:
    printed = run("""
        pool.wait()
        send(pool, "parent", 5)
        before = set(pool._store._idle)

        def child():
            stats = pool.get_stats()
            assert (stats["pool_size"], stats["requests_num"], stats["connections_num"]) == (0, 0, 0), stats
            threads = [threading.Thread(target=send, args=(pool, f"{os.getpid()} {name}", 5)) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not set(pool._store._idle) & before
            assert in_child(lambda: send(pool, f"{os.getpid()}", 5)) == 0

        print([in_child(child) for _ in range(3)])
        send(pool, "parent again", 5)
        print(set(pool._store._idle) == before, pool.get_stats()["connections_num"])
        pool.close()
    """, broker.url)
    assert printed == ["[0, 0, 0]", "True 1"]
    bodies = received(broker, 5 + 3 * 4 * 5 + 3 * 5 + 5)
    assert len(set(map(tuple, bodies))) == len(bodies)


@needs_fork
def test_locks_that_threads_of_the_parent_hold_are_none_of_the_childs(
    broker: Broker, run: Callable[..., List[str]]
) -> None:
    printed = run("""
        pool.wait()
        held, forked = threading.Event(), threading.Event()

        def hold():
            with pool._store._lock:
                held.set()
                forked.wait()

        def work(stop):
            number = 0
            while not stop.is_set():
                pool.send("busy", number)
                number += 1

        stop = threading.Event()
        busy = [threading.Thread(target=work, args=(stop,)) for _ in range(6)]
        for thread in busy:
            thread.start()
        for number in range(5):
            print(in_child(lambda: send(pool, os.getpid(), 2)))
        stop.set()
        for thread in busy:
            thread.join()
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        print(in_child(lambda: send(pool, os.getpid(), 2)))
        forked.set()
        holder.join()
        pool.close()
    """, broker.url)
    assert printed == ["0"] * 6
    assert len(set(map(tuple, received(broker, 12)))) == 12


@needs_fork
def test_a_connection_that_is_lent_while_the_process_forks_stays_the_parents(
    broker: Broker, run: Callable[..., List[str]]
) -> None:
    printed = run("""
        with pool.connection() as connection:
            sender = connection.create_sender("q")
            child = os.fork()
            try:
                sender.send(["parent", 0])
            except syncproton.ConnectionException as error:
                assert not child and "parent" in str(error), error
            else:
                assert child
        if not child:
            assert pool.get_stats()["pool_size"] == 0
            send(pool, "child", 1)
            sys.exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        with pool.connection() as again:
            print(again is connection)
    """, broker.url)
    assert printed == ["0", "True"]
    assert sorted(received(broker, 2)) == [["child", 0], ["parent", 0]]


@needs_fork
def test_a_pool_that_was_closed_stays_closed(broker: Broker, run: Callable[..., List[str]]) -> None:
    assert run("""
        pool.wait()
        pool.close()

        def child():
            try:
                send(pool, "child", 1)
            except syncproton.PoolClosed:
                print("closed")

        print(in_child(child))
    """, broker.url) == ["closed", "0"]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_pool_may_be_given_to_a_process_of_multiprocessing(
    method: str, broker: Broker, run: Callable[..., List[str]]
) -> None:
    printed = run("""
        pool.wait()
        context = multiprocessing.get_context(sys.argv[2])
        children = [context.Process(target=send, args=(pool, name, 5)) for name in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        print([child.exitcode for child in children])
        send(pool, "parent", 5)
    """, broker.url, method)
    assert printed == ["[0, 0]"]
    bodies = received(broker, 15)
    assert len(set(map(tuple, bodies))) == 15


# --- the end of the program


@pytest.mark.parametrize("work", [
    "",
    "start(lambda: pool.connection().__enter__().create_receiver('empty').receive(None))",
    "start(lambda: list(pool.connection().__enter__().create_receiver('empty')))",
    "start(lambda: [pool.send('busy', 1) for _ in iter(int, 1)]); start(lambda: [pool.wait() for _ in iter(int, 1)])",
    "lent = [pool.connection() for _ in range(3)]; [x.__enter__() for x in lent]; start(lambda: pool.send('q', 1))",
])
def test_a_program_with_an_open_pool_ends_at_once_and_in_silence(
    work: str, broker: Broker, run: Callable[..., List[str]]
) -> None:
    begin = monotonic()
    assert run(f"""
        def start(work):
            threading.Thread(target=work, daemon=True).start()

        send(pool, "main", 3)
        {work}
    """, broker.url) == []
    assert monotonic() - begin < 5
    assert received(broker, 3) == [["main", 0], ["main", 1], ["main", 2]]


def test_a_program_ends_at_once_while_the_peer_is_not_there(run: Callable[..., List[str]], refused_url: str) -> None:
    begin = monotonic()
    assert run("""
        threading.Thread(target=send, args=(pool, 1, 1), daemon=True).start()
        try:
            pool.wait(0.1)
        except syncproton.PoolTimeout:
            print("not there")
    """, refused_url) == ["not there"]
    assert monotonic() - begin < 5


def test_the_connections_of_an_open_pool_are_closed_properly_at_the_end(
    peer: Any, run: Callable[..., List[str]]
) -> None:
    closed: List[str] = []
    peer.on_connection_closing = lambda event: closed.append("closing")
    peer.on_disconnected = lambda event: closed.append("lost")
    run("""
        with pool.connection(), pool.connection(), pool.connection():
            pass
    """, peer.url)
    peer.do(lambda: None)
    assert closed == ["closing"] * 3


def test_functions_for_the_exit_that_come_too_late_are_told_so(broker: Broker, run: Callable[..., List[str]]) -> None:
    assert run("""
        import atexit
        from syncproton.reactor import lifetime

        def late():
            try:
                pool.send("q", ["late", 0])
            except syncproton.PoolClosed as error:
                print("the program ends" in str(error))

        atexit.unregister(lifetime._at_exit)
        atexit.register(late)
        atexit.register(lifetime._at_exit)
        atexit.register(lambda: pool.send("q", ["in time", 0]))
    """, broker.url) == ["True"]
    assert received(broker, 1) == [["in time", 0]]
