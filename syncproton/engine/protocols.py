"""Telling what a peer speaks that does not speak AMQP 1.0, for error messages that help."""

from __future__ import annotations

from typing import Sequence

from ..wire.frames import AMQP_HEADER, SASL_HEADER, TLS_HEADER

__all__ = ["not_a_header"]

_PROTOCOLS = (
    (b"HTTP/", "the peer speaks HTTP"),
    (b"\x16\x03", "the peer wants TLS"),
    (b"\x15\x03", "the peer speaks TLS"),
    (b"AMQP\x00\x00\x09\x01", "the peer speaks AMQP 0-9-1"),
    (b"AMQP\x01", "the peer speaks an older AMQP"),
    (SASL_HEADER, "the peer wants SASL"),
    (AMQP_HEADER, "the peer takes no SASL"),
    (TLS_HEADER, "the peer wants TLS in AMQP"),
)


def not_a_header(data: bytes, expected: Sequence[bytes]) -> str:
    """What to say of a stream that does not begin as it should."""
    for start, words in _PROTOCOLS:
        if data.startswith(start[:len(data)]):
            break
    else:
        words = "unknown protocol"
    return f"AMQP protocol header mismatch: {words}: expected {expected[0]!r}, got {data[:8]!r}"
