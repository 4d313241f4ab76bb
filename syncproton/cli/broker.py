"""``syncproton broker``: the in-memory broker."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from syncproton.broker import Broker, Limits
from syncproton.cli.arguments import amqp_url, positive

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_parser"]

_NOTICE = "This broker is for demos and tests: its messages are in memory only, and everyone is let in."


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("broker", help="run an in-memory broker, for demos and tests", description=_NOTICE)
    parser.add_argument("--listen", metavar="URL", type=amqp_url, default="amqp://127.0.0.1:5672",
                        help="where to listen; port 0 takes a free one (default: %(default)s)")
    parser.add_argument("--queue-depth", metavar="N", type=positive, default=Limits.queue_depth,
                        help="the most messages held in a queue; more are rejected (default: %(default)s)")
    parser.add_argument("--memory", metavar="MIB", type=positive, default=Limits.memory >> 20,
                        help="the most memory for all messages, in MiB; more are rejected (default: %(default)s)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    stopped = threading.Event()

    def stop(*_: Any) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    limits = Limits(queue_depth=arguments.queue_depth, memory=arguments.memory << 20)
    with Broker(arguments.listen, limits=limits) as broker:
        print(_NOTICE, file=sys.stderr, flush=True)
        print(f"listening on {broker.url}", flush=True)
        # In steps, as a wait without end is deaf to Ctrl-C on Windows; and to notice a broker that has failed.
        while not stopped.wait(1):
            broker.depths()
    return 0
