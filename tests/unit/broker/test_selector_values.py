"""What selectors are true of."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest

from syncproton.broker.selector import OPAQUE, compile_selector

VALUES: Dict[str, Any] = {
    "colour": "green", "n": 3, "x": -2.5, "yes": True, "no": False, "zero": 0, "huge": 2 ** 64 - 1, "opaque": OPAQUE,
    "text": "it's 100%", "my-prop": "h", "$a": 1, "_b": 1, "a.b": 1, "größe": 1, "Colour": "RED",
}


def truth(selector: str) -> Optional[bool]:
    condition = compile_selector(selector, lambda name, position: lambda message: message.get(name))
    return condition(VALUES)


@pytest.mark.parametrize("selector", [
    "colour = 'green'", "'green' = colour", "colour <> 'red'", "n = 3", "n <> 4", "n < 4", "n <= 3", "n > 2", "n >= 3",
    "n = 3.0", "x = -2.5", "n > x", "yes", "yes = TRUE", "no = false", "NOT no", "yes <> no", "TRUE", "1 = 1",
    "huge = 18446744073709551615", "text = 'it''s 100%'", '"my-prop" = \'h\'', "$a = 1", "_b = 1", "a.b = 1",
    "größe = 1", "Colour = 'RED'", "(n) = 3", "((colour = 'green'))", "(n = 3) = TRUE", "yes = (n = 3)",
    "\tn\r\n= 3 ", "n=3AND yes", "opaque IS NOT NULL",
])
def test_true(selector: str) -> None:
    assert truth(selector) is True


@pytest.mark.parametrize("selector", [
    "colour = 'Green'", "colour <> 'green'", "n = 4", "n < 3", "n > 3", "no", "yes = FALSE", "FALSE", "NOT yes",
    "opaque IS NULL",
])
def test_false(selector: str) -> None:
    assert truth(selector) is False


@pytest.mark.parametrize("selector", [
    "missing = 1", "missing <> 1", "missing > 1", "missing = 'a'", "missing", "NOT missing", "missing = missing",
    "missing LIKE 'a'", "missing NOT LIKE 'a'", "missing IN ('a')", "missing NOT IN ('a')", "missing + 1 = 1",
    "1 = missing", "-missing = 1", "missing BETWEEN 1 AND 2", "missing NOT BETWEEN 1 AND 2", "n BETWEEN missing AND 5",
    "colour", "NOT colour", "n + colour = 1", "colour + 1 = 1", "n IN ('3')", "n NOT IN ('3')", "opaque + 1 = 1",
])
def test_unknown(selector: str) -> None:
    assert truth(selector) is None


@pytest.mark.parametrize("selector", [
    "n = '3'", "n <> '3'", "colour = 5", "colour <> 5", "colour > 5", "colour > Colour", "yes = 1", "yes <> 0",
    "zero = FALSE", "yes > no", "n LIKE '3'", "colour BETWEEN 1 AND 3", "colour NOT BETWEEN 1 AND 3",
    "opaque = opaque", "opaque <> 1", "opaque = 'a'", "colour = yes", "'a' = TRUE",
])
def test_values_of_different_kinds_compare_false(selector: str) -> None:
    assert truth(selector) is False


def test_so_the_contrary_is_true() -> None:
    assert truth("NOT n = '3'") is True
    assert truth("n NOT LIKE '3'") is True


@pytest.mark.parametrize("left, right, both, either", [
    ("yes", "yes", True, True), ("yes", "no", False, True), ("yes", "missing", None, True), ("no", "no", False, False),
    ("no", "missing", False, None), ("missing", "missing", None, None),
])
def test_three_values(left: str, right: str, both: Optional[bool], either: Optional[bool]) -> None:
    for one, other in ((left, right), (right, left)):
        assert truth(f"{one} AND {other}") is both
        assert truth(f"{one} OR {other}") is either
        assert truth(f"({one} AND {other}) AND TRUE") is both
        assert truth(f"{one} AND {other} AND {one} AND {other}") is both
    assert truth(f"NOT ({left} AND {right})") is (None if both is None else not both)


@pytest.mark.parametrize("selector", [
    "n IS NOT NULL", "missing IS NULL", "missing is null", "n Between 1 And 3", "n NOT BETWEEN 4 AND 5",
    "n BETWEEN 3 AND 3", "NOT n BETWEEN 3.5 AND 5", "2 + 1 BETWEEN n AND n * 2", "colour IN ('red', 'green')",
    "colour NOT IN ('red')", "NOT colour IN ('red')", "n NOT BETWEEN 3 AND 1",
])
def test_predicates(selector: str) -> None:
    assert truth(selector) is True


@pytest.mark.parametrize("selector", [
    "1 + 2 * 3 = 7", "(1 + 2) * 3 = 9", "8 - 2 - 1 = 5", "8 / 2 / 2 = 2", "2 * 3 + 4 * 5 = 26", "-n = -3", "- -n = n",
    "--n = 3", "+n = 3", "-(n + 1) = -4", "n - 1 - 1 = 1", "n - -1 = 4", "-n + 5 = 2", "2 * -n = -6",
    "1 / 2 = 0.5", "7 / 2 = 3.5", "n / 0 > 1000000", "-n / 0 < -1000000", "NOT zero / 0 = zero / 0",
    "n / -0.0 < -1000", "-n * -n = 9", "n + 1 < n + 2", "1 + n = 2 * 2",
])
def test_arithmetic(selector: str) -> None:
    assert truth(selector) is True


def test_not_binds_less_than_comparison_and_more_than_and() -> None:
    assert truth("NOT n = 4 AND yes") is True
    assert truth("NOT n = 4 AND no") is False
    assert truth("NOT NOT yes") is True
    assert truth("NOT missing IS NULL") is False


def test_and_binds_more_than_or() -> None:
    assert truth("yes OR yes AND no") is True
    assert truth("(yes OR yes) AND no") is False
    assert truth("no AND no OR yes") is True


@pytest.mark.parametrize("selector", [
    "10 = 10L", "16 = 0x10", "255 = 0XffL", "8 = 010", "0 = 0", "0 = 00", "1. = 1", ".5 = 0.5", "1e3 = 1000",
    "1E+3 = 1000", "25e-1 = 2.5", "1.5e1 = 15", "0.0 = 0", "00010.5 = 10.5", "0x10 = 0x0000000000000000000000000000010",
])
def test_numbers(selector: str) -> None:
    assert truth(selector) is True


def test_whole_numbers_are_exact() -> None:
    assert truth("9007199254740993 > 9007199254740992") is True
    assert truth("9007199254740993 = 9007199254740992.0") is False
    assert truth("4611686018427387904 + 1 = 4611686018427387905") is True


def test_numbers_do_not_grow_for_ever() -> None:
    assert truth("huge + 1 > huge") is True
    assert truth("*".join(["huge"] * 1000) + " > 1e308") is True
    assert truth("-" + "*".join(["huge"] * 1000) + " < -1e308") is True


def test_keywords_in_any_case_and_identifiers_as_they_are() -> None:
    assert truth("Not no And yes oR FaLsE") is True
    assert truth("COLOUR = 'green'") is None


def test_a_quoted_keyword_is_an_identifier() -> None:
    assert truth('"and" IS NULL AND "a""b" IS NULL') is True
