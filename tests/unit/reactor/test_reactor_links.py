"""What ``create_sender`` and ``create_receiver`` make of their arguments, as the peer and as the program see it."""

from __future__ import annotations

import inspect
import threading
from typing import Any, Callable, Dict, List, Tuple

import pytest
from attaches import Wire

from syncproton.engine import Condition, Endpoint, Link
from syncproton.errors import ConnectionException, LinkException, SessionException
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Container, LinkOption
from syncproton.url import Url
from syncproton.wire.performatives import Attach, Begin

Run = Callable[[Container], None]
Background = Callable[..., Container]


@pytest.fixture
def wire() -> Wire:
    return Wire()


def ends(attach: Attach) -> Tuple[Any, Any]:
    """The addresses of source and target."""
    return attach.source.address, attach.target.address


class Peer(MessagingHandler):
    """Takes every link, unless its address is ``nowhere``, and takes down what it was told of each."""

    def __init__(self) -> None:
        super().__init__()
        self.links: List[Dict[str, Any]] = []
        self.tags: List[Any] = []
        self.connections: List[str] = []

    def on_connection_opened(self, event: Any) -> None:
        self.connections.append(event.connection.remote_container)

    def on_link_opening(self, event: Any) -> None:
        link = event.link
        source, target = link.remote_source, link.remote_target
        self.links.append(dict(
            name=link.name, role="receiver" if link.is_sender else "sender", source=source.address,
            target=target.address, dynamic=source.dynamic, session=id(link.session)))
        if "nowhere" in (source.address, target.address):
            link.condition = Condition("amqp:not-found", "there is no node 'nowhere'")
            link.close()
            return
        link.source.copy(source)
        link.target.copy(target)
        if source.dynamic:
            link.source.address = "made-for-you"

    def on_message(self, event: Any) -> None:
        self.tags.append(event.delivery.tag)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def url(background: Background, peer: Peer) -> str:
    return f"127.0.0.1:{background(peer).listen('127.0.0.1:0').port}"


class Program(MessagingHandler):
    """Does something at the start, and closes everything once so many links are open or refused.

    :param begin: what it does; called with the container.
    """

    def __init__(self, begin: Callable[[Container], Any], count: int = 1) -> None:
        super().__init__()
        self.begin = begin
        self.count = count
        self.trace: List[str] = []
        self.conditions: List[Any] = []
        self.opened: List[Link] = []

    def on_start(self, event: Any) -> None:
        self.begun = self.begin(event.container)

    def on_link_opened(self, event: Any) -> None:
        self.trace.append("opened")
        self.opened.append(event.link)
        self.one_less(event)

    def on_link_error(self, event: Any) -> None:
        self.trace.append("error")
        self.conditions.append(event.link.remote_condition)
        self.one_less(event)

    def one_less(self, event: Any) -> None:
        self.count -= 1
        if not self.count:
            for link in [event.link, *self.opened]:
                link.connection.close()


# --- addresses

def test_the_signatures_are_protons() -> None:
    sender, receiver = (inspect.signature(method).parameters.values()
                        for method in (Container.create_sender, Container.create_receiver))
    assert [(p.name, p.default) for p in sender][1:] == [
        ("context", inspect.Parameter.empty), ("target", None), ("source", None), ("name", None), ("handler", None),
        ("tags", None), ("options", None)]
    assert [(p.name, p.default) for p in receiver][1:] == [
        ("context", inspect.Parameter.empty), ("source", None), ("target", None), ("name", None), ("dynamic", False),
        ("handler", None), ("options", None)]


def test_the_second_argument_is_where_to(wire: Wire) -> None:
    assert ends(wire.sender("q")) == ends(wire.sender(target="q")) == (None, "q")
    assert ends(wire.receiver("q")) == ends(wire.receiver(source="q")) == ("q", None)


