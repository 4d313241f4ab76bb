"""Link options: how a sender or a receiver is to be set up before it is opened."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional

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
        link.snd_settle_mode = Link.SND_SETTLED


class AtLeastOnce(LinkOption):
    """At least once: messages are settled by the receiver once processed, and may come twice (section 2.6.12)."""

    def apply(self, link: Link) -> None:
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
    """

    def __init__(self, props: Optional[Mapping[Any, Any]] = None) -> None:
        self.properties = {
            key if isinstance(key, symbol) else symbol(key): value for key, value in (props or {}).items()
        }

    def apply(self, link: Link) -> None:
        terminus = link.source if link.is_receiver else link.target
        terminus.properties.put_dict(self.properties)


class Filter(ReceiverOption):
    """Lets only some messages through (section 3.5.8).

    :param filter_set: filters by name; names that are strings become symbols, values are usually
        :class:`~syncproton.Described`.
    """

    def __init__(self, filter_set: Optional[Mapping[Any, Any]] = None) -> None:
        self.filter_set = {
            key if isinstance(key, symbol) else symbol(key): value for key, value in (filter_set or {}).items()
        }

    def apply(self, receiver: Link) -> None:
        # Several filters on one link are one map on the wire, so this one joins those that are there.
        data: Data = receiver.source.filter
        data.rewind()
        filters = (data.get_dict() if data.next() else None) or {}
        filters.update(self.filter_set)
        data.clear()
        data.put_dict(filters)


class Selector(Filter):
    """Lets those messages through that a selector expression is true of.

    :param value: the expression, in the SQL-like language of JMS.
    :param name: the name of the filter.
    """

    def __init__(self, value: str, name: str = "selector") -> None:
        super().__init__({symbol(name): Described(symbol("apache.org:selector-filter:string"), value)})


class DurableSubscription(ReceiverOption):
    """A subscription that lives on while its receiver is away: neither its messages nor its set-up is lost."""

    def apply(self, receiver: Link) -> None:
        receiver.source.durability = Terminus.DELIVERIES
        receiver.source.expiry_policy = Terminus.EXPIRE_NEVER


class Move(ReceiverOption):
    """Messages are moved to the receiver: several receivers share them (section 3.5.7)."""

    def apply(self, receiver: Link) -> None:
        receiver.source.distribution_mode = Terminus.DIST_MODE_MOVE


class Copy(ReceiverOption):
    """Messages are copied to the receiver: each receiver sees all of them (section 3.5.7)."""

    def apply(self, receiver: Link) -> None:
        receiver.source.distribution_mode = Terminus.DIST_MODE_COPY


def check_options(options: Any) -> List[Any]:
    """Make of an ``options`` argument, which is ``None``, one option or several, a list of options.

    :raises TypeError: if one of them is no option.
    """
    if options is None:
        return []
    several = options if isinstance(options, Iterable) and not isinstance(options, (str, bytes)) else [options]
    checked = list(several)
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
