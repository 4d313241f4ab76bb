"""TLS under a connection: who shows a certificate to whom, what is checked, and what a program is told of it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any, Callable, Optional, Tuple

import trustme
from proton import SSL, Connection, Delivery, SSLDomain, SSLSessionDetails, Transport
from pumping import attempt
from record import states
from scenario import Differs, scenario

HOST = "server.example.com"


@functools.lru_cache(maxsize=None)
def files() -> Tuple[str, ...]:
    """PEM files: an authority, one that nobody trusts, and a server's and a client's certificate with their keys."""
    holder = tempfile.TemporaryDirectory()
    folder = Path(holder.name)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority"))
    trustme.CA().cert_pem.write_to_path(str(folder / "stranger"))
    authority.issue_cert(
        HOST, "*.wild.example.com", common_name="the server", organization_name="Servers",
        organization_unit_name="one").private_key_and_cert_chain_pem.write_to_path(str(folder / "server"))
    authority.issue_cert(
        "joe@example.com", common_name="joe", organization_name="Clients",
        organization_unit_name="two").private_key_and_cert_chain_pem.write_to_path(str(folder / "client"))
    _KEPT.append(holder)
    return tuple(str(folder / name) for name in ("authority", "stranger", "server", "client"))


#: The folders of the files, until the process ends.
_KEPT: Any = []

AUTHORITY, STRANGER, SERVER, CLIENT = range(4)


def for_client(verify: int = SSLDomain.ANONYMOUS_PEER, trusted: int = AUTHORITY, shows: Optional[int] = None) -> Any:
    domain = SSLDomain(SSLDomain.MODE_CLIENT)
    if shows is not None:
        domain.set_credentials(files()[shows], files()[shows], None)
    domain.set_trusted_ca_db(files()[trusted])
    domain.set_peer_authentication(verify)
    return domain


def for_server(verify: bool = False) -> Any:
    domain = SSLDomain(SSLDomain.MODE_SERVER)
    domain.set_credentials(files()[SERVER], files()[SERVER], None)
    if verify:
        domain.set_trusted_ca_db(files()[AUTHORITY])
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER, files()[AUTHORITY])
    return domain


class Side:
    """One end: a connection and its transport, with TLS if there is a domain."""

    def __init__(self, name: str, domain: Any = None, details: Any = None) -> None:
        self.name = name
        self.connection = Connection()
        self.transport = Transport(Transport.SERVER) if name == "server" else Transport()
        self.ssl = SSL(self.transport, domain, details) if domain is not None else None

    def tell(self, run: Any) -> None:
        """Write down how things are."""
        transport = self.transport
        run.note(self.name, states(self.connection.state), transport.condition and transport.condition.name,
                 transport.encrypted, transport.authenticated, transport.user)
        if self.ssl is not None:
            run.note(self.name, bool(self.ssl.cipher_name()), self.ssl.protocol_name(), self.ssl.resume_status(),
                     self.ssl.remote_subject, repr(self.ssl.peer_hostname))


def pump(one: Side, other: Side, most: int = 1 << 14) -> None:
    """Carry bytes and ends of streams both ways until there are none."""
    moved = True
    while moved:
        moved = False
        for source, sink in ((one.transport, other.transport), (other.transport, one.transport)):
            pending, room = source.pending(), sink.capacity()
            if pending > 0 and room > 0:
                data = source.peek(min(pending, room, most))
                sink.push(data)
                source.pop(len(data))
                moved = True
            elif pending < 0 <= room:
                sink.close_tail()
                moved = True
            elif pending > 0 > room:
                source.close_head()
                moved = True


Prepare = Callable[[Side, Side], None]


def meet(client: Side, server: Side, host: Optional[str] = HOST, prepare: Optional[Prepare] = None,
         most: int = 1 << 14) -> None:
    """Open a connection."""
    if host is not None:
        client.connection.hostname = host
    if prepare is not None:
        prepare(client, server)
    for side in (client, server):
        side.transport.bind(side.connection)
        side.connection.open()
    pump(client, server, most)


def tried(run: Any, word: str, client: Side, server: Side, host: Optional[str] = HOST) -> None:
    """Write down whether the client gets a connection, and if not, why."""
    meet(client, server, host)
    condition = client.transport.condition
    run.note(word, states(client.connection.state), condition and condition.name, client.transport.closed)


@scenario()
def nobody_is_checked(run: Any) -> None:
    client, server = Side("client", for_client()), Side("server", for_server())
    meet(client, server)
    client.tell(run)
    server.tell(run)


@scenario()
def nobody_has_a_certificate(run: Any) -> None:
    client = Side("client", for_client())
    server = Side("server", SSLDomain(SSLDomain.MODE_SERVER))
    meet(client, server)
    client.tell(run)
    server.tell(run)


@scenario()
def the_server_is_checked(run: Any) -> None:
    verify, name = SSLDomain.VERIFY_PEER, SSLDomain.VERIFY_PEER_NAME
    tried(run, "certificate", Side("client", for_client(verify)), Side("server", for_server()), "other")
    tried(run, "stranger", Side("client", for_client(verify, STRANGER)), Side("server", for_server()))
    for host in (HOST, HOST.upper(), "a.wild.example.com", "wild.example.com", "a.b.wild.example.com", "other", None):
        tried(run, f"name {host}", Side("client", for_client(name)), Side("server", for_server()), host)
    tried(run, "default", Side("client", SSLDomain(SSLDomain.MODE_CLIENT)), Side("server", for_server()))


@scenario()
def the_host_wanted_is_that_of_the_connection(run: Any) -> None:
    for order in ("tls name bind", "name tls bind", "name bind tls", "bind name tls", "tls bind name",
                  "tls peer other bind", "tls other bind peer"):
        client, server = Side("client"), Side("server", for_server())
        for step in order.split():
            if step == "tls":
                client.ssl = SSL(client.transport, for_client(SSLDomain.VERIFY_PEER_NAME))
            elif step == "bind":
                client.transport.bind(client.connection)
            elif step == "peer":
                assert client.ssl is not None
                client.ssl.peer_hostname = HOST
            else:
                client.connection.hostname = HOST if step == "name" else "elsewhere"
        assert client.ssl is not None
        run.note(order, repr(client.ssl.peer_hostname))
        client.connection.open()
        server.transport.bind(server.connection)
        server.connection.open()
        pump(client, server)
        run.note(states(client.connection.state), server.connection.remote_hostname)


@scenario()
def the_client_is_checked(run: Any) -> None:
    client = Side("client", for_client(SSLDomain.VERIFY_PEER_NAME, shows=CLIENT))
    server = Side("server", for_server(verify=True))
    meet(client, server)
    client.tell(run)
    server.tell(run)
    seen = server.ssl
    run.note(seen.get_cert_subject(), seen.get_cert_common_name(), seen.get_cert_organization(),
             seen.get_cert_organization_unit(), seen.get_cert_locality_or_city(), seen.get_cert_country(),
             seen.get_cert_state_or_province())
    for name in ("sha1", "sha256", "sha512", "md5"):
        run.note(name, len(getattr(seen, f"get_cert_fingerprint_{name}")()))
    for room, digest in ((41, SSL.SHA1), (40, SSL.SHA1), (64, SSL.SHA256), (200, SSL.SHA256), (41, 10), (0, SSL.MD5)):
        found = seen.get_cert_fingerprint(room, digest)
        run.note(room, digest, found and len(found))
    run.note(seen._get_cert_subject_unknown_subfield(), seen._get_cert_fingerprint_unknown_hash_alg())
    run.note(seen.get_cert_subject_subfield(SSL.CERT_COMMON_NAME), seen.get_cert_subject_subfield(6))
    attempt(run, "a field by name", seen.get_cert_subject_subfield, "CN")
    attempt(run, "room by name", seen.get_cert_fingerprint, "x", SSL.SHA1)


@scenario()
def a_client_without_a_certificate_has_no_details(run: Any) -> None:
    client, server = Side("client", for_client()), Side("server", for_server())
    meet(client, server)
    seen = server.ssl
    run.note(seen.remote_subject, seen.get_cert_subject(), seen.get_cert_common_name(),
             seen.get_cert_fingerprint_sha1(), seen.get_cert_fingerprint_md5())


@scenario()
def login_by_certificate(run: Any) -> None:
    def external(client: Side, server: Side) -> None:
        for side in (client, server):
            side.transport.sasl().allowed_mechs("EXTERNAL")
        server.transport.require_auth(True)

    client = Side("client", for_client(SSLDomain.VERIFY_PEER_NAME, shows=CLIENT))
    server = Side("server", for_server(verify=True))
    meet(client, server, prepare=external)
    for side in (client, server):
        side.tell(run)
        sasl = side.transport.sasl()
        run.note(sasl.outcome, sasl.mech, sasl.user)
    client, server = Side("client", for_client(SSLDomain.VERIFY_PEER)), Side("server", for_server())
    meet(client, server, prepare=external)
    run.note(states(client.connection.state), client.transport.condition.name, client.transport.authenticated)


@scenario()
def anonymous_over_tls(run: Any) -> None:
    def anonymous(client: Side, server: Side) -> None:
        for side in (client, server):
            side.transport.sasl().allowed_mechs("ANONYMOUS")

    client, server = Side("client", for_client(shows=CLIENT)), Side("server", for_server(verify=True))
    meet(client, server, prepare=anonymous)
    client.tell(run)
    server.tell(run)


@scenario()
def clients_in_clear(run: Any) -> None:
    tried(run, "refused", Side("client"), Side("server", for_server()))
    domain = for_server()
    domain.allow_unsecured_client()
    client, server = Side("client"), Side("server", domain)
    meet(client, server)
    client.tell(run)
    run.note(states(server.connection.state), server.transport.encrypted, server.transport.user)
    secured = Side("client", for_client())
    domain = for_server()
    domain.allow_unsecured_client()
    tried(run, "or not", secured, Side("server", domain))


@scenario()
def encryption_required(run: Any) -> None:
    def required(client: Side, server: Side) -> None:
        server.transport.require_encryption(True)

    for domain in (None, for_client()):
        client, server = Side("client", domain), Side("server", for_server())
        meet(client, server, prepare=required)
        run.note(states(client.connection.state), server.transport.encrypted)


@scenario(differs=Differs(
    "``Receiver.recv`` returns ``bytes``", proton=["bytearray 100000 True"], ours=["bytes 100000 True"]))
def messages_in_small_pieces(run: Any) -> None:
    client, server = Side("client", for_client()), Side("server", for_server())
    meet(client, server, most=7)
    session = client.connection.session()
    session.open()
    sender = session.sender("link")
    sender.open()
    pump(client, server, 11)
    server.connection.session_head(0).open()
    receiver = server.connection.link_head(0)
    receiver.open()
    receiver.flow(1)
    pump(client, server, 1)
    delivery = sender.delivery("tag")
    sender.send(b"0123456789" * 10000)
    sender.advance()
    pump(client, server, 1000)
    data = receiver.recv(1 << 20)
    run.note(type(data).__name__, len(data), bytes(data) == b"0123456789" * 10000)
    receiver.current.update(Delivery.ACCEPTED)
    pump(client, server, 3)
    run.note(delivery.remote_state, delivery.updated)
    client.connection.close()
    server.connection.close()
    pump(client, server, 5)
    for side in (client, server):
        run.note(states(side.connection.state), side.transport.closed, side.transport.condition)


@scenario()
def sessions_have_names(run: Any) -> None:
    domain, other = for_client(), for_server()
    for name in ("one", "two"):
        details = SSLSessionDetails(name)
        client, server = Side("client", domain, details), Side("server", other)
        meet(client, server)
        run.note(details.get_session_id(), client.ssl.resume_status(), server.ssl.resume_status())


@scenario()
def objects_and_what_they_refuse(run: Any) -> None:
    domain, transport = for_client(), Transport()
    ssl = SSL(transport, domain)
    run.note(SSL(transport, domain) is ssl, transport.ssl() is ssl, transport.ssl(domain) is ssl)
    attempt(run, "another domain", lambda: bool(SSL(transport, for_client())))
    ssl.peer_hostname = "one"
    run.note(ssl.peer_hostname)
    ssl.peer_hostname = ""
    run.note(repr(ssl.peer_hostname))
    attempt(run, "no host", setattr, ssl, "peer_hostname", None)
    run.note(repr(ssl.peer_hostname))
    good, server = files()[SERVER], SSLDomain(SSLDomain.MODE_SERVER)
    attempt(run, "no certificate", server.set_credentials, "/nowhere", good, None)
    attempt(run, "no key", server.set_credentials, good, files()[AUTHORITY], None)
    attempt(run, "another's key", server.set_credentials, good, files()[CLIENT], None)
    attempt(run, "no authorities", server.set_trusted_ca_db, "/nowhere")
    attempt(run, "no such mode", server.set_peer_authentication, 99)
    attempt(run, "good", server.set_credentials, good, good, None)
    attempt(run, "nothing trusted", server.set_peer_authentication, SSLDomain.VERIFY_PEER, "/nowhere")
    tried(run, "still of use", Side("client", for_client()), Side("server", server))


@scenario()
def users_in_clear(run: Any) -> None:
    """Who is told to be whom, without SASL and with it."""
    for mechanism in (None, "ANONYMOUS"):
        for user in (None, "joe"):
            client, server = Side("client"), Side("server")
            client.connection.user = user
            if mechanism is not None:
                for side in (client, server):
                    side.transport.sasl().allowed_mechs(mechanism)
            client.transport.bind(client.connection)
            server.transport.bind(server.connection)
            run.note(mechanism, user, client.transport.user, server.transport.user)
            client.connection.open()
            server.connection.open()
            pump(client, server)
            run.note(client.transport.user, server.transport.user)
