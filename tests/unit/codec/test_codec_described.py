"""Described values and arrays as Python objects."""

from __future__ import annotations

import copy
import pickle

import pytest

from syncproton.codec import UNDESCRIBED, Array, Data, Described, symbol


def test_described():
    value = Described(symbol("d"), [1])
    assert (value.descriptor, value.value) == ("d", [1])
    assert repr(value) == "Described(symbol('d'), [1])"
    assert value == Described("d", [1])
    assert value != Described("e", [1])
    assert value != Described("d", [2])
    assert value != [1]


def test_array():
    value = Array(UNDESCRIBED, Data.INT, 1, 2)
    assert (value.descriptor, value.type, value.elements) == (UNDESCRIBED, 8, (1, 2))
    assert repr(value) == "Array(UNDESCRIBED, 8, 1, 2)"
    assert list(value) == [1, 2]
    assert value == Array(UNDESCRIBED, 8, 1, 2)
    assert value != Array(UNDESCRIBED, Data.UINT, 1, 2)
    assert value != Array("d", Data.INT, 1, 2)
    assert value != (1, 2)


@pytest.mark.parametrize("value", [Described(1, 2), Array(UNDESCRIBED, Data.INT)])
def test_they_change_so_they_have_no_hash(value):
    with pytest.raises(TypeError):
        hash(value)


@pytest.mark.parametrize("value", [Described("d", {1: 2}), Array(UNDESCRIBED, Data.STRING, "a", "b")])
def test_copies_are_equal(value):
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


def test_undescribed_stays_itself():
    assert copy.deepcopy(UNDESCRIBED) is UNDESCRIBED
    assert pickle.loads(pickle.dumps(UNDESCRIBED)) is UNDESCRIBED
    assert repr(UNDESCRIBED) == "UNDESCRIBED"
