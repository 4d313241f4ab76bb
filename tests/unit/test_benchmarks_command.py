"""The benchmarks' command, with a client that is written in a line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, List, Optional

import pytest
from benchmarks import command
from benchmarks.clients import Client
from benchmarks.peers import Programs
from benchmarks.rows import Row, Work

#: Prints what it is told, as a measurement.
PROGRAM = """
import json, sys
options = json.loads(sys.argv[2])
if options.get("fail"):
    sys.exit("it broke")
print("anything")
print(json.dumps({"count": options["count"], "seconds": 0.5, "cpu": 0.25, "peak": 1 << 20}))
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row without a peer for each of two clients, and one that fails."""
    works = {"fast": Work("work"), "slow": Work("work")}
    rows = [Row("one", "", None, works, 100, 3), Row("two", "", None, {"fast": Work("work", {"fail": True})}, 100, 3)]

    def clients(programs: Programs, pypy: Optional[str] = None) -> List[Client]:
        return [Client("fast", [sys.executable, "-c", PROGRAM], [sys.executable, "-c", ""], "install it"),
                Client("slow", [sys.executable, "-c", PROGRAM], [sys.executable, "-c", "import no_such_thing"],
                       "pip install no_such_thing")]

    monkeypatch.setattr(command, "ROWS", rows)
    monkeypatch.setattr(command, "all_clients", clients)


def test_turns_and_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--rows", "o*", "--clients", "fast", "--repeat", "2", "--scale", "0.5"]) == 0
    printed, told = capsys.readouterr()
    assert told.splitlines() == ["one: fast, 1 of 2", "one: fast, 2 of 2"]
    assert printed.splitlines()[1].split() == ["one", "fast", "100", "5000.0", "1"]


def test_quick_and_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = ["--rows", "one", "--clients", "fast", "--quick"]
    assert command.main([*options, "--json", "-"]) == 0
    printed = capsys.readouterr().out
    assert command.main([*options, "--json", str(tmp_path / "figures")]) == 0
    written: Any = json.loads((tmp_path / "figures").read_text())
    assert written == json.loads(printed)
    assert [(result["runs"], result["rate"]) for result in written["results"]] == [(1, 6.0)]
    assert "one" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, words", [
    (["--rows", "one", "--clients", "fast,slow"], "slow is missing: pip install no_such_thing"),
    (["--rows", "two", "--clients", "fast"], "it broke"),
    (["--rows", "three", "--clients", "fast"], "no row has such a name; they are: one, two"),
    (["--clients", "fast,quick"], "there is no client quick"),
])
def test_what_goes_wrong(arguments: List[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--scale", "0"], ["--repeat", "-1"], ["--repeat", "x"]])
def test_numbers_are_above_0(arguments: List[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
