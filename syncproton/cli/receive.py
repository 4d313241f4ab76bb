"""``syncproton receive``: print the next message of a queue."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from syncproton.cli.arguments import node_url, seconds
from syncproton.sync import receive

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_parser"]


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("receive", help="receive a message",
                                 description="Wait for a message, take it from its queue, and print its body.")
    parser.add_argument("url", type=node_url, help="the broker and the queue, amqp://host/queue")
    parser.add_argument("--timeout", type=seconds, default=30.0, help="in seconds (default: %(default)s)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    print(receive(arguments.url, timeout=arguments.timeout).body)
    return 0
