"""Selectors: what is made is understood as it was meant, and what is not understood is refused in one way only.

Expressions are made as trees; one function writes a tree down, another says naively what it is true of.  What comes of
parsing and compiling the text must be the same.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from syncproton.broker.selector import SelectorError, compile_selector

Tree = Tuple[Any, ...]
Values = Dict[str, Any]

# Usually a number, a string or a boolean, so that more often than not something is known.
NUMBERS, TEXTS, FLAGS = ["a", "my.name"], ["b", "with space"], ["Or else", "_$"]
NAMES = NUMBERS + TEXTS + FLAGS
QUOTED = {"with space", "Or else"}

numbers = st.one_of(st.integers(0, 5), st.integers(0, 2 ** 64 - 1),
                    st.floats(0, 1e6, allow_nan=False).map(lambda number: round(number, 3)))
texts = st.text(st.sampled_from("ab%_'!\n\u20ac"), max_size=5)


def named(usual: List[str]) -> Any:
    return st.sampled_from(usual * 5 + NAMES).map(lambda name: ("name", name))


numeric = st.recursive(
    st.one_of(named(NUMBERS), numbers.map(lambda number: ("number", number))),
    lambda inner: st.one_of(st.tuples(st.sampled_from("+-*/"), inner, inner), st.tuples(st.just("minus"), inner)),
    max_leaves=6)
comparable = st.one_of(
    numeric, named(TEXTS), texts.map(lambda text: ("text", text)), st.booleans().map(lambda flag: ("flag", flag)))
conditions = st.recursive(
    st.one_of(
        named(FLAGS), st.booleans().map(lambda flag: ("flag", flag)),
        st.tuples(st.sampled_from(["=", "<>"]), comparable, comparable),
        st.tuples(st.sampled_from(["<", "<=", ">", ">="]), numeric, numeric),
        st.tuples(st.just("between"), numeric, numeric, numeric, st.booleans()),
        st.tuples(st.just("in"), named(TEXTS), st.lists(texts, min_size=1, max_size=3), st.booleans()),
        st.tuples(st.just("like"), named(TEXTS), texts, st.booleans()),
        st.tuples(st.just("null"), named([]), st.booleans())),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or", "=", "<>"]), inner, inner)),
    max_leaves=8)
figures = st.one_of(st.integers(-3, 5), st.integers(-2 ** 63, 2 ** 64 - 1), st.floats())
anything = st.one_of(figures, texts, st.booleans(), st.none())


def valued(usual: Any) -> Any:
    return st.integers(0, 5).flatmap(lambda die: usual if die else anything)


values = st.fixed_dictionaries({
    **{name: valued(figures) for name in NUMBERS},
    **{name: valued(texts) for name in TEXTS},
    **{name: valued(st.booleans()) for name in FLAGS},
})


# --- how a tree is written: with no more parentheses than are needed

LEVELS = {"or": 1, "and": 2, "not": 3, "+": 5, "-": 5, "*": 6, "/": 6, "minus": 7}
LEVELS.update(dict.fromkeys(["=", "<>", "<", "<=", ">", ">=", "between", "in", "like", "null"], 4))


def written(tree: Tree, level: int = 0) -> str:
    kind = tree[0]
    own = LEVELS.get(kind, 8)
    if kind == "name":
        text = f'"{tree[1]}"' if tree[1] in QUOTED else tree[1]
    elif kind == "number":
        text = repr(tree[1])
    elif kind == "text":
        text = quoted(tree[1])
    elif kind == "flag":
        text = str(tree[1])
    elif kind in ("not", "minus"):
        text = ("nOt " if kind == "not" else "-") + written(tree[1], own)
    elif kind == "between":
        _, value, low, high, negated = tree
        text = (f"{written(value, 5)} {'NOT ' if negated else ''}BETWEEN {written(low, 5)} and {written(high, 5)}")
    elif kind == "in":
        text = f"{written(tree[1])} {'not ' if tree[3] else ''}IN ({', '.join(map(quoted, tree[2]))})"
    elif kind == "like":
        text = f"{written(tree[1])} {'NOT ' if tree[3] else ''}like {quoted(tree[2])}"
    elif kind == "null":
        text = f"{written(tree[1])} IS {'NOT ' if tree[2] else ''}NULL"
    else:
        # Comparisons don't associate; the others do so from the left.
        text = f"{written(tree[1], own + (own == 4))} {kind} {written(tree[2], own + 1)}"
    return f"({text})" if own < level else text


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# --- what a tree is true of

UNKNOWN = "unknown"


def truth(tree: Tree, message: Values) -> Any:
    """True, False or UNKNOWN."""
    kind = tree[0]
    if kind in ("name", "flag"):
        value = worth(tree, message)
        return value if isinstance(value, bool) else UNKNOWN
    if kind == "not":
        return {True: False, False: True, UNKNOWN: UNKNOWN}[truth(tree[1], message)]
    if kind in ("and", "or"):
        both = {truth(tree[1], message), truth(tree[2], message)}
        decisive = kind == "or"
        return decisive if decisive in both else UNKNOWN if UNKNOWN in both else not decisive
    if kind == "null":
        return (worth(tree[1], message) is None) is not tree[2]
    if kind == "between":
        _, value, low, high, negated = tree
        if negated:
            return truth(("or", ("<", value, low), (">", value, high)), message)
        return truth(("and", (">=", value, low), ("<=", value, high)), message)
    if kind == "in":
        value = worth(tree[1], message)
        return (value in tree[2]) is not tree[3] if isinstance(value, str) else UNKNOWN
    if kind == "like":
        value = worth(tree[1], message)
        if value is None:
            return UNKNOWN
        return (isinstance(value, str) and alike(list(value), list(tree[2]))) is not tree[3]
    left, right = worth(tree[1], message), worth(tree[2], message)
    if left is None or right is None:
        return UNKNOWN
    kinds = {kind_of(left), kind_of(right)}
    if len(kinds) == 2 or kind not in ("=", "<>") and kinds != {"number"}:
        return False
    return {"=": left == right, "<>": left != right}[kind] if kind in ("=", "<>") else {
        "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[kind]


def kind_of(value: Any) -> str:
    return "flag" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def worth(tree: Tree, message: Values) -> Any:
    """A string, number or boolean; None if it is not known."""
    kind = tree[0]
    if kind == "name":
        return message.get(tree[1])
    if kind in ("number", "text", "flag"):
        return tree[1]
    if kind not in ("minus", "+", "-", "*", "/"):
        result = truth(tree, message)
        return None if result == UNKNOWN else result
    operands = [worth(operand, message) for operand in tree[1:]]
    if any(operand is None or kind_of(operand) != "number" for operand in operands):
        return None
    if kind == "minus":
        result = -operands[0]
    elif kind == "/":
        result = quotient(*map(float, operands)) if 0 in operands else operands[0] / operands[1]
    else:
        left, right = operands
        result = left + right if kind == "+" else left - right if kind == "-" else left * right
    if isinstance(result, int) and not -2 ** 63 <= result < 2 ** 64:
        result = float(result)
    return result


def quotient(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.inf if math.copysign(1, left) == math.copysign(1, right) else -math.inf


def alike(text: List[str], pattern: List[str]) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(alike(text[skipped:], pattern[1:]) for skipped in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and alike(text[1:], pattern[1:])


def evaluated(text: str, message: Values) -> Any:
    condition = compile_selector(text, lambda name, position: lambda message: message.get(name))
    result = condition(message)
    return UNKNOWN if result is None else result


@settings(max_examples=200, deadline=None)
@given(conditions, st.lists(values, min_size=1, max_size=3))
def test_a_selector_is_true_of_what_it_says(tree: Tree, messages: List[Values]) -> None:
    for message in messages:
        assert evaluated(written(tree), message) is truth(tree, message)


@settings(max_examples=200, deadline=None)
@given(numeric, values)
def test_arithmetic_gives_what_it_should(tree: Tree, message: Values) -> None:
    result = worth(tree, message)
    text = f"{written(tree, 5)} = result"
    expected = UNKNOWN if result is None else result == result
    assert evaluated(text, {**message, "result": result}) is expected


words = st.one_of(
    st.sampled_from(["and", "OR", "not", "in", "like", "between", "is", "null", "escape", "true", "a", "(", ")", ",",
                     "=", "<>", "<", "+", "-", "*", "/", "'x'", "1", "1.5", "1e5", '"q"', "'", "!", "  "]),
    st.text(max_size=3))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=50), st.lists(words, max_size=15).map(" ".join)), values)
def test_any_text_is_a_selector_or_refused_as_none(text: str, message: Values) -> None:
    try:
        result = evaluated(text, message)
    except SelectorError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert result in (True, False, UNKNOWN)
