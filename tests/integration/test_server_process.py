"""The servers that tests start end with the run, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest

from server_process import ServerProcess

# A run that starts a server which starts another process, as brokers' scripts do; the second one may be frozen.
_RUN = """
import signal, sys, time
from pathlib import Path
from server_process import ServerProcess

server = ServerProcess(["sh", "-c", "sleep 1000 & echo $! $$; echo ready; wait"], "ready", Path(sys.argv[1]))
server.start()
if sys.argv[2] == "frozen":
    server.freeze()
print(server.output().split("ready")[0], flush=True)
time.sleep(1000)
"""


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _ended(pids: List[int], within: float = 20.0) -> bool:
    deadline = time.monotonic() + within
    while any(map(_running, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("state", ["running", "frozen"])
def test_a_server_ends_with_the_run_that_started_it(end: signal.Signals, state: str, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _RUN, str(tmp_path / "log"), state], cwd=Path(__file__).parent,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        assert run.stdout is not None
        servers = [int(pid) for pid in run.stdout.readline().split()]
        assert len(servers) == 2 and all(map(_running, servers))
        run.send_signal(end)
        run.wait(20)
    try:
        assert _ended(servers)
    finally:
        for pid in filter(_running, servers):
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_was_stopped_is_started_again(tmp_path: Path) -> None:
    server = ServerProcess(["sh", "-c", "sleep 1000 & echo ready $!; wait"], "ready", tmp_path / "log")
    for end in (server.stop, server.kill):
        server.start()
        child = int(server.output().split()[-1])
        assert _running(child)
        server.freeze()
        end()
        assert _ended([child])


def test_one_that_does_not_become_ready_is_told_with_its_output(tmp_path: Path) -> None:
    server = ServerProcess(["sh", "-c", "echo what was wrong; echo $$; exec sleep 1000"], "ready", tmp_path / "log")
    with pytest.raises(AssertionError, match="what was wrong"):
        server.start(timeout=1)
    pid = int(server.output().split()[-1])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
