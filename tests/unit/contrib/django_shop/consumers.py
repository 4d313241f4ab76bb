"""Found by autodiscovery; tells the tests what it is given, and does what they say."""

from __future__ import annotations

import queue
from typing import Any, Callable

from syncproton.contrib.django import consumer

handled: "queue.Queue[Any]" = queue.Queue()
behaviour: "queue.Queue[Callable[[Any], Any]]" = queue.Queue()


@consumer("shop.orders")
def take_order(message: Any) -> None:
    handled.put(message.body)
    try:
        act = behaviour.get_nowait()
    except queue.Empty:
        return
    act(message)


@consumer("shop.returns", credit=0)
def take_return(message: Any) -> None:
    handled.put(("returned", message.body))
