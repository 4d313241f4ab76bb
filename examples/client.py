"""Send requests, one after another, and receive each answer on a temporary queue.

Needs a broker and the server:

    python -m syncproton broker
    python server.py
    python client.py
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container

REQUESTS = ["good morning", "is anybody there?", "good night"]


class Client(MessagingHandler):
    def __init__(self, url, address, requests):
        super().__init__()
        self.url = url
        self.address = address
        self.requests = list(requests)

    def on_start(self, event):
        connection = event.container.connect(self.url, reconnect=False)
        self.sender = event.container.create_sender(connection, self.address)
        # The broker makes a queue for this receiver, and tells its address when the link is open.
        self.receiver = event.container.create_receiver(connection, None, dynamic=True)

    def on_link_opened(self, event):
        # A link that is refused is opened, too, without an address; then it is closed with the reason.
        if event.link == self.receiver and self.receiver.remote_source.address:
            self.next_request()

    def next_request(self):
        reply_to = self.receiver.remote_source.address
        self.sender.send(Message(reply_to=reply_to, correlation_id=len(self.requests), body=self.requests[0]))

    def on_message(self, event):
        print(f"{self.requests.pop(0)} => {event.message.body}")
        if self.requests:
            self.next_request()
        else:
            event.connection.close()


parser = argparse.ArgumentParser(description="Send requests and print the answers.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the server's queue (default: %(default)s)")
parser.add_argument("requests", nargs="*", default=REQUESTS, help="the texts to send")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

client = Client(arguments.url, arguments.address, arguments.requests)
try:
    Container(client).run()
except KeyboardInterrupt:
    sys.exit()
if client.requests:
    sys.exit(f"{len(client.requests)} requests were not answered")
