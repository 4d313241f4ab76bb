"""The process of one library: takes the names of scenarios from its standard input, and answers with their traces.

``python child.py LIBRARY MODULE``; LIBRARY is ``proton`` or ``syncproton``.  What it reads and writes is one JSON
object a line.  A scenario that takes too long ends the process, after its trace so far.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import os
import sys
import threading
import traceback
from typing import Any, Dict

#: Seconds that a scenario may take.
LIMIT = 20.0

#: The modules under their names in proton, those included that proton meant to keep to itself.
_SUBMODULES = (
    "handlers", "reactor", "utils", "_common", "_condition", "_data", "_delivery", "_endpoints", "_events",
    "_exceptions", "_handler", "_handlers", "_message", "_reactor", "_selectable", "_transport", "_url", "_utils",
)


def alias() -> None:
    """Let ``proton`` be syncproton, for all that is imported from now on."""
    package = importlib.import_module("syncproton")
    sys.modules["proton"] = package
    for name in _SUBMODULES:
        sys.modules[f"proton.{name}"] = importlib.import_module(f"syncproton.{name}")


def main(library: str, module: str) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    faulthandler.enable()
    if library == "syncproton":
        alias()
    import proton
    assert proton.__name__ == library, proton
    from record import Run
    table = importlib.import_module(module).SCENARIOS
    lock = threading.Lock()
    for line in sys.stdin:
        order: Dict[str, Any] = json.loads(line)
        run = Run(order["urls"])

        def answer(fault: str = "") -> None:
            with lock:
                answers.write(json.dumps({"trace": list(run.trace), "fault": fault}) + "\n")

        def late() -> None:
            faulthandler.dump_traceback(all_threads=True)
            answer(f"took longer than {LIMIT:.0f} seconds")
            os._exit(3)

        watch = threading.Timer(LIMIT, late)
        watch.daemon = True
        watch.start()
        try:
            table[order["scenario"]].program(run)
            fault = ""
        except Exception:
            fault = traceback.format_exc()
        watch.cancel()
        # Proton leaves sockets open that nobody has any more.
        gc.collect()
        answer(fault)


if __name__ == "__main__":
    main(*sys.argv[1:])
