"""TLS with Artemis and with python-qpid-proton, in both roles: who is let in, and with which words who is not."""

from __future__ import annotations

import json
import ssl
import uuid
from typing import Any, Dict, List, Optional

import pytest

import syncproton
from fix_tls import ArtemisTls, Certificates, Identity, ProtonTls
from syncproton import Message, SSLDomain
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

LOGIN = {"user": "admin", "password": "admin"}


def domain(certificates: Certificates, own: Optional[Identity] = None, ca: Optional[str] = None) -> SSLDomain:
    """A client's settings: which authority it trusts, and what it shows of itself."""
    made = SSLDomain(SSLDomain.MODE_CLIENT)
    made.set_trusted_ca_db(ca or certificates.ca)
    if own is not None:
        made.set_credentials(own.cert, own.key)
    return made


class Exchange(MessagingHandler):
    """Sends a message to a queue and gets it back; remembers how it went."""

    def __init__(self, url: str, address: str, **keywords: Any) -> None:
        super().__init__()
        self.url = url
        self.address = address
        self.keywords = keywords
        self.sent = False
        self.told: Dict[str, Any] = {}
        self.bodies: List[Any] = []
        self.errors: List[str] = []

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, reconnect=False, **self.keywords)
        event.container.create_receiver(connection, self.address)
        event.container.create_sender(connection, self.address)

    def on_connection_opened(self, event: Any) -> None:
        tls = event.transport.ssl()
        self.told = {"encrypted": event.transport.encrypted, "protocol": tls.protocol_name(),
                     "subject": tls.remote_subject, "cipher": tls.cipher_name()}

    def on_sendable(self, event: Any) -> None:
        if not self.sent:
            self.sent = True
            event.sender.send(Message(body=f"over {self.told['protocol']}"))

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)
        event.connection.close()

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition.description)


def exchange(url: str, **keywords: Any) -> Exchange:
    handler = Exchange(url, f"tls-{uuid.uuid4().hex}", **keywords)
    Container(handler).run()
    return handler


def refused(url: str, **keywords: Any) -> str:
    """Connect in vain, by callbacks and by a blocking call, and return what was said of it."""
    handler = exchange(url, **keywords)
    assert not handler.told and len(handler.errors) == 1, handler.told
    with pytest.raises(syncproton.ConnectionException) as caught:
        syncproton.connect(url, timeout=30, **keywords)
    assert str(caught.value.condition) == "amqp:connection:framing-error"
    # Which record of the handshake the broker's alert overtakes may differ, and so the words before.
    assert handler.errors[0].split("(")[-1] in str(caught.value)
    return handler.errors[0]


# Artemis


def test_artemis(artemis_tls: ArtemisTls, certificates: Certificates) -> None:
    handler = exchange(f"amqps://127.0.0.1:{artemis_tls.tls}", ssl_domain=domain(certificates), **LOGIN)
    assert handler.errors == [] and handler.bodies == ["over TLSv1.3"]
    assert handler.told["encrypted"] and handler.told["subject"] and handler.told["cipher"]


def test_artemis_by_the_settings_of_the_container(artemis_tls: ArtemisTls, certificates: Certificates) -> None:
    handler = Exchange(f"amqps://127.0.0.1:{artemis_tls.mutual}", "tls", **LOGIN)
    container = Container(handler)
    container.ssl.client.set_trusted_ca_db(certificates.ca)
    container.ssl.client.set_credentials(*certificates.client)
    container.run()
    assert handler.errors == [] and handler.bodies == ["over TLSv1.3"]


def test_artemis_by_what_the_system_trusts(
    artemis_tls: ArtemisTls, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"amqps://127.0.0.1:{artemis_tls.tls}"
    assert "authority is not trusted here" in refused(url, **LOGIN)
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, certificates.ca)
    assert exchange(url, **LOGIN).bodies == ["over TLSv1.3"]
    with syncproton.connect(url, **LOGIN) as connection:
        connection.create_sender("blocking").send("over TLS")
        assert connection.create_receiver("blocking").receive(timeout=30).body == "over TLS"


def test_artemis_of_an_authority_that_is_not_trusted(artemis_tls: ArtemisTls, certificates: Certificates) -> None:
    words = refused(f"amqps://127.0.0.1:{artemis_tls.tls}",
                    ssl_domain=domain(certificates, ca=certificates.strangers_ca), **LOGIN)
    assert "certificate verify failed" in words and "authority is not trusted here" in words


