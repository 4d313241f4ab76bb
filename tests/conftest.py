"""What holds for all tests: Hypothesis takes the same examples each time, and no example has a deadline of its own;
programs that tests start can be interrupted; the garbage collector leaves alone what is there before the first test.

``HYPOTHESIS_PROFILE=explore`` looks for new ones.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from pathlib import Path

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# Background jobs of a shell ignore Ctrl-C, and what they start inherits that; what tests interrupt must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where there is no bytecode beside the sources, and none may be written, programs would compile the whole package each;
# they share theirs elsewhere.
_package = Path(__file__).resolve().parents[1] / "syncproton"
_bytecode = tempfile.TemporaryDirectory(prefix="bytecode-")
if sys.dont_write_bytecode and not os.environ.get("PYTHONPYCACHEPREFIX") and not (_package / "__pycache__").exists():
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = _bytecode.name


def pytest_unconfigure() -> None:
    """Nothing is left behind."""
    _bytecode.cleanup()


# The trees of a hundred modules and the items of thousands of tests stay to the end: for the collector to look through
# them again and again is a good part of the time that tests take that make much, and all of that of a full collection.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is collected, and what was made before is looked at no more."""
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.collect()
        gc.freeze()
    gc.enable()
