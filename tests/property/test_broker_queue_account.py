"""The queue, whatever its consumers do: nothing is lost, nothing is given twice, and nobody waits for what is there."""

from __future__ import annotations

from typing import Any, Dict, List, Set

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from queue_taker import ManualClock, Taker
from syncproton.broker.expiry import STEP, Expiry
from syncproton.broker.limits import Budget
from syncproton.broker.queue import Queue, QueuedMessage
from syncproton.message import Message

SELECTORS = [None, None, "n < 3", "n >= 2", "n IN ('x')"]
WANTED: Dict[Any, Any] = {
    None: lambda n: True, "n < 3": lambda n: n < 3, "n >= 2": lambda n: n >= 2, "n IN ('x')": lambda n: False}


class QueueMachine(RuleBasedStateMachine):
    """Does to a queue what connections can do, and keeps a naive account of it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.budget = Budget(1 << 20)
        self.queue = Queue("q", self.budget, 1000, Expiry(self.clock))
        self.takers: List[Taker] = []
        self.wants: Dict[int, Any] = {}
        self.serial = 0
        self.numbers: Dict[int, int] = {}  # what is in the message, by sequence number
        self.dies: Dict[int, float] = {}
        self.there: Set[int] = set()  # those not with anybody
        self.seen: Dict[int, int] = {}  # the last one that each of those who look has seen
        self.sequence = 0

    # --- what happens

    @rule(number=st.integers(0, 4), ttl=st.one_of(st.none(), st.integers(1, 3)))
    def put(self, number: int, ttl: Any) -> None:
        message = Message(body=number, properties={"n": number})
        if ttl is not None:
            message.ttl = ttl
        self.sequence += 1
        self.numbers[self.sequence] = number
        if ttl is not None:
            self.dies[self.sequence] = self.clock.now() + ttl
        self.there.add(self.sequence)
        assert self.queue.put(message.encode())
        self.settle_account()

    @rule(selector=st.sampled_from(SELECTORS), copies=st.integers(0, 3))
    def attach(self, selector: Any, copies: int) -> None:
        self.serial += 1
        self.wants[self.serial] = WANTED[selector]
        self.takers.append(Taker(self.queue, self.serial, selector, copies=copies == 0))

    @precondition(lambda self: self.takers)
    @rule(data=st.data(), credit=st.integers(1, 4))
    def flow(self, data: Any, credit: int) -> None:
        taker = data.draw(st.sampled_from(self.takers))
        at_end = taker.flow(credit)
        self.settle_account()
        assert at_end is (taker.credit > 0)

    @precondition(lambda self: any(taker.got for taker in self.takers if not taker.copies))
    @rule(data=st.data(), what=st.sampled_from(["accept", "release", "refuse"]))
    def outcome(self, data: Any, what: str) -> None:
        taker = data.draw(st.sampled_from([taker for taker in self.takers if taker.got and not taker.copies]))
        message = taker.got.pop(data.draw(st.integers(0, len(taker.got) - 1)))
        if what == "accept":
            self.queue.remove(message)
            return
        if what == "refuse":
            message.unwanted_by |= {taker.serial}
        self.give_back([message])

    @precondition(lambda self: self.takers)
    @rule(data=st.data())
    def leave(self, data: Any) -> None:
        taker = data.draw(st.sampled_from(self.takers))
        self.takers.remove(taker)
        self.queue.unsubscribe(taker)
        if not taker.copies:
            self.give_back(taker.got)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 2.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    # --- what must be so

    def give_back(self, messages: List[QueuedMessage]) -> None:
        self.there.update(message.sequence for message in messages)
        self.queue.put_back(messages)
        self.settle_account()

    def settle_account(self) -> None:
        """Note what was delivered: nobody may have got what is not for him, or what somebody else has."""
        held: List[int] = []
        for taker in self.takers:
            for message in taker.got:
                assert self.wants[taker.serial](self.numbers[message.sequence])
                if taker.copies:
                    assert message.sequence > self.seen.get(taker.serial, 0), "each once, and in order"
                    self.seen[taker.serial] = message.sequence
                else:
                    assert taker.serial not in message.unwanted_by
                    held.append(message.sequence)
            if taker.copies:
                taker.got.clear()
        assert len(held) == len(set(held)), "no message is with two consumers"
        self.there.difference_update(held)

    @invariant()
    def nobody_waits_for_what_is_there(self) -> None:
        now = self.clock.now()
        alive = {number for number in self.there if self.dies.get(number, now + 1) > now}
        refused = {message.sequence: message.unwanted_by for message in self.queue._unwanted.values()}
        for taker in self.takers:
            if not taker.credit:
                continue
            for number in alive:
                if self.wants[taker.serial](self.numbers[number]):
                    if taker.copies:
                        assert self.seen.get(taker.serial, 0) >= number
                    else:
                        assert taker.serial in refused.get(number, ())

    @invariant()
    def the_account_is_right(self) -> None:
        now = self.clock.now()
        held = sum(len(taker.got) for taker in self.takers if not taker.copies)
        surely = sum(self.dies.get(number, now + 1) > now for number in self.there)
        perhaps = sum(self.dies.get(number, now + 1) > now - STEP for number in self.there)
        assert held + surely <= self.queue.depth <= held + perhaps
        self.there = {number for number in self.there if self.dies.get(number, now + 1) > now - STEP}

    def teardown(self) -> None:
        for taker in self.takers:
            self.queue.unsubscribe(taker)
            if not taker.copies:
                self.queue.put_back(taker.got)
        self.queue.delete()
        assert self.queue.depth == 0 and self.budget.used == 0
        assert not self.queue._expiry._buckets


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
