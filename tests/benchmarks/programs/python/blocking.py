"""Blocking calls, from one thread or several."""

from __future__ import annotations

import threading
import time
from typing import Any, Dict, List

from library import Library
from meter import Meter, percentiles

__all__ = ["WORKS"]


def blocking_send(library: Library, url: str, count: int, threads: int = 1) -> Dict[str, Any]:
    """Send one message after another, each when the one before it was accepted.

    :param threads: how many do so at a time, over one connection, each with a sender of its own.
    """
    meter = Meter()
    share = count // threads
    latencies: List[List[float]] = [[] for _ in range(threads)]
    connection = library.BlockingConnection(url, timeout=60)
    senders = [connection.create_sender(f"examples-{number}") for number in range(threads)]

    def run(number: int) -> None:
        sender, mine = senders[number], latencies[number]
        for sequence in range(share):
            began = time.perf_counter()
            sender.send(library.Message(id=sequence, body={"sequence": sequence}))
            mine.append(time.perf_counter() - began)

    meter.start()
    if threads == 1:
        run(0)
    else:
        workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    meter.stop()
    connection.close()
    meter.count = sum(len(mine) for mine in latencies)
    return meter.figures(share * threads, **percentiles([taken for mine in latencies for taken in mine]))


def blocking_connect_close(library: Library, url: str, count: int) -> Dict[str, Any]:
    """Open a connection and close it, one after another."""
    meter = Meter()
    meter.start()
    for _ in range(count):
        library.BlockingConnection(url, timeout=60).close()
        meter.count += 1
    meter.stop()
    return meter.figures(count)


WORKS = [blocking_send, blocking_connect_close]