def test_the_third_argument_is_the_other_end(wire: Wire) -> None:
    assert ends(wire.sender("t", "s")) == ends(wire.sender(source="s", target="t")) == ("s", "t")
    assert ends(wire.receiver("s", "t")) == ends(wire.receiver(target="t", source="s")) == ("s", "t")


def test_without_an_address(wire: Wire) -> None:
    """A sender to no address in particular is an anonymous relay's."""
    assert ends(wire.sender()) == ends(wire.sender("")) == (None, None)
    assert ends(wire.receiver()) == (None, None)


def test_directions(wire: Wire) -> None:
    assert wire.sender("q").role is False
    assert wire.receiver("q").role is True


def test_dynamic(wire: Wire) -> None:
    attach = wire.receiver(dynamic=True)
    assert attach.source.dynamic is True and ends(attach) == (None, None)
    assert wire.receiver("q").source.dynamic is False
    assert wire.receiver("q", dynamic=False).source.dynamic is False


def test_dynamic_goes_before_a_source(wire: Wire) -> None:
    """The protocol forbids both, section 3.5.3."""
    attach = wire.receiver("q", dynamic=True)
    assert attach.source.dynamic is True and attach.source.address is None


def test_the_address_of_a_dynamic_node_is_the_peers(run: Run, url: str, peer: Peer) -> None:
    class Asking(Program):
        def on_link_opened(self, event: Any) -> None:
            self.address = event.receiver.remote_source.address
            super().on_link_opened(event)

    program = Asking(lambda container: container.create_receiver(url, dynamic=True))
    run(Container(program))
    assert program.address == "made-for-you"
    assert program.begun.source.address is None
    assert peer.links[0]["dynamic"] and peer.links[0]["source"] is None


# --- names

def test_a_name_of_ones_own(wire: Wire) -> None:
    assert wire.sender("q", name="n").name == "n"
    assert wire.receiver("q", name="n").name == "n"


def test_default_names(wire: Wire) -> None:
    """They are proton's: the container and the addresses, the one asked for first."""
    assert wire.sender("t").name == "me-t"
    assert wire.receiver("s").name == "me-s"
    assert wire.sender("t", "s").name == "me-t-s"
    assert wire.receiver("s", "t").name == "me-s-t"
    assert wire.sender(source="only").name == "me-only"
    assert wire.sender("q", name="").name == "me-q"


def test_links_without_an_address_get_names_of_no_others(wire: Wire) -> None:
    names = [wire.sender().name, wire.sender().name, wire.receiver().name, Wire().receiver().name]
    assert len(set(names)) == 4
    assert all(name.startswith("me-") for name in names)


def test_links_to_one_address_have_names_of_their_own(wire: Wire) -> None:
    assert [wire.sender("q").name for _ in range(3)] == ["me-q", "me-q-2", "me-q-3"]
    assert [wire.receiver("q").name for _ in range(3)] == ["me-q", "me-q-2", "me-q-3"]


def test_a_name_made_up_is_none_that_was_given(wire: Wire) -> None:
    wire.sender("other", name="me-q")
    assert wire.sender("q").name == "me-q-2"


def test_sessions_of_a_connection_share_the_names(wire: Wire) -> None:
    names = [wire.container.create_sender(wire.connection.session(), "q").name for _ in range(2)]
    assert names == ["me-q", "me-q-2"]


def test_connections_of_a_container_share_the_names() -> None:
    """To a peer a link is known by container and name, section 2.6.1."""
    container = Container(container_id="me")
    first, second = container.connect("amqp://h"), container.connect("amqp://h")
    assert container.create_receiver(first, "q").name == "me-q"
    assert container.create_receiver(second, "q").name == "me-q-2"
    assert container.create_receiver("amqp://h/q").name == "me-q-3"
    assert container.create_receiver(container.connect("amqp://h", container_id="you"), "q").name == "you-q"


