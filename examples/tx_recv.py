"""Receive messages in transactions: those of a batch are all taken from the queue, or none of them is.

Needs a broker that has transactions, and something in its queue:

    python -m syncproton broker
    python simple_send.py --messages 100
    python tx_recv.py --messages 100 --batch 10

Stop it in the middle of a batch, and the messages of that batch are in the queue again.
"""

import argparse
import logging
import sys

from syncproton.handlers import TransactionalClientHandler
from syncproton.reactor import Container


class Receive(TransactionalClientHandler):
    def __init__(self, url, address, count, batch):
        # Credit is given for each transaction anew: no message is to come while there is none.
        super().__init__(prefetch=0)
        self.url = url
        self.address = address
        self.count = count
        self.batch = batch
        self.received = 0
        self.committed = 0

    def on_start(self, event):
        self.container = event.container
        self.connection = event.container.connect(self.url, reconnect=False)
        self.receiver = event.container.create_receiver(self.connection, self.address)
        event.container.declare_transaction(self.connection, handler=self)

    def on_transaction_declared(self, event):
        self.transaction = event.transaction
        self.receiver.flow(min(self.batch, self.count - self.committed))

    def on_message(self, event):
        self.received += 1
        print(event.message.body)
        self.accept(event.delivery, self.transaction)
        if self.received in (self.committed + self.batch, self.count):
            self.transaction.commit()

    def on_transaction_committed(self, event):
        print(f"committed {self.committed + 1} to {self.received}")
        self.committed = self.received
        if self.committed < self.count:
            self.container.declare_transaction(self.connection, handler=self)
        else:
            self.connection.close()

    def on_transaction_declare_failed(self, event):
        print("no transaction was begun", file=sys.stderr)
        self.connection.close()

    def on_transaction_commit_failed(self, event):
        print(f"rolled back {self.committed + 1} to {self.received}", file=sys.stderr)
        self.connection.close()


parser = argparse.ArgumentParser(description="Receive messages in transactions.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=100, help="how many (default: %(default)s)")
parser.add_argument("-b", "--batch", type=int, default=10, help="how many in a transaction (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

receive = Receive(arguments.url, arguments.address, arguments.messages, arguments.batch)
try:
    Container(receive).run()
except KeyboardInterrupt:
    sys.exit()
if receive.committed < receive.count:
    sys.exit(f"{receive.committed} messages were received")
