"""SASL PLAIN (RFC 4616): a user name and a password, readable by whoever can read the bytes."""

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

__all__ = ["Plain"]

# RFC 4616 section 2 bounds each of the three parts to 255 characters; no honest message is longer than this.
_MAX_MESSAGE = 4096


class Plain(Mechanism):
    """Used over TLS, or in clear when both sides say ``allow_insecure_mechs``."""

    name = "PLAIN"

    def client_obstacle(self, party: ClientParty) -> Optional[str]:
        if not party.user:
            return "no user name"
        if party.password is None:
            return "no password"
        if not _sendable(party.user, party.password, party.authorization or ""):
            return "the user name or password has a NUL or is not Unicode text"
        if not (party.encrypted or party.allow_insecure_mechs):
            return "the password would travel in clear; use TLS or allow_insecure_mechs"
        return None

    def server_offers(self, party: ServerParty) -> bool:
        return (party.encrypted or party.allow_insecure_mechs) and party.has_users

    def client(self, party: ClientParty) -> ClientExchange:
        parts = (party.authorization or "", party.user or "", party.password or "")
        return SingleMessageClient(self.name, "\0".join(parts).encode())

    def server(self, party: ServerParty) -> ServerExchange:
        return _PlainServer(party)


class _PlainServer(ServerExchange):
    def __init__(self, party: ServerParty) -> None:
        self._party = party

    def step(self, response: Optional[bytes]) -> Optional[bytes]:
        if response is None:
            return b""  # RFC 4422 section 5.1: the client goes first, so an empty challenge asks it to
        if len(response) > _MAX_MESSAGE:
            raise AuthenticationFailed("the PLAIN message is too long")
        try:
            authorization, user, password = response.decode().split("\0")
        except ValueError:  # UnicodeDecodeError is one; its text would show the message, so it goes no further
            raise AuthenticationFailed("malformed PLAIN message") from None
        if not user or not self._party.check_password(Plain.name, user, password):
            raise AuthenticationFailed("wrong user name or password")
        self.user = user
        self.authorization = authorization or user
        return None


def _sendable(*parts: str) -> bool:
    try:
        return b"\0" not in "".join(parts).encode()
    except UnicodeEncodeError:  # carries the password, so it goes no further
        return False
