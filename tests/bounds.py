"""Bounds on the memory and on the processor's time that a piece of work may take."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Iterator

try:
    import tracemalloc
except ImportError:  # PyPy cannot tell how much memory is in use; there the work itself is all that is tested
    tracemalloc = None  # type: ignore[assignment]

__all__ = ["MEGABYTE", "spending_no_more_than", "using_no_more_than"]

MEGABYTE = 1 << 20


@contextmanager
def using_no_more_than(size: int) -> Iterator[None]:
    """No more memory is in use at any time than so many bytes above what is now."""
    if tracemalloc is None:
        yield
        return
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield
        used = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert used < size, f"{used} bytes were used"


@contextmanager
def spending_no_more_than(seconds: float) -> Iterator[None]:
    """No more of the processor's time is spent than so many seconds, whatever else the machine is busy with."""
    start = time.process_time()
    yield
    spent = time.process_time() - start
    assert spent < seconds, f"{spent:.2f} seconds were spent"
