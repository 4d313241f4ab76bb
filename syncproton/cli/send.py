"""``syncproton send``: a text message to a queue."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from syncproton.cli.arguments import node_url, seconds
from syncproton.sync import send

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_parser"]


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("send", help="send a message", description="Send a message, and see it accepted.")
    parser.add_argument("url", type=node_url, help="the broker and the queue, amqp://host/queue")
    parser.add_argument("body", help="the text of the message")
    parser.add_argument("--timeout", type=seconds, default=30.0, help="in seconds (default: %(default)s)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    send(arguments.url, arguments.body, timeout=arguments.timeout)
    return 0
