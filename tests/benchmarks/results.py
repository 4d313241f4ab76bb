"""Medians of the runs, and how the clients compare."""

from __future__ import annotations

from statistics import median
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .clients import Client
from .errors import RunFailed
from .rows import Row
from .running import Run, Runs, clients_of

__all__ = ["REFERENCES", "Result", "check_complete", "results"]

#: The clients that others are compared with.
REFERENCES = ["proton", "rhea"]


class Result(NamedTuple):
    """The medians of one client's runs of one row.

    :ivar rate: how often the work was done in a second.
    :ivar cpu: seconds of processor time, the program's and the system's, each time.
    :ivar peak: the most memory the process had, in bytes.
    :ivar p50: seconds that half of the calls took at most; ``p99`` likewise.
    :ivar each: bytes of memory for each of what was made.
    :ivar ratios: by the name of another client, how many times better this one is: in memory for each where the row is
        about that, else in its rate.
    :ivar cpu_ratios: how many times less processor time it took.
    """

    row: str
    client: str
    runs: int
    rate: float
    cpu: float
    peak: float
    p50: Optional[float]
    p99: Optional[float]
    each: Optional[float]
    ratios: Dict[str, float]
    cpu_ratios: Dict[str, float]

    def as_json(self) -> Dict[str, Any]:
        """All of it, in what JSON has."""
        return self._asdict()


def results(runs: Runs) -> List[Result]:
    """What comes of all runs, row by row."""
    found: List[Result] = []
    for row, of_row in runs.items():
        mine = {client: _medians(row, client, of_client) for client, of_client in of_row.items() if of_client}
        for client, result in mine.items():
            for reference in REFERENCES:
                if reference in mine and reference != client:
                    other = mine[reference]
                    _compare(result, other)
        found += mine.values()
    return found


def check_complete(found: Sequence[Result], rows: Sequence[Row], clients: Sequence[Client]) -> None:
    """See that there is a figure for each row of each client that can do it.

    :raises RunFailed: if not.
    """
    there = {(result.row, result.client) for result in found if result.rate > 0 and result.peak > 0}
    wanted = {(row.name, client.name) for row in rows for client in clients_of(row, clients)}
    lacking = ", ".join(sorted(f"{client} in {row}" for row, client in wanted - there))
    if lacking:
        raise RunFailed(f"no figures of {lacking}")


def _medians(row: str, client: str, runs: List[Run]) -> Result:
    def optional(field: str) -> Optional[float]:
        values = [run[field] for run in runs if field in run]
        return median(values) if values else None

    return Result(
        row, client, len(runs),
        rate=median(run["count"] / run["seconds"] for run in runs),
        cpu=median(run["cpu"] / run["count"] for run in runs),
        peak=median(run["peak"] for run in runs),
        p50=optional("p50"), p99=optional("p99"), each=optional("each"), ratios={}, cpu_ratios={})


def _compare(result: Result, other: Result) -> None:
    """Note how many times better a result is than another; in a very short run there may be nothing to compare."""
    if result.each is not None and other.each is not None:
        above, below = other.each, result.each
    else:
        above, below = result.rate, other.rate
    if above > 0 and below > 0:
        result.ratios[other.client] = above / below
    if result.cpu > 0 and other.cpu > 0:
        result.cpu_ratios[other.client] = other.cpu / result.cpu
