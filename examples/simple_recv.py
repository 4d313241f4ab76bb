"""Receive some messages, and print their bodies.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python simple_recv.py --messages 100
"""

import argparse

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class Receive(MessagingHandler):
    def __init__(self, url, count):
        super().__init__()
        self.url = url
        self.count = count
        self.received = 0

    def on_start(self, event):
        event.container.create_receiver(self.url)

    def on_message(self, event):
        if self.received == self.count:
            return  # Came while the connection was being closed.
        self.received += 1
        print(event.message.body)
        if self.received == self.count:
            event.receiver.close()
            event.connection.close()


parser = argparse.ArgumentParser(description="Receive some messages.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672/examples",
                    help="the broker and the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()

try:
    Container(Receive(arguments.url, arguments.messages)).run()
except KeyboardInterrupt:
    pass
