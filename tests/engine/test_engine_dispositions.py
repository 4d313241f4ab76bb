"""Dispositions as objects: set as a delivery's local state, told with update(), and found at the other end."""

from __future__ import annotations

from typing import Any

import pytest
from wiring import Linked, send

from syncproton.engine import (
    Condition, CustomDisposition, DeclaredDisposition, Delivery, Disposition, DispositionType, EndpointState,
    ModifiedDisposition, ReceivedDisposition, RejectedDisposition, TransactionalDisposition,
)
from syncproton.errors import DataException


def told(disposition: Disposition) -> Any:
    """What a sender is told when its receiver says this."""
    linked = Linked()
    delivery = send(linked.sender, b"x")
    linked.pump()
    current = linked.receiver.current
    assert current is not None
    current.local = disposition
    current.update()
    linked.pump()
    assert current.local is disposition and current.local_state == disposition.type == delivery.remote_state
    assert delivery.remote.type == disposition.type
    return delivery.remote


def test_received() -> None:
    remote = told(ReceivedDisposition(3, 1 << 40))
    assert isinstance(remote, ReceivedDisposition)
    assert (remote.section_number, remote.section_offset) == (3, 1 << 40)


def test_rejected() -> None:
    remote = told(RejectedDisposition(Condition("amqp:decode-error", "no", {"at": 1})))
    assert isinstance(remote, RejectedDisposition)
    assert remote.condition == Condition("amqp:decode-error", "no", {"at": 1})
    assert told(RejectedDisposition()).condition is None


def test_modified() -> None:
    remote = told(ModifiedDisposition(True, True, {"note": "x"}))
    assert isinstance(remote, ModifiedDisposition)
    assert (remote.failed, remote.undeliverable, remote.annotations) == (True, True, {"note": "x"})
    assert told(ModifiedDisposition()).failed is False


def test_declared() -> None:
    remote = told(DeclaredDisposition(b"txn"))
    assert isinstance(remote, DeclaredDisposition) and remote.id == b"txn" and remote.data == [b"txn"]


@pytest.mark.parametrize("outcome, type", [
    (None, 0), (DispositionType.ACCEPTED, DispositionType.ACCEPTED), (0x26, DispositionType.RELEASED),
    (ModifiedDisposition(failed=True), DispositionType.MODIFIED),
])
def test_transactional(outcome: Any, type: int) -> None:
    remote = told(TransactionalDisposition(b"txn", outcome))
    assert isinstance(remote, TransactionalDisposition)
    assert (remote.id, remote.outcome_type) == (b"txn", type)


def test_custom() -> None:
    remote = told(CustomDisposition(0x4321, [1, "two"]))
    assert type(remote) is Disposition and (remote.type, remote.data) == (0x4321, [1, "two"])


def test_what_is_no_disposition_and_an_update_without_any() -> None:
    linked = Linked()
    delivery = linked.sender.delivery("tag")
    with pytest.raises(TypeError):
        delivery.update()
    for bad in (None, "x", Delivery.ACCEPTED, Condition("a")):
        with pytest.raises(TypeError):
            delivery.local = bad  # type: ignore[assignment]
    delivery.local = CustomDisposition(0x4321, [object()])
    with pytest.raises(DataException):
        delivery.update()
    assert delivery.local_state == 0


def test_a_plain_state_after_a_disposition() -> None:
    linked = Linked()
    delivery = send(linked.sender, b"x")
    linked.pump()
    current = linked.receiver.current
    assert current is not None
    current.local = ModifiedDisposition(failed=True)
    current.update(Delivery.ACCEPTED)
    linked.pump()
    assert delivery.remote_state == Delivery.ACCEPTED


def test_endpoint_states_by_name() -> None:
    linked = Linked()
    assert linked.sender.state == EndpointState.LOCAL_ACTIVE | EndpointState.REMOTE_ACTIVE
    assert EndpointState(linked.sender.state) == EndpointState(18)