@pytest.mark.parametrize("leave", [
    lambda link: link.close(), lambda link: link.detach(), lambda link: link.session.close(),
    lambda link: link.connection.close(), lambda link: link.free(),
], ids=["closed", "detached", "session closed", "connection closed", "freed"])
def test_a_name_is_free_again_once_its_link_is_gone(leave: Callable[[Link], None]) -> None:
    """A durable subscription without a name is found again in this way."""
    container = Container(container_id="me")
    connections = [container.connect("amqp://h") for _ in range(2)]
    leave(container.create_receiver(connections[0], "q"))
    assert container.create_receiver(connections[1], "q").name == "me-q"


@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
def test_a_name_that_is_taken(wire: Wire, create: str) -> None:
    make = getattr(wire.container, create)
    link = make(wire.connection, "q", name="n")
    with pytest.raises(ValueError, match="called 'n'"):
        make(link.session, "other", name="n")
    assert len(wire.attaches()) == 1
    link.close()
    assert make(link.session, "other", name="n").name == "n"
    assert wire.attaches() == [], "the peer is told once it has left the first one"


def test_a_sender_and_a_receiver_may_share_a_name(wire: Wire) -> None:
    assert wire.sender("q", name="n").name == wire.receiver("q", name="n").name == "n"


def test_a_name_may_be_taken_over_on_another_session(wire: Wire) -> None:
    wire.sender("q", name="n")
    wire.container.create_sender(wire.connection.session(), "q", name="n")


# --- the context

def test_links_on_a_connection_share_a_session(wire: Wire) -> None:
    wire.container.create_sender(wire.connection, "q")
    wire.container.create_receiver(wire.connection, "q")
    assert [type(frame).__name__ for frame in wire.said()] == ["Open", "Begin", "Attach", "Attach"]


def test_a_session_is_used_as_it_is(wire: Wire) -> None:
    session = wire.connection.session()
    sender = wire.container.create_sender(session, "q")
    receiver = wire.container.create_receiver(session, "q")
    assert sender.session is receiver.session is session
    assert wire.attaches() == []
    session.open()
    assert [type(frame) for frame in wire.said()] == [Begin, Attach, Attach]


@pytest.mark.parametrize("kind", [str, Url])
def test_a_url_makes_a_connection(run: Run, url: str, peer: Peer, kind: Any) -> None:
    """It is the link's, and stays open until the program closes it; the path is the address."""
    program = Program(lambda container: [
        container.create_sender(kind(f"{url}/there")), container.create_receiver(kind(f"{url}/there"))], count=2)
    run(Container(program, container_id="me"))
    sender, receiver = program.begun
    assert sender.connection is not receiver.connection
    assert peer.connections == ["me", "me"]
    told = sorted((link["role"], link["source"], link["target"], link["name"]) for link in peer.links)
    assert told == [("receiver", "there", None, "me-there"), ("sender", None, "there", "me-there")]


def test_an_address_goes_before_the_path_of_a_url(run: Run, url: str, peer: Peer) -> None:
    program = Program(lambda container: [container.create_sender(f"{url}/there", "here", "from"),
                                         container.create_receiver(f"{url}/there", "here", "to")], count=2)
    run(Container(program))
    told = sorted((link["role"], link["source"], link["target"]) for link in peer.links)
    assert told == [("receiver", "here", "to"), ("sender", "from", "here")]


def test_a_url_without_a_path_gives_no_address(run: Run, url: str, peer: Peer) -> None:
    program = Program(lambda container: container.create_sender(url))
    run(Container(program))
    assert peer.links[0]["target"] is None


def test_the_connection_of_a_url_outlives_the_link(run: Run, url: str) -> None:
    class Closing(Program):
        def on_link_opened(self, event: Any) -> None:
            event.link.close()

        def on_link_closed(self, event: Any) -> None:
            self.trace.append("link closed")
            event.container.schedule(0, self)

        def on_timer_task(self, event: Any) -> None:
            connection = self.begun.connection
            active = Endpoint.LOCAL_ACTIVE | Endpoint.REMOTE_ACTIVE
            self.trace.append("open" if connection.state == active else "closed")
            connection.close()

    program = Closing(lambda container: container.create_sender(f"{url}/q"))
    run(Container(program))
    assert program.trace == ["link closed", "open"]


