"""Connections that come back by themselves."""

from __future__ import annotations

import socket
import threading
from time import monotonic
from typing import Any, Callable, List

import pytest

from syncproton.engine import Condition
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Backoff, Container

Run = Callable[[Container], None]
QUICK = [0.01] * 1000


def cut(container: Container) -> None:
    """Cut all connections of another container, as a broken network does."""

    def cut_all() -> None:
        for channel in container._channels.values():
            channel._socket.shutdown(socket.SHUT_RDWR)

    container.submit(cut_all).result(10)


class Sink(MessagingHandler):
    def __init__(self) -> None:
        super().__init__()
        self.bodies: List[Any] = []

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)


def test_sender_and_receiver_come_back_with_their_credit(run: Run, background: Callable[..., Container]) -> None:
    sinks = Sink()
    server = background(sinks)
    acceptor = server.listen("127.0.0.1:0")

    class Program(MessagingHandler):
        sent = 0
        losses = 0

        def on_start(self, event: Any) -> None:
            self.sender = event.container.create_sender(f"127.0.0.1:{acceptor.port}/x")

        def on_sendable(self, event: Any) -> None:
            if self.sent == self.losses:
                self.sent += 1
                event.sender.send(Message(body=self.sent))

        def on_accepted(self, event: Any) -> None:
            if self.sent == 4:
                event.connection.close()
            else:
                cut(server)

        def on_disconnected(self, event: Any) -> None:
            self.losses = self.sent

        def on_transport_error(self, event: Any) -> None:
            pass

    program = Program()
    run(Container(program))
    assert sinks.bodies == [1, 2, 3, 4]


