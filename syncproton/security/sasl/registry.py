"""The mechanisms this library speaks."""

from __future__ import annotations

from typing import Dict

from syncproton.security.sasl.anonymous import Anonymous
from syncproton.security.sasl.external import External
from syncproton.security.sasl.mechanism import Mechanism
from syncproton.security.sasl.plain import Plain

__all__ = ["MECHANISMS"]

#: By name, best first: the order in which a server offers them and a client prefers them.
MECHANISMS: Dict[str, Mechanism] = {mechanism.name: mechanism for mechanism in (External(), Plain(), Anonymous())}