def test_links_may_be_asked_for_before_the_connection_is_there(run: Run, url: str, peer: Peer) -> None:
    def begin(container: Container) -> Any:
        connection = container.connect(url)
        return [container.create_sender(connection, "q"), container.create_receiver(connection, "q")]

    program = Program(begin, count=2)
    run(Container(program))
    assert program.trace == ["opened", "opened"]
    assert len({link["session"] for link in peer.links}) == 1


def test_links_of_a_listeners_connection(run: Run, background: Background) -> None:
    """They share a session of its own, too."""

    class Server(MessagingHandler):
        def on_connection_opened(self, event: Any) -> None:
            links = [event.container.create_sender(event.connection, "to-you") for _ in range(2)]
            assert links[0].session is links[1].session

    class Client(MessagingHandler):
        names: List[str] = []

        def on_start(self, event: Any) -> None:
            event.container.connect(url)

        def on_link_opened(self, event: Any) -> None:
            self.names.append(event.link.name)
            if len(self.names) == 2:
                event.connection.close()

    url = f"127.0.0.1:{background(Server(), container_id='server').listen('127.0.0.1:0').port}"
    client = Client()
    run(Container(client, container_id="client"))
    assert len(set(client.names)) == 2


def test_links_asked_for_on_another_thread(background: Background, url: str, peer: Peer) -> None:
    there = threading.Event()

    class Waiting(MessagingHandler):
        def on_link_opened(self, event: Any) -> None:
            there.set()

    container = background()
    sender = container.create_sender(f"{url}/q", handler=Waiting())
    assert there.wait(10)
    assert peer.links[0]["name"] == sender.name
    # There is no handler that would answer the peer's close.
    container.submit(sender.connection.close).result(10)


# --- handlers

def test_a_links_handler_gets_its_events_instead_of_the_others(run: Run, url: str) -> None:
    class Listening(MessagingHandler):
        def __init__(self) -> None:
            super().__init__()
            self.told: List[str] = []

        def on_link_opened(self, event: Any) -> None:
            self.told.append(event.link.name)
            event.connection.close()

    class Starting(Listening):
        def on_start(self, event: Any) -> None:
            self.receiver = event.container.create_receiver(f"{url}/q", name="r", handler=mine)

    mine, other = Listening(), Starting()
    run(Container(other))
    assert (mine.told, other.told) == (["r"], [])
    assert other.receiver.handler is mine


def test_any_object_is_a_handler(wire: Wire) -> None:
    handler = object()
    sender = wire.container.create_sender(wire.connection, "q", handler=handler)
    assert sender.handler.handlers == [handler]
    assert wire.container.create_receiver(wire.connection, "q").handler is None


# --- delivery tags

def tagged(wire: Wire, tags: Any) -> Any:
    """A sender with such tags."""
    return wire.container.create_sender(wire.connection, "q", tags=tags)


def test_tags_are_counted_by_default(wire: Wire) -> None:
    sender = tagged(wire, None)
    assert [sender.send(Message(body=n)).tag for n in range(3)] == ["1", "2", "3"]


def counter() -> Callable[[], bytes]:
    count = iter(range(1000))
    return lambda: b"tag-%d" % next(count)


def generator() -> Any:
    for n in range(1000):
        yield b"tag-%d" % n


@pytest.mark.parametrize("tags", [counter(), generator, generator(), [b"tag-0", b"tag-1", b"tag-2"],
                                  iter(["tag-0", "tag-1", "tag-2"])],
                         ids=["function", "generator function", "generator", "list", "iterator of strings"])
