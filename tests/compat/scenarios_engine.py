"""The engine by hand: connections and transports, from the beginning to each kind of end."""

from __future__ import annotations

from typing import Any

import proton
from hand import End, Pair, drop
from record import states
from scenario import Differs, scenario


@scenario()
def a_new_connection(run: Any) -> None:
    connection = proton.Connection()
    run.note(states(connection.state), connection.container, connection.hostname, connection.user, connection.password)
    run.note(connection.remote_container, connection.remote_hostname, connection.remote_properties)
    run.note(connection.remote_offered_capabilities, connection.remote_desired_capabilities)
    run.note(connection.offered_capabilities, connection.desired_capabilities, connection.properties)
    run.note(connection.condition, connection.remote_condition, connection.transport)
    run.note(connection.session_head(0), connection.link_head(0), connection.error)


@scenario()
def a_new_transport(run: Any) -> None:
    for transport in (proton.Transport(), proton.Transport(proton.Transport.SERVER)):
        run.note(transport.capacity() > 0, transport.closed, transport.condition, transport.connection)
        run.note(transport.max_frame_size, transport.remote_max_frame_size, transport.channel_max)
        run.note(transport.remote_channel_max, transport.idle_timeout, transport.remote_idle_timeout)
        run.note(transport.frames_input, transport.frames_output, transport.authenticated, transport.encrypted)
        run.note(transport.user, transport.pending() > 0)


@scenario()
def opened_and_closed(run: Any) -> None:
    pair = Pair(run)
    pair.pump()
    pair.client.connection.open()
    pair.pump()
    pair.server.connection.open()
    pair.pump()
    pair.client.connection.close()
    pair.pump()
    pair.server.connection.close()
    pair.pump()
    pair.client.show()
    pair.server.show()


@scenario()
def opened_and_closed_before_anything_was_sent(run: Any) -> None:
    pair = Pair(run)
    pair.client.connection.open()
    pair.client.connection.close()
    pair.pump()
    pair.server.connection.open()
    pair.server.connection.close()
    pair.pump()
    pair.client.show()


@scenario()
def closed_by_both_at_once(run: Any) -> None:
    pair = Pair(run).open()
    pair.client.connection.close()
    pair.server.connection.close()
    pair.pump()
    pair.client.show()
    pair.server.show()


@scenario()
def closed_with_a_condition(run: Any) -> None:
    pair = Pair(run).open()
    pair.server.connection.condition = proton.Condition("app:done", "enough", {proton.symbol("n"): 1})
    pair.server.connection.close()
    pair.pump()
    remote = pair.client.connection.remote_condition
    run.note(remote.name, remote.description, remote.info, remote == proton.Condition("app:done", "enough", {"n": 1}))
    pair.client.connection.close()
    pair.pump()


@scenario()
def opened_and_closed_twice(run: Any) -> None:
    pair = Pair(run).open()
    pair.client.connection.open()
    pair.pump()
    pair.client.connection.close()
    pair.client.connection.close()
    pair.pump()
    run.tried("open again", pair.client.connection.open)
    pair.pump()
    run.note(states(pair.client.connection.state))


@scenario()
def closed_without_having_been_opened(run: Any) -> None:
    pair = Pair(run)
    pair.client.connection.close()
    pair.pump()
    pair.client.show()
    pair.server.show()


@scenario()
def what_an_open_tells(run: Any) -> None:
    def client(end: End) -> None:
        connection = end.connection
        connection.hostname = "example.com"
        connection.properties = {"product": "test", proton.symbol("n"): 3}
        connection.offered_capabilities = [proton.symbol("a"), proton.symbol("b")]
        connection.desired_capabilities = proton.symbol("c")
        end.transport.max_frame_size = 4096
        end.transport.channel_max = 7
        end.transport.idle_timeout = 20
    pair = Pair(run, client).open()
    connection, transport = pair.server.connection, pair.server.transport
    run.note(connection.remote_container, connection.remote_hostname)
    run.note(connection.remote_properties, list(connection.remote_offered_capabilities))
    run.note(list(connection.remote_desired_capabilities))
    run.note(transport.remote_max_frame_size, transport.remote_channel_max, transport.remote_idle_timeout)
    run.note(pair.client.transport.channel_max, pair.client.transport.idle_timeout)


