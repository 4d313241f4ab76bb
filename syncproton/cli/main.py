"""Puts the commands together, runs one, and turns its end into an exit status."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Optional, Sequence

from syncproton._version import __version__
from syncproton.cli import broker, demo, receive, send
from syncproton.errors import ProtonException

__all__ = ["main"]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run a command.

    :param argv: the arguments, by default those of the process.
    :returns: the exit status: 0 for success, 1 for failure.
    :raises SystemExit: with status 2 for arguments that make no sense, with 0 after ``--help`` and ``--version``.
    """
    arguments = _parser().parse_args(argv)
    if arguments.verbose:
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return 130
    except (ProtonException, OSError) as error:
        print(f"syncproton {arguments.command}: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="syncproton", description="AMQP 1.0 from the command line.")
    parser.add_argument("--version", action="version", version=f"syncproton {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens to standard error")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for command in (demo, broker, send, receive):
        command.add_parser(commands)
    return parser
