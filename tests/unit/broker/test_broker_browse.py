"""Links that copy messages rather than move them: what they see, and that it changes nothing."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from syncproton.broker import Broker
from syncproton.codec import Described, symbol
from syncproton.engine import Delivery, Terminus
from syncproton.message import Message

Connect = Callable[[], Any]


def browser(client: Any, name: str = "browser", credit: int = 0, selector: str = "", presettled: bool = False) -> Any:
    link = client.session.receiver(name)
    link.source.address = "q"
    link.source.distribution_mode = Terminus.DIST_MODE_COPY
    if selector:
        link.source.filter.put_dict(
            {symbol("selector"): Described(symbol("apache.org:selector-filter:string"), selector)})
    if presettled:
        link.snd_settle_mode = link.SND_SETTLED
    client.attach(link)
    if credit:
        link.flow(credit)
    return link


@pytest.mark.parametrize("wanted, used", [
    (Terminus.DIST_MODE_COPY, Terminus.DIST_MODE_COPY), (Terminus.DIST_MODE_MOVE, Terminus.DIST_MODE_MOVE),
    (Terminus.DIST_MODE_UNSPECIFIED, Terminus.DIST_MODE_MOVE),
])
def test_the_mode_in_use_is_stated(client: Any, wanted: int, used: int) -> None:
    link = client.session.receiver("r")
    link.source.address = "q"
    link.source.distribution_mode = wanted
    client.attach(link)
    assert link.remote_source.distribution_mode == used


def test_all_is_seen_in_order_and_stays(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), *range(20))
    browser(client, credit=100)
    client.sync()
    assert client.bodies(20) == list(range(20)) and not client.received
    assert broker.depths() == {"q": 20}
    client.receiver("q", credit=100)
    assert client.bodies(20) == list(range(20))


def test_what_comes_later_is_seen_too(client: Any) -> None:
    browser(client, credit=10)
    client.send(client.sender("q"), "a", "b")
    assert client.bodies(2) == ["a", "b"]


def test_credit_is_honoured_and_drained(client: Any) -> None:
    client.send(client.sender("q"), *range(5))
    link = browser(client, credit=2)
    client.sync()
    assert client.bodies(2) == [0, 1] and not client.received
    link.drain(10)
    client.wait(lambda: not link.draining())
    assert client.bodies(3) == [2, 3, 4] and link.drained() == 7


@pytest.mark.parametrize("state", [Delivery.ACCEPTED, Delivery.REJECTED, Delivery.RELEASED, Delivery.MODIFIED, 0])
def test_what_a_browser_says_of_messages_changes_nothing(client: Any, broker: Broker, state: int) -> None:
    client.send(client.sender("q"), "x")
    browser(client, credit=10)
    (delivery, before), = client.take(1)
    if state == Delivery.MODIFIED:
        delivery.local.failed = delivery.local.undeliverable = True
        delivery.local.annotations = {symbol("x"): 1}
    if state:
        delivery.update(state)
    delivery.settle()
    client.sync()
    assert not client.received, "it is not shown again"
    assert broker.depths() == {"q": 1}
    client.receiver("q", credit=1)
    (_, after), = client.take(1)
    assert after == before


def test_the_broker_settles_when_a_browser_has_said_its_word(client: Any) -> None:
    client.send(client.sender("q"), "x")
    browser(client, credit=1)
    (delivery, _), = client.take(1)
    delivery.update(Delivery.ACCEPTED)
    client.wait(lambda: delivery.settled)


def test_presettled(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), "x", "y")
    browser(client, credit=10, presettled=True)
    received = client.take(2)
    assert all(delivery.settled for delivery, _ in received)
    assert broker.depths() == {"q": 2}


def test_a_browser_and_a_receiver_each_get_all(connect: Connect) -> None:
    client, other = connect(), connect()
    browser(client, credit=100)
    client.sync()
    other.receiver("q", credit=100)
    other.send(other.sender("q"), *range(10))
    assert client.bodies(10) == other.bodies(10) == list(range(10))


def test_browsers_don_t_share(client: Any) -> None:
    client.send(client.sender("q"), "x")
    for number in range(3):
        browser(client, f"browser {number}", credit=5)
    assert client.bodies(3) == ["x"] * 3


def test_what_is_being_delivered_is_in_the_queue_still(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), "a", "b")
    client.receiver("q", credit=1)
    held = client.take(1)
    browser(other, credit=10)
    assert other.bodies(2) == ["a", "b"]
    client.settle(held, Delivery.RELEASED)
    other.sync()
    assert not other.received, "once each, also what came back"


def test_what_is_consumed_is_seen_no_more(connect: Connect) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), "a", "b", "c")
    link = browser(other, credit=1)
    assert other.bodies(1) == ["a"]
    client.receiver("q", credit=2)
    client.settle(client.take(2), Delivery.ACCEPTED)
    link.flow(10)
    assert other.bodies(1) == ["c"]


def test_a_browser_with_a_selector(client: Any, broker: Broker) -> None:
    client.send(client.sender("q"), *[Message(body=number, properties={"n": number}) for number in range(6)])
    browser(client, credit=10, selector="n > 1 AND n <> 4")
    client.sync()
    assert client.bodies(3) == [2, 3, 5] and not client.received
    assert broker.depths() == {"q": 6}


def test_a_browser_of_a_temporary_queue_goes_with_it(connect: Connect) -> None:
    client, other = connect(), connect()
    link = client.session.receiver("dynamic")
    link.source.dynamic = True
    client.attach(link)
    looking = other.session.receiver("looking")
    looking.source.address = link.remote_source.address
    looking.source.distribution_mode = Terminus.DIST_MODE_COPY
    other.attach(looking)
    client.close()
    other.wait(lambda: looking.remote_condition)
    assert looking.remote_condition.name == "amqp:resource-deleted"


def test_a_browser_that_vanishes_leaves_nothing(connect: Connect, broker: Broker) -> None:
    client, other = connect(), connect()
    client.send(client.sender("q"), *range(3))
    browser(other, credit=10)
    other.take(3)
    other.vanish()
    client.receiver("q", credit=10)
    client.settle(client.take(3), Delivery.ACCEPTED)
    assert broker.depths() == {"q": 0}
