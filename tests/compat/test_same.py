"""Every scenario of every module beside this one: both libraries tell the same, say the same and end the same.

``pytest tests/compat -k WORD`` runs the scenarios with that word in their name or their module's.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Dict

import pytest

from libraries import Libraries, compare
from scenario import Scenario

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_ALL: Dict[str, Scenario] = {
    f"{path.stem[len('scenarios_'):]}-{name}": scenario
    for path in sorted(_HERE.glob("scenarios_*.py"))
    for name, scenario in importlib.import_module(path.stem).SCENARIOS.items()
}


@pytest.mark.parametrize("name", _ALL)
def test_same(running: Dict[str, Libraries], name: str) -> None:
    scenario = _ALL[name]
    compare(scenario, *running[scenario.program.__module__].run(scenario))


def test_what_differs_is_told_to_those_who_port() -> None:
    page = " ".join((_ROOT / "docs" / "porting.rst").read_text(encoding="utf-8").split())
    missing = {
        f"{name}: {differs.text}" for name, scenario in _ALL.items() for differs in scenario.differs
        if " ".join(differs.text.split()) not in page
    }
    assert not missing
    empty = [name for name, scenario in _ALL.items() for each in scenario.differs if not (each.proton or each.ours)]
    assert not empty


def test_there_are_many() -> None:
    assert len(_ALL) >= 60
