"""The package's own in-memory broker, as a user runs it from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator

import pytest

from broker_under_test import BrokerUnderTest
from server_process import ServerProcess, free_port

__all__ = ["inmemory"]

_ROOT = Path(__file__).resolve().parents[2]


class InMemory(BrokerUnderTest):
    name = "inmemory"
    keeps_messages = False
    unroutable = "", "amqp:transaction:rollback"
    unknown_transaction = "amqp:transaction:unknown-id"


@pytest.fixture(scope="session")
def inmemory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUnderTest]:
    port = free_port()
    server = ServerProcess(
        [sys.executable, "-m", "syncproton", "broker", "--listen", f"amqp://127.0.0.1:{port}", "--user", "admin:admin"],
        ready="listening on", log=tmp_path_factory.mktemp("inmemory") / "output", env={"PYTHONPATH": str(_ROOT)})
    broker = InMemory(server, f"amqp://admin:admin@127.0.0.1:{port}", f"amqp://admin:wrong@127.0.0.1:{port}")
    broker.start()
    yield broker
    broker.stop()
