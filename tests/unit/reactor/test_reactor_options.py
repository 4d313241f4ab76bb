"""What link options do to a link, and what the peer is told of it."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List

import pytest
from attaches import Wire

from syncproton.codec import Described, symbol, ulong
from syncproton.engine import Connection, Link, Receiver, Sender, Terminus
from syncproton.errors import DataException
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
from syncproton.wire.performatives import Attach

SELECTOR = symbol("apache.org:selector-filter:string")
RECEIVER_OPTIONS = [Copy(), Move(), DurableSubscription(), Filter({"f": 1}), Selector("a = 1")]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def sender() -> Sender:
    return Connection().session().sender("s")


@pytest.fixture
def receiver() -> Receiver:
    return Connection().session().receiver("r")


def first(data: Any) -> Any:
    data.rewind()
    return data.get_object() if data.next() else None


#: What an end says of itself when nothing was asked for.
PLAIN = {"durable": 0, "expiry_policy": "session-end", "timeout": 0, "dynamic": False}


def fields(attach: Attach) -> Dict[str, Any]:
    """What an attach says besides the link's name, handle, direction and addresses, defaults left out."""
    found: Dict[str, Any] = {}
    for end in ("source", "target"):
        for name in type(getattr(attach, end)).__slots__:
            value = getattr(getattr(attach, end), name)
            if name != "address" and value is not None and value != PLAIN.get(name):
                found[f"{end}.{name}"] = value
    if attach.snd_settle_mode != Link.SND_MIXED:
        found["snd_settle_mode"] = attach.snd_settle_mode
    if attach.rcv_settle_mode != Link.RCV_FIRST:
        found["rcv_settle_mode"] = attach.rcv_settle_mode
    return found


def test_the_signatures_are_protons() -> None:
    def parameters(function: Any) -> Dict[str, Any]:
        return {p.name: p.default for p in inspect.signature(function).parameters.values() if p.name != "self"}

    needed = inspect.Parameter.empty
    for option in (LinkOption, AtMostOnce, AtLeastOnce, DynamicNodeProperties):
        assert parameters(option.apply) == {"link": needed}
    for option in (ReceiverOption, Copy, Move, DurableSubscription, Filter, Selector):
        assert parameters(option.apply) == {"receiver": needed}
    assert parameters(SenderOption.apply) == {"sender": needed}
    for option in (LinkOption, SenderOption, ReceiverOption):
        assert parameters(option.test) == {"link": needed}
    for option in (LinkOption, SenderOption, ReceiverOption, AtMostOnce, AtLeastOnce, Copy, Move, DurableSubscription):
        assert parameters(option) == {}
    assert parameters(DynamicNodeProperties) == {"props": {}}
    assert parameters(Filter) == {"filter_set": {}}
    assert parameters(Selector) == {"value": needed, "name": "selector"}


def test_the_family() -> None:
    for option in (SenderOption, ReceiverOption, AtMostOnce, AtLeastOnce, DynamicNodeProperties):
        assert option.__bases__ == (LinkOption,)
    for option in (Copy, Move, DurableSubscription, Filter):
        assert option.__bases__ == (ReceiverOption,)
    assert Selector.__bases__ == (Filter,)


# --- each option, as the peer sees it

def test_a_link_without_options(wire: Wire) -> None:
    assert fields(wire.sender("q")) == fields(wire.receiver("q")) == {}


def test_at_most_once(wire: Wire) -> None:
    assert fields(wire.sender("q", options=AtMostOnce())) == {"snd_settle_mode": 1}
    assert fields(wire.receiver("q", options=AtMostOnce())) == {"snd_settle_mode": 1}


def test_at_least_once(wire: Wire) -> None:
    assert fields(wire.sender("q", options=AtLeastOnce())) == {"snd_settle_mode": 0}
    assert fields(wire.receiver("q", options=AtLeastOnce())) == {"snd_settle_mode": 0}


def test_at_least_once_has_the_receiver_settle_first(receiver: Receiver) -> None:
    receiver.rcv_settle_mode = Link.RCV_SECOND
    AtLeastOnce().apply(receiver)
    assert (receiver.snd_settle_mode, receiver.rcv_settle_mode) == (Link.SND_UNSETTLED, Link.RCV_FIRST)


