"""A server run as a child process: started, watched until it is ready, stopped, started again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import List, Mapping, Optional

import reaper

__all__ = ["ServerProcess", "free_port"]

_given_ports = set()


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on, and that was not given before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port


class ServerProcess:
    """A command that serves until it is stopped, in a process group of its own, and never longer than this process.

    :param command: the program and its arguments.
    :param ready: a regular expression; the server is ready once its output matches.
    :param log: the file that collects the output of every run.
    :param env: environment variables in addition to those of this process.
    """

    def __init__(self, command: List[str], ready: str, log: Path, env: Optional[Mapping[str, str]] = None,
                 cwd: Optional[Path] = None) -> None:
        self.command = command
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.log = log
        self._ready = re.compile(ready)
        self._seen_ready = threading.Event()
        self._process: Optional[subprocess.Popen[str]] = None
        self._reader: Optional[threading.Thread] = None

    def start(self, timeout: float = 90.0) -> None:
        """Start the server and return once it is ready."""
        assert self._process is None, "already running"
        self._seen_ready.clear()
        self._process = subprocess.Popen(
            self.command, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        reaper.watch(self._process.pid)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        deadline = time.monotonic() + timeout
        while not self._seen_ready.wait(0.05):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self.command[0]} did not become ready; its output:\n{self.output()[-4000:]}")

    @property
    def running(self) -> bool:
        """Whether it was started and not ended since."""
        return self._process is not None

    def stop(self, timeout: float = 60.0) -> None:
        """Ask the server to end, and wait until it has."""
        process = self._process
        if process is None:
            return
        self.thaw()
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass  # kill() ends it with everything it started
        self.kill()

    def kill(self) -> None:
        """End the server, and every process of its group, at once."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        self._process = self._reader = None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the whole group has ended
        process.wait()
        reaper.unwatch(process.pid)
        reader.join(10)

    def freeze(self) -> None:
        """Stop every process of the group where it stands: the sockets stay open, and nothing is said on them."""
        assert self._process is not None, "not running"
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        assert self._process is not None, "not running"
        os.killpg(self._process.pid, signal.SIGCONT)

    def output(self) -> str:
        """What the server has printed in all its runs."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with self.log.open("a") as log, process.stdout as stdout:
            for line in stdout:
                log.write(line)
                log.flush()
                if self._ready.search(line):
                    self._seen_ready.set()
