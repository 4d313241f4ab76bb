"""Send some messages, and wait until the broker has accepted each of them.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python simple_send.py --messages 100

While there is no broker it goes on trying to connect.
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class Send(MessagingHandler):
    def __init__(self, url, count):
        super().__init__()
        self.url = url
        self.count = count
        self.unsent = list(range(1, count + 1))
        self.under_way = {}  # The numbers of the messages that are not accepted yet, by the tags of their deliveries.
        self.accepted = 0

    def on_start(self, event):
        event.container.create_sender(self.url)

    def on_sendable(self, event):
        while event.sender.credit and self.unsent:
            number = self.unsent.pop(0)
            delivery = event.sender.send(
                Message(id=number, properties={"number": number}, body={"sequence": number}))
            self.under_way[delivery.tag] = number

    def on_accepted(self, event):
        if event.delivery.tag not in self.under_way:
            return  # The connection was lost, and it was sent again.
        del self.under_way[event.delivery.tag]
        self.accepted += 1
        if self.accepted == self.count:
            print(f"{self.accepted} messages were accepted")
            event.connection.close()

    def on_rejected(self, event):
        print("a message was not accepted", file=sys.stderr)
        event.connection.close()

    on_released = on_rejected

    def on_disconnected(self, event):
        # The connection is made again by itself; what was not accepted by then is sent again.
        self.unsent = sorted(self.under_way.values()) + self.unsent
        self.under_way.clear()


parser = argparse.ArgumentParser(description="Send some messages.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672/examples",
                    help="the broker and the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

send = Send(arguments.url, arguments.messages)
try:
    Container(send).run()
except KeyboardInterrupt:
    sys.exit()
if send.accepted < send.count:
    sys.exit(f"{send.accepted} messages were accepted")
