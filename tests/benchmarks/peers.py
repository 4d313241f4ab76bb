"""The other ends of the runs.

Proton's example programs in C are built from the sources that Debian ships: ``direct`` is a bare source or sink of so
many messages, and ``broker`` keeps queues in memory.  ``stream``, built likewise, is ours, for messages of any size and
for TLS.  ``inmemory`` is syncproton's own broker, for transactions.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import trustme

from .errors import Missing, RunFailed

__all__ = ["Peer", "Peers", "Programs"]

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = Path("/usr/share/proton/examples/c")
_OWN = Path(__file__).parent / "programs" / "c"
_LISTENING = re.compile(r"listening on (?:\S+:)?(\d+)\n")
_START_LIMIT = 30.0  # seconds


class Peer(NamedTuple):
    """The other end of a run.

    :ivar kind: which program.
    :ivar size: of the bodies that a ``stream`` sends, in bytes; 0 for a small map.
    :ivar credit: the most it gives a client.
    :ivar tls: whether it speaks TLS.
    """

    kind: str
    size: int = 0
    credit: int = 1000
    tls: bool = False


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
            source = _OWN / f"{name}.c"
            if not source.exists():
                source = _EXAMPLES / f"{name}.c"
            if not source.exists():
                raise Missing(f"{source} is missing: apt-get install libqpid-proton11-dev-examples")
            target = self._folder / name
            command = ["gcc", "-O2", "-w", "-o", str(target), str(source), "-lqpid-proton", "-lpthread"]
            try:
                subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
            except FileNotFoundError as error:
                raise Missing("gcc is missing: apt-get install gcc libc6-dev") from error
            except subprocess.CalledProcessError as error:
                hint = "apt-get install libqpid-proton11-dev"
                raise Missing(f"{source} does not compile: {hint}\n{error.stderr}") from error
            self._built[name] = target
        return self._built[name]


class Peers:
    """Starts the other end of a run.

    :param folder: where certificates and output go.
    :ivar ca: the certificate of the authority that those who speak TLS have theirs of.
    """

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._programs = programs
        self._output = folder / "output"
        self._certificate, self._key = folder / "certificate.pem", folder / "key.pem"
        self.ca = folder / "ca.pem"

    def check(self, peer: Peer) -> None:
        """See that a peer can be started.

        :raises Missing: if not.
        """
        if peer.kind != "inmemory":
            self._programs.build(peer.kind)
        if peer.tls and not self.ca.exists():
            authority = trustme.CA()
            # Proton finds addresses in the common name only.
            issued = authority.issue_cert("127.0.0.1", common_name="127.0.0.1")
            authority.cert_pem.write_to_path(str(self.ca))
            issued.private_key_pem.write_to_path(str(self._key))
            issued.cert_chain_pems[0].write_to_path(str(self._certificate))

    @contextmanager
    def running(self, peer: Peer, count: int) -> Iterator[str]:
        """A peer for one run, which :meth:`check` has seen; its URL.

        :param count: how many messages there will be.
        :raises RunFailed: if it does not start.
        """
        command = self._command(peer, count)
        environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
        # Proton's print every message.  A file costs them little, and takes nothing from the processors meanwhile.
        with open(self._output, "w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       env=environment)
        try:
            yield f"amqp{'s' if peer.tls else ''}://127.0.0.1:{self._port(process, command)}"
        finally:
            process.kill()
            process.wait()

    def _command(self, peer: Peer, count: int) -> List[str]:
        if peer.kind == "inmemory":
            return [sys.executable, "-m", "syncproton", "broker", "--listen", "amqp://127.0.0.1:0"]
        program = str(self._programs.build(peer.kind))
        if peer.kind == "stream":
            identity = [str(self._certificate), str(self._key)] if peer.tls else []
            return [program, str(count), str(peer.size), str(peer.credit), *identity]
        if peer.kind == "direct":
            return [program, "127.0.0.1", "0", "examples", str(count)]
        return [program, "127.0.0.1", "0"]

    def _port(self, process: "subprocess.Popen[bytes]", command: List[str]) -> str:
        deadline = time.monotonic() + _START_LIMIT
        while process.poll() is None and time.monotonic() < deadline:
            match = _LISTENING.search(self._output.read_text(errors="replace"))
            if match is not None:
                return match[1]
            time.sleep(0.01)
        raise RunFailed(f"{command[0]} did not start:\n{self._output.read_text(errors='replace')[-2000:]}")
