"""Fields that hold one symbol or several (specification part 1, section 1.4): capabilities, outcomes."""

from __future__ import annotations

from typing import FrozenSet, Iterable

from syncproton.codec import UNDESCRIBED, Array, Data, symbol

__all__ = ["put_symbols", "symbols_in"]


def symbols_in(field: Data) -> FrozenSet[str]:
    """What a field holds."""
    field.rewind()
    value = field.get_object() if field.next() is not None else None
    return frozenset(str(each) for each in value.elements) if isinstance(value, Array) else frozenset()


def put_symbols(field: Data, symbols: Iterable[str]) -> None:
    """Have a field hold these, and nothing else."""
    field.clear()
    values = [symbol(each) for each in sorted(symbols)]
    if values:
        field.put_object(Array(UNDESCRIBED, Data.SYMBOL, *values))
