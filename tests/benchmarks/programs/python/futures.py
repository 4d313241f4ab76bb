"""What only syncproton has: many messages under way at a time, from an ordinary thread."""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, Dict

from library import Library
from meter import Meter

__all__ = ["WORKS"]


def futures(library: Library, url: str, count: int, window: int) -> Dict[str, Any]:
    """Send with up to ``window`` futures that are not done."""
    from syncproton import sync

    meter = Meter()
    waiting: Deque[Any] = deque()
    with sync.connect(url, timeout=60) as connection:
        sender = connection.create_sender("examples")
        meter.start()
        for number in range(count):
            if len(waiting) == window:
                waiting.popleft().result()
                meter.count += 1
            waiting.append(sender.submit_send(library.Message(id=number, body={"sequence": number})))
        for future in waiting:
            future.result()
            meter.count += 1
        meter.stop()
    return meter.figures(count)


def send_many(library: Library, url: str, count: int, window: int) -> Dict[str, Any]:
    """Send what a generator makes, by one call."""
    from syncproton import sync

    meter = Meter()
    with sync.connect(url, timeout=60) as connection:
        sender = connection.create_sender("examples")
        meter.start()
        report = sender.send_many((library.Message(id=number, body={"sequence": number}) for number in range(count)),
                                  window=window, timeout=None)
        meter.stop()
        meter.count = report.accepted
    return meter.figures(count)


WORKS = [futures, send_many]
