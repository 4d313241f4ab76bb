"""The clock, the processor time and the memory of this process."""

from __future__ import annotations

import resource
import time
from typing import Any, Dict, List

__all__ = ["Meter", "percentiles", "resident"]


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _status(field: str) -> int:
    """A size of ``/proc/self/status``, in bytes."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError(field)


def resident() -> int:
    """The memory of this process that is in RAM now, in bytes."""
    return _status("VmRSS")


class Meter:
    """Measures from :meth:`start` to :meth:`stop`."""

    def __init__(self) -> None:
        self.count = 0

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if not hasattr(self, "_began"):
            self._used = _processor_time()
            self._began = time.perf_counter()

    def stop(self) -> None:
        """End."""
        self._seconds = time.perf_counter() - self._began
        self._cpu = _processor_time() - self._used

    def figures(self, expected: int, **more: Any) -> Dict[str, Any]:
        """What was measured: ``count``, ``seconds``, ``cpu`` in seconds, ``peak`` in bytes, and what else is told.

        :raises RuntimeError: unless as much was done as was to be.
        """
        if self.count != expected:
            raise RuntimeError(f"{self.count} of {expected} done")
        # Unlike ru_maxrss the high-water mark does not begin with that of the process which started this one.
        return {"count": self.count, "seconds": self._seconds, "cpu": self._cpu, "peak": _status("VmHWM"), **more}


def percentiles(latencies: List[float]) -> Dict[str, float]:
    """The median, ``p50``, and the time that one of a hundred exceeds, ``p99``."""
    ordered = sorted(latencies)
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100]}