def test_tags_of_ones_own(wire: Wire, tags: Any) -> None:
    sender = tagged(wire, tags)
    assert [sender.send(Message(body=n)).tag for n in range(3)] == ["tag-0", "tag-1", "tag-2"]


def test_tags_reach_the_peer(run: Run, url: str, peer: Peer) -> None:
    class Sending(MessagingHandler):
        settled = 0

        def on_start(self, event: Any) -> None:
            event.container.create_sender(f"{url}/q", tags=iter([b"one", b"\xff", b""]))

        def on_sendable(self, event: Any) -> None:
            if not event.sender.unsettled and not self.settled:
                for n in range(3):
                    event.sender.send(Message(body=n))

        def on_settled(self, event: Any) -> None:
            self.settled += 1
            if self.settled == 3:
                event.connection.close()

    run(Container(Sending()))
    assert peer.tags == ["one", b"\xff", ""]


def test_a_function_for_tags_is_not_called_before_a_tag_is_needed(wire: Wire) -> None:
    calls: List[int] = []

    def make() -> bytes:
        calls.append(1)
        return b"t"

    sender = tagged(wire, make)
    assert calls == []
    sender.send(Message(body=1))
    assert calls == [1]


def test_a_tag_given_to_send_goes_before_the_others(wire: Wire) -> None:
    sender = tagged(wire, counter())
    assert sender.send(Message(body=1), tag=b"mine").tag == "mine"
    assert sender.send(Message(body=1)).tag == "tag-0"


@pytest.mark.parametrize("tags", [3, "tag", b"tag", bytearray(b"tag"), True, object()])
def test_what_is_no_source_of_tags(wire: Wire, tags: Any) -> None:
    with pytest.raises(TypeError, match="tags must be"):
        tagged(wire, tags)
    assert wire.attaches() == []
    assert wire.sender("q").name == "me-q"


@pytest.mark.parametrize("tag", [3, None, 1.5, ["t"], generator()])
def test_tags_that_are_none(wire: Wire, tag: Any) -> None:
    sender = tagged(wire, lambda: tag if sender.unsettled else b"good")
    sender.send(Message(body=1))
    with pytest.raises(TypeError, match="delivery tag"):
        sender.send(Message(body=2))
    assert sender.unsettled == 1
    assert sender.send(Message(body=3), tag=b"better").tag == "better"


@pytest.mark.parametrize("tag", [3, 2.5, ["t"]])
def test_a_tag_for_a_delivery_that_is_none(wire: Wire, tag: Any) -> None:
    sender = tagged(wire, None)
    with pytest.raises(TypeError, match="delivery tag"):
        sender.send(Message(body=1), tag=tag)
    assert sender.unsettled == 0


@pytest.mark.parametrize("tags", [[b"1", b"2"], lambda tags=iter([b"1", b"2"]): next(tags)], ids=["list", "function"])
def test_tags_that_run_out(wire: Wire, tags: Any) -> None:
    sender = tagged(wire, tags)
    sent = [sender.send(Message(body=n)) for n in range(2)]
    with pytest.raises(LinkException, match="'me-q' have run out"):
        sender.send(Message(body=2))
    assert [delivery.tag for delivery in sent] == ["1", "2"]
    assert sender.unsettled == 2
    assert sender.send(Message(body=2), tag=b"3").tag == "3"


@pytest.mark.parametrize("tags", [lambda: b"same", lambda: "same"], ids=["bytes", "str"])
def test_tags_that_repeat(wire: Wire, tags: Any) -> None:
    """They may, once the delivery that had the tag is settled: section 2.6.12."""
    sender = tagged(wire, tags)
    delivery = sender.send(Message(body=1))
    with pytest.raises(LinkException, match="same.*unsettled"):
        sender.send(Message(body=2))
    assert sender.unsettled == 1
    delivery.settle()
    assert sender.send(Message(body=3)).tag == "same"


