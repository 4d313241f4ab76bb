"""SASL ANONYMOUS (RFC 4505): the client says nothing of who it is."""

from __future__ import annotations

from typing import Optional

from syncproton.security.sasl.mechanism import (
    ClientExchange,
    ClientParty,
    Mechanism,
    ServerExchange,
    ServerParty,
    SingleMessageClient,
)

__all__ = ["ANONYMOUS_USER", "Anonymous"]

ANONYMOUS_USER = "anonymous"


class Anonymous(Mechanism):
    """Everyone is welcome, unless the server requires authentication."""

    name = "ANONYMOUS"

    def client_obstacle(self, party: ClientParty) -> Optional[str]:
        return None

    def server_offers(self, party: ServerParty) -> bool:
        return not party.require_auth

    def client(self, party: ClientParty) -> ClientExchange:
        # The trace information of RFC 4505 could name the host or the user: it does not.
        return SingleMessageClient(self.name, ANONYMOUS_USER.encode())

    def server(self, party: ServerParty) -> ServerExchange:
        return _AnonymousServer()


class _AnonymousServer(ServerExchange):
    def step(self, response: Optional[bytes]) -> Optional[bytes]:
        self.user = self.authorization = ANONYMOUS_USER
        return None
