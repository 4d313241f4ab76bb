"""What cannot be done for a peer."""

from __future__ import annotations

from syncproton.engine import Condition

__all__ = ["Refused"]


class Refused(Exception):
    """Something that a peer asks for is not done.

    :param name: the condition that the peer is told.
    :param description: why, for people.
    :ivar condition: both of them.
    """

    def __init__(self, name: str, description: str) -> None:
        super().__init__(description)
        self.condition = Condition(name, description)
