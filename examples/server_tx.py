"""Answer requests, each under a transaction: a request is taken from its queue if, and only if, its answer was sent.

Needs a broker that has transactions:

    python -m syncproton broker
    python server_tx.py
    python client.py
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler, TransactionHandler
from syncproton.reactor import Container


class Server(MessagingHandler):
    def __init__(self, url, address, count):
        # Requests are accepted under a transaction, not when on_message returns.
        super().__init__(auto_accept=False)
        self.url = url
        self.address = address
        self.count = count
        self.taken = 0
        self.answered = 0

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        self.receiver = event.container.create_receiver(connection, self.address)
        # A sender without an address: each message says in its `address` where it goes.
        self.replies = event.container.create_sender(connection, None)

    def on_link_opened(self, event):
        # A link that is refused is opened, too, without an address; then it is closed with the reason.
        if event.link == self.receiver and self.receiver.remote_source.address:
            print("waiting for requests", flush=True)

    def on_message(self, event):
        if self.taken == self.count != 0:
            return  # More than were asked for: not accepted, so the broker keeps them.
        self.taken += 1
        # Each request has a handler of its own for its transaction, so several can be under way.
        event.container.declare_transaction(event.connection, handler=Answer(self, event.message, event.delivery))

    def close(self):
        # With its receiver closed it is not called for requests that are still on their way; the broker keeps them.
        self.receiver.close()
        self.receiver.connection.close()


class Answer(TransactionHandler):
    def __init__(self, server, request, delivery):
        self.server = server
        self.request = request
        self.delivery = delivery

    def on_transaction_declared(self, event):
        request = self.request
        event.transaction.send(self.server.replies, Message(
            address=request.reply_to, correlation_id=request.correlation_id, body=str(request.body).upper()))
        event.transaction.accept(self.delivery)
        event.transaction.commit()

    def on_transaction_committed(self, event):
        print(f"answered: {self.request.body}", flush=True)
        self.server.answered += 1
        if self.server.answered == self.server.count:
            self.server.close()

    def on_transaction_commit_failed(self, event):
        # The request is in its queue again. A server that is to go on must see to it that it does not come for ever.
        print(f"not answered: {self.request.body}", file=sys.stderr)
        self.server.close()

    def on_transaction_declare_failed(self, event):
        print("no transaction was begun", file=sys.stderr)
        self.server.close()


parser = argparse.ArgumentParser(description="Answer requests under transactions.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
parser.add_argument("-m", "--messages", type=int, default=0, help="how many; 0 for ever (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

server = Server(arguments.url, arguments.address, arguments.messages)
try:
    Container(server).run()
except KeyboardInterrupt:
    sys.exit()
if not arguments.messages or server.answered < arguments.messages:
    sys.exit(f"{server.answered} requests were answered")
