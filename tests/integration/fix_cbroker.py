"""The example broker of Qpid Proton's C library, compiled from the source Debian ships."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from broker_under_test import BrokerUnderTest
from server_process import ServerProcess, free_port

__all__ = ["cbroker"]

_SOURCE = Path("/usr/share/proton/examples/c/broker.c")


class CBroker(BrokerUnderTest):
    name = "cbroker"
    settles_first = True
    keeps_messages = False


@pytest.fixture(scope="session")
def cbroker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUnderTest]:
    assert _SOURCE.exists(), f"The Proton C broker is missing: install libqpid-proton11-dev-examples (no {_SOURCE})"
    folder = tmp_path_factory.mktemp("cbroker")
    program = folder / "broker"
    subprocess.run(["gcc", "-O2", "-w", "-o", str(program), str(_SOURCE), "-lqpid-proton", "-lpthread"], check=True,
                   timeout=120)
    port = free_port()
    server = ServerProcess([str(program), "127.0.0.1", str(port)], ready="listening on", log=folder / "output")
    # It knows ANONYMOUS only, so a user and a password are refused whatever they are.
    broker = CBroker(server, f"amqp://127.0.0.1:{port}", f"amqp://user:wrong@127.0.0.1:{port}")
    broker.start()
    yield broker
    broker.stop()
