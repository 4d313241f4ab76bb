"""Encoding and decoding messages, without a connection."""

from __future__ import annotations

from typing import Any, Dict

from library import Library
from meter import Meter

__all__ = ["WORKS"]


def _message(library: Library) -> Any:
    """A message that proton encodes in 143 bytes."""
    return library.Message(
        id=7, address="examples", properties={"site": "north", "sensor": 12, "valid": True},
        body={"sequence": 7, "seen": {"degree": 21.5, "humid": 40, "spot": "roof"}})


def encode(library: Library, count: int) -> Dict[str, Any]:
    """Encode a message, which differs a little each time."""
    meter, message = Meter(), _message(library)
    meter.start()
    for number in range(count):
        message.id = number & 127
        if message.encode():
            meter.count += 1
    meter.stop()
    return meter.figures(count)


def decode(library: Library, count: int) -> Dict[str, Any]:
    """Decode a message, and look at its properties and at its body."""
    meter, data = Meter(), bytes(_message(library).encode())
    meter.start()
    for _ in range(count):
        message = library.Message()
        message.decode(data)
        if message.properties["sensor"] == 12 and message.body["seen"]["humid"] == 40:
            meter.count += 1
    meter.stop()
    return meter.figures(count)


WORKS = [encode, decode]
