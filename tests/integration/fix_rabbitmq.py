"""RabbitMQ with its AMQP 1.0 plugin, from Debian's package, with everything it writes in a temporary folder."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from broker_under_test import BrokerUnderTest
from server_process import ServerProcess, free_port

__all__ = ["rabbitmq"]

# Not the one on PATH: that is a wrapper which changes to the system's user and folders.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQ(BrokerUnderTest):
    name = "rabbitmq"
    queue_prefix = "/queue/"
    # It looks at a sender's exchange only, not at the queue of /amq/queue/NAME.
    missing = {"sender": "/exchange/missing/key", "receiver": "/amq/queue/missing"}
    # A null value comes back as an empty data section; over a list its session process crashes.
    spoiled_bodies = (type(None), list)


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUnderTest]:
    assert _SERVER.exists(), f"RabbitMQ is missing: install Debian's rabbitmq-server (no {_SERVER})"
    folder = tmp_path_factory.mktemp("rabbitmq")
    port, distribution_port, epmd_port = free_port(), free_port(), free_port()
    (folder / "plugins").write_text("[rabbitmq_amqp1_0].\n")
    (folder / "environment").write_text("")
    (folder / "rabbitmq.conf").write_text("disk_free_limit.absolute = 1MB\nlog.console = true\nlog.file = false\n")
    env = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "environment"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_NODENAME": f"syncproton{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    # The node would start a name server that outlives it; this one is ours to stop.
    names = ServerProcess(["epmd", "-d", "-port", str(epmd_port), "-address", "127.0.0.1"], ready="epmd running",
                          log=folder / "epmd-output")
    names.start()
    server = ServerProcess([str(_SERVER)], ready="completed with", log=folder / "output", env=env)
    broker = RabbitMQ(server, f"amqp://guest:guest@127.0.0.1:{port}", f"amqp://guest:wrong@127.0.0.1:{port}")
    try:
        broker.start()
        yield broker
        broker.stop()
    finally:
        names.stop()
