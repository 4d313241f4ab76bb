"""Programs of this project, run as a user runs them, and peers that have transactions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Callable, Iterator, List, Optional

import pytest
from program_server import ProgramServer, serving, surroundings
from scripted_coordinator import ScriptedCoordinator

TIMEOUT = 30.0  # seconds


class Program:
    """A Python program in a process of its own.

    :param arguments: of the interpreter.
    :param server: what starts it; by default it starts from nothing.
    """

    def __init__(self, *arguments: str, server: Optional[ProgramServer] = None) -> None:
        self.process: Any = server.start(*arguments) if server is not None else subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, env=surroundings())

    def line(self) -> str:
        """The next line it prints; empty at the end.  The deadline is that of the test."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def finish(self, status: int = 0) -> List[str]:
        """Wait for its end, check how it ended, and return the rest of what it printed.

        :raises subprocess.TimeoutExpired: if it does not end in time.
        """
        printed, errors = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == status, errors
        if status == 0:
            assert "Warning" not in errors and "Traceback" not in errors, errors
        self.errors = errors
        return printed.splitlines()

    def kill(self) -> None:
        """End it whatever it does, and clean up."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def launch() -> Iterator[Callable[..., Program]]:
    """Starts a program; what still runs at the end of the test is killed."""
    programs: List[Program] = []

    def start(*arguments: str, server: Optional[ProgramServer] = None) -> Program:
        programs.append(Program(*arguments, server=server))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


@pytest.fixture(scope="session")
def program_server() -> Iterator[Optional[ProgramServer]]:
    """Starts programs that import the package, in less time; none where the system cannot fork."""
    with serving("syncproton") as server:
        yield server


@pytest.fixture
def coordinator() -> Iterator[Callable[..., ScriptedCoordinator]]:
    """Makes peers that have transactions; after the test, what went wrong in one fails it."""
    peers: List[ScriptedCoordinator] = []

    def make(*answers: Any, **options: Any) -> ScriptedCoordinator:
        peers.append(ScriptedCoordinator(*answers, **options))
        return peers[-1]

    yield make
    for each in peers:
        each.close()
