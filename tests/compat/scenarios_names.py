"""What programs lean on without talking to anybody: constants, names, defaults, equality, and how things print."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import proton
from proton import Condition, EventType, handlers, reactor, symbol, ulong, utils
from pumping import attempt
from scenario import scenario

CLASSES = ("Connection", "Session", "Link", "Sender", "Receiver", "Delivery", "Disposition", "Terminus", "Transport",
           "SASL", "SSL", "SSLDomain", "Endpoint", "Data", "Message", "Url")


@scenario()
def constants_of_every_class(run: Any) -> None:
    for name in CLASSES:
        cls = getattr(proton, name)
        for word in sorted(dir(cls)):
            if word.isupper() and not word.startswith("_"):
                item = getattr(cls, word)
                run.note(name, word, int(item) if isinstance(item, int) else repr(item))


@scenario()
def types_of_events(run: Any) -> None:
    for word in sorted(dir(proton.Event)):
        item = getattr(proton.Event, word)
        if isinstance(item, EventType):
            run.note(word, str(item), item.name, item.method, item.number if item.number < 1000 else "")
    mine = EventType("mine")
    run.note(str(mine), mine.name, mine.method, mine in EventType.TYPES.values())
    own = EventType("yours", method="on_my_yours")
    run.note(own.name, own.method)
    again = EventType("mine")
    run.note(again.method, again.name)
    attempt(run, "neither", lambda: EventType().name)


@scenario()
def exceptions_and_their_bases(run: Any) -> None:
    for module in (proton, handlers, reactor, utils):
        for word in sorted(dir(module)):
            item = getattr(module, word)
            if word in ("ConnectionException", "DataException", "Interrupt", "LinkDetached", "LinkException",
                        "MessageException", "ProtonException", "SSLException", "SSLUnavailable", "SendException",
                        "SessionException", "Timeout", "TransportException", "Reject", "Release", "ConnectionClosed",
                        "ProtonUnsupportedOperationException"):
                names = [cls.__name__ for cls in item.__mro__]
                run.note(word, [name for name in names if name in proton.__all__ or name in ("Exception", "object")])


@scenario()
def parameters_of_constructors(run: Any) -> None:
    for module, words in (
            (handlers, ("MessagingHandler", "IncomingMessageHandler", "OutgoingMessageHandler", "EndpointStateHandler",
                        "FlowController", "TransactionalClientHandler")),
            (reactor, ("ApplicationEvent", "Selector", "Filter", "DynamicNodeProperties")),
            (utils, ("BlockingConnection", "BlockingReceiver", "BlockingSender", "SyncRequestResponse",
                     "LinkDetached", "ConnectionClosed")),
            (proton, ("Condition", "Data", "Described", "Array", "Message", "Url", "SSLDomain", "EventType"))):
        for word in words:
            parameters = inspect.signature(getattr(module, word).__init__).parameters.values()
            run.note(word, [
                (each.name, "none" if each.default is inspect.Parameter.empty else repr(each.default))
                for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
                if each.name != "driver"])


@scenario()
def conditions_compared(run: Any) -> None:
    one = Condition("name", "words", {symbol("k"): 1})
    same = Condition("name", "words", {symbol("k"): 1})
    run.note(one == same, one != same, one == Condition("name"), one == "name", one is None)
    run.note(str(one), repr(one), str(Condition("n")), repr(Condition("n")), str(Condition("n", "w")))
    run.note(one.name, one.description, one.info, Condition("n").info, Condition("n").description)
    run.note(str(Condition(None)), Condition("n", None, {}) == Condition("n"))


@scenario()
def types_compared_and_printed(run: Any) -> None:
    for name, item in (
            ("symbol", "a"), ("char", "a"), ("ulong", 1), ("uint", 1), ("ushort", 1), ("ubyte", 1), ("byte", 1),
            ("short", 1), ("int32", 1), ("timestamp", 1), ("float32", 0.5), ("decimal32", 1), ("decimal64", 1),
            ("decimal128", b"0" * 16)):
        cls = getattr(proton, name)
        made = cls(item)
        run.note(name, repr(made), str(made), made == item, hash(made) == hash(item), made in {item: 1},
                 [base.__name__ for base in cls.__mro__ if not base.__name__.startswith("_")])
    run.note(symbol("a") == "a", symbol("a") != "b", symbol("a") + "b", repr(symbol("a") + "b"), ulong(1) + 1,
             repr(ulong(1) + 1), sorted([symbol("b"), "a"]))
    for name in ("ulong", "uint", "ushort", "ubyte"):
        try:
            getattr(proton, name)(-1)
        except AssertionError:
            run.note(name, "is not negative")
    one = proton.Described(symbol("d"), [1])
    run.note(one == proton.Described("d", [1]), one == [1], repr(one), one.descriptor, one.value)
    array = proton.Array(proton.UNDESCRIBED, proton.Data.INT, 1, 2)
    same = proton.Array(proton.UNDESCRIBED, proton.Data.INT, 1, 2)
    run.note(array == same, array == [1, 2], list(array), repr(array))
    run.note(repr(proton.UNDESCRIBED), array.elements, array.type, array.descriptor is proton.UNDESCRIBED)


@scenario()
def maps_and_lists_of_symbols(run: Any) -> None:
    properties = proton.PropertyDict(b=2, a=1)
    properties["c"] = 3
    properties.update({symbol("d"): 4}, f=5)
    properties.update([("g", 6)])
    run.note(sorted(map(repr, properties)), repr(proton.PropertyDict(x=1)), properties["a"], len(properties))
    attempt(run, "wrong key", lambda: properties.update({5: 1}))
    attempt(run, "wrong key", proton.PropertyDict, {5: 1})
    run.note(repr(proton.PropertyDict({5: 1}, raise_on_error=False)))
    annotations = proton.AnnotationDict({"a": 1, ulong(5): 2})
    run.note(repr(annotations), annotations == {"a": 1, 5: 2})
    attempt(run, "wrong key", proton.AnnotationDict, {5: 1})
    attempt(run, "wrong key", annotations.__setitem__, 1.5, 1)
    symbols = proton.SymbolList(["a", symbol("b")])
    symbols.append("c")
    symbols.extend(["d"])
    symbols.insert(0, "z")
    symbols += ["e"]
    symbols[1] = "A"
    run.note(repr(symbols), symbols == ["z", "A", "b", "c", "d", "e"], repr(symbols + ["f"]), symbols.to_array())
    attempt(run, "wrong item", symbols.append, 5)
    attempt(run, "wrong items", proton.SymbolList, [1])
    run.note(repr(proton.SymbolList("abc")), repr(proton.SymbolList([1], raise_on_error=False)))


@scenario()
def a_terminus_alone(run: Any) -> None:
    session = proton.Connection().session()
    for terminus in (session.sender("s").source, session.receiver("r").target):
        for word in ("type", "address", "durability", "expiry_policy", "timeout", "dynamic", "distribution_mode"):
            run.note(word, repr(getattr(terminus, word)))
        terminus.address = "a"
        terminus.address = None
        terminus.type = proton.Terminus.UNSPECIFIED
        terminus.timeout = 4
        terminus.durability = proton.Terminus.CONFIGURATION
        terminus.dynamic = 1
        run.note(terminus.address, int(terminus.type), terminus.timeout, int(terminus.durability), terminus.dynamic)
        terminus.properties.put_object({symbol("x"): 1})
        terminus.filter.put_object({})
        other = session.sender("o").source
        other.copy(terminus)
        for data in (other.properties, other.capabilities, other.outcomes, other.filter):
            data.rewind()
            run.note(data.next(), data.get_object())


@scenario()
def domains_and_ssl_alone(run: Any) -> None:
    run.note(proton.SSL.present(), proton.SASL.extended())
    for mode in (proton.SSLDomain.MODE_CLIENT, proton.SSLDomain.MODE_SERVER):
        domain = proton.SSLDomain(mode)
        attempt(run, "no such file", domain.set_credentials, "/nowhere/cert.pem", "/nowhere/key.pem", None)
        attempt(run, "no such file", domain.set_trusted_ca_db, "/nowhere/ca.pem")
        attempt(run, "nobody trusted", domain.set_peer_authentication, proton.SSLDomain.ANONYMOUS_PEER)
    transport = proton.Transport()
    ssl = transport.ssl(proton.SSLDomain(proton.SSLDomain.MODE_CLIENT))
    run.note(ssl.cipher_name(), ssl.protocol_name(), ssl.resume_status(), ssl.peer_hostname, ssl.remote_subject)
    ssl.peer_hostname = "example.org"
    run.note(ssl.peer_hostname, ssl.get_cert_common_name(), ssl.get_cert_fingerprint_sha1(), transport.encrypted)
    run.note(transport.ssl() is not None, transport.authenticated)
    run.note(proton.SSLSessionDetails("mine").get_session_id())


@scenario()
def sasl_alone(run: Any) -> None:
    for transport in (proton.Transport(), proton.Transport(proton.Transport.SERVER)):
        sasl = transport.sasl()
        run.note(sasl.outcome, sasl.mech, sasl.user, sasl.authorization, sasl.allow_insecure_mechs)
        sasl.allow_insecure_mechs = True
        run.note(sasl.allow_insecure_mechs)
        sasl.allowed_mechs("PLAIN ANONYMOUS")
        sasl.allowed_mechs(["PLAIN"])
        sasl.config_name("name")
        sasl.config_path("/nowhere")
        run.note(transport.sasl().outcome)


@scenario()
def a_transport_alone(run: Any) -> None:
    for arguments in ((), (proton.Transport.CLIENT,), (proton.Transport.SERVER,), (None,)):
        transport = proton.Transport(*arguments)
        for word in ("max_frame_size", "remote_max_frame_size", "channel_max", "remote_channel_max", "idle_timeout",
                     "remote_idle_timeout", "frames_output", "frames_input", "condition", "connection", "closed",
                     "encrypted", "authenticated", "tracer"):
            run.note(word, repr(getattr(transport, word)))
    attempt(run, "mode 5", lambda: bool(proton.Transport(5)))
    transport.idle_timeout = 2.5
    transport.max_frame_size = 100
    run.note(transport.idle_timeout, transport.max_frame_size)
    transport.max_frame_size = 4096
    run.note(transport.max_frame_size)
    transport.condition = Condition("app:x", "y", {"z": 1})
    run.note(transport.condition)
    transport.condition = None
    run.note(transport.condition)


#: What programs import from the modules that proton meant to keep to itself; an editor that completes names does so.
PRIVATE = {
    "_common": "millis2secs secs2millis",
    "_condition": "Condition",
    "_data": "UNDESCRIBED AnnotationDict Array Data Described PropertyDict PythonAMQPData RestrictedKeyDict SymbolList "
             "byte char decimal32 decimal64 decimal128 float32 int32 short symbol timestamp ubyte uint ulong ushort",
    "_delivery": "Delivery Disposition DispositionType",
    "_endpoints": "Connection Endpoint Link Receiver Sender Session Terminus",
    "_events": "Collector Event EventBase EventType Handler",
    "_exceptions": "ConnectionException DataException Interrupt LinkException MessageException ProtonException "
                   "SessionException SSLException SSLUnavailable Timeout TransportException",
    "_handler": "Handler",
    "_handlers": "Acking EndpointStateHandler FlowController Handshaker IncomingMessageHandler IOHandler "
                 "MessagingHandler OutgoingMessageHandler PythonIO Reject Release TransactionalClientHandler "
                 "TransactionHandler",
    "_message": "Message",
    "_reactor": "Acceptor ApplicationEvent AtLeastOnce AtMostOnce Backoff Container Copy DurableSubscription "
                "DynamicNodeProperties EventInjector Filter Handler LinkOption Move Reactor ReceiverOption Selectable "
                "Selector SenderOption SessionPerConnection SSLConfig Task Transaction",
    "_selectable": "Selectable",
    "_transport": "SASL SSL SSLDomain SSLSessionDetails Transport",
    "_url": "Url",
    "_utils": "BlockingConnection BlockingReceiver BlockingSender ConnectionClosed LinkDetached SendException "
              "SyncRequestResponse",
}


@scenario()
def names_of_private_modules(run: Any) -> None:
    for module, names in PRIVATE.items():
        found = importlib.import_module(f"proton.{module}")
        for name in names.split():
            item = getattr(found, name)
            homes = [home for home in (proton, handlers, reactor, utils) if hasattr(home, name)]
            run.note(module, name, inspect.isclass(item), all(getattr(home, name) is item for home in homes))
    common = importlib.import_module("proton._common")
    run.note(common.secs2millis(1.9999), common.secs2millis(2), common.millis2secs(1500))


#: What ``from proton.X import *`` brings.
SHARED = {
    "handlers": "MessagingHandler IncomingMessageHandler OutgoingMessageHandler EndpointStateHandler "
                "TransactionHandler TransactionalClientHandler Reject Release Handshaker FlowController "
                "IOHandler PythonIO".split(),
    "reactor": "Container ApplicationEvent EventInjector Handler LinkOption ReceiverOption SenderOption AtLeastOnce "
               "AtMostOnce DynamicNodeProperties Filter Selector DurableSubscription Copy Move Backoff "
               "Transaction".split(),
    "utils": "BlockingConnection BlockingSender BlockingReceiver SyncRequestResponse SendException LinkDetached "
             "ConnectionClosed".split(),
}


@scenario()
def names_of_star_imports(run: Any) -> None:
    for module in (handlers, reactor, utils):
        run.note([name for name in SHARED[module.__name__.split(".")[1]] if name not in module.__all__])
