"""What a SASL mechanism is to the negotiation (RFC 4422).

A mechanism says whether each side can use it and makes the two halves of one exchange.  The halves are bytes in,
bytes out; framing, choosing and the outcome are the business of :mod:`syncproton.security.sasl.negotiation`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Optional

from typing_extensions import Protocol

__all__ = ["AuthenticationFailed", "ClientExchange", "ClientParty", "Mechanism", "ServerExchange", "ServerParty"]


class AuthenticationFailed(Exception):
    """An exchange failed. Its text is the reason and never holds a secret; it does not leave the negotiation."""


class ClientParty(Protocol):
    """What a mechanism may know of the client it works for."""

    user: Optional[str]
    password: Optional[str]
    authorization: Optional[str]
    encrypted: bool
    external_identity: Optional[str]
    allow_insecure_mechs: bool


class ServerParty(Protocol):
    """What a mechanism may know of the server it works for."""

    encrypted: bool
    external_identity: Optional[str]
    allow_insecure_mechs: bool
    require_auth: bool

    @property
    def has_users(self) -> bool:
        """Whether there is anything to check a password with."""

    def check_password(self, mechanism: str, user: str, password: str) -> bool:
        """Whether the password is the user's."""


class ClientExchange(ABC):
    """The client's half of one exchange."""

    @abstractmethod
    def start(self) -> bytes:
        """The initial response."""

    @abstractmethod
    def step(self, challenge: bytes) -> bytes:
        """The response to a challenge.

        :raises AuthenticationFailed: the challenge does not belong here, or the server failed to prove itself.
        """


class ServerExchange(ABC):
    """The server's half of one exchange.

    :ivar user: who the client is; set once the exchange has succeeded.
    :ivar authorization: whom the client asks to act for; the server program decides whether it may.
    """

    user: Optional[str] = None
    authorization: Optional[str] = None

    @abstractmethod
    def step(self, response: Optional[bytes]) -> Optional[bytes]:
        """Take the initial response (None if the client sent none) or a later one.

        :returns: the next challenge, or None when the exchange has succeeded.
        :raises AuthenticationFailed: it has not.
        """


class Mechanism(ABC):
    """One SASL mechanism. :cvar name: its registered name, in upper case."""

    name: str

    @abstractmethod
    def client_obstacle(self, party: ClientParty) -> Optional[str]:
        """Why this client cannot use the mechanism, in words, or None if it can."""

    @abstractmethod
    def server_offers(self, party: ServerParty) -> bool:
        """Whether this server can offer the mechanism."""

    @abstractmethod
    def client(self, party: ClientParty) -> ClientExchange:
        """The client's half of a new exchange."""

    @abstractmethod
    def server(self, party: ServerParty) -> ServerExchange:
        """The server's half of a new exchange."""


class SingleMessageClient(ClientExchange):
    """A client whose initial response is all it has to say."""

    def __init__(self, mechanism: str, message: bytes) -> None:
        self._mechanism = mechanism
        self._message = message

    def start(self) -> bytes:
        return self._message

    def step(self, challenge: bytes) -> bytes:
        raise AuthenticationFailed(f"the server sent a challenge, and {self._mechanism} knows none")
