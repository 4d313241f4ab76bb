"""Certificates, an Artemis broker that asks for them, and a program on python-qpid-proton that speaks TLS."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from fix_artemis import _make
from fix_peers import _PROGRAMS, _environment
from server_process import ServerProcess, free_port

__all__ = ["ArtemisTls", "Certificates", "ProtonTls", "artemis_tls", "certificates", "proton_tls"]

USER, ROLE = "certified", "amq"


class Identity(NamedTuple):
    """A certificate and its key, in files of their own."""

    cert: str
    key: str


class Certificates:
    """An authority and what it has issued, and a stranger's authority.

    The servers' certificates are for 127.0.0.1, ``other`` is for elsewhere.test.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ours, theirs = trustme.CA(), trustme.CA()
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        self.ca = self._write("ca", ours.cert_pem.bytes())
        self.strangers_ca = self._write("strangers_ca", theirs.cert_pem.bytes())
        # Proton finds addresses in the common name only.
        self.server = self._issue(ours, "server", "127.0.0.1", common_name="127.0.0.1")
        self.other = self._issue(ours, "other", "elsewhere.test")
        self.expired = self._issue(ours, "expired", "127.0.0.1", common_name="127.0.0.1", not_before=now - 2 * day,
                                   not_after=now - day)
        self.client = self._issue(ours, "client", "client.test", common_name="client")
        self.stranger = self._issue(theirs, "stranger", "client.test", common_name="client")

    def _write(self, name: str, pem: bytes) -> str:
        path = self.folder / f"{name}.pem"
        path.write_bytes(pem)
        return str(path)

    def _issue(self, authority: trustme.CA, name: str, host: str, **details: Any) -> Identity:
        issued = authority.issue_cert(host, **details)
        # Java reads keys in PKCS #8 only.
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        self._write(f"{name}_both", key + chain)
        return Identity(self._write(name, chain), self._write(f"{name}_key", key))

    def both(self, identity: Identity) -> str:
        """The file that has key and certificate."""
        return identity.cert[:-4] + "_both.pem"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class ArtemisTls(NamedTuple):
    """The ports of the broker: each asks for TLS in a way of its own.

    :ivar tls: a certificate of ours, and no question about the client's.
    :ivar other: a certificate that is for another host.
    :ivar expired: one that was good yesterday.
    :ivar mutual: wants a certificate of the client; users log in with a password.
    :ivar external: wants one, and the user is who it names.
    """

    tls: int
    other: int
    expired: int
    mutual: int
    external: int


@pytest.fixture(scope="module")
def artemis_tls(
    artemis_home: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ArtemisTls]:
    broker = _make(artemis_home, tmp_path_factory.mktemp("artemis-tls"), "-Xms128M -Xmx512M")
    etc = Path(broker.server.command[0]).parents[1] / "etc"
    ports = ArtemisTls(*(free_port() for _ in ArtemisTls._fields))
    wanted = f"needClientAuth=true;trustStorePath={certificates.ca};trustStoreType=PEMCA"
    options = {"mutual": wanted, "external": f"{wanted};saslMechanisms=EXTERNAL"}
    acceptors = []
    for name, port in ports._asdict().items():
        identity = getattr(certificates, name if name in ("other", "expired") else "server")
        more = options.get(name, "")
        acceptors.append(
            f'<acceptor name="{name}">tcp://127.0.0.1:{port}?protocols=AMQP;sslEnabled=true;'
            f"keyStorePath={certificates.both(identity)};keyStoreType=PEM;{more}</acceptor>")
    text = (etc / "broker.xml").read_text()
    text = re.sub(r"<acceptors>.*?</acceptors>", f"<acceptors>{''.join(acceptors)}</acceptors>", text, flags=re.S)
    (etc / "broker.xml").write_text(text)
    _let_certificates_in(etc)
    broker.start()
    yield ports
    broker.stop()


def _let_certificates_in(etc: Path) -> None:
    """Who shows the client's certificate is a user like any other."""
    bootstrap = etc / "bootstrap.xml"
    bootstrap.write_text(re.sub(r'<jaas-security domain="activemq"/>',
                                '<jaas-security domain="activemq" certificate-domain="certificates"/>',
                                bootstrap.read_text()))
    module = "org.apache.activemq.artemis.spi.core.security.jaas.TextFileCertificateLoginModule"
    plain = "org.apache.activemq.artemis.spi.core.security.jaas.PropertiesLoginModule"
    with (etc / "login.config").open("a") as file:
        file.write(f"""
certificates {{
   {module} sufficient
       org.apache.activemq.jaas.textfiledn.user="certificate-users.properties"
       org.apache.activemq.jaas.textfiledn.role="certificate-roles.properties";
   {plain} sufficient
       org.apache.activemq.jaas.properties.user="artemis-users.properties"
       org.apache.activemq.jaas.properties.role="artemis-roles.properties";
}};
""")
    (etc / "certificate-users.properties").write_text(f"{USER}=/.*CN=client.*/\n")
    (etc / "certificate-roles.properties").write_text(f"{ROLE}={USER}\n")


class ProtonTls:
    """Programs on python-qpid-proton that speak TLS."""

    program = [sys.executable, str(_PROGRAMS / "proton_tls.py")]

    def __init__(self, log: Path) -> None:
        self._log = log

    def listen(self, own: Identity, ca: Optional[str] = None) -> "ProtonListener":
        """Have one listen, with a certificate, and for ``ca`` with a check of its clients'."""
        port = free_port()
        server = ServerProcess([*self.program, "listen", f"amqps://127.0.0.1:{port}", own.cert, own.key, ca or ""],
                               ready="^listening", log=self._log)
        return ProtonListener(server, port)

    def connect(self, url: str, ca: str, own: Optional[Identity] = None) -> Dict[str, Any]:
        """Have one connect; what it saw, see the program."""
        done = subprocess.run([*self.program, "connect", url, ca, *(own or ())], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, env=_environment())
        assert done.returncode == 0, done.stderr[-2000:]
        result: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result


class ProtonListener:
    """A listening program, started and stopped by ``with``."""

    def __init__(self, server: ServerProcess, port: int) -> None:
        self._server = server
        self.url = f"amqps://127.0.0.1:{port}"

    def __enter__(self) -> "ProtonListener":
        self._server.start()
        return self

    def __exit__(self, *args: Any) -> None:
        self._server.kill()

    def output(self) -> str:
        return self._server.output()


@pytest.fixture
def proton_tls(tmp_path: Path) -> ProtonTls:
    return ProtonTls(tmp_path / "output")
