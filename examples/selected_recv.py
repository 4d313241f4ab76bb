"""Receive only the messages that a selector is true of; the broker keeps the others.

Needs a broker that knows selectors, and a queue with messages to choose from:

    python -m syncproton broker
    python simple_send.py --messages 100
    python selected_recv.py --selector "number BETWEEN 41 AND 50" --messages 10
"""

import argparse
import logging
import sys

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, Selector


class Receive(MessagingHandler):
    def __init__(self, url, address, selector, count):
        super().__init__()
        self.url = url
        self.address = address
        self.selector = selector
        self.count = count
        self.received = 0
        self.done = False

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        # A selector sees the properties and headers of a message, not its body.
        event.container.create_receiver(connection, self.address, options=Selector(self.selector))

    def on_message(self, event):
        if self.done:
            return  # Came while the connection was being closed.
        self.received += 1
        print(event.message.body)
        if self.received == self.count:
            self.done = True
            event.receiver.close()
            event.connection.close()


parser = argparse.ArgumentParser(description="Receive the messages that a selector is true of.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-s", "--selector", default="number > 90", help="which messages (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=10, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

receive = Receive(arguments.url, arguments.address, arguments.selector, arguments.messages)
try:
    Container(receive).run()
except KeyboardInterrupt:
    sys.exit()
if not receive.done:
    sys.exit(f"{receive.received} messages were received")
