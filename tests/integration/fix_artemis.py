"""ActiveMQ Artemis, unpacked or installed elsewhere, as an instance of its own in a temporary folder.

``ARTEMIS_HOME`` names the folder of the distribution; without it the archive is taken from the local Maven repository.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Iterator, Tuple

import pytest

from broker_under_test import BrokerUnderTest
from server_process import ServerProcess, free_port

__all__ = ["PAIR_IDLE_TIMEOUT", "Artemis", "_artemis_pair", "artemis", "artemis_home", "artemis_pair"]

#: Seconds after which a broker of the pair drops a client that has nothing to say.
PAIR_IDLE_TIMEOUT = 4

_VERSION = "2.40.0"
_ARCHIVE = f"org/apache/activemq/apache-artemis/{_VERSION}/apache-artemis-{_VERSION}-bin.tar.gz"

_ADDRESS_SETTINGS = """
      <address-settings>
         <address-setting match="#">
            <dead-letter-address>DLQ</dead-letter-address>
            <default-address-routing-type>ANYCAST</default-address-routing-type>
            <default-queue-routing-type>ANYCAST</default-queue-routing-type>
            <auto-delete-queues>false</auto-delete-queues>
            <auto-delete-addresses>false</auto-delete-addresses>
         </address-setting>
         <address-setting match="made.by.hand.#">
            <auto-create-queues>false</auto-create-queues>
            <auto-create-addresses>false</auto-create-addresses>
         </address-setting>
      </address-settings>
"""


class Artemis(BrokerUnderTest):
    name = "artemis"
    missing = {"sender": "made.by.hand.missing", "receiver": "made.by.hand.missing"}
    dead_letter_address = "DLQ"
    unroutable = "made.by.hand.missing", "amqp:not-found"
    unknown_transaction = "amqp:illegal-state"


def _home(unpack_to: Path) -> Path:
    if "ARTEMIS_HOME" in os.environ:
        return Path(os.environ["ARTEMIS_HOME"])
    archive = Path.home() / ".m2" / "repository" / _ARCHIVE
    assert archive.exists(), f"Artemis is missing: set ARTEMIS_HOME, or get it with Maven (no {archive})"
    with tarfile.open(archive) as tar:
        tar.extractall(unpack_to)
    return unpack_to / f"apache-artemis-{_VERSION}"


def _configure(broker_xml: Path, port: int, more: str) -> None:
    acceptor = (f'<acceptors><acceptor name="amqp">tcp://127.0.0.1:{port}?protocols=AMQP;amqpCredits=1000;'
                f"amqpLowCredits=300{more}</acceptor></acceptors>")
    text = broker_xml.read_text()
    text = re.sub(r"<acceptors>.*?</acceptors>", acceptor, text, flags=re.S)
    text = re.sub(r"<address-settings>.*?</address-settings>", _ADDRESS_SETTINGS, text, flags=re.S)
    # A disk that is nearly full must not stop the tests, nor must they wait for it to write.
    text = re.sub(r"<max-disk-usage>.*?</max-disk-usage>", "<max-disk-usage>100</max-disk-usage>", text)
    text = re.sub(r"<journal-datasync>.*?</journal-datasync>", "<journal-datasync>false</journal-datasync>", text)
    broker_xml.write_text(text)


@pytest.fixture(scope="session")
def artemis_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the distribution."""
    return _home(tmp_path_factory.mktemp("artemis-home"))


def _make(home: Path, folder: Path, memory: str, more: str = "") -> Artemis:
    """A broker with files, a port and a memory of its own, and more options of its acceptor.  It is not started."""
    instance = folder / "instance"
    port = free_port()
    subprocess.run(
        [str(home / "bin" / "artemis"), "create", str(instance), "--silent", "--user", "admin",
         "--password", "admin", "--require-login", "--nio", "--no-autotune", "--no-web"],
        check=True, stdout=subprocess.DEVNULL, timeout=60)
    _configure(instance / "etc" / "broker.xml", port, more)
    server = ServerProcess([str(instance / "bin" / "artemis"), "run"], ready="AMQ221007", log=folder / "output",
                           env={"JAVA_ARGS": f"{memory} -XX:+UseSerialGC -Dlog4j2.disableJmx=true"})
    return Artemis(server, f"amqp://admin:admin@127.0.0.1:{port}", f"amqp://admin:wrong@127.0.0.1:{port}")


@pytest.fixture(scope="session")
def artemis(artemis_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUnderTest]:
    broker = _make(artemis_home, tmp_path_factory.mktemp("artemis"), "-Xms256M -Xmx1G")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def _artemis_pair(artemis_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Artemis, Artemis]]:
    brokers = [_make(artemis_home, tmp_path_factory.mktemp(f"artemis-{name}"), "-Xms128M -Xmx512M",
                     f";amqpIdleTimeout={PAIR_IDLE_TIMEOUT * 1000}") for name in "ab"]
    yield brokers[0], brokers[1]
    for broker in brokers:
        broker.stop()


@pytest.fixture
def artemis_pair(_artemis_pair: Tuple[Artemis, Artemis]) -> Tuple[Artemis, Artemis]:
    """Two brokers that know nothing of each other, both running; the test may do to them what it likes."""
    for broker in _artemis_pair:
        if not broker.server.running:
            broker.start()
    return _artemis_pair
