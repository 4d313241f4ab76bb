"""pyngus, which others wrote on proton's engine, runs unchanged on syncproton."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from broker_under_test import BrokerUnderTest

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).resolve().parents[2]


def run(library: str, *arguments: str) -> Dict[str, Any]:
    command = [sys.executable, str(PROGRAMS / "pyngus_programs.py"), *arguments]
    if library == "syncproton":
        command.insert(1, str(PROGRAMS / "as_proton.py"))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=90,
                          env={"PYTHONPATH": str(ROOT), "PATH": ""})
    assert done.returncode == 0 and done.stdout, done.stderr[-3000:]
    told: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told.pop("proton") == library
    return told


def test_two_connections_tell_their_callbacks_on_syncproton_what_they_tell_on_proton() -> None:
    theirs, ours = run("proton", "pair"), run("syncproton", "pair")
    assert set(ours["told"]) == set(theirs["told"])
    for who, told in theirs["told"].items():
        assert ours["told"][who] == told, who
    assert ours["ended"] == theirs["ended"]
    # And what they tell is what is wanted, too.
    assert ours["told"]["outcome of accept"][0][0] == str(1)
    assert len(ours["told"]["client from it"]) == 6 and ours["ended"][:2] == [True, True]


@pytest.mark.parametrize("library", ["proton", "syncproton"])
def test_messages_go_through_a_broker_and_come_back(library: str, broker: BrokerUnderTest, address: str) -> None:
    told = run(library, "broker", broker.url, address)
    assert told["failed"] == []
    assert told["outcomes"] == ["1"] * 20
    assert told["bodies"] == [f"message {number}" for number in range(20)]
