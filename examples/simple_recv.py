"""Receive some messages, and print their bodies.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python simple_recv.py --messages 100

While there is no broker it goes on trying to connect.
"""

import argparse
import logging
import sys

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class Receive(MessagingHandler):
    def __init__(self, url, count):
        super().__init__()
        self.url = url
        self.count = count
        self.received = 0
        self.done = False

    def on_start(self, event):
        event.container.create_receiver(self.url)

    def on_message(self, event):
        if self.done:
            return  # Came while the connection was being closed.
        self.received += 1
        print(event.message.body)
        if self.received == self.count:
            self.done = True
            event.receiver.close()
            event.connection.close()


parser = argparse.ArgumentParser(description="Receive some messages.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672/examples",
                    help="the broker and the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

receive = Receive(arguments.url, arguments.messages)
try:
    Container(receive).run()
except KeyboardInterrupt:
    sys.exit()
if not receive.done:
    sys.exit(f"{receive.received} messages were received")
