"""What a message costs does not grow with what else there is.  Operations are counted, and no time is taken."""

from __future__ import annotations

import sys
from typing import Callable, List, Tuple

import pytest
from costs import allocated, instructions
from wiring import Linked, move, receive, send

from syncproton import Message
from syncproton.engine import Delivery, Receiver, Sender

#: What is counted.
MEASURES = [instructions, allocated] if sys.implementation.name == "cpython" else [instructions]
needs_cpython = pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy does not tell what it allocates")

#: How many messages are counted, and how much more each may cost: numbers and tags get longer.
COUNTED = 20
MARGIN = 1.1

#: What the reactor reads at a time, in bytes.
READ_SIZE = 65536


def exchange(linked: Linked, sender: Sender, receiver: Receiver, data: bytes = b"hello") -> None:
    """Send a message, and have it accepted and settled; all events are taken."""
    delivery = send(sender, data)
    carry(linked)
    arrived, read = receive(receiver)
    assert read == data
    receiver.flow(1)
    arrived.update(Delivery.ACCEPTED)
    arrived.settle()
    carry(linked)
    assert delivery.settled and delivery.remote_state == Delivery.ACCEPTED
    delivery.settle()
    carry(linked)


def carry(linked: Linked) -> None:
    """Carry all bytes, in portions such as a socket gives, and take all events."""
    a, b = linked.a, linked.b
    while move(a, b, READ_SIZE) or move(b, a, READ_SIZE):
        pass
    for end in (a, b):
        while end.collector.peek() is not None:
            end.collector.pop()


def costs_of_a_message(linked: Linked, sender: Sender, receiver: Receiver) -> List[float]:
    """What both ends take for one message, in each measure."""

    def work() -> None:
        for _ in range(COUNTED):
            exchange(linked, sender, receiver)

    work()
    return [measure(work) / COUNTED for measure in MEASURES]


def assert_no_more(costs: List[float], others: List[float]) -> None:
    """Check that what there is much of does not cost more than what there is little of."""
    for cost, other in zip(costs, others):
        assert 100 < cost < other * MARGIN


def with_links(count: int) -> Tuple[Linked, List[Tuple[Sender, Receiver]]]:
    """Two ends with so many links, in the order in which they were attached."""
    linked = Linked()
    senders = [linked.sender, *(linked.attach(f"link-{number}") for number in range(count - 1))]
    carry(linked)
    receivers = [link for link in linked.b.connection.links() if isinstance(link, Receiver)]
    for receiver in receivers[1:]:
        receiver.open()
        receiver.flow(100)
    carry(linked)
    assert len(senders) == len(receivers) == count
    return linked, list(zip(senders, receivers))


def test_cost_of_a_message_among_many_links() -> None:
    linked, links = with_links(1)
    alone = costs_of_a_message(linked, *links[0])
    linked, links = with_links(10_000)
    for place in (0, 5_000, -1):
        assert_no_more(costs_of_a_message(linked, *links[place]), alone)


def costs_among_unsettled(count: int) -> List[float]:
    """What a message costs when so many before it are unsettled, at both ends."""
    linked = Linked(credit=count + 10 * COUNTED)
    for _ in range(count):
        send(linked.sender, b"x")
    carry(linked)
    for _ in range(count):
        receive(linked.receiver)
    carry(linked)
    assert len(linked.out._outgoing) == len(linked.into._incoming) == count
    return costs_of_a_message(linked, linked.sender, linked.receiver)


def test_cost_of_a_message_among_many_unsettled() -> None:
    assert_no_more(costs_among_unsettled(100_000), costs_among_unsettled(10))


def large(linked: Linked, size: int) -> None:
    """Send a message with a body of so many bytes, from encoding to decoding."""
    data = Message(body=b"x" * size).encode()
    exchange(linked, linked.sender, linked.receiver, data)
    message = Message()
    message.decode(data)
    assert len(message.body) == size


@pytest.mark.parametrize("measure", [instructions, pytest.param(allocated, marks=needs_cpython)])
def test_cost_of_a_byte_in_messages_of_any_size(measure: Callable[[Callable[[], None]], int]) -> None:
    linked = Linked()
    large(linked, 1024)
    costs = [measure(lambda: large(linked, size)) / size for size in (1 << 10, 1 << 14, 1 << 17, 1 << 20)]
    assert costs[-1] > 0
    for smaller, larger in zip(costs, costs[1:]):
        assert larger < smaller * MARGIN
