"""Run a program written for proton on syncproton: as_proton.py PROGRAM [ARGUMENT ...]"""

import importlib
import runpy
import sys

for part in ("", ".handlers", ".reactor", ".utils"):
    sys.modules["proton" + part] = importlib.import_module("syncproton" + part)

del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
