"""Send messages in transactions: those of a batch all arrive, or none of them does.

Needs a broker that has transactions:

    python -m syncproton broker
    python tx_send.py --messages 100 --batch 10
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler, TransactionHandler
from syncproton.reactor import Container


class Send(MessagingHandler, TransactionHandler):
    def __init__(self, url, address, count, batch):
        super().__init__()
        self.url = url
        self.address = address
        self.count = count
        self.batch = batch
        self.transaction = None
        self.sent = 0
        self.committed = 0

    def on_start(self, event):
        self.container = event.container
        self.connection = event.container.connect(self.url, reconnect=False)
        self.sender = event.container.create_sender(self.connection, self.address)
        event.container.declare_transaction(self.connection, handler=self)

    def on_transaction_declared(self, event):
        self.transaction = event.transaction
        self.send()

    def on_sendable(self, event):
        self.send()

    def send(self):
        # Both are needed, and either may come first: a transaction, and credit.
        while self.transaction and self.sender.credit:
            self.sent += 1
            self.transaction.send(self.sender, Message(id=self.sent, body={"sequence": self.sent}))
            if self.sent in (self.committed + self.batch, self.count):
                self.transaction.commit()
                self.transaction = None  # Over: the next batch needs a new one.

    def on_transaction_committed(self, event):
        print(f"committed {self.committed + 1} to {self.sent}")
        self.committed = self.sent
        if self.committed < self.count:
            self.container.declare_transaction(self.connection, handler=self)
        else:
            self.connection.close()

    def on_rejected(self, event):
        # Nor would the broker commit a transaction with this message in it.
        print("a message was not accepted", file=sys.stderr)
        self.connection.close()

    on_released = on_rejected

    def on_transaction_declare_failed(self, event):
        print("no transaction was begun", file=sys.stderr)
        self.connection.close()

    def on_transaction_commit_failed(self, event):
        print(f"rolled back {self.committed + 1} to {self.sent}", file=sys.stderr)
        self.connection.close()


parser = argparse.ArgumentParser(description="Send messages in transactions.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many (default: %(default)s)")
parser.add_argument("-b", "--batch", type=int, default=10, help="how many in a transaction (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

send = Send(arguments.url, arguments.address, arguments.messages, arguments.batch)
try:
    Container(send).run()
except KeyboardInterrupt:
    sys.exit()
if send.committed < send.count:
    sys.exit(f"{send.committed} messages were sent")
