"""Message: the body, in one section or several."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest

from syncproton.codec import UNDESCRIBED, Array, Data, Described, decimal128, symbol, timestamp, uint, ulong
from syncproton.errors import MessageException
from syncproton.message import Message

EMPTY = "0053704500537345"


def encoded(body: Any, inferred: bool = False) -> str:
    whole = Message(body, inferred=inferred).encode().hex()
    assert whole.startswith(EMPTY)
    return whole[len(EMPTY):]


def decoded(body: str) -> Message:
    message = Message()
    message.decode(bytes.fromhex(EMPTY + body))
    return message


@pytest.mark.parametrize("body, value, inferred", [
    (None, "", ""),
    (b"abc", "005377a003616263", "005375a003616263"),
    (b"", "005377a000", "005375a000"),
    ([1, 2], "005377c0050255015502", "005376c0050255015502"),
    ([], "00537745", "00537645"),
    ("abc", "005377a103616263", "005377a103616263"),
    ({"a": None}, "005377c10502a1016140", "005377c10502a1016140"),
    (True, "00537741", "00537741"),
    (-1, "00537755ff", "00537755ff"),
    (1.5, "005377823ff8000000000000", "005377823ff8000000000000"),
    (uint(0), "00537743", "00537743"),
    (symbol("s"), "005377a30173", "005377a30173"),
    (timestamp(5), "005377830000000000000005", "005377830000000000000005"),
    (decimal128(b"1" * 16), "00537794" + "31" * 16, "00537794" + "31" * 16),
    (Described(ulong(0x75), b"v"), "005377005375a00176", "005377005375a00176"),
    (Array(UNDESCRIBED, Data.UBYTE, 1, 2), "005377e00402500102", "005377e00402500102"),
])
def test_one_section(body: Any, value: str, inferred: str) -> None:
    assert encoded(body) == value
    assert encoded(body, inferred=True) == inferred
    for text in (value, inferred):
        message = decoded(text)
        assert message.body == body
        assert isinstance(message.body, type(body))
        assert message.inferred is text.startswith(("005375", "005376"))
        assert message.encode().hex() == EMPTY + text


@pytest.mark.parametrize("body", [bytearray(b"abc"), memoryview(b"abc"), memoryview(b"abc")[:3]])
def test_other_kinds_of_bytes(body: Any) -> None:
    assert encoded(body) == "005377a003616263"
    assert encoded(body, inferred=True) == "005375a003616263"


def test_other_kinds_of_sequence() -> None:
    assert encoded((1, 2)) == "005377c0050255015502"
    assert encoded((1, 2), inferred=True) == "005376c0050255015502"


@pytest.mark.parametrize("size", [0, 3, 300])
def test_data_is_bytes_and_answers_as_a_memoryview_does(size: int) -> None:
    message = Message()
    message.decode(Message(body=b"x" * size, inferred=True).encode())
    assert message.inferred and message.body == b"x" * size
    assert message.body.tobytes() == b"x" * size and message.body.nbytes == size
    message.decode(b"\x00\x53\x75\xa0\x01a\x00\x53\x75\xa0\x02bc")
    assert message.body.tobytes() == b"abc" and message.body.tolist() == [97, 98, 99]


def test_long_data() -> None:
    body = bytes(300)
    assert encoded(body, inferred=True) == "005375b00000012c" + body.hex()
    assert decoded("005375b00000012c" + body.hex()).body == body


@pytest.mark.parametrize("sections, wire", [
    ([b"a", b"bc"], "005375a00161" "005375a0026263"),
    ([b"", b""], "005375a000" "005375a000"),
    ([b"", b"a", b""], "005375a000" "005375a00161" "005375a000"),
    ([[1], [2, 3]], "005376c003015501" "005376c0050255025503"),
    ([[], []], "00537645" "00537645"),
    ([[[1]], [[]]], "005376c00601c003015501" "005376c0020145"),
])
def test_several_sections(sections: Any, wire: str) -> None:
    message = decoded(wire)
    assert message.body == functools.reduce(operator.add, sections)
    assert message.body_sections == sections
    assert message.inferred
    assert message.encode().hex() == EMPTY + wire
    made = Message()
    made.body_sections = sections
    assert made.encode().hex() == EMPTY + wire
    assert (made.body, made.inferred) == (message.body, True)
    assert Message(body_sections=sections).encode() == made.encode()


def test_sections_belong_to_one_body() -> None:
    message = decoded("005375a00161" "005375a0026263")
    message.body = b"xyz"
    assert message.body_sections == [b"xyz"]
    assert message.encode().hex() == EMPTY + "005375a00378797a"
    message = decoded("005376c003015501" "005376c003015502")
    message.body[0] = 3
    assert message.body_sections == [[3], [2]]
    message.body.append(4)
    assert message.body_sections == [[3, 2, 4]]
    message.inferred = False
    assert message.body_sections == []
    assert message.encode().hex() == EMPTY + "005377c00703550355025504"


def test_setting_sections() -> None:
    message = Message("text")
    assert message.body_sections == []
    message.body_sections = [b"one"]
    assert (message.body, message.inferred, message.body_sections) == (b"one", True, [b"one"])
    message.body_sections = (part for part in ([1], (2,)))
    assert (message.body, message.body_sections) == ([1, 2], [[1], [2]])
    message.body_sections = [memoryview(b"abcd").cast("H"), bytearray(b"e")]
    assert message.body_sections == [b"abcd", b"e"]
    message.body_sections = []
    assert message.body is None
    assert message.encode().hex() == EMPTY
    for wrong in (["text"], [b"a", [1]], [None], [1], [{}]):
        with pytest.raises(TypeError):
            message.body_sections = wrong


def test_null_is_told_from_no_body_when_sent_on() -> None:
    message = decoded("00537740")
    assert message.body is None and not message.inferred
    assert message.encode().hex() == EMPTY + "00537740"
    message.body = "x"
    assert message.encode().hex() == EMPTY + "005377a10178"
    message.clear()
    assert message.encode().hex() == EMPTY


@pytest.mark.parametrize("body", [object(), {1, 2}, range(3), 2**63, -2**63 - 1, [object()], {"a": object()},
                                  "\ud800", symbol("é"), ["x", [2**70]]])
@pytest.mark.parametrize("inferred", [False, True])
def test_bodies_that_cannot_be_sent(body: Any, inferred: bool) -> None:
    with pytest.raises(MessageException):
        Message(body, inferred=inferred).encode()


def test_a_body_that_contains_itself() -> None:
    body: Any = []
    body.append(body)
    with pytest.raises(MessageException):
        Message(body).encode()
    with pytest.raises(MessageException):
        Message(properties={"p": body}).encode()
