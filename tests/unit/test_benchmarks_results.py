"""The arithmetic of the benchmarks, and their table."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from benchmarks.clients import Client
from benchmarks.errors import RunFailed
from benchmarks.results import Result, check_complete, results
from benchmarks.rows import ROWS, Row, Work
from benchmarks.running import clients_of
from benchmarks.table import table


def run(seconds: float, cpu: float = 1.0, **more: Any) -> Dict[str, Any]:
    return {"count": 1000, "seconds": seconds, "cpu": cpu, "peak": 10 << 20, **more}


RUNS = {
    "send": {
        "proton": [run(2.0, 3.0), run(1.0, 9.0), run(4.0, 1.0)], "rhea": [run(0.5)], "syncproton": [run(0.25, 0.1)]},
    "blocking": {"proton": [run(1.0, p50=3e-4, p99=5e-4), run(1.0, p50=1e-4, p99=9e-4)],
                 "syncproton": [run(0.5, p50=1e-4, p99=2e-4)]},
    "memory": {"proton": [run(1.0, each=3000)], "syncproton": [run(2.0, each=1000)]},
}


def found(row: str, client: str) -> Result:
    return next(result for result in results(RUNS) if (result.row, result.client) == (row, client))


def test_medians() -> None:
    proton = found("send", "proton")
    assert (proton.runs, proton.rate, proton.cpu, proton.peak) == (3, 500, 3e-3, 10 << 20)
    assert proton.p50 is proton.p99 is proton.each is None
    assert found("blocking", "proton").p50 == pytest.approx(2e-4)
    assert found("blocking", "proton").p99 == pytest.approx(7e-4)


def test_ratios_of_rates() -> None:
    ours = found("send", "syncproton")
    assert ours.ratios == {"proton": 8, "rhea": 2}
    assert ours.cpu_ratios == pytest.approx({"proton": 30, "rhea": 10})
    assert found("send", "proton").ratios == {"rhea": 0.25}


def test_less_memory_is_better() -> None:
    assert found("memory", "syncproton").ratios == {"proton": 3}
    assert found("memory", "proton").ratios == {}


def test_nothing_is_compared_with_nothing() -> None:
    runs = {"memory": {"proton": [run(1.0, cpu=0.0, each=0)], "syncproton": [run(1.0, each=5)]}}
    ours = results(runs)[1]
    assert ours.ratios == {} and ours.cpu_ratios == {}


def test_results_are_json() -> None:
    documents: List[Any] = json.loads(json.dumps([result.as_json() for result in results(RUNS)]))
    assert [document["row"] for document in documents] == ["send"] * 3 + ["blocking"] * 2 + ["memory"] * 2
    assert documents[2]["ratios"] == {"proton": 8, "rhea": 2}


def test_table() -> None:
    lines = table(results(RUNS)).splitlines()
    columns = "row client rate/s cpu us peak MiB p50 us p99 us bytes each x proton (cpu) x rhea (cpu)"
    assert lines[0].split() == columns.split()
    assert [line.split() for line in lines[1:4]] == [
        ["send", "proton", "500", "3000.0", "10", "0.25", "(0.33)"],
        ["rhea", "2,000", "1000.0", "10", "4.00", "(3.00)"],
        ["syncproton", "4,000", "100.0", "10", "8.00", "(30.00)", "2.00", "(10.00)"]]
    assert lines[5].split() == ["syncproton", "2,000", "1000.0", "10", "100", "200", "2.00", "(1.00)"]
    assert lines[7].split() == ["syncproton", "500", "1000.0", "10", "1,000", "3.00", "(1.00)"]
    assert len({line.find("500") for line in lines if "proton" in line and " 500 " in line}) == 1


def client(name: str, rows_of: str = "") -> Client:
    return Client(name, [], [], "", rows_of or None)


def test_every_client_of_a_row_must_have_figures() -> None:
    row = Row("send", "", None, {"proton": Work("send"), "syncproton": Work("send")}, 1, 1)
    clients = [client("proton"), client("rhea"), client("pypy", "syncproton")]
    assert [each.name for each in clients_of(row, clients)] == ["proton", "pypy"]
    there = results({"send": {"proton": [run(1.0)], "pypy": []}})
    with pytest.raises(RunFailed, match="no figures of pypy in send"):
        check_complete(there, [row], clients)
    check_complete(results({"send": {"proton": [run(1.0)], "pypy": [run(1.0)]}}), [row], clients)


def test_rows_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    assert all("syncproton" in row.works and 0 < row.quick <= row.count for row in ROWS)
