"""SASL: one mechanism a file, and the negotiation for either side."""

from __future__ import annotations

from syncproton.security.sasl.negotiation import Authenticator, Negotiation, SaslError
from syncproton.security.sasl.sasl import SASL, SaslTransport

__all__ = ["Authenticator", "Negotiation", "SASL", "SaslError", "SaslTransport"]