def test_at_most_once_sets_the_links_mode(sender: Sender) -> None:
    AtMostOnce().apply(sender)
    assert sender.snd_settle_mode == Link.SND_SETTLED


def test_copy(wire: Wire) -> None:
    attach = wire.receiver("q", options=Copy())
    assert fields(attach) == {"source.distribution_mode": "copy"}
    assert isinstance(attach.source.distribution_mode, symbol)


def test_move(wire: Wire) -> None:
    assert fields(wire.receiver("q", options=Move())) == {"source.distribution_mode": "move"}


def test_copy_and_move_set_the_sources_mode(receiver: Receiver) -> None:
    Copy().apply(receiver)
    assert receiver.source.distribution_mode == Terminus.DIST_MODE_COPY
    Move().apply(receiver)
    assert receiver.source.distribution_mode == Terminus.DIST_MODE_MOVE


def test_durable_subscription(wire: Wire) -> None:
    attach = wire.receiver("q", options=DurableSubscription())
    assert fields(attach) == {"source.durable": 2, "source.expiry_policy": "never"}


def test_durable_subscription_sets_the_source(receiver: Receiver) -> None:
    DurableSubscription().apply(receiver)
    assert receiver.source.durability == Terminus.DELIVERIES
    assert receiver.source.expiry_policy == Terminus.EXPIRE_NEVER


def test_selector(wire: Wire) -> None:
    attach = wire.receiver("q", options=Selector("colour = 'green'"))
    assert fields(attach) == {"source.filter": {symbol("selector"): Described(SELECTOR, "colour = 'green'")}}
    (name,) = attach.source.filter
    assert isinstance(name, symbol) and isinstance(attach.source.filter[name].descriptor, symbol)


def test_selector_with_a_name(wire: Wire) -> None:
    expected = {"source.filter": {symbol("jms"): Described(SELECTOR, "x > 1")}}
    assert fields(wire.receiver("q", options=Selector("x > 1", "jms"))) == expected
    assert fields(wire.receiver("q", options=Selector(value="x > 1", name="jms"))) == expected


def test_filter(wire: Wire) -> None:
    no_local = Described(ulong(0x468C00000003), [])
    attach = wire.receiver("q", options=Filter({"no-local": no_local, symbol("n"): None}))
    assert fields(attach) == {"source.filter": {symbol("no-local"): no_local, symbol("n"): None}}
    assert all(isinstance(name, symbol) for name in attach.source.filter)


def test_an_empty_filter(wire: Wire) -> None:
    assert fields(wire.receiver("q", options=Filter())) == {"source.filter": {}}


def test_filters_join(wire: Wire) -> None:
    options = [Filter({symbol("a"): 1}), Selector("x = 1", name="jms"), Filter({"b": 2}), Filter({"a": 3})]
    assert fields(wire.receiver("q", options=options)) == {
        "source.filter": {"a": 3, "jms": Described(SELECTOR, "x = 1"), "b": 2}}


def test_dynamic_node_properties(wire: Wire) -> None:
    properties = {"lifetime-policy": Described(ulong(0x2B), []), symbol("x"): 5}
    attach = wire.receiver(dynamic=True, options=DynamicNodeProperties(properties))
    assert fields(attach) == {"source.dynamic": True, "source.dynamic_node_properties": properties}
    assert all(isinstance(key, symbol) for key in attach.source.dynamic_node_properties)


def test_dynamic_node_properties_of_a_sender(wire: Wire) -> None:
    attach = wire.sender("q", options=DynamicNodeProperties({"x": "y"}))
    assert fields(attach) == {"target.dynamic_node_properties": {"x": "y"}}


def test_dynamic_node_properties_join(wire: Wire) -> None:
    attach = wire.receiver(dynamic=True, options=[DynamicNodeProperties({"a": 1}), DynamicNodeProperties({"b": 2})])
    assert attach.source.dynamic_node_properties == {"a": 1, "b": 2}


def test_all_together(wire: Wire) -> None:
    assert fields(wire.receiver("q", options=[AtLeastOnce(), *RECEIVER_OPTIONS])) == {
        "snd_settle_mode": 0,
        "source.distribution_mode": "move",
        "source.durable": 2,
        "source.expiry_policy": "never",
        "source.filter": {"f": 1, "selector": Described(SELECTOR, "a = 1")},
    }


# --- which are applied

