"""Message: sending and receiving on a link, here a stand-in that keeps a record."""

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from syncproton.errors import MessageException
from syncproton.message import Message


class Delivery:
    def __init__(self, calls: List[Any], pending: int = 0, partial: bool = False) -> None:
        self.calls = calls
        self.pending = pending
        self.partial = partial

    def settle(self) -> None:
        self.calls.append("settle")


class Sender:
    is_sender = True

    def __init__(self, mode: int = 0) -> None:
        self.snd_settle_mode = mode
        self.calls: List[Any] = []

    def delivery_tag(self) -> str:
        return "next"

    def delivery(self, tag: Any) -> Delivery:
        self.calls.append(("delivery", tag))
        return Delivery(self.calls)

    def stream(self, data: bytes) -> int:
        self.calls.append(("stream", data))
        return len(data)

    def advance(self) -> bool:
        self.calls.append("advance")
        return True


class Receiver:
    is_sender = False

    def __init__(self, data: Optional[bytes], mode: int = 0, partial: bool = False) -> None:
        self.remote_snd_settle_mode = mode
        self.calls: List[Any] = []
        self.data = data
        self.current = None if data is None else Delivery(self.calls, len(data), partial)

    def recv(self, limit: int) -> Optional[bytes]:
        self.calls.append(("recv", limit))
        return self.data

    def advance(self) -> bool:
        self.calls.append("advance")
        return True


def test_send() -> None:
    message = Message("x")
    sender = Sender()
    delivery = message.send(sender)
    assert isinstance(delivery, Delivery)
    assert sender.calls == [("delivery", "next"), ("stream", message.encode()), "advance"]


@pytest.mark.parametrize("tag, used", [("mine", "mine"), (b"mine", b"mine"), (None, "next"), ("", "next")])
def test_send_with_a_tag(tag: Any, used: Any) -> None:
    sender = Sender()
    Message("x").send(sender, tag=tag)
    assert sender.calls[0] == ("delivery", used)


def test_send_settled() -> None:
    sender = Sender(mode=1)
    Message("x").send(sender)
    assert sender.calls[-2:] == ["advance", "settle"]


def test_a_message_that_cannot_be_encoded_leaves_nothing_behind() -> None:
    sender = Sender()
    with pytest.raises(MessageException):
        Message(object()).send(sender)
    assert sender.calls == []


def test_recv() -> None:
    encoded = Message("x", subject="s").encode()
    receiver = Receiver(encoded)
    message = Message("old", durable=True)
    assert message.recv(receiver) is receiver.current
    assert (message.body, message.subject, message.durable) == ("x", "s", False)
    assert receiver.calls == [("recv", len(encoded)), "advance"]


def test_recv_settled() -> None:
    receiver = Receiver(Message("x").encode(), mode=1)
    Message().recv(receiver)
    assert receiver.calls[-2:] == ["advance", "settle"]


@pytest.mark.parametrize("link", [Sender(), Receiver(None), Receiver(b"", partial=True)])
def test_nothing_to_receive(link: Any) -> None:
    message = Message("old")
    assert message.recv(link) is None
    assert message.body == "old" and link.calls == []


def test_recv_of_an_empty_delivery() -> None:
    receiver = Receiver(b"")
    message = Message("old")
    assert message.recv(receiver) is receiver.current
    assert message.body is None


def test_a_bad_message_does_not_stop_the_link() -> None:
    receiver = Receiver(b"nonsense", mode=1)
    with pytest.raises(MessageException):
        Message().recv(receiver)
    assert receiver.calls == [("recv", 8), "advance", "settle"]