def test_artemis_under_another_host_name(artemis_tls: ArtemisTls, certificates: Certificates) -> None:
    trust = domain(certificates)
    words = refused(f"amqps://127.0.0.1:{artemis_tls.other}", ssl_domain=trust, **LOGIN)
    assert "hostname mismatch" in words and "'127.0.0.1'" in words and "'elsewhere.test'" in words
    words = refused(f"amqps://localhost:{artemis_tls.tls}", ssl_domain=trust, **LOGIN)
    assert "hostname mismatch" in words and "'localhost'" in words
    url = f"amqps://127.0.0.1:{artemis_tls.other}"
    assert exchange(url, ssl_domain=trust, sni="elsewhere.test", **LOGIN).bodies == ["over TLSv1.3"]
    trust.set_peer_authentication(SSLDomain.VERIFY_PEER)
    assert exchange(url, ssl_domain=trust, **LOGIN).bodies == ["over TLSv1.3"]


def test_artemis_with_an_expired_certificate(artemis_tls: ArtemisTls, certificates: Certificates) -> None:
    trust = domain(certificates)
    words = refused(f"amqps://127.0.0.1:{artemis_tls.expired}", ssl_domain=trust, **LOGIN)
    assert "certificate has expired" in words
    trust.set_peer_authentication(SSLDomain.ANONYMOUS_PEER)
    url = f"amqps://127.0.0.1:{artemis_tls.expired}"
    assert exchange(url, ssl_domain=trust, **LOGIN).bodies == ["over TLSv1.3"]


def test_artemis_that_wants_a_certificate_of_us(artemis_tls: ArtemisTls, certificates: Certificates) -> None:
    url = f"amqps://127.0.0.1:{artemis_tls.mutual}"
    assert exchange(url, ssl_domain=domain(certificates, certificates.client), **LOGIN).bodies == ["over TLSv1.3"]
    assert "wants one of us" in refused(url, ssl_domain=domain(certificates), **LOGIN)
    words = refused(url, ssl_domain=domain(certificates, certificates.stranger), **LOGIN)
    assert "refuses our certificate" in words
    words = refused(url, ssl_domain=domain(certificates, certificates.expired), **LOGIN)
    assert "refuses our certificate" in words


def test_artemis_knows_us_by_our_certificate(
    artemis_tls: ArtemisTls, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"amqps://127.0.0.1:{artemis_tls.external}"
    mine = domain(certificates, certificates.client)
    assert exchange(url, ssl_domain=mine).bodies == ["over TLSv1.3"]
    assert exchange(url, ssl_domain=mine, allowed_mechs="EXTERNAL").bodies == ["over TLSv1.3"]
    # One of the same authority, of whom the broker's files say nothing.
    assert not exchange(url, ssl_domain=domain(certificates, certificates.server)).bodies
    assert "Unable to validate user" in caplog.text and "CN=127.0.0.1" in caplog.text


def test_artemis_spoken_to_without_tls(artemis_tls: ArtemisTls) -> None:
    handler = exchange(f"amqp://127.0.0.1:{artemis_tls.tls}", **LOGIN)
    assert not handler.told and len(handler.errors) == 1
    assert "connection aborted" in handler.errors[0]


# A program on python-qpid-proton that listens


def test_proton_listens(proton_tls: ProtonTls, certificates: Certificates) -> None:
    with proton_tls.listen(certificates.server) as listener:
        with syncproton.connect(listener.url, ssl_domain=domain(certificates)) as connection:
            connection.create_sender("anything").send("over TLS")
        assert "authority is not trusted here" in refused(listener.url)
        assert "hostname mismatch" in refused(
            listener.url.replace("127.0.0.1", "localhost"), ssl_domain=domain(certificates))
    assert '"user": "anonymous"' in listener.output()


def test_proton_listens_and_its_certificate_has_expired(proton_tls: ProtonTls, certificates: Certificates) -> None:
    with proton_tls.listen(certificates.expired) as listener:
        assert "certificate has expired" in refused(listener.url, ssl_domain=domain(certificates))


def test_proton_listens_and_wants_a_certificate_of_us(proton_tls: ProtonTls, certificates: Certificates) -> None:
    with proton_tls.listen(certificates.server, certificates.ca) as listener:
        mine = domain(certificates, certificates.client)
        with syncproton.connect(listener.url, ssl_domain=mine) as connection:
            connection.create_sender("anything").send("over TLS")
        assert "wants a certificate of us" in refused(listener.url, ssl_domain=domain(certificates))
        words = refused(listener.url, ssl_domain=domain(certificates, certificates.stranger))
        assert "does not trust our certificate" in words
    told = [json.loads(line) for line in listener.output().splitlines() if line.startswith("{")]
    users = [each for each in told if "user" in each]
    assert len(users) == 1 and users[0]["user"] and "client" in users[0]["subject"]


# A container of ours that listens, and python-qpid-proton comes


class Listener(MessagingHandler):
    """Listens with TLS and remembers who came, and who could not."""

    def __init__(self) -> None:
        super().__init__()
        self.told: List[Dict[str, Any]] = []
        self.bodies: List[Any] = []
        self.errors: List[str] = []

    def on_connection_opening(self, event: Any) -> None:
        tls = event.transport.ssl()
        self.told.append({"user": event.transport.user, "subject": tls.remote_subject, "protocol": tls.protocol_name()})

    def on_message(self, event: Any) -> None:
        self.bodies.append(event.message.body)

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition.description)


