"""Link options: how a sender or a receiver is to be set up before it is opened."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping

from ..codec import Data, Described, symbol
from ..engine import Link, Terminus

__all__ = [
    "AtLeastOnce",
    "AtMostOnce",
    "Copy",
    "DurableSubscription",
    "DynamicNodeProperties",
    "Filter",
    "LinkOption",
    "Move",
    "ReceiverOption",
    "Selector",
    "SenderOption",
    "apply_options",
    "check_options",
]


class LinkOption:
    """Base class of what can be given as ``options`` to ``create_sender`` and ``create_receiver``."""

    def apply(self, link: Link) -> None:
        """Set up a link; called before it is opened.

        :param link: the new link.
        """

    def test(self, link: Link) -> bool:
        """Whether this option is to be applied to a link.

        :param link: the new link.
        """
        return True


class AtMostOnce(LinkOption):
    """At most once: messages are sent settled, and may be lost (AMQP 1.0 section 2.6.12)."""

    def apply(self, link: Link) -> None:
        """Ask that the sender sends settled.

        :param link: the new link.
        """
        link.snd_settle_mode = Link.SND_SETTLED


class AtLeastOnce(LinkOption):
    """At least once: messages are settled by the receiver once processed, and may come twice (section 2.6.12)."""

    def apply(self, link: Link) -> None:
        """Ask that the sender sends unsettled and the receiver settles first.

        :param link: the new link.
        """
        link.snd_settle_mode = Link.SND_UNSETTLED
        link.rcv_settle_mode = Link.RCV_FIRST


class SenderOption(LinkOption):
    """Base class of options that are for senders only."""

    def apply(self, sender: Link) -> None:
        """Set up a sender; called before it is opened.

        :param sender: the new sender.
        """

    def test(self, link: Link) -> bool:
        return bool(link.is_sender)


class ReceiverOption(LinkOption):
    """Base class of options that are for receivers only."""

    def apply(self, receiver: Link) -> None:
        """Set up a receiver; called before it is opened.

        :param receiver: the new receiver.
        """

    def test(self, link: Link) -> bool:
        return bool(link.is_receiver)


class DynamicNodeProperties(LinkOption):
    """Properties for the node that the peer makes for a dynamic link (section 3.5.9).

    :param props: the properties; keys that are strings become symbols.
    :raises TypeError: if it is no map, or a key no string.
    :raises ValueError: if a key has characters that are not ASCII.
    """

    def __init__(self, props: Mapping[Any, Any] = {}) -> None:
        #: The properties, by symbol.  They may be changed until the option is used.
        self.properties = _by_symbol("props", props)

    def apply(self, link: Link) -> None:
        """Add the properties to those of the node: a receiver's source, a sender's target.

        :raises DataException: if something in them has no AMQP encoding.
        """
        terminus = link.source if link.is_receiver else link.target
        _join(terminus.properties, self.properties)


class Filter(ReceiverOption):
    """Lets only some messages through (section 3.5.8).

    :param filter_set: filters by name; names that are strings become symbols, values are usually
        :class:`~syncproton.Described`.
    :raises TypeError: if it is no map, or a name no string.
    :raises ValueError: if a name has characters that are not ASCII.
    """

    def __init__(self, filter_set: Mapping[Any, Any] = {}) -> None:
        #: The filters, by symbol.  They may be changed until the option is used.
        self.filter_set = _by_symbol("filter_set", filter_set)

    def apply(self, receiver: Link) -> None:
        """Add the filters to those of the receiver's source.

        :raises DataException: if something in them has no AMQP encoding.
        """
        _join(receiver.source.filter, self.filter_set)


class Selector(Filter):
    """Lets those messages through that a selector expression is true of.

    :param value: the expression, in the SQL-like language of JMS.
    :param name: the name of the filter.
    :raises TypeError: if either is no string.
    :raises ValueError: if the name has characters that are not ASCII.
    """

    def __init__(self, value: str, name: str = "selector") -> None:
        if not isinstance(value, str) or not isinstance(name, str):
            raise TypeError(f"a selector and its name are strings, not {value!r} and {name!r}")
        super().__init__({symbol(name): Described(symbol("apache.org:selector-filter:string"), value)})


class DurableSubscription(ReceiverOption):
    """A subscription that lives on while its receiver is away: neither its messages nor its set-up is lost.

    To come back to it, detach the receiver or close the connection, rather than closing the receiver, which gives the
    subscription up; then make a receiver of the same name on a connection of the same container id.
    """

    def apply(self, receiver: Link) -> None:
        """Ask that the source outlives the link, its deliveries too, and never expires.

        :param receiver: the new receiver.
        """
        receiver.source.durability = Terminus.DELIVERIES
        receiver.source.expiry_policy = Terminus.EXPIRE_NEVER


class Move(ReceiverOption):
    """Messages are moved to the receiver: several receivers share them (section 3.5.7)."""

    def apply(self, receiver: Link) -> None:
        """Ask that messages leave the node for this receiver.

        :param receiver: the new receiver.
        """
        receiver.source.distribution_mode = Terminus.DIST_MODE_MOVE


class Copy(ReceiverOption):
    """Messages are copied to the receiver: each receiver sees all of them, and a queue keeps them (section 3.5.7)."""

    def apply(self, receiver: Link) -> None:
        """Ask that messages stay at the node for others, too.

        :param receiver: the new receiver.
        """
        receiver.source.distribution_mode = Terminus.DIST_MODE_COPY


def _by_symbol(name: str, given: Any) -> Dict[symbol, Any]:
    """A copy of a map, its keys made symbols."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be a map, not {given!r}")
    for key in given:
        if not isinstance(key, str):
            raise TypeError(f"the keys of {name} must be symbols or strings, not {key!r}")
        if not key.isascii():
            raise ValueError(f"the keys of {name} must be of ASCII characters, not {key!r}")
    return {key if isinstance(key, symbol) else symbol(key): value for key, value in given.items()}


def _join(data: Data, entries: Mapping[symbol, Any]) -> None:
    """Several options of a kind on one link are one map on the wire: add to what is there."""
    data.rewind()
    there = data.get_object() if data.next() else None
    joined = {**there, **entries} if isinstance(there, dict) else entries
    data.clear()
    data.put_dict(joined)


def check_options(options: Any) -> List[Any]:
    """Make of an ``options`` argument, which is ``None``, one option or several, a list of options.

    :raises TypeError: if one of them is no option.
    """
    if options is None:
        return []
    single = hasattr(options, "apply") or isinstance(options, (str, bytes)) or not isinstance(options, Iterable)
    checked = [options] if single else list(options)
    for option in checked:
        if not callable(getattr(option, "apply", None)) or isinstance(option, type):
            raise TypeError(f"not a link option: {option!r}")
    return checked


def apply_options(options: List[Any], link: Link) -> None:
    """Apply to a link those of its options whose ``test`` says so."""
    for option in options:
        test = getattr(option, "test", None)
        if test is None or test(link):
            option.apply(link)
