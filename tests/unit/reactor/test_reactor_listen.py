"""Listening: where, for how long, and what is told of it."""

from __future__ import annotations

import errno
import socket
from typing import Any, Callable, List

import pytest

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, ListenError

Run = Callable[[Container], None]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


class Client(MessagingHandler):
    """Connects and closes again; remembers how it went."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.args, self.kwargs = args, {"reconnect": False, **kwargs}
        self.opened = False
        self.encrypted = False
        self.errors: List[Any] = []

    def on_start(self, event: Any) -> None:
        event.container.connect(*self.args, **self.kwargs)

    def on_connection_opened(self, event: Any) -> None:
        self.opened = True
        self.encrypted = event.transport.encrypted
        event.connection.close()

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition)


class Server(MessagingHandler):
    def __init__(self) -> None:
        super().__init__()
        self.users: List[Any] = []

    def on_connection_opening(self, event: Any) -> None:
        self.users.append(event.transport.user)

    def on_transport_error(self, event: Any) -> None:
        pass


def test_port_zero(background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0")
    assert acceptor.port > 0 and acceptor.address == ("127.0.0.1", acceptor.port)


def test_listening_before_running(run: Run) -> None:
    container = Container()
    acceptor = container.listen("127.0.0.1:0")
    client = Client(f"127.0.0.1:{acceptor.port}")

    class Closing(MessagingHandler):
        def on_connection_closed(self, event: Any) -> None:
            acceptor.close()

    container.handler.add(client)
    container.handler.add(Closing())
    run(container)
    assert client.opened and acceptor.closed


def test_close_from_another_thread(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0")
    port = acceptor.port
    acceptor.close()
    client = Client(f"127.0.0.1:{port}")
    run(Container(client))
    assert not client.opened and "refused" in client.errors[0].description


def test_connections_outlive_their_listener(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("127.0.0.1:0")

    class Late(Client):
        def on_connection_opened(self, event: Any) -> None:
            acceptor.close()
            super().on_connection_opened(event)

        def on_connection_closed(self, event: Any) -> None:
            self.closed = True

    client = Late(f"127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert client.closed


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("[::1]:0")
    client = Client(f"amqp://[::1]:{acceptor.port}")
    run(Container(client))
    assert client.opened


def test_every_address_of_a_name(run: Run, background: Callable[..., Container]) -> None:
    acceptor = background(Server()).listen("localhost:0")
    for family, _, _, _, address in set(socket.getaddrinfo("localhost", acceptor.port, type=socket.SOCK_STREAM)):
        with socket.socket(family) as sock:
            if family == socket.AF_INET or has_ipv6():
                sock.connect(address)


def test_address_in_use(background: Callable[..., Container]) -> None:
    container = background(Server())
    port = container.listen("127.0.0.1:0").port
    with pytest.raises(ListenError, match=str(port)) as caught:
        container.listen(f"127.0.0.1:{port}")
    assert isinstance(caught.value, OSError) and caught.value.errno == errno.EADDRINUSE
    assert container.submit(lambda: 1).result(10) == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_address_of_another_machine(host: str) -> None:
    with pytest.raises(ListenError, match=host):
        Container().listen(f"{host}:0")


@pytest.mark.parametrize("url", ["http://127.0.0.1:0", "127.0.0.1:99999", "amqp://[::1"])
def test_urls_that_make_no_sense(url: str) -> None:
    with pytest.raises(ValueError):
        Container().listen(url)


def test_an_accepted_connection_tells_whom_it_is_with(run: Run) -> None:
    told: List[Any] = []

    class Both(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.acceptor = event.container.listen("127.0.0.1:0")
            event.container.connect(f"127.0.0.1:{self.acceptor.port}", handler=Closer())

        def on_connection_opened(self, event: Any) -> None:
            told.append((event.connected_address, event.container.get_connection_address(event.connection)))

        def on_connection_closing(self, event: Any) -> None:
            self.acceptor.close()

    class Closer(MessagingHandler):
        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

    run(Container(Both()))
    (address, where), = told
    assert address == f"amqp://{where}" and where.startswith("127.0.0.1:") and int(where[10:]) > 0


def test_handler_of_an_acceptor(run: Run, background: Callable[..., Container]) -> None:
    server = Server()
    acceptor = background().acceptor("127.0.0.1", 0, server)
    run(Container(Client(f"127.0.0.1:{acceptor.port}")))
    assert server.users == ["anonymous"]


@pytest.mark.parametrize("url, error", [
    (5, TypeError), (b"127.0.0.1:0", TypeError), (["127.0.0.1:0"], TypeError), (object(), TypeError),
    ("ftp://127.0.0.1:0", ValueError), ("127.0.0.1:-1", ValueError), ("127.0.0.1:no-such-service", ValueError),
    ("amqp://my host:0", ValueError),
])
def test_urls_that_are_none_leave_the_container_usable(
    run: Run, background: Callable[..., Container], url: Any, error: type
) -> None:
    container = background(Server())
    with pytest.raises(error):
        container.listen(url)
    client = Client(f"127.0.0.1:{container.listen('127.0.0.1:0').port}")
    run(Container(client))
    assert client.opened


@pytest.mark.parametrize("port, error", [(-1, ValueError), (65536, ValueError), ("x", ValueError), (None, TypeError)])
def test_ports_that_are_none(port: Any, error: type) -> None:
    with pytest.raises(error):
        Container().acceptor("127.0.0.1", port)


def test_all_addresses(run: Run, background: Callable[..., Container]) -> None:
    for url in ("0.0.0.0:0", ":0", "amqp://:0"):
        client = Client(f"127.0.0.1:{background(Server()).listen(url).port}")
        run(Container(client))
        assert client.opened, url


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_accepted_connection_of_ipv6_tells_whom_it_is_with(run: Run, background: Callable[..., Container]) -> None:
    told: List[str] = []

    class Telling(Server):
        def on_connection_opened(self, event: Any) -> None:
            told.append(event.connected_address)

    acceptor = background(Telling()).listen("[::]:0")
    assert acceptor.address[:2] == ("::", acceptor.port)
    client = Client(f"[::1]:{acceptor.port}")
    run(Container(client))
    assert client.opened and told[0].startswith("amqp://[::1]:")


def test_what_a_closed_listener_tells_and_that_its_port_is_free(background: Callable[..., Container]) -> None:
    container = background(Server())
    acceptor = container.listen("127.0.0.1:0")
    assert not acceptor.closed
    port = acceptor.port
    acceptor.close()
    acceptor.close()
    assert acceptor.closed and acceptor.address == ("127.0.0.1", port)
    again = container.listen(f"127.0.0.1:{port}")
    assert again.port == port


def test_closing_the_last_listener_lets_the_container_end(run: Run) -> None:
    class Brief(MessagingHandler):
        def on_start(self, event: Any) -> None:
            self.acceptors = [event.container.listen("127.0.0.1:0") for _ in range(3)]
            event.container.schedule(0.01, self)

        def on_timer_task(self, event: Any) -> None:
            for acceptor in self.acceptors:
                acceptor.close()

    brief = Brief()
    run(Container(brief))
    assert len({acceptor.port for acceptor in brief.acceptors}) == 3


def test_listening_after_the_end_is_for_the_next_run(run: Run) -> None:
    container = Container(Server())
    run(container)
    acceptor = container.listen("127.0.0.1:0")
    client = Client(f"127.0.0.1:{acceptor.port}")
    client.on_connection_closed = lambda event: acceptor.close()  # type: ignore[method-assign]
    container.handler.add(client)
    run(container)
    assert client.opened


def test_a_host_is_not_looked_up_on_the_io_thread(
    background: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    container = background(Server())
    on_io_thread: List[bool] = []
    look_up = socket.getaddrinfo

    def spy(*args: Any, **kwargs: Any) -> Any:
        on_io_thread.append(container.on_io_thread)
        return look_up(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", spy)
    container.listen("localhost:0")
    assert on_io_thread == [False]


def test_a_peer_that_cannot_be_taken_in_costs_itself_only(
    run: Run, background: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    container = background(Server())
    acceptor = container.listen("127.0.0.1:0")
    prepare = container.prepare_server
    failures = [OddError("odd")]

    def fail_once(transport: Any) -> None:
        if failures:
            raise failures.pop()
        prepare(transport)

    monkeypatch.setattr(container, "prepare_server", fail_once)
    with socket.create_connection(("127.0.0.1", acceptor.port), timeout=10) as unlucky:
        assert unlucky.recv(1) == b""
    client = Client(f"127.0.0.1:{acceptor.port}")
    run(Container(client))
    assert client.opened


class OddError(Exception):
    pass
