"""Answer requests: take each message's text in capitals to the address that the message names as its reply-to.

Needs a broker, for instance the in-memory one:

    python -m syncproton broker
    python server.py
    python client.py

It runs until Ctrl-C. While there is no broker it goes on trying to connect.
"""

import argparse
import logging
import sys

from syncproton import Message
from syncproton.handlers import MessagingHandler
from syncproton.reactor import Container


class Server(MessagingHandler):
    def __init__(self, url, address):
        super().__init__()
        self.url = url
        self.address = address

    def on_start(self, event):
        connection = event.container.connect(self.url)
        self.receiver = event.container.create_receiver(connection, self.address)
        # A sender without an address: each message says in its `address` where it goes.
        self.replies = event.container.create_sender(connection, None)

    def on_link_opened(self, event):
        # A link that is refused is opened, too, without an address; then it is closed with the reason.
        if event.link == self.receiver and self.receiver.remote_source.address:
            print("waiting for requests", flush=True)

    def on_message(self, event):
        request = event.message
        print(f"request: {request.body}", flush=True)
        self.replies.send(Message(address=request.reply_to, correlation_id=request.correlation_id,
                                  body=str(request.body).upper()))


parser = argparse.ArgumentParser(description="Answer requests.")
parser.add_argument("url", nargs="?", default="amqp://127.0.0.1:5672", help="the broker (default: %(default)s)")
parser.add_argument("address", nargs="?", default="examples", help="the queue (default: %(default)s)")
arguments = parser.parse_args()
logging.basicConfig(format="%(message)s")  # Says why, if something fails.

try:
    Container(Server(arguments.url, arguments.address)).run()
except KeyboardInterrupt:
    sys.exit()
sys.exit("the server has ended")