@pytest.mark.parametrize("option", RECEIVER_OPTIONS, ids=lambda option: type(option).__name__)
def test_options_for_receivers_leave_senders_alone(wire: Wire, option: Any) -> None:
    assert fields(wire.sender("q", options=option)) == {}
    assert fields(wire.sender("q", options=[option])) == {}


def test_options_for_senders_leave_receivers_alone(wire: Wire) -> None:
    class Settled(SenderOption):
        def apply(self, sender: Link) -> None:
            sender.snd_settle_mode = Link.SND_SETTLED

    assert fields(wire.receiver("q", options=Settled())) == {}
    assert fields(wire.sender("q", options=Settled())) == {"snd_settle_mode": 1}


def test_whom_the_bases_are_for(sender: Sender, receiver: Receiver) -> None:
    for option, for_sender, for_receiver in [
        (LinkOption(), True, True), (SenderOption(), True, False), (ReceiverOption(), False, True),
    ]:
        assert (option.test(sender), option.test(receiver)) == (for_sender, for_receiver)


def test_the_bases_change_nothing(wire: Wire) -> None:
    assert fields(wire.sender("q", options=[LinkOption(), SenderOption(), ReceiverOption()])) == {}
    assert fields(wire.receiver("q", options=[LinkOption(), SenderOption(), ReceiverOption()])) == {}


def test_options_of_ones_own(wire: Wire) -> None:
    applied: List[Any] = []

    class Recorder(LinkOption):
        def apply(self, link: Link) -> None:
            applied.append((type(self).__name__, link.name, link.state & Link.LOCAL_UNINIT))

    class Never(Recorder):
        def test(self, link: Link) -> bool:
            return False

    class Sometimes(Recorder):
        def test(self, link: Link) -> bool:
            return link.name == "r"

    class ForSenders(Recorder, SenderOption):
        pass

    class ForReceivers(Recorder, ReceiverOption):
        pass

    options = [Recorder(), Never(), Sometimes(), ForSenders(), ForReceivers()]
    wire.sender("q", name="s", options=options)
    wire.receiver("q", name="r", options=options)
    assert applied == [(name, link, Link.LOCAL_UNINIT) for name, link in [
        ("Recorder", "s"), ("ForSenders", "s"), ("Recorder", "r"), ("Sometimes", "r"), ("ForReceivers", "r")]]


def test_what_an_option_of_ones_own_sets_reaches_the_peer(wire: Wire) -> None:
    class Own(LinkOption):
        def apply(self, link: Link) -> None:
            link.rcv_settle_mode = Link.RCV_SECOND
            link.max_message_size = 1000
            link.properties = {symbol("p"): 1}
            link.source.timeout = 30
            link.target.expiry_policy = Terminus.EXPIRE_WITH_LINK

    attach = wire.receiver("q", options=Own())
    assert fields(attach) == {"rcv_settle_mode": 1, "source.timeout": 30, "target.expiry_policy": "link-detach"}
    assert (attach.max_message_size, attach.properties) == (1000, {symbol("p"): 1})


@pytest.mark.parametrize("several", [list, tuple, iter])
def test_one_or_several_or_none(wire: Wire, several: Callable[[Any], Any]) -> None:
    assert fields(wire.receiver("q", options=None)) == {}
    assert fields(wire.receiver("q", options=several([]))) == {}
    assert fields(wire.receiver("q", options=Copy())) == {"source.distribution_mode": "copy"}
    assert fields(wire.receiver("q", options=several([AtMostOnce(), Copy()]))) == {
        "snd_settle_mode": 1, "source.distribution_mode": "copy"}


def test_one_option_for_several_links(wire: Wire) -> None:
    option = Selector("a")
    assert fields(wire.receiver("q", options=option)) == fields(wire.receiver("q", options=[option]))


def test_what_only_looks_like_an_option(wire: Wire) -> None:
    """An object with ``apply`` will do, as one with ``test`` will."""

    class Duck:
        def apply(self, link: Link) -> None:
            link.snd_settle_mode = Link.SND_SETTLED

    assert fields(wire.sender("q", options=Duck())) == {"snd_settle_mode": 1}


# --- what is not shared

