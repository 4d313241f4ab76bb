"""Selectors that are none: what is wrong with them and where."""

from __future__ import annotations

from typing import Any

import pytest

from syncproton.broker.selector import MAX_LENGTH, MAX_NESTING, SelectorError, compile_selector


def compiled(selector: str) -> Any:
    return compile_selector(selector, lambda name, position: lambda message: None)


def error(selector: str) -> SelectorError:
    with pytest.raises(SelectorError) as caught:
        compiled(selector)
    assert str(caught.value).startswith(f"bad selector, at character {caught.value.position + 1}: ")
    return caught.value


@pytest.mark.parametrize("selector, position, words", [
    ("", 0, "empty"), ("   ", 3, "empty"),
    ("a = ", 4, "not the end"), ("= 1", 0, "not '='"), ("a = 1 b", 6, "'b' does not follow"),
    ("a = 'x", 4, "not closed"), ("a = 'x''y", 4, "not closed"), ('"a = 1', 0, "not closed"), ('"" = 1', 0, "empty"),
    ("a != 1", 2, "<>"), ("a == 1", 3, "not '='"), ("a % 2 = 1", 2, "remainder"), ("a = ?", 4, "'?'"),
    ("a = 1;", 5, "';'"), ("(a = 1", 6, "')'"), ("a = 1)", 5, "does not follow"), ("()", 1, "not ')'"),
    ("a = b = c", 6, "does not follow"), ("a = 1 IS NULL", 6, "does not follow"), ("a IS NULL + 1", 10, "not follow"),
    ("5", 0, "a condition is needed here, not a number"), ("'x'", 0, "not a string"), ("a + 1", 0, "not a number"),
    ("NOT 5", 4, "not a number"), ("a = 1 AND 'x'", 10, "not a string"), ("1 OR a = 1", 0, "not a number"),
    ("a > 'x'", 4, "compares numbers, not a string"), ("'x' < a", 0, "not a string"), ("a >= TRUE", 5, "a condition"),
    ("a + 'x' = 1", 4, "'+' is for numbers"), ("'x' * 2 = 1", 0, "is for numbers"), ("-'x' = 1", 1, "is for numbers"),
    ("(a = 1) + 1 = 2", 0, "not a condition"), ("a - TRUE = 1", 4, "not a condition"),
    ("a = NULL", 4, "not 'NULL'"), ("NULL = 1", 0, "not 'NULL'"), ("a IS 5", 5, "expected 'NULL', not 5"),
    ("a IS NOT 5", 9, "expected 'NULL'"), ("a NOT IS NULL", 6, "expected BETWEEN, IN or LIKE"),
    ("5 IS NULL", 0, "iden"),
    ("a NOT 5", 6, "expected BETWEEN"), ("a NOT", 5, "not the end"),
    ("a IN 'x'", 5, "expected '('"), ("a IN ()", 6, "single quotes"), ("a IN (1)", 6, "single quotes, not 1"),
    ("a IN ('x',)", 10, "single quotes, not ')'"), ("a IN ('x' 'y')", 10, "expected ')', not a string"),
    ("a IN ('x', NULL)", 11, "not 'NULL'"), ("'x' IN ('x')", 0, "needs an identifier"), ("a IN ('x'", 9, "the end"),
    ("a LIKE b", 7, "single quotes, not 'b'"), ("a LIKE 5", 7, "single quotes"), ("'x' LIKE 'x'", 0, "an identifier"),
    ("a LIKE 'x' ESCAPE 'ab'", 18, "single character"), ("a LIKE 'x' ESCAPE ''", 18, "single character"),
    ("a LIKE 'x' ESCAPE", 17, "not the end"), ("a LIKE 'x!' ESCAPE '!'", 7, "followed by"),
    ("a LIKE '!x' ESCAPE '!'", 7, "followed by"),
    ("a BETWEEN 1", 11, "expected 'AND'"), ("a BETWEEN 1 OR 2", 12, "expected 'AND'"),
    ("a BETWEEN 'x' AND 5", 10, "str"),
    ("a BETWEEN 1 AND 'x'", 16, "string"), ("'x' BETWEEN 1 AND 2", 0, "not a string"), ("a BETWEEN AND 2", 10, "'AND'"),
    ("and = 1", 0, "not 'AND'"), ("like = 1", 0, "not 'LIKE'"), ("escape = 1", 0, "not 'ESCAPE'"),
    ("a = 99999999999999999999", 4, "64 bits"), ("a = 0x1ffffffffffffffff", 4, "64 bits"),
    ("a = 1e400", 4, "too large"),
    ("a = 09", 4, "octal"), ("a = " + "9" * 5000, 4, "64 bits"), ("a = 1.5f", 7, "'f'"), ("a = 0x", 5, "'x'"),
    ("a = 1.5.2", 7, "does not follow"), ("a . b = 1", 2, "'.'"), ("a. = 1", 1, "'.'"), ("a =\v1", 3, "x0b"),
    ("\ud800 = 1", 0, "does not belong"), ("a = \0", 4, "does not belong"),
])
def test_the_problem_and_where_it_is(selector: str, position: int, words: str) -> None:
    problem = error(selector)
    assert problem.position == position
    assert words in problem.problem


def test_nesting_is_bounded() -> None:
    for opening, closing in (("(", ")"), ("NOT ", ""), ("NOT (", ")")):
        depth = MAX_NESTING // (2 if opening == "NOT (" else 1)
        assert compiled(opening * depth + "a" + closing * depth)(None) is None
        assert "nested" in error(opening * (depth + 1) + "a" + closing * (depth + 1)).problem
    assert "nested" in error("-" * 5000 + "a = 1").problem
    assert "nested" in error("(" * 5000).problem


def test_length_is_bounded() -> None:
    def selector(length: int) -> str:
        return "a = '" + "x" * (length - 6) + "'"

    compiled(selector(MAX_LENGTH))
    assert error(selector(MAX_LENGTH + 1)).position == MAX_LENGTH


@pytest.mark.parametrize("link", [" AND ", " OR "])
def test_long_chains_are_no_nesting(link: str) -> None:
    assert compiled(link.join(["a = 1"] * 1500))(None) is None


def test_long_sums_are_no_nesting() -> None:
    assert compiled("+".join(["1"] * 5000) + " = 5000")(None) is True


def test_long_messages_are_cut() -> None:
    assert len(str(error("a = 1 " + "b" * 10_000))) < 200
    assert len(str(error("a = " + "9" * 10_000))) < 200
