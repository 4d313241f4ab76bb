"""Receive messages without a broker: listen, and let a sender connect.

    python direct_recv.py
    python simple_send.py amqp://127.0.0.1:8888/examples

With proton this needs one change more than the import: there an acceptor has no `port`.
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

    def on_start(self, event):
        self.acceptor = event.container.listen(self.url)
        print(f"listening on port {self.acceptor.port}", flush=True)

    def on_message(self, event):
        if self.received == self.count:
            return  # Came while the connection was being closed.
        self.received += 1
        print(event.message.body)
        if self.received == self.count:
            self.acceptor.close()


parser = argparse.ArgumentParser(description="Listen, and receive some messages.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:8888", help="where to listen (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

try:
    Container(Receive(arguments.url, arguments.messages)).run()
except KeyboardInterrupt:
    sys.exit()
except OSError as error:
    sys.exit(f"cannot listen: {error}")