@pytest.mark.parametrize("option, attribute", [(Filter, "filter_set"), (DynamicNodeProperties, "properties")])
def test_defaults_are_not_shared(option: Any, attribute: str) -> None:
    mine = option()
    getattr(mine, attribute)[symbol("x")] = 1
    assert getattr(option(), attribute) == {}
    (parameter,) = inspect.signature(option).parameters.values()
    assert parameter.default == {}


@pytest.mark.parametrize("option, attribute", [(Filter, "filter_set"), (DynamicNodeProperties, "properties")])
def test_the_callers_map_is_copied(option: Any, attribute: str) -> None:
    given = {"x": 1}
    mine = option(given)
    given["y"] = 2
    assert getattr(mine, attribute) == {symbol("x"): 1}
    assert list(map(type, getattr(mine, attribute))) == [symbol]
    assert list(map(type, given)) == [str, str]


def test_an_options_map_may_be_filled_later(wire: Wire) -> None:
    late = Filter()
    late.filter_set[symbol("x")] = 1
    assert fields(wire.receiver("q", options=late)) == {"source.filter": {"x": 1}}


def test_the_default_name_of_a_selector() -> None:
    assert inspect.signature(Selector).parameters["name"].default == "selector"
    assert list(Selector("a").filter_set) == ["selector"]


# --- bad input

@pytest.mark.parametrize("options", ["copy", b"copy", 3, Copy, [Copy], [None], [Copy(), "x"], {"a": 1}, object()])
def test_what_is_no_option(wire: Wire, options: Any) -> None:
    for create in (wire.container.create_sender, wire.container.create_receiver):
        with pytest.raises(TypeError, match="not a link option"):
            create(wire.connection, "q", options=options)
    assert wire.attaches() == []
    assert fields(wire.sender("q")) == {}


@pytest.mark.parametrize("make", [Filter, DynamicNodeProperties])
@pytest.mark.parametrize("given, error", [
    ("x = 1", TypeError), (["x"], TypeError), (5, TypeError), ({5: 1}, TypeError), ({None: 1}, TypeError),
    ({b"x": 1}, TypeError), ({"naïve": 1}, ValueError),
])
def test_maps_that_are_none(make: Any, given: Any, error: Any) -> None:
    with pytest.raises(error, match="filter_set|props"):
        make(given)


@pytest.mark.parametrize("arguments", [(5,), (None,), (b"a",), ("a", 5), ("a", None)])
def test_selectors_that_are_none(arguments: Any) -> None:
    with pytest.raises(TypeError, match="strings"):
        Selector(*arguments)


def test_a_selector_with_a_name_that_is_no_symbol() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        Selector("a = 1", "naïve")


@pytest.mark.parametrize("option", [Filter({"x": object()}), DynamicNodeProperties({"x": object()})])
def test_values_that_cannot_be_told(wire: Wire, option: Any) -> None:
    with pytest.raises((DataException, TypeError), match="object"):
        wire.container.create_receiver(wire.connection, "q", options=option)
    assert wire.attaches() == []
    assert fields(wire.receiver("q")) == {}


@pytest.mark.parametrize("spoil", [
    lambda link: setattr(link, "properties", {symbol("x"): object()}),
    lambda link: setattr(link.source, "address", object()),
    lambda link: setattr(link.source, "timeout", "soon"),
    lambda link: setattr(link.source, "timeout", -1),
    lambda link: setattr(link, "max_message_size", -1),
    lambda link: setattr(link, "snd_settle_mode", "settled"),
    lambda link: setattr(link.target, "durability", None.__class__),
], ids=["properties", "address", "timeout", "negative timeout", "size", "settle mode", "durability"])
def test_an_option_that_leaves_a_link_nobody_can_be_told_of(wire: Wire, spoil: Callable[[Any], None]) -> None:
    class Spoiling(LinkOption):
        def apply(self, link: Link) -> None:
            spoil(link)

    with pytest.raises((DataException, TypeError, ValueError)):
        wire.container.create_receiver(wire.connection, "q", options=Spoiling())
    assert wire.attaches() == []
    assert fields(wire.receiver("q")) == {}


def test_an_option_that_raises(wire: Wire) -> None:
    class Raising(LinkOption):
        def apply(self, link: Link) -> None:
            raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        wire.container.create_sender(wire.connection, "q", name="n", options=[AtMostOnce(), Raising()])
    assert list(wire.connection.links()) == []
    assert fields(wire.sender("q", name="n")) == {}
