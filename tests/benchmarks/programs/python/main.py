"""Does one piece of work with one library, and prints what it took as a line of JSON.

    main.py LIBRARY WORK OPTIONS

LIBRARY is proton or syncproton; WORK names a function of the modules beside this; OPTIONS is a JSON object for it.
"""

from __future__ import annotations

import json
import sys

import coding
import blocking
import streaming
from library import Library

WORKS = {work.__name__: work for module in (streaming, coding, blocking) for work in module.WORKS}

if __name__ == "__main__":
    name, wanted, options = sys.argv[1:]
    print(json.dumps(WORKS[wanted](Library(name), **json.loads(options))))
