"""ActiveMQ Artemis, unpacked or installed elsewhere, as an instance of its own in a temporary folder.

``ARTEMIS_HOME`` names the folder of the distribution; without it the archive is taken from the local Maven repository.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Iterator

import pytest

from broker_under_test import BrokerUnderTest
from server_process import ServerProcess, free_port

__all__ = ["artemis"]

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


def _home(unpack_to: Path) -> Path:
    if "ARTEMIS_HOME" in os.environ:
        return Path(os.environ["ARTEMIS_HOME"])
    archive = Path.home() / ".m2" / "repository" / _ARCHIVE
    assert archive.exists(), f"Artemis is missing: set ARTEMIS_HOME, or get it with Maven (no {archive})"
    with tarfile.open(archive) as tar:
        tar.extractall(unpack_to)
    return unpack_to / f"apache-artemis-{_VERSION}"


def _configure(broker_xml: Path, port: int) -> None:
    acceptor = (f'<acceptors><acceptor name="amqp">tcp://127.0.0.1:{port}?protocols=AMQP;amqpCredits=1000;'
                "amqpLowCredits=300</acceptor></acceptors>")
    text = broker_xml.read_text()
    text = re.sub(r"<acceptors>.*?</acceptors>", acceptor, text, flags=re.S)
    text = re.sub(r"<address-settings>.*?</address-settings>", _ADDRESS_SETTINGS, text, flags=re.S)
    # A disk that is nearly full must not stop the tests, nor must they wait for it to write.
    text = re.sub(r"<max-disk-usage>.*?</max-disk-usage>", "<max-disk-usage>100</max-disk-usage>", text)
    text = re.sub(r"<journal-datasync>.*?</journal-datasync>", "<journal-datasync>false</journal-datasync>", text)
    broker_xml.write_text(text)


@pytest.fixture(scope="session")
def artemis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerUnderTest]:
    folder = tmp_path_factory.mktemp("artemis")
    instance = folder / "instance"
    port = free_port()
    subprocess.run(
        [str(_home(folder) / "bin" / "artemis"), "create", str(instance), "--silent", "--user", "admin",
         "--password", "admin", "--require-login", "--nio", "--no-autotune", "--no-web"],
        check=True, stdout=subprocess.DEVNULL, timeout=60)
    _configure(instance / "etc" / "broker.xml", port)
    server = ServerProcess([str(instance / "bin" / "artemis"), "run"], ready="AMQ221007", log=folder / "output",
                           env={"JAVA_ARGS": "-Xms256M -Xmx1G -XX:+UseSerialGC -Dlog4j2.disableJmx=true"})
    broker = Artemis(server, f"amqp://admin:admin@127.0.0.1:{port}", f"amqp://admin:wrong@127.0.0.1:{port}")
    broker.start()
    yield broker
    broker.stop()
