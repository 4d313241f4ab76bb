"""Look at the messages of a queue, and leave them there.

Needs a broker with something in its queue:

    python -m syncproton broker
    python simple_send.py --messages 20
    python queue_browser.py
"""

import argparse
import logging
import sys

from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container, Copy

AT_A_TIME = 100


class Browse(MessagingHandler):
    def __init__(self, url, address):
        # No credit is given by itself: else the receiver would wait for messages to come.
        super().__init__(prefetch=0)
        self.url = url
        self.address = address
        self.seen = 0
        self.done = False

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        # A copy of each message comes; without this option they would be taken from the queue.
        event.container.create_receiver(connection, self.address, options=Copy())

    def on_link_opened(self, event):
        # To drain: the broker sends what there is, and gives back the credit it has no messages for.
        event.receiver.drain(AT_A_TIME)

    def on_message(self, event):
        self.seen += 1
        print(event.message.body)
        if event.receiver.credit == 0:
            event.receiver.drain(AT_A_TIME)

    def on_link_flow(self, event):
        # Credit given back means that the end of the queue is reached.
        if event.receiver.drained() and not self.done:
            print(f"{self.seen} messages are in the queue")
            self.done = True
            event.connection.close()


parser = argparse.ArgumentParser(description="Print the messages of a queue, and leave them there.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

browse = Browse(arguments.url, arguments.address)
try:
    Container(browse).run()
except KeyboardInterrupt:
    sys.exit()
if not browse.done:
    sys.exit("the end of the queue was not reached")
