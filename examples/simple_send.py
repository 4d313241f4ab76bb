"""Send some messages, and wait until the broker has accepted each of them.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python simple_send.py --messages 100
"""

import argparse

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class Send(MessagingHandler):
    def __init__(self, url, count):
        super().__init__()
        self.url = url
        self.count = count
        self.sent = 0
        self.accepted = 0

    def on_start(self, event):
        event.container.create_sender(self.url)

    def on_sendable(self, event):
        while event.sender.credit and self.sent < self.count:
            self.sent += 1
            event.sender.send(Message(id=self.sent, body={"sequence": self.sent}))

    def on_accepted(self, event):
        self.accepted += 1
        if self.accepted == self.count:
            print(f"{self.accepted} messages were accepted")
            event.connection.close()

    def on_disconnected(self, event):
        # The connection is made again by itself; what was not accepted by then is sent again.
        self.sent = self.accepted


parser = argparse.ArgumentParser(description="Send some messages.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672/examples",
                    help="the broker and the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many (default: %(default)s)")
arguments = parser.parse_args()

try:
    Container(Send(arguments.url, arguments.messages)).run()
except KeyboardInterrupt:
    pass
