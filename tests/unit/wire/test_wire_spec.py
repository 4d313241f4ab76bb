"""The classes against the facts of the specification: names, descriptors, fields, types, defaults.

``spec_fields.json`` holds what the XML of the AMQP 1.0 specification says about each composite type, with restricted
types replaced by what they restrict.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, Dict, Type

import pytest

from syncproton.wire import performatives, sasl_frames, states, termini
from syncproton.wire.composite import Composite

SPEC: Dict[str, Dict[str, Any]] = json.loads((Path(__file__).parent / "spec_fields.json").read_text())


def class_of(name: str) -> Type[Composite]:
    camel = "".join(word.capitalize() for word in name.split("-"))
    for module in (performatives, sasl_frames, states, termini):
        if hasattr(module, camel):
            cls: Type[Composite] = getattr(module, camel)
            return cls
    raise AssertionError(f"no class for {name}")


@pytest.mark.parametrize("name", SPEC)
def test_the_descriptor_is_the_specifications(name: str) -> None:
    cls = class_of(name)
    assert (cls.NAME, cls.DESCRIPTOR) == (SPEC[name]["descriptor"], SPEC[name]["code"])


@pytest.mark.parametrize("name", SPEC)
def test_the_fields_are_the_specifications(name: str) -> None:
    ours = [
        (field.name.replace("_", "-"), field.type, field.mandatory, field.multiple) for field in class_of(name).FIELDS
    ]
    assert ours == [
        (field["name"], field["type"], field["mandatory"], field["multiple"]) for field in SPEC[name]["fields"]
    ]


@pytest.mark.parametrize("name", SPEC)
def test_a_null_means_the_specifications_default_and_false_where_it_gives_a_boolean_none(name: str) -> None:
    for ours, theirs in zip(class_of(name).FIELDS, SPEC[name]["fields"]):
        implied = False if theirs["type"] == "boolean" and not theirs["mandatory"] else None
        assert ours.default == (implied if theirs["default"] is None else theirs["default"])


@pytest.mark.parametrize("name", SPEC)
def test_slots_and_constructor_follow_the_fields(name: str) -> None:
    cls = class_of(name)
    names = [field.name for field in cls.FIELDS]
    assert list(cls.__slots__) == names
    if names:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        assert [parameter.name for parameter in parameters] == names
        for field, parameter in zip(cls.FIELDS, parameters):
            if not field.mandatory:
                assert parameter.default == field.default


@pytest.mark.parametrize("name", SPEC)
def test_objects_have_no_dictionary(name: str) -> None:
    assert not hasattr(object.__new__(class_of(name)), "__dict__")


def test_every_frame_body_can_be_looked_up_by_number_and_by_name() -> None:
    for table, names in (
        (performatives.PERFORMATIVES, "open begin attach flow transfer disposition detach end close"),
        (sasl_frames.SASL_FRAMES, "sasl-mechanisms sasl-init sasl-challenge sasl-response sasl-outcome"),
    ):
        for name in names.split():
            assert table[SPEC[name]["code"]] is table[SPEC[name]["descriptor"]] is class_of(name)
        assert len(table) == 2 * len(names.split())
