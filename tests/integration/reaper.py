"""A process that outlives the test run by a moment, to end the servers which the run has left behind.

However the run comes to its end, SIGKILL included, the pipe from it then closes.  Told on that pipe are the process
groups that servers run in: ``+ID`` when one begins, ``-ID`` when it has been seen to end.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import IO, Optional, Set

__all__ = ["watch", "unwatch"]

_pipe: Optional[int] = None


def watch(group: int) -> None:
    """Have every process of a group killed when this process ends."""
    _tell(f"+{group}\n")


def unwatch(group: int) -> None:
    """Leave a group alone: its id may be given to somebody else now."""
    _tell(f"-{group}\n")


def _tell(line: str) -> None:
    global _pipe
    if _pipe is None:
        # A plain descriptor and a plain process id: nobody waits for the reaper, and nothing is to be cleaned up.
        reading, _pipe = os.pipe()
        os.posix_spawn(sys.executable, [sys.executable, __file__], os.environ,
                       file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0)])
        os.close(reading)
    os.write(_pipe, line.encode())


def _serve(lines: IO[bytes]) -> None:
    groups: Set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith(b"+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)  # which ends one that is stopped, too
        except ProcessLookupError:
            pass  # it ended with the run


if __name__ == "__main__":
    os.setsid()  # so that Ctrl-C at the terminal ends the run, and not what cleans up after it
    os.close(1)  # whoever reads the output of the run need not wait for this
    os.close(2)
    _serve(sys.stdin.buffer)
