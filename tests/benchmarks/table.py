"""The results as a table of text."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

from .results import REFERENCES, Result

__all__ = ["table"]

_HEAD = ["row", "client", "rate/s", "cpu us", "peak MiB", "p50 us", "p99 us", "bytes each",
         *(f"x {name} (cpu)" for name in REFERENCES)]


def table(results: Sequence[Result]) -> str:
    """A line for each result, under a heading."""
    lines = [_HEAD]
    above = ""
    for result in results:
        lines.append(_cells(result, "" if result.row == above else result.row))
        above = result.row
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    texts = []
    for line in lines:
        cells = [cell.ljust(width) if place < 2 else cell.rjust(width)
                 for place, (cell, width) in enumerate(zip(line, widths))]
        texts.append("  ".join(cells).rstrip())
    return "\n".join(texts)


def _cells(result: Result, row: str) -> List[str]:
    return [
        row, result.client, _number(result.rate), f"{result.cpu * 1e6:.1f}", f"{result.peak / 2 ** 20:.0f}",
        _microseconds(result.p50), _microseconds(result.p99), "" if result.each is None else _number(result.each),
        *(_ratio(name, result.ratios, result.cpu_ratios) for name in REFERENCES)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _microseconds(seconds: Optional[float]) -> str:
    return "" if seconds is None else f"{seconds * 1e6:,.0f}"


def _ratio(name: str, ratios: Dict[str, float], cpu_ratios: Dict[str, float]) -> str:
    figures = [f"{ratios[name]:.2f}"] if name in ratios else []
    if name in cpu_ratios:
        figures.append(f"({cpu_ratios[name]:.2f})")
    return " ".join(figures)
