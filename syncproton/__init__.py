"""syncproton: a pure-Python, thread-safe AMQP 1.0 client, drop-in for Apache Qpid Proton's Python package.

The names of ``proton`` are here under the same names, those of ``proton.reactor``, ``proton.handlers`` and
``proton.utils`` in the modules of the same names: change the import and nothing else.  For ordinary programs there are
three functions more::

    import syncproton

    syncproton.send("amqp://localhost/examples", "hello")
    message = syncproton.receive("amqp://localhost/examples", timeout=5)

    with syncproton.connect("amqp://localhost") as connection:
        connection.create_sender("examples").send(syncproton.Message(body="hello"))
        for message in connection.create_receiver("examples"):
            print(message.body)
            message.accept()
"""

from __future__ import annotations

import logging as _logging

from . import handlers, reactor, sync, utils
from ._version import __version__
from .codec import (
    UNDESCRIBED, AnnotationDict, Array, Data, Described, PropertyDict, PythonAMQPData, SymbolList, byte, char,
    decimal32, decimal64, decimal128, float32, int32, short, symbol, timestamp, ubyte, uint, ulong, ushort,
)
from .engine import (
    Collector, Condition, Connection, CustomDisposition, DeclaredDisposition, Delivery, Disposition, DispositionType,
    Endpoint, EndpointState, Event, EventBase, EventType, Handler, Link, ModifiedDisposition, Receiver,
    ReceivedDisposition, RejectedDisposition, Sender, Session, Terminus, TransactionalDisposition, Transport,
)
from .errors import (
    ConnectionException, DataException, DecodeError, Interrupt, LinkException, MessageException, PoolClosed, PoolError,
    PoolTimeout, ProtocolError, ProtonException, SessionException, SSLException, SSLUnavailable, Timeout,
    TooManyWaiting, TransactionError, TransportException, WrongThread,
)
from .message import Message
from .reactor import Selectable
from .security import SASL, SSL, SSLDomain, SSLSessionDetails
from .sync import ConnectionPool, connect, receive, send
from .url import Url

# What is logged under "syncproton" is for the program to send somewhere: a library prints nothing of its own accord.
_logging.getLogger("syncproton").addHandler(_logging.NullHandler())

#: The version of proton's Python package whose names and behaviour this one has.  Its own is ``__version__``.
VERSION_MAJOR = 0
VERSION_MINOR = 40
VERSION_POINT = 0
VERSION = (VERSION_MAJOR, VERSION_MINOR, VERSION_POINT)
PN_VERSION_MAJOR = VERSION_MAJOR
PN_VERSION_MINOR = VERSION_MINOR
PN_VERSION_POINT = VERSION_POINT

API_LANGUAGE = "Python"
IMPLEMENTATION_LANGUAGE = "Python"

__all__ = [
    "API_LANGUAGE",
    "AnnotationDict",
    "Array",
    "Collector",
    "Condition",
    "Connection",
    "ConnectionException",
    "ConnectionPool",
    "CustomDisposition",
    "Data",
    "DataException",
    "DeclaredDisposition",
    "DecodeError",
    "Delivery",
    "Described",
    "Disposition",
    "DispositionType",
    "Endpoint",
    "EndpointState",
    "Event",
    "EventBase",
    "EventType",
    "Handler",
    "IMPLEMENTATION_LANGUAGE",
    "Interrupt",
    "Link",
    "LinkException",
    "Message",
    "MessageException",
    "ModifiedDisposition",
    "PN_VERSION_MAJOR",
    "PN_VERSION_MINOR",
    "PN_VERSION_POINT",
    "PoolClosed",
    "PoolError",
    "PoolTimeout",
    "PropertyDict",
    "ProtocolError",
    "ProtonException",
    "PythonAMQPData",
    "ReceivedDisposition",
    "Receiver",
    "RejectedDisposition",
    "SASL",
    "SSL",
    "SSLDomain",
    "SSLException",
    "SSLSessionDetails",
    "SSLUnavailable",
    "Selectable",
    "Sender",
    "Session",
    "SessionException",
    "SymbolList",
    "Terminus",
    "Timeout",
    "TooManyWaiting",
    "TransactionError",
    "TransactionalDisposition",
    "Transport",
    "TransportException",
    "UNDESCRIBED",
    "Url",
    "VERSION",
    "VERSION_MAJOR",
    "VERSION_MINOR",
    "VERSION_POINT",
    "WrongThread",
    "__version__",
    "byte",
    "char",
    "connect",
    "decimal128",
    "decimal32",
    "decimal64",
    "float32",
    "handlers",
    "int32",
    "reactor",
    "receive",
    "send",
    "short",
    "symbol",
    "sync",
    "timestamp",
    "ubyte",
    "uint",
    "ulong",
    "ushort",
    "utils",
]
