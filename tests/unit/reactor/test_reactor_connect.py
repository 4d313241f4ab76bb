"""What connect(), create_sender() and create_receiver() make of their arguments."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

from syncproton.codec import symbol
from syncproton.errors import ProtonException
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import AtMostOnce, Backoff, Container, Copy
from syncproton.security import SSLDomain
from syncproton.url import Url

Run = Callable[[Container], None]


class Server(MessagingHandler):
    """Writes down what the peer says of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Dict[str, Any] = {}

    def on_connection_opening(self, event: Any) -> None:
        connection, transport = event.connection, event.transport
        self.seen.update(
            container=connection.remote_container,
            hostname=connection.remote_hostname,
            offered=connection.remote_offered_capabilities,
            desired=connection.remote_desired_capabilities,
            properties=connection.remote_properties,
            max_frame_size=transport.remote_max_frame_size,
            idle_timeout=transport.remote_idle_timeout,
            mech=transport.sasl().mech,
            user=transport.user,
        )

    def on_link_opening(self, event: Any) -> None:
        link = event.link
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        self.seen.update(source=link.remote_source.address, target=link.remote_target.address, name=link.name)


@pytest.fixture
def see(run: Run, background: Callable[..., Container]) -> Callable[..., Dict[str, Any]]:
    """Connect to a server of ours with some keywords, and tell what it saw."""

    def connect_and_see(user_database: bool = False, url: str = "{port}", **kwargs: Any) -> Dict[str, Any]:
        server = Server()
        port = background(server).listen("127.0.0.1:0").port

        class Client(MessagingHandler):
            def on_start(self, event: Any) -> None:
                event.container.connect(url.replace("{port}", f"127.0.0.1:{port}"), reconnect=False, **kwargs)

            def on_connection_opened(self, event: Any) -> None:
                event.connection.close()

        run(Container(Client()))
        return server.seen

    return connect_and_see


def test_defaults(see: Callable[..., Dict[str, Any]]) -> None:
    seen = see()
    assert seen["hostname"] == "127.0.0.1"
    assert len(seen["container"]) == 36
    assert seen["mech"] == "ANONYMOUS" and seen["user"] == "anonymous"
    assert seen["idle_timeout"] == 0


@pytest.mark.parametrize(
    "keywords, seen_as, expected",
    [
        ({"container_id": "me"}, "container", "me"),
        ({"virtual_host": "there"}, "hostname", "there"),
        ({"virtual_host": ""}, "hostname", None),
        ({"sasl_enabled": False}, "mech", None),
        ({"allowed_mechs": "ANONYMOUS"}, "mech", "ANONYMOUS"),
        ({"offered_capabilities": ["a", symbol("b")]}, "offered", ["a", "b"]),
        ({"desired_capabilities": "c"}, "desired", ["c"]),
        ({"properties": {"p": 1, symbol("q"): "x"}}, "properties", {"p": 1, "q": "x"}),
        ({"max_frame_size": 4096}, "max_frame_size", 4096),
        ({"max_frame_size": 100}, "max_frame_size", 512),
        ({"max_frame_size": 0}, "max_frame_size", 32768),
        ({"max_frame_size": None}, "max_frame_size", 32768),
        ({"desired_capabilities": []}, "desired", None),
        ({"offered_capabilities": []}, "offered", None),
        ({"offered_capabilities": ("a", "b")}, "offered", ["a", "b"]),
        ({"heartbeat": 20}, "idle_timeout", 10),
        ({"heartbeat": 0}, "idle_timeout", 0),
    ],
)
def test_keywords(see: Callable[..., Dict[str, Any]], keywords: Any, seen_as: str, expected: Any) -> None:
    seen = see(**keywords)[seen_as]
    assert (list(seen) if isinstance(expected, list) else seen) == expected


