"""Whatever bytes a sender calls a message: the broker makes of them what it can, and nothing escapes."""

from __future__ import annotations

from typing import List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from syncproton.broker.fields import NAMES
from syncproton.broker.filters import Selector
from syncproton.broker.sections import address_of, lifetime_of, read_sections, returned, with_ttl
from syncproton.codec import symbol
from syncproton.message import Message

WHOLE = Message(
    body="x", durable=True, priority=7, ttl=30.0, delivery_count=1, id="one", user_id=b"me", address="to", subject="s",
    reply_to="r", correlation_id=5, content_type="text/plain", expiry_time=2000.0, creation_time=1000.0, group_id="g",
    group_sequence=3, properties={"colour": "green", "n": 5, "list": [1, {"a": 2}]}, annotations={symbol("x-opt-a"): 1},
    instructions={symbol("x-opt-i"): 2}).encode()

ASKED = (*NAMES, "colour", "n", "list", '"m.x-opt-a"', "JMSMessageID", "JMSCorrelationID", "JMSPriority",
         "JMSDeliveryMode", "JMSTimestamp", "JMSType", "JMSXGroupSeq", "JMSXUserID")
SELECTORS = [
    Selector(f"{name} = 'x' OR {name} > 1 OR {name} IS NULL OR {name} LIKE '%x' OR {name} OR {name} + 1 = 2")
    for name in ASKED]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4),
       st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)))
def test_damaged_messages_are_no_trouble(changes: List[Tuple[int, int]], start: int, end: int) -> None:
    damaged = bytearray(WHOLE)
    for position, value in changes:
        damaged[position] = value
    # Mostly a change or two; sometimes a part is cut out, too.
    payload = bytes(damaged[:start] + damaged[end:]) if end > start else bytes(damaged)
    address_of(payload)
    assert isinstance(returned(payload, True, {symbol("a"): 1}), bytes)
    sections = read_sections(payload)
    for selector in SELECTORS:
        assert selector.matches(sections) in (True, False)
    lifetime = lifetime_of(payload)
    if lifetime.ttl is not None:
        assert lifetime_of(with_ttl(payload, 5)) == lifetime._replace(ttl=5)
