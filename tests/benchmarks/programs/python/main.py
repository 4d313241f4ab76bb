"""Does one piece of work with one library, and prints what it took as a line of JSON.

    main.py LIBRARY WORK OPTIONS

LIBRARY is proton or syncproton; WORK names a function of the modules beside this; OPTIONS is a JSON object for it.
"""

from __future__ import annotations

import json
import sys

import blocking
import coding
import futures
import many
import queueing
import streaming
import transacting
from library import Library

MODULES = (blocking, coding, futures, many, queueing, streaming, transacting)
WORKS = {work.__name__: work for module in MODULES for work in module.WORKS}

if __name__ == "__main__":
    name, wanted, options = sys.argv[1:]
    print(json.dumps(WORKS[wanted](Library(name), **json.loads(options))))
