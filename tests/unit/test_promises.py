"""The table of promises: a row for all that the proton.reactor reference names, each with tests that exist."""

import ast
import csv
import inspect
from pathlib import Path

import pytest

import syncproton.reactor
from syncproton.handlers import TransactionHandler

ROOT = Path(__file__).resolve().parents[2]
TABLES = sorted((ROOT / "docs" / "reference" / "promises").glob("*.csv"))

# What the reference names, with its parameters and their defaults.
REFERENCE = {
    "ApplicationEvent": "typename, connection=None, session=None, link=None, delivery=None, subject=None",
    "ApplicationEvent.TYPES": None,
    "ApplicationEvent.context": None,
    "ApplicationEvent.dispatch": "handler, type=None",
    "ApplicationEvent.type": None,
    "AtLeastOnce": "",
    "AtLeastOnce.apply": "link",
    "AtMostOnce": "",
    "AtMostOnce.apply": "link",
    "Backoff": "",
    "Backoff.next": "",
    "Backoff.reset": "",
    "Container": "*handlers, **kwargs",
    "Container.connect": "url=None, urls=None, address=None, handler=None, reconnect=None, heartbeat=None, "
                         "ssl_domain=None, **kwargs",
    "Container.create_receiver": "context, source=None, target=None, name=None, dynamic=False, handler=None, "
                                 "options=None",
    "Container.create_sender": "context, target=None, source=None, name=None, handler=None, tags=None, options=None",
    "Container.declare_transaction": "context, handler=None, settle_before_discharge=False",
    "Container.do_work": "timeout=None",
    "Container.listen": "url, ssl_domain=None",
    "Container.run": "",
    "Container.schedule": "delay, handler",
    "Container.selectable": "handler=None, delegate=None",
    "Copy": "",
    "Copy.apply": "receiver",
    "DurableSubscription": "",
    "DurableSubscription.apply": "receiver",
    "DynamicNodeProperties": "props={}",
    "DynamicNodeProperties.apply": "link",
    "EventInjector": "",
    "EventInjector.close": "",
    "EventInjector.fileno": "",
    "EventInjector.on_selectable_init": "event",
    "EventInjector.on_selectable_readable": "event",
    "EventInjector.trigger": "event",
    "Filter": "filter_set={}",
    "Filter.apply": "receiver",
    "LinkOption": "",
    "LinkOption.apply": "link",
    "LinkOption.test": "link",
    "Move": "",
    "Move.apply": "receiver",
    "ReceiverOption": "",
    "ReceiverOption.apply": "receiver",
    "Selector": "value, name='selector'",
    "Selector.apply": "receiver",
    "SenderOption": "",
    "SenderOption.apply": "sender",
    "Transaction": "txn_ctrl, handler, settle_before_discharge=False",
    "Transaction.abort": "",
    "Transaction.accept": "delivery",
    "Transaction.commit": "",
    "Transaction.send": "sender, msg, tag=None",
}
BASES = {
    "AtLeastOnce": "LinkOption", "AtMostOnce": "LinkOption", "Copy": "ReceiverOption", "Filter": "ReceiverOption",
    "DurableSubscription": "ReceiverOption", "DynamicNodeProperties": "LinkOption", "Move": "ReceiverOption",
    "ReceiverOption": "LinkOption", "Selector": "Filter", "SenderOption": "LinkOption",
}
CONNECT_KEYWORDS = (
    "sasl_enabled", "allowed_mechs", "allow_insecure_mechs", "password", "user", "virtual_host",
    "offered_capabilities", "desired_capabilities", "properties", "sni", "max_frame_size", "container_id",
)


def rows():
    for table in TABLES:
        with table.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                yield table.name, row


def parameters(signature):
    """Name and default of each: ('timeout', 'None')."""
    for parameter in filter(None, (signature or "").split(", ")):
        name, _, default = parameter.partition("=")
        yield name, default


def wanted():
    """The rows there must be, with the default that each must state."""
    for name, signature in REFERENCE.items():
        yield name, None
        for parameter, default in parameters(signature):
            if parameter != "**kwargs":
                yield f"{name}({parameter.lstrip('*')})", default
    for keyword in CONNECT_KEYWORDS:
        yield f"Container.connect({keyword})", None


def named(name):
    target = syncproton.reactor
    for part in name.split("."):
        target = getattr(target, part)
    return target


@pytest.mark.parametrize("name", REFERENCE)
def test_everything_in_the_reference_exists_with_its_parameters_and_defaults(name):
    target = named(name)
    if REFERENCE[name] is None:
        return
    ours = [parameter for parameter in inspect.signature(target).parameters.values() if parameter.name != "self"]
    found = {parameter.name: parameter for parameter in ours}
    positional = [parameter.name for parameter in ours if parameter.kind == parameter.POSITIONAL_OR_KEYWORD]
    theirs = [given for given in parameters(REFERENCE[name]) if not given[0].startswith("*")]
    assert positional == [parameter for parameter, _ in theirs]
    for parameter, default in theirs:
        value = found[parameter].default
        assert ("" if value is inspect.Parameter.empty else repr(value)) == default


@pytest.mark.parametrize("name, base", BASES.items())
def test_the_options_have_the_reference_s_bases(name, base):
    assert named(name).__bases__ == (named(base),)


def test_each_name_of_the_reference_has_one_row_with_its_default():
    found = [row["name"] for _, row in rows()]
    assert sorted(name for name in set(found) if found.count(name) > 1) == []
    stated = {row["name"]: row["default"] for _, row in rows()}
    missing = [name for name, _ in wanted() if name not in stated]
    assert missing == []
    wrong = {name: stated[name] for name, default in wanted() if default is not None and stated[name] != default}
    assert wrong == {}


def test_each_public_name_has_a_row():
    found = {row["name"] for _, row in rows()}
    callbacks = [f"TransactionHandler.{name}" for name in vars(TransactionHandler) if name.startswith("on_")]
    assert len(callbacks) == 5
    assert sorted({*syncproton.reactor.__all__, *callbacks} - found) == []


def test_each_row_says_what_is_promised_and_names_tests_that_exist():
    known = {}
    faults = []
    for table, row in rows():
        tests = (row["tests"] or "").split()
        if not row["promise"] or not tests:
            faults.append(f"{table}: {row['name']}: no promise or no test")
        for node in tests:
            path, _, name = node.partition("::")
            if path not in known:
                known[path] = functions(ROOT / path)
            if name not in known[path]:
                faults.append(f"{table}: {row['name']}: there is no {node}")
    assert faults == []


def functions(path):
    """The test functions of a file, those in classes as Class::name."""
    if not path.is_file():
        return set()
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.update(f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))
    return {name for name in names if name.split("::")[-1].startswith("test_")}