def test_settled_tags_are_not_remembered_for_ever(wire: Wire) -> None:
    sender = tagged(wire, (b"%d" % n for n in range(5000)))
    kept = sender.send(Message(body="kept"))
    for _ in range(4000):
        sender.send(Message(body="x")).settle()
    assert len(sender.tag_generator._drawn) < 1100
    sender.tag_generator._draw = lambda: kept.tag
    with pytest.raises(LinkException, match="unsettled"):
        sender.send(Message(body="again"))


# --- what cannot be

@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
def test_a_node_that_the_peer_does_not_have(run: Run, url: str, create: str) -> None:
    """The handler is told the peer's own words, and the next link works."""

    class Again(Program):
        def on_link_error(self, event: Any) -> None:
            super().on_link_error(event)
            getattr(event.container, create)(event.connection, "somewhere")

    program = Again(lambda container: getattr(container, create)(f"{url}/nowhere"), count=3)
    run(Container(program))
    assert program.trace == ["opened", "error", "opened"]  # A refusal is an answer, and then the link's end.
    (condition,) = program.conditions
    assert (condition.name, condition.description) == ("amqp:not-found", "there is no node 'nowhere'")


@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
@pytest.mark.parametrize("argument", ["source", "target", "name"])
@pytest.mark.parametrize("value, error", [(5, TypeError), (b"q", TypeError), (Url("h/q"), TypeError),
                                          (["q"], TypeError), ("\ud800", ValueError)])
def test_addresses_and_names_that_are_none(wire: Wire, create: str, argument: str, value: Any, error: Any) -> None:
    with pytest.raises(error, match=argument):
        getattr(wire.container, create)(wire.connection, **{argument: value})
    assert wire.attaches() == []
    assert ends(wire.sender("q")) == (None, "q")


@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
@pytest.mark.parametrize("context", [None, 5, b"amqp://h/q", object(), Container(), ["amqp://h/q"]])
def test_contexts_that_are_none(create: str, context: Any) -> None:
    with pytest.raises(TypeError, match="expected a connection, a session or a URL"):
        getattr(Container(), create)(context, "q")


@pytest.mark.parametrize("context", ["http://h/q", "amqp://h:nobody/q", "amqp://my host/q"])
def test_urls_that_are_none(run: Run, context: str) -> None:
    container = Container()
    with pytest.raises(ValueError):
        container.create_sender(context, "q")
    run(container)


def test_an_unknown_keyword(wire: Wire) -> None:
    with pytest.raises(TypeError, match="adress"):
        wire.container.create_sender(wire.connection, adress="q")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="tags"):
        wire.container.create_receiver(wire.connection, tags=counter())  # type: ignore[call-arg]


@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
def test_a_closed_connection(wire: Wire, create: str) -> None:
    session = wire.connection.session()
    wire.connection.close()
    for context in (wire.connection, session):
        with pytest.raises(ConnectionException, match="closed"):
            getattr(wire.container, create)(context, "q")
    assert wire.attaches() == []


@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
def test_a_closed_session(wire: Wire, create: str) -> None:
    session = wire.connection.session()
    session.open()
    session.close()
    with pytest.raises(SessionException, match="closed"):
        getattr(wire.container, create)(session, "q")
    assert wire.receiver("q").name == "me-q"


def test_an_end_that_the_peer_made(run: Run, background: Background) -> None:
    """The connection, or the session, was closed by the peer, and not yet by this end."""

    class Ending(MessagingHandler):
        def on_session_opened(self, event: Any) -> None:
            event.session.close()

        def on_session_closed(self, event: Any) -> None:
            event.connection.close()

    class Trying(MessagingHandler):
        errors: List[type] = []

        def on_start(self, event: Any) -> None:
            connection = event.container.connect(url)
            connection.session().open()

        def on_session_closing(self, event: Any) -> None:
            with pytest.raises(SessionException):
                event.container.create_sender(event.session, "q")
            self.errors.append(SessionException)

        def on_connection_closing(self, event: Any) -> None:
            with pytest.raises(ConnectionException):
                event.container.create_sender(event.connection, "q")
            self.errors.append(ConnectionException)

    url = f"127.0.0.1:{background(Ending()).listen('127.0.0.1:0').port}"
    program = Trying()
    run(Container(program))
    assert program.errors == [SessionException, ConnectionException]