def test_listener_closed_and_opened_again(run: Run, background: Callable[..., Container]) -> None:
    first = background(Sink())
    port = first.listen("127.0.0.1:0").port
    second: List[Container] = []
    opened: List[int] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{port}", reconnect=QUICK)

        def on_connection_opened(self, event: Any) -> None:
            opened.append(1)
            if len(opened) == 1:
                threading.Thread(target=first.close, args=(0,)).start()
            else:
                self.connection.close()

        def on_connection_closing(self, event: Any) -> None:
            # The listener that goes says goodbye; this program wants the connection nevertheless.
            event.container.schedule(0, self)

        def on_timer_task(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{port}", reconnect=QUICK)

        def on_transport_error(self, event: Any) -> None:
            if not second and first.wait_ended(10):
                second.append(background(Sink()))
                second[0].listen(f"127.0.0.1:{port}")

    run(Container(Program()))
    assert len(opened) == 2


def test_lost_while_nobody_listens(run: Run, background: Callable[..., Container]) -> None:
    server = background(Sink())
    acceptors = [server.listen("127.0.0.1:0")]
    port = acceptors[0].port
    failures: List[str] = []
    opened: List[int] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{port}", reconnect=QUICK)

        def on_connection_opened(self, event: Any) -> None:
            opened.append(1)
            if len(opened) == 1:
                acceptors[0].close()
                cut(server)
            else:
                self.connection.close()

        def on_transport_error(self, event: Any) -> None:
            failures.append(event.transport.condition.name)
            if len(failures) == 3:
                acceptors.append(server.listen(f"127.0.0.1:{port}"))

    run(Container(Program()))
    assert len(opened) == 2
    assert failures[1:3] == ["proton:io", "proton:io"]


@pytest.mark.parametrize(
    "reconnect, attempts", [(False, 1), ([], 1), ([0], 1), ([0, 0.01, 0], 3), (Backoff(max_tries=2), 2)]
)
def test_number_of_attempts(run: Run, refused_port: int, reconnect: Any, attempts: int) -> None:
    bound: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(f"127.0.0.1:{refused_port}", reconnect=reconnect)

        def on_connection_bound(self, event: Any) -> None:
            bound.append(event)

        def on_transport_error(self, event: Any) -> None:
            pass

    run(Container(Program()))
    assert len(bound) == attempts


def test_urls_are_tried_in_turn(run: Run, background: Callable[..., Container], refused_port: int) -> None:
    servers = [background(Sink()) for _ in range(2)]
    ports = [server.listen("127.0.0.1:0").port for server in servers]
    urls = [f"127.0.0.1:{port}" for port in (refused_port, *ports)]
    reached: List[str] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(urls=urls)

        def on_connection_opened(self, event: Any) -> None:
            reached.append(event.container.get_connection_address(event.connection))
            if len(reached) == 4:
                self.connection.close()
            else:
                for server in servers:
                    cut(server)

        def on_transport_error(self, event: Any) -> None:
            pass

    run(Container(Program()))
    assert reached == [urls[1], urls[2], urls[1], urls[2]]


def test_delays_begin_anew_after_success(run: Run, background: Callable[..., Container], refused_port: int) -> None:
    server = background(Sink())
    good = server.listen("127.0.0.1:0").port
    opened: List[float] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            # With delays that went on doubling, the last round would take more than 50 seconds.
            self.connection = event.container.connect(
                urls=[f"127.0.0.1:{refused_port}", f"127.0.0.1:{good}"], reconnect=Backoff(initial=1000)
            )

        def on_connection_opened(self, event: Any) -> None:
            opened.append(monotonic())
            if len(opened) == 5:
                self.connection.close()
            else:
                cut(server)

        def on_transport_error(self, event: Any) -> None:
            pass

    run(Container(Program()))
    assert opened[-1] - opened[0] < 5


def test_forced_close_is_followed_by_a_reconnect(
    run: Run, trace_handler: Any, background: Callable[..., Container]
) -> None:
    class Server(MessagingHandler):
        forced = 0

        def on_connection_opened(self, event: Any) -> None:
            if not self.forced:
                self.forced += 1
                event.connection.condition = Condition("amqp:connection:forced", "maintenance")
                event.connection.close()

    port = background(Server()).listen("127.0.0.1:0").port

    class Program(trace_handler):  # type: ignore[misc]
        opened = 0

        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{port}")

        def on_connection_opened(self, event: Any) -> None:
            self.opened += 1
            if self.opened == 2:
                self.connection.close()

    program = Program()
    run(Container(program))
    assert program.opened == 2
    assert program.trace == ["on_disconnected", "on_disconnected", "on_connection_closed"]


def test_orderly_close_is_not_followed_by_a_reconnect(run: Run, background: Callable[..., Container]) -> None:
    class Server(MessagingHandler):
        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

    port = background(Server()).listen("127.0.0.1:0").port
    opened: List[int] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(f"127.0.0.1:{port}")

        def on_connection_opened(self, event: Any) -> None:
            opened.append(1)

    run(Container(Program()))
    assert opened == [1]


def test_refused_login_is_not_tried_again(run: Run, background: Callable[..., Container]) -> None:
    server = background(Sink())
    server.submit(setattr, server, "allowed_mechs", "ANONYMOUS").result(10)
    port = server.listen("127.0.0.1:0").port
    conditions: List[str] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(f"127.0.0.1:{port}", user="u", password="p", allowed_mechs="PLAIN")

        def on_transport_error(self, event: Any) -> None:
            conditions.append(event.transport.condition.name)
            super().on_transport_error(event)

    run(Container(Program()))
    assert conditions == ["amqp:unauthorized-access"]


def test_heartbeat_keeps_an_idle_connection(run: Run, background: Callable[..., Container]) -> None:
    port = background(Sink()).listen("127.0.0.1:0").port
    errors: List[Any] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{port}", heartbeat=0.1)

        def on_connection_opened(self, event: Any) -> None:
            event.container.schedule(0.5, self)

        def on_timer_task(self, event: Any) -> None:
            self.connection.close()

        def on_transport_error(self, event: Any) -> None:
            errors.append(event)

    run(Container(Program()))
    assert errors == []


def test_silent_peer_is_dropped_and_connected_to_again(run: Run, listener: socket.socket) -> None:
    dropped: List[str] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            url = "127.0.0.1:%d" % listener.getsockname()[1]
            self.connection = event.container.connect(url, heartbeat=0.05)

        def on_transport_error(self, event: Any) -> None:
            dropped.append(event.transport.condition.name)
            if len(dropped) == 2:
                self.connection.close()

    run(Container(Program()))
    assert dropped == ["amqp:resource-limit-exceeded"] * 2


def test_delays_are_kept(run: Run, refused_port: int) -> None:
    tried: List[float] = []

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(f"127.0.0.1:{refused_port}", reconnect=[5, 0.1, 0, 0.2])

        def on_connection_bound(self, event: Any) -> None:
            tried.append(monotonic())

        def on_transport_error(self, event: Any) -> None:
            pass

    run(Container(Program()))
    pauses = [later - earlier for earlier, later in zip(tried, tried[1:])]
    # The first attempt never waits.
    assert len(pauses) == 3
    for pause, delay in zip(pauses, [0.1, 0, 0.2]):
        assert delay <= pause < delay + 0.1 + 1


@pytest.mark.parametrize("virtual_host, told", [(None, ["127.0.0.1", "localhost"]), ("v", ["v", "v"])])
def test_each_host_is_told_its_own_name_unless_there_is_a_virtual_one(
    virtual_host: Any, told: List[str], run: Run, background: Callable[..., Container]
) -> None:
    heard: List[str] = []

    class Server(MessagingHandler):
        def on_connection_opening(self, event: Any) -> None:
            heard.append(event.connection.remote_hostname)

    server = background(Server())
    port = server.listen("127.0.0.1:0").port

    class Program(MessagingHandler):
        def on_start(self, event: Any) -> None:
            urls = [f"127.0.0.1:{port}", f"localhost:{port}"]
            event.container.connect(urls=urls, virtual_host=virtual_host)

        def on_connection_opened(self, event: Any) -> None:
            if len(heard) == 2:
                event.connection.close()
            else:
                cut(server)

        def on_transport_error(self, event: Any) -> None:
            pass

    run(Container(Program()))
    assert heard == told