@scenario()
def limits_of_frames_and_channels(run: Any) -> None:
    transport = proton.Transport()
    for size in (1, 511, 512, 0, 1 << 20):
        transport.max_frame_size = size
        run.note("frame", size, transport.max_frame_size)
    for channels in (0, 1, 32767, 32768, 65535):
        transport.channel_max = channels
        run.note("channels", channels, transport.channel_max)
    pair = Pair(run).open()

    def late() -> None:
        pair.client.transport.channel_max = 3
    run.tried("after open", late)


def limited(end: End) -> None:
    end.transport.channel_max = 1


TOO_MANY = Differs(
    "A session beyond the ``channel_max`` of either end is a ``SessionException``",
    proton=["too many -> True"], ours=["too many raises SessionException"])


@scenario(differs=TOO_MANY)
def no_more_channels(run: Any) -> None:
    fill(run, Pair(run, limited).open())


@scenario(differs=TOO_MANY)
def no_more_channels_for_the_peer(run: Any) -> None:
    fill(run, Pair(run, None, limited).open())


def fill(run: Any, pair: Pair) -> None:
    """Begin two sessions, and try a third."""
    for _ in range(2):
        pair.client.connection.session().open()
        pair.pump()
    run.tried("too many", lambda: bool(pair.client.connection.session()))


@scenario()
def wrong_bindings(run: Any) -> None:
    connection, other = proton.Connection(), proton.Connection()
    transport, second = proton.Transport(), proton.Transport()
    run.tried("bind", lambda: transport.bind(connection))
    run.tried("the same again", lambda: transport.bind(connection))
    run.tried("another connection", lambda: transport.bind(other))
    run.tried("another transport", lambda: second.bind(connection))
    run.note(transport.connection == connection, connection.transport == transport)
    run.tried("unbind", lambda: transport.unbind())
    run.tried("unbind again", lambda: transport.unbind())
    run.note(transport.connection, connection.transport)


@scenario(differs=Differs(
    "While a connection is being made again its remote state, and that of its sessions and links, is",
    proton=["client CONNECTION_BOUND AA"], ours=["client CONNECTION_BOUND AU"]))
def bound_again_after_a_loss(run: Any) -> None:
    pair = Pair(run).open()
    session = pair.client.connection.session()
    session.open()
    sender = session.sender("link")
    sender.open()
    pair.pump()
    drop(pair.client)
    run.note(states(pair.client.connection.state), states(session.state), states(sender.state))
    run.note(pair.client.connection.transport, pair.client.connection.remote_container)
    again = Pair(run)
    again.client.connection = pair.client.connection
    again.client.collector = pair.client.collector
    again.client.transport = proton.Transport()
    again.client.transport.bind(pair.client.connection)
    again.client.events()
    data = again.client.output()
    again.server.input(data)
    again.server.events()


# --- the stream ends

@scenario()
def input_ends_before_anything(run: Any) -> None:
    end = End(run, "client")
    end.connection.open()
    end.transport.close_tail()
    end.events()
    end.show()
    end.output()
    end.show()
    end.events()


@scenario()
def output_ends_before_anything(run: Any) -> None:
    end = End(run, "client")
    end.connection.open()
    end.transport.close_head()
    end.events()
    end.show()
    end.transport.close_tail()
    end.events()
    end.show()


@scenario()
def input_ends_after_open(run: Any) -> None:
    pair = Pair(run).open()
    pair.client.transport.close_tail()
    pair.client.events()
    pair.client.show()
    pair.pump()
    pair.client.show()
    pair.server.show()


@scenario()
def output_ends_after_open(run: Any) -> None:
    pair = Pair(run).open()
    pair.client.transport.close_head()
    pair.client.events()
    pair.pump()
    pair.client.show()
    pair.server.show()


@scenario()
def both_end_after_open(run: Any) -> None:
    pair = Pair(run).open()
    drop(pair.client)
    run.note(states(pair.client.connection.state))


@scenario()
def input_ends_after_close(run: Any) -> None:
    pair = Pair(run).open()
    pair.client.connection.close()
    data = pair.client.output()
    pair.client.events()
    pair.client.transport.close_tail()
    pair.client.events()
    pair.client.show()
    pair.server.input(data)
    pair.server.events()


