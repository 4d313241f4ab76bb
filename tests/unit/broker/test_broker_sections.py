"""What the broker changes in an encoded message, and what it leaves alone."""

from __future__ import annotations

import pytest

from syncproton.broker.sections import address_of, read_sections, returned
from syncproton.codec import Described, encode, symbol, ulong
from syncproton.message import Message


def decoded(payload: bytes) -> Message:
    message = Message()
    message.decode(payload)
    return message


def test_a_failed_attempt_is_counted() -> None:
    payload = Message(body="x").encode()
    for count in range(1, 4):
        payload = returned(payload, failed=True)
        assert decoded(payload).delivery_count == count


def test_the_count_goes_on_from_the_sender_s() -> None:
    payload = Message(body="x", delivery_count=300).encode()
    assert decoded(returned(payload, failed=True)).delivery_count == 301


def test_the_rest_is_as_it_was() -> None:
    message = Message(body={"a": [1, 2.5, b"\0"]}, durable=True, priority=7, ttl=2.5, id="id", subject="s",
                      properties={"p": 1}, annotations={symbol("x-opt-a"): 1}, instructions={symbol("x-opt-i"): 2})
    payload = message.encode()
    after = decoded(returned(payload, failed=True))
    message.delivery_count = 1
    assert repr(after) == repr(message)
    # Not only equal: the very bytes after the header.
    assert returned(payload, failed=True).endswith(payload[payload.index(b"\x00\x53\x71"):])


def test_a_message_without_a_header_gets_one() -> None:
    payload = encode(Described(ulong(0x77), "x"))
    after = returned(payload, failed=True)
    assert after.endswith(payload)
    assert decoded(after).delivery_count == 1


def test_a_release_changes_nothing() -> None:
    payload = Message(body="x").encode()
    assert returned(payload, failed=False) is payload


def test_whoever_is_next_is_not_the_first_acquirer() -> None:
    payload = Message(body="x", first_acquirer=True).encode()
    after = decoded(returned(payload, failed=False))
    assert not after.first_acquirer and after.delivery_count == 0


def test_annotations_are_added_and_replaced() -> None:
    payload = Message(body="x", annotations={symbol("x-opt-a"): 1, symbol("x-opt-b"): 2},
                      instructions={symbol("x-opt-i"): 3}).encode()
    after = decoded(returned(payload, failed=False, annotations={symbol("x-opt-b"): 4, symbol("x-opt-c"): 5}))
    assert after.annotations == {"x-opt-a": 1, "x-opt-b": 4, "x-opt-c": 5}
    assert after.instructions == {"x-opt-i": 3}
    assert after.body == "x"


def test_annotations_where_there_were_none() -> None:
    after = decoded(returned(Message(body="x").encode(), failed=True, annotations={symbol("x-opt-a"): 1}))
    assert after.annotations == {"x-opt-a": 1} and after.body == "x" and after.delivery_count == 1


@pytest.mark.parametrize("descriptor", [
    b"\x00\x53\x70", b"\x00\x80\x00\x00\x00\x00\x00\x00\x00\x70", b"\x00\xa3\x10amqp:header:list"])
def test_every_form_of_a_section_s_code_is_read(descriptor: bytes) -> None:
    payload = descriptor + encode([True]) + encode(Described(ulong(0x77), "x"))
    after = decoded(returned(payload, failed=True))
    assert after.durable and after.delivery_count == 1 and after.body == "x"


@pytest.mark.parametrize("payload", [
    b"\x00\x53\x70",
    b"\x00\x53\x70\xc0\xff\xff",
    b"\x00\x53\x70\x40",
    b"\x00\x53\x70" + encode([None, None, None, None, "not a number"]),
])
def test_what_is_not_a_message_is_left_alone(payload: bytes) -> None:
    assert returned(payload, failed=True, annotations={symbol("x-opt-a"): 1}) == payload
    assert address_of(payload) is None


def test_the_address_of_a_message() -> None:
    assert address_of(Message(body="x", address="a/b").encode()) == "a/b"
    assert address_of(Message(body="x", address="a", durable=True, annotations={symbol("x-opt-a"): 1},
                              instructions={symbol("x-opt-b"): 1}).encode()) == "a"


@pytest.mark.parametrize("payload", [
    b"",
    b"\x00",
    b"rubbish",
    Message(body="x").encode(),
    encode(Described(ulong(0x77), "x")),
    encode(Described(ulong(0x73), [None, None, 5])),
    b"\x00\x53\x73\xc0",
])
def test_no_address(payload: bytes) -> None:
    assert address_of(payload) is None


def test_the_sections_before_the_body() -> None:
    message = Message(body="x", priority=3, id="i", properties={"p": 1}, annotations={symbol("x-opt-a"): 2},
                      instructions={symbol("x-opt-i"): 3})
    payload = message.encode()
    sections = read_sections(payload)
    assert sections.header[1] == 3 and sections.properties[0] == "i"
    assert sections.annotations == {"x-opt-a": 2} and sections.application_properties == {"p": 1}
    assert payload[sections.size:] == b"\x00\x53\x77\xa1\x01x"


def test_sections_are_read_as_far_as_they_can_be() -> None:
    payload = Message(priority=3, id="i", properties={"p": 1}).encode()
    for end in range(len(payload)):
        sections = read_sections(payload[:end])
        assert sections.header in ([], [False, 3], [None, 3])
        assert sections.properties in ([], ["i"]) and not sections.annotations
        assert sections.application_properties in ({}, {"p": 1})
    assert read_sections(b"").size == 0
    assert read_sections(encode(Described(ulong(0x74), "no map"))).application_properties == {}
