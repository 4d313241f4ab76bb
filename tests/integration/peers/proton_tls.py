"""A program on python-qpid-proton that speaks TLS.

    proton_tls.py listen URL CERTIFICATE KEY [CA]    let clients in; with a CA those only that show a certificate of it
    proton_tls.py connect URL CA [CERTIFICATE KEY]   connect, send one message, and print as JSON what it saw

A listener says "listening", then a line of JSON for each connection that opens or fails.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List

from proton import Message, SSLDomain
from proton.handlers import MessagingHandler
from proton.reactor import Container


def told(event: Any) -> Dict[str, Any]:
    """What TLS and SASL say of the peer."""
    ssl = event.transport.ssl()
    return {"subject": ssl.remote_subject or None, "protocol": ssl.protocol_name(), "user": event.transport.user}


class Listen(MessagingHandler):
    def __init__(self, url: str, cert: str, key: str, ca: str) -> None:
        super().__init__()
        self.url = url
        self.domain = SSLDomain(SSLDomain.MODE_SERVER)
        self.domain.set_credentials(cert, key, "")
        if ca:
            self.domain.set_trusted_ca_db(ca)
            self.domain.set_peer_authentication(SSLDomain.VERIFY_PEER, ca)

    def on_start(self, event: Any) -> None:
        event.container.listen(self.url, self.domain)
        print("listening", flush=True)

    def on_connection_opening(self, event: Any) -> None:
        print(json.dumps(told(event)), flush=True)

    def on_transport_error(self, event: Any) -> None:
        print(json.dumps({"error": event.transport.condition.description}), flush=True)


class Connect(MessagingHandler):
    def __init__(self, url: str, ca: str, *own: str) -> None:
        super().__init__()
        self.url = url
        self.domain = SSLDomain(SSLDomain.MODE_CLIENT)
        self.domain.set_trusted_ca_db(ca)
        self.domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        if own:
            self.domain.set_credentials(*own, "")
        self.result: Dict[str, Any] = {"opened": False, "accepted": 0}
        self.errors: List[str] = []

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self.url, ssl_domain=self.domain, reconnect=False)
        event.container.create_sender(connection, "anything")

    def on_connection_opened(self, event: Any) -> None:
        self.result.update(told(event), opened=True)

    def on_sendable(self, event: Any) -> None:
        if not self.result.get("sent"):
            self.result["sent"] = True
            event.sender.send(Message(body="over TLS"))

    def on_accepted(self, event: Any) -> None:
        self.result["accepted"] += 1
        event.connection.close()

    def on_transport_error(self, event: Any) -> None:
        self.errors.append(event.transport.condition.description)


if sys.argv[1] == "listen":
    Container(Listen(*sys.argv[2:6])).run()
else:
    handler = Connect(*sys.argv[2:])
    Container(handler).run()
    print(json.dumps({**handler.result, "errors": handler.errors}))
