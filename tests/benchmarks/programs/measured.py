"""Runs a program that does not measure itself, and prints what it took as a line of JSON.

    measured.py COUNT PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import json
import os
import sys
import time

count, *command = sys.argv[1:]
began = time.perf_counter()
actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, used = os.wait4(os.posix_spawn(command[0], command, os.environ, file_actions=actions), 0)
seconds = time.perf_counter() - began
if status:
    sys.exit(f"{command[0]} ended with the status {status}")
print(json.dumps({"count": int(count), "seconds": seconds, "cpu": used.ru_utime + used.ru_stime,
                  "peak": used.ru_maxrss * 1024}))
