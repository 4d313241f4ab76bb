"""Send a message and receive it again, by blocking calls.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python helloworld_blocking.py
"""

import argparse
import sys

from syncproton import Message, ProtonException
from syncproton.utils import BlockingConnection

parser = argparse.ArgumentParser(description="Send a message and receive it again, by blocking calls.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
arguments = parser.parse_args()

try:
    connection = BlockingConnection(arguments.url, timeout=10)
    receiver = connection.create_receiver(arguments.address)
    sender = connection.create_sender(arguments.address)

    sender.send(Message(body="Hello World!"))
    message = receiver.receive(timeout=10)
    print(message.body)
    receiver.accept()

    connection.close()
except KeyboardInterrupt:
    sys.exit()
except ProtonException as error:
    # A refused connection, a missing queue, a time-out: all exceptions of the library are of this class.
    sys.exit(f"{type(error).__name__}: {error}")
