"""The command line."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar

from .clients import PYPY, Client, all_clients
from .errors import Missing, RunFailed
from .peers import Peers, Programs
from .results import Result, check_complete, results
from .rows import ROWS, Row
from .running import clients_of, run_rows
from .table import table

__all__ = ["main"]

N = TypeVar("N", int, float)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the benchmarks; the status to exit with."""
    options = _parser().parse_args(arguments)
    if options.pypy is not None and PYPY not in options.clients:
        options.clients.append(PYPY)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        try:
            found = _run(options, Path(name))
        except (Missing, RunFailed) as error:
            print(error, file=sys.stderr)
            return 1
    if options.json is not None:
        _write_json(options.json, found)
    if options.json != "-":
        print(table(found))
    return 0


def _run(options: argparse.Namespace, folder: Path) -> List[Result]:
    programs = Programs(folder)
    peers = Peers(programs, folder)
    rows = [row for row in ROWS if fnmatchcase(row.name, options.rows)]
    clients = [client for client in all_clients(programs, options.pypy) if client.name in options.clients]
    unknown = set(options.clients) - {client.name for client in clients}
    if unknown:
        raise Missing("there is no client " + ", ".join(sorted(unknown)))
    rows = [row for row in rows if clients_of(row, clients)]
    _check(rows, clients, peers)
    repeat = 1 if options.quick else options.repeat

    def count(row: Row) -> int:
        return row.quick if options.quick else max(1, round(row.count * options.scale))

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = results(run_rows(rows, clients, peers, count, repeat, tell))
    check_complete(found, rows, clients)
    return found


def _check(rows: List[Row], clients: List[Client], peers: Peers) -> None:
    """See that all there is to run can be run, before anything is."""
    if not rows:
        raise Missing("no row has such a name; they are: " + ", ".join(row.name for row in ROWS))
    for client in clients:
        if any(client in clients_of(row, clients) for row in rows):
            client.check()
    for row in rows:
        if row.peer is not None:
            peers.check(row.peer)


def _write_json(target: str, found: List[Result]) -> None:
    document: Dict[str, Any] = {
        "python": platform.python_version(), "implementation": platform.python_implementation(),
        "machine": platform.platform(), "results": [result.as_json() for result in found]}
    text = json.dumps(document, indent=1)
    if target == "-":
        print(text)
    else:
        Path(target).write_text(text + "\n")


def _positive(kind: Callable[[str], N]) -> Callable[[str], N]:
    def number(text: str) -> N:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"not above 0: {text}")
        return value
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure syncproton, python-qpid-proton and rhea: rates, processor time and memory.",
        epilog="rows:\n" + "\n".join(f"  {row.name:23} {row.about}" for row in ROWS))
    parser.add_argument("--rows", default="*", metavar="GLOB", help="only the rows with such names")
    parser.add_argument("--clients", default="proton,rhea,syncproton,c", metavar="NAMES",
                        type=lambda text: text.split(","), help="only these, with commas between them (%(default)s)")
    parser.add_argument("--repeat", type=_positive(int), default=3, metavar="N",
                        help="runs of each client and row (%(default)s)")
    parser.add_argument("--scale", type=_positive(float), default=1.0, metavar="F",
                        help="do F times as much in each run")
    parser.add_argument("--json", metavar="FILE", help="write the results there, too; with - instead of the table")
    parser.add_argument("--quick", action="store_true", help="run each once with next to nothing to do: does it run?")
    parser.add_argument("--pypy", metavar="PYTHON", help="run syncproton's rows with that interpreter, too")
    return parser
