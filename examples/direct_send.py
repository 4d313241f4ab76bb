"""Send messages without a broker: listen, and let a receiver connect.

    python direct_send.py
    python simple_recv.py amqp://127.0.0.1:8888/examples

With proton this needs one change more than the import: there an acceptor has no `port`.
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
        self.sent = 0
        self.accepted = 0

    def on_start(self, event):
        self.acceptor = event.container.listen(self.url)
        print(f"listening on port {self.acceptor.port}", flush=True)

    def on_sendable(self, event):
        while event.sender.credit and self.sent < self.count:
            self.sent += 1
            event.sender.send(Message(id=self.sent, body={"sequence": self.sent}))

    def on_accepted(self, event):
        self.accepted += 1
        if self.accepted == self.count:
            print(f"{self.accepted} messages were accepted")
            self.acceptor.close()

    def on_disconnected(self, event):
        # What was not accepted is sent to the next receiver.
        self.sent = self.accepted


parser = argparse.ArgumentParser(description="Listen, and send some messages.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:8888", help="where to listen (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

try:
    Container(Send(arguments.url, arguments.messages)).run()
except KeyboardInterrupt:
    sys.exit()
except OSError as error:
    sys.exit(f"cannot listen: {error}")
