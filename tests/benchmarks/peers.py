"""The other ends: Proton's example programs in C, built from the sources that Debian ships.

``direct`` is a bare source or sink of so many messages, and ``broker`` a broker that keeps queues in memory.
"""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List

from .errors import Missing, RunFailed

__all__ = ["Peers", "Programs"]

_EXAMPLES = Path("/usr/share/proton/examples/c")
_LISTENING = re.compile(r"listening on (\d+)")
_START_LIMIT = 30.0  # seconds


class Programs:
    """Programs in C, each compiled when it is first asked for.

    :param folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: Dict[str, Path] = {}

    def build(self, name: str) -> Path:
        """Where a program is.

        :raises Missing: if it cannot be built.
        """
        if name not in self._built:
            source = _EXAMPLES / f"{name}.c"
            if not source.exists():
                raise Missing(f"{source} is missing: apt-get install libqpid-proton11-dev-examples")
            target = self._folder / name
            try:
                subprocess.run(["gcc", "-O2", "-w", "-o", str(target), str(source), "-lqpid-proton", "-lpthread"],
                               check=True, stderr=subprocess.PIPE, text=True)
            except FileNotFoundError as error:
                raise Missing("gcc is missing: apt-get install gcc libc6-dev") from error
            except subprocess.CalledProcessError as error:
                raise Missing(f"{source} does not compile: apt-get install libqpid-proton11-dev\n{error.stderr}"
                              ) from error
            self._built[name] = target
        return self._built[name]


class Peers:
    """Starts the other end of a run.

    :param folder: where its output goes.
    """

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._programs = programs
        self._output = folder / "output"

    def check(self, kind: str) -> None:
        """See that a kind of peer can be started.

        :raises Missing: if not.
        """
        if kind:
            self._programs.build(kind)

    @contextmanager
    def running(self, kind: str, count: int) -> Iterator[str]:
        """A peer for one run; its URL, empty for no peer at all.

        :param count: how many messages there will be.
        """
        if not kind:
            yield ""
            return
        command = [str(self._programs.build(kind)), "127.0.0.1", "0"]
        if kind == "direct":
            command += ["examples", str(count)]
        # It prints every message.  A file costs it little, and takes nothing from the processors while a run lasts.
        with open(self._output, "w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield f"amqp://127.0.0.1:{self._port(process, command)}"
        finally:
            process.kill()
            process.wait()

    def _port(self, process: "subprocess.Popen[bytes]", command: List[str]) -> str:
        deadline = time.monotonic() + _START_LIMIT
        while process.poll() is None and time.monotonic() < deadline:
            match = _LISTENING.search(self._output.read_text(errors="replace"))
            if match is not None:
                return match[1]
            time.sleep(0.01)
        raise RunFailed(f"{command[0]} did not start:\n{self._output.read_text(errors='replace')[-2000:]}")
