"""What link options do to a link."""

from __future__ import annotations

from typing import Any, List

import pytest

from syncproton.codec import Described, symbol
from syncproton.engine import Connection, Link, Receiver, Sender, Terminus
from syncproton.reactor import (
    AtLeastOnce,
    AtMostOnce,
    Copy,
    DurableSubscription,
    DynamicNodeProperties,
    Filter,
    LinkOption,
    Move,
    ReceiverOption,
    Selector,
    SenderOption,
)
from syncproton.reactor.options import apply_options, check_options


@pytest.fixture
def sender() -> Sender:
    return Connection().session().sender("s")


@pytest.fixture
def receiver() -> Receiver:
    return Connection().session().receiver("r")


def first(data: Any) -> Any:
    data.rewind()
    return data.get_object() if data.next() else None


def test_at_most_once(sender: Sender) -> None:
    apply_options([AtMostOnce()], sender)
    assert sender.snd_settle_mode == Link.SND_SETTLED


def test_at_least_once(receiver: Receiver) -> None:
    apply_options([AtLeastOnce()], receiver)
    assert receiver.snd_settle_mode == Link.SND_UNSETTLED
    assert receiver.rcv_settle_mode == Link.RCV_FIRST


def test_copy_and_move(receiver: Receiver) -> None:
    apply_options([Copy()], receiver)
    assert receiver.source.distribution_mode == Terminus.DIST_MODE_COPY
    apply_options([Move()], receiver)
    assert receiver.source.distribution_mode == Terminus.DIST_MODE_MOVE


def test_durable_subscription(receiver: Receiver) -> None:
    apply_options([DurableSubscription()], receiver)
    assert receiver.source.durability == Terminus.DELIVERIES
    assert receiver.source.expiry_policy == Terminus.EXPIRE_NEVER


def test_receiver_options_leave_senders_alone(sender: Sender) -> None:
    apply_options([Copy(), DurableSubscription(), Selector("a = 1")], sender)
    assert sender.source.distribution_mode == Terminus.DIST_MODE_UNSPECIFIED
    assert sender.source.durability == Terminus.NONDURABLE
    assert first(sender.source.filter) is None


def test_dynamic_node_properties(sender: Sender, receiver: Receiver) -> None:
    option = DynamicNodeProperties({"lifetime-policy": 1, symbol("x"): 2})
    assert option.properties == {symbol("lifetime-policy"): 1, symbol("x"): 2}
    apply_options([option], receiver)
    apply_options([option], sender)
    assert first(receiver.source.properties) == option.properties
    assert first(sender.target.properties) == option.properties


def test_selector(receiver: Receiver) -> None:
    apply_options([Selector("colour = 'green'")], receiver)
    expected = {symbol("selector"): Described(symbol("apache.org:selector-filter:string"), "colour = 'green'")}
    assert first(receiver.source.filter) == expected


def test_filters_join(receiver: Receiver) -> None:
    apply_options([Filter({symbol("a"): 1}), Selector("x = 1", name="jms"), Filter({"b": 2})], receiver)
    filters = first(receiver.source.filter)
    assert set(filters) == {"a", "jms", "b"}
    assert all(isinstance(name, symbol) for name in filters)


def test_options_of_ones_own(sender: Sender, receiver: Receiver) -> None:
    applied: List[Any] = []

    class Recorder(LinkOption):
        def apply(self, link: Link) -> None:
            applied.append((type(self).__name__, link.name))

    class Never(Recorder):
        def test(self, link: Link) -> bool:
            return False

    class ForSenders(Recorder, SenderOption):
        pass

    class ForReceivers(Recorder, ReceiverOption):
        pass

    options = [Recorder(), Never(), ForSenders(), ForReceivers()]
    apply_options(options, sender)
    apply_options(options, receiver)
    assert applied == [("Recorder", "s"), ("ForSenders", "s"), ("Recorder", "r"), ("ForReceivers", "r")]


def test_one_or_several_or_none() -> None:
    option = Copy()
    assert check_options(None) == []
    assert check_options(option) == [option]
    assert check_options([option]) == [option]
    assert check_options((option,)) == [option]


@pytest.mark.parametrize("options", ["copy", 3, [Copy], [None], [Copy(), "x"]])
def test_what_is_no_option(options: Any) -> None:
    with pytest.raises(TypeError, match="not a link option"):
        check_options(options)
