"""The patterns of LIKE."""

from __future__ import annotations

import time

import pytest

from syncproton.broker.selector import compile_selector


def matches(text: str, pattern: str, escape: str = "") -> bool:
    tail = f" ESCAPE '{escape}'" if escape else ""
    condition = compile_selector(f"a LIKE '{pattern}'{tail}", lambda name, position: lambda message: message)
    contrary = compile_selector(f"a NOT LIKE '{pattern}'{tail}", lambda name, position: lambda message: message)
    result = condition(text)
    assert contrary(text) is (not result)
    return bool(result)


@pytest.mark.parametrize("text, pattern", [
    ("", ""), ("", "%"), ("", "%%"), ("abc", "abc"), ("abc", "%"), ("abc", "a%"), ("abc", "%c"), ("abc", "%b%"),
    ("abc", "a_c"), ("abc", "___"), ("abc", "_%_"), ("abc", "%_%_%_%"), ("abab", "%ab"), ("aab", "%ab"),
    ("abcabd", "%ab_"), ("abcabd", "a%b%d"), ("a\nb", "a_b"), ("a\nb", "a%b"), ("a.c", "a.c"), ("[x]*", "[x]*"),
    ("aXbXXc", "a%X_c"), ("it's", "it''s"), ("\U0001f600", "_"), ("mississippi", "m%iss%ip%i"), ("aaa", "%a%a%a%"),
])
def test_matches(text: str, pattern: str) -> None:
    assert matches(text, pattern)


@pytest.mark.parametrize("text, pattern", [
    ("a", ""), ("", "_"), ("abc", "ABC"), ("abc", "ab"), ("abc", "bc"), ("abc", "__"), ("abc", "____"), ("abc", "a%d"),
    ("abc", "%d%"), ("abc", "a.c"), ("aba", "aba%ba"), ("ab", "a%ab"), ("a\n", "a"), ("aa", "%a%a%a%"), ("abx", "%ab"),
])
def test_does_not_match(text: str, pattern: str) -> None:
    assert not matches(text, pattern)


def test_escape() -> None:
    assert matches("100%", "100!%", "!")
    assert not matches("1000", "100!%", "!")
    assert matches("a_b", "a\\_b", "\\")
    assert not matches("axb", "a\\_b", "\\")
    assert matches("!", "!!", "!")
    assert matches("a%%z", "a%%%%z", "%")
    assert not matches("a%z", "a%%%%z", "%")


def test_a_backslash_escapes_nothing_by_itself() -> None:
    assert matches("a\\xb", "a\\_b")


def test_no_pattern_takes_for_ever() -> None:
    condition = compile_selector("a LIKE '" + "%a" * 5000 + "%b'", lambda name, position: lambda message: message)
    started = time.perf_counter()
    assert condition("a" * 20_000) is False
    assert condition("a" * 4_999 + "b") is False
    assert condition("a" * 20_000 + "b") is True
    assert time.perf_counter() - started < 5
