"""Other clients, run as programs of their own: python-qpid-proton and rhea."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from server_process import ServerProcess, free_port

__all__ = ["Peer", "peer", "proton_server"]

_PROGRAMS = Path(__file__).parent / "peers"


class Peer:
    """A client program.

    :ivar name: the library it is written on.
    :param command: how to run it.
    """

    def __init__(self, name: str, command: List[str]) -> None:
        self.name = name
        self._command = command

    def send(self, port: int, address: str, count: int, size: int = 10) -> Dict[str, Any]:
        """Have it send ``count`` messages of ``size`` letters; ``outcomes`` and ``errors`` of what it saw."""
        return self._run("send", port, address, str(count), str(size))

    def receive(self, port: int, address: str, count: int) -> Dict[str, Any]:
        """Have it receive ``count`` messages; their ``bodies``, and the ``errors`` it saw."""
        return self._run("receive", port, address, str(count))

    def _run(self, role: str, port: int, *arguments: str) -> Dict[str, Any]:
        where = [f"amqp://127.0.0.1:{port}"] if self.name == "proton" else ["127.0.0.1", str(port)]
        done = subprocess.run([*self._command, role, *where, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=90, env=_environment())
        assert done.returncode == 0 and done.stdout, f"{self.name} failed ({done.returncode}): {done.stderr[-2000:]}"
        result: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result


def _environment() -> Dict[str, str]:
    # The peers must not find the package under test.
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _check_rhea() -> None:
    done = subprocess.run(["node", "-e", "require('rhea')"], cwd=_PROGRAMS, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, "rhea is missing: install it with npm, and name its node_modules in NODE_PATH"


@pytest.fixture(scope="session", params=["proton", "rhea"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Each other client in turn."""
    if request.param == "proton":
        return Peer("proton", [sys.executable, str(_PROGRAMS / "proton_client.py")])
    _check_rhea()
    return Peer("rhea", ["node", str(_PROGRAMS / "rhea_client.js")])


@pytest.fixture(scope="module")
def proton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a listening program on python-qpid-proton."""
    url = f"amqp://127.0.0.1:{free_port()}"
    server = ServerProcess([sys.executable, str(_PROGRAMS / "proton_server.py"), url], ready="^listening",
                           log=tmp_path_factory.mktemp("proton") / "output")
    server.start()
    yield url
    server.kill()
