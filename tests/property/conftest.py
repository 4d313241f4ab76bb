"""The properties of the engine and the broker are tested with the helpers of their other tests."""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(_TESTS / "engine"))
sys.path.append(str(_TESTS / "unit" / "broker"))
