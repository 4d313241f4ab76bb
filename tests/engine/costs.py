"""Counting what code of the package does: instructions, and bytes allocated.  Both are the same in each run."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Callable, Dict, Optional

import syncproton

__all__ = ["allocated", "instructions"]

_PACKAGE = str(Path(syncproton.__file__).parent)

_known: Dict[CodeType, bool] = {}


def _is_ours(code: CodeType) -> bool:
    if code not in _known:
        _known[code] = code.co_filename.startswith(_PACKAGE)
    return _known[code]


def instructions(work: Callable[[], Any]) -> int:
    """How many instructions of the package a piece of work takes; loops inside of the interpreter count for one."""
    count = 0

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return local

    def begin(frame: FrameType, event: str, argument: Any) -> Optional[Any]:
        if not _is_ours(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        return local

    _traced(begin, work)
    return count


def allocated(work: Callable[[], Any]) -> int:
    """How many bytes a piece of work allocates in the package's code, those included that do not live long.

    It is the sum of what the lines need, each at most; a copy of data shows up with its size, however it is made.
    """
    import tracemalloc  # which PyPy does not have

    total = 0
    before = 0

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal total, before
        now, most = tracemalloc.get_traced_memory()
        total += max(0, most - before)
        tracemalloc.reset_peak()
        before = now
        return local

    def begin(frame: FrameType, event: str, argument: Any) -> Optional[Any]:
        nonlocal before
        if not _is_ours(frame.f_code):
            return None
        # What other code has allocated since does not count.
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        return local

    tracemalloc.start()
    try:
        _traced(begin, work)
    finally:
        tracemalloc.stop()
    return total


def _traced(trace: Any, work: Callable[[], Any]) -> None:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
