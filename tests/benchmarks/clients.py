"""What is compared: each client is run as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from .errors import Missing, RunFailed
from .peers import Programs

__all__ = ["PYPY", "Client", "CClient", "all_clients"]

#: The name of syncproton under another interpreter.
PYPY = "syncproton-pypy"

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAMS = Path(__file__).parent / "programs"

#: Seconds after which a program is taken to hang.
_LIMIT = 600.0


class Client:
    """A client library, and what runs it.

    :param name: what it is called in the table.
    :param rows_of: the name that rows know it by, if that is another.
    :param command: runs the work that is added to it.
    :param probe: succeeds if the library is there.
    :param hint: what to do if it is not.
    """

    def __init__(self, name: str, command: List[str], probe: List[str], hint: str, rows_of: Optional[str] = None,
                 environment: Optional[Mapping[str, str]] = None) -> None:
        self.name = name
        self.rows_of = rows_of or name
        self._command = command
        self._probe = probe
        self._hint = hint
        # A library under test is found only by the program that is to use it.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._environment = {**inherited, **(environment or {})}

    def check(self) -> None:
        """See that it can be run.

        :raises Missing: if not.
        """
        try:
            subprocess.run(self._probe, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=self._environment, cwd=_PROGRAMS, timeout=_LIMIT)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"{self.name} is missing: {self._hint}") from error

    def run(self, work: str, options: Mapping[str, Any]) -> Dict[str, Any]:
        """Do a work once; the figures it gives.

        :raises RunFailed: if it fails.
        """
        try:
            done = subprocess.run(
                [*self._command, work, json.dumps(options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                stdin=subprocess.DEVNULL, env=self._environment, cwd=_PROGRAMS, timeout=_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise RunFailed(f"{self.name} did not end {work} in {_LIMIT:.0f} seconds") from error
        if done.returncode != 0:
            raise RunFailed(f"{self.name} failed in {work} ({done.returncode}):\n{done.stderr[-2000:]}")
        figures: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return figures


class CClient(Client):
    """Proton's own example programs in C: what the peers could do if the client cost next to nothing."""

    def __init__(self, programs: Programs) -> None:
        super().__init__("c", [], [], "")
        self._programs = programs

    def check(self) -> None:
        self._programs.build("send")
        self._programs.build("receive")

    def run(self, work: str, options: Mapping[str, Any]) -> Dict[str, Any]:
        host, port = options["url"].split("//")[1].split(":")
        # It measures nothing itself, so a program that does runs it.
        command = [sys.executable, str(_PROGRAMS / "measured.py"), str(options["count"]),
                   str(self._programs.build(work)), host, port, "examples", str(options["count"])]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=_LIMIT)
        if done.returncode != 0:
            raise RunFailed(f"{self.name} failed in {work} ({done.returncode}):\n{done.stderr[-2000:]}")
        figures: Dict[str, Any] = json.loads(done.stdout)
        return figures


def _python(name: str, library: str, interpreter: str, hint: str) -> Client:
    environment = {"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": ""} if library == "syncproton" else {}
    main = str(_PROGRAMS / "python" / "main.py")
    return Client(name, [interpreter, main, library], [interpreter, "-c", f"import {library}.utils"], hint, library,
                  environment)


def all_clients(programs: Programs, pypy: Optional[str] = None) -> List[Client]:
    """Every client, in the order of the table.

    :param pypy: an interpreter to run syncproton's rows with, too.
    """
    clients = [
        _python("proton", "proton", sys.executable, "pip install python-qpid-proton==0.40.0"),
        Client("rhea", ["node", "--expose-gc", str(_PROGRAMS / "rhea" / "main.js")], ["node", "-e", "require('rhea')"],
               "install Node, and rhea by npm; name the node_modules it is in by NODE_PATH"),
        _python("syncproton", "syncproton", sys.executable, "pip install -e ."),
    ]
    if pypy is not None:
        clients.append(_python(PYPY, "syncproton", pypy, f"install syncproton's requirements for {pypy}"))
    return [*clients, CClient(programs)]
