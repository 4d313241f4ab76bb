"""PropertyDict, AnnotationDict and SymbolList."""

from __future__ import annotations

import copy
import pickle

import pytest

from syncproton.codec import UNDESCRIBED, AnnotationDict, Array, Data, PropertyDict, SymbolList, symbol, ulong


def kinds(values):
    return [type(value) for value in values]


@pytest.mark.parametrize("kind", [PropertyDict, AnnotationDict])
class TestDictionaries:
    def test_strings_become_symbols_however_they_come_in(self, kind):
        values = kind({"a": 1}, b=2)
        values["c"] = 3
        values.update({"d": 4}, h=5)
        values.update([("f", 6)])
        assert values.setdefault("g", 7) == 7
        assert values == {"a": 1, "b": 2, "c": 3, "d": 4, "h": 5, "f": 6, "g": 7}
        assert set(kinds(values)) == {symbol}

    def test_other_keys_are_refused(self, kind):
        for fill in (lambda: kind({5: 1}), lambda: kind().update({5: 1}), lambda: kind().__setitem__(5, 1)):
            with pytest.raises(KeyError):
                fill()

    def test_other_keys_are_kept_when_told_so(self, kind):
        values = kind({5: 1, "a": 2}, raise_on_error=False)
        assert values == {5: 1, "a": 2}
        assert kinds(values) == [int, symbol]

    def test_repr(self, kind):
        assert repr(kind(a=1)) == f"{kind.__name__}({{symbol('a'): 1}})"

    def test_copies(self, kind):
        for again in (copy.deepcopy(kind(a=[1])), pickle.loads(pickle.dumps(kind(a=[1])))):
            assert again == {"a": [1]}
            assert type(again) is kind
            with pytest.raises(KeyError):
                again[5] = 1


def test_annotations_may_have_ulong_keys_and_properties_not():
    assert kinds(AnnotationDict({ulong(3): 1})) == [ulong]
    with pytest.raises(KeyError):
        PropertyDict({ulong(3): 1})


def test_symbol_list_makes_symbols_of_strings():
    values = SymbolList(["a"])
    values.append("b")
    values.extend(["c", "d"])
    values.insert(0, "e")
    values[1] = "z"
    values[2:3] = ["x", "y"]
    values += ["p"]
    assert values == ["e", "z", "x", "y", "c", "d", "p"]
    assert set(kinds(values)) == {symbol}
    more = values + ["k"]
    assert type(more) is SymbolList
    assert type(more[-1]) is symbol


def test_symbol_list_of_one_string_or_nothing():
    assert SymbolList("abc") == ["abc"]
    assert SymbolList(None) == SymbolList() == []


def test_symbol_list_refuses_other_elements():
    for fill in (lambda: SymbolList([1]), lambda: SymbolList().append(1), lambda: SymbolList().extend([1])):
        with pytest.raises(TypeError):
            fill()
    assert SymbolList(["a", 1], raise_on_error=False) == ["a", 1]


def test_symbol_list_as_an_array_and_in_words():
    assert SymbolList(["a", "b"]).to_array() == Array(UNDESCRIBED, Data.SYMBOL, "a", "b")
    assert repr(SymbolList(["a"])) == "SymbolList([symbol('a')])"


def test_symbol_list_copies():
    for again in (copy.deepcopy(SymbolList("a")), pickle.loads(pickle.dumps(SymbolList("a")))):
        assert again == ["a"]
        assert type(again) is SymbolList
        again.append("b")
        assert kinds(again) == [symbol, symbol]
