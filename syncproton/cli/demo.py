"""``syncproton demo``: a message through the in-memory broker, both ways a program can be written."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from syncproton.broker import Broker
from syncproton.handlers import MessagingHandler
from syncproton.message import Message
from syncproton.reactor import Container
from syncproton.utils import BlockingConnection

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add_parser"]

_ADDRESS = "examples"
_TIMEOUT = 30.0  # seconds


def add_parser(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="send and receive a message through the in-memory broker",
                                 description="Start the in-memory broker, send a message through it and receive it.")
    parser.set_defaults(run=_run)


class _HelloWorld(MessagingHandler):
    """Sends one message, and ends when it has come back."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def on_start(self, event: Any) -> None:
        connection = event.container.connect(self._url)
        event.container.create_receiver(connection, _ADDRESS)
        event.container.create_sender(connection, _ADDRESS)

    def on_sendable(self, event: Any) -> None:
        message = Message(body="Hello by callbacks!")
        print(f"sent:     {message.body}")
        event.sender.send(message)
        event.sender.close()

    def on_message(self, event: Any) -> None:
        print(f"received: {event.message.body}")
        event.connection.close()


def _run(arguments: argparse.Namespace) -> int:
    with Broker("amqp://127.0.0.1:0") as broker:
        print(f"An in-memory broker, for demos and tests, is listening on {broker.url}")
        Container(_HelloWorld(broker.url)).run()
        _by_blocking_calls(broker.url)
    return 0


def _by_blocking_calls(url: str) -> None:
    connection = BlockingConnection(url, timeout=_TIMEOUT)
    try:
        receiver = connection.create_receiver(_ADDRESS)
        message = Message(body="Hello by blocking calls!")
        connection.create_sender(_ADDRESS).send(message)
        print(f"sent:     {message.body}")
        print(f"received: {receiver.receive().body}")
        receiver.accept()
    finally:
        connection.close()
