"""What is asked to be traced: proton's environment variables, :meth:`Transport.trace`, and the levels of a log."""

from __future__ import annotations

import logging
import os
import re
from typing import Mapping, Optional

__all__ = [
    "ALL", "CRITICAL", "DEBUG", "DRIVER", "ERROR", "FRAME", "INFO", "RAW", "TRACE", "WARNING", "from_environment",
    "from_logging", "from_transport", "level_of_log", "log_of", "name_of",
]

CRITICAL = 1
ERROR = 2
WARNING = 4
INFO = 8
DEBUG = 16
TRACE = 32
FRAME = 64
RAW = 128
ALL = 255

#: What ``PN_TRACE_DRV`` and ``Transport.TRACE_DRV`` stand for.
DRIVER = DEBUG | TRACE

#: The level of :mod:`logging` at which bytes are logged: below ``logging.DEBUG``.
RAW_LEVEL = 5

_NAMES = {
    CRITICAL: "CRITICAL", ERROR: "ERROR", WARNING: "WARNING", INFO: "INFO", DEBUG: "DEBUG", TRACE: "TRACE",
    FRAME: "FRAME", RAW: "RAW",
}

_YES = frozenset(("1", "true", "on", "yes"))
_VARIABLES = (("PN_TRACE_RAW", RAW), ("PN_TRACE_FRM", FRAME), ("PN_TRACE_DRV", DRIVER))
_BY_WORD = {name.lower(): level for level, name in _NAMES.items()}
_BY_WORD.update(all=ALL, warn=WARNING)
_WORDS = re.compile(r"(critical|error|warning|warn|info|debug|trace|frame|raw|all)(\+?)", re.IGNORECASE)

_frames = logging.getLogger("syncproton.frames")
_engine = logging.getLogger("syncproton.engine")


def name_of(level: int) -> str:
    """A level as it stands in a line: ``FRAME``."""
    return _NAMES[level]


def from_environment(environment: Optional[Mapping[str, str]] = None) -> int:
    """The levels that ``PN_LOG``, ``PN_TRACE_RAW``, ``PN_TRACE_FRM`` and ``PN_TRACE_DRV`` ask for together.

    ``PN_LOG`` holds words anywhere in it: ``critical``, ``error``, ``warning``, ``info``, ``debug``, ``trace``,
    ``frame``, ``raw``, ``all``, in any case.  A ``+`` after one of the first six means what is worse, too.  Words that
    are none of these are passed over.
    """
    environment = os.environ if environment is None else environment
    levels = 0
    for variable, level in _VARIABLES:
        if environment.get(variable, "").strip().lower() in _YES:
            levels |= level
    for word, plus in _WORDS.findall(environment.get("PN_LOG", "")):
        level = _BY_WORD[word.lower()]
        levels |= level | level - 1 if plus and level <= TRACE else level
    return levels


def from_logging() -> int:
    """The levels that somebody listens to by way of :mod:`logging`."""
    levels = 0
    if _frames.isEnabledFor(logging.DEBUG):
        levels = FRAME
        if _frames.isEnabledFor(RAW_LEVEL):
            levels |= RAW
    if _engine.isEnabledFor(logging.DEBUG):
        levels |= INFO | DEBUG | TRACE
    return levels


def from_transport(trace: int) -> int:
    """The levels that the bits ``Transport.TRACE_RAW`` (1), ``TRACE_FRM`` (2) and ``TRACE_DRV`` (4) stand for."""
    return (RAW if trace & 1 else 0) | (FRAME if trace & 2 else 0) | (DRIVER if trace & 4 else 0)


def log_of(level: int) -> logging.Logger:
    """The log that a line of this level belongs in."""
    return _frames if level & (FRAME | RAW) else _engine


def level_of_log(level: int) -> int:
    """The level of :mod:`logging` for a line.  Failures are for those who use the transport to be loud about."""
    return RAW_LEVEL if level == RAW else logging.DEBUG
