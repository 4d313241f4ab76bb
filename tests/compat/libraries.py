"""Running a scenario with both libraries, and comparing what came of it."""

from __future__ import annotations

import difflib
import json
import os
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from scenario import Scenario
from scripted_peer import Server
from stream import Stream

__all__ = ["Libraries", "compare"]

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]

#: Seconds to wait for the answer of a process, which watches over itself.
LIMIT = 40.0

#: What stands before the names of an exception in a trace.
RAISES = " raises "


def _spelt_out(trace: List[str]) -> List[str]:
    """The trace, with what is on the wire in words: one line for each frame, where it became complete."""
    told = []
    streams: Dict[str, Stream] = {}
    for line in trace:
        if not line.startswith("wire "):
            told.append(line)
            continue
        _, name, octets = line.split(" ")
        stream = streams.setdefault(name, Stream())
        stream.feed(bytes.fromhex(octets))
        told += [f"{name} says {text}" for text in stream.lines()]
    return told


class Died(AssertionError):
    """A library has ended the process."""


class _Library:
    """The process of one library, begun anew after a crash."""

    def __init__(self, name: str, module: str) -> None:
        self._name = name
        self._module = module
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._errors = tempfile.TemporaryFile()

    def _start(self) -> "subprocess.Popen[bytes]":
        # A configuration file of the user's must not have its say.
        environment = {
            **os.environ, "PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "MESSAGING_CONNECT_FILE": str(_HERE / "connect.json"),
        }
        return subprocess.Popen(
            [sys.executable, str(_HERE / "child.py"), self._name, self._module], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors, env=environment)

    def run(self, scenario: str, urls: List[str]) -> List[str]:
        """Run a scenario; its trace."""
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"scenario": scenario, "urls": urls}).encode() + b"\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(LIMIT) else b""
        if not line:
            process.kill()
            self._wait(process)
            raise Died(f"{self._name} died of {scenario}: {process.returncode}\n{self._last_words()}")
        answer: Dict[str, Any] = json.loads(line)
        trace = _spelt_out(answer["trace"])
        if answer["fault"]:
            self._wait(process)
            told = "\n".join(trace)
            raise AssertionError(
                f"{self._name}, {scenario}: {answer['fault']}\n{told}\n{self._last_words()}")
        return trace

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-4000:]

    def close(self) -> None:
        if self._process is not None:
            self._wait(self._process)
        self._errors.close()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        """Have the process end."""
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._process = None


class Libraries:
    """A process of each library, for the scenarios of one module."""

    def __init__(self, module: str) -> None:
        self._libraries = [_Library(name, module) for name in ("proton", "syncproton")]

    def run(self, scenario: Scenario) -> Tuple[List[str], List[str]]:
        """The traces of proton and of syncproton: what the program was told, then what each peer was."""
        theirs, own = self._libraries
        try:
            proton = self._run(theirs, scenario)
        except Died:
            proton = self._run(theirs, scenario)  # Now and then proton reads what it has freed; not in a fresh process.
        return proton, self._run(own, scenario)

    @staticmethod
    def _run(library: _Library, scenario: Scenario) -> List[str]:
        servers = [Server(scripts) for scripts in scenario.servers]
        failure: Optional[AssertionError] = None
        trace: List[str] = []
        try:
            trace = library.run(scenario.name, [f"amqp://127.0.0.1:{server.port}" for server in servers])
        except AssertionError as error:
            failure = error
        told = []
        for number, server in enumerate(servers, 1):
            trace = [line.replace(str(server.port), "<port>") for line in trace]
            told += [f"peer {number}: {line}" for line in server.finish()]
        if failure is not None:
            raise type(failure)(f"{failure}\n" + "\n".join(told)) from None
        return trace + told

    def close(self) -> None:
        """End the processes."""
        for library in self._libraries:
            library.close()


def _caught(proton: List[str], ours: List[str]) -> Tuple[List[str], List[str]]:
    """The traces with one name for each exception: that of proton's, where ours can be caught by it."""
    kinds: Dict[str, List[str]] = {}
    named = []
    for line in proton:
        before, raises, names = line.partition(RAISES)
        kind = names.split("/")[0]
        if raises:
            kinds.setdefault(before, []).append(kind)
        named.append(before + raises + kind)
    renamed = []
    for line in ours:
        before, raises, names = line.partition(RAISES)
        kind = names.split("/")[0]
        if raises and kinds.get(before):
            theirs = kinds[before].pop(0)
            kind = theirs if theirs in names.split("/") else kind
        renamed.append(before + raises + kind)
    return named, renamed


def compare(scenario: Scenario, proton: List[str], ours: List[str]) -> None:
    """Fail unless the traces differ in what is declared, and in nothing else."""
    if any(": ! " in line for line in proton + ours):
        words = [f"{scenario.name}: the script was not followed", *proton, "--- ours", *ours]
        pytest.fail("\n".join(words), pytrace=False)
    assert proton and ours, "nothing was written down"
    proton, ours = _caught(proton, ours)
    theirs_only, ours_only, shown = [], [], []
    for line in difflib.ndiff(proton, ours):
        if line.startswith("?"):
            continue
        shown.append(line)
        if line.startswith("- "):
            theirs_only.append(line[2:])
        elif line.startswith("+ "):
            ours_only.append(line[2:])
    declared_theirs = [line for differs in scenario.differs for line in differs.proton]
    declared_ours = [line for differs in scenario.differs for line in differs.ours]
    if (sorted(theirs_only), sorted(ours_only)) != (sorted(declared_theirs), sorted(declared_ours)):
        words = [f"{scenario.name}: - is proton alone, + is syncproton alone", *shown]
        if scenario.differs:
            words.append("declared:")
            words += [f"- {line}" for line in declared_theirs] + [f"+ {line}" for line in declared_ours]
        pytest.fail("\n".join(words), pytrace=False)
