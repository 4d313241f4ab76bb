"""Forks: the child says nothing on its parent's connections, waits for none of its locks, and opens its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest
import trustme
from tap import Tap

import syncproton
from syncproton import SSLDomain
from syncproton.broker import Broker
from syncproton.url import Url

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PRELUDE = """
import gc, os, sys, threading, warnings
import syncproton
from syncproton import SSLDomain
from syncproton.sync import endings

warnings.simplefilter("ignore")

def in_child(work):
    '''Run a function in a child, which then ends as programs do; return the status of its end.'''
    sys.stdout.flush()
    child = os.fork()
    if not child:
        work()
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

"""


def run(launch: Callable[..., Any], body: str, *arguments: str) -> List[str]:
    """Run a program; what it printed."""
    lines: List[str] = launch("-c", PRELUDE + textwrap.dedent(body), *arguments).finish()
    return lines


TO_FORK = """
    url, authority = sys.argv[1:]
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    if authority:
        domain.set_trusted_ca_db(authority)
    options = dict(ssl_domain=domain) if authority else {}
    connection = syncproton.connect(url, **options)
    sender, receiver = connection.create_sender("steps"), connection.create_receiver("q", credit=1)
    message = receiver.receive()

    def child():
        # What the parent had opened is refused here, and may be forgotten.
        global connection, sender, receiver, message
        assert connection.closed and sender.closed and receiver.closed
        for use in (lambda: sender.send("child"), lambda: receiver.receive(5), message.accept, connection.close,
                    sender.close, receiver.close, connection.create_sender, connection.declare_transaction):
            try:
                use()
            except syncproton.ConnectionException as error:
                assert "parent" in str(error), error
            else:
                raise AssertionError(use)
        del connection, sender, receiver, message
        gc.collect()
        with syncproton.connect(url, **options) as own:
            own.create_sender("other").send("child")

    def step():
        sender.send("step")
        print("step", flush=True)
        os.read(0, 1)  # until the test has seen what was said

    step()
    step()
    assert in_child(child) == 0
    assert in_child(lambda: None) == 0
    step()
    message.accept()
    os._exit(0)
"""


def step_over_a_fork(broker: Broker, authority: str) -> None:
    """The program does the same before and after it forks, and the peer is to hear the same."""
    syncproton.send(broker.url + "/q", "hello", ssl_domain=trusting(authority))
    url = Url(broker.url)
    tap = Tap(str(url.host), int(url.port or 0))
    url.port = tap.port
    program = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(TO_FORK), str(url), authority],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])})
    with program:
        assert program.stdin is not None and program.stdout is not None
        said = []
        for _ in range(3):
            assert program.stdout.readline() == "step\n"
            said.append(tap.said(0))
            assert not tap.ended(0)
            print(file=program.stdin)
    assert program.returncode == 0
    assert said[2] - said[1] == said[1] - said[0] > 0
    assert len(tap.heard) == 2 and tap.said(1)
    tap.close()


def trusting(authority: str) -> Optional[SSLDomain]:
    if not authority:
        return None
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    domain.set_trusted_ca_db(authority)
    return domain


def test_not_a_byte_is_said_by_the_child_on_the_connection_of_its_parent(broker: Broker) -> None:
    step_over_a_fork(broker, "")


def test_no_tls_close_notify_is_said_either(tmp_path: Path) -> None:
    authority, files = trustme.CA(), str(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(files)
    domain = SSLDomain(SSLDomain.MODE_SERVER)
    domain.set_credentials(files, files, None)
    with Broker("amqps://127.0.0.1:0", ssl_domain=domain) as broker:
        step_over_a_fork(broker, str(tmp_path / "ca.pem"))


def test_the_child_waits_for_no_lock_that_a_thread_of_the_parent_holds(
    broker: Broker, launch: Callable[..., Any]
) -> None:
    body = """
    url = sys.argv[1]
    connection = syncproton.connect(url)
    receiver = connection.create_receiver("q")
    pending, done = receiver._driver.take(), connection.container.submit(lambda: 5)
    assert done.result(10) == 5
    called = []
    pending.add_done_callback(called.append)

    locks = [endings._lock, connection._driver._lock, receiver._driver._lock,
             connection.container._calls._lock, pending._condition, done._condition]
    held, go_on = threading.Event(), threading.Event()

    def hold():
        for lock in locks:
            lock.acquire()
        held.set()
        go_on.wait()
        for lock in locks:
            lock.release()

    def child():
        assert done.result() == 5 and pending.done()
        try:
            pending.result()
        except syncproton.ProtonException as error:
            assert "parent" in str(error), error
        assert not called
        assert not pending.cancel()
        for use in (connection.close, receiver.receive, receiver.close):
            try:
                use()
            except syncproton.ConnectionException as error:
                assert "parent" in str(error), error
        try:
            connection.container.submit(print).result()
        except syncproton.ProtonException as error:
            assert "parent" in str(error), error
        with syncproton.connect(url) as own:
            own.create_sender("q").send("from the child")

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    print(in_child(child))
    go_on.set()
    thread.join()
    print(pending.result(10) is not None, len(called))
    """
    assert run(launch, body, broker.url) == ["0", "True 1"]


def test_children_that_are_forked_while_threads_are_at_work_do_their_own(
    broker: Broker, launch: Callable[..., Any]
) -> None:
    body = """
    url, children = sys.argv[1], 10
    connection = syncproton.connect(url)
    stop, sent = threading.Event(), []

    def send(name):
        sender = connection.create_sender("busy")
        number = 0
        while not stop.is_set():
            sender.send(f"{name} {number}")
            sent.append(1)
            number += 1

    def come_and_go():
        while not stop.is_set():
            with syncproton.connect(url) as another:
                another.create_receiver("busy", credit=0)

    threads = [threading.Thread(target=send, args=(name,)) for name in "abc"] + [threading.Thread(target=come_and_go)]
    for thread in threads:
        thread.start()

    def child():
        with syncproton.connect(url) as own:
            own.create_sender("children").send(os.getpid())

    print([in_child(child) for _ in range(children)])
    stop.set()
    for thread in threads:
        thread.join()
    connection.close()
    print(len(sent))
    """
    statuses, sent = run(launch, body, broker.url)
    assert statuses == str([0] * 10)
    with syncproton.connect(broker.url) as connection:
        busy, children = (connection.create_receiver(queue, credit=1000) for queue in ("busy", "children"))
        numbers = [busy.receive().body for _ in range(int(sent))]
        assert len(set(numbers)) == int(sent) > 30
        assert len({children.receive().body for _ in range(10)}) == 10
        for receiver in (busy, children):
            with pytest.raises(syncproton.Timeout):
                receiver.receive(0)
