"""The bodies of SASL frames (part 5, section 5.3.3).  What may carry a password is never shown by ``repr``."""

from __future__ import annotations

from typing import Optional, Sequence

from .composite import Composite, registry
from .fields import field

__all__ = ["SASL_FRAMES", "SaslChallenge", "SaslInit", "SaslMechanisms", "SaslOutcome", "SaslResponse"]


class SaslMechanisms(Composite):
    """The server's list of mechanisms."""

    __slots__ = ("sasl_server_mechanisms",)
    NAME, DESCRIPTOR = "amqp:sasl-mechanisms:list", 0x40
    FIELDS = (field("sasl_server_mechanisms", "symbol", mandatory=True, multiple=True),)

    def __init__(self, sasl_server_mechanisms: Sequence[str]) -> None:
        self.sasl_server_mechanisms = sasl_server_mechanisms


class SaslInit(Composite):
    """The client's choice, with its first response if the mechanism has one."""

    __slots__ = ("mechanism", "initial_response", "hostname")
    NAME, DESCRIPTOR = "amqp:sasl-init:list", 0x41
    FIELDS = (
        field("mechanism", "symbol", mandatory=True),
        field("initial_response", "binary", secret=True),
        field("hostname", "string"),
    )

    def __init__(
        self, mechanism: str, initial_response: Optional[bytes] = None, hostname: Optional[str] = None
    ) -> None:
        self.mechanism = mechanism
        self.initial_response = initial_response
        self.hostname = hostname


class SaslChallenge(Composite):
    """The server's challenge."""

    __slots__ = ("challenge",)
    NAME, DESCRIPTOR = "amqp:sasl-challenge:list", 0x42
    FIELDS = (field("challenge", "binary", mandatory=True, secret=True),)

    def __init__(self, challenge: bytes) -> None:
        self.challenge = challenge


class SaslResponse(Composite):
    """The client's answer to a challenge."""

    __slots__ = ("response",)
    NAME, DESCRIPTOR = "amqp:sasl-response:list", 0x43
    FIELDS = (field("response", "binary", mandatory=True, secret=True),)

    def __init__(self, response: bytes) -> None:
        self.response = response


class SaslOutcome(Composite):
    """How it ended: ``code`` is 0 ok, 1 auth, 2 sys, 3 sys-perm, 4 sys-temp (section 5.3.3.6)."""

    __slots__ = ("code", "additional_data")
    NAME, DESCRIPTOR = "amqp:sasl-outcome:list", 0x44
    FIELDS = (field("code", "ubyte", mandatory=True), field("additional_data", "binary", secret=True))

    def __init__(self, code: int, additional_data: Optional[bytes] = None) -> None:
        self.code = code
        self.additional_data = additional_data


SASL_FRAMES = registry(SaslMechanisms, SaslInit, SaslChallenge, SaslResponse, SaslOutcome)
