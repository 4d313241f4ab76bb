"""The names that programs import from ``proton._delivery``, a private module of proton's."""

from __future__ import annotations

from syncproton.engine import (
    CustomDisposition, DeclaredDisposition, Delivery, Disposition, DispositionType, ModifiedDisposition,
    ReceivedDisposition, RejectedDisposition, TransactionalDisposition,
)

__all__ = [
    "CustomDisposition", "DeclaredDisposition", "Delivery", "Disposition", "DispositionType", "ModifiedDisposition",
    "ReceivedDisposition", "RejectedDisposition", "TransactionalDisposition",
]
