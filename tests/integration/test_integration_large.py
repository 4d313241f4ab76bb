"""A message of 20 MiB: many frames, more than one window."""

from __future__ import annotations

import hashlib

from broker_under_test import BrokerUnderTest
from syncproton import Message
from syncproton.utils import BlockingConnection

SIZE = 20 * 1024 * 1024


def test_a_message_of_20_mib_arrives_whole(broker: BrokerUnderTest, address: str) -> None:
    body = hashlib.shake_256(b"20 MiB").digest(SIZE)
    connection = BlockingConnection(broker.url, timeout=60)
    try:
        connection.create_sender(address).send(Message(body=body, inferred=True))
        receiver = connection.create_receiver(address)
        received = receiver.receive(timeout=60)
        if not broker.settles_first:
            receiver.accept()
        assert received.body == body
    finally:
        connection.close()