def test_a_connection_that_was_lost_for_good(run: Run, refused_port: int) -> None:
    class Trying(MessagingHandler):
        raised = False

        def on_start(self, event: Any) -> None:
            self.connection = event.container.connect(f"127.0.0.1:{refused_port}", reconnect=False)

        def on_transport_closed(self, event: Any) -> None:
            event.container.schedule(0.01, self)

        def on_timer_task(self, event: Any) -> None:
            with pytest.raises(ConnectionException, match="has ended"):
                event.container.create_sender(self.connection, "q")
            self.raised = True

    program = Trying()
    run(Container(program))
    assert program.raised


def test_a_connection_that_comes_back_takes_links_meanwhile(run: Run, refused_port: int, url: str) -> None:
    """It is neither there nor over: what was asked for is done on the next one."""

    class Trying(Program):
        def on_disconnected(self, event: Any) -> None:
            if not self.opened and not self.trace:
                self.trace.append("disconnected")
                event.container.create_sender(event.connection, "q")

    program = Trying(lambda container: container.connect(urls=[f"127.0.0.1:{refused_port}", url]))
    run(Container(program))
    assert program.trace == ["disconnected", "opened"]


def test_a_connection_that_the_peer_sent_away_for_a_while_takes_links(run: Run, background: Background) -> None:
    """After a close with this condition connections are made again, and their links with them."""

    class Restarting(Peer):
        def on_connection_opened(self, event: Any) -> None:
            super().on_connection_opened(event)
            if len(self.connections) == 1:
                event.connection.condition = Condition("amqp:connection:forced", "back in a moment")
                event.connection.close()

    class Trying(Program):
        def on_connection_remote_close(self, event: Any) -> None:
            if not self.trace:
                self.trace.append(event.connection.remote_condition.name)
                event.container.create_sender(event.connection, "q")

    restarting = Restarting()
    port = background(restarting).listen("127.0.0.1:0").port
    program = Trying(lambda container: container.connect(f"127.0.0.1:{port}"))
    run(Container(program))
    assert program.trace == ["amqp:connection:forced", "opened"]
    assert [link["target"] for link in restarting.links] == ["q"]


class Raising(LinkOption):
    def apply(self, link: Link) -> None:
        raise RuntimeError("not today")


@pytest.mark.parametrize("spoilt", [
    dict(options=Raising()), dict(options="none"), dict(name=5), dict(source=5), dict(target=b"q"),
], ids=["option raises", "options", "name", "source", "target"])
@pytest.mark.parametrize("create", ["create_sender", "create_receiver"])
def test_nothing_is_left_of_a_link_that_could_not_be_made(
    run: Run, url: str, peer: Peer, create: str, spoilt: Any
) -> None:
    """The container does not connect for it, nor wait for a connection that nobody knows."""

    def begin(container: Container) -> None:
        with pytest.raises((RuntimeError, TypeError)):
            getattr(container, create)(f"{url}/q", **spoilt)

    run(Container(Program(begin)))
    assert peer.links == peer.connections == []


def test_a_link_that_could_not_be_made_costs_the_connection_nothing(run: Run, url: str, peer: Peer) -> None:
    def begin(container: Container) -> None:
        connection = container.connect(url)
        with pytest.raises(RuntimeError):
            container.create_receiver(connection, "bad", options=Raising())
        container.create_receiver(connection, "good")

    program = Program(begin)
    run(Container(program))
    assert program.trace == ["opened"]
    assert [link["source"] for link in peer.links] == ["good"]
