"""SASL EXTERNAL (RFC 4422 appendix A): the client is who the layer below says it is, a TLS certificate's subject."""

from __future__ import annotations

from typing import Optional

from syncproton.security.sasl.mechanism import (
    AuthenticationFailed,
    ClientExchange,
    ClientParty,
    Mechanism,
    ServerExchange,
    ServerParty,
    SingleMessageClient,
)

__all__ = ["External"]


class External(Mechanism):
    """Needs an identity established by TLS on both sides."""

    name = "EXTERNAL"

    def client_obstacle(self, party: ClientParty) -> Optional[str]:
        return None if party.external_identity else "no client certificate"

    def server_offers(self, party: ServerParty) -> bool:
        return bool(party.external_identity)

    def client(self, party: ClientParty) -> ClientExchange:
        return SingleMessageClient(self.name, (party.authorization or "").encode())

    def server(self, party: ServerParty) -> ServerExchange:
        return _ExternalServer(party.external_identity)


class _ExternalServer(ServerExchange):
    def __init__(self, identity: Optional[str]) -> None:
        self._identity = identity

    def step(self, response: Optional[bytes]) -> Optional[bytes]:
        if response is None:
            return b""  # RFC 4422 section 5.1: the client goes first, so an empty challenge asks it to
        try:
            authorization = response.decode()
        except UnicodeDecodeError:
            raise AuthenticationFailed("the authorization identity is not UTF-8") from None
        self.user = self._identity
        self.authorization = authorization or self._identity
        return None
