"""Send messages to one of several brokers: to the next one when the one in use is lost.

Needs two brokers; stop the one that it is connected to while it sends:

    python -m syncproton broker --listen amqp://127.0.0.1:5672
    python -m syncproton broker --listen amqp://127.0.0.1:5673
    python failover.py amqp://127.0.0.1:5672 amqp://127.0.0.1:5673
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Backoff, Container


class Send(MessagingHandler):
    def __init__(self, urls, address, count, interval):
        super().__init__()
        self.urls = urls
        self.address = address
        self.count = count
        self.interval = interval
        self.accepted = 0
        self.under_way = None  # The tag of the delivery that is not accepted yet.

    def on_start(self, event):
        # The brokers are tried in turn; before each new round over all of them there is a longer delay.
        # Without max_tries it would go on for ever.
        connection = event.container.connect(
            urls=self.urls, reconnect=Backoff(initial=0.1, max_delay=1, factor=2, max_tries=5))
        # The link is made again with the connection.
        self.sender = event.container.create_sender(connection, self.address)

    def on_connection_opened(self, event):
        print(f"connected to {event.connection.connected_address}", flush=True)

    def on_sendable(self, event):
        self.send()

    def send(self):
        if self.sender.credit and self.under_way is None and self.accepted < self.count:
            number = self.accepted + 1
            delivery = self.sender.send(Message(id=number, durable=True, body={"sequence": number}))
            self.under_way = delivery.tag

    def on_accepted(self, event):
        if event.delivery.tag != self.under_way:
            return  # It was sent again meanwhile.
        self.under_way = None
        self.accepted += 1
        print(f"{self.accepted} accepted", flush=True)
        if self.accepted == self.count:
            event.connection.close()
        else:
            event.container.schedule(self.interval, self)

    def on_rejected(self, event):
        print("a message was not accepted", file=sys.stderr)
        event.connection.close()

    on_released = on_rejected

    def on_timer_task(self, event):
        self.send()

    def on_disconnected(self, event):
        # Nobody knows whether the broker got the message that was under way. It is sent again: better twice than never.
        self.under_way = None


parser = argparse.ArgumentParser(description="Send messages to one of several brokers.")
parser.add_argument("urls", nargs="*", default=["amqp://127.0.0.1:5672", "amqp://127.0.0.1:5673"],
                    help="the brokers (default: %(default)s)")
parser.add_argument("-a", "--address", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many (default: %(default)s)")
parser.add_argument("-i", "--interval", type=float, default=0.2, help="seconds between two (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

send = Send(arguments.urls, arguments.address, arguments.messages, arguments.interval)
try:
    Container(send).run()
except KeyboardInterrupt:
    sys.exit()
if send.accepted < send.count:
    sys.exit(f"{send.accepted} messages were accepted")
