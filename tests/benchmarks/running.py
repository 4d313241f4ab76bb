"""Running each row for each client in turn, several times over."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

from .clients import Client
from .peers import Peers
from .rows import Row

__all__ = ["Run", "Runs", "clients_of", "run_rows"]

#: What a program has measured.
Run = Dict[str, Any]

#: The runs of each client, of each row.
Runs = Dict[str, Dict[str, List[Run]]]


def clients_of(row: Row, clients: Sequence[Client]) -> List[Client]:
    """Those that can do the work of a row."""
    return [client for client in clients if client.rows_of in row.works]


def run_rows(rows: Sequence[Row], clients: Sequence[Client], peers: Peers, count: Callable[[Row], int], repeat: int,
             tell: Callable[[str], None]) -> Runs:
    """Run rows: the clients take turns, so that what else the machine does falls on all of them.

    :param count: how often the work of a row is done.
    :param repeat: how many turns there are.
    :param tell: told what is run.
    :raises RunFailed: if a run fails.
    """
    runs: Runs = {}
    for row in rows:
        mine = clients_of(row, clients)
        of_row = runs[row.name] = {client.name: [] for client in mine}
        for turn in range(repeat):
            for client in mine:
                tell(f"{row.name}: {client.name}, {turn + 1} of {repeat}")
                of_row[client.name].append(_run(row, client, peers, count(row)))
    return runs


def _run(row: Row, client: Client, peers: Peers, count: int) -> Run:
    work = row.works[client.rows_of]
    options: Dict[str, Any] = {"count": count, **work.options}
    if row.peer is None:
        return client.run(work.name, options)
    if row.peer.tls:
        options["ca"] = str(peers.ca)
    with peers.running(row.peer, count) as url:
        return client.run(work.name, {"url": url, **options})