@scenario()
def what_cannot_be_done_after_the_end(run: Any) -> None:
    end = End(run, "client")
    end.connection.open()
    end.output()
    end.transport.close_tail()
    run.tried("push", end.transport.push, b"AMQP")
    end.transport.close_head()
    run.note(end.transport.pending(), end.transport.capacity(), end.transport.closed)
    run.tried("peek", end.transport.peek, 10)
    run.tried("pop", end.transport.pop, 0)
    run.tried("pop what was there", end.transport.pop, 8)
    run.tried("close_tail", end.transport.close_tail)
    run.tried("close_head", end.transport.close_head)


@scenario()
def peeking_and_popping(run: Any) -> None:
    end = End(run, "client")
    end.connection.open()
    pending = end.transport.pending()
    first = bytes(end.transport.peek(8))
    run.note(first, bytes(end.transport.peek(8)) == first, len(bytes(end.transport.peek(pending))) == pending)
    end.transport.pop(8)
    run.note(end.transport.pending() == pending - 8)
    run.note(bytes(end.transport.peek(0)))
    run.note("wire", "rest", (first + end.output()).hex())
    run.note(end.transport.pending())
    run.note(bytes(end.transport.peek(5)))


# --- bytes that are none

def fed(run: Any, *pieces: bytes, name: str = "client", bind: bool = True) -> None:
    """Give a transport bytes, and write down what comes of it."""
    end = End(run, name, bind=bind)
    end.connection.open()
    for piece in pieces:
        end.input(piece)
    end.events()
    run.note("wire", end.name, end.output().hex())
    end.events()
    end.show()


AMQP = b"AMQP\x00\x01\x00\x00"
#: An open of a container "x".
OPEN = bytes.fromhex("0000001302000000005310c00601a10378797a")
CLOSE = bytes.fromhex("0000000c02000000005318 45".replace(" ", ""))


@scenario()
def another_protocol(run: Any) -> None:
    fed(run, b"HTTP/1.1 200 OK\r\n")


@scenario()
def another_version(run: Any) -> None:
    fed(run, b"AMQP\x00\x00\x09\x01")


@scenario()
def another_protocol_at_a_server(run: Any) -> None:
    fed(run, b"GET / HTTP/1.0\r\n", name="server")


@scenario()
def byte_by_byte(run: Any) -> None:
    fed(run, *(bytes([byte]) for byte in AMQP + OPEN + CLOSE))


@scenario()
def a_frame_that_is_too_short(run: Any) -> None:
    fed(run, AMQP + OPEN + b"\x00\x00\x00\x03\x02\x00\x00\x00")


GARBAGE = ("CONNECTION_INIT", "CONNECTION_BOUND", "CONNECTION_LOCAL_OPEN", "TRANSPORT", "CONNECTION_REMOTE_OPEN")


@scenario(differs=Differs(
    "Malformed frames are refused",
    proton=[
        *(f"client {name} AA" for name in (*GARBAGE, "TRANSPORT_TAIL_CLOSED")),
        "client not closed input ended output 0 None",
        "client says 0 Open(container_id='client', max_frame_size=32768, channel_max=32767)"],
    ours=[
        *(f"client {name} AA (amqp:decode-error)" for name in (
            *GARBAGE, "TRANSPORT_ERROR", "TRANSPORT_TAIL_CLOSED", "TRANSPORT_HEAD_CLOSED", "TRANSPORT_CLOSED")),
        "client says 0 Open(container_id='')",
        "client says 0 Close(error=Error(condition=symbol('amqp:decode-error')))",
        "client closed input ended output -1 amqp:decode-error"]))
def a_frame_whose_body_is_garbage(run: Any) -> None:
    fed(run, AMQP + OPEN + bytes.fromhex("0000000c02000000ffffffff"))


@scenario()
def bytes_before_binding(run: Any) -> None:
    fed(run, AMQP + OPEN, bind=False)


@scenario()
def a_heartbeat(run: Any) -> None:
    fed(run, AMQP + OPEN + bytes.fromhex("0000000802000000"))


@scenario()
def input_ends_within_the_header(run: Any) -> None:
    end = End(run, "client")
    end.connection.open()
    end.output()
    end.input(b"AMQ")
    end.transport.close_tail()
    end.events()
    end.show()


