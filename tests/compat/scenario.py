"""What a scenario is: a program, the script of the peers it talks to, and how the two libraries differ on purpose.

A scenario is a function of one argument, the :class:`record.Run` that writes down what happens.  It is registered by
:func:`scenario` in the table ``SCENARIOS`` of its module.  Its module imports ``proton`` and no other library of the
two: in one of the processes that run it that name stands for syncproton.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

__all__ = [
    "AMQP", "ATTACH_RECEIVER", "ATTACH_SENDER", "BEGIN", "CLOSE", "Differs", "END", "Expect", "FIN", "Frame", "GREET",
    "OPEN", "Part", "RESET", "Say", "Scenario", "credited", "error", "expect", "flow", "frame", "hello", "kept", "part",
    "parted", "say", "scenario",
]


class Part(NamedTuple):
    """A composite value of the wire: the name of its class, and its fields."""

    kind: str
    fields: Dict[str, Any]


class Frame(NamedTuple):
    """A frame for the peer to send."""

    body: Part
    channel: int = 0
    payload: bytes = b""


class Expect(NamedTuple):
    """The peer waits for one frame of a kind."""

    kind: str
    #: A kind of frames that may come before it.
    past: str = ""


class Say(NamedTuple):
    """The peer sends frames, and bytes as they are, all in one piece."""

    items: Tuple[Union[Frame, bytes], ...]


#: Steps of a script without particulars: let anybody in by ANONYMOUS, without writing that down; end the stream, and go
#: on reading; cut the connection off.
GREET, FIN, RESET = "greet", "fin", "reset"

Step = Any
#: What happens on one connection.  After it the peer reads until the client ends the stream.
Script = Sequence[Step]


class Differs(NamedTuple):
    """What is different on purpose: the lines that only one of the traces has.

    :param text: words of docs/porting.rst that say so.
    """

    text: str
    proton: Sequence[str] = ()
    ours: Sequence[str] = ()


class Scenario(NamedTuple):
    """A program and its surroundings."""

    name: str
    program: Callable[[Any], None]
    #: For each server, the scripts of the connections that it takes; a server without any refuses connections.
    servers: Sequence[Sequence[Script]]
    differs: Sequence[Differs]


def scenario(
    *servers: Sequence[Script], differs: Union[Differs, Sequence[Differs]] = ()
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a function as a scenario of its module.

    :param servers: for each, the scripts of its connections, in turn.
    :param differs: what is different on purpose.
    """
    def register(program: Callable[[Any], None]) -> Callable[[Any], None]:
        table: Dict[str, Scenario] = vars(sys.modules[program.__module__]).setdefault("SCENARIOS", {})
        assert program.__name__ not in table, f"there are two scenarios {program.__name__}"
        declared = (differs,) if isinstance(differs, Differs) else tuple(differs)
        table[program.__name__] = Scenario(program.__name__, program, servers, declared)
        return program

    return register


def parted(states: str, condition: str = "amqp:connection:framing-error", before: str = "") -> Differs:
    """The difference where a stream ends: the transport's error is told without the connection by proton."""
    return Differs(
        "``on_transport_error`` always has the connection, and goes to the handler of the connection",
        proton=[f"{before}callback on_transport_error transport ({condition})"],
        ours=[f"{before}callback on_transport_error connection {states}, transport ({condition})"])


def kept(states: str, condition: str) -> Differs:
    """The difference where a connection is closed after its transport has come to an end."""
    return Differs(
        "A connection keeps its transport until all that happened to it was told",
        proton=[f"event on_connection_local_close connection {states}"],
        ours=[f"event on_connection_local_close connection {states}, transport ({condition})"])


def credited(count: int) -> Differs:
    """The difference after the first messages: when credit is given for more."""
    return Differs(
        "it is topped up as soon as a message was handled",
        ours=[f"peer 1: < 0 Flow(next_incoming_id={count}, incoming_window=2147483647, next_outgoing_id=0, "
              f"outgoing_window=2147483647, handle=0, delivery_count={count}, link_credit=10)"])


# --- the words of scripts

AMQP = b"AMQP\x00\x01\x00\x00"


def part(kind: str, **fields: Any) -> Part:
    """A composite value."""
    return Part(kind, fields)


def frame(kind: str, channel: int = 0, payload: bytes = b"", **fields: Any) -> Frame:
    """A frame."""
    return Frame(Part(kind, fields), channel, payload)


def expect(*kinds: str, past: str = "") -> List[Step]:
    """Wait for frames of these kinds, in this order; flows that come in between are only written down.

    :param past: another kind that may come in between.
    """
    return [Expect(kind, past) for kind in kinds]


def say(*items: Union[Frame, bytes]) -> List[Step]:
    """Send this, in one piece."""
    return [Say(items)]


def error(condition: str, description: Optional[str] = None, **info: Any) -> Part:
    """Why something is closed."""
    return part("Error", condition=condition, description=description, info=info or None)


def flow(handle: Optional[int] = None, credit: int = 10, **fields: Any) -> Frame:
    """The windows of a session, and a link's credit."""
    if handle is not None:
        fields = {"handle": handle, "delivery_count": 0, "link_credit": credit, **fields}
    fields = {"next_incoming_id": 0, "incoming_window": 2048, "next_outgoing_id": 0, "outgoing_window": 2048, **fields}
    return frame("Flow", **fields)


OPEN = frame("Open", container_id="peer")
BEGIN = frame("Begin", remote_channel=0, next_outgoing_id=0, incoming_window=2048, outgoing_window=2048)
#: The peer's ends of a link named "link" from and to the address "queue".
ATTACH_SENDER = frame(
    "Attach", name="link", handle=0, role=False, source=part("Source", address="queue"),
    target=part("Target", address="queue"), initial_delivery_count=0)
ATTACH_RECEIVER = frame(
    "Attach", name="link", handle=0, role=True, source=part("Source", address="queue"),
    target=part("Target", address="queue"))
CLOSE = frame("Close")
END = frame("End")


def hello(body: bytes = b"hello", number: int = 0, **fields: Any) -> Frame:
    """A message with a short binary body."""
    payload = b"\x00\x53\x75\xa0" + bytes([len(body)]) + body
    return frame("Transfer", payload=payload, **{
        "handle": 0, "delivery_id": number, "delivery_tag": b"%d" % number, "message_format": 0, **fields})