@pytest.fixture
def listener() -> Any:
    handler = Listener()
    container = Container(handler)
    container.start_background()

    def listen(own: Identity, ca: Optional[str] = None) -> str:
        settings = SSLDomain(SSLDomain.MODE_SERVER)
        settings.set_credentials(own.cert, own.key)
        if ca is not None:
            settings.set_trusted_ca_db(ca)
            settings.set_peer_authentication(SSLDomain.VERIFY_PEER, ca)
        return f"amqps://127.0.0.1:{container.listen('amqps://127.0.0.1:0', settings).port}"

    handler.listen = listen  # type: ignore[attr-defined]
    yield handler
    container.close()


def test_proton_connects(listener: Any, proton_tls: ProtonTls, certificates: Certificates) -> None:
    result = proton_tls.connect(listener.listen(certificates.server), certificates.ca)
    assert result["opened"] and result["accepted"] == 1 and result["errors"] == []
    assert result["protocol"] == "TLSv1.3" and listener.bodies == ["over TLS"]
    assert listener.told == [{"user": "anonymous", "subject": None, "protocol": "TLSv1.3"}]


def test_proton_connects_with_a_certificate(
    listener: Any, proton_tls: ProtonTls, certificates: Certificates
) -> None:
    url = listener.listen(certificates.server, certificates.ca)
    result = proton_tls.connect(url, certificates.ca, certificates.client)
    assert result["opened"] and result["accepted"] == 1 and result["errors"] == []
    told, = listener.told
    assert "CN=client" in told["subject"] and told["user"] == told["subject"]


def test_proton_connects_without_the_certificate_that_is_wanted(
    listener: Any, proton_tls: ProtonTls, certificates: Certificates
) -> None:
    result = proton_tls.connect(listener.listen(certificates.server, certificates.ca), certificates.ca)
    assert not result["opened"] and result["errors"]
    assert listener.told == [] and "peer did not return a certificate" in listener.errors[0]


def test_proton_connects_with_a_certificate_of_a_stranger(
    listener: Any, proton_tls: ProtonTls, certificates: Certificates
) -> None:
    url = listener.listen(certificates.server, certificates.ca)
    result = proton_tls.connect(url, certificates.ca, certificates.stranger)
    assert not result["opened"] and result["errors"]
    assert listener.told == [] and "authority is not trusted here" in listener.errors[0]


@pytest.mark.parametrize("own, words", [("other", "peer closed the connection"), ("expired", "expired")])
def test_proton_refuses_our_certificate(
    listener: Any, proton_tls: ProtonTls, certificates: Certificates, own: str, words: str
) -> None:
    result = proton_tls.connect(listener.listen(getattr(certificates, own)), certificates.ca)
    assert not result["opened"] and "certificate verify failed" in result["errors"][0]
    assert listener.told == [] and len(listener.errors) == 1


def test_proton_does_not_trust_our_authority(
    listener: Any, proton_tls: ProtonTls, certificates: Certificates
) -> None:
    result = proton_tls.connect(listener.listen(certificates.server), certificates.strangers_ca)
    assert not result["opened"] and "certificate verify failed" in result["errors"][0]
    assert "does not trust our certificate" in listener.errors[0]
