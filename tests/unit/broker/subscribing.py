"""What the tests of topics do over and over."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from syncproton.codec import UNDESCRIBED, Array, Data, Described, symbol, ulong
from syncproton.engine import Endpoint, Terminus

__all__ = ["ask_for", "capabilities_of", "come_back", "end", "publisher", "refusal", "subscriber"]

CLOSED = Endpoint.REMOTE_CLOSED


def ask_for(terminus: Terminus, capabilities: Iterable[str]) -> None:
    """Have a terminus name capabilities."""
    symbols = [symbol(each) for each in capabilities]
    if symbols:
        terminus.capabilities.put_object(Array(UNDESCRIBED, Data.SYMBOL, *symbols))


def capabilities_of(terminus: Terminus) -> Any:
    """What capabilities a terminus has, as a set."""
    data = terminus.capabilities
    data.rewind()
    return set() if data.next() is None else set(data.get_object().elements)


def publisher(client: Any, topic: str, capabilities: Iterable[str] = ("topic",), name: str = "publisher") -> Any:
    """A sender to a topic."""
    link = client.session.sender(name)
    link.target.address = topic
    ask_for(link.target, capabilities)
    return client.attach(link)


def subscriber(client: Any, topic: str, capabilities: Iterable[str] = ("topic",), name: str = "subscriber",
               durable: bool = False, selector: Optional[str] = None, credit: int = 10, mode: int = 0) -> Any:
    """A receiver from a topic."""
    link = client.session.receiver(name)
    link.source.address = topic
    link.source.distribution_mode = mode
    ask_for(link.source, capabilities)
    if durable:
        link.source.durability = Terminus.DELIVERIES
        link.source.expiry_policy = Terminus.EXPIRE_NEVER
    if selector is not None:
        link.source.filter.put_dict({symbol("s"): Described(ulong(0x468C00000004), selector)})
    client.attach(link)
    if credit:
        link.flow(credit)
        client.sync()
    return link


def come_back(client: Any, name: str = "subscriber") -> Any:
    """A receiver that says nothing but the name of its link."""
    link = client.session.receiver(name)
    link.source.type = Terminus.UNSPECIFIED
    client.attach(link)
    link.flow(10)
    client.sync()
    return link


def end(client: Any, link: Any, how: str) -> None:
    """Close a link or detach it, and forget it."""
    getattr(link, how)()
    client.sync()
    link.free()


def refusal(client: Any, link: Any) -> str:
    """Why the broker has closed a link."""
    client.wait(lambda: link.state & CLOSED)
    return str(link.remote_condition.name)