def test_the_containers_defaults_apply(run: Run, background: Callable[..., Container]) -> None:
    server = Server()
    port = background(server).listen("127.0.0.1:0").port

    class Client(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(f"127.0.0.1:{port}")

        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

    container = Container(Client(), container_id="chosen")
    container.sasl_enabled = False
    run(container)
    assert (server.seen["container"], server.seen["mech"]) == ("chosen", None)


@pytest.mark.parametrize("own, told", [(False, ["first", "second"]), (True, ["connection"])])
def test_handlers_of_the_container_and_of_the_connection(
    own: bool, told: List[str], run: Run, background: Callable[..., Container]
) -> None:
    port = background(Server()).listen("127.0.0.1:0").port
    opened: List[str] = []

    class Named(MessagingHandler):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def on_connection_opened(self, event: Any) -> None:
            opened.append(self.name)
            if self.name != "first":  # One that is closed is not told of as opened to those who come later.
                event.connection.close()

    class Starter(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(f"127.0.0.1:{port}", handler=Named("connection") if own else None)

    run(Container(Named("first"), Starter(), Named("second")))
    assert opened == told


@pytest.mark.parametrize("keyword", ["hearbeat", "reconect", "ssl", "virtualhost"])
def test_misspelt_keyword_is_named(keyword: str) -> None:
    with pytest.raises(TypeError, match=keyword):
        Container().connect("amqp://h", **{keyword: 1})
    with pytest.raises(TypeError, match=keyword):
        Container(**{keyword: 1})  # type: ignore[arg-type]


def lives(container: Container, url: str, run: Run) -> bool:
    """Whether a container can still do what it is for."""
    opened: List[Any] = []

    class Client(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(url)

        def on_connection_opened(self, event: Any) -> None:
            opened.append(event)
            event.connection.close()

    container.handler.add(Client())
    run(container)
    return len(opened) == 1


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ({"url": "http://h"}, ValueError, "scheme"),
        ({"url": "amqp://h", "urls": ["amqp://i"]}, ValueError, "only one"),
        ({"url": "amqp://h", "urls": []}, ValueError, "only one"),
        ({"url": "amqp://h", "address": ["amqp://i"]}, ValueError, "only one"),
        ({"urls": ["amqp://h"], "address": ["amqp://i"]}, ValueError, "only one"),
        ({"urls": []}, ValueError, "no urls"),
        ({"urls": iter(())}, ValueError, "no urls"),
        ({"address": []}, ValueError, "no urls"),
        ({"url": ""}, ValueError, "empty"),
        ({"urls": ""}, ValueError, "empty"),
        ({"urls": ["amqp://h", ""]}, ValueError, "empty"),
        ({"url": " "}, ValueError, "host"),
        ({"urls": ["amqp://h", "ftp://h"]}, ValueError, "scheme"),
        ({"url": "amqp://h:99999"}, ValueError, "port"),
        ({"url": "amqp://h:-1"}, ValueError, "port"),
        ({"url": "amqp://h:no-such-service"}, ValueError, "port"),
        ({"url": "amqp://h:0"}, ValueError, "port 0"),
        ({"urls": ["amqp://h", Url(host="h", port=0)]}, ValueError, "port 0"),
        ({"url": 3}, TypeError, "URL"),
        ({"url": ["amqp://h"]}, TypeError, "URL"),
        ({"urls": 3}, TypeError, "urls"),
        ({"urls": b"amqp://h"}, TypeError, "urls"),
        ({"urls": [None]}, TypeError, "URL"),
        ({"urls": ["amqp://h", 3]}, TypeError, "URL"),
        ({"heartbeat": "soon"}, TypeError, "heartbeat"),
        ({"heartbeat": True}, TypeError, "heartbeat"),
        ({"heartbeat": [5]}, TypeError, "heartbeat"),
        ({"heartbeat": -1}, ValueError, "heartbeat"),
        ({"heartbeat": float("nan")}, ValueError, "heartbeat"),
        ({"heartbeat": float("inf")}, ValueError, "heartbeat"),
        ({"heartbeat": 1 << 32}, ValueError, "heartbeat"),
        ({"reconnect": 3}, TypeError, "reconnect"),
        ({"reconnect": "yes"}, TypeError, "reconnect"),
        ({"reconnect": Backoff}, TypeError, "reconnect"),
        ({"reconnect": [0, -1]}, ValueError, "delay"),
        ({"reconnect": [0, "1"]}, TypeError, "delay"),
        ({"ssl_domain": "x"}, TypeError, "ssl_domain"),
        ({"ssl_domain": SSLDomain(SSLDomain.MODE_SERVER)}, ValueError, "ssl_domain"),
        ({"sasl_enabled": "no"}, TypeError, "sasl_enabled"),
        ({"allowed_mechs": 5}, TypeError, "allowed_mechs"),
        ({"allow_insecure_mechs": "no"}, TypeError, "allow_insecure_mechs"),
        ({"user": 5}, TypeError, "user"),
        ({"user": "\udc00"}, ValueError, "user"),
        ({"password": b"p"}, TypeError, "password"),
        ({"virtual_host": 5}, TypeError, "virtual_host"),
        ({"offered_capabilities": 5}, TypeError, "offered_capabilities"),
        ({"offered_capabilities": ["\u00fc"]}, ValueError, "offered_capabilities"),
        ({"desired_capabilities": [5]}, TypeError, "desired_capabilities"),
        ({"properties": [1]}, TypeError, "properties"),
        ({"properties": {"k": object()}}, ValueError, "properties"),
        ({"sni": 5}, TypeError, "sni"),
        ({"max_frame_size": "x"}, TypeError, "max_frame_size"),
        ({"max_frame_size": -1}, ValueError, "max_frame_size"),
        ({"max_frame_size": 1 << 32}, ValueError, "max_frame_size"),
        ({"container_id": 5}, TypeError, "container_id"),
        ({"hearbeat": 5}, TypeError, "hearbeat"),
    ],
)
def test_nonsense_is_refused_at_the_call_and_the_container_lives_on(
    arguments: Any, error: Any, words: str, run: Run, background: Callable[..., Container]
) -> None:
    container = Container()
    if not arguments.keys() & {"url", "urls", "address"}:
        arguments = {"url": "amqp://h", **arguments}
    with pytest.raises(error, match=words):
        container.connect(**arguments)
    assert not container._connectors
    assert lives(container, f"127.0.0.1:{background(Server()).listen('127.0.0.1:0').port}", run)


@pytest.mark.parametrize("name, value", [
    ("user", 5), ("password", b"p"), ("sasl_enabled", "no"), ("allowed_mechs", 5), ("allow_insecure_mechs", []),
])
def test_a_container_that_was_set_to_nonsense_is_told_so(name: str, value: Any) -> None:
    container = Container()
    setattr(container, name, value)
    with pytest.raises(TypeError, match=name):
        container.connect("amqp://h")
    container.connect("amqp://h", **{name: None})


def test_unknown_scheme_is_of_our_own_tree() -> None:
    with pytest.raises(ProtonException):
        Container().connect("gopher://h")


def test_addresses_given_as_an_iterable(run: Run, background: Callable[..., Container]) -> None:
    port = background(Server()).listen("127.0.0.1:0").port
    reached: List[Any] = []

    class Client(MessagingHandler):
        def on_start(self, event: Any) -> None:
            event.container.connect(address=iter([Url(f"127.0.0.1:{port}")]))

        def on_connection_opened(self, event: Any) -> None:
            reached.append(event.connection.connected_address)
            event.connection.close()

    run(Container(Client()))
    assert reached == [f"amqp://127.0.0.1:{port}"]


@pytest.mark.parametrize("host, port", [(5, 5672), ("host", []), ("host", "no-such-service"), ("no host", 5672)])
def test_hosts_and_ports_of_a_wrong_type(host: Any, port: Any) -> None:
    container = Container()
    connection = container.connection()
    with pytest.raises((TypeError, ValueError)):
        container.set_connection_host(connection, host, port)
    for wrong in (None, 5, object(), container):
        with pytest.raises(TypeError):
            container.get_connection_address(wrong)
        with pytest.raises(TypeError):
            container.set_connection_host(wrong, "host", 5672)
    container.set_connection_host(connection, "host", 5672)
    assert container.get_connection_address(connection) == "host:5672"


def test_connection_to_host(run: Run, background: Callable[..., Container]) -> None:
    server = Server()
    port = background(server).listen("127.0.0.1:0").port

    class Client(MessagingHandler):
        def on_start(self, event: Any) -> None:
            connection = event.container.connection_to_host("127.0.0.1", port)
            assert event.container.get_connection_address(connection) == f"127.0.0.1:{port}"
            connection.container = "plain"
            connection.open()

        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

    run(Container(Client()))
    assert (server.seen["container"], server.seen["mech"]) == ("plain", None)
    assert Container().get_connection_address(Container().connection()) is None


def test_a_connection_of_which_nothing_was_said_goes_where_its_host_name_says(
    run: Run, background: Callable[..., Container]
) -> None:
    server = Server()
    port = background(server).listen("127.0.0.1:0").port

    class Client(MessagingHandler):
        def on_start(self, event: Any) -> None:
            connection = event.container.connection()
            connection.hostname = f"127.0.0.1:{port}"
            connection.open()

        def on_connection_opened(self, event: Any) -> None:
            event.connection.close()

    run(Container(Client()))
    assert (server.seen["hostname"], server.seen["mech"]) == ("127.0.0.1", None)


# Links.


def test_links_on_a_connection_share_a_session() -> None:
    container = Container(container_id="me")
    connection = container.connect("amqp://h")
    sender = container.create_sender(connection, "t", "s")
    receiver = container.create_receiver(connection, "s", "t", name="mine", options=[Copy(), AtMostOnce()])
    assert sender.session is receiver.session
    assert (sender.target.address, sender.source.address, sender.name) == ("t", "s", "me-t-s")
    assert (receiver.source.address, receiver.target.address, receiver.name) == ("s", "t", "mine")
    assert receiver.source.distribution_mode == 1 and receiver.snd_settle_mode == 1


def test_links_on_a_session() -> None:
    container = Container()
    session = container.connect("amqp://h").session()
    assert container.create_sender(session, "t").session is session
    assert container.create_receiver(session, "s").session is session


def test_new_session_after_the_peer_ended_the_first() -> None:
    container = Container()
    connection = container.connect("amqp://h")
    first = container.create_sender(connection, "t").session
    first.close()
    assert container.create_sender(connection, "t").session is not first


def test_urls_with_a_path() -> None:
    container = Container()
    assert container.create_sender("amqp://h/queue").target.address == "queue"
    assert container.create_receiver("amqp://h/queue/sub").source.address == "queue/sub"
    assert container.create_sender("amqp://h/queue", "other").target.address == "other"
    assert container.create_receiver(Url("amqp://h/queue"), "other").source.address == "other"
    assert container.create_sender("amqp://h").target.address is None


def test_names_are_unique_without_an_address() -> None:
    container = Container()
    connection = container.connect("amqp://h")
    names = {container.create_sender(connection).name for _ in range(5)}
    assert len(names) == 5


def test_dynamic_receiver() -> None:
    container = Container()
    receiver = container.create_receiver(container.connect("amqp://h"), dynamic=True)
    assert receiver.source.dynamic and receiver.source.address is None


def counting_tags() -> Any:
    count = 0
    while True:
        count += 1
        yield b"tag-%d" % count


@pytest.mark.parametrize("tags", [counting_tags(), counting_tags, [b"tag-1", b"tag-2"], counting_tags().__next__])
def test_tags(tags: Any) -> None:
    container = Container()
    sender = container.create_sender(container.connect("amqp://h"), "t", tags=tags)
    assert [sender.send(Message()).tag for _ in range(2)] == ["tag-1", "tag-2"]


@pytest.mark.parametrize(
    "arguments, keywords",
    [
        ((3,), {}),
        ((None,), {}),
        (("amqp://h", 3), {}),
        (("amqp://h",), {"name": b"bytes"}),
        (("amqp://h",), {"options": "copy"}),
        (("amqp://h",), {"nam": "x"}),
    ],
)
def test_links_of_nonsense(arguments: Any, keywords: Any) -> None:
    container = Container()
    for create in (container.create_sender, container.create_receiver):
        with pytest.raises(TypeError):
            create(*arguments, **keywords)


@pytest.mark.parametrize("url, words", [
    ("", "empty"), ("ftp://h/q", "scheme"), ("amqp://h:0/q", "port 0"), ("amqp://h:99999/q", "port"),
    (Url(host="h", port=0), "port 0"),
])
def test_links_of_urls_that_nothing_can_be_connected_to(url: Any, words: str) -> None:
    container = Container()
    for create in (container.create_sender, container.create_receiver):
        with pytest.raises(ValueError, match=words):
            create(url, "q")
    assert not container._connectors


def test_tags_of_nonsense() -> None:
    with pytest.raises(TypeError, match="tags"):
        Container().create_sender("amqp://h", tags=3)