@scenario()
def limits_set_too_late(run: Any) -> None:
    end = End(run, "client")
    end.transport.max_frame_size = 600
    end.connection.open()
    end.transport.max_frame_size = 700
    run.note(end.transport.max_frame_size)
    end.output()
    for size in (800, 0, 700):
        end.transport.max_frame_size = size
        run.note(end.transport.max_frame_size)
    run.tried("channels", setattr, end.transport, "channel_max", 3)
    end.transport.idle_timeout = 4
    run.note(end.transport.idle_timeout)


# --- time

TIMELESS = "``Transport.tick`` returns 0 once the input has ended"


@scenario(differs=Differs(TIMELESS, proton=["tick 120.0 121.0"], ours=["tick 120.0 0.0"]))
def silence(run: Any) -> None:
    def client(end: End) -> None:
        end.transport.idle_timeout = 10
    pair = Pair(run, client).open()
    run.note(pair.server.transport.remote_idle_timeout)
    for now in (100.0, 104.0, 109.0, 111.0, 120.0):
        run.note("tick", now, pair.client.transport.tick(now))
        pair.client.events()
    pair.pump()
    pair.client.show()
    pair.server.show()


@scenario()
def silence_begins_with_the_first_word(run: Any) -> None:
    transport = proton.Transport()
    transport.idle_timeout = 2
    run.note(transport.tick(1))
    connection = proton.Connection()
    transport.bind(connection)
    run.note(transport.tick(2))
    connection.open()
    run.note(transport.tick(3))
    transport.pop(transport.pending())
    run.note(transport.tick(4), transport.tick(5))
    server = proton.Transport(proton.Transport.SERVER)
    server.idle_timeout = 2
    run.note(server.tick(1), server.tick(2))
    server.push(AMQP)
    run.note(server.tick(3), server.tick(4))


@scenario()
def no_clock_is_needed(run: Any) -> None:
    pair = Pair(run).open()
    run.note(pair.client.transport.tick(100.0), pair.client.transport.tick(200.0))
    pair.pump()
    pair.client.show()


@scenario(differs=Differs(TIMELESS, proton=["210.0"], ours=["0.0"]))
def ticking_after_the_end(run: Any) -> None:
    def client(end: End) -> None:
        end.transport.idle_timeout = 10
    pair = Pair(run, client).open()
    run.note(pair.client.transport.tick(100.0))
    pair.client.connection.close()
    pair.server.connection.close()
    pair.pump()
    run.note(pair.client.transport.tick(200.0))
    pair.client.show()


# --- logging in

def sasl(*mechanisms: str, **attributes: Any) -> Any:
    def prepare(end: End) -> None:
        layer = end.transport.sasl()
        layer.allow_insecure_mechs = True
        if mechanisms:
            layer.allowed_mechs(" ".join(mechanisms))
        for name, value in attributes.items():
            setattr(end.connection, name, value)
    return prepare


def outcomes(pair: Pair) -> None:
    for end in (pair.client, pair.server):
        layer = end.transport.sasl()
        pair.run.note(end.name, layer.outcome, layer.mech, layer.user, end.transport.user, end.transport.authenticated)
        end.show()


@scenario()
def login_of_anonymous(run: Any) -> None:
    pair = Pair(run, sasl("ANONYMOUS"), sasl("ANONYMOUS"))
    run.trace.clear()
    pair.client.connection.open()
    quiet(pair)
    outcomes(pair)


@scenario()
def login_without_a_mechanism_in_common(run: Any) -> None:
    pair = Pair(run, sasl("PLAIN", user="joe", password="secret"), sasl("ANONYMOUS"))
    pair.client.connection.open()
    quiet(pair)
    outcomes(pair)


@scenario()
def login_required_and_missing(run: Any) -> None:
    def server(end: End) -> None:
        end.transport.require_auth(True)
    pair = Pair(run, None, server)
    pair.client.connection.open()
    data = pair.client.output()
    pair.server.input(data)
    pair.server.events()
    run.note(pair.server.transport.condition.name)


def quiet(pair: Pair) -> None:
    """Pump without a word of the bytes: what a login says is told in scenarios with a scripted peer."""
    before = len(pair.run.trace)
    pair.pump()
    pair.run.trace[before:] = [line for line in pair.run.trace[before:] if not line.startswith("wire ")]
