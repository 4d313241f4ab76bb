"""Types of arguments that several commands take."""

from __future__ import annotations

import argparse
from typing import Tuple

from syncproton.url import Url

__all__ = ["amqp_url", "login", "node_url", "positive", "seconds"]


def amqp_url(text: str) -> Url:
    """A URL of an AMQP peer."""
    try:
        return Url(text).require_amqp()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def node_url(text: str) -> str:
    """A URL of an AMQP peer that has a path: the address of a node."""
    if not amqp_url(text).path:
        raise argparse.ArgumentTypeError("the URL names no queue: it should read amqp://host/queue")
    return text


def login(text: str) -> Tuple[str, str]:
    """A user and a password."""
    user, colon, password = text.partition(":")
    if not user or not colon:
        # Not the text itself: it may be a password.
        raise argparse.ArgumentTypeError("it should read NAME:PASSWORD")
    return user, password


def positive(text: str) -> int:
    """A whole number above zero."""
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"not above zero: {number}")
    return number


def seconds(text: str) -> float:
    """A time in seconds, not below zero."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}")
    return number
